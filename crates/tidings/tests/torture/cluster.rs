//! The pretend cluster, and a writer that floods it. Nothing is ever compacted: each write stays
//! visible to a watch from any position, so each write must arrive.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use event::{Clock, Event, Stop, SystemClock, Tasks, Text, time::whole_seconds};
use jiff::{SignedDuration, Timestamp};
use playground::{
    Options, Playground,
    faults::{Fault, FaultKind},
    flood::{Flood, FloodOptions},
    stats::Verb,
    store::{Store, StoreOptions},
};

use super::receipts::Id;

/// Creations and updates a second.
const PER_SECOND: u32 = 1000;
/// So many Events are there at most.
const LIVE: usize = 6000;
/// How long an Event lives after its last write; a little less than it takes to push it out.
const TTL: Duration = Duration::from_secs(8);
/// So many Events are there before anybody looks, so that the first list takes its time.
const BEFORE: usize = 20_000;

/// See the module.
pub(crate) struct Cluster {
    playground: Playground,
    flowing: Arc<AtomicBool>,
    named: AtomicBool,
}

impl Cluster {
    /// Starts it; the flood waits for [`Cluster::flow`].
    pub(crate) async fn start(seed: u64, tasks: &Tasks, stop: Stop) -> anyhow::Result<Self> {
        let store = StoreOptions {
            ttl: TTL,
            history: usize::MAX,
            ledger: usize::MAX,
            seed,
            ..StoreOptions::default()
        };
        let compact_every = Duration::from_secs(1_000_000);
        let options = Options { store, compact_every, ..Options::default() };
        let playground = Playground::start(options, tasks, stop.clone()).await?;
        let flowing = Arc::new(AtomicBool::new(false));
        let flood = FloodOptions {
            per_second: PER_SECOND,
            updates: 0.3,
            deletes: 3.0,
            live: LIVE,
            namespaces: 20,
            seed,
        };
        let work = pour(playground.clone(), Flood::new(flood), Arc::clone(&flowing), stop);
        tasks.spawn("torture-flood", work);
        Ok(Self { playground, flowing, named: AtomicBool::new(false) })
    }

    pub(crate) fn kubeconfig(&self) -> String {
        self.playground.kubeconfig()
    }

    /// Lets the flood flow, or holds it.
    pub(crate) fn flow(&self, on: bool) {
        self.flowing.store(on, Ordering::SeqCst);
    }

    /// How many watches of Events were asked for so far.
    pub(crate) fn watches(&self) -> u64 {
        self.playground.stats().counts().requests("watch events")
    }

    /// Who holds the Lease of the election; empty for nobody.
    pub(crate) fn leader(&self) -> String {
        self.lease(|lease| lease["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned())
    }

    /// Up to which revision the leader has come by its own word in the Lease.
    pub(crate) fn told(&self) -> u64 {
        self.lease(|lease| {
            let text = lease["metadata"]["annotations"]["tidings.dev/progress"].as_str();
            let told: serde_json::Value =
                text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
            let scopes = told["scopes"].as_object();
            scopes.and_then(|it| it.values().next()?[1].as_u64()).unwrap_or_default()
        })
    }

    fn lease<T: Default>(&self, look: impl FnOnce(&serde_json::Value) -> T) -> T {
        self.playground.storage().read(|store| {
            let lease = store.object("leases", "default", "kubernetes-event-exporter");
            lease.map_or_else(T::default, |lease| look(&lease.0))
        })
    }

    /// The next watch is answered as one from a compacted revision can be: the client must list.
    pub(crate) fn make_a_watch_stale(&self) {
        let fault = Fault::new(FaultKind::CloseAtOnce).on(Verb::Watch).of("events");
        self.playground.faults().schedule(fault);
    }

    /// Takes back what no request has met.
    pub(crate) fn clear_faults(&self) {
        self.playground.faults().clear();
    }

    /// Fills up what is there before anybody looks.
    pub(crate) fn fill(&self) {
        let there = self.playground.storage().read(Store::live);
        self.create(BEFORE.saturating_sub(there), SignedDuration::from_hours(1));
    }

    /// Writes one Event that is old by its own words, so that a first list passes it over and only a
    /// watch delivers it.
    pub(crate) fn signal(&self) {
        self.named.store(true, Ordering::SeqCst);
        self.create(1, SignedDuration::from_hours(1));
    }

    /// Creates many Events at once and touches none again: a list must show every one of them.
    pub(crate) fn burst(&self, number: usize) {
        self.create(number, SignedDuration::ZERO);
    }

    fn create(&self, number: usize, age: SignedDuration) {
        let now = SystemClock.now();
        let reason = if self.named.load(Ordering::SeqCst) { "Burst" } else { "Before" };
        self.playground.storage().write(|store| {
            for _ in 0..number {
                let event = plain(store.revision(), reason, now - age);
                store.create(event, now).expect("a revision is given once, so the name is new");
            }
        });
    }

    /// The newest write of an Event.
    pub(crate) fn newest(&self) -> Option<Id> {
        let newest = |store: &Store| store.ledger().entries().last().map(Id::of);
        self.playground.storage().read(newest)
    }

    /// How many writes of Events there were after `since`.
    pub(crate) fn written(&self, since: u64) -> usize {
        let storage = self.playground.storage();
        storage
            .read(|store| store.ledger().entries().filter(|entry| entry.revision > since).count())
    }

    /// The truth: every write after `since`, with the count that the Event had then.
    pub(crate) fn truth(&self, since: u64) -> HashMap<Id, u32> {
        let storage = self.playground.storage();
        storage.read(|store| {
            let entries = store.ledger().entries().filter(|entry| entry.revision > since);
            entries.map(|entry| (Id::of(entry), entry.total)).collect()
        })
    }

    /// Creations, updates, deletions and expiries, for people.
    pub(crate) fn story(&self) -> String {
        let written = self.playground.storage().read(Store::written);
        format!(
            "{} created, {} updated, {} deleted, {} expired",
            written.created, written.updated, written.deleted, written.expired
        )
    }
}

fn plain(number: u64, reason: &str, seen: Timestamp) -> Event {
    let mut event = Event {
        reason: reason.into(),
        message: "Readiness probe failed: HTTP probe failed with statuscode: 503".into(),
        kind: "Warning".into(),
        count: 1,
        first_timestamp: Some(whole_seconds(seen)),
        last_timestamp: Some(whole_seconds(seen)),
        ..Event::default()
    };
    event.metadata.name = Text::from(format!("plain.{number}"));
    event.metadata.namespace = "plain".into();
    event.involved.reference.kind = "Pod".into();
    event.involved.reference.name = "plain".into();
    event.involved.reference.namespace = "plain".into();
    event
}

async fn pour(playground: Playground, mut flood: Flood, flowing: Arc<AtomicBool>, stop: Stop) {
    let mut tick = tokio::time::interval(Duration::from_millis(10));
    loop {
        tokio::select! {
            () = stop.fired() => return,
            _ = tick.tick() => {}
        }
        if flowing.load(Ordering::SeqCst) {
            let now = SystemClock.now();
            let number = u64::from(PER_SECOND / 100);
            playground.storage().write(|store| flood.write(store, number, now));
        }
    }
}
