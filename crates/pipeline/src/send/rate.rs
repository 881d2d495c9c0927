//! No more requests than a receiver is said to bear: a token bucket, without a timer of its own.
//!
//! Kept as the moment at which the bucket would be full again (the generic cell rate algorithm), so that
//! nothing is rounded, and nothing has to be filled while a lane sleeps.

use std::time::Duration;

use tokio::time::Instant;

/// The fewest requests a second that can be asked for: about one a day.
const LEAST_PER_SECOND: f64 = 1e-5;

/// The most requests a second that can be asked for.
const MOST_PER_SECOND: f64 = 1e6;

/// The most requests that a lane may send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateLimit {
    /// One request earns its place in this time.
    interval: Duration,
    /// So many can go at once after a quiet time.
    burst: u32,
}

impl RateLimit {
    /// `per_second` requests a second, and after a quiet time `burst` at once, one at least. Nothing comes
    /// back for a rate that is not between 0.00001 (about one a day) and 1000000.
    pub fn new(per_second: f64, burst: u32) -> Option<Self> {
        let possible = (LEAST_PER_SECOND..=MOST_PER_SECOND).contains(&per_second);
        let interval = possible.then(|| Duration::from_secs_f64(per_second.recip()));
        interval.map(|interval| Self { interval, burst: burst.max(1) })
    }
}

/// The bucket of one lane; full at first.
#[derive(Debug)]
pub(super) struct Bucket {
    limit: Option<RateLimit>,
    full_at: Option<Instant>,
}

impl Bucket {
    /// Without a limit everything may go.
    pub(super) fn new(limit: Option<RateLimit>) -> Self {
        Self { limit, full_at: None }
    }

    /// Takes a token for a request at `now`, or says how long there is none.
    pub(super) fn take(&mut self, now: Instant) -> Result<(), Duration> {
        let Some(RateLimit { interval, burst }) = self.limit else { return Ok(()) };
        let full_at = self.full_at.map_or(now, |at| at.max(now));
        let spare = interval.saturating_mul(burst - 1);
        let missing = full_at.duration_since(now).saturating_sub(spare);
        if missing > Duration::ZERO {
            return Err(missing);
        }
        self.full_at = Some(full_at + interval);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rates_that_nobody_can_mean_are_refused() {
        for rate in [0.0, -1.0, 1e-6, 1e7, f64::NAN, f64::INFINITY] {
            assert_eq!(RateLimit::new(rate, 1), None, "{rate}");
        }
        let slow = RateLimit::new(0.5, 0).unwrap();
        assert_eq!(slow, RateLimit { interval: Duration::from_secs(2), burst: 1 });
    }

    #[test]
    fn without_a_limit_nothing_waits() {
        let (mut bucket, now) = (Bucket::new(None), Instant::now());
        assert!((0..10_000).all(|_| bucket.take(now) == Ok(())));
    }

    #[test]
    fn a_burst_goes_at_once_and_then_one_an_interval() {
        let mut bucket = Bucket::new(RateLimit::new(2.0, 3));
        let begin = Instant::now();
        let at = |millis| begin + Duration::from_millis(millis);
        let answers = [0, 0, 0, 0, 400, 500, 500, 2000, 2000, 2000, 2000];
        let answers = answers.map(|millis| bucket.take(at(millis)).map_err(|it| it.as_millis()));
        let expected = [
            Ok(()),
            Ok(()),
            Ok(()),
            Err(500),
            Err(100),
            Ok(()),
            Err(500),
            Ok(()),
            Ok(()),
            Ok(()),
            Err(500),
        ];
        assert_eq!(answers, expected);
    }

    proptest! {
        /// Whoever waits as told is let through then, and no stretch of time sees more than its share.
        #[test]
        fn no_stretch_sees_more_than_its_share_and_nobody_waits_longer_than_told(
            per_second in 1u32..200,
            burst in 1u32..20,
            pauses in prop::collection::vec(0u64..300, 1..120),
        ) {
            let limit = RateLimit::new(f64::from(per_second), burst).unwrap();
            let mut bucket = Bucket::new(Some(limit));
            let mut now = Instant::now();
            let mut passed = Vec::new();
            for pause in pauses {
                now += Duration::from_millis(pause);
                if let Err(wait) = bucket.take(now) {
                    prop_assert!(wait > Duration::ZERO && wait <= limit.interval);
                    let early = now + wait - Duration::from_nanos(1);
                    prop_assert!(bucket.take(early).is_err());
                    now += wait;
                    prop_assert_eq!(bucket.take(now), Ok(()));
                }
                passed.push(now);
            }
            for (first, from) in passed.iter().enumerate() {
                for (count, until) in (1u32..).zip(&passed[first..]) {
                    let time = until.duration_since(*from);
                    let least = limit.interval.saturating_mul(count.saturating_sub(burst));
                    prop_assert!(time >= least, "{} within {:?}", count, time);
                }
            }
        }
    }
}
