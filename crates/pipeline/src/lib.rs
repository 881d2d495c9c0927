//! The way of an event, one module a step, in the order of the way.
//!
//! `collect` turns the API server's list and watch into events with the occurrences they add;
//! `enrich` adds what is known of the involved object; `route` decides once which lanes an event
//! takes; `save` makes event, decision and position durable in one step; `send` carries each lane's
//! events to its receiver.

pub mod collect;

pub mod enrich;

pub mod route;

pub mod save;

pub mod send;

pub mod lease;

pub mod backoff;

pub mod canary;

pub mod counts;

pub mod limits;

mod losses;

mod standing;

pub mod measures;

use std::{future::Future, sync::Arc};

use event::{
    Event, LaneSet, Text,
    journal::{Break, Change, Commit, Committed, JournalError, Position, Row, SnapshotPart},
};

use self::{
    canary::Canaries,
    collect::judge::{Fate, Judged},
    counts::Counts,
    enrich::Enricher,
    lease::Floors,
    limits::Limits,
    route::{Router, Sending, Step},
    save::live::Live,
};

/// A [`Way`] that several collectors enter in turn.
pub type SharedWay<S> = Arc<tokio::sync::Mutex<Way<S>>>;

/// Makes a commit durable; answers when it is.
pub trait Save: Send + Sync + 'static {
    /// See [`event::Journal::commit`].
    fn commit(
        &self,
        commit: Commit,
    ) -> impl Future<Output = Result<Committed, JournalError>> + Send;
}

impl Save for save::Saver {
    async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        Self::commit(self, commit).await
    }
}

/// The middle of the way, from a judged event to a saved one: enrich, route, save.
///
/// Events are taken one by one and saved together; until [`Way::save`] has returned, nothing of them
/// counts as done. Collectors of several scopes share it: whoever takes events keeps it until they
/// are saved with the position, so that neither is ever ahead of the other.
#[derive(Debug)]
pub struct Way<S> {
    /// What is remembered of every live Event.
    pub live: Live,
    enricher: Enricher,
    router: Router,
    saver: S,
    arrivals: u64,
    /// How much of one namespace is sent; everything unless somebody sets it.
    pub limits: Limits,
    /// Where our own probes go.
    pub canaries: Canaries,
    /// What happened, for metrics.
    pub counts: Counts,
    /// See [`Commit::newest`].
    pub newest: u64,
    /// What other replicas have sent.
    pub floors: Floors,
    next: Commit,
    /// The next part of the snapshot that is being written, and how many there are.
    snapshot: Option<(u32, u32)>,
}

impl<S: Save> Way<S> {
    /// A way, with what is remembered.
    pub fn new(live: Live, enricher: Enricher, router: Router, saver: S) -> Self {
        Self {
            live,
            enricher,
            router,
            saver,
            arrivals: 0,
            limits: Limits::default(),
            canaries: Canaries::default(),
            counts: Counts::default(),
            newest: 0,
            floors: Floors::default(),
            next: Commit::default(),
            snapshot: None,
        }
    }

    /// The way, for several collectors.
    pub fn shared(self) -> SharedWay<S> {
        Arc::new(tokio::sync::Mutex::new(self))
    }

    /// How many rows wait to be saved.
    pub fn pending(&self) -> usize {
        self.next.rows.len()
    }

    /// Takes one judged event of an epoch: routes it if it happened, and prepares to save what it changes.
    /// Limits hold for what came `live`, at that time in seconds since 1970.
    pub fn take(&mut self, judged: Judged, epoch: u32, live: Option<u32>) {
        let Judged { mut event, key, change, fate } = judged;
        self.next.tally.seen += 1;
        let sending = match fate {
            Fate::Happened(_) => {
                self.arrivals += 1;
                event.arrival = if event.revision().is_some() { 0 } else { self.arrivals };
                event.epoch = epoch;
                self.enricher.enrich(&mut event);
                let before = self.live.get(key);
                let step = Step::of(&event, before.map(|entry| entry.known.last_seen));
                let reached = before.map(|entry| entry.reached.clone()).unwrap_or_default();
                self.route(&event, &reached, step, live)
            }
            Fate::Baseline => {
                self.next.tally.baseline += 1;
                Sending::default()
            }
            Fate::Noop => {
                self.next.tally.noop += 1;
                Sending::default()
            }
        };
        if let Some(change) = &change {
            self.live.apply(change, &sending.lanes);
        } else {
            self.live.reach(key, &sending.lanes);
        }
        self.reached(key, &sending);
        if change.is_some() || !sending.lanes.is_empty() {
            let event = (!sending.lanes.is_empty()).then(|| Arc::from(event));
            self.next.rows.push(Row { change, lanes: sending.lanes, event });
        }
    }

    /// Forgets an Event that a list no longer shows.
    pub fn forget(&mut self, gone: Change) {
        self.live.apply(&gone, &LaneSet::new());
        self.next.rows.push(Row { change: Some(gone), lanes: LaneSet::new(), event: None });
    }

    /// Takes an event of Tidings' own making; it goes the same way as any other.
    pub fn take_own(&mut self, mut event: Event) {
        self.next.tally.seen += 1;
        self.enricher.enrich(&mut event);
        let sending = self.route(&event, &LaneSet::new(), Step::default(), None);
        if !sending.lanes.is_empty() {
            let event = Some(Arc::new(event));
            self.next.rows.push(Row { change: None, lanes: sending.lanes, event });
        }
    }

    /// Notes a break in what was seen; it is saved with what was taken.
    pub fn note(&mut self, found: Break) {
        self.next.breaks.push(found);
    }

    /// Saves everything that was taken, and a scope's position with it. Returns when it is durable.
    pub async fn save(
        &mut self,
        position: Option<(Text, Position)>,
    ) -> Result<Committed, JournalError> {
        self.tell_excess(position.as_ref().map_or(0, |(_, position)| position.time));
        let newest = std::mem::take(&mut self.newest);
        let mut commit = Commit { position, newest, ..std::mem::take(&mut self.next) };
        commit.snapshot = self.snapshot.map(|(index, parts)| SnapshotPart {
            index,
            last: index + 1 == parts,
            bytes: self.live.part(index, parts),
        });
        if commit.is_empty() {
            return Ok(Committed::default());
        }
        let committed = self.saver.commit(commit).await?;
        self.counts.saved();
        self.snapshot = match self.snapshot {
            Some((index, parts)) if index + 1 < parts => Some((index + 1, parts)),
            Some(_) => None,
            None => committed.snapshot_due.then(|| (0, self.live.parts())),
        };
        Ok(committed)
    }
}
