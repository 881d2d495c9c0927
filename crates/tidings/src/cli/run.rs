//! `tidings run`.

use std::{path::PathBuf, process::ExitCode, time::Duration};

use clap::{Args, ValueEnum};
use event::Stop;

use crate::{
    app::{self, Input},
    check,
    cli::metrics::MetricsArgs,
    exit::Failure,
    logging,
    ops::{Address, Served},
    settings::Settings,
};

/// Arguments of `tidings run`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings run                                   events of the current kubeconfig context, readable
  tidings run --config config.yaml              a kubernetes-event-exporter config, unchanged
  kubectl get events -A -o json --watch --output-watch-events | tidings run --source -
  tidings run --source events.json --config config.yaml

Exit codes: 0 fine, 1 failed while running or not everything could be sent, 2 wrong usage,
3 wrong config, 4 cannot start.")]
pub struct RunArgs {
    /// Config file; without one, everything goes to the terminal as readable lines
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Do not start with a config that `tidings check` warns of
    #[arg(long, requires = "config")]
    strict: bool,
    /// Kubeconfig file [default: in-cluster, else KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Folder for the journal and the watch position; must be on a disk of this machine
    #[arg(long, value_name = "DIR", env = "TIDINGS_STATE")]
    state: Option<PathBuf>,
    /// Read events from a file, or from standard input with `-`, instead of a cluster
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["kubeconfig", "context"])]
    source: Option<PathBuf>,
    /// With --source: how long to wait, after the input has ended, until everything is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    drain_timeout: u64,
    #[command(flatten)]
    metrics: MetricsArgs,
    /// What to ask the API server for; it answers JSON where it has no protobuf
    #[arg(long, value_enum, default_value_t = Encoding::Protobuf, env = "TIDINGS_API_ENCODING")]
    api_encoding: Encoding,
}

/// What to ask the API server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Encoding {
    /// Half the bytes, a fraction of the work.
    Protobuf,
    /// What every proxy understands.
    Json,
}

/// Runs until `stop` fires, or the source has ended.
pub async fn run(args: RunArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let RunArgs { config, strict, kubeconfig, context, state, source, drain_timeout, .. } = args;
    let settings = match &config {
        Some(path) => check::accepted(path, strict)?,
        None => Settings::for_terminal(),
    };
    logging::start(&settings.log_level, settings.log_format);
    let input = match source {
        Some(path) => Input::Source { path, drain_timeout: Duration::from_secs(drain_timeout) },
        None => Input::Cluster {
            kubeconfig,
            context,
            json: args.api_encoding == Encoding::Json,
            // A person at a terminal wants to know at once; a service waits for its cluster.
            patient: config.is_some(),
        },
    };
    let usual = if config.is_some() { Address::usual() } else { Address::OFF };
    let served = Served::of(&settings, args.metrics, usual)?;
    app::run(settings, input, state, served, stop).await
}
