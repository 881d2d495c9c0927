//! `leaderElection`: of several replicas one follows the cluster, the others wait to take over.

use std::{
    fs,
    hash::{BuildHasher, Hasher, RandomState},
    sync::{Arc, OnceLock},
};

use event::{Stop, SystemClock, Text};
use pipeline::lease::{Account, End, LeaseError, Leases, Lock, Standing};

use crate::{app::Run, exit::Failure, settings::LeaderElection, term::Term};

/// Where Kubernetes tells a pod in which namespace it is.
const NAMESPACE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/namespace";

/// Follows the cluster whenever this replica leads, until `stop` fires.
pub(crate) async fn elected(
    run: &Run,
    election: &LeaderElection,
    stop: &Stop,
) -> Result<(), Failure> {
    let (namespace, name) = (namespace(), Text::from(&*election.id));
    let place = format!("the Lease {name} in the namespace {namespace}");
    let timing = election.timing();
    let leases = Leases::new(&run.client, namespace, name);
    let mut lock = Lock::new(leases, identity(), timing, Arc::new(SystemClock));
    tracing::info!("leader election by {place}, as {}", lock.identity());
    loop {
        run.board.waits(Standing::Asking);
        let tell = |standing: &Standing| {
            match standing {
                Standing::Asking => {}
                Standing::Behind(leader) => tracing::info!("standby: {leader} leads"),
                Standing::Troubled(why) => tracing::warn!("standby: {place} cannot be had: {why}"),
            }
            run.board.waits(standing.clone());
        };
        let won = lock.acquire(tell, stop).await.map_err(|error| refused(&error, &place))?;
        let Some(won) = won else { return Ok(()) };
        tracing::info!(transitions = won.transitions, "leader: this replica collects and sends");
        let account = Arc::new(OnceLock::new());
        let told = || account.get().and_then(Account::text);
        let (term, done) = (Term::won(&won, &account, stop), Stop::new());
        let led = async {
            let outcome = run.term(&term).await;
            done.fire();
            outcome
        };
        let held = async {
            let end = lock.hold(&won.gate, told, &done).await;
            if let End::Lost(why) = &end {
                tracing::warn!("no longer the leader: {why}; nothing is sent any more");
                term.stop.fire();
            }
            end
        };
        let (outcome, end) = tokio::join!(led, held);
        if end == End::Done {
            lock.release(told().as_deref()).await;
        }
        outcome?;
        if stop.has_fired() {
            return Ok(());
        }
    }
}

fn refused(error: &LeaseError, place: &str) -> Failure {
    let failure = Failure::start(anyhow::anyhow!("{place} cannot be had: {error}"));
    failure.hint(
        "leaderElection needs the rights get, create and update on leases of coordination.k8s.io in that namespace; \
         deploy/rbac.yaml has them",
    )
}

/// The pod's namespace; `default` outside of a cluster, as in kubernetes-event-exporter.
fn namespace() -> Text {
    let namespace = fs::read_to_string(NAMESPACE).unwrap_or_default();
    let namespace = namespace.trim();
    if namespace.is_empty() { "default".into() } else { namespace.into() }
}

/// The host's name, and something that no other replica has.
fn identity() -> Text {
    let host = fs::read_to_string("/proc/sys/kernel/hostname");
    let host = host.ok().or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    let host = if host.trim().is_empty() { "tidings" } else { host.trim() };
    let number = RandomState::new().build_hasher().finish();
    format!("{host}_{number:016x}").into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_replicas_on_one_host_have_one_name() {
        let (one, other) = (identity(), identity());
        assert_ne!(one, other);
        assert_eq!(one.rsplit_once('_').map(|(_, number)| number.len()), Some(16));
    }
}
