//! Rows, positions and snapshots: what is appended, read back, restored and removed.

use super::*;

battery! {
    a_new_journal_is_empty
    rows_are_numbered_from_one_and_survive_a_crash
    a_lane_reads_its_rows_in_order_and_no_others
    a_read_stops_at_rows_and_bytes_but_brings_one
    a_body_that_nobody_takes_is_not_kept_and_a_missing_one_is_an_error
    position_tally_lanes_parked_and_breaks_move_with_the_rows
    positions_of_scopes_are_apart
    a_load_gives_the_snapshot_and_every_later_change
    half_a_snapshot_is_forgotten_by_a_crash
    a_snapshot_that_loses_its_thread_is_dropped
    a_snapshot_is_due_by_bytes_since_the_last_one_began
    after_a_large_snapshot_the_next_is_due_later
    rows_go_when_lanes_and_snapshot_have_passed_them
    a_number_is_never_used_again
}

fn changes(revisions: impl Iterator<Item = u64>) -> Commit {
    Commit {
        rows: revisions
            .map(|revision| Row { change: Some(change(revision)), ..row("x", &[0]) })
            .collect(),
        ..Commit::default()
    }
}

fn a_new_journal_is_empty(s: &mut Subject) {
    let loaded = s.journal().load(&mut |_| panic!("nothing to restore"));
    assert_eq!(loaded.unwrap(), event::journal::Loaded::default());
    assert!(s.journal().ledger().unwrap().balances());
    assert_eq!(s.commit(&Commit::default()), 0);
}

fn rows_are_numbered_from_one_and_survive_a_crash(s: &mut Subject) {
    s.lanes(&["a"]);
    assert_eq!(s.rows(&[&[0], &[0]]), 2);
    s.crash();
    assert_eq!(s.journal().load(&mut |_| ()).unwrap().last, 2);
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
    let rows = vec![row("x", &[0]), row("y", &[]), row("z", &[0])];
    let mut commit = Commit { rows, ..Commit::default() };
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
        newest: 0,
        tally,
        lane_tallies: vec![(LaneId(0), lane_tally), (LaneId(9), lane_tally)],
        progress: vec![progress(0, 1, &[3, 5]), progress(9, 1, &[])],
        parked: vec![parked(0, 1, "no"), parked(9, 1, "no"), unreadable.clone()],
        breaks: vec![found.clone()],
        ..Commit::default()
    });
    s.crash();
    let loaded = s.journal().load(&mut |_| ()).unwrap();
    assert_eq!((loaded.position(""), loaded.last), (Some(position), 1));
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

fn positions_of_scopes_are_apart(s: &mut Subject) {
    for revision in [1, 2] {
        let position = Position { revision, ..Position::default() };
        s.commit(&Commit {
            position: Some((format!("ns-{revision}").into(), position)),
            ..Commit::default()
        });
    }
    s.crash();
    let loaded = s.journal().load(&mut |_| ()).unwrap();
    let revision = |scope| loaded.position(scope);
    assert_eq!(revision("ns-1").unwrap().revision, 1);
    assert_eq!(revision("ns-2").unwrap().revision, 2);
    assert_eq!(revision("ns-3"), None);
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

fn after_a_large_snapshot_the_next_is_due_later(s: &mut Subject) {
    let due_after = |s: &mut Subject, bytes: usize| {
        let part = |index, last, bytes| Some(SnapshotPart { index, last, bytes: vec![1; bytes] });
        let commit = |rows, snapshot| Commit {
            rows: vec![row(&"x".repeat(1000), &[0]); rows],
            snapshot,
            ..Commit::default()
        };
        s.journal().commit(&commit(0, part(0, false, bytes))).unwrap();
        s.journal().commit(&commit(0, part(1, true, bytes))).unwrap();
        s.crash();
        (1..99).find(|_| s.journal().commit(&commit(1, None)).unwrap().snapshot_due).unwrap()
    };
    assert_eq!(due_after(s, 1), 10);
    assert_eq!(due_after(s, 2500), 20);
    assert_eq!(due_after(s, 1 << 20), 40);
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
    assert_eq!(s.journal().load(&mut |_| ()).unwrap().last, 2);
    assert_eq!(s.rows(&[&[0]]), 3);
    assert_eq!(s.read(0, 0), [3]);
}
