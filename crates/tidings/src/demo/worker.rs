//! The worker: this same program as a child process, so that it can really be killed.

use std::{
    collections::VecDeque,
    io,
    path::PathBuf,
    process::{ExitStatus, Stdio},
    sync::{Arc, Mutex},
    time::Duration,
};

use event::Tasks;
use rustix::process::{Pid, Signal, kill_process};
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    process::{Child, Command},
};

use super::books::lock;

/// So many of its last lines are kept, to say why it ended.
const LAST_LINES: usize = 8;
/// Through these a webhook on this machine would be looked for elsewhere.
const PROXIES: [&str; 6] =
    ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"];

/// Where the worker's files are.
#[derive(Debug, Clone)]
pub(super) struct Files {
    /// This program.
    pub(super) program: PathBuf,
    /// Its config.
    pub(super) config: PathBuf,
    /// The way to the API server.
    pub(super) kubeconfig: PathBuf,
    /// Its state folder.
    pub(super) state: PathBuf,
}

/// A worker that runs, or was killed.
#[derive(Debug)]
pub(super) struct Worker {
    files: Files,
    tasks: Tasks,
    child: Child,
    log: Arc<Mutex<Log>>,
}

/// What it wrote to standard error.
#[derive(Debug, Default)]
struct Log {
    last: VecDeque<String>,
    watching_from: Option<u64>,
}

impl Worker {
    /// Starts it.
    pub(super) fn start(files: Files, tasks: Tasks) -> io::Result<Self> {
        let log = Arc::default();
        let child = spawn(&files, &tasks, &log)?;
        Ok(Self { files, tasks, child, log })
    }

    /// Starts it again after it was killed.
    pub(super) fn start_again(&mut self) -> io::Result<()> {
        self.log = Arc::default();
        self.child = spawn(&self.files, &self.tasks, &self.log)?;
        Ok(())
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// SIGKILL: no chance to save or to say anything.
    pub(super) async fn kill(&mut self) -> io::Result<()> {
        self.child.kill().await
    }

    /// SIGTERM, and SIGKILL when it has not ended after `grace`. Gives how it ended.
    pub(super) async fn stop(&mut self, grace: Duration) -> io::Result<ExitStatus> {
        let id = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let Some(id) = id {
            kill_process(id, Signal::TERM)?;
        }
        if let Ok(ended) = tokio::time::timeout(grace, self.child.wait()).await {
            return ended;
        }
        self.child.kill().await?;
        self.child.wait().await
    }

    /// The revision that it watches from, once it has said so.
    pub(super) fn watching_from(&self) -> Option<u64> {
        lock(&self.log).watching_from
    }

    /// What it said last.
    pub(super) fn last_lines(&self) -> Vec<String> {
        lock(&self.log).last.iter().cloned().collect()
    }
}

fn spawn(files: &Files, tasks: &Tasks, log: &Arc<Mutex<Log>>) -> io::Result<Child> {
    let mut command = Command::new(&files.program);
    command.args(["run", "--metrics-address", "off", "--config"]).arg(&files.config);
    command.arg("--kubeconfig").arg(&files.kubeconfig);
    command.arg("--state").arg(&files.state);
    // We read in its log where it goes on, whatever the user's own setting is.
    command.env("RUST_LOG", "info");
    for name in PROXIES {
        command.env_remove(name);
    }
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    // It must not outlive us when we panic. It stays in our process group, so that a closed terminal
    // reaches it, too.
    command.kill_on_drop(true);
    let mut child = command.spawn()?;
    if let Some(stderr) = child.stderr.take() {
        tasks.spawn("demo-worker-log", read(stderr, Arc::clone(log)));
    }
    Ok(child)
}

async fn read(stderr: impl AsyncRead + Unpin, log: Arc<Mutex<Log>>) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        tracing::debug!(line, "the worker says");
        lock(&log).add(line);
    }
}

impl Log {
    fn add(&mut self, line: String) {
        self.watching_from = watching_from(&line).or(self.watching_from);
        if self.last.len() == LAST_LINES {
            self.last.pop_front();
        }
        self.last.push_back(line);
    }
}

/// The revision in a line that says that a watch is open, as text or as JSON.
fn watching_from(line: &str) -> Option<u64> {
    line.find("watching")?;
    let (_, after) = line.split_once("revision")?;
    let digits = after.trim_start_matches(|char: char| !char.is_ascii_digit());
    let end = digits.find(|char: char| !char.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_revision_is_found_in_both_forms_of_the_log() {
        let text = "2026-11-20T06:47:15Z  INFO task: watching revision=48211 live=3 name=collect";
        assert_eq!(watching_from(text), Some(48211));
        let json = r#"{"level":"INFO","message":"watching","revision":48211,"live":3}"#;
        assert_eq!(watching_from(json), Some(48211));
        assert_eq!(watching_from("INFO list done events=12"), None);
        assert_eq!(watching_from("INFO watching for signals"), None);
    }

    #[test]
    fn the_last_lines_are_kept() {
        let mut log = Log::default();
        (0..20).for_each(|number| log.add(format!("line {number}")));
        assert_eq!(log.last.len(), LAST_LINES);
        assert_eq!(log.last.back().unwrap(), "line 19");
    }
}
