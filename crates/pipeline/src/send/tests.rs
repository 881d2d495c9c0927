//! A lane against scripted receivers and a journal in memory. The time is virtual: waiting for hours of
//! back-off takes no time.

mod batches;

mod expired;

mod orders;

mod outage;

mod simulated;

mod strands;

use std::{
    slice::from_ref,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
    time::Duration,
};

use event::{
    SendError,
    journal::{LaneTally, ParkCause, Stored},
};
use tokio::time::{Instant, advance};

use super::{unsaved::REPORT_IDLE_EVERY, *};

use simulated::{
    MemoryRows, Receiver, Reply, Running, about, happened, lane_clock, replayed, row, start,
};

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Lets the lane do what it can without time passing.
async fn settle() {
    for _ in 0..50 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn order_is_kept_when_nothing_fails() {
    for batch_limit in [1, 7, 100] {
        let rows = MemoryRows::up_to(250);
        let receiver = Receiver::new(batch_limit, |_| Reply::OK);
        let lane = Running::lane(&rows, &receiver);
        lane.reaches(250).await;
        lane.stop().await;
        assert_eq!(receiver.accepted(), (1..=250).collect::<Vec<_>>());
        assert_eq!(receiver.sent().len(), 250_usize.div_ceil(batch_limit));
        assert_eq!((rows.tally().delivered, rows.saved().cursor), (250, 250));
    }
}

#[tokio::test(start_paused = true)]
async fn a_flaky_sink_gets_every_event() {
    for (batch_limit, one_in) in [(1, 3), (10, 3), (10, 2), (500, 2)] {
        let rows = MemoryRows::up_to(400);
        let random = AtomicU64::new(1);
        let receiver = Receiver::new(batch_limit, move |_| {
            let next = |x: u64| Some(x.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
            let x = random.fetch_update(Ordering::SeqCst, Ordering::SeqCst, next).unwrap();
            if (x >> 33).is_multiple_of(one_in) { Reply::down() } else { Reply::OK }
        });
        let lane = Running::lane(&rows, &receiver);
        lane.reaches(400).await;
        lane.stop().await;
        let mut accepted = receiver.accepted();
        accepted.sort_unstable();
        assert_eq!(accepted, (1..=400).collect::<Vec<_>>(), "once each");
        assert_eq!((rows.tally().delivered, rows.tally().parked), (400, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_poison_record_is_parked_and_the_rest_flows() {
    for batch_limit in [1, 16, 500] {
        let rows = MemoryRows::up_to(100);
        let receiver = Receiver::new(batch_limit, |sent| {
            if sent.seqs.contains(&23) { Reply::down() } else { Reply::OK }
        });
        let lane = Running::lane(&rows, &receiver);
        let began = Instant::now();
        lane.reaches(100).await;
        assert!(began.elapsed() < seconds(60), "{:?}", began.elapsed());
        assert_eq!(lane.watch.status().state, LaneState::Ok);
        lane.stop().await;
        let parked = rows.parked();
        assert_eq!(parked.len(), 1);
        assert_eq!((parked[0].seq, parked[0].cause), (23, ParkCause::Poison));
        assert_eq!((parked[0].reason.as_str(), parked[0].at), ("503", start()));
        assert!(parked[0].event.as_ref().is_some_and(|event| event.revision() == Some(23)));
        assert_eq!((rows.tally().delivered, rows.tally().parked), (99, 1));
        assert!(rows.saved().done_above.is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_parks_nothing() {
    for batch_limit in [1, 50] {
        let rows = MemoryRows::up_to(300);
        let day = seconds(86_400);
        let receiver =
            Receiver::new(
                batch_limit,
                move |sent| {
                    if sent.after < day { Reply::down() } else { Reply::OK }
                },
            );
        let lane = Running::lane(&rows, &receiver);
        let since = start();
        lane.until(|status| {
            matches!(&status.state, LaneState::Retrying { since: s, reason, attempts }
                if *s == since && reason == "503" && *attempts > 1000)
        })
        .await;
        assert_eq!(rows.tally(), LaneTally::default());
        lane.reaches(300).await;
        lane.stop().await;
        assert_eq!((rows.tally().delivered, rows.tally().parked), (300, 0));
        let failed = receiver.sent().iter().filter(|sent| sent.after < day).count();
        assert!((2000..4500).contains(&failed), "once in half a minute or so: {failed}");
        let accepted = receiver.accepted();
        let late = accepted.windows(2).filter(|pair| pair[0] > pair[1]).count();
        assert!(late <= 1, "the order is kept but for one probe");
    }
}

#[tokio::test(start_paused = true)]
async fn a_blocked_lane_waits_and_probes_once_a_minute() {
    let rows = MemoryRows::up_to(300);
    let receiver = Receiver::new(50, |sent| {
        if sent.after < seconds(600) {
            Reply::Answer(Err(SendError::Blocked { reason: "401".into() }))
        } else {
            Reply::OK
        }
    });
    let lane = Running::lane(&rows, &receiver);
    let blocked = LaneState::Blocked { since: start(), reason: "401".into() };
    lane.until(|status| status.state == blocked).await;
    lane.clock.advance(seconds(60));
    advance(seconds(60)).await;
    rows.append([row(301)]);
    lane.until(|status| status.state == blocked).await;
    lane.reaches(301).await;
    lane.stop().await;
    let sent = receiver.sent();
    for (minute, probe) in (0..10).zip(&sent) {
        assert_eq!((probe.after, &probe.seqs), (seconds(minute * 60), &sent[0].seqs));
    }
    assert_eq!(receiver.accepted(), (1..=301).collect::<Vec<_>>());
    assert_eq!(rows.tally().parked, 0);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_respected() {
    let rows = MemoryRows::up_to(3);
    let receiver = Receiver::new(10, |sent| match sent.number {
        0 => Reply::unavailable(Some(seconds(90))),
        1 => Reply::unavailable(Some(seconds(86_400))),
        _ => Reply::OK,
    });
    let lane = Running::lane(&rows, &receiver);
    lane.reaches(3).await;
    lane.stop().await;
    let after: Vec<_> = receiver.sent().iter().map(|sent| sent.after.as_secs()).collect();
    assert_eq!(after, [0, 90, 690], "and a whole day is not believed");
}

#[tokio::test(start_paused = true)]
async fn a_limited_lane_sends_a_burst_and_then_keeps_its_rate() {
    let rows = MemoryRows::up_to(40);
    let receiver = Receiver::new(1, |sent| match sent.number {
        7 => Reply::down(),
        _ => Reply::OK,
    });
    let rate_limit = RateLimit::new(4.0, 3);
    let settings = LaneSettings { rate_limit, ..LaneSettings::default() };
    let lane = Running::with(&rows, &receiver, settings);
    lane.until(|status| status.delivered == 10).await;
    assert_eq!(lane.watch.status().state, LaneState::Ok, "to wait for its turn is no failure");
    lane.reaches(40).await;
    lane.stop().await;
    let sent: Vec<_> = receiver.sent().iter().map(|sent| sent.after.as_millis()).collect();
    assert_eq!(sent[..6], [0, 0, 0, 250, 500, 750]);
    // A failed request took its token, too.
    let most = |pair: &[u128]| pair[3] - pair[0] >= 248;
    assert!(sent.windows(4).all(most), "{sent:?}");
    assert_eq!((sent.len(), receiver.accepted().len()), (41, 40));
}

#[tokio::test(start_paused = true)]
async fn a_partial_answer_sends_only_the_rest_again() {
    let rows = MemoryRows::up_to(6);
    let receiver = Receiver::new(6, |sent| match sent.number {
        0 => {
            let failed = vec![(1, None), (3, Some("bad date".into())), (4, None)];
            Reply::Answer(Err(SendError::Partial { failed }))
        }
        _ => Reply::OK,
    });
    let lane = Running::lane(&rows, &receiver);
    lane.reaches(6).await;
    lane.stop().await;
    let sent: Vec<_> = receiver.sent().into_iter().map(|sent| sent.seqs).collect();
    assert_eq!(sent, [vec![1, 2, 3, 4, 5, 6], vec![2, 5]]);
    let parked = rows.parked();
    assert_eq!((parked[0].seq, parked[0].cause), (4, ParkCause::Rejected));
    assert_eq!(parked[0].reason, "bad date");
    assert_eq!((rows.tally().delivered, rows.tally().parked), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_silent_receiver_is_tried_again_when_its_time_is_over() {
    let rows = MemoryRows::up_to(1);
    let receiver = Receiver::new(1, |sent| match sent.number {
        0 => Reply::Silence,
        _ => Reply::OK,
    });
    let lane = Running::lane(&rows, &receiver);
    lane.until(|status| {
        matches!(&status.state, LaneState::Retrying { reason, .. }
            if reason == "no answer within 30s")
    })
    .await;
    lane.reaches(1).await;
    lane.stop().await;
    assert_eq!(receiver.accepted(), [1]);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_or_encoded_is_parked_and_counted() {
    let rows = MemoryRows::up_to(5);
    rows.append([Stored { seq: 6, event: Err("checksum".into()) }, row(7)]);
    let receiver = Receiver::without_encoding_for([2, 5], 10, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.reaches(7).await;
    lane.stop().await;
    let parked: Vec<_> = rows
        .parked()
        .into_iter()
        .map(|row| (row.seq, row.cause, row.reason, row.event.is_some()))
        .collect();
    let unreadable = ParkCause::Unreadable;
    let expected = [
        (6, unreadable, "checksum".to_owned(), false),
        (2, unreadable, "no such field".to_owned(), true),
        (5, unreadable, "no such field".to_owned(), true),
    ];
    assert_eq!(parked, expected);
    assert_eq!(receiver.accepted(), [1, 3, 4, 7]);
    assert_eq!((rows.tally().delivered, rows.tally().parked), (4, 3));
}

#[tokio::test(start_paused = true)]
async fn a_batch_in_which_many_have_no_encoding_is_encoded_twice_at_most() {
    for every in [1, 2, 3, 50] {
        let rows = MemoryRows::up_to(500);
        let bad = (1..=500).filter(|seq| seq % every == 0);
        let receiver = Receiver::without_encoding_for(bad.clone(), 500, |_| Reply::OK);
        let lane = Running::lane(&rows, &receiver);
        lane.reaches(500).await;
        lane.stop().await;
        let good: Vec<_> = (1..=500).filter(|seq| seq % every != 0).collect();
        assert_eq!(receiver.accepted(), good);
        assert_eq!(rows.parked().len(), bad.count());
        assert!(receiver.sent().len() <= 1, "{}", receiver.sent().len());
        assert!(receiver.encoded() <= 1000, "{} for one in {every}", receiver.encoded());
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_between_send_and_ack_repeats_with_the_same_rows_only() {
    let rows = MemoryRows::up_to(60);
    let poison_until_crash = Arc::new(AtomicBool::new(true));
    let poison = Arc::clone(&poison_until_crash);
    // Row 1 fails, so that acknowledgements above the cursor are part of what is saved.
    let first = Receiver::new(1, move |sent| match sent.seqs[0] {
        1 if poison.load(Ordering::SeqCst) => Reply::down(),
        _ => Reply::OK,
    });
    let lane = Lane::new(
        rows.saved(),
        Arc::new(simulated::Handle(Arc::clone(&first))),
        rows.clone(),
        LaneSettings::default(),
        Arc::new(event::ManualClock::new(start())),
    );
    let watch = lane.watch();
    // Dropping a lane in the middle is what a crash is.
    let crash = async {
        watch.changes().wait_for(|status| status.delivered == 3).await.unwrap();
    };
    tokio::select! {
        () = lane.run(Stop::new()) => unreachable!(),
        () = crash => {}
    }
    poison_until_crash.store(false, Ordering::SeqCst);
    let saved = rows.saved();
    let second = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &second);
    lane.reaches(60).await;
    lane.stop().await;
    let repeated: Vec<Seq> =
        (second.accepted().into_iter()).filter(|seq| first.accepted().contains(seq)).collect();
    assert!(saved.done_above.len() >= 2, "{saved:?}");
    assert_eq!(first.accepted().len(), 3);
    assert_eq!(repeated.len(), 3 - saved.done_above.len(), "only what was not reported");
    assert_eq!(second.accepted().len(), 60 - saved.done_above.len());
    assert_eq!(rows.saved().cursor, 60);
}

#[tokio::test(start_paused = true)]
async fn progress_is_reported_at_most_once_a_batch_and_often_while_rows_flow() {
    let rows = MemoryRows::up_to(2000);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.reaches(2000).await;
    settle().await;
    assert_eq!(rows.saved().cursor, 2000);
    assert!(rows.reports().len() <= 4, "{}", rows.reports().len());
    lane.stop().await;
}

#[tokio::test(start_paused = true)]
async fn rows_of_other_lanes_move_the_cursor_with_few_reports() {
    let rows = MemoryRows::up_to(0);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    for head in 1..=3000 {
        rows.other_lanes_rows(head);
        advance(Duration::from_millis(10)).await;
        settle().await;
    }
    assert_eq!(lane.watch.status().cursor, 3000);
    let reports = rows.reports().len();
    assert!((5..=7).contains(&reports), "one in five seconds: {reports}");
    lane.stop().await;
    assert_eq!(rows.saved().cursor, 3000);
    assert_eq!(rows.tally(), LaneTally::default());
}

#[tokio::test(start_paused = true)]
async fn the_last_move_of_an_idle_cursor_is_reported_without_another_one() {
    let rows = MemoryRows::up_to(1);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.reaches(1).await;
    rows.other_lanes_rows(50);
    lane.reaches(50).await;
    settle().await;
    assert_eq!(rows.saved().cursor, 1);
    advance(REPORT_IDLE_EVERY).await;
    settle().await;
    assert_eq!(rows.saved().cursor, 50);
    lane.stop().await;
    assert_eq!(rows.reports().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_slow_lane_never_delays_another() {
    let rows = MemoryRows::up_to(100);
    let slow = Receiver::new(1, |_| Reply::Silence);
    let quick = Receiver::new(1, |_| Reply::OK);
    let slow = Running::lane(&rows, &slow);
    let lane = Running::lane(&rows, &quick);
    let began = Instant::now();
    lane.reaches(100).await;
    assert_eq!(began.elapsed(), Duration::ZERO);
    assert_eq!(slow.watch.status().cursor, 0);
    lane.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_request_in_flight_and_leaves_the_rest() {
    let rows = MemoryRows::up_to(100);
    let receiver = Receiver::new(10, |sent| match sent.number {
        4 => Reply::Silence,
        _ => Reply::OK,
    });
    let lane = Running::lane(&rows, &receiver);
    lane.until(|status| status.delivered == 40).await;
    settle().await;
    let (began, watch) = (Instant::now(), lane.watch.clone());
    lane.stop().await;
    assert_eq!(began.elapsed(), LaneSettings::default().grace);
    assert_eq!(watch.status().state, LaneState::Stopped);
    assert!(!watch.reaches(100).await);
    assert_eq!((rows.saved().cursor, rows.tally().delivered), (40, 40));
    assert_eq!((receiver.sent().len(), receiver.closed()), (5, 1));
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_a_pause_at_once() {
    let rows = MemoryRows::up_to(1);
    let receiver = Receiver::new(1, |_| Reply::unavailable(Some(seconds(500))));
    let lane = Running::lane(&rows, &receiver);
    lane.until(|status| status.state != LaneState::Ok).await;
    let began = Instant::now();
    lane.ask_to_stop();
    lane.stop().await;
    assert_eq!(began.elapsed(), Duration::ZERO);
}

#[tokio::test(start_paused = true)]
async fn drained_says_what_is_left_when_the_time_is_up() {
    let rows = MemoryRows::up_to(30);
    let quick = Receiver::new(1, |_| Reply::OK);
    let stuck = Receiver::new(1, |sent| match sent.seqs[0] {
        8.. => Reply::Silence,
        _ => Reply::OK,
    });
    let quick = Running::lane(&rows, &quick);
    assert_eq!(drained(from_ref(&quick.watch), &rows, seconds(5)).await, []);
    quick.stop().await;
    let rows = MemoryRows::up_to(30);
    let lane = Running::lane(&rows, &stuck);
    let lanes = [lane.watch.clone()];
    let left = Left { lane: lane.name().clone(), rows: 23 };
    assert_eq!(drained(&lanes, &rows, seconds(5)).await, [left]);
    lane.stop().await;
}

#[tokio::test(start_paused = true)]
async fn a_journal_that_cannot_be_read_is_tried_again() {
    let rows = MemoryRows::up_to(5);
    rows.fail(true);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.until(|status| {
        matches!(&status.state, LaneState::Retrying { reason, attempts: 3, .. }
            if reason == "the journal cannot be used: disk on fire")
    })
    .await;
    rows.fail(false);
    lane.reaches(5).await;
    assert_eq!(lane.watch.status().state, LaneState::Ok);
    lane.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_status_tells_what_was_done_and_how_late() {
    let rows = MemoryRows::up_to(0);
    let receiver = Receiver::new(5, |_| Reply::OK);
    let lane = Running::lane(&rows, &receiver);
    lane.clock.advance(Duration::from_millis(400));
    rows.append((1..=10).map(row));
    lane.reaches(10).await;
    let status = lane.watch.status();
    assert_eq!((status.delivered, status.parked, status.state), (10, 0, LaneState::Ok));
    assert_eq!(status.last_delivered, Some(start() + Duration::from_millis(400)));
    let lag = status.lag.unwrap();
    assert!((400..500).contains(&lag.p99.as_millis()), "{lag:?}");
    lane.stop().await;
}
