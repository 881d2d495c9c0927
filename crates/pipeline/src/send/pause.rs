//! What a lane waits for before its next step.

use std::time::Duration;

use event::journal::Seq;
use tokio::{
    sync::watch,
    time::{sleep, timeout},
};

use super::unsaved::REPORT_EVERY;

/// What to do before the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Pause {
    None,
    For(Duration),
    UntilRows,
    /// For rows that go with those at hand, so long at most.
    ForMore(Duration),
    /// For the answer to a request.
    UntilAnswered,
}

impl Pause {
    /// Until this or the other is over.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::None, _) | (_, Self::None) => Self::None,
            (Self::UntilAnswered, pause) | (pause, Self::UntilAnswered) => pause,
            (Self::UntilRows, Self::UntilRows) => Self::UntilRows,
            (Self::For(one), Self::For(two)) => Self::For(one.min(two)),
            (Self::For(one) | Self::ForMore(one), Self::For(two) | Self::ForMore(two)) => {
                Self::ForMore(one.min(two))
            }
            (Self::UntilRows, Self::For(time) | Self::ForMore(time))
            | (Self::For(time) | Self::ForMore(time), Self::UntilRows) => Self::ForMore(time),
        }
    }

    /// Whether progress must not wait until it is over.
    pub(super) fn is_long(self) -> bool {
        match self {
            Self::None | Self::UntilAnswered => false,
            Self::For(time) | Self::ForMore(time) => time >= REPORT_EVERY,
            Self::UntilRows => true,
        }
    }

    /// Waits until it is over; after the first new row for `linger`, so that others come with it.
    pub(super) async fn over(self, head: &mut watch::Receiver<Seq>, linger: Duration) {
        match self {
            Self::None => {}
            Self::For(time) => sleep(time).await,
            Self::UntilRows => rows(head, linger).await,
            Self::UntilAnswered => std::future::pending().await,
            Self::ForMore(time) => drop(timeout(time, rows(head, linger)).await),
        }
    }
}

async fn rows(head: &mut watch::Receiver<Seq>, linger: Duration) {
    match head.changed().await {
        Ok(()) => sleep(linger).await,
        // Without its sender no more rows can come: only the stop is left to wait for.
        Err(_) => std::future::pending().await,
    }
}
