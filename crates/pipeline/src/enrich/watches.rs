//! Metadata-only watches of the kinds that nearly all events are about.
//!
//! kube's runtime follows them: pages, resourceVersions and back-off are its business. A kind that may
//! not be watched is told once, and asked for instead.

use std::{sync::Arc, time::Duration};

use event::{Stop, Tasks, Text};
use futures::StreamExt;
use kube::{
    Api, Client,
    runtime::{
        WatchStreamExt,
        watcher::{self, Config, Event, watcher},
    },
};
use tokio::time::{Instant, sleep, timeout};

use super::{
    kinds::KindId,
    knowledge::{Coverage, Knowledge},
    lookup,
    objects::{Pass, Place},
    partial::Partial,
};

/// Objects a page.
const PAGE: u32 = 1000;
/// A kind that may not be watched is tried again so often; rights can be granted later.
const DENIED: Duration = Duration::from_secs(300);

/// Starts the watches of every kind that is needed, in these namespaces, or in all when there are none.
pub fn start(
    client: &Client,
    knowledge: &Arc<Knowledge>,
    namespaces: &[Text],
    tasks: &Tasks,
    stop: &Stop,
) {
    for (kind, watched) in KindId::all_watched() {
        if kind == KindId::NAMESPACE && !knowledge.needs.namespace_labels {
            continue;
        }
        knowledge.cover(kind, Coverage::Starting);
        let scopes: Vec<Option<Text>> = if watched.namespaced && !namespaces.is_empty() {
            namespaces.iter().cloned().map(Some).collect()
        } else {
            vec![None]
        };
        let (client, knowledge, stop) = (client.clone(), Arc::clone(knowledge), stop.clone());
        tasks.spawn("objects", async move {
            let waiting = std::sync::atomic::AtomicUsize::new(scopes.len());
            let watches = scopes.iter().map(|scope| {
                let scope = scope.as_deref();
                let watch = Watch { kind, scope, knowledge: &knowledge, waiting: &waiting };
                watch.follow(&client)
            });
            tokio::select! {
                () = stop.fired() => {}
                _ = futures::future::join_all(watches) => {}
            }
        });
    }
}

/// Waits until every watch has shown what there is or cannot, at most so long. Says whether all have.
pub async fn synced(knowledge: &Knowledge, longest: Duration) -> bool {
    let mut coverage = knowledge.coverage();
    let ready = coverage.wait_for(|all| !all.contains(&Coverage::Starting));
    matches!(timeout(longest, ready).await, Ok(Ok(_)))
}

struct Watch<'a> {
    kind: KindId,
    scope: Option<&'a str>,
    knowledge: &'a Knowledge,
    /// The scopes of this kind that have not shown everything yet.
    waiting: &'a std::sync::atomic::AtomicUsize,
}

impl Watch<'_> {
    /// Follows for ever.
    async fn follow(self, client: &Client) {
        let Some(resource) = lookup::watched(self.kind) else { return };
        let api: Api<Partial> = match self.scope {
            Some(namespace) => Api::namespaced_with(client.clone(), namespace, &resource.api),
            None => Api::all_with(client.clone(), &resource.api),
        };
        let mut shown = false;
        loop {
            self.follow_until_denied(api.clone(), &mut shown).await;
            self.knowledge.cover(self.kind, Coverage::Denied);
            if self.knowledge.tell_refused(self.kind) {
                let kind = lookup::full_name(&resource.api);
                tracing::warn!(
                    "no permission to list and watch {kind}: labels and owners of {kind} are asked for one by one, or stay unknown (see deploy/rbac.yaml)"
                );
            }
            sleep(DENIED).await;
        }
    }

    async fn follow_until_denied(&self, api: Api<Partial>, shown: &mut bool) {
        let config = Config::default().page_size(PAGE);
        let mut events = std::pin::pin!(watcher(api, config).default_backoff());
        let mut pass = self.knowledge.begin_pass();
        let mut began = Instant::now();
        while let Some(event) = events.next().await {
            match event {
                Ok(Event::Init) => (pass, began) = (self.knowledge.begin_pass(), Instant::now()),
                Ok(Event::InitApply(object) | Event::Apply(object)) => self.put(object, pass),
                Ok(Event::Delete(object)) => {
                    let place = self.place(&object);
                    self.knowledge.remove(place, object.metadata.clone(), pass);
                }
                Ok(Event::InitDone) => {
                    self.knowledge.end_pass(self.kind, self.scope, pass);
                    let resource = self.kind.watched().map_or("other", |kind| kind.plural);
                    let lists = self.knowledge.lists.with_label_values(&[resource]);
                    lists.observe(began.elapsed().as_secs_f64());
                    self.has_shown(shown);
                }
                Err(error) if is_denied(&error) => return,
                Err(error) => {
                    tracing::debug!(%error, "a watch of objects is in trouble; it is tried again");
                }
            }
        }
    }

    fn put(&self, object: Partial, pass: Pass) {
        let Partial { meta, metadata } = object;
        let place = Place {
            kind: self.kind,
            namespace: meta.namespace.as_deref().unwrap_or_default(),
            name: meta.name.as_deref().unwrap_or_default(),
        };
        self.knowledge.put(place, metadata, pass);
    }

    fn place<'o>(&self, object: &'o Partial) -> Place<'o> {
        Place { kind: self.kind, namespace: object.namespace(), name: object.name() }
    }

    /// Everything was shown; the kind is known once all its scopes say so.
    fn has_shown(&self, shown: &mut bool) {
        use std::sync::atomic::Ordering;
        if !std::mem::replace(shown, true) {
            self.waiting.fetch_sub(1, Ordering::Relaxed);
        }
        if self.waiting.load(Ordering::Relaxed) == 0 {
            self.knowledge.cover(self.kind, Coverage::Watched);
        }
    }
}

/// Who is not known (401) may be known in a moment: tokens change.
fn is_denied(error: &watcher::Error) -> bool {
    match error {
        watcher::Error::InitialListFailed(kube::Error::Api(status))
        | watcher::Error::WatchStartFailed(kube::Error::Api(status))
        | watcher::Error::WatchError(status) => status.code == 403,
        _ => false,
    }
}
