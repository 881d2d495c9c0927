//! The cluster of the comparison: pods with labels, and Events about them, as many and as fast as asked.

use std::{
    fs,
    io::stdin,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use event::{Clock, Event, Stop, SystemClock, Tasks, Text};
use jiff::Timestamp;
use playground::{
    Options, Playground,
    store::{Object, Store, StoreOptions},
};
use serde_json::json;

use crate::generate::{self, EACH, NAMESPACES, uuid};

/// So many writes are made before others get the lock.
const BATCH: u64 = 500;
const TICK: Duration = Duration::from_millis(5);
/// Nobody falls so far behind that its watch ends.
const HISTORY: usize = 4_000_000;
const LONG: Duration = Duration::from_secs(24 * 3600);

/// What happens in it.
#[derive(Debug, Clone, Copy)]
pub struct Flood {
    /// Creations; nothing is updated or deleted.
    pub events: u64,
    /// They are about so many pods. Each is there before the first Event about it, by one write.
    pub pods: u64,
    /// As fast as can be when this is 0.
    pub per_second: u64,
}

/// Plays it: the kubeconfig is at `path` when the API serves, and a line on standard input lets the flood
/// begin.
pub fn play(path: &Path, flood: Flood) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let store = StoreOptions { history: HISTORY, ttl: LONG, ..StoreOptions::default() };
        let options = Options { store, compact_every: LONG, ..Options::default() };
        let playground = Playground::start(options, &tasks, stop).await?;
        let begun = path.with_extension("begun");
        fs::write(&begun, playground.kubeconfig())?;
        fs::rename(begun, path)?;
        tokio::task::spawn_blocking(|| stdin().read_line(&mut String::new()))
            .await
            .context("nobody says when")??;
        flood.run(&playground).await;
        tasks.ended().await;
        Ok(())
    })
}

impl Flood {
    async fn run(self, playground: &Playground) {
        let begun = Instant::now();
        let mut written = 0;
        while written < self.events {
            let due = match self.per_second {
                0 => self.events,
                rate => {
                    u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX) * rate
                        / 1_000_000
                }
            };
            let next = due.min(self.events).min(written + BATCH);
            if next <= written {
                tokio::time::sleep(TICK).await;
                continue;
            }
            let now = SystemClock.now();
            playground.storage().write(|store| {
                for number in written..next {
                    self.write(store, number, now);
                }
            });
            written = next;
            tokio::task::yield_now().await;
        }
    }

    fn write(self, store: &mut Store, number: u64, now: Timestamp) {
        let pod = number / EACH % self.pods;
        if number.is_multiple_of(EACH) && number / EACH < self.pods {
            store.create_object("pods", object(pod), now).expect("every pod is made once");
        }
        store.create(about(pod, number, now), now).expect("every number is used once");
    }
}

fn namespace(pod: u64) -> Text {
    Text::from(format!("team-{}", pod % NAMESPACES))
}

fn name(pod: u64) -> Text {
    Text::from(format!("web-5d78c9869d-{pod:05x}"))
}

fn uid(pod: u64) -> Text {
    uuid(pod + (1 << 40))
}

/// All Events about a pod name one resourceVersion of it, which is the best case for a cache that goes by
/// it. When it began is always the same, so that the lines of two runs are, too.
fn about(pod: u64, number: u64, now: Timestamp) -> Event {
    let mut event = generate::event(number, 1, 0, now);
    event.first_timestamp = Some(Timestamp::UNIX_EPOCH);
    event.message = Text::from(format!("{} #{number}", event.message));
    event.metadata.namespace = namespace(pod);
    let object = &mut event.involved.reference;
    object.namespace = namespace(pod);
    object.name = name(pod);
    object.uid = uid(pod);
    object.resource_version = "4711".into();
    event
}

fn object(pod: u64) -> Object {
    let app = pod / 10;
    let owner = format!("web-{app:x}-5d78c9869d");
    let image = "registry.example.com/shop/web:4.17.0";
    Object(json!({
        "metadata": {
            "name": name(pod), "namespace": namespace(pod), "uid": uid(pod),
            "labels": {
                "app": "web", "team": namespace(pod), "tier": "frontend",
                "app.kubernetes.io/name": "web", "pod-template-hash": "5d78c9869d",
            },
            "annotations": {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"},
            "ownerReferences": [{
                "apiVersion": "apps/v1", "kind": "ReplicaSet", "name": owner, "uid": uuid(app + (1 << 41)),
                "controller": true, "blockOwnerDeletion": true,
            }],
        },
        "spec": {"nodeName": "general-7xk2p", "containers": [{"name": "web", "image": image}]},
        "status": {"phase": "Running", "podIP": "10.42.7.21"},
    }))
}
