//! Reload after reload, then the reckoning.

use std::{
    collections::{BTreeMap, HashMap},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::{Context, ensure};
use event::{Stop, Tasks};
use playground::random::Random;
use rustix::process::Signal;
use tokio::time::{Instant, sleep};

use super::configs::{self, Config, SIDES};
use crate::torture::{
    cluster::Cluster,
    files::Files,
    receipts::{Id, Receipts},
    victim::{Recipe, Victim},
    webhook::{Mood, Webhook},
};

/// The longest that anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(60);
const LOOK: Duration = Duration::from_millis(2);
const TELL_EVERY: u64 = 100;

/// Everything there is.
struct Run {
    cluster: Cluster,
    webhook: Webhook,
    recipe: Recipe,
    folder: PathBuf,
    sides: Vec<(Files, Receipts)>,
    random: Random,
    log: Log,
    /// How many were obeyed, and refused.
    obeyed: u64,
    refused: u64,
}

/// What the binary says of its reloads.
#[derive(Default)]
struct Log {
    path: PathBuf,
    offset: usize,
    obeyed: u64,
    refused: u64,
}

impl Log {
    fn scan(&mut self) {
        let text = std::fs::read(&self.path).unwrap_or_default();
        let new = text.get(self.offset..).unwrap_or_default();
        let end = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |last| last + 1);
        self.offset += end;
        for line in String::from_utf8_lossy(&new[..end]).lines() {
            self.obeyed += u64::from(line.contains(" is obeyed now: "));
            self.refused += u64::from(line.contains(" stays: "));
        }
    }
}

pub(crate) async fn run(reloads: u64, seed: u64) -> anyhow::Result<ExitCode> {
    say(&format!("{reloads} reloads, SEED={seed}"));
    let folder = tempfile::Builder::new().prefix("tidings-reloads").tempdir()?;
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let cluster = Cluster::start(seed, &tasks, stop.clone()).await?;
    let webhook = Webhook::start(&tasks, stop.clone()).await?;
    let recipe = Recipe::new(folder.path(), &cluster.kubeconfig(), &webhook.url())?;
    let mut sides = Vec::new();
    for side in SIDES {
        let side = folder.path().join(side);
        std::fs::create_dir(&side)?;
        sides.push((Files::new(side), Receipts::default()));
    }
    std::fs::create_dir(folder.path().join("extra"))?;
    let mut run = Run {
        log: Log { path: recipe.log(), ..Log::default() },
        cluster,
        webhook,
        recipe,
        folder: folder.path().to_owned(),
        sides,
        random: Random::new(seed),
        obeyed: 0,
        refused: 0,
    };
    let outcome = run.play(reloads).await;
    stop.fire();
    tasks.ended().await;
    if !matches!(outcome, Ok(true)) {
        say(&format!("everything is kept in {}", folder.keep().display()));
    }
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Run {
    async fn play(&mut self, reloads: u64) -> anyhow::Result<bool> {
        self.put(0)?;
        let mut victim = self.recipe.start()?;
        let since = self.wait_for_a_signal(&mut victim).await?;
        self.cluster.flow(true);
        let began = Instant::now();
        for number in 1..=reloads {
            let mood = if self.random.below(20) == 0 { Mood::Failing } else { Mood::Fine };
            self.webhook.set(mood);
            self.reload(number, &mut victim).await.with_context(|| format!("reload {number}"))?;
            if number.is_multiple_of(TELL_EVERY) {
                let written = self.cluster.written(since);
                say(&format!("{number}/{reloads} reloads, {written} written"));
            }
        }
        let pace = began.elapsed() / u32::try_from(reloads.max(1))?;
        self.finish(victim, since, reloads, pace).await
    }

    fn put(&self, number: u64) -> anyhow::Result<Config> {
        let config = configs::config(number, &self.folder, &self.webhook.url());
        configs::put(&config, &self.folder.join("config.yaml"))?;
        Ok(config)
    }

    /// The next config, and what becomes of it.
    async fn reload(&mut self, number: u64, victim: &mut Victim) -> anyhow::Result<()> {
        match self.put(number)? {
            Config::Good(_) => self.obeyed += 1,
            Config::Broken(_) | Config::Gone => self.refused += 1,
        }
        victim.signal(Signal::HUP)?;
        let deadline = Instant::now() + PATIENCE;
        while (self.log.obeyed, self.log.refused) != (self.obeyed, self.refused) {
            ensure!(victim.is_alive()?, "the binary ended by itself: {}", tail(&self.log.path));
            ensure!(
                Instant::now() < deadline,
                "{} obeyed and {} refused, and {} and {} were to be: {}",
                self.log.obeyed,
                self.log.refused,
                self.obeyed,
                self.refused,
                tail(&self.log.path)
            );
            sleep(LOOK).await;
            self.log.scan();
        }
        Ok(())
    }

    fn scan(&mut self) -> anyhow::Result<()> {
        self.sides.iter_mut().try_for_each(|(files, receipts)| files.scan(receipts))
    }

    /// Waits until one of our signals arrives: from its revision on, the binary was watching.
    async fn wait_for_a_signal(&mut self, victim: &mut Victim) -> anyhow::Result<u64> {
        let before = self.cluster.newest().map_or(0, |id| id.revision);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && victim.is_alive()? {
            self.cluster.signal();
            sleep(Duration::from_millis(100)).await;
            self.scan()?;
            if let Some(since) = self.sides[0].1.first_after(before) {
                return Ok(since);
            }
        }
        anyhow::bail!("the binary does not watch: {}", tail(&self.log.path))
    }

    /// Lets everything arrive, stops the binary in order, and compares.
    async fn finish(
        &mut self,
        mut victim: Victim,
        since: u64,
        reloads: u64,
        pace: Duration,
    ) -> anyhow::Result<bool> {
        self.webhook.set(Mood::Fine);
        // With both sides in it.
        self.reload((reloads / 20 + 1) * 20 + 4, &mut victim).await?;
        self.cluster.flow(false);
        let truth = self.cluster.truth(since);
        let deadline = Instant::now() + PATIENCE;
        while Instant::now() < deadline && !self.is_everywhere(&truth) {
            sleep(Duration::from_millis(100)).await;
            self.scan()?;
        }
        let status = victim.stop(PATIENCE).await?;
        self.scan()?;
        let ended = status.is_some_and(|status| status.success());
        if !ended {
            say(&format!("SIGTERM: exit code 0 was expected, and it was {status:?}"));
        }
        Ok(self.reckon(&truth, since, pace) && ended)
    }

    fn is_everywhere(&self, truth: &HashMap<Id, u32>) -> bool {
        let webhook = self.webhook.receipts();
        let side = |id: &Id| self.sides.iter().any(|(_, receipts)| receipts.has(*id));
        truth.keys().all(|id| webhook.has(*id) && side(id))
    }

    fn reckon(&self, truth: &HashMap<Id, u32>, since: u64, pace: Duration) -> bool {
        let webhook = self.webhook.receipts().compare(truth, since);
        let mut strange = webhook.strange;
        let mut repeated = webhook.repeated;
        let mut sides: BTreeMap<Id, usize> = truth.keys().map(|id| (*id, 0)).collect();
        for (_, receipts) in &self.sides {
            let found = receipts.compare(truth, since);
            repeated += found.repeated;
            strange.extend(found.strange);
            for id in truth.keys().filter(|id| receipts.has(**id)) {
                *sides.entry(*id).or_default() += 1;
            }
        }
        let missing = webhook.missing.len() + sides.values().filter(|count| **count == 0).count();
        let both = sides.values().filter(|count| **count > 1).count();
        for what in strange.iter().take(5) {
            say(what);
        }
        let each: Vec<_> = self.sides.iter().map(|(_, receipts)| receipts.len()).collect();
        say(&format!("{each:?} events left and right, {pace:.0?} a reload"));
        say(&format!(
            "{} reloads obeyed and {} refused, {} events, {missing} missing, {both} sent left and right, {repeated} repeated with the same id, {} repeated with another id",
            self.obeyed,
            self.refused,
            truth.len(),
            strange.len(),
        ));
        missing == 0 && both == 0 && strange.is_empty()
    }
}

/// The end of the binary's log, for whoever must find out why.
fn tail(log: &Path) -> String {
    let text = std::fs::read_to_string(log).unwrap_or_default();
    let lines: Vec<_> = text.lines().rev().take(15).collect();
    lines.into_iter().rev().collect::<Vec<_>>().join("\n")
}

#[expect(clippy::print_stdout, reason = "progress and result are what it is run for")]
fn say(line: &str) {
    println!("{line}");
}
