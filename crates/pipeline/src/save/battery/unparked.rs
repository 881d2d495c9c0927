//! Parked rows that are taken up again, lanes that people stop, and rows that are looked at once more.

use event::journal::Unparked;

use super::*;

battery! {
    a_pause_stays_until_it_is_over
    parked_rows_are_walked_through_by_their_numbers
    a_parked_row_is_appended_again_in_one_step
    a_parked_row_that_is_given_up_counts_as_discarded
    a_row_that_is_no_longer_parked_is_a_new_one_when_it_comes_again
    rows_can_be_looked_at_whoever_waits_for_them
    what_a_receiver_is_to_be_told_stays_until_it_was
    what_a_new_lane_is_to_be_given_is_remembered
}

fn a_pause_stays_until_it_is_over(s: &mut Subject) {
    let paused = |s: &mut Subject| {
        s.crash();
        s.lanes(&["a", "b"]).iter().map(|lane| lane.paused).collect::<Vec<_>>()
    };
    s.lanes(&["a", "b"]);
    s.commit(&Commit { paused: vec![(LaneId(1), Some(at(3)))], ..Commit::default() });
    assert_eq!(paused(s), [None, Some(at(3))]);
    s.rows(&[&[0, 1]]);
    s.progress(1, 1, 1);
    assert_eq!(paused(s), [None, Some(at(3))]);
    s.commit(&Commit { paused: vec![(LaneId(1), None)], ..Commit::default() });
    assert_eq!(paused(s), [None, None]);
}

/// Three rows of two lanes, all of them parked.
fn park(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0], &[1], &[0]]);
    let tally = |parked| LaneTally { parked, ..LaneTally::default() };
    s.commit(&Commit {
        progress: vec![progress(0, 3, &[]), progress(1, 3, &[])],
        lane_tallies: vec![(LaneId(0), tally(2)), (LaneId(1), tally(1))],
        parked: vec![parked(0, 1, "no"), parked(1, 2, "never"), parked(0, 3, "no")],
        ..Commit::default()
    });
    s.crash();
}

fn numbers(s: &mut Subject, after: u64, limit: usize) -> Vec<(u64, u16, Seq)> {
    let rows = s.journal().parked_after(after, limit).unwrap();
    rows.iter().map(|(number, row)| (*number, row.lane.0, row.seq)).collect()
}

fn parked_rows_are_walked_through_by_their_numbers(s: &mut Subject) {
    park(s);
    assert_eq!(numbers(s, 0, 2), [(1, 0, 1), (2, 1, 2)]);
    assert_eq!(numbers(s, 2, 2), [(3, 0, 3)]);
    assert_eq!(numbers(s, 3, 2), []);
}

fn unpark(s: &mut Subject, number: u64, lane: u16, seq: Seq, again: bool) {
    let rows = if again { vec![row("Parked", &[lane])] } else { Vec::new() };
    let unparked = vec![Unparked { number, lane: LaneId(lane), seq, again }];
    s.commit(&Commit { rows, unparked, ..Commit::default() });
    s.crash();
}

fn tally(s: &mut Subject, lane: usize) -> (u64, u64, u64, u64) {
    let ledger = s.journal().ledger().unwrap();
    assert!(ledger.balances());
    let (lane, waiting) = &ledger.lanes[lane];
    (lane.tally.accepted, lane.tally.parked, lane.tally.discarded, *waiting)
}

fn a_parked_row_is_appended_again_in_one_step(s: &mut Subject) {
    park(s);
    unpark(s, 1, 0, 1, true);
    assert_eq!(tally(s, 0), (2, 1, 0, 1));
    assert_eq!(s.read(0, 3), [4]);
    assert_eq!(numbers(s, 0, 9), [(2, 1, 2), (3, 0, 3)]);
}

fn a_parked_row_that_is_given_up_counts_as_discarded(s: &mut Subject) {
    park(s);
    let before = s.journal().usage().unwrap().parked;
    unpark(s, 2, 1, 2, false);
    assert_eq!(tally(s, 1), (1, 0, 1, 0));
    unpark(s, 2, 1, 2, false);
    assert_eq!(tally(s, 1), (1, 0, 1, 0));
    assert!(s.journal().usage().unwrap().parked < before);
}

fn a_row_that_is_no_longer_parked_is_a_new_one_when_it_comes_again(s: &mut Subject) {
    park(s);
    unpark(s, 3, 0, 3, false);
    assert_eq!(tally(s, 0), (2, 1, 1, 0));
    unpark(s, 3, 0, 3, true);
    assert_eq!(tally(s, 0), (3, 1, 1, 1));
    // A number that was used for another row is not meant.
    unpark(s, 2, 0, 3, true);
    assert_eq!(tally(s, 0), (4, 1, 1, 2));
    assert_eq!(tally(s, 1), (1, 1, 0, 0));
}

fn rows_can_be_looked_at_whoever_waits_for_them(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0], &[], &[0, 1], &[1]]);
    s.progress(0, 4, 2);
    let scan = |s: &mut Subject, after, rows, bytes| -> Vec<(Seq, Vec<u16>)> {
        let rows = s.journal().scan(after, rows, bytes).unwrap();
        let row = |(lanes, row): &(LaneSet, event::journal::Stored)| {
            assert_eq!(row.event.as_ref().unwrap().reason, "x");
            (row.seq, lanes.iter().map(|lane| lane.0).collect())
        };
        rows.iter().map(row).collect()
    };
    assert_eq!(scan(s, 0, 9, 1 << 20), [(1, vec![0]), (3, vec![0, 1]), (4, vec![1])]);
    assert_eq!(scan(s, 1, 1, 1 << 20), [(3, vec![0, 1])]);
    assert_eq!(scan(s, 0, 9, 1), [(1, vec![0])]);
    assert_eq!(scan(s, 4, 9, 1), []);
}

fn what_a_receiver_is_to_be_told_stays_until_it_was(s: &mut Subject) {
    let mut not_shown = event::journal::NotShown::new(1, &event("x"));
    not_shown.add(&event("x"));
    let told = |s: &mut Subject| {
        s.crash();
        s.lanes(&["a", "b"]).remove(1).not_shown
    };
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1], &[1]]);
    let expired = LaneTally { expired: 1, ..LaneTally::default() };
    s.commit(&Commit {
        progress: vec![progress(1, 1, &[])],
        lane_tallies: vec![(LaneId(1), expired)],
        not_shown: vec![(LaneId(1), None), (LaneId(1), Some(not_shown.clone()))],
        ..Commit::default()
    });
    assert_eq!(told(s), Some(not_shown));
    assert_eq!(tally(s, 1), (2, 0, 0, 1));
    s.commit(&Commit { not_shown: vec![(LaneId(1), None)], ..Commit::default() });
    assert_eq!(told(s), None);
}

fn what_a_new_lane_is_to_be_given_is_remembered(s: &mut Subject) {
    let filling = |s: &mut Subject| {
        s.crash();
        s.lanes(&["a"]).remove(0).filling
    };
    s.lanes(&["a"]);
    let left = event::journal::Filling { after: 3, upto: 9 };
    s.commit(&Commit { filling: vec![(LaneId(0), Some(left))], ..Commit::default() });
    assert_eq!(filling(s), Some(left));
    s.commit(&Commit { filling: vec![(LaneId(0), None)], ..Commit::default() });
    assert_eq!(filling(s), None);
}
