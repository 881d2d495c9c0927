//! How long to wait before the next attempt: full jitter, so that a thousand clients that failed
//! together do not come back together.

use std::time::Duration;

/// Grows from attempt to attempt until [`Backoff::reset`].
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    longest: Duration,
    attempts: u32,
    random: u64,
}

/// The longest time a server may ask for.
const LONGEST_WISH: Duration = Duration::from_secs(600);

impl Backoff {
    /// Waits between nothing and `first`, then twice that, up to `longest`; `seed` decides where
    /// between.
    pub fn new(first: Duration, longest: Duration, seed: u64) -> Self {
        Self { first, longest, attempts: 0, random: seed | 1 }
    }

    /// The next wait: at least what the server asked for.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        let limit = self.first.saturating_mul(1 << self.attempts.min(16)).min(self.longest);
        self.attempts = self.attempts.saturating_add(1);
        // xorshift64: any sequence will do that differs from process to process.
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        let share = f64::from((self.random >> 32) as u32) / f64::from(u32::MAX);
        let wish = asked.unwrap_or_default().min(LONGEST_WISH);
        wish + limit.mul_f64(share)
    }

    /// The last attempt went well.
    pub fn reset(&mut self) {
        self.attempts = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_their_limit_and_start_over_after_success() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(5), 7);
        let mut longest = Duration::ZERO;
        for attempt in 0..40 {
            let wait = backoff.next(None);
            assert!(wait <= Duration::from_secs(5), "attempt {attempt}: {wait:?}");
            longest = longest.max(wait);
        }
        assert!(longest > Duration::from_secs(3));
        backoff.reset();
        assert!(backoff.next(None) <= Duration::from_millis(100));
    }

    #[test]
    fn a_servers_wish_is_respected_within_reason() {
        let mut backoff = Backoff::new(Duration::from_millis(1), Duration::from_millis(1), 7);
        assert!(backoff.next(Some(Duration::from_secs(9))) >= Duration::from_secs(9));
        assert!(backoff.next(Some(Duration::MAX)) < Duration::from_secs(601));
    }
}
