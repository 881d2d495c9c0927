//! `tidings route`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};
use event::Stop;

use crate::{exit::Failure, inputs, offline::Offline, output, routing};

/// Arguments of `tidings route`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings route --config config.yaml events.json
  kubectl get events -A -o json | tidings route --config config.yaml --format text
  tidings route --config config.yaml events.json | jq -c 'select(.receivers == [])'

Each event is one line: {\"uid\", \"name\", \"receivers\", \"path\"}, where `path` holds, for each receiver, \
the rule that sends to it. `dropped` names the drop rules that ended the way, `unmatched`, where nobody gets \
the event, the conditions that do not hold.

The API does not tell labels, annotations, owners or deletion of the object, nor labels of the namespace. \
Where rules ask for them, `labels` is \"unknown\", `dependsOn` names the conditions, and `ifMatch` and \
`ifNot` tell the receivers both ways; `receivers` is what happens when nothing can be looked up. Documents that \
kubernetes-event-exporter or Tidings have written tell what they know.

The tree decides here, and nothing else: `repeats` and the age of an event do not count.

Exit codes: 0 fine, 1 something in the input is no event, 2 wrong usage, 3 wrong config, 4 no input.")]
pub struct RouteArgs {
    /// The config
    #[arg(long, short, value_name = "FILE")]
    config: PathBuf,
    /// Events: a list, one a line, YAML, messages of a watch [default: standard input]
    #[arg(value_name = "EVENTS|-")]
    events: Option<PathBuf>,
    /// For programs or for people
    #[arg(long, value_enum, default_value_t = Format::Json)]
    format: Format,
}

/// For whom the lines are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// One JSON object a line.
    Json,
    /// For people.
    Text,
}

/// Says of each event whom it reaches.
pub async fn run(args: RouteArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let RouteArgs { config, events, format } = args;
    let mut offline = Offline::load(&config)?;
    inputs::each(events.as_deref(), &stop, |event| {
        let event = offline.arrive(event);
        let why = offline.router.explain(&event, offline.known(&event));
        output::print(match format {
            Format::Json => routing::json(&offline, &event, &why),
            Format::Text => routing::text(&offline, &event, &why),
        })
    })
    .await?;
    Ok(ExitCode::SUCCESS)
}
