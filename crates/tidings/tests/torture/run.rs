//! Kill after kill, then the reckoning.

use std::{collections::HashMap, process::ExitCode, time::Duration};

use anyhow::{Context, ensure};
use event::{Stop, Tasks};
use playground::random::Random;
use tokio::time::{Instant, sleep, timeout};

use super::{
    cluster::Cluster,
    files::Files,
    plan::{Moment, Plan},
    receipts::{Id, Receipts},
    victim::{Recipe, Victim},
    webhook::{Mood, Webhook},
};

/// What is asked for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    pub(crate) kills: u64,
    pub(crate) seed: u64,
}

/// The longest that anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the end may take: everything to everybody.
const DELIVERY: Duration = Duration::from_secs(90);
const TELL_EVERY: Duration = Duration::from_secs(3);
const LOOK_EVERY: Duration = Duration::from_millis(5);
/// Events created while a list is made necessary.
const BURST: usize = 3000;

/// Everything there is.
struct Torture {
    cluster: Cluster,
    webhook: Webhook,
    recipe: Recipe,
    files: Files,
    file: Receipts,
    random: Random,
    /// Everything written after this revision counts; 0 until the binary has watched.
    since: u64,
    kills: u64,
    of: u64,
    told: Instant,
}

pub(crate) async fn torture(options: Options) -> anyhow::Result<ExitCode> {
    let Options { kills, seed } = options;
    say(&format!("{kills} kills, SEED={seed}"));
    let folder = tempfile::Builder::new().prefix("tidings-torture").tempdir()?;
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let cluster = Cluster::start(seed, &tasks, stop.clone()).await?;
    let webhook = Webhook::start(&tasks, stop.clone()).await?;
    let recipe = Recipe::new(folder.path(), &cluster.kubeconfig(), &webhook.url())?;
    let mut torture = Torture {
        files: Files::new(recipe.events()),
        cluster,
        webhook,
        recipe,
        file: Receipts::default(),
        random: Random::new(seed),
        since: 0,
        kills: 0,
        of: kills,
        told: Instant::now(),
    };
    let outcome = torture.play().await;
    let log = torture.recipe.log();
    stop.fire();
    tasks.ended().await;
    let clean = outcome.with_context(|| tail(&log));
    if !matches!(clean, Ok(true)) {
        let kept = folder.keep();
        say(&format!("everything is kept in {}", kept.display()));
    }
    Ok(if clean? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Torture {
    /// Says whether the promise was kept.
    async fn play(&mut self) -> anyhow::Result<bool> {
        for _ in 0..self.of.div_ceil(10).min(10) {
            self.cluster.fill();
            let plan = Plan::first(&mut self.random);
            self.live(plan).await?;
        }
        self.cluster.fill();
        let mut victim = self.recipe.start()?;
        self.since = self.wait_for_a_signal(&mut victim).await?;
        self.cluster.flow(true);
        self.blow(victim, Duration::from_secs(1)).await?;
        while self.kills < self.of {
            let plan = Plan::next(&mut self.random);
            self.live(plan).await?;
        }
        self.finish().await
    }

    /// One life of the binary, up to its death.
    async fn live(&mut self, plan: Plan) -> anyhow::Result<()> {
        // Catching up costs a life, too.
        let relist = matches!(plan.moment, Moment::Relist(_)) && self.kills + 1 < self.of;
        let relist = relist && self.catch_up().await?;
        self.webhook.set(plan.mood);
        if relist {
            self.cluster.burst(BURST);
            self.cluster.make_a_watch_stale();
        }
        let watches = self.cluster.watches();
        let mut victim = self.recipe.start()?;
        let time = match plan.moment {
            Moment::FirstList(time) | Moment::AfterStart(time) => time,
            Moment::AfterWatch(time) => {
                self.wait_for_watches(&mut victim, watches + 1).await?;
                time
            }
            Moment::AfterCommit(time) => {
                self.wait_for_watches(&mut victim, watches + 1).await?;
                victim.saved(PATIENCE).await;
                time
            }
            Moment::AfterPost(time) => {
                // Without an answer the lane may not ask again before the blow.
                drop(timeout(Duration::from_secs(3), self.webhook.posted()).await);
                time
            }
            Moment::Relist(time) => {
                self.wait_for_watches(&mut victim, watches + 1 + u64::from(relist)).await?;
                time
            }
        };
        self.blow(victim, time).await.with_context(|| plan.to_string())?;
        self.cluster.clear_faults();
        self.cluster.flow(self.since > 0);
        self.tell(&plan)
    }

    async fn blow(&mut self, victim: Victim, after: Duration) -> anyhow::Result<()> {
        sleep(after).await;
        victim.kill()?;
        self.kills += 1;
        Ok(())
    }

    /// Before a break that only a list can mend, everything is brought home and nothing more is
    /// updated: a list shows the newest revision only, and what it skips would be nobody's loss.
    async fn catch_up(&mut self) -> anyhow::Result<bool> {
        self.cluster.flow(false);
        self.webhook.set(Mood::Fine);
        let newest = self.cluster.newest().context("nothing was written yet")?;
        let victim = self.recipe.start()?;
        let deadline = Instant::now() + PATIENCE;
        while !self.file.has(newest) && Instant::now() < deadline {
            sleep(LOOK_EVERY * 10).await;
            self.files.scan(&mut self.file)?;
        }
        self.blow(victim, Duration::ZERO).await?;
        Ok(self.file.has(newest))
    }

    /// Waits until one of our signals arrives: from its revision on, the binary was watching.
    async fn wait_for_a_signal(&mut self, victim: &mut Victim) -> anyhow::Result<u64> {
        let before = self.cluster.newest().map_or(0, |id| id.revision);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && victim.is_alive()? {
            self.cluster.signal();
            sleep(Duration::from_millis(200)).await;
            self.files.scan(&mut self.file)?;
            if let Some(since) = self.file.first_after(before) {
                return Ok(since);
            }
        }
        anyhow::bail!("the binary does not watch")
    }

    async fn wait_for_watches(&self, victim: &mut Victim, number: u64) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while self.cluster.watches() < number {
            ensure!(victim.is_alive()?, "the binary ended by itself");
            ensure!(Instant::now() < deadline, "the binary asks for no watch");
            sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    fn tell(&mut self, plan: &Plan) -> anyhow::Result<()> {
        if self.told.elapsed() < TELL_EVERY {
            return Ok(());
        }
        self.told = Instant::now();
        self.files.scan(&mut self.file)?;
        say(&format!(
            "{}/{} kills, {} written, {} at the file, {} at the webhook, state {} kB; the last {plan}",
            self.kills,
            self.of,
            self.cluster.written(self.since),
            self.file.len(),
            self.webhook.receipts().len(),
            self.recipe.state_bytes() / 1000,
        ));
        Ok(())
    }

    /// Lets everything arrive, stops the binary in order, and compares.
    async fn finish(&mut self) -> anyhow::Result<bool> {
        self.webhook.set(Mood::Fine);
        let victim = self.recipe.start()?;
        sleep(Duration::from_secs(1)).await;
        self.cluster.flow(false);
        let truth = self.cluster.truth(self.since);
        say(&format!("the flood is over: {}; waiting for the rest", self.cluster.story()));
        let deadline = Instant::now() + DELIVERY;
        while Instant::now() < deadline {
            self.files.scan(&mut self.file)?;
            if self.is_everywhere(&truth) {
                break;
            }
            sleep(LOOK_EVERY * 40).await;
        }
        let status = victim.stop(PATIENCE).await?;
        self.files.scan(&mut self.file)?;
        let ended = status.is_some_and(|status| status.success());
        if !ended {
            say(&format!("SIGTERM: exit code 0 was expected, and it was {status:?}"));
        }
        Ok(self.reckon(&truth) && ended)
    }

    fn is_everywhere(&self, truth: &HashMap<Id, u32>) -> bool {
        let webhook = self.webhook.receipts();
        truth.keys().all(|id| self.file.has(*id) && webhook.has(*id))
    }

    fn reckon(&self, truth: &HashMap<Id, u32>) -> bool {
        let webhook = self.webhook.receipts();
        let (mut missing, mut repeated, mut strange) = (0, 0, 0);
        for (name, receipts) in [("file", &self.file), ("webhook", &*webhook)] {
            let found = receipts.compare(truth, self.since);
            missing += found.missing.len();
            repeated += found.repeated;
            strange += found.strange.len();
            for id in found.missing.iter().take(5) {
                say(&format!("{name}: missing {id:?}"));
            }
            for what in found.strange.iter().take(5) {
                say(&format!("{name}: {what}"));
            }
            for own in receipts.own.values().take(2) {
                let others = receipts.own.len() - 1;
                say(&format!("{name}: EventsMissed, and {others} more: {own}"));
            }
        }
        let unreadable = self.webhook.unreadable();
        let torn = self.files.torn.len();
        let lines_hold = torn as u64 <= self.kills && self.files.open_ends() == 0;
        say(&format!(
            "{} files, {torn} lines broken off by a kill, {} without an end, {} unreadable requests",
            self.files.number(),
            self.files.open_ends(),
            unreadable.len(),
        ));
        say(&format!(
            "{} kills, {} events, {missing} missing, {repeated} repeated with the same id, {strange} repeated with another id",
            self.kills,
            truth.len(),
        ));
        missing == 0 && strange == 0 && lines_hold && unreadable.is_empty()
    }
}

/// The end of the binary's log, for whoever must find out why.
fn tail(log: &std::path::Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(15).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

#[expect(clippy::print_stdout, reason = "progress and result are what it is run for")]
pub(crate) fn say(line: &str) {
    println!("{line}");
}
