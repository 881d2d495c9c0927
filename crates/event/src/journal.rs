//! What the journal must be able to do: keep events with their decisions, the watch position, the
//! counters and the lanes' progress, and move all of them in one step.
//!
//! [`Journal::commit`] is that step. Whatever it returns from is on the disk; whatever it has not
//! returned from may or may not be, but never in part.

use std::{collections::BTreeMap, sync::Arc};

use jiff::Timestamp;
use thiserror::Error;

use crate::{Event, EventKey, LaneId, LaneSet, Text};

mod not_shown;

mod room;

pub use not_shown::NotShown;
pub use room::{Need, Overflow, Shed, Swept, Usage};

/// Number of a row: 1 for the first, one more for each, never used again.
pub type Seq = u64;

/// Keeps what must survive a crash. One process, one writer.
pub trait Journal: Send {
    /// Gives back what a start needs; live state is streamed into `restore`, in the order in which it
    /// must be applied: the chunks of the newest complete snapshot, then every later change.
    fn load(&mut self, restore: &mut dyn FnMut(Restored<'_>)) -> Result<Loaded, JournalError>;

    /// Makes the lanes of `names` the current ones and returns them in that order. A known name keeps
    /// its number, cursor and tally; a new one gets a number that no row carries and starts at the
    /// end; a lane that is no longer named is an orphan from `now` on and keeps its rows for a day.
    /// A number is free again when no row carries it and a snapshot that began after its lane was given
    /// up is complete: only then has the live state forgotten it too, whatever a crash brings back.
    fn open_lanes(&mut self, names: &[Text], now: Timestamp) -> Result<Vec<Lane>, JournalError>;

    /// Gives the lane of `from` the name `to`, with its number, its rows, its cursor and its tally, unless there is a
    /// lane of that name; says whether it did. Call it before the lanes are opened.
    fn rename_lane(&mut self, from: &Text, to: &Text) -> Result<bool, JournalError>;

    /// Appends, moves and counts everything in `commit`, all or nothing, durably.
    fn commit(&mut self, commit: &Commit) -> Result<Committed, JournalError>;

    /// Up to `max_rows` rows after `after` that `lane` takes, in order; fewer when their bodies reach
    /// `max_bytes` (at least one).
    fn read(
        &mut self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError>;

    /// Removes rows that every lane has passed and a snapshot covers, counts the rows of lanes that
    /// were orphaned for a day as expired, and gives space back. Does a bounded part of it: call it
    /// again while it removes rows.
    fn trim(&mut self, now: Timestamp) -> Result<Trimmed, JournalError>;

    /// Removes rows that a snapshot covers and no lane waits for, wherever they are: behind a lane that
    /// is stuck, rows of others pile up. Looks at a bounded number of rows after `after`.
    fn sweep(&mut self, after: Seq) -> Result<Swept, JournalError>;

    /// Makes room: drops the oldest rows of the lane that has most to send, counts them as overflow, and
    /// removes those that no other lane waits for. Does a bounded part of it: call it again.
    fn shed(&mut self, need: &Need) -> Result<Shed, JournalError>;

    /// Removes parked rows, oldest first, while they take more than `bytes` or are older than `before`,
    /// and counts them as discarded; says how many. Does a bounded part of it.
    fn discard_parked(&mut self, bytes: u64, before: Timestamp) -> Result<u64, JournalError>;

    /// Parked rows of one lane, oldest first.
    fn parked(&mut self, lane: LaneId, limit: usize) -> Result<Vec<Parked>, JournalError>;

    /// Up to `limit` parked rows of all lanes after the number `after`, oldest first, each with its number.
    fn parked_after(
        &mut self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Parked)>, JournalError>;

    /// Up to `max_rows` of the rows after `after` that are still there, whoever waits for them, each with
    /// the lanes it took; fewer when their bodies reach `max_bytes` (at least one). Rows that no lane took
    /// are left out.
    fn scan(
        &mut self,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<(LaneSet, Stored)>, JournalError>;

    /// Every lane with its tally, and the overall tally, read from one snapshot. Counts the rows that
    /// wait one by one, which takes long when many do.
    fn ledger(&mut self) -> Result<Ledger, JournalError>;

    /// The same from the tallies alone: what waits is what was accepted and is not done with.
    fn tallies(&self) -> Ledger;

    /// Bytes on disk that are in use; space that later rows will fill again is not counted.
    fn size(&mut self) -> Result<u64, JournalError>;

    /// The same in parts.
    fn usage(&mut self) -> Result<Usage, JournalError>;
}

/// Why the journal could not do it.
#[derive(Debug, Error)]
pub enum JournalError {
    /// The disk is full: trim, and try again.
    #[error("no space left in the state folder")]
    Full,
    /// The file cannot be read any more.
    #[error("the journal is damaged: {0}")]
    Damaged(String),
    /// The file belongs to something else, or to a newer version.
    #[error("{0}")]
    Foreign(String),
    /// Everything else the storage can say.
    #[error("the journal cannot be used: {0}")]
    Io(String),
}

/// How far the watch has come: everything up to `revision` is in the journal.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Position {
    /// How often the cluster's storage was found restored to an older state.
    pub epoch: u32,
    /// A resourceVersion that is complete.
    pub revision: u64,
    /// When that was known, in seconds since 1970.
    pub time: u32,
    /// The shortest life of an Event in this cluster, in seconds, once one was seen to expire; else 0.
    pub ttl: u32,
}

/// What an event's arrival changes in the live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The object.
    pub key: EventKey,
    /// Its resourceVersion now; 0 where it has no numeric one.
    pub revision: u64,
    /// Its counter now.
    pub total: u32,
    /// The newest occurrence it tells of, in seconds since 1970.
    pub last_seen: u32,
    /// When we learnt of this revision, in seconds since 1970.
    pub touched: u32,
    /// The object was deleted.
    pub gone: bool,
}

/// One row to append.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// What it changes in the live state; nothing for events of Tidings' own making.
    pub change: Option<Change>,
    /// The lanes it takes; they count as reached for that object from then on.
    pub lanes: LaneSet,
    /// The event; not kept where no lane takes it.
    pub event: Option<Arc<Event>>,
}

/// Everything that moves together. The default moves nothing. What it says of lanes that are not known,
/// or were given up, is passed over.
#[derive(Debug, Clone, Default)]
pub struct Commit {
    /// Rows to append.
    pub rows: Vec<Row>,
    /// The new position of a scope.
    pub position: Option<(Text, Position)>,
    /// Every write up to this resourceVersion is in the journal, though not yet every deletion; 0 where only
    /// the position is known. Not kept.
    pub newest: u64,
    /// What to add to the overall tally.
    pub tally: Tally,
    /// What to add to the lanes' tallies; a lane can occur more than once.
    pub lane_tallies: Vec<(LaneId, LaneTally)>,
    /// New cursors; the newest of a lane counts.
    pub progress: Vec<Progress>,
    /// Rows that a receiver refused for good.
    pub parked: Vec<Parked>,
    /// Breaks in what was seen.
    pub breaks: Vec<Break>,
    /// Of how many dropped rows of a lane somebody was told.
    pub told: Vec<(LaneId, u64)>,
    /// Parked rows that are taken up again or given up.
    pub unparked: Vec<Unparked>,
    /// Lanes that somebody stopped, since when, or let go on.
    pub paused: Vec<(LaneId, Option<Timestamp>)>,
    /// What lanes have to tell their receivers of events that were too old; the newest of a lane counts.
    pub not_shown: Vec<(LaneId, Option<NotShown>)>,
    /// New lanes that are given older rows, and which are left to look at; the newest of a lane counts.
    pub filling: Vec<(LaneId, Option<Filling>)>,
    /// A part of the live state. Part 0 begins a snapshot: what is appended by this commit and later
    /// comes after it. The last part completes it and makes older ones worthless.
    pub snapshot: Option<SnapshotPart>,
}

impl Commit {
    /// Adds `other`, as if it were committed right after this.
    pub fn merge(&mut self, other: Self) {
        self.rows.extend(other.rows);
        if other.position.is_some() {
            (self.position, self.newest) = (other.position, other.newest);
        }
        self.tally.add(&other.tally);
        self.lane_tallies.extend(other.lane_tallies);
        self.progress.extend(other.progress);
        self.parked.extend(other.parked);
        self.breaks.extend(other.breaks);
        self.told.extend(other.told);
        self.unparked.extend(other.unparked);
        self.paused.extend(other.paused);
        self.not_shown.extend(other.not_shown);
        self.filling.extend(other.filling);
        self.snapshot = other.snapshot.or(self.snapshot.take());
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
            && self.position.is_none()
            && self.tally == Tally::default()
            && self.lane_tallies.is_empty()
            && self.progress.is_empty()
            && self.parked.is_empty()
            && self.breaks.is_empty()
            && self.told.is_empty()
            && self.unparked.is_empty()
            && self.paused.is_empty()
            && self.not_shown.is_empty()
            && self.filling.is_empty()
            && self.snapshot.is_none()
    }
}

/// The answer to a commit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Committed {
    /// The number of the newest row.
    pub last: Seq,
    /// So much was appended since the last snapshot began that it is time for a new one.
    pub snapshot_due: bool,
}

/// A part of a snapshot of the live state, in a form that only the live state knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotPart {
    /// 0 for the first part.
    pub index: u32,
    /// No part follows.
    pub last: bool,
    /// The part.
    pub bytes: Vec<u8>,
}

/// A piece of the live state on its way back into memory.
#[derive(Debug)]
pub enum Restored<'a> {
    /// A part of a snapshot.
    Part(&'a [u8]),
    /// A later change and the lanes it took. May repeat what the snapshot has already.
    Change(Change, LaneSet),
}

/// What [`Journal::load`] gives back beside the live state.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The position of each scope that was ever saved; empty when the live state that belongs to them
    /// cannot be trusted.
    pub positions: BTreeMap<Text, Position>,
    /// The number of the newest row.
    pub last: Seq,
    /// What could not be read and what was done about it; for the log and the ledger.
    pub salvaged: Option<String>,
}

impl Loaded {
    /// The position of one scope.
    pub fn position(&self, scope: &str) -> Option<Position> {
        self.positions.get(scope).copied()
    }
}

/// A lane as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lane {
    /// Its number.
    pub id: LaneId,
    /// The receiver's name.
    pub name: Text,
    /// Counts how often the name was given to a new lane.
    pub generation: u32,
    /// Everything up to here is done with.
    pub cursor: Seq,
    /// Rows above the cursor that are done with too.
    pub done_above: Vec<Seq>,
    /// Stretches that were dropped because the journal was full: after the first number, up to the
    /// second. Ascending, and apart from each other; gone once the cursor has passed them.
    pub skipped: Vec<(Seq, Seq)>,
    /// Of what was dropped, the part that nobody was told of yet.
    pub untold: Option<Overflow>,
    /// What became of its events.
    pub tally: LaneTally,
    /// When its receiver left the config.
    pub orphaned: Option<Timestamp>,
    /// Since when nothing is sent, because somebody said so.
    pub paused: Option<Timestamp>,
    /// Events that were too old, and of which its receiver was not told yet.
    pub not_shown: Option<NotShown>,
    /// Older rows that it is still to be given.
    pub filling: Option<Filling>,
}

/// Rows that are looked at for a new lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Filling {
    /// Up to here they were looked at.
    pub after: Seq,
    /// The last that is.
    pub upto: Seq,
}

/// How far a lane has come; replaces what was saved before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// The lane.
    pub lane: LaneId,
    /// Everything up to here is done with.
    pub cursor: Seq,
    /// Rows above the cursor that are done with too, ascending.
    pub done_above: Vec<Seq>,
}

/// A row as it is read back.
#[derive(Debug, Clone)]
pub struct Stored {
    /// Its number.
    pub seq: Seq,
    /// The event, or why it cannot be read; such a row is to be skipped, counted and reported.
    pub event: Result<Arc<Event>, String>,
}

/// An event that a receiver refused for good, with the receiver's words.
#[derive(Debug, Clone, PartialEq)]
pub struct Parked {
    /// The lane.
    pub lane: LaneId,
    /// The row.
    pub seq: Seq,
    /// When.
    pub at: Timestamp,
    /// Why.
    pub cause: ParkCause,
    /// What the receiver, or the encoder, said.
    pub reason: String,
    /// The event; nothing when it could not be read.
    pub event: Option<Arc<Event>>,
}

/// A parked row whose time there is over. One that is gone already counts as given up before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unparked {
    /// The number under which it is parked.
    pub number: u64,
    /// Its lane.
    pub lane: LaneId,
    /// Its row.
    pub seq: Seq,
    /// It is appended once more, by a row of the same commit; else it is given up, and counted as
    /// discarded.
    pub again: bool,
}

/// Why an event was parked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParkCause {
    /// The receiver refused it.
    Rejected,
    /// It failed alone, again and again, while its neighbours passed.
    Poison,
    /// It could not be read back or encoded.
    Unreadable,
    /// Somebody took it out of the way.
    Skipped,
}

impl ParkCause {
    /// The word that people and programs read.
    pub fn word(self) -> &'static str {
        match self {
            Self::Rejected => "rejected",
            Self::Poison => "poison",
            Self::Unreadable => "unreadable",
            Self::Skipped => "skipped",
        }
    }
}

/// A gap in what the watch can vouch for: every resume that was not contiguous.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Break {
    /// When it was found.
    pub at: Timestamp,
    /// One word: `restart`, `expired`, `stale`, `restored`, `frozen`, `damaged`.
    pub cause: Text,
    /// The position before it.
    pub from: Position,
    /// The position after it.
    pub to: Position,
    /// Whether events could have been created and removed unseen.
    pub missed: bool,
}

/// What happened to the revisions that came in. `seen` is the sum of the others.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Every revision that came in.
    pub seen: u64,
    /// At least one lane accepted it.
    pub accepted: u64,
    /// No route led anywhere.
    pub filtered: u64,
    /// It was there before Tidings looked for the first time.
    pub baseline: u64,
    /// Nothing had happened: seen before, metadata only, deleted.
    pub noop: u64,
}

impl Tally {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.seen += other.seen;
        self.accepted += other.accepted;
        self.filtered += other.filtered;
        self.baseline += other.baseline;
        self.noop += other.noop;
    }

    /// Whether every revision is accounted for.
    pub fn balances(&self) -> bool {
        self.seen == self.accepted + self.filtered + self.baseline + self.noop
    }
}

/// What happened to the events of one lane.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LaneTally {
    /// The route led here.
    pub accepted: u64,
    /// The receiver took it.
    pub delivered: u64,
    /// A repeat that the receiver did not ask for.
    pub suppressed: u64,
    /// Refused for good, kept for people.
    pub parked: u64,
    /// Dropped because the journal was full.
    pub overflow: u64,
    /// Dropped because it was too old.
    pub expired: u64,
    /// Dropped by somebody's command, or lost with a damaged file.
    pub discarded: u64,
}

impl LaneTally {
    /// Adds `other`.
    pub fn add(&mut self, other: &Self) {
        self.accepted += other.accepted;
        self.delivered += other.delivered;
        self.suppressed += other.suppressed;
        self.parked += other.parked;
        self.overflow += other.overflow;
        self.expired += other.expired;
        self.discarded += other.discarded;
    }

    /// A parked event was given up.
    pub fn discard_parked(&mut self) {
        self.parked = self.parked.saturating_sub(1);
        self.discarded += 1;
    }

    /// A parked event is taken up again. `was_there` says no where it was given up meanwhile: then it is a new one.
    pub fn unpark(&mut self, was_there: bool) {
        if was_there {
            self.parked = self.parked.saturating_sub(1);
        } else {
            self.accepted += 1;
        }
    }

    /// Accepted and not yet done with.
    pub fn waiting(&self) -> u64 {
        let done = self.delivered
            + self.suppressed
            + self.parked
            + self.overflow
            + self.expired
            + self.discarded;
        self.accepted.saturating_sub(done)
    }
}

/// All tallies at one moment, and how many rows each lane has yet to send.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Ledger {
    /// Of everything that came in.
    pub tally: Tally,
    /// Of each lane, orphans and resting numbers too, with the number of rows that it has yet to send.
    pub lanes: Vec<(Lane, u64)>,
    /// Every break so far, newest last; the last hundred are kept.
    pub breaks: Vec<Break>,
}

impl Ledger {
    /// Whether `accepted = delivered + suppressed + waiting + parked + dropped` holds for every lane,
    /// and `seen` is accounted for. That says something where `waiting` was counted from the rows.
    pub fn balances(&self) -> bool {
        self.tally.balances()
            && self.lanes.iter().all(|(lane, waiting)| lane.tally.waiting() == *waiting)
    }
}

/// What [`Journal::trim`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Trimmed {
    /// Rows removed.
    pub rows: u64,
    /// Orphaned lanes given up.
    pub lanes: u64,
    /// There is still space to give back.
    pub space_left: bool,
}
