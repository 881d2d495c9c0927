//! `tidings playground` and `tidings run`, each as a process of its own.

use std::{
    fs::{self, File},
    io::{BufRead, BufReader},
    path::{Path, PathBuf},
    process::{Child, ChildStdout, Command, ExitStatus, Stdio},
    time::Duration,
};

use anyhow::{Context, ensure};
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{Instant, sleep},
};

/// How long an Event lives after its last write, in seconds.
const TTL: &str = "12";
/// More Events than are ever alive, so that they go by their age.
const LIVE: &str = "100000";

/// Ends with whoever holds it.
struct Process(Child);

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// The pretend cluster, which is flooded from the start.
pub(crate) struct Cluster {
    process: Process,
    address: String,
    /// Closed, the program would fail when it says something.
    _out: BufReader<ChildStdout>,
}

impl Cluster {
    pub(crate) fn start(folder: &Path, rate: u64) -> anyhow::Result<Self> {
        let mut child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["playground", "--ttl", TTL, "--live", LIVE, "--rate", &rate.to_string()])
            .arg("--kubeconfig-out")
            .arg(folder.join("kubeconfig.yaml"))
            .stdout(Stdio::piped())
            .stderr(File::create(folder.join("playground.log"))?)
            .spawn()
            .context("the playground cannot be started")?;
        let out = child.stdout.take().context("it has no output")?;
        let process = Process(child);
        let mut out = BufReader::new(out);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let address = line.trim().strip_prefix("listening on http://").context("no address")?;
        Ok(Self { process, address: address.to_owned(), _out: out })
    }

    /// What it answers to `/playground/PATH`.
    pub(crate) async fn ask(&mut self, path: &str) -> anyhow::Result<String> {
        ensure!(self.process.0.try_wait()?.is_none(), "the playground ended by itself");
        let mut stream = TcpStream::connect(&self.address).await?;
        // 1.0: whole, and over when the connection is.
        let request = format!("GET /playground/{path} HTTP/1.0\r\nhost: playground\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let (head, body) = answer.split_once("\r\n\r\n").context("no answer")?;
        ensure!(head.contains(" 200 "), "{head}");
        Ok(body.to_owned())
    }
}

/// The binary under test.
pub(crate) struct Subject {
    process: Process,
    folder: PathBuf,
    webhook: String,
}

impl Subject {
    /// Starts it with everything in `folder`, where the kubeconfig is already.
    pub(crate) fn start(folder: &Path, webhook: &str) -> anyhow::Result<Self> {
        fs::create_dir(folder.join("events"))?;
        configure(folder, webhook, 0)?;
        let child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["run", "--metrics-address", "off"])
            .arg("--config")
            .arg(folder.join("config.yaml"))
            .arg("--kubeconfig")
            .arg(folder.join("kubeconfig.yaml"))
            .arg("--state")
            .arg(folder.join("state"))
            .env_remove("RUST_LOG")
            .stderr(File::create(folder.join("tidings.log"))?)
            .spawn()
            .context("the binary cannot be started")?;
        Ok(Self { process: Process(child), folder: folder.to_owned(), webhook: webhook.to_owned() })
    }

    pub(crate) fn id(&self) -> u32 {
        self.process.0.id()
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.folder.join("state")
    }

    /// It must not have ended.
    pub(crate) fn is_alive(&mut self) -> anyhow::Result<()> {
        let ended = self.process.0.try_wait()?;
        ensure!(ended.is_none(), "the binary ended by itself: {ended:?}\n{}", self.log());
        Ok(())
    }

    /// Another config, in which the webhook is another one.
    pub(crate) fn reload(&self, number: usize) -> anyhow::Result<()> {
        configure(&self.folder, &self.webhook, number)?;
        Ok(kill_process(Pid::from_child(&self.process.0), Signal::HUP)?)
    }

    /// How many configs it obeyed after the first.
    pub(crate) fn reloads(&self) -> usize {
        let log = fs::read_to_string(self.folder.join("tidings.log")).unwrap_or_default();
        log.lines().filter(|line| line.contains(" is obeyed now: ")).count()
    }

    /// SIGTERM, and how it ended; nothing when it does not end in time.
    pub(crate) async fn stop(&mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        kill_process(Pid::from_child(&self.process.0), Signal::TERM)?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.process.0.try_wait()? {
                return Ok(Some(status));
            }
            sleep(Duration::from_millis(20)).await;
        }
        Ok(None)
    }

    /// The end of its log, for whoever must find out why.
    pub(crate) fn log(&self) -> String {
        let text = fs::read_to_string(self.folder.join("tidings.log")).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        lines[lines.len().saturating_sub(15)..].join("\n")
    }
}

fn configure(folder: &Path, webhook: &str, number: usize) -> anyhow::Result<()> {
    let path = folder.join("events/events.jsonl");
    let config = format!(
        "logLevel: info\nmaxEventAgeSeconds: 3600\nomitLookup: true\nlimits: {{perNamespace: off}}\n\
         route:\n  routes:\n  - match:\n    - receiver: file\n    - receiver: webhook\n\
         receivers:\n\
         - name: file\n  repeats: every\n  file: {{path: '{}', maxsize: 25}}\n\
         - name: webhook\n  repeats: every\n  webhook: {{endpoint: '{webhook}', batch: true, headers: {{X-Number: n{number}}}}}\n",
        path.display()
    );
    let new = folder.join("config.new");
    fs::write(&new, config)?;
    Ok(fs::rename(&new, folder.join("config.yaml"))?)
}
