//! GETs for what no watch covers: metadata only, one at a time for each object, a few at a time in all,
//! and never faster than was allowed.

use std::{sync::Arc, time::Duration};

use event::Stop;
use futures::{StreamExt, stream::FuturesUnordered};
use kube::{
    Api, Client,
    core::{ApiResource, GroupVersionKind},
};
use tokio::{
    sync::{Mutex, mpsc},
    time::{Instant, sleep_until, timeout},
};

use super::{
    answers::{Answer, Spot, Target},
    discovery::{Discovery, Resource},
    kinds::KindId,
    knowledge::Knowledge,
    partial::Partial,
    queue::{Queue, Verdict},
};

/// GETs under way at a time.
const AT_ONCE: usize = 8;
/// How long one may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// How often the API server may be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Requests a second, in the long run (`kubeQPS`). Without a limit when not above 0.
    pub per_second: f64,
    /// So many may follow one another at once (`kubeBurst`).
    pub burst: u32,
}

impl Rate {
    /// The defaults of kubernetes-event-exporter.
    pub const DEFAULT: Self = Self { per_second: 5.0, burst: 10 };

    /// How many requests can be made within `time`: more need not wait, they would come too late.
    pub fn within(self, time: Duration) -> usize {
        if self.per_second <= 0.0 {
            return 1024;
        }
        let refilled = (self.per_second * time.as_secs_f64()).clamp(0.0, 10_000.0);
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "it is between 0 and 10 000"
        )]
        let refilled = refilled as usize;
        refilled + self.burst.max(1) as usize
    }
}

/// A token bucket, as a time: it is full when that time has come.
#[derive(Debug)]
struct Bucket {
    every: Duration,
    depth: Duration,
    full_at: Instant,
}

impl Bucket {
    fn new(rate: Rate, now: Instant) -> Self {
        let every = if rate.per_second > 0.0 {
            Duration::try_from_secs_f64(1.0 / rate.per_second).unwrap_or(Duration::from_secs(3600))
        } else {
            Duration::ZERO
        };
        Self { every, depth: every.saturating_mul(rate.burst.max(1)), full_at: now }
    }

    /// Takes one token; says when it may be used.
    fn take(&mut self, now: Instant) -> Instant {
        self.full_at = self.full_at.max(now) + self.every;
        (self.full_at - self.depth.min(self.full_at - now)).max(now)
    }
}

/// Answers what is asked until `stop` fires.
pub async fn answer(
    client: Client,
    knowledge: Arc<Knowledge>,
    mut asks: mpsc::Receiver<Target>,
    rate: Rate,
    stop: Stop,
) {
    let discovery = Mutex::new(Discovery::new(client.clone()));
    let mut bucket = Bucket::new(rate, Instant::now());
    let mut queue = Queue::default();
    let mut flying = FuturesUnordered::new();
    let right_of = |target: &Target| {
        let Spot { kind, namespace, .. } = &target.spot;
        (*kind, knowledge.asked_within(namespace).into())
    };
    loop {
        while flying.len() < AT_ONCE
            && let Some((target, right)) = queue.next(right_of)
        {
            if knowledge.is_refused(&target.spot) {
                // It has waited for the refusal of another one.
                knowledge.answer(target, Answer::Refused);
                queue.ended(right, Verdict::Refused);
                continue;
            }
            knowledge.stats.asked.count();
            let at = bucket.take(Instant::now());
            let (client, knowledge, discovery) = (&client, &*knowledge, &discovery);
            flying.push(async move {
                sleep_until(at).await;
                let asked = ask(client, discovery, knowledge, &target);
                let answer = timeout(PATIENCE, asked).await.unwrap_or(Answer::Failed);
                tracing::debug!(?target, ?answer, "an object was asked for");
                let verdict = match answer {
                    Answer::Found(_) | Answer::Gone => Verdict::Granted,
                    Answer::Refused => Verdict::Refused,
                    Answer::Unserved | Answer::Failed => Verdict::Open,
                };
                knowledge.answer(target, answer);
                (right, verdict)
            });
        }
        tokio::select! {
            () = stop.fired() => return,
            Some((right, verdict)) = flying.next() => queue.ended(right, verdict),
            Some(target) = asks.recv(), if queue.len() < AT_ONCE => queue.push(target),
        }
    }
}

async fn ask(
    client: &Client,
    discovery: &Mutex<Discovery>,
    knowledge: &Knowledge,
    target: &Target,
) -> Answer {
    let resource = match resource(discovery, knowledge, target).await {
        Ok(Some(resource)) => resource,
        Ok(None) => return Answer::Unserved,
        Err(error) => {
            tracing::debug!(%error, "cannot find out how a kind is called");
            return Answer::Failed;
        }
    };
    let spot = &target.spot;
    let api: Api<Partial> = match (resource.namespaced, spot.namespace.is_empty()) {
        (true, true) => return Answer::Unserved,
        (true, false) => Api::namespaced_with(client.clone(), &spot.namespace, &resource.api),
        (false, _) => Api::all_with(client.clone(), &resource.api),
    };
    match api.get_opt(&spot.name).await {
        Ok(Some(found)) => {
            let metadata = found.metadata;
            let same = target.uid.is_empty()
                || target.uid == metadata.uid
                || target.uid == metadata.mirrors;
            // Another one has its name: the one that the event is about is gone.
            if same { Answer::Found(Box::new(trimmed(metadata, knowledge))) } else { Answer::Gone }
        }
        Ok(None) => Answer::Gone,
        Err(kube::Error::Api(status)) if status.code == 403 => {
            knowledge.stats.forbidden.count();
            if knowledge.tell_refused(spot.kind) {
                let kind = full_name(&resource.api);
                tracing::warn!(
                    "no permission to get {kind}: labels and owners of {kind} stay unknown (see deploy/rbac.yaml)"
                );
            }
            Answer::Refused
        }
        Err(error) => {
            tracing::debug!(%error, "an object could not be looked up");
            Answer::Failed
        }
    }
}

/// As `kubectl` and rules of RBAC call it: `pods`, `deployments.apps`.
pub(super) fn full_name(resource: &ApiResource) -> String {
    let ApiResource { group, plural, .. } = resource;
    if group.is_empty() { plural.clone() } else { format!("{plural}.{group}") }
}

fn trimmed(
    mut metadata: super::objects::Metadata,
    knowledge: &Knowledge,
) -> super::objects::Metadata {
    if !knowledge.needs.annotations {
        metadata.annotations.clear();
    }
    metadata
}

/// How the kind is called. What is watched is known without asking.
async fn resource(
    discovery: &Mutex<Discovery>,
    knowledge: &Knowledge,
    target: &Target,
) -> Result<Option<Resource>, kube::Error> {
    let kind = target.spot.kind;
    if let Some(resource) = watched(kind) {
        return Ok(Some(resource));
    }
    let (_, name) = knowledge.kind_name(kind);
    let requests = &knowledge.stats.discoveries;
    discovery.lock().await.find(&target.api_version, &name, requests).await
}

/// A watched kind, as the API server calls it.
pub(super) fn watched(kind: KindId) -> Option<Resource> {
    let kind = kind.watched()?;
    let gvk = GroupVersionKind::gvk(kind.group, "v1", kind.kind);
    let api = ApiResource::from_gvk_with_plural(&gvk, kind.plural);
    Some(Resource { api, namespaced: kind.namespaced })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_goes_at_once_and_the_rest_at_the_rate() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 2.0, burst: 3 }, start);
        let at: Vec<_> = (0..5).map(|_| (bucket.take(start) - start).as_millis()).collect();
        assert_eq!(at, [0, 0, 0, 500, 1000]);
        // After a rest there is room for a burst again, and for no more.
        let later = start + Duration::from_secs(60);
        let at: Vec<_> = (0..4).map(|_| (bucket.take(later) - later).as_millis()).collect();
        assert_eq!(at, [0, 0, 0, 500]);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nothing_waits() {
        let start = Instant::now();
        let mut bucket = Bucket::new(Rate { per_second: 0.0, burst: 0 }, start);
        assert!((0..1000).all(|_| bucket.take(start) == start));
    }

    #[test]
    fn no_more_is_asked_than_can_be_answered_in_time() {
        assert_eq!(Rate::DEFAULT.within(Duration::from_secs(2)), 20);
        assert_eq!(Rate { per_second: -1.0, burst: 0 }.within(Duration::ZERO), 1024);
    }
}
