//! What is counted about enrichment, for the metrics page.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counters that only grow, but for [`Stats::held`].
#[derive(Debug, Default)]
pub struct Stats {
    /// Objects that were known when an event asked for them.
    pub hits: Counter,
    /// Objects that were asked of the API server, each by one GET.
    pub asked: Counter,
    /// GETs that found no such object, or no such kind.
    pub not_found: Counter,
    /// GETs that were refused (403): one a kind, and one more every five minutes.
    pub forbidden: Counter,
    /// Objects that stayed unknown because their kind is refused.
    pub refused: Counter,
    /// GETs that were not made because there were too many.
    pub throttled: Counter,
    /// GETs that failed otherwise.
    pub errors: Counter,
    /// Requests for the kinds that the API server serves.
    pub discoveries: Counter,
    /// Events that had to wait for their object.
    pub held_total: Counter,
    /// Events that wait now.
    pub held: Counter,
    /// Events that were routed although something that was asked for is not known.
    pub incomplete: Counter,
    /// Events that were not waited for any longer because too many waited.
    pub crowded_out: Counter,
}

/// A number that many may change at once.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(super) fn count(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn subtract(&self, number: usize) {
        self.0.fetch_sub(number as u64, Ordering::Relaxed);
    }
}
