//! `tidings state info`.

use std::{fmt::Write, fs, process::ExitCode};

use event::journal::{Lane, Position};
use jiff::Timestamp;
use pipeline::save::{FolderLook, inspect::Inspection};
use serde_json::{Value, json};

use super::say;
use crate::{cli::check::Format, exit::Failure, forecast::bytes};

/// Prints what is in the folder.
pub(super) fn print(look: &FolderLook, format: Format) -> Result<ExitCode, Failure> {
    let path = look.path.join("journal.db");
    let journal = match &look.holder {
        // The file is locked: what is in it cannot be read.
        Some(_) => None,
        None => Inspection::open(&path).map_err(Failure::start)?,
    };
    let size = fs::metadata(&path).ok().map(|file| file.len());
    say(&match format {
        Format::Text => text(look, size, journal.as_ref())?,
        Format::Json => format!("{:#}\n", document(look, size, journal.as_ref())?),
    })
}

fn text(
    look: &FolderLook,
    size: Option<u64>,
    journal: Option<&Inspection>,
) -> Result<String, Failure> {
    let storage = &look.storage;
    let durable = if storage.durable { "durable" } else { "not durable" };
    let kind = if storage.kind.is_empty() { "unknown file system" } else { &storage.kind };
    let free = bytes(storage.free_bytes);
    let mut text = format!("folder    {} ({kind}, {durable}, {free} free)\n", look.path.display());
    let mut line = |name: &str, value: String| {
        writeln!(text, "{name:<9} {value}").expect("a string takes it");
    };
    if let Some(holder) = &look.holder {
        line("in use", format!("by {holder}"));
        let size = size.map_or("not there".into(), |size| format!("journal.db, {}", bytes(size)));
        line("journal", format!("{size}; the rest can be read once that process has ended"));
        return Ok(text);
    }
    let Some(journal) = journal else {
        line("journal", "not there: the next start begins anew".into());
        return Ok(text);
    };
    let usage = journal.usage().map_err(Failure::failed)?;
    let (first, last) = journal.rows().map_err(Failure::failed)?;
    line("journal", format!("journal.db, schema {}, {}", journal.schema(), bytes(usage.used())));
    if !journal.is_whole() {
        line("damage", "some of it cannot be read; the next start salvages what can".into());
    }
    line(
        "bytes",
        format!(
            "rows {}, parked {}, snapshots {}, log {}, free {}",
            bytes(usage.rows),
            bytes(usage.parked),
            bytes(usage.snapshots),
            bytes(usage.log),
            bytes(usage.free),
        ),
    );
    let rows = first.map_or("none".into(), |first| format!("from {first} to {last}"));
    line("rows", rows);
    for (scope, position) in journal.positions() {
        line("position", format!("{scope}: {}", place(position)));
    }
    let ledger = journal.tallies();
    let missed = ledger.breaks.iter().filter(|it| it.missed).count();
    line("breaks", format!("{}, of which {missed} may hide events", ledger.breaks.len()));
    let lanes: Vec<&Lane> = ledger.lanes.iter().map(|(lane, _)| lane).collect();
    table(&mut text, &lanes);
    Ok(text)
}

fn place(position: &Position) -> String {
    let known = Timestamp::from_second(position.time.into()).unwrap_or_default();
    let epoch =
        if position.epoch == 0 { String::new() } else { format!("epoch {}, ", position.epoch) };
    format!("{epoch}resourceVersion {}, complete at {known}", position.revision)
}

fn table(text: &mut String, lanes: &[&Lane]) {
    if lanes.is_empty() {
        return;
    }
    let width = lanes.iter().map(|lane| lane.name.chars().count()).max().unwrap_or(0).max(8);
    let head = ["waiting", "parked", "delivered", "dropped", "cursor"];
    let mut line = |name: &str, cells: [String; 5], note: &str| {
        let mut row = format!("{name:<width$}");
        for cell in cells {
            write!(row, "{cell:>12}").expect("a string takes it");
        }
        writeln!(text, "{}", format!("{row}  {note}").trim_end()).expect("a string takes it");
    };
    line("\nreceiver", head.map(str::to_owned), "");
    for lane in lanes {
        let tally = lane.tally;
        let dropped = tally.overflow + tally.expired + tally.discarded;
        let cells = [tally.waiting(), tally.parked, tally.delivered, dropped, lane.cursor];
        let note =
            lane.orphaned.map_or(String::new(), |at| format!("not in the config since {at}"));
        line(&lane.name, cells.map(|number| number.to_string()), &note);
    }
}

fn document(
    look: &FolderLook,
    size: Option<u64>,
    journal: Option<&Inspection>,
) -> Result<Value, Failure> {
    let storage = &look.storage;
    let mut document = json!({
        "folder": look.path,
        "fileSystem": storage.kind,
        "durable": storage.durable,
        "totalBytes": storage.total_bytes,
        "freeBytes": storage.free_bytes,
        "inUseBy": look.holder,
        "fileBytes": size,
    });
    if let Some(journal) = journal {
        let usage = journal.usage().map_err(Failure::failed)?;
        let (first, last) = journal.rows().map_err(Failure::failed)?;
        let ledger = journal.tallies();
        let position = |(scope, it): (&event::Text, &Position)| {
            json!({
                "scope": **scope, "epoch": it.epoch, "resourceVersion": it.revision,
                "completeAt": it.time, "ttlSeconds": it.ttl,
            })
        };
        let lane = |(lane, waiting): &(Lane, u64)| {
            let tally = lane.tally;
            json!({
                "receiver": &*lane.name, "generation": lane.generation, "cursor": lane.cursor,
                "orphanedAt": lane.orphaned.map(|at| at.to_string()),
                "waiting": waiting, "accepted": tally.accepted, "delivered": tally.delivered,
                "suppressed": tally.suppressed, "parked": tally.parked,
                "overflow": tally.overflow, "expired": tally.expired,
                "discarded": tally.discarded,
            })
        };
        document["journal"] = json!({
            "schema": journal.schema(),
            "whole": journal.is_whole(),
            "bytes": {
                "rows": usage.rows, "parked": usage.parked, "snapshots": usage.snapshots,
                "log": usage.log, "free": usage.free,
            },
            "firstRow": first,
            "lastRow": last,
            "positions": journal.positions().iter().map(position).collect::<Vec<_>>(),
            "breaks": ledger.breaks.len(),
            "breaksThatMayHideEvents": ledger.breaks.iter().filter(|it| it.missed).count(),
            "receivers": ledger.lanes.iter().map(lane).collect::<Vec<_>>(),
        });
    }
    Ok(document)
}
