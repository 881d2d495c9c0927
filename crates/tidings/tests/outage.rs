//! `make outage`: a receiver is down while a day's worth of events comes in, and then it is back.
//!
//! `EVENTS` says how many (200 000). The real binary reads them from a pipe while its webhook answers 503. All
//! must arrive, each object's in order; memory must not have grown by more than 10 MB, and the journal must take what
//! `tidings capacity` forecasts, or less. The last line is the result.

use std::{
    collections::HashMap,
    fs,
    io::Write as _,
    net::Ipv4Addr,
    path::Path,
    process::{Child, Command, ExitCode, Stdio},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::{Context, ensure};
use event::{Stop, Tasks};
use playground::random::Random;
use serde::Deserialize;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

/// The most that memory may grow while events pile up and go out. What is remembered of each live Event is part of it.
const GROWTH: u64 = 10 << 20;

/// What the journal's log takes, however much is in the journal.
const LOG: u64 = 10 << 20;

/// The objects that the events are about.
const OBJECTS: usize = 4000;

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(300);

fn main() -> anyhow::Result<ExitCode> {
    let events = std::env::var("EVENTS").ok().and_then(|text| text.parse().ok());
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(outage(events.unwrap_or(200_000)))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Document {
    metadata: Metadata,
    involved_object: Object,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metadata {
    resource_version: String,
}

#[derive(Deserialize)]
struct Object {
    name: String,
}

/// What came, and in which order.
#[derive(Default)]
struct Taken {
    events: u64,
    /// Of each object the newest revision.
    newest: HashMap<String, u64>,
    out_of_order: u64,
}

async fn outage(events: u64) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("tidings-outage").tempdir()?;
    let (is_down, taken) =
        (Arc::new(AtomicBool::new(true)), Arc::new(Mutex::new(Taken::default())));
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let url = format!("http://{}/", listener.local_addr()?);
    let tasks = Tasks::new(Stop::new());
    let shared = (Arc::clone(&is_down), Arc::clone(&taken));
    tasks.spawn("webhook", accept(listener, shared, tasks.clone()));
    let mut binary = start(folder.path(), &url)?;
    let outcome = play(&mut binary, folder.path(), events, &is_down, &taken).await;
    drop(binary.kill());
    drop(binary.wait());
    if outcome.is_err() {
        let log = fs::read_to_string(folder.path().join("log")).unwrap_or_default();
        say(&format!(
            "the log ends so:\n{}",
            log.lines().rev().take(20).collect::<Vec<_>>().join("\n")
        ));
    }
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn play(
    binary: &mut Child,
    folder: &Path,
    events: u64,
    is_down: &AtomicBool,
    taken: &Mutex<Taken>,
) -> anyhow::Result<()> {
    let count = || lock(taken).events;
    let mut input = binary.stdin.take().context("no standard input")?;
    let mut random = Random::new(1);
    // Caches fill, and the journal's memory, before what is measured begins.
    let first = events / 5;
    write(&mut input, &mut random, 0, first)?;
    wait("the first part to be saved", || async { Ok(waiting(folder).await? >= first) }).await?;
    sleep(Duration::from_secs(2)).await;
    let before = resident(binary)?;
    write(&mut input, &mut random, first, events)?;
    wait("all to be saved", || async { Ok(waiting(folder).await? >= events) }).await?;
    sleep(Duration::from_secs(2)).await;
    let piled = resident(binary)?;
    let disk = used(folder);
    let row = forecast(folder)?;
    ensure!(count() == 0, "{} events were taken by a receiver that is down", count());
    is_down.store(false, Ordering::SeqCst);
    let began = Instant::now();
    wait("all to be delivered", || async { Ok(count() >= events) }).await?;
    let seconds = began.elapsed().as_secs_f64();
    let after = resident(binary)?;
    drop(input);
    let (count, out_of_order) = (count(), lock(taken).out_of_order);
    let mib = |bytes: u64| bytes / 1024;
    say(&format!(
        "{events} events while the receiver was down, {count} delivered, {out_of_order} out of order; memory {} KiB before, {} KiB \
         with all of them waiting, {} KiB after {seconds:.0} s of delivery; {} B of disk an event, {row} B forecast",
        mib(before),
        mib(piled),
        mib(after),
        disk / events,
    ));
    ensure!(count == events && out_of_order == 0, "not each once, or not in order");
    ensure!(piled <= before + GROWTH, "memory grew while events piled up");
    ensure!(after <= before + GROWTH, "memory grew while events were delivered");
    ensure!(disk <= events * row * 105 / 100 + LOG, "the journal takes more than was forecast");
    Ok(())
}

fn start(folder: &Path, url: &str) -> anyhow::Result<Child> {
    let config = format!(
        "omitLookup: true\nroute: {{match: [{{receiver: hook}}]}}\nreceivers:\n\
         - {{name: hook, repeats: every, webhook: {{endpoint: '{url}', batch: true}}}}\n"
    );
    fs::write(folder.join("config.yaml"), config)?;
    let log = fs::File::create(folder.join("log"))?;
    Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["run", "--config", "config.yaml", "--source", "-", "--state", "state"])
        .current_dir(folder)
        .env("TIDINGS_METRICS_ADDRESS", "off")
        .env_remove("RUST_LOG")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()
        .context("the binary cannot be started")
}

/// Writes the events from one number up to another.
fn write(
    to: &mut impl std::io::Write,
    random: &mut Random,
    from: u64,
    upto: u64,
) -> anyhow::Result<()> {
    let mut to = std::io::BufWriter::with_capacity(1 << 20, to);
    for number in from..upto {
        let object = random.below(OBJECTS);
        let (revision, pod) = (number + 1000, format!("checkout-{:x}-{object:05x}", object * 7919));
        let hash = random.bits();
        writeln!(
            to,
            r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"{pod}.{hash:016x}","namespace":"shop-{}","uid":"{:08x}-{:04x}-4{:03x}-8{:03x}-{number:012x}","resourceVersion":"{revision}","creationTimestamp":"2026-01-02T03:04:05Z"}},"involvedObject":{{"kind":"Pod","namespace":"shop-{}","name":"{pod}","uid":"{:08x}-1111-4222-8333-{object:012x}","apiVersion":"v1","resourceVersion":"{}","fieldPath":"spec.containers{{app}}"}},"reason":"BackOff","message":"Back-off restarting failed container app in pod {pod}","source":{{"component":"kubelet","host":"node-{}"}},"firstTimestamp":"2026-01-02T03:04:05Z","lastTimestamp":"2026-01-02T03:05:06Z","count":1,"type":"Warning","eventTime":null,"reportingComponent":"kubelet","reportingInstance":"node-{}"}}"#,
            object % 40,
            hash >> 32,
            hash & 0xffff,
            (hash >> 16) & 0xfff,
            (hash >> 28) & 0xfff,
            object % 40,
            object * 104_729,
            revision - 7,
            object % 100,
            object % 100,
        )?;
    }
    to.flush()?;
    Ok(())
}

/// How many events the process says are waiting.
async fn waiting(folder: &Path) -> anyhow::Result<u64> {
    let output = tokio::process::Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["lanes", "--format", "json", "--state", "state"])
        .current_dir(folder)
        .output()
        .await?;
    let lane: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    Ok(lane["waiting"].as_u64().unwrap_or_default())
}

/// What `tidings capacity` says that an event takes.
fn forecast(folder: &Path) -> anyhow::Result<u64> {
    let output = Command::new(env!("CARGO_BIN_EXE_tidings"))
        .args(["capacity", "--format", "json", "--state", "state"])
        .current_dir(folder)
        .output()?;
    let said: serde_json::Value = serde_json::from_slice(&output.stdout)?;
    said["bytesPerEvent"].as_u64().context("no forecast")
}

/// Bytes of the journal and its log.
fn used(folder: &Path) -> u64 {
    let entries = fs::read_dir(folder.join("state")).into_iter().flatten().flatten();
    let entries = entries.filter(|it| !it.file_name().to_string_lossy().ends_with(".reserve"));
    entries.filter_map(|it| Some(it.metadata().ok()?.len())).sum()
}

/// Bytes of memory of the process.
fn resident(binary: &Child) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{}/status", binary.id()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.trim().strip_suffix(" kB")).context("no VmRSS")?;
    Ok(kib.trim().parse::<u64>()? * 1024)
}

async fn wait<F: Future<Output = anyhow::Result<bool>>>(
    what: &str,
    holds: impl Fn() -> F,
) -> anyhow::Result<()> {
    let began = Instant::now();
    while !holds().await? {
        ensure!(began.elapsed() < PATIENCE, "waited in vain for {what}");
        sleep(Duration::from_millis(200)).await;
    }
    Ok(())
}

async fn accept(
    listener: TcpListener,
    (is_down, taken): (Arc<AtomicBool>, Arc<Mutex<Taken>>),
    tasks: Tasks,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let serving = serve(stream, Arc::clone(&is_down), Arc::clone(&taken));
        tasks.spawn("webhook-connection", serving);
    }
}

async fn serve(mut stream: TcpStream, is_down: Arc<AtomicBool>, taken: Arc<Mutex<Taken>>) {
    let mut buffer = Vec::new();
    while let Some(body) = request(&mut stream, &mut buffer).await {
        let answer: &[u8] = if is_down.load(Ordering::SeqCst) {
            b"HTTP/1.1 503 Service Unavailable\r\ncontent-length: 0\r\n\r\n"
        } else {
            let documents: Vec<Document> = serde_json::from_slice(&body).unwrap_or_default();
            let mut taken = lock(&taken);
            for document in documents {
                let revision = document.metadata.resource_version.parse().unwrap_or_default();
                let newest = taken.newest.insert(document.involved_object.name, revision);
                taken.out_of_order += u64::from(newest.is_some_and(|newest| newest >= revision));
                taken.events += 1;
            }
            b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"
        };
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        (stream.read_buf(buffer).await.ok()? > 0).then_some(())?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    let length: usize = length.trim().parse().ok()?;
    while buffer.len() < head + length {
        (stream.read_buf(buffer).await.ok()? > 0).then_some(())?;
    }
    let rest = buffer.split_off(head + length);
    Some(std::mem::replace(buffer, rest).split_off(head))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn say(text: &str) {
    // Nobody may be there to read it.
    drop(writeln!(std::io::stdout(), "{text}"));
}
