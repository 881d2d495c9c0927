//! What a test starts from and what it looks at: a folder with a config, lives of the binary in it, a
//! pretend cluster, a webhook.

use std::{
    cell::Cell,
    fs::{self, File},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use event::{Clock, Event, Stop, SystemClock, Tasks, time::whole_seconds};
use jiff::SignedDuration;
use playground::{Options, Playground};
use serde_json::Value;
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    time::{Instant, sleep},
};

/// Everything that a test waits for happens within this time, also on a machine with a lot to do.
const PATIENCE: Duration = Duration::from_secs(150);

/// How often a test looks whether it has happened.
const LOOK: Duration = Duration::from_millis(10);

/// Every revision goes to `events.jsonl`. The events of most tests are about nothing.
pub(crate) const TO_A_FILE: &str = "
omitLookup: true
route: {match: [{receiver: file}]}
receivers:
- {name: file, repeats: every, file: {path: events.jsonl}}
";

/// A folder in which the binary runs. Paths on its command line and in its config are relative to it.
pub(crate) struct Scene {
    folder: TempDir,
    lives: Cell<usize>,
}

impl Scene {
    /// With this `config.yaml`.
    pub(crate) fn new(config: &str) -> Self {
        let scene = Self { folder: tempfile::tempdir().unwrap(), lives: Cell::new(0) };
        scene.write("config.yaml", config);
        scene
    }

    /// With a `kubeconfig` for this cluster as well.
    pub(crate) fn with_cluster(config: &str, cluster: &Cluster) -> Self {
        let scene = Self::new(config);
        scene.write("kubeconfig", cluster.playground.kubeconfig());
        scene
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    /// Starts the binary with these arguments and nothing to read.
    pub(crate) fn start(&self, arguments: &str) -> Life {
        self.start_with(arguments, Stdio::null())
    }

    /// Starts the binary with this standard input.
    pub(crate) fn start_with(&self, arguments: &str, input: impl Into<Stdio>) -> Life {
        let number = self.lives.get() + 1;
        self.lives.set(number);
        let (out, log) = (self.path(&format!("out.{number}")), self.path(&format!("log.{number}")));
        let child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(arguments.split_whitespace())
            .current_dir(&self.folder)
            .env_clear()
            .env("HOME", self.path("home"))
            // Tests run side by side; the one about metrics asks for a port of its own.
            .env("TIDINGS_METRICS_ADDRESS", "off")
            .stdin(input)
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&log).unwrap())
            .spawn()
            .unwrap();
        let folder = self.folder.path().canonicalize().unwrap();
        Life { child, out, log, folder }
    }

    /// Runs it to its end.
    pub(crate) async fn run(&self, arguments: &str) -> Ended {
        self.start(arguments).ends().await
    }

    /// What the receiver `file` was given so far.
    pub(crate) fn events(&self) -> Vec<String> {
        self.lines("events.jsonl")
    }

    /// The whole lines of a file; none when it is not there.
    pub(crate) fn lines(&self, name: &str) -> Vec<String> {
        let text = fs::read_to_string(self.path(name)).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole.lines().map(str::to_owned).collect()
    }

    /// Waits until the receiver `file` has this many documents; gives their names.
    pub(crate) async fn has(&self, documents: usize) -> Vec<String> {
        until(|| self.events().len() >= documents, || format!("{:#?}", self.events())).await;
        names(&self.events())
    }
}

/// One run of the binary.
pub(crate) struct Life {
    child: Child,
    out: PathBuf,
    log: PathBuf,
    folder: PathBuf,
}

/// How a run ended.
#[derive(Debug)]
pub(crate) struct Ended {
    pub(crate) code: Option<i32>,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error, without times and with `FOLDER` for the scene's folder.
    pub(crate) log: String,
}

impl Life {
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Standard error so far, as in [`Ended::log`].
    pub(crate) fn log(&self) -> String {
        plain(&read(&self.log), &self.folder)
    }

    /// Waits until it has said this.
    pub(crate) async fn says(&self, text: &str) {
        until(|| self.log().contains(text), || format!("no `{text}` in\n{}", self.log())).await;
    }

    /// SIGTERM.
    pub(crate) fn terminate(&self) {
        self.signal(rustix::process::Signal::TERM);
    }

    pub(crate) fn signal(&self, signal: rustix::process::Signal) {
        let id = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(id, signal).unwrap();
    }

    /// Waits for its end.
    pub(crate) async fn ends(mut self) -> Ended {
        let mut code = None;
        let began = Instant::now();
        while code.is_none() {
            assert!(began.elapsed() < PATIENCE, "it does not end:\n{}", self.log());
            sleep(LOOK).await;
            code = self.child.try_wait().unwrap();
        }
        Ended { code: code.and_then(|code| code.code()), out: read(&self.out), log: self.log() }
    }

    /// SIGKILL, and its end.
    pub(crate) async fn dies(mut self) {
        self.child.kill().unwrap();
        assert_eq!(self.ends().await.code, None);
    }

    /// SIGTERM, and its end, which must be a good one.
    pub(crate) async fn stops(self) -> Ended {
        self.terminate();
        let ended = self.ends().await;
        assert_eq!(ended.code, Some(0), "{}", ended.log);
        ended
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        drop(self.child.kill());
        drop(self.child.wait());
    }
}

impl Ended {
    /// The lines of the log that contain `text`.
    pub(crate) fn lines_with(&self, text: &str) -> Vec<&str> {
        self.log.lines().filter(|line| line.contains(text)).collect()
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// A log without what differs from run to run.
fn plain(log: &str, folder: &Path) -> String {
    let folder = folder.display().to_string();
    let plain = |line: &str| {
        let begins_with_time = line.starts_with("20") && line.get(27..28) == Some(" ");
        let line = if begins_with_time { line[27..].trim_start() } else { line };
        // Which task says it is left out.
        let line = match line.rfind(" name=\"") {
            Some(end) if line.contains(" task: ") => line[..end].replacen(" task: ", " ", 1),
            _ => line.to_owned(),
        };
        line.replace(&folder, "FOLDER") + "\n"
    };
    log.lines().map(plain).collect()
}

/// Waits for a condition, not for ever; `otherwise` says what there was instead.
pub(crate) async fn until(holds: impl Fn() -> bool, otherwise: impl Fn() -> String) {
    let began = Instant::now();
    while !holds() {
        assert!(began.elapsed() < PATIENCE, "waited in vain: {}", otherwise());
        sleep(LOOK).await;
    }
}

/// Asserts that `text` is `pattern`, in which `*` stands for whatever is on that line.
#[track_caller]
pub(crate) fn assert_like(text: &str, pattern: &str) {
    let (lines, patterns): (Vec<_>, Vec<_>) = (text.lines().collect(), pattern.lines().collect());
    let alike = lines.len() == patterns.len()
        && lines.iter().zip(&patterns).all(|(line, pattern)| is_like(line, pattern));
    assert!(alike, "expected:\n{pattern}\n\nfound:\n{text}");
}

fn is_like(line: &str, pattern: &str) -> bool {
    let Some((start, rest)) = pattern.split_once('*') else {
        return line == pattern;
    };
    let Some(line) = line.strip_prefix(start) else {
        return false;
    };
    (0..=line.len()).any(|at| line.is_char_boundary(at) && is_like(&line[at..], rest))
}

/// The Event of this name as core/v1 writes it.
pub(crate) fn core(name: &str, revision: u64, count: u32) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"{name}","namespace":"shop","uid":"uid-{name}","resourceVersion":"{revision}","creationTimestamp":"2026-01-02T03:04:05Z"}},"involvedObject":{{"kind":"Pod","namespace":"shop","name":"web-0","uid":"pod-1","apiVersion":"v1"}},"reason":"BackOff","message":"a < b","source":{{"component":"kubelet","host":"node-1"}},"firstTimestamp":"2026-01-02T03:04:05Z","lastTimestamp":"2026-01-02T03:05:06Z","count":{count},"type":"Warning","eventTime":null,"reportingComponent":"kubelet","reportingInstance":"node-1"}}"#
    )
}

/// The same as events.k8s.io/v1 writes it.
pub(crate) fn newer(name: &str, revision: u64, count: u32) -> String {
    format!(
        r#"{{"kind":"Event","apiVersion":"events.k8s.io/v1","metadata":{{"name":"{name}","namespace":"shop","uid":"uid-{name}","resourceVersion":"{revision}","creationTimestamp":"2026-01-02T03:04:05Z"}},"eventTime":null,"reportingController":"kubelet","reportingInstance":"node-1","reason":"BackOff","regarding":{{"kind":"Pod","namespace":"shop","name":"web-0","uid":"pod-1","apiVersion":"v1"}},"note":"a < b","type":"Warning","deprecatedSource":{{"component":"kubelet","host":"node-1"}},"deprecatedFirstTimestamp":"2026-01-02T03:04:05Z","deprecatedLastTimestamp":"2026-01-02T03:05:06Z","deprecatedCount":{count}}}"#
    )
}

/// What receivers get of it.
pub(crate) fn document(name: &str, revision: u64, count: u32) -> String {
    format!(
        r#"{{"metadata":{{"name":"{name}","namespace":"shop","uid":"uid-{name}","resourceVersion":"{revision}","creationTimestamp":"2026-01-02T03:04:05Z"}},"reason":"BackOff","message":"a \u003c b","source":{{"component":"kubelet","host":"node-1"}},"firstTimestamp":"2026-01-02T03:04:05Z","lastTimestamp":"2026-01-02T03:05:06Z","count":{count},"type":"Warning","eventTime":null,"reportingComponent":"kubelet","reportingInstance":"node-1","clusterName":"","involvedObject":{{"kind":"Pod","namespace":"shop","name":"web-0","uid":"pod-1","apiVersion":"v1","deleted":false}}}}"#
    )
}

/// The names in documents, with the count where it is not 1.
pub(crate) fn names(documents: &[String]) -> Vec<String> {
    let name = |document: &String| {
        let document: Value = serde_json::from_str(document).unwrap();
        let name = document["metadata"]["name"].as_str().unwrap_or_default().to_owned();
        match document["count"].as_u64() {
            None | Some(1) => name,
            Some(count) => format!("{name}×{count}"),
        }
    };
    documents.iter().map(name).collect()
}

/// A pretend cluster in the process of the test.
pub(crate) struct Cluster {
    pub(crate) playground: Playground,
    stop: Stop,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.fire();
    }
}

impl Cluster {
    pub(crate) async fn start() -> Self {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let options = Options::default();
        let playground = Playground::start(options, &tasks, stop.clone()).await.unwrap();
        Self { playground, stop }
    }

    /// Stores an Event, with a uid and a resourceVersion from the store.
    pub(crate) fn store(&self, event: Event) -> Arc<Event> {
        let now = SystemClock.now();
        self.playground.storage().write(|store| store.create(event, now)).unwrap()
    }

    /// Something happens now.
    pub(crate) fn create(&self, name: &str) -> Arc<Event> {
        self.store(happening(name, SignedDuration::ZERO))
    }

    /// Something happened this long ago.
    pub(crate) fn create_old(&self, name: &str, age: SignedDuration) -> Arc<Event> {
        self.store(happening(name, age))
    }

    /// It happens once more.
    pub(crate) fn repeat(&self, name: &str) {
        let now = SystemClock.now();
        self.playground.storage().write(|store| {
            let mut event = Event::clone(store.get("shop", name).unwrap());
            event.count += 1;
            event.last_timestamp = Some(whole_seconds(now));
            store.update(event, now).unwrap();
        });
    }
}

/// An Event in the namespace `shop`.
pub(crate) fn happening(name: &str, age: SignedDuration) -> Event {
    let time = whole_seconds(SystemClock.now() - age);
    let mut event = Event {
        reason: "BackOff".into(),
        message: "Back-off restarting failed container".into(),
        kind: "Warning".into(),
        count: 1,
        first_timestamp: Some(time),
        last_timestamp: Some(time),
        ..Event::default()
    };
    event.metadata.name = name.into();
    event.metadata.namespace = "shop".into();
    event.involved.reference.kind = "Pod".into();
    event.involved.reference.name = "web-0".into();
    event.involved.reference.namespace = "shop".into();
    event
}

/// A webhook that judges each body by a status and keeps those that it takes.
pub(crate) struct Hook {
    addr: SocketAddr,
    taken: Arc<Mutex<Vec<String>>>,
    stop: Stop,
}

impl Drop for Hook {
    fn drop(&mut self) {
        self.stop.fire();
    }
}

impl Hook {
    pub(crate) async fn start(judge: impl Fn(&str) -> u16 + Send + Sync + 'static) -> Self {
        Self::start_at(nowhere(), judge).await
    }

    /// At this address, where nobody listened before.
    pub(crate) async fn start_at(
        addr: SocketAddr,
        judge: impl Fn(&str) -> u16 + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind(addr).await.unwrap();
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let (taken, judge) = (Arc::default(), Arc::new(judge));
        let hook = Self { addr, taken: Arc::clone(&taken), stop: stop.clone() };
        tasks.clone().spawn("hook", async move {
            loop {
                let accepted = tokio::select! {
                    () = stop.fired() => return,
                    accepted = listener.accept() => accepted,
                };
                let Ok((stream, _)) = accepted else { continue };
                let (taken, judge, stop) = (Arc::clone(&taken), Arc::clone(&judge), stop.clone());
                tasks.spawn("hook-connection", async move {
                    tokio::select! {
                        () = stop.fired() => {}
                        () = serve(stream, &taken, &*judge) => {}
                    }
                });
            }
        });
        hook
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// The documents that it took.
    pub(crate) fn taken(&self) -> Vec<String> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until it has taken so many; gives their names.
    pub(crate) async fn has(&self, documents: usize) -> Vec<String> {
        until(|| self.taken().len() >= documents, || format!("{:#?}", self.taken())).await;
        names(&self.taken())
    }
}

/// An address at which nobody listens, and at which nobody else will.
pub(crate) fn nowhere() -> SocketAddr {
    // Others take a port of 127.0.0.1.
    let listener = std::net::TcpListener::bind("127.0.0.2:0").unwrap();
    listener.local_addr().unwrap()
}

async fn serve(
    mut stream: TcpStream,
    taken: &Mutex<Vec<String>>,
    judge: &(dyn Fn(&str) -> u16 + Sync),
) {
    let mut buffer = Vec::new();
    while let Some(body) = request(&mut stream, &mut buffer).await {
        let body = String::from_utf8(body).unwrap();
        let status = judge(&body);
        if status < 300 {
            taken.lock().unwrap_or_else(PoisonError::into_inner).push(body);
        }
        let answer = format!("HTTP/1.1 {status} Judged\r\ncontent-length: 4\r\n\r\nword");
        if stream.write_all(answer.as_bytes()).await.is_err() {
            return;
        }
    }
}

/// The body of the next request; nothing when the connection ends.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        more(stream, buffer).await?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"));
    let length = length.unwrap_or("0");
    let length: usize = length.trim().parse().ok()?;
    while buffer.len() < head + length {
        more(stream, buffer).await?;
    }
    let rest = buffer.split_off(head + length);
    Some(std::mem::replace(buffer, rest).split_off(head))
}

async fn more(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}

/// Asks an HTTP server on loopback: the status and the body.
pub(crate) async fn get(address: &str, path: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// Compares with the text in `texts/`; with `UPDATE_TEXTS` in the environment it is rewritten instead.
#[track_caller]
pub(crate) fn assert_text(text: &str, name: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/texts").join(name);
    if std::env::var_os("UPDATE_TEXTS").is_some() {
        fs::write(&path, text).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap_or_default();
    assert_eq!(text, expected, "texts/{name} says otherwise; UPDATE_TEXTS=1 rewrites it");
}
