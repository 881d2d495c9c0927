//! `tidings lanes`: how receivers are doing, and what stands in their way.

use std::{fmt::Write, process::ExitCode};

use clap::{Args, Subcommand};
use serde_json::Value;

use super::{confirm, state::FolderArgs};
use crate::{
    cli::check::Format,
    control::{Request, ask},
    exit::{self, Failure},
    output::{Next, print, visible},
};

/// Arguments of `tidings lanes`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings lanes                                how each receiver is doing
  tidings lanes pause --receiver alerts        nothing is sent to it; a restart changes nothing about that
  tidings lanes resume --receiver alerts       goes on, and asks at once
  tidings lanes skip --receiver alerts         parks the oldest event that waits
  tidings lanes drop --receiver alerts --yes   gives up everything that waits

The process that owns the folder is asked, through the socket `tidings.sock` in it; where there is none, the folder is \
taken.

Exit codes: 0 fine, 1 failed, 2 wrong usage, 4 the folder cannot be used.")]
pub struct LanesArgs {
    #[command(subcommand)]
    command: Option<LanesCommand>,
    #[command(flatten)]
    folder: FolderArgs,
    /// For people or for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Text)]
    format: Format,
}

#[derive(Debug, Subcommand)]
enum LanesCommand {
    /// Say how each receiver is doing
    List,
    /// Send nothing until it is resumed; what comes in waits
    Pause {
        #[command(flatten)]
        of: Receiver,
    },
    /// Go on, and try at once
    Resume {
        #[command(flatten)]
        of: Receiver,
    },
    /// Park the oldest events that wait, out of the way of the others
    Skip {
        #[command(flatten)]
        of: Receiver,
        /// How many
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        events: u64,
    },
    /// Give up everything that waits; it is counted as discarded
    Drop {
        #[command(flatten)]
        of: Receiver,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
struct Receiver {
    /// Name of the receiver
    #[arg(long, short, value_name = "NAME")]
    receiver: String,
}

/// Does what is asked.
pub async fn run(args: LanesArgs) -> Result<ExitCode, Failure> {
    let LanesArgs { command, folder, format } = args;
    let request = match command {
        None | Some(LanesCommand::List) => Request::Lanes,
        Some(LanesCommand::Pause { of }) => Request::Pause { receiver: of.receiver },
        Some(LanesCommand::Resume { of }) => Request::Resume { receiver: of.receiver },
        Some(LanesCommand::Skip { of, events }) => Request::Skip { receiver: of.receiver, events },
        Some(LanesCommand::Drop { of, yes }) => {
            let question = format!(
                "give up everything that waits for `{}`? It cannot be had back",
                of.receiver
            );
            if !yes && !confirm::agreed(&question).map_err(Failure::failed)? {
                return Ok(ExitCode::from(exit::FAILED));
            }
            Request::Drop { receiver: of.receiver }
        }
    };
    let is_list = request == Request::Lanes;
    let mut lanes = Vec::new();
    let mut keep = |lane| {
        lanes.push(lane);
        Ok(Next::More)
    };
    let done = ask(folder.look()?, request.clone(), &mut keep).await?.unwrap_or_default();
    print(match (format, is_list) {
        (Format::Text, true) => table(&lanes),
        (Format::Text, false) => told(&request, &done),
        (Format::Json, true) => lines(&lanes),
        (Format::Json, false) => format!("{done}\n"),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn lines(lanes: &[Value]) -> String {
    lanes.iter().fold(String::new(), |text, lane| text + &lane.to_string() + "\n")
}

fn told(request: &Request, done: &Value) -> String {
    let text = |key: &str| visible(done[key].as_str().unwrap_or_default());
    let (receiver, waiting) = (text("receiver"), &done["waiting"]);
    match request {
        Request::Pause { .. } => {
            let since = text("pausedSince");
            format!("{receiver} is paused since {since}; {waiting} events wait\n")
        }
        Request::Resume { .. } => match done["wasPausedSince"].as_str() {
            Some(since) => {
                format!("{receiver} goes on, after a pause since {since}; {waiting} events wait\n")
            }
            None => {
                format!("{receiver} was not paused, and tries at once; {waiting} events wait\n")
            }
        },
        Request::Skip { .. } => format!(
            "{} of {receiver} parked, {waiting} wait; see `tidings parked list --receiver {receiver}`\n",
            events(&done["skipped"])
        ),
        _ => format!("{} of {receiver} dropped\n", events(&done["dropped"])),
    }
}

fn events(count: &Value) -> String {
    if count == 1 { "1 event".into() } else { format!("{count} events") }
}

fn table(lanes: &[Value]) -> String {
    let name = |lane: &Value| visible(lane["receiver"].as_str().unwrap_or_default());
    let width = lanes.iter().map(|lane| name(lane).chars().count()).max().unwrap_or(0).max(8);
    let mut text = String::new();
    let mut line = |name: &str, state: &str, cells: [String; 4], note: &str| {
        let mut row = format!("{name:<width$}  {state:<11}");
        for cell in cells {
            write!(row, "{cell:>11}").expect("a string takes it");
        }
        writeln!(text, "{}", format!("{row}  {note}").trim_end()).expect("a string takes it");
    };
    let head = ["waiting", "parked", "delivered", "dropped"];
    line("receiver", "state", head.map(str::to_owned), "");
    for lane in lanes {
        let number = |value: &Value| value.as_u64().unwrap_or_default();
        let dropped = ["overflow", "expired", "discarded"];
        let dropped: u64 = dropped.iter().map(|why| number(&lane["dropped"][why])).sum();
        let numbers = ["waiting", "parked", "delivered"].map(|key| number(&lane[key]).to_string());
        let [waiting, parked, delivered] = numbers;
        let cells = [waiting, parked, delivered, dropped.to_string()];
        let state = lane["state"].as_str().unwrap_or_default();
        let state = if lane["pausedSince"].is_string() { "paused" } else { state };
        line(&name(lane), state, cells, &note(lane));
    }
    text
}

fn note(lane: &Value) -> String {
    let mut notes = Vec::new();
    let text = |key: &str| lane[key].as_str().map(visible);
    notes.extend(text("orphanedSince").map(|since| format!("not in the config since {since}")));
    notes.extend(text("pausedSince").map(|since| format!("since {since}")));
    if let (Some(since), Some(reason)) = (text("since"), text("reason")) {
        notes.push(format!("since {since}: {reason}"));
    }
    notes.join("; ")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_table_says_who_waits_and_why() {
        let lane = |receiver: &str, waiting: u64| {
            json!({
                "receiver": receiver, "state": "ok", "waiting": waiting, "parked": 2,
                "delivered": 120_402, "dropped": {"overflow": 1, "expired": 3, "discarded": 0},
                "pausedSince": null, "orphanedSince": null, "since": null, "reason": null,
            })
        };
        let mut blocked = lane("alerts", 4812);
        blocked["state"] = "blocked".into();
        blocked["since"] = "2026-11-20T02:10:00Z".into();
        blocked["reason"] = "401 Unauthorized\n".into();
        let mut paused = lane("everything-else", 7);
        paused["pausedSince"] = "2026-11-20T02:10:00Z".into();
        assert_eq!(
            table(&[lane("archive", 0), blocked, paused]),
            "\
receiver         state          waiting     parked  delivered    dropped
archive          ok                   0          2     120402          4
alerts           blocked           4812          2     120402          4  since 2026-11-20T02:10:00Z: 401 Unauthorized\u{fffd}
everything-else  paused               7          2     120402          4  since 2026-11-20T02:10:00Z
"
        );
    }
}
