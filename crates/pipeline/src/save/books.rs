//! The small part of the journal: numbers, lanes, positions, tallies.
//!
//! Both journals keep it in memory and work out the next state here, in pure functions; `SQLite` writes
//! down what has changed. So the rules exist once.

use std::collections::{BTreeMap, VecDeque};

use event::{
    LaneId, Text,
    journal::{
        Break, Commit, Committed, JournalError, Lane, Ledger, Position, Seq, SnapshotPart, Tally,
    },
};
use jiff::{SignedDuration, Timestamp};

/// How long the rows of a lane are kept that no receiver stands for.
const ORPHAN_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// How many breaks are kept.
const BREAKS: usize = 100;

/// Everything but rows, parked rows and snapshot parts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Books {
    /// Counts what was written; tells whether the newest of it was.
    pub(super) commits: u64,
    /// The number of the newest row.
    pub(super) last: Seq,
    /// Bytes of all rows ever appended.
    pub(super) appended: u64,
    /// What came in.
    pub(super) tally: Tally,
    /// The newest complete snapshot.
    pub(super) complete: Option<Snapshot>,
    /// The snapshot whose parts are coming in.
    pub(super) begun: Option<Snapshot>,
    /// How many snapshots were ever begun.
    pub(super) snapshots: u64,
    /// Every lane, by number.
    pub(super) lanes: Vec<Holder>,
    /// How often a name was given to a new lane.
    pub(super) generations: BTreeMap<Text, u32>,
    /// The position of each scope.
    pub(super) positions: BTreeMap<Text, Position>,
    /// The newest breaks.
    pub(super) breaks: VecDeque<Break>,
    /// Up to here rows may be missing between others: no lane waited for them.
    pub(super) swept: Seq,
    /// Bytes of all parked rows.
    pub(super) parked: u64,
}

/// A snapshot of the live state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Snapshot {
    /// Tells its parts from those of others.
    pub(super) number: u64,
    /// The newest row when it began; later ones come after it.
    pub(super) began: Seq,
    /// [`Books::appended`] when it began.
    pub(super) appended: u64,
    /// Parts so far.
    pub(super) parts: u32,
    /// Their length together. Not written down, but found when the parts are checked.
    pub(super) bytes: u64,
}

/// A lane, and what hinders its number from being used again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Holder {
    /// The lane.
    pub(super) lane: Lane,
    /// Set once the lane was given up.
    pub(super) given_up: Option<GivenUp>,
}

/// A lane that was an orphan for too long. Its number rests until rows and snapshots forgot it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct GivenUp {
    /// No row above this one carries the number.
    pub(super) upto: Seq,
    /// The snapshot that no longer knows the lane has this number or a higher one.
    pub(super) forgotten_by: u64,
}

/// A large snapshot is worth writing when so many times its length was appended, though not more than so many times the
/// usual.
const WORTH: u64 = 4;

impl Books {
    /// The books after `commit`, whose rows are `bytes` long together.
    pub(super) fn after(&self, commit: &Commit, bytes: u64) -> Self {
        let mut next = self.clone();
        if let Some(part) = &commit.snapshot {
            next.snapshot(part);
        }
        next.last += commit.rows.len() as u64;
        next.appended += bytes;
        next.tally.add(&commit.tally);
        for (id, tally) in &commit.lane_tallies {
            if let Some(lane) = next.lane_mut(*id) {
                lane.tally.add(tally);
            }
        }
        for progress in &commit.progress {
            if let Some(lane) = next.lane_mut(progress.lane) {
                lane.cursor = progress.cursor;
                lane.done_above.clone_from(&progress.done_above);
                lane.skipped.retain(|(_, upto)| *upto > progress.cursor);
            }
        }
        for (id, rows) in &commit.told {
            if let Some(lane) = next.lane_mut(*id) {
                lane.untold = lane.untold.and_then(|untold| untold.without(*rows));
            }
        }
        for (id, since) in &commit.paused {
            if let Some(lane) = next.lane_mut(*id) {
                lane.paused = *since;
            }
        }
        for (id, filling) in &commit.filling {
            if let Some(lane) = next.lane_mut(*id) {
                lane.filling = *filling;
            }
        }
        for (id, not_shown) in &commit.not_shown {
            if let Some(lane) = next.lane_mut(*id) {
                lane.not_shown.clone_from(not_shown);
            }
        }
        if let Some((scope, position)) = &commit.position {
            next.positions.insert(scope.clone(), *position);
        }
        next.breaks.extend(commit.breaks.iter().cloned());
        let surplus = next.breaks.len().saturating_sub(BREAKS);
        next.breaks.drain(..surplus);
        next
    }

    /// A part that does not continue what was begun means that its sender lost the thread: the
    /// snapshot is dropped, and soon due again.
    fn snapshot(&mut self, part: &SnapshotPart) {
        if part.index == 0 {
            self.snapshots += 1;
            self.begun = Some(Snapshot {
                number: self.snapshots,
                began: self.last,
                appended: self.appended,
                parts: 0,
                bytes: 0,
            });
        }
        match &mut self.begun {
            Some(begun) if begun.parts == part.index => {
                begun.parts += 1;
                begun.bytes += part.bytes.len() as u64;
            }
            begun => *begun = None,
        }
        if part.last && self.begun.is_some() {
            self.complete = self.begun.take();
        }
    }

    /// The snapshot that the part belongs to which led from `before` to here; none for a stray part.
    pub(super) fn owner(&self, before: &Self) -> Option<u64> {
        let completed = self.complete.filter(|it| Some(*it) != before.complete);
        self.begun.or(completed).map(|it| it.number)
    }

    /// The answer to the commit that led here.
    pub(super) fn committed(&self, snapshot_bytes: u64) -> Committed {
        let since = self.begun.or(self.complete).map_or(0, |it| it.appended);
        let size = self.complete.map_or(0, |it| it.bytes);
        let enough = (size * WORTH).clamp(snapshot_bytes, snapshot_bytes.saturating_mul(WORTH));
        Committed { last: self.last, snapshot_due: self.appended - since >= enough }
    }

    /// A lane that still takes part: a given-up one is closed, late news of it change nothing.
    pub(super) fn lane_mut(&mut self, id: LaneId) -> Option<&mut Lane> {
        let at = self.lanes.binary_search_by_key(&id, |it| it.lane.id).ok()?;
        let holder = &mut self.lanes[at];
        holder.given_up.is_none().then_some(&mut holder.lane)
    }

    /// Whether `id` is a lane that still takes part.
    pub(super) fn knows(&self, id: LaneId) -> bool {
        self.live_lanes().any(|lane| lane.id == id)
    }

    fn live_lanes(&self) -> impl Iterator<Item = &Lane> {
        let live = self.lanes.iter().filter(|it| it.given_up.is_none());
        live.map(|it| &it.lane)
    }

    /// See [`event::Journal::open_lanes`].
    pub(super) fn open_lanes(
        &mut self,
        names: &[Text],
        now: Timestamp,
    ) -> Result<Vec<Lane>, JournalError> {
        for holder in &mut self.lanes {
            let lane = &mut holder.lane;
            if names.contains(&lane.name) && holder.given_up.is_none() {
                lane.orphaned = None;
            } else {
                lane.orphaned.get_or_insert(now);
            }
        }
        names.iter().map(|name| self.open_lane(name)).collect()
    }

    /// See [`event::Journal::rename_lane`].
    pub(super) fn rename_lane(&mut self, from: &Text, to: &Text) -> bool {
        if self.live_lanes().any(|lane| lane.name == *to) {
            return false;
        }
        let mut live = self.lanes.iter_mut().filter(|it| it.given_up.is_none());
        let Some(holder) = live.find(|it| it.lane.name == *from) else { return false };
        let generation = self.generations.entry(to.clone()).or_default();
        *generation += 1;
        holder.lane.name.clone_from(to);
        holder.lane.generation = *generation;
        true
    }

    fn open_lane(&mut self, name: &Text) -> Result<Lane, JournalError> {
        if let Some(lane) = self.live_lanes().find(|lane| lane.name == *name) {
            return Ok(lane.clone());
        }
        let id = (0..=u16::MAX)
            .zip(self.lanes.iter().map(|it| Some(it.lane.id)).chain([None]))
            .find_map(|(number, taken)| (taken != Some(LaneId(number))).then_some(LaneId(number)))
            .ok_or_else(|| JournalError::Io("all 65536 lane numbers are in use".into()))?;
        let generation = self.generations.entry(name.clone()).or_default();
        *generation += 1;
        let lane = Lane {
            id,
            name: name.clone(),
            generation: *generation,
            cursor: self.last,
            done_above: Vec::new(),
            skipped: Vec::new(),
            untold: None,
            tally: event::journal::LaneTally::default(),
            orphaned: None,
            paused: None,
            not_shown: None,
            filling: None,
        };
        let holder = Holder { lane: lane.clone(), given_up: None };
        self.lanes.insert(usize::from(id.0), holder);
        Ok(lane)
    }

    /// The lanes whose day is over.
    pub(super) fn overdue(&self, now: Timestamp) -> Vec<Lane> {
        self.live_lanes()
            .filter(|lane| {
                lane.orphaned.is_some_and(|since| now.duration_since(since) >= ORPHAN_LIFE)
            })
            .cloned()
            .collect()
    }

    /// Closes a lane: its `waiting` rows count as expired.
    pub(super) fn give_up(&mut self, id: LaneId, waiting: u64) {
        let (upto, forgotten_by) = (self.last, self.snapshots + 1);
        let Some(lane) = self.lane_mut(id) else {
            return;
        };
        lane.tally.expired += waiting;
        lane.cursor = upto;
        lane.done_above.clear();
        lane.skipped.clear();
        lane.untold = None;
        lane.not_shown = None;
        for holder in &mut self.lanes {
            if holder.lane.id == id {
                holder.given_up = Some(GivenUp { upto, forgotten_by });
            }
        }
    }

    /// Frees the numbers of lanes that nothing remembers; `first` is the oldest row that is left. The
    /// snapshot that forgot the lane must be complete: until then a crash brings the older one back.
    pub(super) fn free_numbers(&mut self, first: Option<Seq>) {
        let complete = self.complete.map_or(0, |it| it.number);
        self.lanes.retain(|holder| {
            holder.given_up.is_none_or(|it| {
                first.is_some_and(|first| first <= it.upto) || complete < it.forgotten_by
            })
        });
    }

    /// Rows up to here are of no use: every lane has passed them and a snapshot covers them.
    pub(super) fn passed(&self) -> Seq {
        let covered = self.complete.map_or(0, |it| it.began);
        self.done(covered)
    }

    /// Rows up to here have been passed by every lane; never more than `most`.
    pub(super) fn done(&self, most: Seq) -> Seq {
        let cursors = self.live_lanes().map(|lane| lane.cursor);
        cursors.fold(most, Seq::min)
    }

    /// The lowest row that a lane may still wait for, less one.
    pub(super) fn waiting_above(&self) -> Seq {
        self.done(self.last)
    }

    /// The lane with this number, if it takes part.
    pub(super) fn lane(&self, id: LaneId) -> Option<&Lane> {
        let at = self.lanes.binary_search_by_key(&id, |it| it.lane.id).ok()?;
        let holder = &self.lanes[at];
        holder.given_up.is_none().then_some(&holder.lane)
    }

    /// The ledger as the tallies tell it.
    pub(super) fn ledger(&self) -> Ledger {
        let lanes = self.lanes.iter();
        Ledger {
            tally: self.tally,
            lanes: lanes.map(|it| (it.lane.clone(), it.lane.tally.waiting())).collect(),
            breaks: self.breaks.iter().cloned().collect(),
        }
    }
}

/// Whether `lane` has yet to deal with row `seq`, if it takes it.
pub(super) fn waits(lane: &Lane, seq: Seq) -> bool {
    seq > lane.cursor && lane.done_above.binary_search(&seq).is_err() && !is_skipped(lane, seq)
}

/// Whether `seq` lies in a stretch that was dropped.
pub(super) fn is_skipped(lane: &Lane, seq: Seq) -> bool {
    let before = lane.skipped.partition_point(|(after, _)| *after < seq);
    before > 0 && seq <= lane.skipped[before - 1].1
}

/// Where a lane that has come to `seq` reads on.
pub(super) fn beyond_skipped(lane: &Lane, seq: Seq) -> Seq {
    let before = lane.skipped.partition_point(|(after, _)| *after <= seq);
    if before == 0 { seq } else { seq.max(lane.skipped[before - 1].1) }
}
