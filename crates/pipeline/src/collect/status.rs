//! What the collector tells of itself, for health and for people.

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
