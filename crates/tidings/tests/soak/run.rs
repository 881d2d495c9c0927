//! Round after round, each with a stretch in which the webhook fails; at the end of each, when all has drained,
//! the binary is looked at.

use std::{
    path::Path,
    process::ExitCode,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use anyhow::{Context, ensure};
use event::{Stop, Tasks};
use tokio::time::{Instant, sleep};

use super::{
    account::{Account, Receiver, Written},
    growth::{A_SECOND, Growth},
    programs::{Cluster, Subject},
    trail::Trail,
    vitals::Vitals,
    webhook::{Mood, Webhook},
};

/// Events of a round.
const ROUND: u64 = 24_000;
/// Rounds after the warm-up that are not held against the binary: until every kind of trouble was met.
const FIRST: u64 = 6;
/// Rounds between two reloads, and between two long outages.
const RELOAD_EVERY: u64 = 3;
const LONG_EVERY: u64 = 5;
/// Caught up with, this far behind.
const NEAR: u64 = 3000;
const LOOK: Duration = Duration::from_millis(100);
/// Looks at the end of a round; the least counts.
const LOOKS: usize = 10;
/// The longest that anything may take that is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// How long, and how fast.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Options {
    hours: f64,
    rate: u64,
    rounds: u64,
    /// Events that come first: until as many Events expire as come, and as many tombstones go.
    warm_up: u64,
}

impl Options {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "both are small")]
    pub(crate) fn new(hours: f64, rate: f64, warm_up: f64) -> Self {
        let events = (hours * 3600.0) as u64 * A_SECOND;
        let rounds = events.div_ceil(ROUND).max(6);
        Self { hours, rate: rate as u64, rounds, warm_up: warm_up as u64 }
    }
}

/// Everything there is.
struct Run {
    cluster: Cluster,
    subject: Subject,
    webhook: Webhook,
    trail: Trail,
    account: Arc<Mutex<Account>>,
    /// Entries of the ledger that were read.
    read: u64,
    reloads: u64,
    /// So many were written when the rounds began.
    first: u64,
    /// What was written until then, and how the binary was, after each round.
    points: Vec<(u64, Vitals)>,
}

pub(crate) async fn soak(options: Options) -> anyhow::Result<ExitCode> {
    let Options { hours, rate, rounds, warm_up } = options;
    say(&format!(
        "HOURS={hours}: {} events, {A_SECOND} for each second, played at {rate} a second after a warm-up of {}",
        rounds * ROUND,
        warm_up + FIRST * ROUND,
    ));
    let folder = tempfile::Builder::new().prefix("tidings-soak").tempdir()?;
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let outcome = play(options, folder.path(), &tasks, &stop).await;
    stop.fire();
    tasks.ended().await;
    if !matches!(outcome, Ok(true)) {
        say(&format!("everything is kept in {}", folder.keep().display()));
    }
    Ok(if outcome? { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

async fn play(options: Options, folder: &Path, tasks: &Tasks, stop: &Stop) -> anyhow::Result<bool> {
    let account = Arc::new(Mutex::new(Account::default()));
    let webhook = Webhook::start(Arc::clone(&account), tasks, stop.clone()).await?;
    let mut run = Run {
        cluster: Cluster::start(folder, options.rate)?,
        subject: Subject::start(folder, &webhook.url())?,
        webhook,
        trail: Trail::new(folder.join("events")),
        account,
        read: 0,
        reloads: 0,
        first: 0,
        points: Vec::new(),
    };
    run.begin().await?;
    let began = Instant::now();
    while run.account().written < options.warm_up {
        run.look().await?;
    }
    run.catch_up().await?;
    let first = run.account().written;
    run.first = first;
    for number in 0..FIRST + options.rounds {
        run.round(number).await.with_context(|| format!("round {number}"))?;
    }
    let took = began.elapsed();
    run.finish(options, took).await
}

impl Run {
    fn account(&self) -> MutexGuard<'_, Account> {
        self.account.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until both receivers get events. From then on a watch is open, and each write must arrive.
    async fn begin(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look().await?;
            let begun =
                [Receiver::File, Receiver::Webhook].map(|one| self.account().has_begun(one));
            if begun == [true; 2] {
                break;
            }
            ensure!(Instant::now() < deadline, "nothing arrives:\n{}", self.subject.log());
        }
        let stats = self.cluster.ask("stats").await?;
        let stats: serde_json::Value = serde_json::from_str(&stats)?;
        let number = |key: &str| stats[key].as_u64().with_context(|| format!("no {key}"));
        self.read = number("ledger")? + number("ledgerLost")?;
        self.account().open(number("revision")?);
        Ok(())
    }

    /// Reads what was written and what has arrived.
    async fn look(&mut self) -> anyhow::Result<()> {
        sleep(LOOK).await;
        self.subject.is_alive()?;
        self.read_on().await
    }

    async fn read_on(&mut self) -> anyhow::Result<()> {
        let ledger = self.cluster.ask(&format!("ledger?from={}", self.read)).await?;
        let lines: Vec<Written> =
            ledger.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        self.read += lines.len() as u64;
        let mut account = self.account.lock().unwrap_or_else(PoisonError::into_inner);
        for line in &lines {
            account.write(line);
        }
        self.trail.scan(&mut account)?;
        account.forget();
        Ok(())
    }

    async fn round(&mut self, number: u64) -> anyhow::Result<()> {
        let begin = self.first + number * ROUND;
        let trouble = if number.is_multiple_of(2) { Mood::Failing } else { Mood::Gone };
        let long = number.is_multiple_of(LONG_EVERY);
        let over = begin + if long { ROUND / 8 * 7 } else { ROUND / 3 };
        let mut reload = number % RELOAD_EVERY == 1;
        loop {
            let written = self.account().written;
            let troubled = (begin + ROUND / 12..over).contains(&written);
            self.webhook.set(if troubled { trouble } else { Mood::Fine });
            if reload && written > begin + ROUND / 4 {
                reload = false;
                self.reloads += 1;
                self.subject.reload(usize::try_from(self.reloads)?)?;
            }
            if written >= begin + ROUND {
                break;
            }
            self.look().await?;
        }
        self.webhook.set(Mood::Fine);
        self.catch_up().await?;
        let mut least = Vitals::of(self.subject.id(), &self.subject.state())?;
        for _ in 1..LOOKS {
            self.look().await?;
            least = least.least(Vitals::of(self.subject.id(), &self.subject.state())?);
        }
        let written = self.account().written;
        self.points.push((written, least));
        say(&format!(
            "{written} events: memory {:.2} MiB, {} descriptors, {} threads, folder {} kB",
            mebibytes(least.memory),
            least.descriptors,
            least.threads,
            least.folder / 1000,
        ));
        Ok(())
    }

    async fn catch_up(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            self.look().await?;
            let behind = [Receiver::File, Receiver::Webhook].map(|one| self.account().behind(one));
            if behind.iter().all(|behind| *behind < NEAR) {
                return Ok(());
            }
            ensure!(
                Instant::now() < deadline,
                "file and webhook are {behind:?} events behind; is SOAK_RATE too much for this machine?"
            );
        }
    }

    /// Lets everything arrive that was written until now, stops the binary, and compares.
    async fn finish(mut self, options: Options, took: Duration) -> anyhow::Result<bool> {
        self.look().await?;
        let until = self.account().newest();
        let deadline = Instant::now() + PATIENCE;
        while self.account().missing(until) > 0 && Instant::now() < deadline {
            self.look().await?;
        }
        let missing = self.account().missing(until);
        let status = self.subject.stop(PATIENCE).await?;
        let ended = status.is_some_and(|status| status.success());
        if !ended {
            say(&format!("SIGTERM: exit code 0 was expected, and it was {status:?}"));
        }
        let obeyed = self.subject.reloads() as u64;
        if obeyed != self.reloads {
            say(&format!("{obeyed} reloads of {} were obeyed", self.reloads));
        }
        self.read_on().await?;
        let account = self.account();
        let (strange, repeated) = (account.all_strange(), account.repeated);
        say(&format!(
            "{repeated} repeated with the same id, {strange} strange, told {:?}",
            account.own
        ));
        let measured = self.points.split_at(usize::try_from(FIRST)?).1;
        let growth = Growth::of(measured)?;
        say(&format!(
            "HOURS={}: {} events in {:.0?}, {missing} missing, {} reloads; {}",
            options.hours,
            account.written,
            took,
            self.reloads,
            growth.words(),
        ));
        let holds = growth.holds();
        Ok(missing == 0 && strange == 0 && ended && obeyed == self.reloads && holds)
    }
}

fn mebibytes(bytes: u64) -> f64 {
    #[expect(clippy::cast_precision_loss, reason = "for people")]
    let bytes = bytes as f64;
    bytes / 1024.0 / 1024.0
}

#[expect(clippy::print_stdout, reason = "progress and result are what it is run for")]
fn say(line: &str) {
    println!("{line}");
}
