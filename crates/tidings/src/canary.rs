//! `canary`: an Event that Tidings writes itself, and waits for at the receivers.

use std::{sync::Arc, time::Duration};

use event::{Clock, LaneSet, Stop, Text, journal};
use pipeline::{
    SharedWay,
    canary::Perch,
    collect::{Phase, Status, client::Client},
    save::Saver,
};
use tokio::sync::watch;

use crate::settings::{Receiver, Settings};

/// Of each scope that is followed its namespace, empty for all, and what its collector does.
type Scopes = Vec<(Text, watch::Receiver<Status>)>;

/// The lanes of the receivers through which canaries are to come back.
pub(crate) fn lanes(
    settings: &Settings,
    receivers: &[Receiver],
    lanes: &[journal::Lane],
) -> LaneSet {
    let asks = |receiver: &Receiver| settings.canary.receivers.contains(&receiver.name);
    let both = receivers.iter().zip(lanes);
    both.filter(|(receiver, _)| asks(receiver)).map(|(_, lane)| lane.id).collect()
}

/// What canaries are about: the Lease if there is one, else the pod, else the namespace.
fn perch(settings: &Settings, client: &Client) -> Perch {
    let namespace = client.own_namespace();
    let pod = std::env::var("KUBERNETES_SERVICE_HOST").and_then(|_| std::env::var("HOSTNAME"));
    let (api_version, kind, name) = match pod {
        _ if settings.leader_election.enabled => {
            ("coordination.k8s.io/v1", "Lease", settings.leader_election.id.clone())
        }
        Ok(pod) if !pod.is_empty() => ("v1", "Pod", pod),
        _ => ("v1", "Namespace", namespace.clone()),
    };
    Perch { api_version, kind, name, namespace }
}

/// Writes one now and then, once events are watched, until `stop` fires.
pub(crate) async fn run(
    (settings, client, way, scopes): (Settings, Client, SharedWay<Saver>, Scopes),
    clock: Arc<dyn Clock>,
    stop: Stop,
) {
    let every = settings.canary.every.map_or(EVERY, |every| every.0);
    let perch = perch(&settings, &client);
    let namespace = perch.namespace.as_str();
    let scope = scopes.into_iter().find(|(scope, _)| scope.is_empty() || scope == namespace);
    let Some((_, mut status)) = scope else {
        tracing::warn!(
            "canary: events of {namespace}, where it is written, are not watched; none is written"
        );
        return;
    };
    loop {
        tokio::select! {
            () = stop.fired() => return,
            // What is there before the first look would be no news.
            watched = status.wait_for(|status| status.phase == Phase::Watching) => {
                if watched.is_err() {
                    return;
                }
            }
        }
        let now = clock.now();
        let name = format!("tidings-canary.{:x}{:x}", now.as_microsecond(), std::process::id());
        way.lock().await.canaries.expect(name.as_str().into());
        match client.write_canary(&perch, &name, now).await {
            Ok(()) => tracing::debug!(name, "canary written"),
            Err(error) => {
                tracing::warn!(%error, "no canary can be written in {namespace}; may this user create events there?");
            }
        }
        tokio::select! {
            () = stop.fired() => return,
            () = tokio::time::sleep(every) => {}
        }
    }
}

/// How often, where the config does not say.
pub(crate) const EVERY: Duration = Duration::from_secs(300);
