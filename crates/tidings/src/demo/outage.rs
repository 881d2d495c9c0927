//! How long something was not there, once or several times.

use std::time::Duration;

use tokio::time::Instant;

/// See the module.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    before: Duration,
}

impl Outage {
    /// It is gone.
    pub(super) fn begin(&mut self) {
        self.since.get_or_insert_with(Instant::now);
    }

    /// It is back, or was never gone.
    pub(super) fn end(&mut self) {
        self.before = self.total();
        self.since = None;
    }

    /// Whether it is gone now.
    pub(super) fn lasts(self) -> bool {
        self.since.is_some()
    }

    /// For how long it was gone in all.
    pub(super) fn total(self) -> Duration {
        self.before + self.since.map_or(Duration::ZERO, |since| since.elapsed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn outages_add_up_and_only_they_count() {
        let mut outage = Outage::default();
        for _ in 0..2 {
            tokio::time::advance(Duration::from_secs(5)).await;
            outage.begin();
            tokio::time::advance(Duration::from_secs(2)).await;
            assert!(outage.lasts());
            outage.end();
        }
        outage.end();
        assert_eq!((outage.total(), outage.lasts()), (Duration::from_secs(4), false));
    }
}
