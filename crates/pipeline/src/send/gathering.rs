//! Fuller requests: how long a lane waits for more events before it sends what it has.

use std::time::Duration;

use tokio::time::Instant;

/// What one request may hold, and how long it is waited until it does. A receiver's own limits count beside it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchSettings {
    /// The most events, 1 at least.
    pub events: usize,
    /// The most bytes of a body; one event alone may be larger.
    pub bytes: usize,
    /// A request that is not full waits so long for more events; 0 sends what is there.
    pub wait: Duration,
}

impl Default for BatchSettings {
    fn default() -> Self {
        Self { events: usize::MAX, bytes: usize::MAX, wait: Duration::ZERO }
    }
}

/// How long the next request has been waited for.
#[derive(Debug)]
pub(super) struct Gathering {
    wait: Duration,
    since: Option<Instant>,
    tried: bool,
}

impl Gathering {
    pub(super) fn new(wait: Duration) -> Self {
        Self { wait, since: None, tried: false }
    }

    /// Whether a request waits at all: never one that was sent before, and is to be sent again.
    pub(super) fn is_on(&self) -> bool {
        !self.tried && self.wait > Duration::ZERO
    }

    /// A request could be sent at `now`, and is not full: how long it waits from then on.
    pub(super) fn left(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let left = self.wait.saturating_sub(now.duration_since(since));
        (left > Duration::ZERO).then_some(left)
    }

    /// A request is sent.
    pub(super) fn sent(&mut self) {
        self.tried = true;
    }

    /// Events came to an end: the next request begins with others.
    pub(super) fn settled(&mut self) {
        (self.since, self.tried) = (None, false);
    }
}
