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
    sqlite::{Limits, SqliteJournal},
};

mod agreement;

/// Small, so that tests reach them.
pub(super) const LIMITS: Limits =
    Limits { snapshot_bytes: 10_000, reserve_bytes: 0, check_bytes: 1 << 30 };

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
        self.journal().load("", &mut restore).unwrap();
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

/// Runs every sentence against both journals.
macro_rules! battery {
    ($($sentence:ident)*) => {
        mod memory {
            $(#[test] fn $sentence() { super::$sentence(&mut super::Subject::memory()); })*
        }
        mod sqlite {
            $(#[test] fn $sentence() { super::$sentence(&mut super::Subject::disk()); })*
        }
    };
}

battery! {
    a_new_journal_is_empty
    rows_are_numbered_from_one_and_survive_a_crash
    a_lane_reads_its_rows_in_order_and_no_others
    a_read_stops_at_rows_and_bytes_but_brings_one
    a_body_that_nobody_takes_is_not_kept_and_a_missing_one_is_an_error
    position_tally_lanes_parked_and_breaks_move_with_the_rows
    the_newest_progress_of_a_lane_counts
    positions_of_scopes_are_apart
    a_load_gives_the_snapshot_and_every_later_change
    half_a_snapshot_is_forgotten_by_a_crash
    a_snapshot_that_loses_its_thread_is_dropped
    a_snapshot_is_due_by_bytes_since_the_last_one_began
    rows_go_when_lanes_and_snapshot_have_passed_them
    a_number_is_never_used_again
    a_known_lane_keeps_what_it_has_and_a_new_one_starts_at_the_end
    a_lane_that_comes_back_in_time_is_no_orphan
    an_orphan_is_given_up_after_a_day_and_its_rows_expire
    a_lane_number_rests_until_rows_and_snapshot_forgot_it
    late_news_of_a_given_up_lane_change_nothing
    the_ledger_balances_with_rows_counted_one_by_one
    the_last_hundred_breaks_are_kept
    more_lanes_than_a_byte_has_bits
}

fn a_new_journal_is_empty(s: &mut Subject) {
    let loaded = s.journal().load("", &mut |_| panic!("nothing to restore"));
    assert_eq!(loaded.unwrap(), event::journal::Loaded::default());
    assert!(s.journal().ledger().unwrap().balances());
    assert_eq!(s.commit(&Commit::default()), 0);
}

fn rows_are_numbered_from_one_and_survive_a_crash(s: &mut Subject) {
    s.lanes(&["a"]);
    assert_eq!(s.rows(&[&[0], &[0]]), 2);
    s.crash();
    assert_eq!(s.journal().load("", &mut |_| ()).unwrap().last, 2);
    assert_eq!(s.rows(&[&[0]]), 3);
    assert_eq!(s.read(0, 0), [1, 2, 3]);
}

fn a_lane_reads_its_rows_in_order_and_no_others(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0], &[1], &[0, 1], &[], &[0]]);
    assert_eq!(s.read(0, 0), [1, 3, 5]);
    assert_eq!(s.read(1, 0), [2, 3]);
    assert_eq!(s.read(0, 1), [3, 5]);
    assert_eq!(s.read(0, 5), Vec::<Seq>::new());
    let rows = s.journal().read(LaneId(1), 0, 9, 1 << 20).unwrap();
    assert_eq!(rows[0].event.as_ref().unwrap().reason, "x");
}

fn a_read_stops_at_rows_and_bytes_but_brings_one(s: &mut Subject) {
    s.lanes(&["a"]);
    s.rows(&[&[0], &[0], &[0], &[0]]);
    let body = event::body::encode(&event("x")).len();
    let mut read = |rows, bytes| s.journal().read(LaneId(0), 0, rows, bytes).unwrap().len();
    assert_eq!(read(3, 1 << 20), 3);
    assert_eq!(read(9, body * 2), 2);
    assert_eq!(read(9, body * 2 + 1), 3);
    assert_eq!(read(9, 0), 1);
    assert_eq!(read(0, 9), 0);
}

fn a_body_that_nobody_takes_is_not_kept_and_a_missing_one_is_an_error(s: &mut Subject) {
    s.lanes(&["a"]);
    let mut commit = Commit::default();
    commit.rows = vec![row("x", &[0]), row("y", &[]), row("z", &[0])];
    commit.rows[0].event = None;
    s.commit(&commit);
    let rows = s.journal().read(LaneId(0), 0, 9, 1 << 20).unwrap();
    assert_eq!(rows[0].event.as_ref().unwrap_err(), "the row holds no event");
    assert_eq!(rows[1].event.as_ref().unwrap().reason, "z");
}

fn position_tally_lanes_parked_and_breaks_move_with_the_rows(s: &mut Subject) {
    s.lanes(&["a"]);
    let position = Position { epoch: 1, revision: u64::MAX, time: 3, ttl: 4 };
    let tally = Tally { seen: 5, accepted: 1, filtered: 1, baseline: 1, noop: 2 };
    let lane_tally = LaneTally {
        accepted: 1,
        delivered: 2,
        suppressed: 3,
        parked: 4,
        overflow: 5,
        expired: 6,
        discarded: 7,
    };
    let found = Break {
        at: at(0),
        cause: "restart".into(),
        from: Position::default(),
        to: position,
        missed: true,
    };
    let mut unreadable = parked(0, 2, "");
    unreadable.event = None;
    unreadable.cause = ParkCause::Unreadable;
    s.commit(&Commit {
        rows: vec![row("x", &[0])],
        position: Some(("".into(), position)),
        tally,
        lane_tallies: vec![(LaneId(0), lane_tally), (LaneId(9), lane_tally)],
        progress: vec![progress(0, 1, &[3, 5]), progress(9, 1, &[])],
        parked: vec![parked(0, 1, "no"), parked(9, 1, "no"), unreadable.clone()],
        breaks: vec![found.clone()],
        snapshot: None,
    });
    s.crash();
    let loaded = s.journal().load("", &mut |_| ()).unwrap();
    assert_eq!((loaded.position, loaded.last), (Some(position), 1));
    let ledger = s.journal().ledger().unwrap();
    assert_eq!((ledger.tally, ledger.breaks), (tally, vec![found]));
    let lane = &ledger.lanes[0].0;
    assert_eq!(lane.tally, lane_tally);
    assert_eq!((lane.cursor, lane.done_above.as_slice()), (1, &[3, 5][..]));
    let kept = s.journal().parked(LaneId(0), 9).unwrap();
    assert_eq!(kept, [parked(0, 1, "no"), unreadable]);
    assert_eq!(s.journal().parked(LaneId(0), 1).unwrap().len(), 1);
    assert_eq!(s.journal().parked(LaneId(9), 9).unwrap(), []);
}

fn the_newest_progress_of_a_lane_counts(s: &mut Subject) {
    s.lanes(&["a"]);
    s.rows(&[&[0], &[0], &[0]]);
    s.commit(&Commit {
        progress: vec![progress(0, 1, &[3]), progress(0, 2, &[])],
        ..Commit::default()
    });
    let lane = s.lanes(&["a"]).remove(0);
    assert_eq!((lane.cursor, lane.done_above), (2, vec![]));
}

fn positions_of_scopes_are_apart(s: &mut Subject) {
    for revision in [1, 2] {
        let position = Position { revision, ..Position::default() };
        s.commit(&Commit {
            position: Some((format!("ns-{revision}").into(), position)),
            ..Commit::default()
        });
    }
    s.crash();
    let mut revision = |scope| s.journal().load(scope, &mut |_| ()).unwrap().position;
    assert_eq!(revision("ns-1").unwrap().revision, 1);
    assert_eq!(revision("ns-2").unwrap().revision, 2);
    assert_eq!(revision("ns-3"), None);
}

fn changes(revisions: impl Iterator<Item = u64>) -> Commit {
    Commit {
        rows: revisions
            .map(|revision| Row { change: Some(change(revision)), ..row("x", &[0]) })
            .collect(),
        ..Commit::default()
    }
}

fn a_load_gives_the_snapshot_and_every_later_change(s: &mut Subject) {
    s.lanes(&["a"]);
    s.commit(&changes(1..3));
    assert_eq!(s.restored(), ["1 {0}", "2 {0}"]);
    s.part(0, false, b"one");
    s.commit(&changes(3..4));
    assert_eq!(s.restored(), ["1 {0}", "2 {0}", "3 {0}"]);
    s.part(1, true, b"two");
    s.commit(&changes(4..5));
    s.rows(&[&[0]]);
    assert_eq!(s.restored(), ["one", "two", "3 {0}", "4 {0}"]);
    let mut first = changes(5..6);
    first.snapshot = Some(SnapshotPart { index: 0, last: true, bytes: b"three".to_vec() });
    s.commit(&first);
    s.crash();
    assert_eq!(s.restored(), ["three", "5 {0}"]);
}

fn half_a_snapshot_is_forgotten_by_a_crash(s: &mut Subject) {
    s.commit(&changes(1..2));
    s.snapshot(b"whole");
    s.commit(&changes(2..3));
    s.part(0, false, b"half");
    s.crash();
    assert_eq!(s.restored(), ["whole", "2 {0}"]);
    s.part(1, true, b"stray");
    assert_eq!(s.restored(), ["whole", "2 {0}"]);
    s.crash();
    assert_eq!(s.restored(), ["whole", "2 {0}"]);
}

fn a_snapshot_that_loses_its_thread_is_dropped(s: &mut Subject) {
    s.part(0, false, b"a");
    s.part(2, true, b"c");
    assert_eq!(s.restored(), Vec::<String>::new());
    s.part(0, false, b"a");
    s.part(0, false, b"A");
    s.part(1, true, b"B");
    s.crash();
    assert_eq!(s.restored(), ["A", "B"]);
}

fn a_snapshot_is_due_by_bytes_since_the_last_one_began(s: &mut Subject) {
    let mut due = |rows: usize, part: Option<(u32, bool)>| {
        let commit = Commit {
            rows: vec![row(&"x".repeat(1000), &[0]); rows],
            snapshot: part.map(|(index, last)| SnapshotPart { index, last, bytes: vec![1] }),
            ..Commit::default()
        };
        s.journal().commit(&commit).unwrap().snapshot_due
    };
    assert!(!due(9, None));
    assert!(due(1, None));
    assert!(due(0, None));
    assert!(!due(9, Some((0, false))));
    assert!(due(1, None));
    assert!(due(0, Some((1, true))));
    assert!(!due(0, Some((0, true))));
}

fn rows_go_when_lanes_and_snapshot_have_passed_them(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0], &[1], &[0], &[0]]);
    let trim = |s: &mut Subject| s.journal().trim(at(0)).unwrap().rows;
    s.progress(0, 4, 3);
    s.progress(1, 4, 1);
    assert_eq!(trim(s), 0);
    s.snapshot(b"all");
    s.rows(&[&[0]]);
    s.progress(1, 1, 0);
    assert_eq!(trim(s), 1);
    assert_eq!(s.read(0, 0), [3, 4, 5]);
    s.progress(1, 5, 0);
    s.progress(0, 5, 1);
    assert_eq!(trim(s), 3);
    assert_eq!(trim(s), 0);
    s.crash();
    assert_eq!(s.read(0, 0), [5]);
}

fn a_number_is_never_used_again(s: &mut Subject) {
    s.lanes(&["a"]);
    s.rows(&[&[0], &[0]]);
    s.progress(0, 2, 2);
    s.snapshot(b"all");
    assert_eq!(s.journal().trim(at(0)).unwrap().rows, 2);
    s.crash();
    assert_eq!(s.journal().load("", &mut |_| ()).unwrap().last, 2);
    assert_eq!(s.rows(&[&[0]]), 3);
    assert_eq!(s.read(0, 0), [3]);
}

fn a_known_lane_keeps_what_it_has_and_a_new_one_starts_at_the_end(s: &mut Subject) {
    let lanes = s.lanes(&["a", "b"]);
    assert_eq!((lanes[0].id.0, lanes[1].id.0), (0, 1));
    assert_eq!((lanes[0].generation, lanes[0].cursor), (1, 0));
    s.rows(&[&[0, 1], &[0]]);
    s.progress(0, 1, 1);
    s.crash();
    let lanes = s.lanes(&["c", "a"]);
    assert_eq!((lanes[0].id.0, lanes[0].cursor), (2, 2));
    assert_eq!((lanes[1].id.0, lanes[1].cursor), (0, 1));
    assert_eq!(lanes[1].tally.waiting(), 1);
    assert_eq!(lanes[1].name, "a");
}

fn a_lane_that_comes_back_in_time_is_no_orphan(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1]]);
    s.lanes_at(&["a"], 0);
    s.crash();
    assert_eq!(s.journal().trim(at(23)).unwrap().lanes, 0);
    let ledger = s.journal().ledger().unwrap();
    assert_eq!(ledger.lanes[1].0.orphaned, Some(at(0)));
    let lanes = s.lanes_at(&["b"], 23);
    assert_eq!((lanes[0].id.0, lanes[0].cursor, lanes[0].orphaned), (1, 0, None));
    assert_eq!(s.journal().trim(at(30)).unwrap().lanes, 0);
    assert_eq!(s.read(1, 0), [1]);
}

fn an_orphan_is_given_up_after_a_day_and_its_rows_expire(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1], &[1], &[1]]);
    s.commit(&Commit {
        progress: vec![progress(1, 1, &[3])],
        lane_tallies: vec![(
            LaneId(1),
            LaneTally { delivered: 1, parked: 1, ..LaneTally::default() },
        )],
        parked: vec![parked(1, 1, "no")],
        ..Commit::default()
    });
    s.lanes_at(&["a"], 1);
    s.lanes_at(&["a"], 2);
    assert_eq!(s.journal().trim(at(24)).unwrap().lanes, 0);
    assert_eq!(s.journal().trim(at(25)).unwrap().lanes, 1);
    s.crash();
    let ledger = s.journal().ledger().unwrap();
    let (lane, waiting) = &ledger.lanes[1];
    assert_eq!((lane.tally.expired, *waiting), (1, 0));
    assert!(ledger.balances());
    assert_eq!(s.journal().parked(LaneId(1), 9).unwrap(), []);
    assert_eq!(s.journal().trim(at(26)).unwrap().lanes, 0);
}

fn a_lane_number_rests_until_rows_and_snapshot_forgot_it(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1]]);
    s.lanes(&["b"]);
    s.part(0, false, b"knows a");
    s.journal().trim(at(24)).unwrap();
    s.part(1, true, b"knows a");
    s.progress(1, 1, 1);
    s.journal().trim(at(24)).unwrap();
    assert_eq!(s.read(0, 0), Vec::<Seq>::new(), "no row is left");
    assert_eq!(s.ids(&["b", "c"], 24), [1, 2], "a snapshot still knows it");
    s.part(0, false, b"forgot a");
    s.crash();
    assert_eq!(s.ids(&["b", "c", "d"], 24), [1, 2, 3], "a crash brought that back");
    s.rows(&[&[1]]);
    s.snapshot(b"forgot a");
    let lanes = s.lanes_at(&["b", "c", "d", "a"], 24);
    assert_eq!((lanes[3].id.0, lanes[3].generation), (0, 2));
    assert_eq!(lanes[3].cursor, 2);
    assert_eq!(lanes[3].tally, LaneTally::default());
}

fn late_news_of_a_given_up_lane_change_nothing(s: &mut Subject) {
    s.lanes(&["a"]);
    s.rows(&[&[0]]);
    s.lanes(&[]);
    s.journal().trim(at(24)).unwrap();
    let before = s.journal().ledger().unwrap();
    s.commit(&Commit {
        progress: vec![progress(0, 0, &[])],
        lane_tallies: vec![(LaneId(0), before.lanes[0].0.tally)],
        parked: vec![parked(0, 1, "late")],
        ..Commit::default()
    });
    assert_eq!(s.journal().ledger().unwrap(), before);
    assert_eq!(s.journal().parked(LaneId(0), 9).unwrap(), []);
}

fn the_ledger_balances_with_rows_counted_one_by_one(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1], &[1], &[0], &[0, 1], &[]]);
    let waiting = |s: &mut Subject| {
        let ledger = s.journal().ledger().unwrap();
        assert!(ledger.balances());
        [ledger.lanes[0].1, ledger.lanes[1].1]
    };
    assert_eq!(waiting(s), [3, 3]);
    s.progress(0, 3, 2);
    assert_eq!(waiting(s), [1, 3]);
    s.commit(&Commit {
        progress: vec![progress(1, 0, &[2, 4])],
        lane_tallies: vec![(
            LaneId(1),
            LaneTally { suppressed: 1, discarded: 1, ..LaneTally::default() },
        )],
        ..Commit::default()
    });
    s.crash();
    assert_eq!(waiting(s), [1, 1]);
    let wrong = LaneTally { delivered: 1, ..LaneTally::default() };
    s.commit(&Commit { lane_tallies: vec![(LaneId(0), wrong)], ..Commit::default() });
    assert!(!s.journal().ledger().unwrap().balances());
}

fn the_last_hundred_breaks_are_kept(s: &mut Subject) {
    for time in 0..103 {
        let position = Position { time, ..Position::default() };
        s.commit(&Commit {
            breaks: vec![Break {
                at: at(time.into()),
                cause: "expired".into(),
                from: position,
                to: position,
                missed: false,
            }],
            ..Commit::default()
        });
    }
    s.crash();
    let breaks = s.journal().ledger().unwrap().breaks;
    let times: Vec<u32> = breaks.iter().map(|it| it.from.time).collect();
    assert_eq!(times, (3..103).collect::<Vec<u32>>());
}

fn more_lanes_than_a_byte_has_bits(s: &mut Subject) {
    let names: Vec<String> = (0..300).map(|lane| format!("lane-{lane}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    assert_eq!(s.lanes(&names)[299].id, LaneId(299));
    s.rows(&[&[299], &[7, 299], &[300]]);
    s.crash();
    assert_eq!(s.read(299, 0), [1, 2]);
    assert_eq!(s.read(7, 0), [2]);
    assert_eq!(s.ids(&names[200..210], 0)[9], 209);
}

#[test]
fn errors_are_sentences() {
    let full = JournalError::Full.to_string();
    assert_eq!(full, "no space left in the state folder");
}
