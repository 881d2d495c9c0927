//! Which cluster it is, and what to say when there is none.

use std::time::Duration;

use event::Stop;
use pipeline::{
    backoff::Backoff,
    collect::{
        BACKOFF,
        api::ApiError,
        client::{AccessError, Client},
    },
};

use crate::exit::Failure;

/// How long a cluster that does not answer is waited for at a terminal.
const IMPATIENCE: Duration = Duration::from_secs(10);

/// The cluster's identity: the uid of its namespace kube-system, else its address.
pub(crate) async fn identify(
    client: &Client,
    patient: bool,
    stop: &Stop,
) -> Result<String, Failure> {
    let (mut backoff, mut failures) = (Backoff::new(BACKOFF, u64::from(std::process::id())), 0);
    let began = tokio::time::Instant::now();
    loop {
        let patience = IMPATIENCE.saturating_sub(began.elapsed());
        let answer = tokio::select! {
            () = stop.fired() => return Err(stopped()),
            answer = client.cluster_uid() => answer,
            () = tokio::time::sleep(patience), if !patient => {
                Err(ApiError::Connection(format!("no answer within {patience:.0?}")))
            }
        };
        let error = match answer {
            Ok(uid) => return Ok(uid),
            Err(ApiError::Refused { status: 403, .. } | ApiError::Failed { status: 404, .. }) => {
                tracing::warn!(
                    "not allowed to get the namespace kube-system: the server's address stands for the cluster"
                );
                return Ok(client.server.clone());
            }
            Err(error) => error,
        };
        if !patient && began.elapsed() >= IMPATIENCE {
            let tried = format!("the API server at {} does not answer", client.server);
            let failure = Failure::start(anyhow::Error::new(error).context(tried));
            return Err(failure.hint("check the kubeconfig and the network; `tidings demo` shows a pretend cluster meanwhile"));
        }
        failures += 1;
        let mut delay = backoff.delay(failures, None);
        if !patient {
            delay = delay.min(IMPATIENCE.saturating_sub(began.elapsed()));
        }
        tracing::warn!(%error, retry_in = ?delay, "waiting for the API server at {}", client.server);
        tokio::select! {
            () = stop.fired() => return Err(stopped()),
            () = tokio::time::sleep(delay) => {}
        }
    }
}

fn stopped() -> Failure {
    Failure::start(anyhow::anyhow!("stopped while waiting for the API server"))
}

pub(crate) fn none(error: AccessError) -> Failure {
    Failure::start(error).hint(
        "give one with --kubeconfig or --context; `tidings demo` shows a pretend cluster meanwhile",
    )
}
