//! `make bench-original`: Tidings beside a stand-in for kubernetes-event-exporter, at the same floods of
//! the same pretend cluster, with the same file.
//!
//! The original itself is not to be had everywhere (module proxies do not serve it). The stand-in,
//! `e2e/oracle/standin`, is made of the original's libraries after a description of what it does, and
//! leaves out what cost it more. So its numbers are a bound: the original should do no better.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    time::Duration,
};

use self::{
    cluster::Flood,
    program::{Outcome, Program, build, measure},
};
use crate::children::can_pin;

pub mod cluster;

pub mod program;

/// What the documentation of the original advises to large clusters.
const ADVISED: &str = "kubeQPS: 100\nkubeBurst: 500\nmaxEventAgeSeconds: 60\n";

/// A flood, and what the file says beside rules and receivers.
#[derive(Debug, Clone, Copy)]
pub struct Scenario {
    name: &'static str,
    flood: Flood,
    /// Lines of YAML.
    settings: &'static str,
    /// It ends then, whatever has come.
    most: Duration,
}

const SCENARIOS: [Scenario; 4] = [
    Scenario {
        name: "20 000 events about 50 pods, at full speed",
        flood: Flood { events: 20_000, pods: 50, per_second: 0 },
        settings: ADVISED,
        most: Duration::from_secs(120),
    },
    Scenario {
        name: "200 000 events about 50 pods, at full speed",
        flood: Flood { events: 200_000, pods: 50, per_second: 0 },
        settings: ADVISED,
        most: Duration::from_secs(120),
    },
    Scenario {
        name: "200 000 events about 25 000 pods, at full speed",
        flood: Flood { events: 200_000, pods: 25_000, per_second: 0 },
        settings: ADVISED,
        most: Duration::from_secs(30),
    },
    Scenario {
        name: "6 000 events about 750 pods, 200 a second, limits of the API left as they are",
        flood: Flood { events: 6_000, pods: 750, per_second: 200 },
        settings: "",
        most: Duration::from_secs(40),
    },
];

/// Runs everything and prints the table.
pub fn run(folder: &Path) -> anyhow::Result<()> {
    if !can_pin() {
        say("There is no `taskset`: programs and cluster share every core.\n");
    }
    let (tidings, stand_in) = (Program::Tidings, build(folder)?);
    say(
        "| flood | program | written / created | events/s | CPU s per million written (CPU s in all) | peak RSS | API calls: start + flood |\n|---|---|---|---|---|---|---|",
    );
    for scenario in &SCENARIOS {
        let [ours, theirs] = [&tidings, &stand_in].map(|it| measure(folder, it, scenario));
        let (ours, theirs) = (ours?, theirs?);
        row(scenario, &tidings, &ours);
        row(scenario, &stand_in, &theirs);
        let verdict = match strange(&ours.file, &theirs.file) {
            0 => "each line of the stand-in is one that Tidings wrote, byte for byte".to_owned(),
            number => format!("{number} lines of the stand-in are none that Tidings wrote"),
        };
        say(&format!("| | | {verdict} | | | | |"));
    }
    Ok(())
}

/// So many whole lines of `theirs` are not among `ours`.
fn strange(ours: &[u8], theirs: &[u8]) -> usize {
    let lines = |file| <[u8]>::split_inclusive(file, |byte: &u8| *byte == b'\n');
    let mut counts: HashMap<&[u8], i64> = HashMap::new();
    for line in lines(ours) {
        *counts.entry(line).or_default() += 1;
    }
    let mut strange = 0;
    for line in lines(theirs).filter(|line| line.ends_with(b"\n")) {
        let left = counts.entry(line).or_default();
        *left -= 1;
        strange += usize::from(*left < 0);
    }
    strange
}

#[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
fn row(scenario: &Scenario, program: &Program, outcome: &Outcome) {
    let Outcome { lines, cpu, most, created, .. } = outcome;
    let total = |requests: &BTreeMap<String, u64>| requests.values().sum::<u64>();
    let kinds: Vec<String> = outcome
        .after
        .iter()
        .filter(|(_, number)| **number > 0)
        .map(|(kind, number)| format!("{kind} {number}"))
        .collect();
    let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
    // Where not all came, what was done for the others is in it too.
    let each =
        if lines == created { format!("{:.1}", cpu * 1e6 / *lines as f64) } else { "-".to_owned() };
    say(&format!(
        "| {} | {} | {lines} / {created} | {:.0} | {each} ({cpu:.2}) | {most:.0} MB | {} + {}{kinds} |",
        scenario.name,
        program.name(),
        outcome.rate(),
        total(&outcome.before),
        total(&outcome.after),
    ));
}

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
fn say(line: &str) {
    println!("{line}");
}
