//! What the trait promises, sentence by sentence, asked of both journals.

use std::sync::Arc;

use event::{
    Event, Journal, LaneId, LaneSet, Text,
    journal::{
        Break, Change, Commit, JournalError, Lane, LaneTally, ParkCause, Parked, Position,
        Progress, Restored, Row, Seq, SnapshotPart, Tally,
    },
};
use jiff::{SignedDuration, Timestamp};

use super::{
    memory::MemoryJournal,
    packing::PackFrom,
    sqlite::{Limits, SqliteJournal},
};

/// Small, so that tests reach them.
pub(super) const LIMITS: Limits =
    Limits { snapshot_bytes: 10_000, reserve_bytes: 0, check_bytes: 1 << 30, pack_from: PLAIN };

/// Nothing is packed, so that lengths are known.
pub(super) const PLAIN: PackFrom = PackFrom { rows: u64::MAX, bytes: u64::MAX };

/// One of the two journals.
pub(super) enum Subject {
    Memory(MemoryJournal),
    Disk(tempfile::TempDir, Option<SqliteJournal>),
}

impl Subject {
    pub(super) fn memory() -> Self {
        Self::Memory(MemoryJournal::new(LIMITS.snapshot_bytes))
    }

    pub(super) fn disk() -> Self {
        let mut subject = Self::Disk(tempfile::tempdir().unwrap(), None);
        subject.crash();
        subject
    }

    pub(super) fn journal(&mut self) -> &mut dyn Journal {
        match self {
            Self::Memory(journal) => journal,
            Self::Disk(_, journal) => journal.as_mut().unwrap(),
        }
    }

    /// The process dies and starts again.
    pub(super) fn crash(&mut self) {
        match self {
            Self::Memory(journal) => journal.crash(),
            Self::Disk(dir, journal) => {
                drop(journal.take());
                let path = dir.path().join("journal.db");
                *journal = Some(SqliteJournal::open_with(&path, at(0), LIMITS).unwrap());
            }
        }
    }

    fn lanes(&mut self, names: &[&str]) -> Vec<Lane> {
        self.lanes_at(names, 0)
    }

    fn lanes_at(&mut self, names: &[&str], hours: i64) -> Vec<Lane> {
        let names: Vec<Text> = names.iter().map(|name| Text::from(*name)).collect();
        self.journal().open_lanes(&names, at(hours)).unwrap()
    }

    fn commit(&mut self, commit: &Commit) -> Seq {
        self.journal().commit(commit).unwrap().last
    }

    /// Appends a row for each entry, for the lanes it lists.
    fn rows(&mut self, rows: &[&[u16]]) -> Seq {
        let mut commit = Commit::default();
        for lanes in rows {
            commit.rows.push(row("x", lanes));
            for lane in *lanes {
                let tally = LaneTally { accepted: 1, ..LaneTally::default() };
                commit.lane_tallies.push((LaneId(*lane), tally));
            }
        }
        self.commit(&commit)
    }

    fn progress(&mut self, lane: u16, cursor: Seq, delivered: u64) {
        self.commit(&Commit {
            progress: vec![progress(lane, cursor, &[])],
            lane_tallies: vec![(LaneId(lane), LaneTally { delivered, ..LaneTally::default() })],
            ..Commit::default()
        });
    }

    /// A complete snapshot of one part.
    fn snapshot(&mut self, bytes: &[u8]) {
        self.part(0, true, bytes);
    }

    fn part(&mut self, index: u32, last: bool, bytes: &[u8]) {
        self.commit(&Commit {
            snapshot: Some(SnapshotPart { index, last, bytes: bytes.to_vec() }),
            ..Commit::default()
        });
    }

    fn read(&mut self, lane: u16, after: Seq) -> Vec<Seq> {
        let rows = self.journal().read(LaneId(lane), after, 1000, 1 << 20);
        rows.unwrap().iter().map(|row| row.seq).collect()
    }

    /// What a load gives: parts as text, changes as revisions.
    fn restored(&mut self) -> Vec<String> {
        let mut restored = Vec::new();
        let mut restore = |it: Restored<'_>| {
            restored.push(match it {
                Restored::Part(bytes) => String::from_utf8(bytes.to_vec()).unwrap(),
                Restored::Change(change, lanes) => format!("{} {lanes:?}", change.revision),
            });
        };
        self.journal().load(&mut restore).unwrap();
        restored
    }

    fn ids(&mut self, names: &[&str], hours: i64) -> Vec<u16> {
        let lanes = self.lanes_at(names, hours);
        lanes.iter().map(|lane| lane.id.0).collect()
    }
}

pub(super) fn at(hours: i64) -> Timestamp {
    Timestamp::UNIX_EPOCH + SignedDuration::from_hours(500_000 + hours)
}

pub(super) fn row(reason: &str, lanes: &[u16]) -> Row {
    let lanes: LaneSet = lanes.iter().map(|lane| LaneId(*lane)).collect();
    Row { change: None, event: Some(event(reason)), lanes }
}

pub(super) fn event(reason: &str) -> Arc<Event> {
    Arc::new(Event { reason: reason.into(), ..Event::default() })
}

fn change(revision: u64) -> Change {
    Change {
        key: event::EventKey(revision.into()),
        revision,
        total: 3,
        last_seen: 4,
        touched: 5,
        gone: false,
    }
}

pub(super) fn progress(lane: u16, cursor: Seq, done_above: &[Seq]) -> Progress {
    Progress { lane: LaneId(lane), cursor, done_above: done_above.to_vec() }
}

pub(super) fn parked(lane: u16, seq: Seq, reason: &str) -> Parked {
    Parked {
        lane: LaneId(lane),
        seq,
        at: at(1),
        cause: ParkCause::Poison,
        reason: reason.into(),
        event: Some(event("Parked")),
    }
}

/// Makes a test of every sentence for each of the two journals.
macro_rules! battery {
    ($($sentence:ident)*) => {
        mod memory {
            $(#[test] fn $sentence() { super::$sentence(&mut super::Subject::memory()); })*
        }
        mod disk {
            $(#[test] fn $sentence() { super::$sentence(&mut super::Subject::disk()); })*
        }
    };
}

mod rows;

mod lanes;

mod renames;

mod unparked;

mod limit;

mod upgrade;

mod agreement;

mod damage;

mod full;
