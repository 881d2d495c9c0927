use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;

fn good(seq: Seq) -> Stored {
    Stored { seq, event: Ok(Arc::default()) }
}

fn delivery(rows: Seq, batch_limit: usize) -> Delivery {
    let mut delivery = Delivery::new(0, &[], batch_limit);
    for seq in 1..=rows {
        delivery.add(good(seq));
    }
    delivery
}

fn down() -> Result<(), SendError> {
    Err(SendError::Unavailable { reason: "500".into(), retry_after: None })
}

/// Answers what is next, and says what that was.
fn answer(delivery: &mut Delivery, answer: Result<(), SendError>) -> (Vec<Seq>, Decision) {
    let attempt = delivery.next().unwrap();
    let decision = delivery.answered(&attempt, answer);
    (attempt.seqs, decision)
}

/// The attempts that follow while everything fails.
fn tried_while_down(delivery: &mut Delivery, times: usize) -> Vec<Vec<Seq>> {
    (0..times).map(|_| answer(delivery, down()).0).collect()
}

#[test]
fn a_batch_that_fails_three_times_is_bisected_and_a_record_behind_it_is_the_probe() {
    let mut delivery = delivery(8, 4);
    let tried = tried_while_down(&mut delivery, 12);
    let expected: [&[Seq]; 12] = [
        &[1, 2, 3, 4],
        &[1, 2, 3, 4],
        &[1, 2, 3, 4],
        &[3],
        &[1, 2],
        &[1, 2],
        &[1, 2],
        &[4],
        &[1],
        &[1],
        &[1],
        &[5],
    ];
    assert_eq!(tried, expected);
}

#[test]
fn after_an_outage_batches_are_whole_again() {
    let mut delivery = delivery(20, 4);
    tried_while_down(&mut delivery, 60);
    while delivery.next().is_some_and(|attempt| attempt.seqs.len() == 1) {
        answer(&mut delivery, Ok(()));
    }
    assert_eq!(delivery.next().unwrap().seqs.len(), 4);
}

#[test]
fn while_one_at_a_time_is_down_only_probes_leave_the_order() {
    let mut delivery = delivery(10, 1);
    let tried = tried_while_down(&mut delivery, 8);
    assert_eq!(tried.concat(), [1, 1, 1, 2, 1, 1, 1, 3]);
    assert_eq!(delivery.window().cursor(), 0);
}

#[test]
fn a_record_is_poison_when_it_fails_alone_between_neighbours_that_pass() {
    let mut delivery = delivery(10, 1);
    let mut tried = Vec::new();
    let parked = loop {
        let attempt = delivery.next().unwrap();
        tried.extend(attempt.seqs.iter().copied());
        let poison = attempt.seqs == [1];
        let decision = delivery.answered(&attempt, if poison { down() } else { Ok(()) });
        if let Some(parked) = decision.settled.into_iter().find(|settled| settled.seq == 1) {
            break parked;
        }
    };
    assert_eq!(tried, [1, 1, 1, 2, 1, 3, 1, 4, 1, 5]);
    assert_eq!(parked.end, End::Parked(ParkCause::Poison, "500".into()));
    assert_eq!(delivery.window().cursor(), 5);
    assert_eq!(delivery.next().unwrap().seqs, [6]);
}

#[test]
fn the_flakier_the_receiver_the_more_failures_it_takes_to_be_poison() {
    let tries = |flaky: bool| {
        let mut delivery = delivery(200, 1);
        for _ in 0..30 {
            if flaky {
                answer(&mut delivery, down());
            }
            answer(&mut delivery, Ok(()));
        }
        let suspect = delivery.next().unwrap().seqs;
        let mut failures = 0;
        while delivery.window().get(suspect[0]).is_some() {
            let poison = delivery.next().unwrap().seqs == suspect;
            failures += usize::from(poison);
            answer(&mut delivery, if poison { down() } else { Ok(()) });
        }
        failures
    };
    assert_eq!(tries(false), 6);
    assert!((8..30).contains(&tries(true)), "{}", tries(true));
}

#[test]
fn a_suspect_without_neighbours_is_retried_until_rows_arrive() {
    let mut delivery = delivery(1, 1);
    let tried = tried_while_down(&mut delivery, 50);
    assert!(tried.iter().all(|seqs| seqs == &[1]) && delivery.wants_rows());
    for seq in 2..=4 {
        delivery.add(good(seq));
        let probe = delivery.next().unwrap();
        assert_eq!(probe.seqs, [seq]);
        assert_eq!(delivery.answered(&probe, Ok(())).settled.len(), 1);
        assert_eq!(answer(&mut delivery, down()).0, [1]);
    }
    delivery.add(good(5));
    let (_, decision) = answer(&mut delivery, Ok(()));
    assert_eq!(decision.settled.len(), 2);
    assert_eq!(delivery.window().cursor(), 5);
}

#[test]
fn a_receiver_that_asks_for_time_blames_nobody() {
    let mut delivery = delivery(8, 4);
    let asked = Some(Duration::from_secs(7));
    for failures in 1..20 {
        let busy = SendError::Unavailable { reason: "429".into(), retry_after: asked };
        let (seqs, decision) = answer(&mut delivery, Err(busy));
        assert_eq!(seqs, [1, 2, 3, 4]);
        let reason = "429".into();
        let then = Then::Retry { failures, asked, reason };
        assert_eq!(decision.then, then);
    }
}

#[test]
fn a_refusal_is_bisected_to_the_guilty_one_without_a_pause() {
    let mut delivery = delivery(8, 8);
    let mut tried = Vec::new();
    while let Some(attempt) = delivery.next() {
        let refused = attempt.seqs.contains(&6);
        let words = SendError::Rejected { reason: "400: no".into() };
        let decision = delivery.answered(&attempt, if refused { Err(words) } else { Ok(()) });
        assert_eq!(decision.then, Then::GoOn);
        tried.push((attempt.seqs, decision.settled));
    }
    let seqs: Vec<_> = tried.iter().map(|(seqs, _)| seqs.as_slice()).collect();
    let expected: [&[Seq]; 7] =
        [&[1, 2, 3, 4, 5, 6, 7, 8], &[1, 2, 3, 4], &[5, 6, 7, 8], &[5, 6], &[5], &[6], &[7, 8]];
    assert_eq!(seqs, expected);
    let end = End::Parked(ParkCause::Rejected, "400: no".into());
    assert_eq!(tried[5].1[0].end, end);
}

#[test]
fn a_partial_answer_sends_only_the_rest_again() {
    let mut delivery = delivery(6, 4);
    let failed = vec![(1, None), (2, Some("too old".into())), (99, None)];
    let (_, decision) = answer(&mut delivery, Err(SendError::Partial { failed }));
    let ends: Vec<_> = decision.settled.iter().map(|s| (s.seq, &s.end)).collect();
    let parked = End::Parked(ParkCause::Rejected, "too old".into());
    assert_eq!(ends, [(1, &End::Delivered), (3, &parked), (4, &End::Delivered)]);
    assert!(matches!(decision.then, Then::Retry { failures: 1, .. }));
    assert_eq!(delivery.next().unwrap().seqs, [2, 5, 6]);
    assert_eq!(delivery.window().cursor(), 1);
}

#[test]
fn a_receiver_that_takes_only_parts_gets_pauses_of_a_few_seconds_at_most() {
    let mut delivery = delivery(40, 2);
    let pauses: Vec<u32> = (0..8)
        .map(|_| {
            let failed = vec![(1, None)];
            match answer(&mut delivery, Err(SendError::Partial { failed })).1.then {
                Then::Retry { failures, .. } => failures,
                then => panic!("{then:?}"),
            }
        })
        .collect();
    assert_eq!(pauses, [1, 2, 3, 4, 4, 4, 4, 4]);
}

#[test]
fn blocked_changes_nothing() {
    let mut delivery = delivery(8, 4);
    for _ in 0..20 {
        let reason = "401".to_owned();
        let blocked = SendError::Blocked { reason: reason.clone() };
        let (seqs, decision) = answer(&mut delivery, Err(blocked));
        assert_eq!(seqs, [1, 2, 3, 4]);
        assert_eq!((decision.then, decision.settled.len()), (Then::Blocked { reason }, 0));
    }
}

#[derive(Debug, Clone, Copy, PartialEq)]
enum Nature {
    Good,
    Poison,
    Refused,
    Unreadable,
}

fn nature() -> impl Strategy<Value = Nature> {
    prop_oneof![
        12 => Just(Nature::Good),
        1 => Just(Nature::Poison),
        1 => Just(Nature::Refused),
        1 => Just(Nature::Unreadable),
    ]
}

/// A receiver that treats every record as its nature demands, but for outages.
#[derive(Debug, Clone)]
struct World {
    natures: Vec<Nature>,
    /// First attempt and number of attempts.
    outages: Vec<(usize, usize)>,
    per_item: bool,
    batch_limit: usize,
    payload_limit: usize,
    page: usize,
}

fn world() -> impl Strategy<Value = World> {
    (
        prop::collection::vec(nature(), 1..120),
        // Three outages at most: nobody can tell more of them, well timed, from a poison record.
        prop::collection::vec((0usize..300, 1usize..60), 0..=3),
        any::<bool>(),
        1usize..20,
        1usize..20,
        1usize..50,
    )
        .prop_map(|(natures, outages, per_item, batch_limit, payload_limit, page)| World {
            natures,
            outages,
            per_item,
            batch_limit,
            payload_limit,
            page,
        })
}

impl World {
    fn nature(&self, seq: Seq) -> Nature {
        let index = usize::try_from(seq).unwrap() - 1;
        self.natures.get(index).copied().unwrap_or(Nature::Good)
    }

    fn row(&self, seq: Seq) -> Stored {
        match self.nature(seq) {
            Nature::Unreadable => Stored { seq, event: Err("damaged".into()) },
            _ => good(seq),
        }
    }

    fn is_down(&self, attempt: usize) -> bool {
        self.outages.iter().any(|(first, count)| (*first..first + count).contains(&attempt))
    }

    fn answer(&self, attempt: usize, seqs: &[Seq]) -> Result<(), SendError> {
        if self.is_down(attempt) {
            return down();
        }
        let natures: Vec<_> = seqs.iter().map(|seq| self.nature(*seq)).collect();
        if self.per_item {
            let failed: Vec<_> = (natures.iter().enumerate())
                .filter(|(_, nature)| **nature != Nature::Good)
                .map(|(at, nature)| (at, (*nature == Nature::Refused).then(|| "no".into())))
                .collect();
            return if failed.is_empty() { Ok(()) } else { Err(SendError::Partial { failed }) };
        }
        if natures.contains(&Nature::Refused) {
            return Err(SendError::Rejected { reason: "no".into() });
        }
        if natures.contains(&Nature::Poison) {
            return down();
        }
        Ok(())
    }

    fn expected(&self, seq: Seq) -> Option<ParkCause> {
        match self.nature(seq) {
            Nature::Good => None,
            Nature::Poison => Some(ParkCause::Poison),
            Nature::Refused => Some(ParkCause::Rejected),
            Nature::Unreadable => Some(ParkCause::Unreadable),
        }
    }
}

fn cause(end: &End) -> Option<ParkCause> {
    match end {
        End::Delivered | End::Expired | End::Suppressed => None,
        End::Parked(cause, _) => Some(*cause),
    }
}

proptest! {
    #[test]
    fn every_record_ends_as_its_nature_says_and_the_cursor_passes_no_other(world in world()) {
        let mut delivery = Delivery::new(0, &[], world.batch_limit);
        let mut ended: BTreeMap<Seq, Option<ParkCause>> = BTreeMap::new();
        let last = Seq::try_from(world.natures.len()).unwrap();
        let mut read: Seq = 0;
        let mut attempts = 0;
        while delivery.window().cursor() < last {
            // Good rows go on arriving, so that the last of the others have neighbours.
            while delivery.wants_rows() {
                for _ in 0..world.page {
                    read += 1;
                    let unreadable = delivery.add(world.row(read));
                    ended.extend(unreadable.map(|row| (row.seq, cause(&row.end))));
                }
            }
            let Some(mut attempt) = delivery.next() else { continue };
            attempt.seqs.truncate(world.payload_limit);
            let decision = delivery.answered(&attempt, world.answer(attempts, &attempt.seqs));
            if world.is_down(attempts) {
                prop_assert!(decision.settled.is_empty(), "settled while down");
            }
            for row in decision.settled {
                let before = ended.insert(row.seq, cause(&row.end));
                prop_assert_eq!(before, None, "row {} ended twice", row.seq);
            }
            let (cursor, above) = (delivery.window().cursor(), delivery.window().done_above());
            let told: BTreeSet<Seq> = (1..=cursor).chain(above.iter().copied()).collect();
            prop_assert_eq!(told, ended.keys().copied().collect::<BTreeSet<_>>());
            attempts += 1;
            prop_assert!(attempts < 20_000, "no end in sight");
        }
        for (seq, end) in ended {
            prop_assert_eq!(end, world.expected(seq), "row {}", seq);
        }
    }

    #[test]
    fn order_is_kept_when_nothing_fails_and_through_refusals(
        mut world in world(),
    ) {
        world.outages.clear();
        world.natures.retain(|nature| *nature != Nature::Poison);
        let mut delivery = Delivery::new(0, &[], world.batch_limit);
        let last = Seq::try_from(world.natures.len()).unwrap();
        for seq in 1..=last {
            delivery.add(world.row(seq));
        }
        let mut order = Vec::new();
        while let Some(mut attempt) = delivery.next() {
            attempt.seqs.truncate(world.payload_limit);
            let decision = delivery.answered(&attempt, world.answer(0, &attempt.seqs));
            order.extend(decision.settled.into_iter().map(|row| row.seq));
        }
        prop_assert!(order.is_sorted());
    }
}
