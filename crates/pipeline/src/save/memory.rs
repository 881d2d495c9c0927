//! The journal in memory: the model that the one on disk is compared with, and what runs when no
//! folder can be written.

use std::{collections::VecDeque, sync::Arc};

use event::{
    Event, Journal, LaneId, LaneSet, Text, body,
    journal::{
        Change, Commit, Committed, JournalError, Lane, Ledger, Loaded, Need, Parked, Restored, Seq,
        Shed, Stored, Swept, Trimmed, Usage,
    },
};
use jiff::Timestamp;

use super::{
    TRIM_ROWS,
    books::{Books, beyond_skipped, is_skipped, waits},
    form,
    overflow::{Choice, Dropping, Stretch},
    packing::{PackFrom, Packing},
    parked,
};

/// What a row costs beside its body.
const ROW: usize = 64;

/// What a row takes on average: here its event is not packed.
const PLAIN: u64 = 1024;

/// A journal in memory.
#[derive(Debug)]
pub struct MemoryJournal {
    books: Books,
    rows: VecDeque<Kept>,
    bytes: u64,
    parked: Vec<ParkedRow>,
    packing: Packing,
    parts: Vec<(u64, Vec<u8>)>,
    /// How much is appended until a snapshot is due; nothing when nobody will ever ask for it.
    snapshot_bytes: Option<u64>,
    failure: Option<(Failure, JournalError)>,
}

#[derive(Debug)]
struct ParkedRow {
    number: u64,
    parked: Parked,
    /// How long it is, as the journal on disk counts.
    bytes: u64,
}

/// When a commit that is made to fail does so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Nothing was written.
    Before,
    /// Everything was written, only the answer was lost.
    After,
}

#[derive(Debug)]
struct Kept {
    seq: Seq,
    lanes: LaneSet,
    change: Option<Change>,
    event: Option<Arc<Event>>,
    body: usize,
}

impl MemoryJournal {
    /// An empty journal that keeps what a later load needs, as one on disk does.
    pub fn new(snapshot_bytes: u64) -> Self {
        Self {
            books: Books::default(),
            rows: VecDeque::new(),
            bytes: 0,
            parked: Vec::new(),
            packing: Packing::new(PackFrom::default()),
            parts: Vec::new(),
            snapshot_bytes: Some(snapshot_bytes),
            failure: None,
        }
    }

    /// An empty journal for a process without a state folder: rows go as soon as every lane has
    /// passed them, and no snapshot is ever due, because nobody will load it.
    pub fn volatile() -> Self {
        Self { snapshot_bytes: None, ..Self::new(0) }
    }

    /// What a crash leaves: everything that was committed, but no half a snapshot. All of it is gone
    /// when the journal is volatile.
    pub fn crash(&mut self) {
        self.failure = None;
        if self.snapshot_bytes.is_none() {
            *self = Self::volatile();
        }
        self.books.begun = None;
        self.keep_parts();
    }

    /// Makes the next commit fail.
    pub fn fail_next(&mut self, when: Failure, error: JournalError) {
        self.failure = Some((when, error));
    }

    fn append(&mut self, commit: &Commit) {
        let first = self.books.last + 1;
        let mut bytes = 0;
        for (seq, row) in (first..).zip(&commit.rows) {
            let event = row.event.as_ref().filter(|_| !row.lanes.is_empty());
            let kept = Kept {
                seq,
                lanes: row.lanes.clone(),
                change: row.change,
                body: event.map_or(0, |event| body::encode(event).len()),
                event: event.map(Arc::clone),
            };
            bytes += row_bytes(&row.lanes, row.change.is_some(), kept.body);
            if self.snapshot_bytes.is_some() || !kept.lanes.is_empty() {
                self.bytes += kept.bytes();
                self.rows.push_back(kept);
            }
        }
        let before = std::mem::take(&mut self.books);
        self.books = before.after(commit, bytes);
        for row in &commit.unparked {
            let is_meant = |it: &ParkedRow| {
                (it.number, it.parked.lane, it.parked.seq) == (row.number, row.lane, row.seq)
            };
            let place = self.parked.iter().position(is_meant);
            let bytes = place.map(|place| self.parked.remove(place).bytes);
            self.books.unparked(*row, bytes);
        }
        for parked in &commit.parked {
            if !self.books.knows(parked.lane) {
                continue;
            }
            let body = parked.event.as_ref().map(|event| self.packing.always(body::encode(event)));
            let bytes = parked::length(&parked.reason, body.as_deref());
            self.books.parked += bytes;
            let number = self.parked.last().map_or(0, |last| last.number) + 1;
            self.parked.push(ParkedRow { number, parked: parked.clone(), bytes });
        }
        if let (Some(part), Some(number)) = (&commit.snapshot, self.books.owner(&before)) {
            self.parts.push((number, part.bytes.clone()));
        }
        self.keep_parts();
    }

    fn keep_parts(&mut self) {
        let wanted = [self.books.complete, self.books.begun].map(|it| it.map(|it| it.number));
        self.parts.retain(|(number, _)| wanted.contains(&Some(*number)));
    }

    fn waiting(&self, lane: &Lane) -> u64 {
        let rows = self.rows.iter();
        rows.filter(|row| row.lanes.contains(lane.id) && waits(lane, row.seq)).count() as u64
    }

    fn first(&self) -> Option<Seq> {
        self.rows.front().map(|row| row.seq)
    }

    fn covered(&self) -> Seq {
        self.books.covered(self.snapshot_bytes.is_none())
    }

    /// See `rows::look`.
    fn look(
        &self,
        stretch: Option<Stretch>,
        (after, upto): (Seq, Seq),
        (most, enough): (usize, u64),
    ) -> Dropping {
        let mut dropping = Dropping::default();
        let start = self.rows.partition_point(|row| row.seq <= after);
        let rows = self.rows.range(start..).take_while(|row| row.seq <= upto);
        for (looked, row) in rows.enumerate() {
            if looked >= most || dropping.bytes >= enough {
                return dropping;
            }
            let bytes = row_bytes(&row.lanes, row.change.is_some(), row.body);
            let touched = row.change.map(|change| change.touched);
            dropping.look(&self.books, stretch, (row.seq, &row.lanes, touched, bytes));
        }
        dropping.reached = upto;
        dropping
    }

    fn remove(&mut self, stretches: &[(Seq, Seq)]) -> u64 {
        let goes = |seq: Seq| {
            let at = stretches.partition_point(|(first, _)| *first <= seq);
            at > 0 && seq <= stretches[at - 1].1
        };
        let before = self.rows.len();
        let mut bytes = 0;
        self.rows.retain(|row| {
            let goes = goes(row.seq);
            bytes += if goes { row.bytes() } else { 0 };
            !goes
        });
        self.bytes -= bytes;
        (before - self.rows.len()) as u64
    }
}

impl Kept {
    fn bytes(&self) -> u64 {
        (self.body + ROW) as u64
    }

    fn stored(&self) -> Stored {
        Stored { seq: self.seq, event: self.event.clone().ok_or_else(|| NO_BODY.into()) }
    }
}

/// How long a row counts as, for deciding when a snapshot is due.
pub(super) fn row_bytes(lanes: &LaneSet, change: bool, body: usize) -> u64 {
    let change = if change { form::CHANGE } else { 0 };
    (lanes.as_bytes().len() + change + body) as u64
}

impl Journal for MemoryJournal {
    fn load(&mut self, restore: &mut dyn FnMut(Restored<'_>)) -> Result<Loaded, JournalError> {
        let complete = self.books.complete;
        for (number, bytes) in &self.parts {
            if complete.is_some_and(|complete| complete.number == *number) {
                restore(Restored::Part(bytes));
            }
        }
        let began = complete.map_or(0, |complete| complete.began);
        for row in self.rows.iter().filter(|row| row.seq > began) {
            if let Some(change) = row.change {
                restore(Restored::Change(change, row.lanes.clone()));
            }
        }
        Ok(Loaded {
            positions: self.books.positions.clone(),
            last: self.books.last,
            salvaged: None,
        })
    }

    fn open_lanes(&mut self, names: &[Text], now: Timestamp) -> Result<Vec<Lane>, JournalError> {
        self.books.free_numbers(self.first());
        self.books.open_lanes(names, now)
    }

    fn rename_lane(&mut self, from: &Text, to: &Text) -> Result<bool, JournalError> {
        Ok(self.books.rename_lane(from, to))
    }

    fn commit(&mut self, commit: &Commit) -> Result<Committed, JournalError> {
        match self.failure.take() {
            Some((Failure::Before, error)) => return Err(error),
            Some((Failure::After, error)) => {
                self.append(commit);
                return Err(error);
            }
            None => self.append(commit),
        }
        Ok(self.books.committed(self.snapshot_bytes.unwrap_or(u64::MAX)))
    }

    fn read(
        &mut self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        let of = self.books.lane(lane);
        let after = of.map_or(after, |lane| beyond_skipped(lane, after));
        let start = self.rows.partition_point(|row| row.seq <= after);
        let mut bytes = 0;
        Ok(self
            .rows
            .range(start..)
            .filter(|row| row.lanes.contains(lane))
            .filter(|row| !of.is_some_and(|lane| is_skipped(lane, row.seq)))
            .take(max_rows)
            .take_while(|row| {
                let fits = bytes < max_bytes.max(1);
                bytes += row.body;
                fits
            })
            .map(Kept::stored)
            .collect())
    }

    fn trim(&mut self, now: Timestamp) -> Result<Trimmed, JournalError> {
        let mut trimmed = Trimmed::default();
        for lane in self.books.overdue(now) {
            self.books.give_up(lane.id, self.waiting(&lane));
            let books = &mut self.books;
            self.parked.retain(|row| {
                let stays = row.parked.lane != lane.id;
                books.parked -= if stays { 0 } else { row.bytes };
                stays
            });
            trimmed.lanes += 1;
        }
        let passed = match self.snapshot_bytes {
            Some(_) => self.books.passed(),
            None => self.books.waiting_above(),
        };
        let goes = self.rows.partition_point(|row| row.seq <= passed);
        let goes = self.rows.drain(..goes.min(TRIM_ROWS));
        trimmed.rows = goes.len() as u64;
        self.bytes -= goes.map(|row| row.bytes()).sum::<u64>();
        self.books.free_numbers(self.first());
        Ok(trimmed)
    }

    fn sweep(&mut self, after: Seq) -> Result<Swept, JournalError> {
        let covered = self.covered();
        let after = after.max(self.books.waiting_above().min(covered));
        let swept = self.look(None, (after, covered), (TRIM_ROWS, u64::MAX));
        let rows = self.remove(&swept.goes);
        if rows > 0 {
            self.books.swept = self.books.swept.max(swept.reached);
        }
        let next = (swept.reached < covered).then_some(swept.reached);
        Ok(Swept { rows, next })
    }

    fn shed(&mut self, need: &Need) -> Result<Shed, JournalError> {
        let stretch = match self.books.choose(need, self.covered()) {
            Choice::Drop(stretch) => stretch,
            Choice::Held(lane) => return Ok(Shed::Held(lane)),
            Choice::Nothing => return Ok(Shed::Nothing),
        };
        let range = (stretch.after, stretch.upto);
        let dropped = self.look(Some(stretch), range, (TRIM_ROWS, need.bytes));
        let removed = self.remove(&dropped.goes);
        self.books.dropped(stretch, &dropped);
        Ok(Shed::Dropped { lane: stretch.lane, rows: dropped.rows, removed })
    }

    fn discard_parked(&mut self, bytes: u64, before: Timestamp) -> Result<u64, JournalError> {
        let mut count = 0;
        for row in &self.parked {
            if self.books.parked <= bytes && row.parked.at >= before {
                break;
            }
            self.books.discarded(row.parked.lane, row.bytes);
            count += 1;
        }
        self.parked.drain(..count);
        Ok(count as u64)
    }

    fn parked(&mut self, lane: LaneId, limit: usize) -> Result<Vec<Parked>, JournalError> {
        let parked = self.parked.iter().map(|row| &row.parked);
        Ok(parked.filter(|parked| parked.lane == lane).take(limit).cloned().collect())
    }

    fn parked_after(
        &mut self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Parked)>, JournalError> {
        let rows = self.parked.iter().filter(|row| row.number > after).take(limit);
        Ok(rows.map(|row| (row.number, row.parked.clone())).collect())
    }

    fn scan(
        &mut self,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<(LaneSet, Stored)>, JournalError> {
        let start = self.rows.partition_point(|row| row.seq <= after);
        let mut bytes = 0;
        let rows = self.rows.range(start..).filter(|row| !row.lanes.is_empty());
        let rows = rows.take(max_rows).take_while(|row| {
            let fits = bytes < max_bytes.max(1);
            bytes += row.body;
            fits
        });
        Ok(rows.map(|row| (row.lanes.clone(), row.stored())).collect())
    }

    fn tallies(&self) -> Ledger {
        self.books.ledger()
    }

    fn ledger(&mut self) -> Result<Ledger, JournalError> {
        let lanes = self.books.lanes.iter();
        Ok(Ledger {
            tally: self.books.tally,
            lanes: lanes.map(|it| (it.lane.clone(), self.waiting(&it.lane))).collect(),
            breaks: self.books.breaks.iter().cloned().collect(),
        })
    }

    fn size(&mut self) -> Result<u64, JournalError> {
        self.usage().map(|usage| usage.used())
    }

    fn usage(&mut self) -> Result<Usage, JournalError> {
        let parts: usize = self.parts.iter().map(|(_, bytes)| bytes.len()).sum();
        Ok(Usage {
            rows: self.bytes,
            parked: self.books.parked,
            snapshots: parts as u64,
            row: PLAIN,
            ..Usage::default()
        })
    }
}

/// What is said of a row that lanes take but that has no event.
pub(super) const NO_BODY: &str = "the row holds no event";
