//! `tidings parked`: events that a receiver refused for good, kept for people.

use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{moment, state::FolderArgs};
use crate::{
    cli::check::Format,
    control::{Request, Which, ask},
    exit::{self, Failure},
    output::{self, Next, print, visible},
};

/// Arguments of `tidings parked`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings parked list --receiver alerts --since 2h
  tidings parked show alerts/4711              the whole event, and what the receiver said
  tidings parked retry alerts/4711             sends it once more, after what waits
  tidings parked retry --receiver alerts       all of that receiver
  tidings parked discard --reason FailedMount  gives them up

Exit codes: 0 fine, 1 failed, or no such event, 2 wrong usage, 4 the folder cannot be used.")]
pub struct ParkedArgs {
    #[command(subcommand)]
    command: ParkedCommand,
    #[command(flatten)]
    folder: FolderArgs,
}

#[derive(Debug, Subcommand)]
enum ParkedCommand {
    /// One line an event: its id, when and why it was parked, what it is about
    List {
        #[command(flatten)]
        filter: Filter,
        /// For people or for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// The whole event with the receiver's words, as JSON
    Show {
        /// As `list` shows it: the receiver and a number
        #[arg(value_name = "ID", required = true)]
        ids: Vec<String>,
    },
    /// Send again
    Retry {
        #[command(flatten)]
        meant: Meant,
    },
    /// Give up; it is counted as discarded
    Discard {
        #[command(flatten)]
        meant: Meant,
    },
}

#[derive(Debug, Args)]
struct Filter {
    /// Of this receiver
    #[arg(long, short, value_name = "NAME")]
    receiver: Option<String>,
    /// Events of this namespace
    #[arg(long, short, value_name = "NAME")]
    namespace: Option<String>,
    /// Events with this reason
    #[arg(long, value_name = "WORD")]
    reason: Option<String>,
    /// Parked since then: `2h` is two hours ago; or a time
    #[arg(long, value_name = "TIME", value_parser = moment::parse)]
    since: Option<i64>,
}

/// What is to be changed must be said.
#[derive(Debug, Args)]
struct Meant {
    /// As `list` shows them: the receiver and a number
    #[arg(value_name = "ID")]
    ids: Vec<String>,
    #[command(flatten)]
    filter: Filter,
    /// Everything that is parked
    #[arg(long, conflicts_with_all = ["ids", "receiver", "namespace", "reason", "since"])]
    all: bool,
}

impl Filter {
    fn which(self, ids: Vec<String>) -> Which {
        let Self { receiver, namespace, reason, since } = self;
        Which { ids, receiver, namespace, reason, since }
    }
}

impl Meant {
    fn which(self) -> Result<Which, Failure> {
        let which = self.filter.which(self.ids);
        if which == Which::default() && !self.all {
            let error = anyhow::anyhow!("it is not said which events are meant");
            return Err(Failure::usage(error).hint("give ids, a filter, or --all"));
        }
        Ok(which)
    }
}

/// Does what is asked.
pub async fn run(args: ParkedArgs) -> Result<ExitCode, Failure> {
    let look = || args.folder.look();
    match args.command {
        ParkedCommand::List { filter, format } => {
            let request = Request::Parked { which: filter.which(Vec::new()), whole: false };
            let mut each = |item: Value| match format {
                Format::Json => print(format!("{item}\n")),
                Format::Text => print(line(&item)),
            };
            let done = ask(look()?, request, &mut each).await?;
            if format == Format::Text && done.is_some_and(|done| done["parked"] == 0) {
                output::tell("nothing is parked\n");
            }
            Ok(ExitCode::SUCCESS)
        }
        ParkedCommand::Show { ids } => {
            let asked = ids.len() as u64;
            let which = Which { ids, ..Which::default() };
            let request = Request::Parked { which, whole: true };
            let mut each = |item: Value| print(format!("{item:#}\n"));
            let done = ask(look()?, request, &mut each).await?;
            Ok(all_were_there(done.as_ref(), "parked", asked))
        }
        ParkedCommand::Retry { meant } => {
            let which = meant.which()?;
            let asked = which.ids.len() as u64;
            let done = ask(look()?, Request::Retry { which }, &mut |_| Ok(Next::More)).await?;
            if let Some(done) = &done {
                let left = match done["left"].as_u64() {
                    None | Some(0) => String::new(),
                    Some(left) => format!(
                        "; {left} stay, because they cannot be read or their receiver is gone"
                    ),
                };
                print(format!("{} events are sent again{left}\n", done["retried"]))?;
            }
            Ok(all_were_there(done.as_ref(), "retried", asked))
        }
        ParkedCommand::Discard { meant } => {
            let which = meant.which()?;
            let asked = which.ids.len() as u64;
            let done = ask(look()?, Request::Discard { which }, &mut |_| Ok(Next::More)).await?;
            if let Some(done) = &done {
                print(format!("{} events are given up\n", done["discarded"]))?;
            }
            Ok(all_were_there(done.as_ref(), "discarded", asked))
        }
    }
}

fn all_were_there(done: Option<&Value>, key: &str, asked: u64) -> ExitCode {
    let found = done.map_or(asked, |done| done[key].as_u64().unwrap_or_default());
    if found >= asked {
        return ExitCode::SUCCESS;
    }
    output::tell(&format!("{} of {asked} are not parked\n", asked - found));
    ExitCode::from(exit::FAILED)
}

fn line(item: &Value) -> String {
    let text = |value: &Value| visible(value.as_str().unwrap_or("-"));
    let event = &item["event"];
    format!(
        "{:<20} {} {:<10} {}/{} {}: {}\n",
        text(&item["id"]),
        text(&item["parkedAt"]),
        text(&item["cause"]),
        text(&event["namespace"]),
        text(&event["object"]),
        text(&event["reason"]),
        text(&item["reason"]),
    )
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_line_says_what_is_parked_where_and_why() {
        let item = json!({
            "id": "alerts/4711", "parkedAt": "2026-11-20T02:10:00Z", "cause": "rejected",
            "reason": "422 Unprocessable: too\nlong",
            "event": {"namespace": "shop", "object": "Pod/web-0", "reason": "BackOff"},
        });
        assert_eq!(
            line(&item),
            "alerts/4711          2026-11-20T02:10:00Z rejected   shop/Pod/web-0 BackOff: \
             422 Unprocessable: too\u{fffd}long\n"
        );
    }
}
