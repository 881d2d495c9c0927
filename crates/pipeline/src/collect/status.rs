//! What the collector tells of itself, for health and for people.

use std::collections::BTreeMap;

use event::journal::Position;

/// What the collector is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Status {
    /// In one word.
    pub phase: Phase,
    /// The position, once there is one.
    pub position: Option<Position>,
    /// Live Events.
    pub live: usize,
    /// What is wrong, while it is.
    pub trouble: Option<String>,
    /// What the newest list brought.
    pub listed: Option<Listed>,
    /// How often following had to begin anew, by the word for the reason.
    pub restarts: BTreeMap<&'static str, u64>,
}

impl Status {
    pub(super) fn restarted(&mut self, why: &'static str) {
        *self.restarts.entry(why).or_default() += 1;
    }
}

/// See [`Status::phase`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Phase {
    /// Nothing has been asked yet.
    #[default]
    Starting,
    /// A list is running.
    Listing,
    /// A watch is open and trusted.
    Watching,
    /// Waiting before the next attempt.
    Waiting,
    /// Ended.
    Stopped,
}

/// What a list brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Listed {
    /// Items.
    pub items: u64,
    /// Items that were there before the first look and were not sent.
    pub baseline: u64,
    /// Pages it took.
    pub pages: u64,
    /// Milliseconds it took.
    pub millis: u64,
}
