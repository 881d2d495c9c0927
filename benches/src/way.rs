//! From bytes to a file: decoder, counting, router, journal on disk, lanes — as the program wires them.

use std::{fmt::Write, path::Path, sync::Arc, time::Duration};

use anyhow::Context;
use event::{Clock, Journal, LaneSet, SinkContext, Stop, SystemClock, Tasks, Text};
use pipeline::{
    SharedWay, Way,
    collect::{self, Collector, scope::Scope},
    enrich::Enricher,
    route::{Receiver, Router},
    save::{Saver, SaverSettings, SqliteJournal, StateFolder, live::Live},
    send::{Lane, LaneSettings, LaneWatch, drained},
};
use tidings::settings::Settings;
use tokio::time::Instant;

use crate::{
    generate::NAMESPACES,
    layout,
    process::{Numbers, cpu_seconds, proc_number, tell, written_bytes},
    recorded::Recorded,
};

/// How long the lanes may take in the end.
const PATIENCE: Duration = Duration::from_secs(300);

/// What a user of kubernetes-event-exporter writes: some noise is dropped, the rest is dumped; or each
/// of several teams gets what is theirs.
fn config(folder: &Path, lanes: usize, shape: &str) -> String {
    let mut text = String::from(
        "limits: {perNamespace: off}\nroute:\n  routes:\n  - drop:\n    - {namespace: \"^kube-system$\", type: Normal}\n    - {reason: \"^(LeaderElection|NodeSysctlChange)\"}\n    match:\n",
    );
    // JSON is YAML.
    let layout =
        if shape == "nine" { format!(", layout: {}", layout::nine()) } else { String::new() };
    let mut receivers = String::from("receivers:\n");
    for lane in 0..lanes {
        let (rule, path) = (lane_rule(lane, lanes), folder.join(format!("lane-{lane}.jsonl")));
        let path = path.display();
        writeln!(text, "    - {{receiver: lane-{lane}{rule}}}").expect("a string takes it");
        writeln!(
            receivers,
            "- name: lane-{lane}\n  repeats: every\n  file: {{path: '{path}', maxsize: 100000{layout}}}"
        )
        .expect("a string takes it");
    }
    text + &receivers
}

fn lane_rule(lane: usize, lanes: usize) -> String {
    assert!(lanes == 1 || lanes as u64 == NAMESPACES, "one lane, or one for each namespace");
    if lanes == 1 { String::new() } else { format!(", namespace: \"^team-{lane}$\"") }
}

/// Measures with the input `file`, whose numbers `generate` told into `notes`. The shape is `document`, or `nine` for a layout
/// of nine templates.
pub fn measure(file: &Path, notes: &Path, lanes: usize, shape: &str) -> anyhow::Result<()> {
    let notes: Numbers = serde_json::from_slice(&std::fs::read(notes)?)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(flow(file, &notes, lanes, shape))
}

async fn flow(file: &Path, notes: &Numbers, lanes: usize, shape: &str) -> anyhow::Result<()> {
    let note = |name: &str| notes.get(name).copied().map(whole).context("a note");
    let folder = tempfile::tempdir_in(file.parent().context("a folder")?)?;
    let settings = Settings::parse(&config(folder.path(), lanes, shape), "bench")
        .map_err(|mistakes| anyhow::anyhow!(mistakes))?;
    let (stop, go) = (Stop::new(), Stop::new());
    let tasks = Tasks::new(stop.clone());
    let lanes_stop = Stop::new();
    let parts = open(&settings, folder.path(), &tasks, &lanes_stop).await?;
    let Parts { way, saver, lanes, clock, _folder: state } = parts;
    let api = Recorded {
        file: file.into(),
        list_bytes: usize::try_from(note("list_bytes")?)?,
        go: go.clone(),
    };
    let collect = collect::Settings { max_age: Some(5), cluster_name: Text::default(), seed: 1 };
    let collector = Collector::new(api, way, Scope::all("bench"), None, collect, clock);
    let mut status = collector.status();
    let stopping = stop.clone();
    tasks.spawn("collect", async move {
        collector.run(stopping).await.expect("nothing fails here");
    });
    status.wait_for(|status| status.listed.is_some()).await?;
    saver.flush().await?;
    tell("rss_listed", proc_number("self", "status", "VmRSS") / 1024.0);

    let before = (Instant::now(), cpu_seconds(), written_bytes());
    go.fire();
    let last = note("revision")?;
    status
        .wait_for(|status| status.position.is_some_and(|position| position.revision >= last))
        .await?;
    let left = drained(&lanes, &saver, PATIENCE).await;
    anyhow::ensure!(left.is_empty(), "not everything was sent: {left:?}");
    saver.flush().await?;
    tell("seconds", before.0.elapsed().as_secs_f64());
    tell("cpu_seconds", cpu_seconds() - before.1);
    tell("written_bytes", written_bytes() - before.2);
    tell("rss", proc_number("self", "status", "VmRSS") / 1024.0);
    tell("rss_most", proc_number("self", "status", "VmHWM") / 1024.0);
    tell("state_bytes", bytes_in(state.path())?);
    stop.fire();
    lanes_stop.fire();
    tasks.ended().await;
    saver.close().await;
    tell("sink_bytes", bytes_in(folder.path())?);
    Ok(())
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "it was whole")]
fn whole(number: f64) -> u64 {
    number as u64
}

struct Parts {
    way: SharedWay<Saver>,
    saver: Saver,
    lanes: Vec<LaneWatch>,
    clock: Arc<dyn Clock>,
    _folder: StateFolder,
}

/// The same steps as in `tidings::app`.
async fn open(
    settings: &Settings,
    folder: &Path,
    tasks: &Tasks,
    stop: &Stop,
) -> anyhow::Result<Parts> {
    let clock: Arc<dyn Clock> = Arc::new(SystemClock);
    let state = StateFolder::open(&folder.join("state"), &*clock, stop).await?;
    let limits = state.storage().limits();
    let mut journal = SqliteJournal::open_with(&state.journal(), clock.now(), limits)?;
    journal.load(&mut |_| {})?;
    let names: Vec<Text> = settings.receivers.iter().map(|it| it.name.clone()).collect();
    let (saver, saved) =
        Saver::open(Box::new(journal), &names, Arc::clone(&clock), SaverSettings::default())?;
    let mut live = Live::new();
    live.keep_lanes(&saved.iter().map(|lane| lane.id).collect::<LaneSet>());
    let receivers: Vec<Receiver> = settings
        .receivers
        .iter()
        .zip(&saved)
        .map(|(it, lane)| Receiver { name: it.name.clone(), lane: lane.id, repeats: it.repeats })
        .collect();
    let (router, _) = Router::new(&settings.route, &receivers);
    let mut lanes = Vec::new();
    for (it, lane) in settings.receivers.iter().zip(saved) {
        let ctx = SinkContext {
            receiver: it.name.clone(),
            user_agent: "bench".into(),
            clock: Arc::clone(&clock),
        };
        let sink = (it.kind.connect)(it.settings.clone(), ctx).await?;
        let rows = saver.clone();
        let lane = Lane::new(lane, sink, rows, LaneSettings::default(), Arc::clone(&clock));
        lanes.push(lane.watch());
        tasks.spawn("lane", lane.run(stop.clone()));
    }
    let enricher = Enricher { cluster_name: "bench".into() };
    let way = Way::new(live, enricher, router, saver.clone()).shared();
    Ok(Parts { way, saver, lanes, clock, _folder: state })
}

#[expect(clippy::cast_precision_loss, reason = "sizes need no last digit")]
fn bytes_in(folder: &Path) -> anyhow::Result<f64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        let metadata = entry?.metadata()?;
        bytes += if metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes as f64)
}
