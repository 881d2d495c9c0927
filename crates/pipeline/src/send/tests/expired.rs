//! Events that are too old to be shown, and the digest that tells of them.

use super::*;

/// The numbers of the rows; a digest has none of its own but 0.
const DIGEST: u64 = 0;

fn for_people() -> LaneSettings {
    LaneSettings { max_age: Some(seconds(900)), ..LaneSettings::default() }
}

/// Virtual time, for waiting and for events.
async fn pass(lane: &Running, time: Duration) {
    lane.clock.advance(time);
    advance(time).await;
    settle().await;
}

#[tokio::test(start_paused = true)]
async fn what_grew_too_old_while_a_receiver_was_down_is_told_in_one_digest() {
    for concurrency in [1, 4] {
        let rows = MemoryRows::up_to(0);
        let receiver = Receiver::new(10, |sent| {
            if sent.after < seconds(6 * 3600) { Reply::down() } else { Reply::OK }
        });
        let settings = LaneSettings { concurrency, ..for_people() };
        let lane = Running::with(&rows, &receiver, settings);
        for minute in 0..400 {
            let first = minute * 20 + 1;
            let time = start() + jiff::SignedDuration::from_mins(minute.try_into().unwrap());
            rows.append((first..first + 20).map(|seq| happened(seq, seq % 7, time)));
            pass(&lane, seconds(60)).await;
        }
        lane.reaches(8000).await;
        lane.stop().await;
        let accepted = receiver.accepted();
        assert_eq!(accepted.iter().filter(|seq| **seq == DIGEST).count(), 1, "one digest");
        assert_eq!(accepted[0], DIGEST, "before all else");
        let mut shown = accepted[1..].to_vec();
        shown.sort_unstable();
        let first = shown[0];
        assert_eq!(
            shown,
            (first..=8000).collect::<Vec<_>>(),
            "once each, all that were young enough"
        );
        assert!((6800..7000).contains(&first), "{first}");
        let tally = rows.tally();
        assert_eq!((tally.expired, tally.delivered, tally.parked), (first - 1, 8001 - first, 0));
        assert_eq!(rows.not_shown(), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_crash_neither_forgets_nor_doubles_what_was_not_shown() {
    let rows = MemoryRows::up_to(1000);
    let down = Receiver::new(10, |_| Reply::down());
    let lane = Running::with(&rows, &down, for_people());
    pass(&lane, seconds(3600)).await;
    pass(&lane, seconds(60)).await;
    lane.stop().await;
    let before = rows.not_shown().unwrap();
    assert_eq!((before.rows, rows.tally().expired, rows.saved().cursor), (1000, 1000, 1000));
    // Also what came in while nobody ran.
    rows.append((1001..=1200).map(row));
    let receiver = Receiver::new(10, |_| Reply::OK);
    let lane = Running::with_clock(&rows, &receiver, for_people(), lane_clock(seconds(3700)));
    lane.reaches(1200).await;
    lane.until(|status| status.state == LaneState::Ok && status.attempts.success > 0).await;
    settle().await;
    lane.stop().await;
    assert_eq!(receiver.accepted(), [DIGEST]);
    assert_eq!((rows.tally().expired, rows.not_shown()), (1200, None));
}

#[tokio::test(start_paused = true)]
async fn a_replay_is_never_too_old_and_without_an_age_nothing_is() {
    let rows = MemoryRows::up_to(0);
    rows.append((1..=5).map(replayed));
    let receiver = Receiver::new(10, |_| Reply::OK);
    let lane = Running::with_clock(&rows, &receiver, for_people(), lane_clock(seconds(7200)));
    lane.reaches(5).await;
    assert_eq!(receiver.accepted(), [1, 2, 3, 4, 5]);
    let rows = MemoryRows::up_to(5);
    let receiver = Receiver::new(10, |_| Reply::OK);
    let settings = LaneSettings::default();
    let lane = Running::with_clock(&rows, &receiver, settings, lane_clock(seconds(7200)));
    lane.reaches(5).await;
    assert_eq!(receiver.accepted(), [1, 2, 3, 4, 5]);
}

#[tokio::test(start_paused = true)]
async fn a_digest_that_a_receiver_refuses_for_good_is_given_up() {
    let rows = MemoryRows::up_to(5);
    let receiver = Receiver::new(10, |sent| {
        if sent.seqs == [DIGEST] {
            Reply::Answer(Err(SendError::Rejected { reason: "422".into() }))
        } else {
            Reply::OK
        }
    });
    let clock = lane_clock(seconds(7200));
    let time = clock.now();
    let lane = Running::with_clock(&rows, &receiver, for_people(), clock);
    rows.append([happened(6, 1, time)]);
    lane.reaches(6).await;
    lane.stop().await;
    assert_eq!(receiver.accepted(), [6]);
    assert_eq!((rows.tally().expired, rows.not_shown()), (5, None));
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_only_slow_is_told_now_and_then_and_not_all_the_time() {
    let rows = MemoryRows::up_to(0);
    let receiver = Receiver::new(1, |_| Reply::OK);
    let rate_limit = super::super::RateLimit::new(1.0 / 60.0, 1);
    let lane = Running::with(&rows, &receiver, LaneSettings { rate_limit, ..for_people() });
    for minute in 0..300 {
        let time = start() + jiff::SignedDuration::from_mins(minute);
        let first = minute.unsigned_abs() * 3 + 1;
        rows.append((first..first + 3).map(|seq| happened(seq, seq % 7, time)));
        pass(&lane, seconds(60)).await;
    }
    lane.stop().await;
    let digests = receiver.accepted().iter().filter(|seq| **seq == DIGEST).count();
    assert!((10..=20).contains(&digests), "{digests}");
    let tally = rows.tally();
    assert!(tally.delivered > 250 - 20, "{tally:?}");
    assert!(tally.expired > 500, "{tally:?}");
}
