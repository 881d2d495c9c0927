//! The thread that owns the journal: commits in groups, answers questions between them, trims.

use std::{
    collections::VecDeque,
    sync::{Arc, mpsc},
    time::{Duration, Instant},
};

use event::{
    Clock, Journal, LaneId,
    journal::{Commit, Committed, JournalError, Seq},
};
use tokio::sync::{oneshot, watch};

use super::{
    group::{Group, again},
    pressure::{Pressure, Relief},
    writer::{Desk, Dues, Question, Request, SaverSettings, Waiting, lock},
};

/// Questions that are answered between two groups.
const QUESTIONS: usize = 8;

/// The longest pause while the disk is full, and how often somebody is told.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
const HELD_PAUSE: Duration = Duration::from_secs(1);
const TELL_EVERY: Duration = Duration::from_secs(60);

/// A pause between two looks at a journal in which nothing moves.
const IDLE: Duration = Duration::from_secs(60);

pub(super) struct Keeper {
    journal: Box<dyn Journal>,
    inbox: mpsc::Receiver<Request>,
    desk: Arc<Desk>,
    head: watch::Sender<Seq>,
    /// How many events were dropped.
    dropped: watch::Sender<u64>,
    pressure: Pressure,
    /// For which receiver nothing can be appended now.
    held: Option<LaneId>,
    clock: Arc<dyn Clock>,
    settings: SaverSettings,
    commits: VecDeque<Box<Waiting>>,
    /// A group for which there was no room.
    stuck: Option<Group>,
    questions: VecDeque<Question>,
    /// Progress on its way to the disk; kept until it is there.
    dues: Dues,
    next_trim: Instant,
    full: Option<Full>,
    broken: Option<JournalError>,
    closing: Closing,
}

/// Whether the thread is to end, and who wants to know.
enum Closing {
    No,
    Quietly,
    Tell(oneshot::Sender<()>),
}

/// The disk is full.
struct Full {
    pause: Duration,
    retry: Instant,
    told: Option<Instant>,
}

impl Closing {
    fn is_wanted(&self) -> bool {
        !matches!(self, Self::No)
    }
}

impl Keeper {
    pub(super) fn new(
        journal: Box<dyn Journal>,
        inbox: mpsc::Receiver<Request>,
        desk: Arc<Desk>,
        (head, dropped): (watch::Sender<Seq>, watch::Sender<u64>),
        (clock, settings): (Arc<dyn Clock>, SaverSettings),
    ) -> Self {
        Self {
            journal,
            inbox,
            desk,
            head,
            dropped,
            pressure: Pressure::new(settings.budget),
            held: None,
            clock,
            commits: VecDeque::new(),
            stuck: None,
            questions: VecDeque::new(),
            dues: Dues::default(),
            next_trim: Instant::now() + settings.trim_every,
            settings,
            full: None,
            broken: None,
            closing: Closing::No,
        }
    }

    pub(super) fn run(mut self) {
        loop {
            self.take_in();
            if self.full.as_ref().is_none_or(|full| full.retry <= Instant::now()) {
                self.save();
            }
            self.answer();
            if self.next_trim <= Instant::now() {
                self.trim();
            }
            let done = self.commits.is_empty() || self.full.is_some();
            if self.closing.is_wanted() && done && self.questions.is_empty() {
                break;
            }
        }
        self.end();
    }

    /// Takes what has come in; waits for it when there is nothing else to do.
    fn take_in(&mut self) {
        if let Some(pause) = self.pause() {
            match self.inbox.recv_timeout(pause) {
                Ok(request) => self.take(request),
                Err(mpsc::RecvTimeoutError::Timeout) => {}
                Err(mpsc::RecvTimeoutError::Disconnected) => self.closing = Closing::Quietly,
            }
        }
        while let Ok(request) = self.inbox.try_recv() {
            self.take(request);
        }
        let later = std::mem::take(&mut *lock(&self.desk.dues));
        // Progress that can never be saved must not keep the thread awake.
        if self.broken.is_none() {
            self.dues.absorb(later);
        }
    }

    fn take(&mut self, request: Request) {
        match request {
            Request::Commit(waiting) => self.commits.push_back(waiting),
            Request::Ask(question) => self.questions.push_back(question),
            Request::Nudge => {}
            Request::Close(answer) => self.closing = Closing::Tell(answer),
        }
    }

    /// How long to wait for a request; nothing when there is work.
    fn pause(&self) -> Option<Duration> {
        let work = self.full.is_none() && !self.commits.is_empty();
        if work || !self.questions.is_empty() || self.closing.is_wanted() {
            return None;
        }
        let mut until = self.next_trim;
        match &self.full {
            Some(full) => until = until.min(full.retry),
            None => until = self.dues_at().map_or(until, |at| until.min(at)),
        }
        Some(until.saturating_duration_since(Instant::now()))
    }

    /// When progress must be saved although nothing else is.
    fn dues_at(&self) -> Option<Instant> {
        let since = self.dues.since?;
        let delay = if self.dues.urgent { Duration::ZERO } else { self.settings.progress_delay };
        Some(since + delay)
    }

    /// Saves the next group of commits, with all progress; progress alone when it has waited enough.
    fn save(&mut self) {
        if self.full.is_some() {
            self.make_room();
        }
        let due = self.dues_at().is_some_and(|at| at <= Instant::now());
        if self.stuck.is_none() && self.commits.is_empty() && !due {
            self.full = None;
            return;
        }
        let mut group = self
            .stuck
            .take()
            .unwrap_or_else(|| Group::take(&mut self.commits, self.settings.group_rows));
        if self.held.is_some() && !group.commit.rows.is_empty() {
            self.stuck = Some(group);
            return self.wait_for_room();
        }
        match self.write(&mut group.commit) {
            Ok(committed) => {
                self.full = None;
                self.publish(group, committed);
            }
            Err(JournalError::Full) => {
                self.stuck = Some(group);
                self.wait_for_room();
            }
            Err(error) => group.refuse(&error),
        }
    }

    /// Writes `commit` with all progress. Progress does not stay in it when the disk is full: alone it
    /// may still find room, and let rows go.
    fn write(&mut self, commit: &mut Commit) -> Result<Committed, JournalError> {
        if let Some(error) = &self.broken {
            return Err(again(error));
        }
        let lengths = (commit.progress.len(), commit.lane_tallies.len(), commit.parked.len());
        let told = commit.not_shown.len();
        self.dues.copy_into(commit);
        let began = Instant::now();
        let committed = self.journal.commit(commit);
        self.desk.writes.observe(began.elapsed().as_secs_f64());
        commit.progress.truncate(lengths.0);
        commit.lane_tallies.truncate(lengths.1);
        commit.parked.truncate(lengths.2);
        commit.not_shown.truncate(told);
        match &committed {
            Ok(_) => {
                self.dues = Dues::default();
                self.next_trim = self.next_trim.min(Instant::now() + self.settings.trim_every);
            }
            Err(JournalError::Full) => {}
            Err(error) => self.give_in(error),
        }
        committed
    }

    /// Tells readers first and then who waits.
    fn publish(&mut self, mut group: Group, committed: Committed) {
        let rows = group.take_rows();
        if !rows.is_empty() {
            self.pressure.appended(rows.len());
            let taken = rows.iter().filter(|row| row.event.is_some()).count();
            lock(&self.desk.rate).add(taken, Instant::now());
            lock(&self.desk.tail).extend(rows, committed.last);
            self.head.send_replace(committed.last);
        }
        group.answer(committed);
        self.relieve();
    }

    /// Makes room when there is too much in the journal.
    fn relieve(&mut self) {
        let now = self.clock.now();
        match self.pressure.relieve(self.journal.as_mut(), &self.desk, now) {
            Ok(Relief { dropped, held }) => {
                self.held = held;
                if dropped > 0 {
                    self.dropped.send_modify(|sum| *sum += dropped);
                }
            }
            // Commits will find out whether that lasts.
            Err(JournalError::Full) => {}
            Err(error) => self.give_in(&error),
        }
    }

    fn answer(&mut self) {
        for _ in 0..QUESTIONS {
            let Some(question) = self.questions.pop_front() else {
                break;
            };
            if question.after_progress && self.dues.since.is_some() {
                match self.write(&mut Commit::default()) {
                    Ok(_) => {}
                    Err(error) => tracing::debug!(%error, "progress is not saved yet"),
                }
            }
            let head = *self.head.borrow();
            (question.ask)(self.journal.as_mut(), head, self.clock.now());
        }
    }

    fn trim(&mut self) {
        let now = self.clock.now();
        let discarded = self.pressure.discard(self.journal.as_mut(), now);
        let trimmed = discarded.and_then(|()| self.journal.trim(now));
        self.relieve();
        let pause = match trimmed {
            Ok(trimmed) if trimmed.rows > 0 || trimmed.space_left => self.settings.trim_every / 20,
            Ok(_) if self.dues.since.is_none() && self.commits.is_empty() => IDLE,
            Ok(_) | Err(JournalError::Full) => self.settings.trim_every,
            Err(error) => {
                self.give_in(&error);
                IDLE
            }
        };
        self.next_trim = Instant::now() + pause;
    }

    fn make_room(&mut self) {
        if self.dues.since.is_some() && self.write(&mut Commit::default()).is_err() {
            tracing::debug!("there is not even room for progress");
        }
        self.trim();
    }

    fn wait_for_room(&mut self) {
        let now = Instant::now();
        // A receiver can be back at any moment.
        let longest = if self.held.is_some() { HELD_PAUSE } else { LONGEST_PAUSE };
        let (pause, told) = match &self.full {
            Some(full) => ((full.pause * 2).min(longest), full.told),
            None => (self.settings.retry_after, None),
        };
        let tell = told.is_none_or(|told| now - told >= TELL_EVERY);
        if let (true, Some(lane)) = (tell, self.held) {
            let ledger = self.journal.tallies();
            let of = ledger.lanes.iter().find(|(it, _)| it.id == lane);
            let receiver = of.map_or("", |(lane, _)| lane.name.as_str());
            tracing::error!(
                receiver,
                "the journal is full, and this receiver must lose nothing (`overflow: wait`): nothing \
                 new is saved, and nothing is read from the cluster, until it takes events again"
            );
        } else if tell {
            tracing::error!(
                "the volume of the state folder is full: nothing new is saved, and nothing is read \
                 from the cluster, until there is room; free some space or enlarge the volume"
            );
        }
        self.full =
            Some(Full { pause, retry: now + pause, told: if tell { Some(now) } else { told } });
    }

    /// After a failure that waiting does not heal nothing is saved any more: a later commit would move
    /// the position over what was lost.
    fn give_in(&mut self, error: &JournalError) {
        tracing::error!(%error, "nothing is saved any more");
        self.broken.get_or_insert_with(|| again(error));
        self.dues = Dues::default();
    }

    fn end(mut self) {
        if self.dues.since.is_some()
            && let Err(error) = self.write(&mut Commit::default())
        {
            tracing::error!(%error, "the progress of the lanes is not saved; they will repeat");
        }
        if let Some(group) = self.stuck.take() {
            group.refuse(&JournalError::Full);
        }
        for waiting in self.commits.drain(..) {
            waiting.answer.give(Err(JournalError::Full));
        }
        let closing = std::mem::replace(&mut self.closing, Closing::No);
        // Dropping the journal closes its file; what still waits is answered by being dropped.
        drop(self);
        if let Closing::Tell(answer) = closing {
            _ = answer.send(());
        }
    }
}
