//! The order of the measurements, and the table.

use std::{
    path::Path,
    process::{Command, ExitStatus},
};

use crate::{
    memory, original,
    process::{Numbers, measure},
};

/// Creations and updates that go the whole way.
const WRITES: u64 = 400_000;
/// Each measurement is repeated so often, and the best one counts: the machine has other work, too.
const ROUNDS: usize = 3;
/// Where the environment remembers that this process is on one core.
const PINNED: &str = "TIDINGS_BENCH_PINNED";

/// Runs everything, or only what begins with `only`: `decode`, `layout`, `way`, `memory`, `objects` or
/// `requests`. `original` is beside that: it needs Go, and takes minutes.
pub fn run(only: &str) -> anyhow::Result<()> {
    let original = only == "original";
    // Who only watches leaves the last core to the programs that are compared.
    if let Some(status) = pinned(if original { "0" } else { "1" })? {
        anyhow::ensure!(status.success(), "the benchmark ended with {status}");
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    if original {
        return original::run(folder.path());
    }
    say("| measured | here | per CPU second | target | |\n|---|---|---|---|---|");
    if "decode".starts_with(only) {
        decode(folder.path())?;
    }
    if "layout".starts_with(only) {
        layout()?;
    }
    if "way".starts_with(only) {
        way(folder.path())?;
    }
    if "memory".starts_with(only) {
        memories(folder.path())?;
    }
    if "objects".starts_with(only) {
        objects()?;
    }
    if "requests".starts_with(only) {
        requests()?;
    }
    Ok(())
}

/// Runs this binary again on one core, where `taskset` is to be had.
fn pinned(core: &str) -> anyhow::Result<Option<ExitStatus>> {
    if std::env::var_os(PINNED).is_some() {
        return Ok(None);
    }
    let mut again = Command::new("taskset");
    again.args(["-c", core]).arg(std::env::current_exe()?).args(std::env::args_os().skip(1));
    let status = again.env(PINNED, "1").status().ok();
    if status.is_none() {
        say("There is no `taskset`: this runs on every core.\n");
    }
    Ok(status)
}

fn decode(folder: &Path) -> anyhow::Result<()> {
    measure("capture", &[text(folder), "20000".into()])?;
    for (form, target) in [("protobuf", 1.5e6), ("json", 0.6e6)] {
        for (suffix, what) in [("", "without"), ("-managed", "with")] {
            let name = format!("{form}{suffix}");
            let arguments = [text(&folder.join(&name)), name];
            let found = best("decode", &arguments, |found| found["per_second"])?;
            row(&Row {
                what: format!("{form}, {what} managedFields ({:.0} bytes)", found["bytes"]),
                value: millions(found["per_second"]),
                cpu: millions(found["per_cpu_second"]),
                target: format!("≥ {}", millions(target)),
                met: found["per_second"] >= target,
            });
        }
    }
    Ok(())
}

fn layout() -> anyhow::Result<()> {
    for (shape, what) in [("document", "the document"), ("nine", "a layout of nine templates")] {
        let found = best("layout", &[shape.into()], |found| found["per_second"])?;
        row(&Row {
            what: format!("encode {what} ({:.0} bytes)", found["bytes"]),
            value: thousands(found["per_second"]),
            cpu: thousands(found["per_cpu_second"]),
            target: "≥ 200 k/s".into(),
            met: found["per_second"] >= 200e3,
        });
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
fn way(folder: &Path) -> anyhow::Result<()> {
    for (live, name) in [(100_000, "100 000"), (1_000_000, "1 M")] {
        let (input, notes) = (folder.join("input"), folder.join("notes"));
        let told = [text(&input), live.to_string(), WRITES.to_string()];
        let told = measure("generate", &told)?;
        std::fs::write(&notes, serde_json::to_vec(&told)?)?;
        for (lanes, shape) in [(1, "document"), (20, "document"), (1, "nine")] {
            let arguments = [text(&input), text(&notes), lanes.to_string(), shape.into()];
            let writes = WRITES as f64;
            let found = best("way", &arguments, |found| writes / found["seconds"])?;
            let layout = if shape == "nine" { ", layout of nine templates" } else { "" };
            let what =
                format!("{name} live, {lanes} lane{}{layout}", if lanes == 1 { "" } else { "s" });
            let rate = writes / found["seconds"];
            let target = if shape == "nine" { 60e3 } else { 100e3 };
            row(&Row {
                what: format!("bytes → file, {what}"),
                value: thousands(rate),
                cpu: thousands(writes / found["cpu_seconds"]),
                target: format!("≥ {}", thousands(target)),
                met: rate >= target,
            });
            let journal = (found["written_bytes"] - found["sink_bytes"]) / writes;
            row(&Row {
                what: format!("  written for the journal, {what}"),
                value: format!("{:.2} kB", journal / 1000.0),
                cpu: format!("and {:.2} kB by the receiver", found["sink_bytes"] / writes / 1000.0),
                target: "≤ 3 kB".into(),
                met: journal <= 3000.0,
            });
            let (rss, most, state) = (found["rss"], found["rss_most"], found["state_bytes"] / 1e6);
            say(&format!(
                "| &nbsp; memory then, {what} | {rss:.0} MB, at most {most:.0} MB | state folder {state:.0} MB | | |"
            ));
        }
        std::fs::remove_file(input)?;
    }
    Ok(())
}

fn memories(folder: &Path) -> anyhow::Result<()> {
    for (events, name, target) in [(100_000, "100 000", 48.0), (1_000_000, "1 M", 96.0)] {
        let found = memory::measure(folder, events)?;
        row(&Row {
            what: format!("memory with {name} live Events, listed twice (VmRSS)"),
            value: format!("{:.0} MB", found["rss"]),
            cpu: format!("at most {:.0} MB (VmHWM)", found["most"]),
            target: format!("≤ {target} MB"),
            met: found["most"] <= target,
        });
    }
    Ok(())
}

fn objects() -> anyhow::Result<()> {
    for (with, most) in [("labels", Some(64.0)), ("annotations", None)] {
        let found = measure("objects", &["100000".into(), with.into()])?;
        let taken = found["mebibytes"];
        row(&Row {
            what: format!(
                "metadata of 100 000 pods, owners and labels{}",
                match most {
                    Some(_) => "",
                    None => " and six annotations",
                }
            ),
            value: format!("{taken:.0} MiB"),
            cpu: format!("found in {:.1} µs", found["nanoseconds"] / 1000.0),
            target: most.map_or("stated".into(), |most| format!("≤ {most} MiB")),
            met: most.is_none_or(|most| taken <= most),
        });
    }
    Ok(())
}

fn requests() -> anyhow::Result<()> {
    for (per_hour, minutes) in [(2_000, 60), (700_000, 10)] {
        let found = measure("requests", &[per_hour.to_string(), minutes.to_string()])?;
        let each = found["requests"] * 1000.0 / found["events"];
        row(&Row {
            what: format!("API requests per 1 000 events, {per_hour} an hour, {minutes} min"),
            value: format!("{each:.2}"),
            cpu: format!("{} for {}", found["requests"], found["events"]),
            target: "≤ 10".into(),
            met: each <= 10.0,
        });
    }
    Ok(())
}

/// The best of several rounds.
fn best(
    role: &str,
    arguments: &[String],
    rate: impl Fn(&Numbers) -> f64,
) -> anyhow::Result<Numbers> {
    let mut best = measure(role, arguments)?;
    for _ in 1..ROUNDS {
        let other = measure(role, arguments)?;
        if rate(&other) > rate(&best) {
            best = other;
        }
    }
    Ok(best)
}

/// One line of the table.
struct Row {
    what: String,
    value: String,
    cpu: String,
    target: String,
    met: bool,
}

fn row(row: &Row) {
    let Row { what, value, cpu, target, met } = row;
    say(&format!("| {what} | {value} | {cpu} | {target} | {} |", if *met { "✓" } else { "✗" }));
}

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn say(line: &str) {
    println!("{line}");
}

fn millions(rate: f64) -> String {
    format!("{:.2} M/s", rate / 1e6)
}

fn thousands(rate: f64) -> String {
    format!("{:.0} k/s", rate / 1e3)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}
