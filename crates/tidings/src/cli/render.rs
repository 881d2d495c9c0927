//! `tidings render`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::Args;
use event::{Stop, SystemClock};

use crate::{
    exit::{self, Failure},
    inputs,
    offline::{self, Offline},
    output::{self, Next, visible},
    receiver_texts,
};

/// Arguments of `tidings render`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings render --config config.yaml --receiver alerts event.json
  kubectl get events -o json | tidings render --config config.yaml --receiver alerts --headers
  tidings render --config config.yaml --receiver alerts event.json | jq .

Standard output is exactly what the receiver would be given, for each event by itself; between bodies \
without a line end there is one. An event whose template fails is told on standard error, and the others \
follow. Every event of the input is rendered: `tidings route` says which of them the receiver gets.

Exit codes: 0 fine, 1 an event cannot be rendered or is none, 2 wrong usage, 3 wrong config, 4 no input.")]
pub struct RenderArgs {
    /// The config
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Name of the receiver
    #[arg(long, short, value_name = "NAME")]
    receiver: String,
    /// Events: a list, one a line, YAML, messages of a watch [default: standard input]
    #[arg(value_name = "EVENTS|-")]
    events: Option<PathBuf>,
    /// Say on standard error where each would go and with which headers; secrets are masked
    #[arg(long)]
    headers: bool,
}

/// Prints what the receiver would be given.
pub async fn run(args: RenderArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let RenderArgs { config, receiver, events, headers } = args;
    let mut offline = Offline::load(&config)?;
    let receiver = offline.receiver(&receiver)?.clone();
    let sink = offline::connect(&receiver, Arc::new(SystemClock)).await?;
    let (mut bodies, mut failed) = (output::Bodies::default(), 0u64);
    inputs::each(events.as_deref(), &stop, |event| {
        let batch = vec![Arc::new(offline.arrive(event))];
        let name = visible(&batch[0].metadata.name);
        let payloads = sink.encode(&batch).unwrap_or_else(|rejected| {
            failed += 1;
            output::tell(&format!("error: {name}: {}\n", visible(&rejected.reason)));
            Vec::new()
        });
        for payload in payloads {
            if headers {
                let request = receiver_texts::request(&receiver, &payload);
                output::tell(&format!("{name}: {request}"));
            }
            if bodies.print(&payload)? == Next::Enough {
                return Ok(Next::Enough);
            }
        }
        Ok(Next::More)
    })
    .await?;
    bodies.end()?;
    Ok(if failed == 0 { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}
