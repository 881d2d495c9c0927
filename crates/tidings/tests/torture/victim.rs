//! The binary under test, as a process of its own.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitStatus},
    time::Duration,
};

use anyhow::Context;
use tokio::time::{Instant, sleep};

/// How to start it, always with the same state.
pub(crate) struct Recipe {
    folder: PathBuf,
}

impl Recipe {
    /// Lays out `folder`: config, kubeconfig, state, and where the receiver `file` writes.
    pub(crate) fn new(folder: &Path, kubeconfig: &str, webhook: &str) -> anyhow::Result<Self> {
        let recipe = Self { folder: folder.to_owned() };
        fs::create_dir(recipe.events())?;
        let path = recipe.events().join("events.jsonl");
        // Small enough to be rotated several times.
        let config = format!(
            "logLevel: info\nmaxEventAgeSeconds: 1\nomitLookup: true\nlimits: {{perNamespace: off}}\n\
             route:\n  routes:\n  - match:\n    - receiver: file\n    - receiver: webhook\n\
             receivers:\n\
             - name: file\n  repeats: every\n  file: {{path: '{}', maxsize: 25}}\n\
             - name: webhook\n  repeats: every\n  webhook: {{endpoint: '{webhook}', batch: true}}\n",
            path.display()
        );
        fs::write(folder.join("config.yaml"), config)?;
        fs::write(folder.join("kubeconfig.yaml"), kubeconfig)?;
        Ok(recipe)
    }

    /// Where the receiver `file` writes.
    pub(crate) fn events(&self) -> PathBuf {
        self.folder.join("events")
    }

    /// What the binary logged, in all its lives.
    pub(crate) fn log(&self) -> PathBuf {
        self.folder.join("tidings.log")
    }

    /// How many bytes its state takes.
    pub(crate) fn state_bytes(&self) -> u64 {
        let entries = fs::read_dir(self.folder.join("state")).into_iter().flatten().flatten();
        entries.filter_map(|entry| Some(entry.metadata().ok()?.len())).sum()
    }

    pub(crate) fn start(&self) -> anyhow::Result<Victim> {
        let log = OpenOptions::new().create(true).append(true).open(self.log())?;
        let child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["run", "--metrics-address", "off"])
            .arg("--config")
            .arg(self.folder.join("config.yaml"))
            .arg("--kubeconfig")
            .arg(self.folder.join("kubeconfig.yaml"))
            .arg("--state")
            .arg(self.folder.join("state"))
            .env_remove("RUST_LOG")
            .stderr(log)
            .spawn()
            .context("the binary cannot be started")?;
        Ok(Victim { child, state: self.folder.join("state") })
    }
}

/// One life of it.
pub(crate) struct Victim {
    child: Child,
    state: PathBuf,
}

impl Victim {
    /// SIGKILL. It must still have been alive.
    pub(crate) fn kill(mut self) -> anyhow::Result<()> {
        if let Some(status) = self.child.try_wait()? {
            anyhow::bail!("it ended by itself: {status}");
        }
        self.child.kill()?;
        self.child.wait()?;
        Ok(())
    }

    /// SIGTERM, and how it ended; it is killed when it does not end in time.
    pub(crate) async fn stop(mut self, patience: Duration) -> anyhow::Result<Option<ExitStatus>> {
        self.signal(rustix::process::Signal::TERM)?;
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            if let Some(status) = self.child.try_wait()? {
                return Ok(Some(status));
            }
            sleep(Duration::from_millis(20)).await;
        }
        self.kill()?;
        Ok(None)
    }

    /// Any other signal.
    pub(crate) fn signal(&self, signal: rustix::process::Signal) -> anyhow::Result<()> {
        Ok(rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal)?)
    }

    /// Whether it still runs.
    pub(crate) fn is_alive(&mut self) -> anyhow::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Waits until something is written to the state folder, at most for `patience`.
    pub(crate) async fn saved(&self, patience: Duration) {
        let before = self.stamp();
        let deadline = Instant::now() + patience;
        while self.stamp() == before && Instant::now() < deadline {
            sleep(Duration::from_millis(1)).await;
        }
    }

    /// Changes with every write to the state folder.
    fn stamp(&self) -> Vec<(u64, Option<std::time::SystemTime>)> {
        let entries = fs::read_dir(&self.state).into_iter().flatten().flatten();
        let stamp = |entry: fs::DirEntry| {
            let metadata = entry.metadata().ok()?;
            Some((metadata.len(), metadata.modified().ok()))
        };
        entries.filter_map(stamp).collect()
    }
}

impl Drop for Victim {
    fn drop(&mut self) {
        // When the torture itself fails, nothing of it stays behind.
        drop(self.child.kill());
        drop(self.child.wait());
    }
}
