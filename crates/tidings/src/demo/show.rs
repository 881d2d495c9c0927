//! The show while it runs: its parts, its time, and what comes to the terminal between the scenes.

use std::{
    future::Future,
    pin::Pin,
    sync::{Arc, Mutex},
    time::Duration,
};

use anyhow::{Context, anyhow};
use event::{Stop, Tasks};
use playground::{Playground, day::DayPlayer};
use tokio::time::Instant;

use super::{
    books::{Books, To, lock},
    choice::Choice,
    outage::Outage,
    receiver::Receiver,
    signal::signal,
    tally::{Id, Numbers},
    terminal,
    texts::{self, Ledger},
    worker::Worker,
};

/// How often everything is looked at.
const TICK: Duration = Duration::from_millis(50);
/// A Ctrl-C reaches the worker, too, and may end it before we know of it.
const SAME_CTRL_C: Duration = Duration::from_millis(500);
/// How long the worker may take to deliver the rest, in the end.
const LAST_DELIVERIES: Duration = Duration::from_secs(3);
/// And then to end.
const WORKER_GRACE: Duration = Duration::from_secs(5);

/// Why the show is over.
#[derive(Debug)]
pub(super) enum End {
    /// The user, the time, or a reader that went away.
    Stopped,
    /// Something broke.
    Failed(anyhow::Error),
}

impl From<anyhow::Error> for End {
    fn from(error: anyhow::Error) -> Self {
        Self::Failed(error)
    }
}

/// How often lines come.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// An event each.
    pub(super) event: Duration,
    /// How many were not shown; never when nothing.
    pub(super) not_shown: Option<Duration>,
}

impl Pace {
    /// With what the story itself says, not more than five lines a second.
    pub(super) const STORY: Self =
        Self { event: Duration::from_millis(400), not_shown: Some(Duration::from_secs(5)) };
    /// For ever.
    pub(super) const QUIET: Self = Self { event: Duration::from_secs(3), not_shown: None };
}

/// What a show is made of.
#[derive(Debug)]
pub(super) struct Parts {
    pub(super) playground: Playground,
    pub(super) webhook: Receiver,
    pub(super) worker: Worker,
    pub(super) books: Arc<Mutex<Books>>,
    pub(super) choice: Arc<Mutex<Choice>>,
    pub(super) player: DayPlayer,
    pub(super) day_stop: Stop,
    pub(super) kubeconfig: String,
    pub(super) begun: Instant,
    pub(super) speed: f64,
    pub(super) ends: Option<Instant>,
    /// Fired by the user.
    pub(super) stop: Stop,
    /// Fired when one of the parts panics.
    pub(super) broken: Stop,
}

type Work = Pin<Box<dyn Future<Output = ()> + Send>>;

/// See the module.
pub(super) struct Show {
    parts: Parts,
    day: Option<(Work, Tasks)>,
    story_begun: Instant,
    pace: Option<Pace>,
    next_event: Instant,
    next_not_shown: Instant,
    looked: Instant,
    signals: u32,
    kills: u32,
    /// We ended the worker, and have not started it again.
    killed: bool,
    /// Nobody watches.
    dead: Outage,
    down: Outage,
}

impl Show {
    pub(super) fn new(parts: Parts) -> Self {
        let now = Instant::now();
        Self {
            parts,
            day: None,
            story_begun: now,
            pace: None,
            next_event: now,
            next_not_shown: now,
            looked: now,
            signals: 0,
            kills: 0,
            killed: false,
            dead: Outage::default(),
            down: Outage::default(),
        }
    }

    /// The day that [`Show::begin_story`] lets go on.
    pub(super) fn keep_day(&mut self, work: Work, tasks: Tasks) {
        self.day = Some((work, tasks));
    }

    pub(super) fn parts(&self) -> &Parts {
        &self.parts
    }

    /// The day goes on, and the clock of the story begins.
    pub(super) fn begin_story(&mut self) {
        if let Some((work, tasks)) = self.day.take() {
            tasks.spawn("demo-day", work);
        }
        self.story_begun = Instant::now();
        self.set_pace(Pace::STORY);
    }

    pub(super) fn set_pace(&mut self, pace: Pace) {
        self.pace = Some(pace);
        self.next_event = Instant::now();
        self.next_not_shown = Instant::now() + pace.not_shown.unwrap_or_default();
    }

    /// How far the story is, in its own time.
    pub(super) fn story_time(&self) -> Duration {
        self.story_begun.elapsed().mul_f64(self.parts.speed)
    }

    /// A time of the story in ours.
    pub(super) fn scaled(&self, time: Duration) -> Duration {
        time.div_f64(self.parts.speed)
    }

    /// Goes on until the story is so far.
    pub(super) async fn until(&mut self, story_time: Duration) -> Result<(), End> {
        let at = self.story_begun + self.scaled(story_time);
        while Instant::now() < at {
            self.tick().await?;
        }
        Ok(())
    }

    /// Goes on until something is so, for `bound` at most; says whether it is.
    pub(super) async fn wait_for(
        &mut self,
        bound: Duration,
        mut is_so: impl FnMut(&mut Self) -> bool,
    ) -> Result<bool, End> {
        let latest = Instant::now() + bound;
        while !is_so(self) {
            if Instant::now() >= latest {
                return Ok(false);
            }
            self.tick().await?;
        }
        Ok(true)
    }

    async fn tick(&mut self) -> Result<(), End> {
        tokio::select! {
            () = self.parts.stop.fired() => return Err(End::Stopped),
            () = tokio::time::sleep(TICK) => {}
        }
        if self.parts.ends.is_some_and(|ends| ends <= Instant::now()) {
            return Err(End::Stopped);
        }
        if self.parts.broken.has_fired() {
            return Err(anyhow!("a part of the demo failed; this is a bug").into());
        }
        self.check_worker().await?;
        self.look()?;
        self.show_events()
    }

    async fn check_worker(&mut self) -> Result<(), End> {
        if self.killed {
            return Ok(());
        }
        let Some(status) = self.parts.worker.ended().context("cannot ask for the worker")? else {
            return Ok(());
        };
        if tokio::time::timeout(SAME_CTRL_C, self.parts.stop.fired()).await.is_ok() {
            return Err(End::Stopped);
        }
        let said = self.parts.worker.last_lines();
        Err(anyhow!(texts::worker_failed(&status.to_string(), &said)).into())
    }

    /// Brings the books up to date.
    fn look(&mut self) -> anyhow::Result<()> {
        let passed = std::mem::replace(&mut self.looked, Instant::now()).elapsed();
        let mut books = lock(&self.parts.books);
        if !self.dead.lasts() && !self.down.lasts() {
            books.was_open(passed);
        }
        let followed = self.parts.playground.storage().read(|store| books.follow(store));
        followed.context("the pretended cluster has forgotten what it wrote")
    }

    fn show_events(&mut self) -> Result<(), End> {
        let (now, Some(pace)) = (Instant::now(), self.pace) else {
            return Ok(());
        };
        if now >= self.next_event {
            let picked = lock(&self.parts.choice).pick(self.parts.begun.elapsed());
            if let Some(event) = picked {
                self.next_event = now + pace.event;
                terminal::show(&event, self.parts.playground.clock().now())?;
            }
        }
        if pace.not_shown.is_some_and(|_| now >= self.next_not_shown) {
            self.next_not_shown = now + pace.not_shown.unwrap_or_default();
            let number = lock(&self.parts.choice).take_passed_over();
            if number > 0 {
                terminal::say(&texts::not_shown(number, terminal::paint()))?;
            }
        }
        Ok(())
    }

    /// Writes an Event by which we see whether the worker is watching.
    pub(super) fn signal(&mut self) -> anyhow::Result<()> {
        self.signals += 1;
        let now = self.parts.playground.clock().now();
        let event = signal(self.signals, now);
        let storage = self.parts.playground.storage();
        let stored = storage.write(|store| store.create(event, now)).context("cannot signal")?;
        let metadata = &stored.metadata;
        let id = Id::read(&metadata.uid, &metadata.resource_version).context("no id")?;
        lock(&self.parts.books).expect_signal(id);
        Ok(())
    }

    pub(super) fn stop_webhook(&mut self) {
        self.down.begin();
        self.parts.webhook.die();
    }

    pub(super) fn start_webhook(&mut self) {
        self.down.end();
        self.parts.webhook.come_back();
    }

    /// SIGKILL. What it had sent before is no longer worth showing.
    pub(super) async fn kill_worker(&mut self) -> anyhow::Result<()> {
        lock(&self.parts.choice).pass_over_all();
        self.dead.begin();
        self.killed = true;
        self.kills += 1;
        self.parts.worker.kill().await.context("cannot kill the worker")
    }

    pub(super) fn start_worker(&mut self) -> anyhow::Result<()> {
        self.killed = false;
        self.parts.worker.start_again().context("cannot start the worker again")
    }

    /// From now on somebody watches again. Gives how long nobody did.
    pub(super) fn worker_is_back(&mut self) -> Duration {
        self.dead.end();
        self.dead.total()
    }

    /// The newest revision of the cluster.
    pub(super) fn revision(&self) -> u64 {
        self.parts.playground.storage().read(playground::store::Store::revision)
    }

    /// The webhook's side of the books.
    pub(super) fn webhook_numbers(&self) -> Numbers {
        lock(&self.parts.books).numbers(To::Webhook)
    }

    /// How many of those written up to `revision` the webhook has not got.
    pub(super) fn waiting_to(&self, revision: u64) -> u64 {
        lock(&self.parts.books).waiting_to(revision)
    }

    /// The whole ledger.
    pub(super) fn ledger(&self) -> Ledger {
        let mut books = lock(&self.parts.books);
        Ledger {
            webhook: books.numbers(To::Webhook),
            seen: books.numbers(To::Screen).delivered,
            quiet: books.quiet(),
            kills: self.kills,
            dead: self.dead.total(),
            down: self.down.total(),
        }
    }

    /// Nothing new happens, what is on its way arrives, and the worker ends.
    pub(super) async fn wind_up(&mut self) -> anyhow::Result<()> {
        self.parts.day_stop.fire();
        self.start_webhook();
        let latest = Instant::now() + LAST_DELIVERIES;
        self.look()?;
        while self.parts.worker.ended()?.is_none()
            && self.webhook_numbers().waiting > 0
            && Instant::now() < latest
        {
            tokio::time::sleep(TICK).await;
            self.look()?;
        }
        self.dismiss_worker().await?;
        self.dead.end();
        self.look()
    }

    /// The worker ends, if it has not.
    pub(super) async fn dismiss_worker(&mut self) -> anyhow::Result<()> {
        if self.parts.worker.ended()?.is_none() {
            self.parts.worker.stop(WORKER_GRACE).await.context("cannot stop the worker")?;
        }
        Ok(())
    }
}
