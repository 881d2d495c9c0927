//! The handle through which everybody saves and reads; the journal itself lives on a thread of its
//! own (`keeper.rs`), because it waits for the disk.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc},
    thread::JoinHandle,
    time::{Duration, Instant},
};

use event::{
    Clock, Journal, LaneId, LaneSet, Text,
    journal::{
        Commit, Committed, JournalError, Lane, LaneTally, Ledger, NotShown, Parked, Progress, Seq,
        Stored, Usage,
    },
};
use jiff::Timestamp;
use prometheus::{Histogram, core::Collector};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot, watch};

use super::{
    checkpoints::Checkpoints,
    keeper::Keeper,
    pressure::{Budget, Rate},
    tail::{Page, Tail},
};
use crate::measures::{self, MetricFamily};

/// What can be chosen about saving.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SaverSettings {
    /// How long progress waits for a commit to ride on.
    pub progress_delay: Duration,
    /// How often rows that all lanes have passed are looked for.
    pub trim_every: Duration,
    /// The first pause after a full disk; doubled up to half a minute.
    pub retry_after: Duration,
    /// Rows that one transaction appends, unless a single commit has more.
    pub group_rows: usize,
    /// Commits that can wait in the queue; who comes later waits in front of it.
    pub queue: usize,
    /// Memory for the newest rows.
    pub tail_bytes: usize,
    /// How much the journal may take.
    pub budget: Budget,
}

impl Default for SaverSettings {
    fn default() -> Self {
        Self {
            progress_delay: Duration::from_secs(1),
            trim_every: Duration::from_secs(1),
            retry_after: Duration::from_millis(100),
            group_rows: 1000,
            queue: 64,
            tail_bytes: 8 << 20,
            budget: Budget::default(),
        }
    }
}

/// Saves commits and reads lanes. Clones share one journal.
#[derive(Debug, Clone)]
pub struct Saver {
    requests: mpsc::Sender<Request>,
    pub(super) desk: Arc<Desk>,
    commits: Arc<Semaphore>,
    questions: Arc<Semaphore>,
    head: watch::Receiver<Seq>,
    dropped: watch::Receiver<u64>,
    limit: u64,
    thread: Arc<Mutex<Option<JoinHandle<()>>>>,
}

/// What the handles and the thread share.
#[derive(Debug)]
pub(super) struct Desk {
    /// The newest rows.
    pub(super) tail: Mutex<Tail>,
    /// Progress that is not yet saved.
    pub(super) dues: Mutex<Dues>,
    /// How long transactions took.
    pub(super) writes: Histogram,
    /// Receivers that lose nothing.
    pub(super) patient: Mutex<Vec<Text>>,
    /// How many rows come in.
    pub(super) rate: Mutex<Rate>,
    /// Which row was the newest at which position, where somebody wants to know.
    pub(super) checkpoints: Mutex<Option<Checkpoints>>,
}

/// What is asked of the thread. The permit of the queue travels with it.
pub(super) enum Request {
    Commit(Box<Waiting>),
    Ask(Question),
    /// There is progress.
    Nudge,
    Close(oneshot::Sender<()>),
}

/// A commit and who waits for it.
pub(super) struct Waiting {
    pub(super) commit: Commit,
    pub(super) answer: Answer,
}

/// Who waits for a commit; the place in the queue is free again once the answer is given.
pub(super) struct Answer {
    sender: oneshot::Sender<Result<Committed, JournalError>>,
    _permit: OwnedSemaphorePermit,
}

/// Is given the journal, its newest row and the time.
type Ask = Box<dyn FnOnce(&mut dyn Journal, Seq, Timestamp) + Send>;

/// Something to ask the journal between two commits.
pub(super) struct Question {
    /// Progress must be in the journal first.
    pub(super) after_progress: bool,
    pub(super) ask: Ask,
    _permit: OwnedSemaphorePermit,
}

/// The newest progress of each lane, with what came of its events since it was last saved.
#[derive(Debug, Default)]
pub(super) struct Dues {
    pub(super) lanes: BTreeMap<LaneId, Due>,
    /// When the oldest of it came in.
    pub(super) since: Option<Instant>,
    /// There are parked rows, which are not to wait.
    pub(super) urgent: bool,
}

#[derive(Debug)]
pub(super) struct Due {
    progress: Progress,
    tally: LaneTally,
    parked: Vec<Parked>,
    not_shown: Option<NotShown>,
}

impl Saver {
    /// Makes the lanes of `names` the current ones and starts the thread that owns `journal` from now
    /// on. Load the live state before: the journal cannot be reached afterwards. Waits for the disk; the
    /// rest of the methods leave that to the thread.
    pub fn open(
        mut journal: Box<dyn Journal>,
        names: &[Text],
        clock: Arc<dyn Clock>,
        settings: SaverSettings,
    ) -> Result<(Self, Vec<Lane>), JournalError> {
        let lanes = journal.open_lanes(names, clock.now())?;
        let last = journal.commit(&Commit::default())?.last;
        let untold = |lane: &&Lane| lane.untold.is_some();
        let before = journal.tallies().lanes.iter().map(|(lane, _)| lane).filter(untold).count();
        let (requests, inbox) = mpsc::channel();
        let (head_sender, head) = watch::channel(last);
        let (dropped_sender, dropped) = watch::channel(before as u64);
        let desk = Arc::new(Desk {
            tail: Mutex::new(Tail::new(last, settings.tail_bytes)),
            dues: Mutex::default(),
            writes: measures::writes(),
            patient: Mutex::default(),
            rate: Mutex::new(Rate::new(Instant::now())),
            checkpoints: Mutex::default(),
        });
        let senders = (head_sender, dropped_sender);
        let keeper = Keeper::new(journal, inbox, Arc::clone(&desk), senders, (clock, settings));
        let thread = std::thread::Builder::new()
            .name("journal".into())
            .spawn(move || keeper.run())
            .map_err(|error| JournalError::Io(format!("no thread for the journal: {error}")))?;
        let saver = Self {
            requests,
            desk,
            commits: Arc::new(Semaphore::new(settings.queue)),
            questions: Arc::new(Semaphore::new(settings.queue)),
            head,
            dropped,
            limit: settings.budget.bytes,
            thread: Arc::new(Mutex::new(Some(thread))),
        };
        Ok((saver, lanes))
    }

    /// Saves `commit`: when this returns, it is on the disk. Commits are saved in the order of the
    /// calls, several at once where they queue. While the disk is full this waits; after any other
    /// failure nothing is saved any more, so that nothing later can overtake what was lost.
    pub async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        let permit = permit(&self.commits).await?;
        let moved = self.moved(&commit);
        let (sender, answered) = oneshot::channel();
        let answer = Answer { sender, _permit: permit };
        self.request(Request::Commit(Box::new(Waiting { commit, answer })))?;
        let committed = answered.await.map_err(|_| closed())??;
        self.saved_position(moved, committed.last);
        Ok(committed)
    }

    /// Notes how far a lane has come, what came of its events since the last call, and what it parked.
    /// All of it is saved in one step, with the next commit or after a second; parked rows at once. Who
    /// parks much calls [`Saver::flush`] now and then, so that it does not pile up before a full disk.
    pub fn progress(&self, progress: Progress, tally: LaneTally, parked: Vec<Parked>) {
        self.report(progress, tally, parked, None);
    }

    /// The same, with what the lane has to tell its receiver of events that were too old.
    pub fn report(
        &self,
        progress: Progress,
        tally: LaneTally,
        parked: Vec<Parked>,
        not_shown: Option<NotShown>,
    ) {
        let due = Due { progress, tally, parked, not_shown };
        let nudge = lock(&self.desk.dues).add(due);
        if nudge && self.requests.send(Request::Nudge).is_err() {
            tracing::debug!("progress after the journal was closed");
        }
    }

    /// The rows of `lane` after `after`; see [`Saver::page`], which also says how far they reach.
    pub async fn read(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        let page = self.page(lane, after, max_rows, max_bytes).await?;
        Ok(page.rows)
    }

    /// Up to `max_rows` rows after `after` that `lane` takes, fewer when they reach `max_bytes`: from
    /// memory when they are new, else from the journal.
    pub async fn page(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Page, JournalError> {
        let page = lock(&self.desk.tail).page(lane, after, max_rows, max_bytes);
        if let Some(page) = page {
            return Ok(page);
        }
        let desk = Arc::clone(&self.desk);
        self.ask(false, move |journal, head, _| {
            let rows = journal.read(lane, after, max_rows, max_bytes)?;
            let upto = rows.last().map_or(head, |row| row.seq);
            // On the thread that drops rows: nothing of these can be dropped in between.
            lock(&desk.tail).hand(lane, upto);
            Ok(Page { rows, upto })
        })
        .await
    }

    /// Makes `names` the receivers that lose nothing when the journal is full. When it is full of what
    /// they have to get, commits wait, and with them whoever reads from the cluster.
    pub fn spare(&self, names: Vec<Text>) {
        *lock(&self.desk.patient) = names;
    }

    /// Tells how many events were dropped because the journal is full, whenever it changes; not 0 at the
    /// start when there are some of which nobody was told yet.
    pub fn dropped(&self) -> watch::Receiver<u64> {
        self.dropped.clone()
    }

    /// Tells the number of the newest row, whenever it changes.
    pub fn head(&self) -> watch::Receiver<Seq> {
        self.head.clone()
    }

    /// Makes the lanes of `names` the current ones, after a change of the config.
    pub async fn open_lanes(&self, names: Vec<Text>) -> Result<Vec<Lane>, JournalError> {
        self.ask(true, move |journal, _, now| journal.open_lanes(&names, now)).await
    }

    /// Every tally at one moment, with all progress that was noted before.
    pub async fn ledger(&self) -> Result<Ledger, JournalError> {
        self.ask(true, |journal, _, _| Ok(journal.tallies())).await
    }

    /// The same, with the rows that wait counted one by one; see [`Journal::ledger`].
    pub async fn audit(&self) -> Result<Ledger, JournalError> {
        self.ask(true, |journal, _, _| journal.ledger()).await
    }

    /// Parked rows of one lane, oldest first.
    pub async fn parked(&self, lane: LaneId, limit: usize) -> Result<Vec<Parked>, JournalError> {
        self.ask(true, move |journal, _, _| journal.parked(lane, limit)).await
    }

    /// Parked rows of all lanes; see [`Journal::parked_after`].
    pub async fn parked_after(
        &self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Parked)>, JournalError> {
        self.ask(true, move |journal, _, _| journal.parked_after(after, limit)).await
    }

    /// Rows that are still there, whoever waits for them; see [`Journal::scan`].
    pub async fn scan(
        &self,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<(LaneSet, Stored)>, JournalError> {
        self.ask(false, move |journal, _, _| journal.scan(after, max_rows, max_bytes)).await
    }

    /// Gives up everything that a lane, which has come as far as `at`, has yet to send, and counts it as
    /// discarded. Says up to which row that is, and how many.
    pub async fn drop_waiting(&self, at: Progress) -> Result<(Seq, u64), JournalError> {
        self.ask(true, move |journal, head, _| {
            let ledger = journal.tallies();
            let lane = ledger.lanes.iter().map(|(lane, _)| lane).find(|lane| lane.id == at.lane);
            let Some(lane) =
                lane.filter(|it| it.cursor == at.cursor && it.done_above == at.done_above)
            else {
                let why = "what its lane has done is not saved yet; try again";
                return Err(JournalError::Io(why.into()));
            };
            let discarded = lane.tally.waiting();
            journal.commit(&Commit {
                progress: vec![Progress { lane: at.lane, cursor: head, done_above: Vec::new() }],
                lane_tallies: vec![(at.lane, LaneTally { discarded, ..LaneTally::default() })],
                ..Commit::default()
            })?;
            Ok((head, discarded))
        })
        .await
    }

    /// Bytes on disk that are in use.
    pub async fn size(&self) -> Result<u64, JournalError> {
        self.ask(false, |journal, _, _| journal.size()).await
    }

    /// What the journal takes, by what it is for.
    pub async fn usage(&self) -> Result<Usage, JournalError> {
        self.ask(false, |journal, _, _| journal.usage()).await
    }

    /// How much the journal may take, in bytes.
    pub fn limit(&self) -> u64 {
        self.limit
    }

    /// How many rows a second came in that lanes take, over about ten minutes.
    pub fn rate(&self) -> f64 {
        lock(&self.desk.rate).per_second(Instant::now())
    }

    /// How long transactions took.
    pub fn measured(&self) -> Vec<MetricFamily> {
        self.desk.writes.collect()
    }

    /// Saves all progress that was noted before, and waits for it.
    pub async fn flush(&self) -> Result<(), JournalError> {
        self.ask(true, |_, _, _| Ok(())).await
    }

    /// Saves what is queued, closes the journal, and waits for its thread. Other clones get errors
    /// from then on.
    pub async fn close(self) {
        let (answer, answered) = oneshot::channel();
        if self.requests.send(Request::Close(answer)).is_ok() && answered.await.is_err() {
            tracing::error!("the journal's thread ended before it was done");
        }
        // It has nothing left to do but to end.
        let thread = lock(&self.thread).take();
        if thread.is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("the journal's thread panicked");
        }
    }

    async fn ask<T: Send + 'static>(
        &self,
        after_progress: bool,
        question: impl FnOnce(&mut dyn Journal, Seq, Timestamp) -> Result<T, JournalError>
        + Send
        + 'static,
    ) -> Result<T, JournalError> {
        let permit = permit(&self.questions).await?;
        let (answer, answered) = oneshot::channel();
        self.request(Request::Ask(Question {
            after_progress,
            ask: Box::new(move |journal, head, now| {
                // Who no longer waits needs no answer.
                drop(answer.send(question(journal, head, now)));
            }),
            _permit: permit,
        }))?;
        answered.await.map_err(|_| closed())?
    }

    fn request(&self, request: Request) -> Result<(), JournalError> {
        self.requests.send(request).map_err(|_| closed())
    }
}

impl Answer {
    /// Gives the answer; who no longer waits needs none.
    pub(super) fn give(self, answer: Result<Committed, JournalError>) {
        drop(self.sender.send(answer));
    }
}

impl Dues {
    /// Adds progress; says whether the thread must be told.
    fn add(&mut self, due: Due) -> bool {
        let nudge = self.since.is_none() || (!self.urgent && !due.parked.is_empty());
        self.since.get_or_insert_with(Instant::now);
        self.urgent |= !due.parked.is_empty();
        let lane = due.progress.lane;
        self.lanes.entry(lane).and_modify(|it| it.add(&due)).or_insert(due);
        nudge
    }

    /// Adds what came in later.
    pub(super) fn absorb(&mut self, later: Self) {
        self.since = self.since.or(later.since);
        self.urgent |= later.urgent;
        for (lane, due) in later.lanes {
            self.lanes.entry(lane).and_modify(|it| it.add(&due)).or_insert(due);
        }
    }

    /// Copies it into `commit`.
    pub(super) fn copy_into(&self, commit: &mut Commit) {
        for (lane, due) in &self.lanes {
            commit.progress.push(due.progress.clone());
            commit.lane_tallies.push((*lane, due.tally));
            commit.not_shown.push((*lane, due.not_shown.clone()));
            commit.parked.extend(due.parked.iter().cloned());
        }
    }
}

impl Due {
    fn add(&mut self, later: &Self) {
        self.progress.clone_from(&later.progress);
        self.not_shown.clone_from(&later.not_shown);
        self.tally.add(&later.tally);
        self.parked.extend(later.parked.iter().cloned());
    }
}

async fn permit(queue: &Arc<Semaphore>) -> Result<OwnedSemaphorePermit, JournalError> {
    let permit = Arc::clone(queue).acquire_owned().await;
    permit.map_err(|_| closed())
}

/// The answer of a journal that is gone.
fn closed() -> JournalError {
    JournalError::Io("it is closed".into())
}

/// A panic elsewhere leaves nothing half-done behind these locks.
pub(super) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
