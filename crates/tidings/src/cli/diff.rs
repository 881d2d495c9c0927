//! `tidings diff`.

use std::{path::PathBuf, process::ExitCode, sync::Arc};

use clap::{Args, ValueEnum};
use event::{Stop, SystemClock};

use crate::{
    comparing::{
        Comparison,
        record::{self, Record, Records},
        report::{self, Skipped},
    },
    exit::{self, Failure},
    inputs,
    offline::{self, Offline, Replay},
    output::{self, Next, visible},
};

/// Arguments of `tidings diff`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings run --config config.yaml --shadow --shadow-out shadow.ndjson
  tidings diff --theirs old.ndjson --ours shadow.ndjson --receiver archive
  tidings diff --theirs old.ndjson --config config.yaml --receiver archive events.json

`old.ndjson` is what kubernetes-event-exporter has written or posted: one payload a line, as its receivers \
`file` and `stdout` write it; lines of its log between them are passed over. Payloads are paired by uid and \
resourceVersion where they have them, else by their bytes, else by what they have most in common. What \
differs is told with its reason: a row of docs/reference/differences.md, or `unknown`.

Exit codes: 0 the same on both sides, 1 not, 2 wrong usage, 3 wrong config, 4 a file cannot be read.")]
pub struct DiffArgs {
    /// What kubernetes-event-exporter wrote, one payload a line
    #[arg(long, value_name = "FILE")]
    theirs: PathBuf,
    /// What `tidings run --shadow` wrote, or a receiver of ours
    #[arg(long, value_name = "FILE", required_unless_present = "config")]
    ours: Option<PathBuf>,
    /// Instead of --ours: route and render EVENTS with this config
    #[arg(long, short, value_name = "FILE", requires = "receiver", conflicts_with = "ours")]
    config: Option<PathBuf>,
    /// Name of the receiver
    #[arg(long, short, value_name = "NAME")]
    receiver: Option<String>,
    /// With --config: a list, one a line, YAML, messages of a watch [default: standard input]
    #[arg(value_name = "EVENTS|-", requires = "config")]
    events: Option<PathBuf>,
    /// How many of each sort are shown
    #[arg(long, value_name = "NUMBER", default_value_t = 10)]
    show: usize,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// For whom the report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people.
    Text,
    /// One document with everything.
    Json,
}

/// Compares, and says how the two sides differ.
pub async fn run(args: DiffArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let DiffArgs { theirs, ours, config, receiver, events, show, format } = args;
    let theirs = record::theirs(&theirs)?;
    let ours = match (ours, config, &receiver) {
        (Some(ours), ..) => record::ours(&ours, receiver.as_deref())?,
        (None, Some(config), Some(receiver)) => {
            let offline = Offline::load(&config)?;
            rendered(offline, receiver, events.as_deref(), &stop).await?
        }
        _ => {
            return Err(Failure::usage(anyhow::anyhow!("give --ours, or --config and --receiver")));
        }
    };
    let skipped = Skipped::of(&theirs, &ours);
    let found = Comparison::of(theirs.records, ours.records);
    output::print(match format {
        Format::Text => report::text(&found, skipped, show, output::has_colors()),
        Format::Json => report::json(&found, skipped),
    })?;
    Ok(if found.is_equal() { ExitCode::SUCCESS } else { ExitCode::from(exit::FAILED) })
}

/// What the receiver gets of these events, after routing and with its repeats.
async fn rendered(
    offline: Offline,
    receiver: &str,
    events: Option<&std::path::Path>,
    stop: &Stop,
) -> Result<Records, Failure> {
    let receiver = offline.receiver(receiver)?.clone();
    let sink = offline::connect(&receiver, Arc::new(SystemClock)).await?;
    let mut replay = Replay::new(offline);
    inputs::each(events, stop, |event| {
        replay.take(event);
        Ok(Next::More)
    })
    .await?;
    let mut records = Records::default();
    for event in replay.sent_to(&receiver.name).await? {
        match sink.encode(&vec![Arc::clone(&event)]) {
            Ok(payloads) => records.records.extend(payloads.iter().map(|payload| {
                let mut record = Record::new(&String::from_utf8_lossy(&payload.body), 0);
                record.uid = event.metadata.uid.to_string();
                record.revision = event.metadata.resource_version.to_string();
                record.name = event.metadata.name.to_string();
                record
            })),
            Err(rejected) => {
                let (name, why) = (visible(&event.metadata.name), visible(&rejected.reason));
                output::tell(&format!("error: {name}: {why}\n"));
                records.skipped += 1;
            }
        }
    }
    Ok(records)
}
