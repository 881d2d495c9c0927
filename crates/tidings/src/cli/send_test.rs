//! `tidings send-test`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use event::{Clock, Stop, SystemClock};

use crate::{
    exit::{self, Failure},
    inputs,
    offline::{self, Offline},
    output, trial,
};

/// Arguments of `tidings send-test`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings send-test --config config.yaml --receiver alerts
  tidings send-test --config config.yaml --all
  tidings send-test --config config.yaml --receiver alerts --event event.json

The event has the reason `TidingsTest`, and its message says who sent it and when. It takes the way of \
every event from the layout on: encoded, sent and judged as in a run, once, without the routing tree.

Exit codes: 0 every receiver took it, 1 one did not, 2 wrong usage, 3 wrong config, 4 no input.")]
pub struct SendTestArgs {
    /// The config
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Name of a receiver; may be given several times
    #[arg(long = "receiver", short, value_name = "NAME", required_unless_present = "all")]
    receivers: Vec<String>,
    /// To every receiver of the config
    #[arg(long, conflicts_with = "receivers")]
    all: bool,
    /// Send this event instead, marked in its message
    #[arg(long, value_name = "FILE")]
    event: Option<PathBuf>,
}

/// Sends it, and says what became of it.
pub async fn run(args: SendTestArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let SendTestArgs { config, receivers, all, event } = args;
    let mut offline = Offline::load(&config)?;
    let named: Vec<_> = if all {
        offline.settings.receivers.clone()
    } else {
        let named = receivers.iter().map(|name| offline.receiver(name).cloned());
        named.collect::<Result<_, _>>()?
    };
    let own = match event {
        Some(path) => Some(inputs::one(&path, &stop).await?),
        None => None,
    };
    let (who, clock) = (trial::who(), Arc::new(SystemClock));
    let mut all_taken = true;
    for receiver in &named {
        let now = clock.now();
        let event = match &own {
            Some(event) => trial::mark(offline.arrive(event.clone()), &who, now),
            None => offline.arrive(trial::event(&receiver.name, &who, now)),
        };
        let sink = offline::connect(receiver, Arc::<SystemClock>::clone(&clock)).await?;
        let (text, is_taken) = tokio::select! {
            () = stop.fired() => return Err(Failure::failed(anyhow::anyhow!("stopped"))),
            sent = trial::send(receiver, sink, event) => sent,
        };
        output::print(text)?;
        all_taken &= is_taken;
    }
    Ok(if all_taken { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}
