//! How long to wait between two rounds with the API server.

use std::time::Duration;

use super::api::ApiError;
use crate::backoff::{Backoff, BackoffSettings};

/// Between two attempts to reach the API server.
pub const BACKOFF: BackoffSettings = BackoffSettings {
    base: Duration::from_millis(250),
    cap: Duration::from_secs(30),
    retry_after_cap: Duration::from_secs(600),
};

/// A round that is over within this time was a short one.
const SHORT: Duration = Duration::from_secs(2);

/// Remembers how it went.
#[derive(Debug)]
pub(super) struct Pace {
    backoff: Backoff,
    /// Attempts that failed since something went well.
    failures: u32,
    /// Rounds in a row that were over at once.
    short_rounds: u32,
}

impl Pace {
    pub(super) fn new(seed: u64) -> Self {
        Self { backoff: Backoff::new(BACKOFF, seed), failures: 0, short_rounds: 0 }
    }

    /// Something was read.
    pub(super) fn went_well(&mut self) {
        self.failures = 0;
    }

    /// How long to wait after trouble, at least what the server asked for.
    pub(super) fn after_trouble(&mut self, error: &ApiError) -> Duration {
        let asked = match error {
            ApiError::Busy { retry_after, .. } => *retry_after,
            _ => None,
        };
        self.failures = self.failures.saturating_add(1);
        self.backoff.delay(self.failures, asked)
    }

    /// How long to wait after a round without trouble. A server that ends every watch at once must not
    /// be asked without end; the first short round costs nothing, it is how a stale position shows.
    pub(super) fn after_round(&mut self, lasted: Duration) -> Duration {
        self.short_rounds = if lasted < SHORT { self.short_rounds.saturating_add(1) } else { 0 };
        match self.short_rounds {
            0 | 1 => Duration::ZERO,
            more => self.backoff.delay(more, None),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_that_ends_every_round_at_once_is_asked_ever_less() {
        let mut pace = Pace::new(7);
        let pauses: Vec<_> = (0..40).map(|_| pace.after_round(Duration::ZERO)).collect();
        assert_eq!(pauses[0], Duration::ZERO);
        assert!(pauses.iter().sum::<Duration>() > Duration::from_secs(120), "{pauses:?}");
        assert_eq!(pace.after_round(SHORT), Duration::ZERO);
    }

    #[test]
    fn a_wish_of_the_server_is_respected() {
        let retry_after = Some(Duration::from_secs(9));
        let busy = ApiError::Busy { status: 429, message: String::new(), retry_after };
        assert!(Pace::new(7).after_trouble(&busy) >= Duration::from_secs(9));
    }
}
