//! How a lane sends: sizes and times.

use std::time::Duration;

use super::{BackoffSettings, BatchSettings, RateLimit};

/// How a lane sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LaneSettings {
    /// The most rows to hold in memory at once; a request holds no more than its sink allows either.
    pub batch_rows: usize,
    /// The most bytes of rows to read at once.
    pub batch_bytes: usize,
    /// How long to gather rows after a quiet moment: twenty lanes then make twenty requests, not two
    /// hundred, of what comes within it.
    pub linger: Duration,
    /// What one request may hold, and how long it is waited until it does.
    pub batch: BatchSettings,
    /// The most requests under way at once, 1 at least. Events of one object keep their order.
    pub concurrency: usize,
    /// The most requests; nothing is as many as the receiver takes.
    pub rate_limit: Option<RateLimit>,
    /// How long a receiver may take to answer.
    pub attempt_timeout: Duration,
    /// How long to wait between attempts.
    pub backoff: BackoffSettings,
    /// Older events are not sent, but told of in one digest; nothing is never too old.
    pub max_age: Option<Duration>,
    /// How often a receiver that refuses us is asked again.
    pub probe_every: Duration,
    /// How long a request in flight is waited for when the lane stops, and the sink's close.
    pub grace: Duration,
}

impl Default for LaneSettings {
    fn default() -> Self {
        Self {
            batch_rows: 500,
            batch_bytes: 4 << 20,
            linger: Duration::from_millis(10),
            batch: BatchSettings::default(),
            concurrency: 1,
            rate_limit: None,
            attempt_timeout: Duration::from_secs(30),
            backoff: BackoffSettings::default(),
            max_age: None,
            probe_every: Duration::from_secs(60),
            grace: Duration::from_secs(10),
        }
    }
}
