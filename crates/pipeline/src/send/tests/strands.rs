//! Several requests under way, and the order of each object's events.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;
use simulated::{Turning, about};

fn at_once(concurrency: usize) -> LaneSettings {
    LaneSettings { concurrency, ..LaneSettings::default() }
}

fn ok_after(seconds: u64) -> Reply {
    Reply::Later(Duration::from_secs(seconds), Ok(()))
}

#[tokio::test(start_paused = true)]
async fn requests_are_under_way_at_once_for_different_objects() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=400).map(|seq| about(seq, seq)));
    let receiver = Receiver::new(1, |_| ok_after(1));
    let lane = Running::with(&rows, &receiver, at_once(8));
    let began = Instant::now();
    lane.reaches(400).await;
    assert!((50..90).contains(&began.elapsed().as_secs()), "{:?}", began.elapsed());
    assert_eq!(most_under_way(&receiver), 8);
    lane.stop().await;
    assert_eq!((rows.tally().delivered, rows.saved().cursor), (400, 400));
    assert!(rows.saved().done_above.is_empty());
}

#[tokio::test(start_paused = true)]
async fn events_of_one_object_are_sent_one_after_the_other() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=20).map(|seq| about(seq, "pod")));
    let receiver = Receiver::new(1, |_| ok_after(1));
    let lane = Running::with(&rows, &receiver, at_once(8));
    let began = Instant::now();
    lane.reaches(20).await;
    assert_eq!((began.elapsed(), most_under_way(&receiver)), (seconds(20), 1));
    lane.stop().await;
    assert_eq!(receiver.accepted(), (1..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_refuses_us_is_asked_by_one_request_a_minute() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=100).map(|seq| about(seq, seq)));
    let receiver = Receiver::new(1, |sent| {
        let refused = SendError::Blocked { reason: "401".into() };
        let until = seconds(601);
        if sent.after < until { Reply::Answer(Err(refused)) } else { Reply::OK }
    });
    let lane = Running::with(&rows, &receiver, at_once(4));
    lane.until(|status| matches!(status.state, LaneState::Blocked { .. })).await;
    lane.reaches(100).await;
    lane.stop().await;
    let refused = receiver.sent().iter().filter(|sent| sent.after < seconds(601)).count();
    assert!((11..=14).contains(&refused), "{refused}");
    assert_eq!((rows.tally().delivered, rows.tally().parked), (100, 0));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_asks_for_time_gets_it_from_all() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=100).map(|seq| about(seq, seq)));
    let receiver = Receiver::new(1, |sent| match sent.number {
        0..4 => Reply::unavailable(Some(seconds(30))),
        _ => Reply::OK,
    });
    let lane = Running::with(&rows, &receiver, at_once(4));
    lane.reaches(100).await;
    lane.stop().await;
    let sent = receiver.sent();
    let early = sent.iter().filter(|sent| sent.after < seconds(30)).count();
    assert_eq!((early, sent.len()), (4, 104));
}

#[tokio::test(start_paused = true)]
async fn one_that_sticks_holds_the_others_back_only_when_much_is_held() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=10_000).map(|seq| about(seq, seq)));
    let receiver = Receiver::new(1, |sent| match sent.seqs[0] {
        1 => ok_after(20),
        _ => Reply::OK,
    });
    let lane = Running::with(&rows, &receiver, at_once(4));
    advance(seconds(10)).await;
    settle().await;
    lane.until(|status| status.delivered > 2500).await;
    assert!(lane.watch.status().delivered < 5000);
    assert_eq!(lane.watch.status().cursor, 0);
    lane.reaches(10_000).await;
    lane.stop().await;
    assert_eq!(rows.tally().delivered, 10_000);
}

#[tokio::test(start_paused = true)]
async fn few_tokens_go_to_the_oldest_rows() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=64).map(|seq| about(seq, seq)));
    let receiver = Receiver::new(1, |_| Reply::OK);
    let rate_limit = RateLimit::new(1.0, 1);
    let lane = Running::with(&rows, &receiver, LaneSettings { rate_limit, ..at_once(4) });
    lane.reaches(64).await;
    lane.stop().await;
    assert_eq!(receiver.accepted(), (1..=64).collect::<Vec<_>>());
}

fn most_under_way(receiver: &Receiver) -> usize {
    let mut now = 0;
    let counts = receiver.flights().into_iter().map(|(turning, _)| {
        now = if turning == Turning::Begins { now + 1 } else { now - 1 };
        now
    });
    counts.max().unwrap_or(0)
}

/// What the receiver says to a request, from its first row and how many came before.
fn said(sent: &simulated::Sent, seed: u64) -> Reply {
    let mix = |value: u64| (value ^ seed).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
    let chance = mix(sent.seqs[0] << 20 | sent.number as u64);
    let time = Duration::from_millis(chance % 700);
    let unavailable = |retry_after| SendError::Unavailable { reason: "503".into(), retry_after };
    match chance % 12 {
        0 => Reply::Later(time, Err(unavailable(None))),
        1 => Reply::Later(time, Err(unavailable(Some(seconds(3))))),
        2 => Reply::Later(time, Err(SendError::Blocked { reason: "403".into() })),
        3 if sent.seqs.iter().any(|seq| mix(*seq) % 8 == 0) => {
            Reply::Later(time, Err(SendError::Rejected { reason: "400".into() }))
        }
        _ => Reply::Later(time, Ok(())),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    /// Whatever the receiver says and however long it takes: two events of one object are never under way together,
    /// none overtakes another, and each ends once.
    #[test]
    fn each_objects_events_keep_their_order(
        objects in prop::collection::vec(0u8..12, 1..150),
        concurrency in 1usize..9,
        batch_limit in 1usize..6,
        seed in any::<u64>(),
    ) {
        let mut runtime = tokio::runtime::Builder::new_current_thread();
        let runtime = runtime.enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let rows = MemoryRows::up_to(0);
            rows.append((1..).zip(&objects).map(|(seq, object)| about(seq, object)));
            let receiver = Receiver::new(batch_limit, move |sent| said(sent, seed));
            let lane = Running::with(&rows, &receiver, at_once(concurrency));
            lane.reaches(objects.len() as Seq).await;
            lane.stop().await;
            let object = |seq: &Seq| objects[usize::try_from(*seq).unwrap() - 1];
            let mut under_way: Vec<Vec<Seq>> = Vec::new();
            for (turning, seqs) in receiver.flights() {
                if turning == Turning::Ends {
                    under_way.retain(|other| *other != seqs);
                    continue;
                }
                let others: BTreeSet<u8> = under_way.iter().flatten().map(object).collect();
                prop_assert!(!seqs.iter().any(|seq| others.contains(&object(seq))));
                under_way.push(seqs);
                prop_assert!(under_way.len() <= concurrency);
            }
            let accepted = receiver.accepted();
            let mut newest = BTreeMap::new();
            for seq in &accepted {
                let before = newest.insert(object(seq), *seq).unwrap_or(0);
                prop_assert!(before < *seq, "{} after {}", seq, before);
            }
            let parked: Vec<Seq> = rows.parked().iter().map(|row| row.seq).collect();
            let mut ended = [accepted, parked].concat();
            ended.sort_unstable();
            prop_assert_eq!(ended, (1..=objects.len() as Seq).collect::<Vec<_>>());
            prop_assert_eq!(rows.saved().cursor, objects.len() as Seq);
            Ok(())
        })?;
    }
}
