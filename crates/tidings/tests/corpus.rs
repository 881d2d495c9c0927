//! `make corpus`: every real config is loaded, and every real event goes through each that loads: routed,
//! and made into what its receivers get. Nothing may panic, and what is said about a file must point into
//! it. Whether the original does the same is asked by `make differential`.
//!
//! `CORPUS` says where the collection is, by default `../shared/corpus` beside the clone.
#![expect(clippy::print_stdout, reason = "the counts are what it is run for")]

use std::{
    collections::BTreeMap,
    env, fs,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::{Context, ensure};
use event::{AnySink, Event, LaneId, SinkContext, SystemClock, json};
use pipeline::route::{Receiver, Router};
use tidings::settings::{Finding, Loaded, Reading, Settings, Severity};
use tokio::runtime::Runtime;

fn main() -> anyhow::Result<ExitCode> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let corpus = env::var_os("CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    ensure!(
        corpus.is_dir(),
        "there is no corpus at {}: set CORPUS to where real configs and events are",
        corpus.display()
    );
    let events = events(&corpus)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut counts = Counts::default();
    for path in configs(&corpus)? {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read(&path).with_context(|| path.display().to_string())?;
        let loaded = Loaded::from_bytes(&text, &name, Path::new(""), READING);
        for finding in &loaded.findings {
            counts.findings += 1;
            if !points_into(finding, &String::from_utf8_lossy(&text)) {
                counts.outside += 1;
                println!("{name}: points outside of the file:\n{finding}");
            }
        }
        let Some(settings) = loaded.settings else {
            counts.refuse(&name, &loaded.findings);
            continue;
        };
        match sinks(&settings, &runtime) {
            Err(why) => counts.say(&name, "never works", &why),
            Ok(sinks) => counts.run(&settings, &sinks, &events),
        }
    }
    Ok(counts.print(events.len()))
}

/// The environment of the people who wrote them is not here: every variable is empty.
const READING: Reading<'static> = Reading { strict: false, environment: &|_| None };

fn configs(corpus: &Path) -> anyhow::Result<Vec<PathBuf>> {
    let folder = corpus.join("exporter-configs");
    let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
    let paths: Result<Vec<_>, _> = entries.map(|entry| entry.map(|entry| entry.path())).collect();
    let mut paths = paths?;
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "yaml"));
    ensure!(!paths.is_empty(), "there are no configs in {}", folder.display());
    paths.sort();
    Ok(paths)
}

fn events(corpus: &Path) -> anyhow::Result<Vec<Arc<Event>>> {
    let mut events = Vec::new();
    for name in ["real-events.ndjson", "exporter-outputs.ndjson"] {
        let path = corpus.join("events").join(name);
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        for (number, line) in (1..).zip(text.lines()) {
            let event = json::decode(line.as_bytes());
            let event = event.with_context(|| format!("{}, line {number}", path.display()))?;
            events.push(Arc::new(event));
        }
    }
    Ok(events)
}

/// Whether what is said stands where the file has something, or about the file as a whole.
fn points_into(finding: &Finding, text: &str) -> bool {
    let Some(place) = finding.place else { return true };
    let lines: Vec<_> = text.split('\n').collect();
    let line = place.line.checked_sub(1).and_then(|line| lines.get(line));
    // Behind the last character of a line something may be missing.
    line.is_some_and(|line| (1..=line.chars().count() + 1).contains(&place.column))
}

/// The receivers, as a start makes them; nothing is reached for.
fn sinks(settings: &Settings, runtime: &Runtime) -> Result<Vec<AnySink>, String> {
    let sinks = settings.receivers.iter().map(|receiver| {
        let context = SinkContext {
            receiver: receiver.name.clone(),
            user_agent: "corpus".into(),
            clock: Arc::new(SystemClock),
        };
        let made = runtime.block_on((receiver.kind.connect)(receiver.settings.clone(), context));
        made.map_err(|error| error.to_string())
    });
    sinks.collect()
}

#[derive(Default)]
struct Counts {
    loaded: usize,
    findings: usize,
    outside: usize,
    /// Why configs cannot be used, and which.
    unusable: BTreeMap<(String, String), Vec<String>>,
    routed: usize,
    reached: usize,
    bytes: usize,
    /// Why events have no form for a receiver.
    rejected: BTreeMap<String, usize>,
}

impl Counts {
    fn refuse(&mut self, name: &str, findings: &[Finding]) {
        let mistakes = findings.iter().filter(|it| it.severity == Severity::Mistake);
        let messages: Vec<_> = mistakes.map(|it| it.message.as_str()).collect();
        let not_built =
            |it: &&str| it.ends_with("are not built yet") || it.starts_with("this build has no ");
        let verdict = if messages.iter().all(not_built) { "not built yet" } else { "refused" };
        let mut reasons = messages.clone();
        reasons.dedup();
        self.say(name, verdict, &reasons.join("; "));
    }

    fn say(&mut self, name: &str, verdict: &str, why: &str) {
        let key = (verdict.to_owned(), why.to_owned());
        self.unusable.entry(key).or_default().push(name.to_owned());
    }

    /// Every event through one config.
    fn run(&mut self, settings: &Settings, sinks: &[AnySink], events: &[Arc<Event>]) {
        self.loaded += 1;
        let receivers: Vec<_> = (0..)
            .zip(&settings.receivers)
            .map(|(lane, it)| Receiver {
                name: it.name.clone(),
                lane: LaneId(lane),
                repeats: it.repeats,
            })
            .collect();
        let (router, _) = Router::new(&settings.route, &receivers);
        for event in events {
            self.routed += 1;
            for lane in router.decide(event).lanes().iter() {
                self.reached += 1;
                match sinks[usize::from(lane.0)].encode(&vec![Arc::clone(event)]) {
                    Ok(payloads) => {
                        self.bytes +=
                            payloads.iter().map(|payload| payload.body.len()).sum::<usize>();
                    }
                    Err(rejected) => *self.rejected.entry(rejected.reason).or_default() += 1,
                }
            }
        }
    }

    fn print(&self, events: usize) -> ExitCode {
        let unusable: usize = self.unusable.values().map(Vec::len).sum();
        println!("corpus: {} configs, {events} events", self.loaded + unusable);
        println!("corpus: {} load, {unusable} do not; {} remarks", self.loaded, self.findings);
        for ((verdict, why), names) in &self.unusable {
            println!("  {verdict}: {why}: {}", names.join(", "));
        }
        let rejected: usize = self.rejected.values().sum();
        println!(
            "corpus: {} decisions, {} times a receiver was reached, {} bytes, {rejected} without a form",
            self.routed, self.reached, self.bytes
        );
        for (why, number) in &self.rejected {
            println!("  {number} times: {why}");
        }
        println!("corpus: {} remarks point outside of their file", self.outside);
        if self.outside == 0 && self.loaded > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}
