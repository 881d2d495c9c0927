//! How long to wait before the next attempt, at a receiver or at the API server: exponential, with full
//! jitter so that many do not knock in step, and never sooner than was asked for.

use std::time::Duration;

/// How to wait between attempts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BackoffSettings {
    /// The most to wait after the first failure; doubles with each one that follows.
    pub base: Duration,
    /// The most to wait, whatever happens.
    pub cap: Duration,
    /// The most of a `Retry-After` that is believed.
    pub retry_after_cap: Duration,
}

impl Default for BackoffSettings {
    fn default() -> Self {
        Self {
            base: Duration::from_millis(500),
            cap: Duration::from_secs(60),
            retry_after_cap: Duration::from_secs(600),
        }
    }
}

/// Turns the number of failures into a delay. Pure but for its own stream of random numbers.
#[derive(Debug)]
pub struct Backoff {
    settings: BackoffSettings,
    random: Random,
}

impl Backoff {
    /// Waits by `settings`; the random part follows from `seed`.
    pub fn new(settings: BackoffSettings, seed: u64) -> Self {
        Self { settings, random: Random::new(seed) }
    }

    /// The delay after `failures` failures in a row; at least what the receiver asked for, as far as
    /// that is believed.
    pub fn delay(&mut self, failures: u32, asked: Option<Duration>) -> Duration {
        let doublings = failures.saturating_sub(1).min(20);
        let most = self.settings.base.saturating_mul(1 << doublings);
        let jittered = self.random.up_to(most.min(self.settings.cap));
        let asked = asked.unwrap_or_default().min(self.settings.retry_after_cap);
        jittered.max(asked)
    }
}

/// xorshift64*: good enough to spread delays, and the same in every run of a test.
#[derive(Debug)]
struct Random(u64);

impl Random {
    fn new(seed: u64) -> Self {
        // The state must not be 0, and near seeds must not begin alike.
        Self((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    fn up_to(&mut self, most: Duration) -> Duration {
        let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
        let scaled = (u128::from(nanos) * u128::from(self.next())) >> 64;
        Duration::from_nanos(u64::try_from(scaled).unwrap_or(nanos))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn delays_double_to_the_cap_and_use_the_whole_range() {
        let mut backoff = Backoff::new(BackoffSettings::default(), 1);
        for (failures, most) in [(1, 0.5), (2, 1.0), (3, 2.0), (7, 32.0), (8, 60.0), (4000, 60.0)] {
            let delays: Vec<f64> =
                (0..2000).map(|_| backoff.delay(failures, None).as_secs_f64()).collect();
            let longest = delays.iter().copied().fold(0.0, f64::max);
            let shortest = delays.iter().copied().fold(f64::MAX, f64::min);
            assert!(longest <= most && longest > most * 0.98, "{failures}: {longest}");
            assert!(shortest < most * 0.02, "{failures}: {shortest}");
        }
    }

    #[test]
    fn a_retry_after_is_respected_but_not_without_bound() {
        let mut backoff = Backoff::new(BackoffSettings::default(), 1);
        let asked = Duration::from_secs(90);
        assert_eq!(backoff.delay(1, Some(asked)), asked);
        let a_day = Duration::from_secs(86_400);
        assert_eq!(backoff.delay(1, Some(a_day)), Duration::from_secs(600));
    }

    proptest! {
        #[test]
        fn the_same_seed_gives_the_same_delays(seed in any::<u64>(), failures in 0u32..100) {
            let mut one = Backoff::new(BackoffSettings::default(), seed);
            let mut other = Backoff::new(BackoffSettings::default(), seed);
            for _ in 0..5 {
                prop_assert_eq!(one.delay(failures, None), other.delay(failures, None));
            }
        }
    }
}
