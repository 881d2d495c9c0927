//! What people ask of a lane.

use super::*;

#[tokio::test(start_paused = true)]
async fn a_paused_lane_sends_nothing_until_it_is_resumed() {
    let rows = MemoryRows::up_to(10);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.reaches(10).await;
    assert_eq!(lane.watch.obeys(Order::Pause(start())).await.unwrap(), 0);
    assert_eq!(lane.watch.status().paused, Some(start()));
    rows.append((11..=20).map(row));
    advance(seconds(3600)).await;
    settle().await;
    assert_eq!(receiver.sent().len(), 10);
    lane.watch.obeys(Order::Resume).await.unwrap();
    lane.reaches(20).await;
    assert_eq!(lane.watch.status().paused, None);
    lane.stop().await;
    assert_eq!(receiver.accepted(), (1..=20).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_was_paused_is_so_after_a_restart() {
    let rows = MemoryRows::up_to(10);
    rows.pause(start());
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    assert_eq!(lane.watch.status().paused, Some(start()));
    advance(seconds(3600)).await;
    settle().await;
    assert_eq!(receiver.sent(), []);
    lane.watch.obeys(Order::Resume).await.unwrap();
    lane.reaches(10).await;
}

#[tokio::test(start_paused = true)]
async fn rows_of_others_pass_a_paused_lane_and_its_own_wait() {
    let rows = MemoryRows::up_to(0);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.watch.obeys(Order::Pause(start())).await.unwrap();
    rows.other_lanes_rows(500);
    lane.reaches(500).await;
    rows.append([row(501)]);
    rows.other_lanes_rows(900);
    advance(seconds(60)).await;
    settle().await;
    assert_eq!((lane.watch.status().cursor, receiver.sent().len()), (500, 0));
}

#[tokio::test(start_paused = true)]
async fn when_a_pause_is_answered_no_request_is_under_way() {
    let rows = MemoryRows::up_to(2);
    let receiver = Receiver::new(1, |_| Reply::Later(seconds(20), Ok(())));
    let lane = Running::lane(&rows, &receiver);
    settle().await;
    assert_eq!(receiver.flights().len(), 1);
    let began = Instant::now();
    lane.watch.obeys(Order::Pause(start())).await.unwrap();
    assert_eq!(began.elapsed(), seconds(20));
    assert_eq!((receiver.accepted(), receiver.flights().len()), (vec![1], 2));
}

#[tokio::test(start_paused = true)]
async fn a_resume_asks_a_receiver_that_refuses_us_at_once() {
    let rows = MemoryRows::up_to(3);
    let receiver = Receiver::new(1, |sent| {
        if sent.number == 0 {
            Reply::Answer(Err(SendError::Blocked { reason: "401".into() }))
        } else {
            Reply::OK
        }
    });
    let lane = Running::lane(&rows, &receiver);
    lane.until(|status| matches!(status.state, LaneState::Blocked { .. })).await;
    let began = Instant::now();
    lane.watch.obeys(Order::Resume).await.unwrap();
    lane.reaches(3).await;
    assert!(began.elapsed() < seconds(1), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn what_is_skipped_is_parked_and_the_rest_goes_on_at_once() {
    for concurrency in [1, 4] {
        let rows = MemoryRows::up_to(0);
        rows.append((1..=700).map(|seq| about(seq, seq % 7)));
        let receiver = Receiver::new(500, |sent| {
            if sent.seqs.iter().any(|seq| *seq <= 3) { Reply::down() } else { Reply::OK }
        });
        let settings = LaneSettings { concurrency, ..LaneSettings::default() };
        let lane = Running::with(&rows, &receiver, settings);
        lane.until(|status| matches!(status.state, LaneState::Retrying { .. })).await;
        assert_eq!(lane.watch.obeys(Order::Skip(3)).await.unwrap(), 3);
        lane.reaches(700).await;
        lane.stop().await;
        let parked = rows.parked();
        let seqs: Vec<_> = parked.iter().map(|it| it.seq).collect();
        assert_eq!((seqs, parked[0].cause), (vec![1, 2, 3], ParkCause::Skipped));
        assert_eq!(parked[0].reason, "skipped by `tidings lanes skip`; the receiver had said: 503");
        assert_eq!((rows.tally().delivered, rows.tally().parked), (697, 3));
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_there_is_cannot_be_skipped() {
    let rows = MemoryRows::up_to(1200);
    let receiver = Receiver::new(1, |_| Reply::down());
    let lane = Running::lane(&rows, &receiver);
    assert_eq!(lane.watch.obeys(Order::Skip(5000)).await.unwrap(), 1200);
    assert_eq!(lane.watch.obeys(Order::Skip(1)).await.unwrap(), 0);
    lane.reaches(1200).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_dropped_is_counted_and_never_sent() {
    for concurrency in [1, 4] {
        let rows = MemoryRows::up_to(0);
        rows.append((1..=5000).map(|seq| about(seq, seq % 7)));
        let receiver = Receiver::new(10, |sent| {
            if sent.seqs.iter().any(|seq| (300..=5000).contains(seq)) {
                Reply::down()
            } else {
                Reply::OK
            }
        });
        let settings = LaneSettings { concurrency, ..LaneSettings::default() };
        let lane = Running::with(&rows, &receiver, settings);
        lane.until(
            |status| matches!(&status.state, LaneState::Retrying { attempts, .. } if *attempts > 9),
        )
        .await;
        let dropped = lane.watch.obeys(Order::Drop).await.unwrap();
        rows.append((5001..=5010).map(|seq| about(seq, seq % 7)));
        lane.reaches(5010).await;
        lane.stop().await;
        let tally = rows.tally();
        assert_eq!((tally.discarded, tally.delivered), (dropped, 5010 - dropped));
        assert!(dropped > 4500, "{dropped}");
        let accepted = receiver.accepted();
        assert_eq!(accepted.len() as u64, 5010 - dropped);
        assert_eq!((rows.saved().cursor, rows.saved().done_above), (5010, vec![]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_lane_that_has_ended_says_so() {
    let rows = MemoryRows::up_to(1);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    let watch = lane.watch.clone();
    lane.stop().await;
    let error = watch.obeys(Order::Skip(1)).await.unwrap_err();
    assert_eq!(error.to_string(), "the journal cannot be used: its lane has ended");
}
