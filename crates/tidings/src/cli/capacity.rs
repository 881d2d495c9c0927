//! `tidings capacity`: how long an outage may last.

use std::{fmt::Write, path::PathBuf, process::ExitCode};

use clap::Args;
use event::journal::Usage;
use pipeline::save::{FolderLook, inspect::Inspection};
use serde_json::json;

use super::{
    check::Format,
    state::{FolderArgs, say},
};
use crate::{
    exit::Failure,
    forecast::{self, Room, bytes},
    settings::{JournalSettings, Settings, Size},
    state::budget,
};

/// Arguments of `tidings capacity`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings capacity                              at 1, 200 and 3 000 events a second
  tidings capacity --rate 50/s --state /var/lib/tidings
  tidings capacity --max-bytes 20Gi --format json")]
pub struct CapacityArgs {
    /// Events a second, for example `200/s`; `500/m` and `20000/h` are fine
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<f64>,
    /// A limit to calculate with [default: that of the config, else of the folder]
    #[arg(long, value_name = "SIZE", value_parser = size)]
    max_bytes: Option<u64>,
    /// Config file whose `journal.maxBytes` counts
    #[arg(long, short, value_name = "FILE")]
    config: Option<PathBuf>,
    #[command(flatten)]
    folder: FolderArgs,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
}

/// Rates that are told when none is given: a small cluster, a large one, a very busy one.
const RATES: [f64; 3] = [1.0, 200.0, 3000.0];

/// What an event takes that waits, in bytes, until a journal knows better: `cargo bench -p benches -- role
/// bodies` tells it for real events.
const ROW: u64 = 302;

fn rate(text: &str) -> Result<f64, String> {
    let (number, unit) = text.split_once('/').unwrap_or((text, "s"));
    let seconds = match unit {
        "s" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        "d" => 86_400.0,
        _ => return Err("write for example `200/s`, `500/m` or `20000/h`".into()),
    };
    let number: f64 = number.trim().parse().map_err(|_| "no number before the `/`")?;
    if number > 0.0 && number.is_finite() {
        Ok(number / seconds)
    } else {
        Err("more than nothing is expected".into())
    }
}

fn size(text: &str) -> Result<u64, String> {
    Size::parse(text).map(|size| size.0).ok_or_else(|| "write for example `10Gi` or `500Mi`".into())
}

/// Prints the table.
pub fn run(args: &CapacityArgs) -> Result<ExitCode, Failure> {
    let settings = match &args.config {
        Some(path) => {
            let loaded = Settings::load(path);
            loaded.map_err(|mistakes| Failure::config(anyhow::anyhow!(mistakes)))?.journal
        }
        None => JournalSettings::default(),
    };
    let settings = match args.max_bytes {
        Some(bytes) => JournalSettings { max_bytes: Some(Size(bytes)), ..settings },
        None => settings,
    };
    let look = args.folder.look().ok();
    let usage = look.as_ref().map_or(Ok(Usage::default()), used)?;
    let storage = look.as_ref().map(|look| &look.storage);
    let limit = match (storage, settings.max_bytes) {
        (None, Some(size)) => size.0,
        (None, None) => pipeline::save::Budget::usual().bytes,
        (Some(_), _) => budget(&settings, storage).bytes,
    };
    let usage = Usage { row: ROW, ..usage };
    let room = Room::new(limit, &usage, storage.map(|storage| storage.free_bytes));
    let rates = args.rate.map_or(RATES.to_vec(), |rate| vec![rate]);
    say(&match args.format {
        Format::Text => text(&room, look.as_ref(), &rates),
        Format::Json => format!("{:#}\n", document(&room, look.as_ref(), &rates)),
    })
}

/// What the journal of a folder takes; of one in use only the size of its file is known.
fn used(look: &FolderLook) -> Result<Usage, Failure> {
    let path = look.path.join("journal.db");
    if look.holder.is_some() {
        let rows = std::fs::metadata(&path).map_or(0, |file| file.len());
        return Ok(Usage { rows, ..Usage::default() });
    }
    match Inspection::open(&path).map_err(Failure::start)? {
        Some(journal) => journal.usage().map_err(Failure::failed),
        None => Ok(Usage::default()),
    }
}

fn text(room: &Room, look: Option<&FolderLook>, rates: &[f64]) -> String {
    let mut text = match look {
        Some(look) => format!("state folder  {}\n", look.path.display()),
        None => "state folder  none that is known; name one with --state\n".to_owned(),
    };
    let mut line = |line: String| writeln!(text, "{line}").expect("a string takes it");
    line(format!("limit         {}", bytes(room.limit)));
    line(format!("in use        {}", bytes(room.used)));
    if let Some(disk) = room.disk {
        line(format!("free on disk  {}", bytes(disk)));
    }
    line(format!("an event      {} B while it waits for long", room.row));
    line(format!("\n{:>12}{:>14}{:>14}{:>18}", "events", "an hour", "a day", "outage that fits"));
    for rate in rates {
        let (hour, day) = (takes(room, *rate, 3600.0), takes(room, *rate, 86_400.0));
        let fits = forecast::hours(room.hours(*rate));
        line(format!("{:>12}{:>14}{:>14}{fits:>18}", format!("{rate}/s"), bytes(hour), bytes(day)));
    }
    text
}

#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "an estimate, and not negative"
)]
fn takes(room: &Room, rate: f64, seconds: f64) -> u64 {
    (room.row as f64 * rate * seconds) as u64
}

fn document(room: &Room, look: Option<&FolderLook>, rates: &[f64]) -> serde_json::Value {
    let each = rates.iter().map(|rate| {
        json!({
            "eventsPerSecond": rate,
            "bytesPerHour": takes(room, *rate, 3600.0),
            "outageHours": room.hours(*rate),
        })
    });
    json!({
        "folder": look.map(|look| &look.path),
        "limitBytes": room.limit,
        "usedBytes": room.used,
        "freeBytes": room.disk,
        "bytesPerEvent": room.row,
        "rates": each.collect::<Vec<_>>(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_have_a_unit() {
        assert_eq!(rate("200/s"), Ok(200.0));
        assert_eq!(rate("90/m"), Ok(1.5));
        assert_eq!(rate("7"), Ok(7.0));
        for wrong in ["x/s", "1/y", "0/s", "-3", "inf"] {
            assert!(rate(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn the_table_says_what_fits() {
        let usage = Usage { row: ROW, ..Usage::default() };
        let room = Room::new(10 << 30, &usage, None);
        assert_eq!(
            text(&room, None, &RATES),
            "state folder  none that is known; name one with --state
limit         10 GiB
in use        0 B
an event      302 B while it waits for long

      events       an hour         a day  outage that fits
         1/s       1.0 MiB        25 MiB          412 days
       200/s       207 MiB       4.9 GiB              49 h
      3000/s       3.0 GiB        73 GiB             3.3 h
"
        );
    }
}
