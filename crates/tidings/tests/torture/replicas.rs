//! Two replicas and one Lease: the leader is killed, again and again, and its state folder with it if so wished.

use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process::{Child, Command, ExitCode},
    time::Duration,
};

use anyhow::{Context, ensure};
use event::{Stop, Tasks};
use playground::random::Random;
use tokio::time::{Instant, sleep};

use super::{
    cluster::Cluster,
    receipts::Receipts,
    run::{Options, say},
    webhook::{Mood, Webhook},
};

/// What becomes of the state folder of a leader that was killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    Kept,
    Deleted,
}

/// The longest that anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(40);
const DELIVERY: Duration = Duration::from_secs(120);
const LOOK_EVERY: Duration = Duration::from_millis(10);

/// Shorter than usual, so that many kills fit into an hour; the shares are those of client-go.
const TIMES: &str = "leaseDuration: 3s, renewDeadline: 2s, retryPeriod: 1s";

struct Pair {
    cluster: Cluster,
    /// Always up, and one that is down now and then.
    hooks: [Webhook; 2],
    folder: PathBuf,
    replicas: [Replica; 2],
    random: Random,
    kills: u64,
    /// From each blow until the other one watched.
    took: Vec<Duration>,
}

/// One of the two, in one of its lives.
struct Replica {
    name: &'static str,
    life: u64,
    child: Option<Child>,
}

pub(crate) async fn torture(options: Options, fate: Folder) -> anyhow::Result<ExitCode> {
    let Options { kills, seed } = options;
    say(&format!("two replicas, {kills} kills of the leader, folder {fate:?}, SEED={seed}"));
    let folder = tempfile::Builder::new().prefix("tidings-replicas").tempdir()?;
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let cluster = Cluster::start(seed, &tasks, stop.clone()).await?;
    let hooks =
        [Webhook::start(&tasks, stop.clone()).await?, Webhook::start(&tasks, stop.clone()).await?];
    let config = format!(
        "maxEventAgeSeconds: 1\nomitLookup: true\nleaderElection: {{enabled: true, {TIMES}}}\n\
         route:\n  match:\n  - receiver: up\n  - receiver: flaky\n\
         receivers:\n\
         - name: up\n  repeats: every\n  webhook: {{endpoint: '{}', batch: true}}\n\
         - name: flaky\n  repeats: every\n  webhook: {{endpoint: '{}', batch: true}}\n",
        hooks[0].url(),
        hooks[1].url(),
    );
    fs::write(folder.path().join("config.yaml"), config)?;
    fs::write(folder.path().join("kubeconfig.yaml"), cluster.kubeconfig())?;
    let replica = |name| Replica { name, life: 0, child: None };
    let mut pair = Pair {
        cluster,
        hooks,
        folder: folder.path().to_owned(),
        replicas: [replica("a"), replica("b")],
        random: Random::new(seed),
        kills: 0,
        took: Vec::new(),
    };
    let outcome = pair.play(kills, fate).await;
    stop.fire();
    let clean = match outcome {
        Ok(clean) => clean,
        Err(error) => {
            say(&format!("everything is kept in {}", folder.keep().display()));
            return Err(error);
        }
    };
    drop(pair);
    tasks.ended().await;
    if !clean {
        say(&format!("everything is kept in {}", folder.keep().display()));
    }
    Ok(if clean { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Pair {
    /// Says whether the promise was kept.
    async fn play(&mut self, kills: u64, fate: Folder) -> anyhow::Result<bool> {
        self.replicas[0].start(&self.folder)?;
        let since = self.wait_for_a_signal().await?;
        self.replicas[1].start(&self.folder)?;
        self.told(since).await?;
        self.cluster.flow(true);
        while self.kills < kills {
            sleep(Duration::from_millis(self.random.between(300, 3000) as u64)).await;
            self.blow(fate).await?;
            let mood = [Mood::Fine, Mood::Fine, Mood::Failing, Mood::Hanging, Mood::Silent];
            self.hooks[1].set(mood[self.random.below(mood.len())]);
            if self.kills.is_multiple_of(10) {
                let (written, got) = (self.cluster.written(since), self.hooks[0].receipts().len());
                say(&format!("{}/{kills} kills, {written} written, {got} taken", self.kills));
            }
        }
        self.finish(since).await
    }

    /// Kills whoever leads, starts it again, and waits until the other one watches.
    async fn blow(&mut self, fate: Folder) -> anyhow::Result<()> {
        let leader = self.leader().await?;
        let watches = self.cluster.watches();
        let began = Instant::now();
        self.replicas[leader].kill()?;
        self.kills += 1;
        if fate == Folder::Deleted {
            fs::remove_dir_all(self.replicas[leader].state(&self.folder))?;
        }
        self.replicas[leader].start(&self.folder)?;
        let holder = self.cluster.leader();
        while self.cluster.leader() == holder || self.cluster.watches() == watches {
            ensure!(began.elapsed() < PATIENCE, "nobody takes over: {}", self.tails());
            sleep(LOOK_EVERY).await;
        }
        self.took.push(began.elapsed());
        Ok(())
    }

    /// Which of the two leads, by the name that it says it has.
    async fn leader(&self) -> anyhow::Result<usize> {
        let began = Instant::now();
        loop {
            let holder = self.cluster.leader();
            let named = |replica: &Replica| {
                replica.log_text(&self.folder).contains(&format!(", as {holder}"))
            };
            if let Some(leader) =
                self.replicas.iter().position(named).filter(|_| !holder.is_empty())
            {
                return Ok(leader);
            }
            ensure!(began.elapsed() < PATIENCE, "nobody leads: {}", self.tails());
            sleep(LOOK_EVERY).await;
        }
    }

    /// Waits until an event arrives: from its revision on, the cluster was watched.
    async fn wait_for_a_signal(&mut self) -> anyhow::Result<u64> {
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.cluster.signal();
            sleep(Duration::from_millis(200)).await;
            let first = self.hooks[0].receipts().first_after(0);
            if let Some(since) = first {
                return Ok(since);
            }
        }
        anyhow::bail!("nobody watches: {}", self.tails())
    }

    /// Waits until the Lease tells of it: a leader that dies within its first two seconds, disk and all, was never there.
    async fn told(&self, since: u64) -> anyhow::Result<()> {
        let began = Instant::now();
        while self.cluster.told() < since {
            ensure!(began.elapsed() < PATIENCE, "nothing is written down: {}", self.tails());
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// Lets everything arrive, stops both in order, and compares.
    async fn finish(&mut self, since: u64) -> anyhow::Result<bool> {
        self.hooks[1].set(Mood::Fine);
        sleep(Duration::from_secs(1)).await;
        self.cluster.flow(false);
        let truth = self.cluster.truth(since);
        say(&format!("the flood is over: {}; waiting for the rest", self.cluster.story()));
        let began = Instant::now();
        let everywhere = |hooks: &[Webhook; 2]| {
            hooks.iter().all(|hook| {
                let receipts = hook.receipts();
                truth.keys().all(|id| receipts.has(*id))
            })
        };
        while began.elapsed() < DELIVERY && !everywhere(&self.hooks) {
            sleep(Duration::from_millis(200)).await;
        }
        let mut ended = true;
        for replica in &mut self.replicas {
            ended &= replica.stop().await?;
        }
        let (mut missing, mut repeated, mut strange) = (0, 0, 0);
        for (name, hook) in ["up", "flaky"].into_iter().zip(&self.hooks) {
            let found = Receipts::compare(&hook.receipts(), &truth, since);
            let got = hook.receipts().len();
            say(&format!("{name}: {got} events, {} deliveries more of the same", found.repeated));
            missing += found.missing.len();
            repeated += found.repeated;
            strange += found.strange.len();
            for id in found.missing.iter().take(5) {
                say(&format!("{name}: missing {id:?}"));
            }
            for what in found.strange.iter().take(5) {
                say(&format!("{name}: {what}"));
            }
        }
        self.took.sort_unstable();
        let longest = self.took.last().copied().unwrap_or_default();
        let median = self.took.get(self.took.len() / 2).copied().unwrap_or_default();
        say(&format!("taken over after {median:.1?}, at most {longest:.1?} ({TIMES})"));
        say(&format!(
            "{} kills, {} events, {missing} missing, {repeated} repeated with the same id, {strange} repeated with another id",
            self.kills,
            truth.len(),
        ));
        if !ended {
            say("SIGTERM: exit code 0 was expected");
        }
        Ok(missing == 0 && strange == 0 && ended)
    }

    fn tails(&self) -> String {
        let tail = |replica: &Replica| {
            let text = replica.log_text(&self.folder);
            let lines: Vec<_> = text.lines().rev().take(12).collect();
            let lines: Vec<_> = lines.into_iter().rev().collect();
            format!("\n{}:\n{}", replica.name, lines.join("\n"))
        };
        self.replicas.iter().map(tail).collect()
    }
}

impl Replica {
    fn state(&self, folder: &Path) -> PathBuf {
        folder.join(format!("state-{}", self.name))
    }

    fn log_text(&self, folder: &Path) -> String {
        fs::read_to_string(self.log(folder)).unwrap_or_default()
    }

    fn log(&self, folder: &Path) -> PathBuf {
        folder.join(format!("{}-{}.log", self.name, self.life))
    }

    fn start(&mut self, folder: &Path) -> anyhow::Result<()> {
        self.life += 1;
        let log = OpenOptions::new().create(true).append(true).open(self.log(folder))?;
        let child = Command::new(env!("CARGO_BIN_EXE_tidings"))
            .args(["run", "--metrics-address", "off"])
            .arg("--config")
            .arg(folder.join("config.yaml"))
            .arg("--kubeconfig")
            .arg(folder.join("kubeconfig.yaml"))
            .arg("--state")
            .arg(self.state(folder))
            .env_remove("RUST_LOG")
            .stderr(log)
            .spawn()
            .context("the binary cannot be started")?;
        self.child = Some(child);
        Ok(())
    }

    /// SIGKILL. It must still have been alive.
    fn kill(&mut self) -> anyhow::Result<()> {
        let mut child = self.child.take().context("it was not started")?;
        if let Some(status) = child.try_wait()? {
            anyhow::bail!("it ended by itself: {status}");
        }
        child.kill()?;
        child.wait()?;
        Ok(())
    }

    /// SIGTERM; whether it ended well.
    async fn stop(&mut self) -> anyhow::Result<bool> {
        let mut child = self.child.take().context("it was not started")?;
        let id = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(id, rustix::process::Signal::TERM)?;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if let Some(status) = child.try_wait()? {
                return Ok(status.success());
            }
            sleep(LOOK_EVERY).await;
        }
        child.kill()?;
        child.wait()?;
        Ok(false)
    }
}

impl Drop for Replica {
    fn drop(&mut self) {
        // When the torture itself fails, nothing of it stays behind.
        if let Some(mut child) = self.child.take() {
            drop(child.kill());
            drop(child.wait());
        }
    }
}
