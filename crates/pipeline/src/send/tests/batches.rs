//! What one request holds.

use proptest::prelude::*;

use super::*;
use crate::send::encoded::Encoded;
use simulated::Handle;

fn batched(events: usize, bytes: usize, wait: u64) -> LaneSettings {
    let batch = BatchSettings { events, bytes, wait: seconds(wait) };
    LaneSettings { batch, ..LaneSettings::default() }
}

/// When each request was sent, in seconds, and how many events it held.
fn requests(receiver: &Receiver) -> Vec<(u64, usize)> {
    receiver.sent().iter().map(|sent| (sent.after.as_secs(), sent.seqs.len())).collect()
}

#[tokio::test(start_paused = true)]
async fn a_request_waits_for_more_until_it_is_full_or_its_time_is_over() {
    let rows = MemoryRows::up_to(3);
    let receiver = Receiver::new(100, |_| Reply::OK);
    let lane = Running::with(&rows, &receiver, batched(5, usize::MAX, 10));
    settle().await;
    advance(seconds(4)).await;
    settle().await;
    assert_eq!(requests(&receiver), []);
    rows.append([row(4)]);
    lane.reaches(4).await;
    assert_eq!(requests(&receiver), [(10, 4)], "counted from the first");
    advance(seconds(10)).await;
    rows.append((5..=16).map(row));
    lane.reaches(16).await;
    lane.stop().await;
    assert_eq!(requests(&receiver)[1..], [(20, 5), (20, 5), (30, 2)]);
    assert_eq!(receiver.accepted(), (1..=16).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_batch_that_failed_is_sent_again_as_it_was_and_waits_for_nobody() {
    let rows = MemoryRows::up_to(3);
    let refusals = [
        SendError::Blocked { reason: "401".into() },
        SendError::Unavailable { reason: "503".into(), retry_after: Some(seconds(20)) },
    ];
    for refusal in refusals {
        let receiver = Receiver::new(100, move |sent| match sent.number {
            0 => Reply::Answer(Err(refusal.clone())),
            _ => Reply::OK,
        });
        let lane = Running::with(&rows, &receiver, batched(100, usize::MAX, 600));
        lane.until(|status| status.state != LaneState::Ok).await;
        lane.reaches(3).await;
        let after: Vec<_> = receiver.sent().iter().map(|sent| sent.after).collect();
        assert!(after[0] == seconds(600) && after[1] <= seconds(660), "{after:?}");
        lane.stop().await;
        assert_eq!(requests(&receiver).len(), 2);
        rows.restart();
    }
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_full_by_its_bytes_waits_no_longer() {
    let rows = MemoryRows::up_to(0);
    let receiver = Receiver::new(100, |_| Reply::OK);
    let lane = Running::with(&rows, &receiver, batched(100, 20, 60));
    rows.append((100..110).map(row));
    lane.reaches(109).await;
    // Four bytes an event but for the last, so five fill a body; nothing tells that of the first.
    assert_eq!(requests(&receiver), [(60, 5), (60, 5)]);
    rows.append((110..112).map(row));
    settle().await;
    rows.append((112..116).map(row));
    lane.until(|status| status.cursor >= 114).await;
    assert_eq!(requests(&receiver)[2..], [(60, 5)]);
    lane.reaches(115).await;
    lane.stop().await;
    assert_eq!(requests(&receiver)[3..], [(120, 1)]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_leaves_what_is_gathered_in_the_journal() {
    let rows = MemoryRows::up_to(3);
    let receiver = Receiver::new(100, |_| Reply::OK);
    let lane = Running::with(&rows, &receiver, batched(100, usize::MAX, 600));
    settle().await;
    let began = Instant::now();
    lane.stop().await;
    assert_eq!((began.elapsed(), requests(&receiver)), (Duration::ZERO, vec![]));
    assert_eq!(rows.saved().cursor, 0);
}

proptest! {
    #[test]
    fn each_event_is_in_one_body_in_order_and_none_is_too_large_that_holds_two(
        seqs in prop::collection::btree_set(1u64..10_000_000_000, 1..200),
        most_bytes in 1usize..300,
        batch_limit in 1usize..100,
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let _time = runtime.enter();
        let sink: AnySink = Arc::new(Handle(Receiver::new(batch_limit, |_| Reply::OK)));
        let rows: Vec<_> = seqs.iter().map(|seq| (*seq, row(*seq).event.unwrap())).collect();
        let mut encoded = Encoded::new(most_bytes);
        prop_assert!(encoded.encode(&sink, rows).is_empty());
        let mut left: Vec<Seq> = seqs.into_iter().collect();
        while let Some(ready) = encoded.ready_for(&left) {
            let (events, bytes) = (ready.seqs.len(), ready.payload.body.len());
            prop_assert!(bytes <= most_bytes || events == 1, "{} with {}", bytes, events);
            prop_assert_eq!(ready.payload.events, events);
            left.drain(..events);
            encoded.take();
        }
        prop_assert!(left.is_empty());
    }
}
