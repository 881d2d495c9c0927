//! Several addresses of one destination, taken in turn. One that does not answer is left alone for a while, as long as
//! there is another.

use std::sync::{
    Arc, Mutex, PoisonError,
    atomic::{AtomicUsize, Ordering},
};

use event::{Clock, SendError};
use jiff::{SignedDuration, Timestamp};
use reqwest::StatusCode;

use crate::{
    answer::Answer,
    http::{Http, Request},
};

/// So long an address that failed is not taken while another one may do.
const REST: SignedDuration = SignedDuration::from_secs(30);

/// The addresses of one destination.
#[derive(Debug)]
pub(crate) struct Hosts {
    all: Vec<Host>,
    turn: AtomicUsize,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
struct Host {
    http: Http,
    failed: Mutex<Option<Timestamp>>,
}

impl Hosts {
    /// There must be one at least.
    pub(crate) fn new(hosts: Vec<Http>, clock: Arc<dyn Clock>) -> Self {
        let host = |http| Host { http, failed: Mutex::default() };
        Self { all: hosts.into_iter().map(host).collect(), turn: AtomicUsize::new(0), clock }
    }

    /// Sends `request` once, to the address whose turn it is.
    pub(crate) async fn exchange(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let host = self.next();
        let outcome = host.http.exchange(request).await;
        let down = match &outcome {
            Ok(answer) => matches!(
                answer.status,
                StatusCode::BAD_GATEWAY
                    | StatusCode::SERVICE_UNAVAILABLE
                    | StatusCode::GATEWAY_TIMEOUT
            ),
            Err(error) => matches!(error, SendError::Unavailable { .. }),
        };
        let failed = down.then(|| self.clock.now());
        *host.failed.lock().unwrap_or_else(PoisonError::into_inner) = failed;
        outcome
    }

    /// The next one that did not just fail; the next one if all did.
    fn next(&self) -> &Host {
        let now = self.clock.now();
        let first = self.turn.fetch_add(1, Ordering::Relaxed);
        let turns = (0..self.all.len()).map(|step| first.wrapping_add(step) % self.all.len());
        let rested = turns.clone().find(|turn| self.all[*turn].has_rested(now));
        let turn = rested.unwrap_or(first % self.all.len());
        // Whoever was passed over keeps no turn.
        self.turn.store(turn.wrapping_add(1), Ordering::Relaxed);
        &self.all[turn]
    }
}

impl Host {
    fn has_rested(&self, now: Timestamp) -> bool {
        let failed = *self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.is_none_or(|failed| now.duration_since(failed) >= REST)
    }
}
