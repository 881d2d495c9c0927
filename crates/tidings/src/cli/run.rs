//! `tidings run`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use event::Stop;

use crate::{
    app::{self, Output},
    check,
    cli::{input::InputArgs, metrics::MetricsArgs},
    exit::Failure,
    logging,
    ops::{Address, Served},
    reloading::Config,
    settings::{Footprint, Settings},
    shadow::Shadow,
};

/// Arguments of `tidings run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings run                                   events of the current kubeconfig context, readable
  tidings run --config config.yaml              a kubernetes-event-exporter config, unchanged
  kubectl get events -A -o json --watch --output-watch-events | tidings run --source -
  tidings run --source events.json --config config.yaml
  tidings run --config config.yaml --shadow     sends nothing; see `tidings diff`

Exit codes: 0 fine, 1 failed while running or not everything could be sent, 2 wrong usage,
3 wrong config, 4 cannot start.")]
pub struct RunArgs {
    /// Config file; without one, everything goes to the terminal as readable lines
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do not start with a config that `tidings check` warns of
    #[arg(long, requires = "config")]
    strict: bool,
    /// Folder for the journal and the watch position; must be on a disk of this machine
    #[arg(long, value_name = "DIR", env = "TIDINGS_STATE")]
    state: Option<PathBuf>,
    #[command(flatten)]
    input: InputArgs,
    /// Do everything but sending; what would be sent is written down, one JSON object a line
    #[arg(long)]
    shadow: bool,
    /// With --shadow: the file to append to [default: standard output]
    #[arg(long, value_name = "FILE", requires = "shadow")]
    shadow_out: Option<PathBuf>,
    #[command(flatten)]
    metrics: MetricsArgs,
}

/// Runs until `stop` fires, or the source has ended.
pub async fn run(args: RunArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let RunArgs { config, strict, input, state, shadow, shadow_out, .. } = args;
    let (settings, footprint) = match &config {
        Some(path) => check::startable(path, strict).await?,
        None => (Settings::for_terminal(), Footprint::default()),
    };
    logging::start(&settings.log_level, settings.log_format);
    // A person at a terminal wants to know at once; a service waits for its cluster.
    let input = input.input(config.is_some());
    let shadow = shadow.then(|| Shadow::open(shadow_out.as_deref())).transpose()?;
    let usual = if config.is_some() { Address::usual() } else { Address::OFF };
    let served = Served::of(&settings, args.metrics, usual)?;
    let reload = |path| Config::of(path, strict, footprint);
    let config = config.filter(|_| input.is_cluster()).map(reload).transpose()?;
    app::run(settings, input, Output { state, shadow, config }, served, stop).await
}
