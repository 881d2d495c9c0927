//! Lanes, their numbers and their ledger.

use super::*;

battery! {
    the_newest_progress_of_a_lane_counts
    a_known_lane_keeps_what_it_has_and_a_new_one_starts_at_the_end
    a_lane_that_comes_back_in_time_is_no_orphan
    an_orphan_is_given_up_after_a_day_and_its_rows_expire
    a_lane_number_rests_until_rows_and_snapshot_forgot_it
    late_news_of_a_given_up_lane_change_nothing
    the_ledger_balances_with_rows_counted_one_by_one
    the_last_hundred_breaks_are_kept
    more_lanes_than_a_byte_has_bits
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
