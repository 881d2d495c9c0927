//! A journal that has reached its limit: who loses what, what goes, and that the ledger balances.

use std::collections::{BTreeMap, BTreeSet};

use event::journal::{Need, Overflow, Shed, Swept};
use proptest::{collection::vec, prelude::*};

use super::*;

battery! {
    the_lane_that_has_most_to_send_loses_its_oldest
    rows_that_others_wait_for_stay_until_those_lose_them_too
    what_a_lane_has_in_its_hands_is_left_to_it
    nothing_goes_that_the_live_state_needs
    a_patient_lane_loses_nothing_and_says_who_holds_the_rest
    rows_behind_a_stuck_lane_are_swept
    what_was_dropped_is_told_once
    parked_rows_go_when_they_are_too_many_or_too_old
}

fn need(bytes: u64) -> Need {
    Need { bytes, upto: Seq::MAX, ..Need::default() }
}

fn dropped(shed: Shed) -> (u16, u64, u64) {
    match shed {
        Shed::Dropped { lane, rows, removed } => (lane.0, rows, removed),
        other => panic!("{other:?}"),
    }
}

impl Subject {
    fn shed(&mut self, need: &Need) -> Shed {
        self.journal().shed(need).unwrap()
    }

    /// The same as `rows`, with the time at which each came in.
    fn at_times(&mut self, lanes: &[u16], times: std::ops::Range<u32>) {
        let accepted = LaneTally { accepted: 1, ..LaneTally::default() };
        let mut commit = Commit::default();
        for touched in times {
            let change = Change { touched, ..change(touched.into()) };
            commit.rows.push(Row { change: Some(change), ..row("x", lanes) });
            commit.lane_tallies.extend(lanes.iter().map(|lane| (LaneId(*lane), accepted)));
        }
        self.commit(&commit);
    }

    fn balances(&mut self) {
        let (counted, told) = (self.journal().ledger().unwrap(), self.journal().tallies());
        assert!(counted.balances(), "{counted:?}");
        assert_eq!(counted, told);
    }
}

fn the_lane_that_has_most_to_send_loses_its_oldest(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0], &[1], &[0], &[0], &[1]]);
    s.snapshot(b"all");
    assert_eq!(dropped(s.shed(&need(1))), (0, 1, 1));
    assert_eq!((s.read(0, 0), s.read(1, 0)), (vec![3, 4], vec![2, 5]));
    s.balances();
    s.crash();
    assert_eq!(s.read(0, 0), [3, 4]);
    // Both have two now; the first goes on.
    assert_eq!(dropped(s.shed(&need(u64::MAX))), (0, 2, 2));
    assert_eq!(dropped(s.shed(&need(u64::MAX))), (1, 2, 2));
    assert_eq!(s.shed(&need(1)), Shed::Nothing);
    s.balances();
    assert_eq!(s.rows(&[&[0, 1]]), 6);
    assert_eq!((s.read(0, 0), s.read(1, 0)), (vec![6], vec![6]));
}

fn rows_that_others_wait_for_stay_until_those_lose_them_too(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1], &[0, 1], &[0]]);
    s.snapshot(b"all");
    assert_eq!(dropped(s.shed(&need(u64::MAX))), (0, 3, 1));
    assert_eq!((s.read(0, 0), s.read(1, 0)), (vec![], vec![1, 2]));
    s.balances();
    assert_eq!(dropped(s.shed(&need(u64::MAX))), (1, 2, 2));
    s.balances();
    let tally = s.journal().tallies().lanes[1].0.tally;
    assert_eq!((tally.overflow, tally.waiting()), (2, 0));
}

fn what_a_lane_has_in_its_hands_is_left_to_it(s: &mut Subject) {
    s.lanes(&["a"]);
    s.rows(&[&[0][..]; 6]);
    s.snapshot(b"all");
    let handed = BTreeMap::from([(LaneId(0), 2)]);
    let need = |bytes| Need { handed: handed.clone(), ..need(bytes) };
    assert_eq!(dropped(s.shed(&need(1))), (0, 1, 1));
    assert_eq!(dropped(s.shed(&need(1))), (0, 1, 1));
    assert_eq!(s.read(0, 0), [1, 2, 5, 6]);
    assert_eq!(s.lanes(&["a"])[0].skipped, [(2, 4)]);
    s.balances();
    // It goes on from what it knows.
    assert_eq!(s.read(0, 2), [5, 6]);
    s.crash();
    assert_eq!(s.read(0, 0), [1, 2, 5, 6]);
    s.progress(0, 2, 2);
    assert_eq!((s.read(0, 2), s.lanes(&["a"])[0].cursor), (vec![5, 6], 2));
    s.balances();
    s.progress(0, 6, 2);
    assert_eq!(s.lanes(&["a"])[0].skipped, []);
    s.balances();
}

fn nothing_goes_that_the_live_state_needs(s: &mut Subject) {
    s.lanes(&["a"]);
    s.at_times(&[0], 1..4);
    assert_eq!(s.shed(&need(u64::MAX)), Shed::Nothing);
    s.snapshot(b"three");
    s.at_times(&[0], 4..6);
    assert_eq!(dropped(s.shed(&need(u64::MAX))), (0, 3, 3));
    assert_eq!(s.shed(&need(u64::MAX)), Shed::Nothing);
    s.crash();
    assert_eq!(s.restored(), ["three", "4 {0}", "5 {0}"]);
    let upto = Need { upto: 4, ..need(u64::MAX) };
    s.snapshot(b"five");
    assert_eq!(dropped(s.shed(&upto)), (0, 1, 1));
    assert_eq!(s.shed(&upto), Shed::Nothing);
    s.balances();
}

fn a_patient_lane_loses_nothing_and_says_who_holds_the_rest(s: &mut Subject) {
    s.lanes(&["a", "patient"]);
    s.rows(&[&[0], &[1], &[0], &[0], &[0]]);
    s.snapshot(b"all");
    let need = Need { patient: vec!["patient".into()], ..need(u64::MAX) };
    assert_eq!(s.shed(&need), Shed::Held(LaneId(1)), "it has yet to look at the first row");
    s.progress(1, 1, 0);
    assert_eq!(dropped(s.shed(&need)), (0, 1, 1));
    assert_eq!(s.shed(&need), Shed::Held(LaneId(1)));
    s.progress(1, 5, 1);
    assert_eq!(dropped(s.shed(&need)), (0, 3, 4), "and what it is done with goes");
    assert_eq!(s.shed(&need), Shed::Nothing);
    s.balances();
}

fn rows_behind_a_stuck_lane_are_swept(s: &mut Subject) {
    s.lanes(&["a", "stuck"]);
    s.rows(&[&[1], &[0], &[0, 1], &[0], &[], &[0]]);
    s.progress(0, 4, 3);
    assert_eq!(s.journal().sweep(0).unwrap(), Swept::default(), "no snapshot covers them");
    s.snapshot(b"all");
    assert_eq!(s.journal().trim(at(0)).unwrap().rows, 0);
    assert_eq!(s.journal().sweep(0).unwrap(), Swept { rows: 3, next: None });
    assert_eq!((s.read(0, 0), s.read(1, 0)), (vec![3, 6], vec![1, 3]));
    s.balances();
    s.crash();
    s.balances();
    assert_eq!(s.rows(&[&[0]]), 7);
}

fn what_was_dropped_is_told_once(s: &mut Subject) {
    s.lanes(&["a"]);
    s.at_times(&[0], 10..20);
    s.snapshot(b"all");
    s.shed(&need(1));
    s.shed(&need(1));
    s.crash();
    let untold = |s: &mut Subject| s.journal().tallies().lanes[0].0.untold;
    assert_eq!(untold(s), Some(Overflow { rows: 2, first: 10, last: 11 }));
    s.commit(&Commit { told: vec![(LaneId(0), 1), (LaneId(7), 1)], ..Commit::default() });
    assert_eq!(untold(s), Some(Overflow { rows: 1, first: 10, last: 11 }));
    s.commit(&Commit { told: vec![(LaneId(0), 1)], ..Commit::default() });
    assert_eq!(untold(s), None);
    s.crash();
    assert_eq!(untold(s), None);
    s.shed(&need(1));
    assert_eq!(untold(s), Some(Overflow { rows: 1, first: 12, last: 12 }));
}

fn parked_rows_go_when_they_are_too_many_or_too_old(s: &mut Subject) {
    s.lanes(&["a", "b"]);
    s.rows(&[&[0, 1][..]; 4]);
    let one = |lane, seq, hours| Parked { at: at(hours), ..parked(lane, seq, "no") };
    let tally = LaneTally { parked: 2, ..LaneTally::default() };
    s.commit(&Commit {
        parked: vec![one(0, 1, 1), one(1, 1, 2), one(0, 2, 3), one(1, 2, 4)],
        progress: vec![progress(0, 2, &[]), progress(1, 2, &[])],
        lane_tallies: vec![(LaneId(0), tally), (LaneId(1), tally)],
        ..Commit::default()
    });
    let bytes = s.journal().usage().unwrap().parked;
    assert!((4 * 64..4 * 128).contains(&bytes), "{bytes}");
    assert_eq!(s.journal().discard_parked(bytes, at(1)).unwrap(), 0);
    assert_eq!(s.journal().discard_parked(bytes, at(2)).unwrap(), 1);
    s.crash();
    assert_eq!(s.journal().usage().unwrap().parked, bytes / 4 * 3);
    assert_eq!(s.journal().discard_parked(bytes / 4, at(0)).unwrap(), 2);
    assert_eq!(s.journal().parked(LaneId(0), 9).unwrap(), []);
    assert_eq!(s.journal().parked(LaneId(1), 9).unwrap(), [one(1, 2, 4)]);
    s.balances();
    let tallies = s.journal().tallies().lanes;
    let of = |lane: usize| (tallies[lane].0.tally.parked, tallies[lane].0.tally.discarded);
    assert_eq!((of(0), of(1)), ((0, 2), (1, 1)));
}

#[test]
fn rows_that_wait_take_what_is_forecast() {
    let dir = tempfile::tempdir().unwrap();
    let limits = Limits { pack_from: PackFrom { rows: 0, bytes: 0 }, ..LIMITS };
    let path = dir.path().join("journal.db");
    let mut journal = SqliteJournal::open_with(&path, at(0), limits).unwrap();
    journal.open_lanes(&["a".into()], at(0)).unwrap();
    let empty = journal.usage().unwrap().rows;
    let start = Timestamp::from_second(1_800_000_000).unwrap();
    let day = playground::day::DayOptions::new(playground::day::Cluster::Busy, start);
    let events = playground::day::Day::new(&day).filter_map(|timed| match timed.write {
        playground::day::Write::Create(event) => Some(*event),
        _ => None,
    });
    let lanes: LaneSet = [LaneId(0)].into_iter().collect();
    let row =
        |event| Row { change: Some(change(7)), lanes: lanes.clone(), event: Some(Arc::new(event)) };
    let rows: Vec<Row> = events.take(5000).map(row).collect();
    journal.commit(&Commit { rows, ..Commit::default() }).unwrap();
    let usage = journal.usage().unwrap();
    let each = (usage.rows - empty) / 5000;
    assert!(each.abs_diff(usage.row) * 10 <= each, "{each} bytes, and {} were forecast", usage.row);
}

/// What happens to lanes that read, deliver, and lose.
#[derive(Debug, Clone)]
enum Step {
    Append(Vec<Vec<u16>>),
    Take(u16, usize),
    Settle(u16, usize, usize),
    Shed(u64, Option<u16>),
    Sweep,
    Snapshot,
    Trim,
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => vec(vec(0..3u16, 0..3), 1..6).prop_map(Step::Append),
        4 => (0..3u16, 1..4usize).prop_map(|(lane, rows)| Step::Take(lane, rows)),
        4 => (0..3u16, 0..4usize, 1..4usize)
            .prop_map(|(lane, from, rows)| Step::Settle(lane, from, rows)),
        4 => (1..400u64, prop::option::weighted(0.3, 0..3u16))
            .prop_map(|(bytes, patient)| Step::Shed(bytes, patient)),
        2 => Just(Step::Sweep),
        3 => Just(Step::Snapshot),
        1 => Just(Step::Trim),
        1 => Just(Step::Crash),
    ]
}

/// A lane as `send` has it: what it has read, and what of it is not done with.
#[derive(Debug, Clone, Default)]
struct Hand {
    read_to: Seq,
    rows: BTreeSet<Seq>,
    done: BTreeSet<Seq>,
    delivered: BTreeSet<Seq>,
}

impl Hand {
    fn cursor(&self) -> Seq {
        self.rows.first().map_or(self.read_to, |seq| seq - 1)
    }

    /// Delivers some of the rows, and reports it.
    fn settle(&mut self, s: &mut Subject, lane: u16, from: usize, rows: usize) {
        let settled: Vec<Seq> = self.rows.iter().skip(from).take(rows).copied().collect();
        for seq in &settled {
            self.rows.remove(seq);
            self.done.insert(*seq);
            assert!(self.delivered.insert(*seq), "row {seq} was delivered twice");
        }
        let cursor = self.cursor();
        self.done.retain(|seq| *seq > cursor);
        let above: Vec<Seq> = self.done.iter().copied().collect();
        let tally = LaneTally { delivered: settled.len() as u64, ..LaneTally::default() };
        s.commit(&Commit {
            progress: vec![progress(lane, cursor, &above)],
            lane_tallies: vec![(LaneId(lane), tally)],
            ..Commit::default()
        });
    }
}

const NAMES: [&str; 3] = ["a", "b", "c"];

fn play(s: &mut Subject, steps: &[Step]) -> Vec<LaneTally> {
    let mut hands = vec![Hand::default(); NAMES.len()];
    s.lanes(&NAMES);
    for step in steps {
        match step {
            Step::Append(rows) => {
                let rows: Vec<Vec<u16>> = rows
                    .iter()
                    .map(|lanes| {
                        lanes.iter().copied().collect::<BTreeSet<_>>().into_iter().collect()
                    })
                    .collect();
                s.rows(&rows.iter().map(Vec::as_slice).collect::<Vec<_>>());
            }
            Step::Take(lane, rows) => {
                let hand = &mut hands[usize::from(*lane)];
                let after = hand.read_to;
                let read = s.journal().read(LaneId(*lane), after, *rows, 1 << 20).unwrap();
                for row in read {
                    assert!(row.seq > hand.read_to);
                    hand.read_to = row.seq;
                    if !hand.done.contains(&row.seq) {
                        hand.rows.insert(row.seq);
                    }
                }
            }
            Step::Settle(lane, from, rows) => {
                hands[usize::from(*lane)].settle(s, *lane, *from, *rows);
            }
            Step::Shed(bytes, patient) => {
                let handed = (0..).map(LaneId).zip(hands.iter().map(|hand| hand.read_to));
                let patient = patient.iter().map(|lane| Text::from(NAMES[usize::from(*lane)]));
                let need =
                    Need { handed: handed.collect(), patient: patient.collect(), ..need(*bytes) };
                s.shed(&need);
            }
            Step::Sweep => drop(s.journal().sweep(0).unwrap()),
            Step::Snapshot => s.snapshot(b"all"),
            Step::Trim => drop(s.journal().trim(at(0)).unwrap()),
            Step::Crash => {
                s.crash();
                for (lane, hand) in s.lanes(&NAMES).into_iter().zip(&mut hands) {
                    *hand = Hand {
                        read_to: lane.cursor,
                        done: lane.done_above.iter().copied().collect(),
                        delivered: std::mem::take(&mut hand.delivered),
                        ..Hand::default()
                    };
                }
            }
        }
        s.balances();
    }
    // In the end everything is read, and nothing is left over.
    for (lane, hand) in (0u16..).zip(&mut hands) {
        for row in s.read(lane, hand.read_to) {
            // Done with before a crash, above the cursor.
            if hand.done.contains(&row) {
                continue;
            }
            assert!(!hand.delivered.contains(&row), "row {row} came twice");
            hand.rows.insert(row);
        }
    }
    let lanes = s.journal().tallies().lanes;
    for ((lane, waiting), hand) in lanes.iter().zip(&hands) {
        assert_eq!(*waiting, hand.rows.len() as u64, "{lane:?} {hand:?}");
        assert_eq!(lane.tally.delivered, hand.delivered.len() as u64);
    }
    lanes.into_iter().map(|(lane, _)| lane.tally).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn every_row_is_delivered_once_or_dropped_and_both_journals_agree(
        steps in vec(step(), 1..60),
    ) {
        let memory = play(&mut Subject::memory(), &steps);
        prop_assert_eq!(memory, play(&mut Subject::disk(), &steps));
    }
}
