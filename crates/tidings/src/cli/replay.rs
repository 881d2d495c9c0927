//! `tidings replay`.

use std::process::ExitCode;

use clap::Args;
use serde_json::Value;

use super::{moment, state::FolderArgs};
use crate::{
    cli::check::Format,
    control::{Request, ask},
    exit::Failure,
    output::{Next, print},
};

/// Arguments of `tidings replay`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings replay --receiver archive --since 2h
  tidings replay --receiver archive --since 2026-11-20T02:10:00Z --until 2026-11-20T03:00:00Z

What happened in that time, was done with, and is still in the journal is sent once more, after what waits. It keeps \
its id, and a webhook is told with the header `Tidings-Replay`. What waits is not sent twice; what is parked is taken \
up with `tidings parked retry`.

Exit codes: 0 fine, 1 failed, 2 wrong usage, 4 the folder cannot be used.")]
pub struct ReplayArgs {
    /// Name of the receiver
    #[arg(long, short, value_name = "NAME")]
    receiver: String,
    /// From when on: `2h` is two hours ago; or a time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: i64,
    /// Until when, that moment left out [default: now]
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    until: Option<i64>,
    #[command(flatten)]
    folder: FolderArgs,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Does it, and says how many events it was.
pub async fn run(args: ReplayArgs) -> Result<ExitCode, Failure> {
    let ReplayArgs { receiver, since, until, folder, format } = args;
    let request = Request::Replay { receiver, since, until };
    let done = ask(folder.look()?, request, &mut |_| Ok(Next::More)).await?;
    let done = done.unwrap_or_default();
    print(match format {
        Format::Json => format!("{done}\n"),
        Format::Text => told(&done),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn told(done: &Value) -> String {
    let (events, receiver) = (&done["replayed"], done["receiver"].as_str().unwrap_or_default());
    let oldest = match done["oldest"].as_str() {
        Some(oldest) => format!("the oldest event in the journal happened at {oldest}"),
        None => "the journal is empty".into(),
    };
    format!("{events} events for {receiver} are sent once more; {oldest}\n")
}
