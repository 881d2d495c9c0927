//! One request: sent once, and never by a replica that leads no more.

use std::sync::Arc;

use event::{Payload, SendError, journal::Seq};
use tokio::time::{Instant, timeout};

use super::{Lane, Rows, delivery::Attempt};
use crate::lease::{Fence, Floor};

/// What a receiver said to a request.
#[derive(Debug)]
pub(super) struct Answer {
    /// The strand that sent it, and what; nothing for a digest.
    pub(super) attempt: Option<(usize, Attempt)>,
    pub(super) payload: Arc<Payload>,
    pub(super) began: Instant,
    pub(super) said: Result<(), SendError>,
}

/// Until when a lane may send, and what another replica has sent already.
#[derive(Debug, Clone)]
pub struct Mandate {
    /// Closed, nothing is sent.
    pub fence: Fence,
    /// Left out, and counted as suppressed, of the rows up to `upto`; later ones were routed knowing of it.
    pub floor: Floor,
    /// The newest row when this began.
    pub upto: Seq,
}

impl Mandate {
    /// Of who was never anything but alone.
    pub fn alone() -> Self {
        Self { fence: Fence::none(), floor: Floor::default(), upto: 0 }
    }
}

impl<R: Rows> Lane<R> {
    /// The same, for as long and as far as `mandate` says.
    #[must_use]
    pub fn under(self, mandate: Mandate) -> Self {
        Self { mandate, ..self }
    }

    /// Sends the payload of an attempt, once.
    pub(super) fn send(
        &self,
        attempt: Option<(usize, Attempt)>,
        payload: Arc<Payload>,
    ) -> impl Future<Output = Answer> + Send + use<R> {
        let (sink, limit) = (Arc::clone(&self.sink), self.settings.attempt_timeout);
        let began = self.reporter.sending(self.window().oldest());
        let closed = self.mandate.fence.closed();
        async move {
            let sent = timeout(limit, sink.send(&payload));
            let unavailable = |reason| Err(SendError::Unavailable { reason, retry_after: None });
            let said = tokio::select! {
                biased;
                () = closed => unavailable("another replica may lead by now".into()),
                said = sent => said.unwrap_or_else(|_| {
                    unavailable(format!("no answer within {limit:?}"))
                }),
            };
            Answer { attempt, payload, began, said }
        }
    }
}
