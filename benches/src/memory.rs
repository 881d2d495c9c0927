//! The whole program at a cluster with many Events: how much memory it holds after it has listed
//! them all, and listed them again. The cluster is a process of its own.

use std::{
    fs,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use clap::Parser;
use event::{Clock, Stop, SystemClock, Tasks};
use playground::{
    Options, Playground,
    flood::{Flood, FloodOptions},
    store::Store,
};

use crate::{
    children::{Guarded, ask, server, until},
    process::{Numbers, proc_number},
    role::WORD,
};

/// The longest that one list may take.
const PATIENCE: Duration = Duration::from_secs(300);

/// Plays the cluster: `events` Events, and the kubeconfig at `path` when they are there.
pub fn playground(path: &Path, events: u64) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let playground = Playground::start(Options::default(), &tasks, stop).await?;
        let live = usize::try_from(events)?;
        let options = FloodOptions { updates: 0.0, live, ..FloodOptions::default() };
        let mut flood = Flood::new(options);
        while flood.written() < events {
            let now = SystemClock.now();
            playground.storage().write(|store| flood.write(store, 1000, now));
            tokio::task::yield_now().await;
        }
        // The history is of no use here, and large.
        playground.storage().write(|store: &mut Store| store.compact(store.revision()));
        let begun = path.with_extension("begun");
        fs::write(&begun, playground.kubeconfig())?;
        fs::rename(begun, path)?;
        tasks.ended().await;
        Ok(())
    })
}

/// Plays the program itself, with the command line `arguments`.
pub fn tidings(arguments: &[String]) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let line = std::iter::once("tidings").chain(arguments.iter().map(String::as_str));
    let outcome = runtime.block_on(tidings::cli::Cli::parse_from(line).run());
    outcome.map_err(|failure| failure.error)?;
    Ok(())
}

/// Lets the program list `events` Events twice, and looks at its memory.
pub fn measure(folder: &Path, events: u64) -> anyhow::Result<Numbers> {
    let folder = tempfile::tempdir_in(folder)?;
    let at = |name: &str| folder.path().join(name);
    let myself = std::env::current_exe()?;
    let kubeconfig = at("kubeconfig.yaml");
    let mut cluster = Command::new(&myself);
    cluster.args([WORD, "playground"]).arg(&kubeconfig).arg(events.to_string());
    let mut cluster = Guarded(cluster.spawn()?);
    until(PATIENCE, || Ok(kubeconfig.exists()), &mut cluster.0)?;
    let server = server(&fs::read_to_string(&kubeconfig)?)?;

    let (config, log) = (at("config.yaml"), at("log"));
    let events_file = at("events.jsonl");
    fs::write(
        &config,
        format!(
            "maxEventAgeSeconds: 1\nomitLookup: true\nlimits: {{perNamespace: off}}\nroute:\n  routes:\n  - match:\n    - receiver: file\nreceivers:\n- name: file\n  repeats: every\n  file: {{path: '{}'}}\n",
            events_file.display()
        ),
    )?;
    let mut tidings = Command::new(&myself);
    tidings.args([WORD, "tidings", "run"]).arg("--config").arg(&config);
    tidings.arg("--kubeconfig").arg(&kubeconfig).arg("--state").arg(at("state"));
    tidings.stderr(fs::File::create(&log)?).stdout(Stdio::null());
    let mut tidings = Guarded(tidings.spawn()?);
    let lists = || anyhow::Ok(fs::read_to_string(&log)?.matches("list done").count());
    let memory = |tidings: &Guarded, word: &str| {
        proc_number(&tidings.0.id().to_string(), "status", word) / 1024.0
    };
    until(PATIENCE, || Ok(lists()? == 1), &mut tidings.0)?;
    let first = memory(&tidings, "VmRSS");
    // A watch that ends, and one that closes at once: the position is stale, and a list needed.
    for fault in ["closeAtOnce", "endWatch"] {
        let body = format!("{{\"fault\":\"{fault}\",\"on\":\"watch\",\"resource\":\"events\"}}");
        ask(&server, "POST", "/playground/faults", &body)?;
    }
    until(PATIENCE, || Ok(lists()? == 2), &mut tidings.0)?;
    let (rss, most) = (memory(&tidings, "VmRSS"), memory(&tidings, "VmHWM"));
    let numbers = [("first", first), ("rss", rss), ("most", most)];
    Ok(numbers.map(|(name, number)| (name.to_owned(), number)).into())
}
