//! Time that goes faster than ours, so that a day can be seen in minutes.

use std::sync::Arc;

use event::Clock;
use jiff::{SignedDuration, Timestamp};

/// A clock that runs at a multiple of another.
#[derive(Debug)]
pub struct FastClock {
    base: Arc<dyn Clock>,
    begun: Timestamp,
    start: Timestamp,
    speed: f64,
    /// It does not run ahead of the base, but goes on with it.
    catches_up: bool,
}

impl FastClock {
    /// Starts now and runs ahead.
    pub fn ahead(base: Arc<dyn Clock>, speed: f64) -> Self {
        let now = base.now();
        Self { base, begun: now, start: now, speed, catches_up: false }
    }

    /// Starts at a time in the past, and is a common clock once it has caught up.
    pub fn catching_up(base: Arc<dyn Clock>, start: Timestamp, speed: f64) -> Self {
        let begun = base.now();
        Self { base, begun, start, speed, catches_up: true }
    }
}

impl Clock for FastClock {
    fn now(&self) -> Timestamp {
        let now = self.base.now();
        let passed = now.duration_since(self.begun).as_secs_f64() * self.speed;
        let passed = SignedDuration::try_from_secs_f64(passed).unwrap_or(SignedDuration::MAX);
        let fast = self.start.checked_add(passed).unwrap_or(Timestamp::MAX);
        if self.catches_up { fast.min(now) } else { fast }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use event::ManualClock;

    use super::*;

    #[test]
    fn a_clock_that_catches_up_becomes_a_common_one() {
        let hour = Duration::from_secs(3600);
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let base = Arc::new(ManualClock::new(start + 24 * hour));
        let clock = FastClock::catching_up(Arc::clone(&base) as Arc<dyn Clock>, start, 25.0);
        assert_eq!(clock.now(), start);
        base.advance(hour / 2);
        assert_eq!(clock.now(), start + hour * 25 / 2);
        base.advance(hour / 2);
        assert_eq!(clock.now(), base.now());
        base.advance(hour);
        assert_eq!(clock.now(), base.now());
    }

    #[test]
    fn a_clock_can_run_ahead() {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let base = Arc::new(ManualClock::new(start));
        let clock = FastClock::ahead(Arc::clone(&base) as Arc<dyn Clock>, 60.0);
        base.advance(Duration::from_secs(2));
        assert_eq!(clock.now(), start + Duration::from_secs(120));
    }
}
