//! The pretend cluster as a whole: the store, the server in front of it, and what etcd and the API
//! server do by the clock.

use std::{
    io,
    net::SocketAddr,
    sync::{Arc, Mutex, OnceLock},
    time::Duration,
};

use event::{Clock, Stop, SystemClock, Tasks};
use jiff::Timestamp;
use serde_json::json;
use tokio::{net::TcpListener, time::MissedTickBehavior};

use crate::{
    day::{Day, DayOptions, DayPlayer, Incident},
    faults::Faults,
    random::Random,
    server::{self, Api},
    stats::Stats,
    storage::Storage,
    store::{Object, Store, StoreOptions},
};

/// The uid of the namespace kube-system, by which clients know a cluster.
pub const CLUSTER_UID: &str = "b0a7c1d2-6e3f-4a58-9c0b-5d1e2f3a4b5c";

/// How often etcd looks for leases that have ended.
const EXPIRY: Duration = Duration::from_millis(500);

/// What one can choose of a [`Playground`].
#[derive(Debug, Clone)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// The store: how long Events live, how much history, which seed.
    pub store: StoreOptions,
    /// What was older than the compaction before is forgotten so often, as by the API server.
    pub compact_every: Duration,
    /// Objects carry `managedFields`, as those of real clusters do.
    pub managed_fields: bool,
    /// The time. With a [`FastClock`](crate::FastClock) the day and the life of Events go faster.
    pub clock: Arc<dyn Clock>,
    /// What happens in the cluster; nothing but what clients do when nothing. A day that has begun
    /// before now is caught up with at once.
    pub day: Option<DayOptions>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            store: StoreOptions::default(),
            compact_every: Duration::from_secs(300),
            managed_fields: true,
            clock: Arc::new(SystemClock),
            day: None,
        }
    }
}

/// A pretend cluster that runs. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct Playground {
    api: Arc<Api>,
    addr: SocketAddr,
}

impl Playground {
    /// Starts one; it runs in `tasks` until `stop` fires.
    pub async fn start(options: Options, tasks: &Tasks, stop: Stop) -> io::Result<Self> {
        let listener = TcpListener::bind(options.listen).await?;
        let addr = listener.local_addr()?;
        let mut store = Store::new(&options.store);
        furnish(&mut store, options.clock.now());
        let api = Arc::new(Api {
            storage: Storage::new(store),
            faults: Faults::default(),
            stats: Stats::default(),
            clock: options.clock,
            managed_fields: options.managed_fields,
            stop,
            snapshot: Mutex::default(),
            random: Mutex::new(Random::new(options.store.seed ^ 0x5eed)),
            day: OnceLock::new(),
        });
        if let Some(day) = &options.day {
            let (storage, clock) = (api.storage.clone(), Arc::clone(&api.clock));
            let (player, work) = DayPlayer::new(storage, Day::new(day), clock, api.stop.clone());
            api.day.set(player).expect("the API is new");
            tasks.spawn("playground-day", work);
        }
        tasks.spawn("playground-api", server::serve(Arc::clone(&api), listener, tasks.clone()));
        tasks.spawn("playground-etcd", keep_house(Arc::clone(&api), options.compact_every));
        Ok(Self { api, addr })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }

    /// Its address as a URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr)
    }

    /// A kubeconfig file that leads here.
    pub fn kubeconfig(&self) -> String {
        let url = self.url();
        format!(
            "apiVersion: v1\nkind: Config\ncurrent-context: playground\n\
             clusters:\n- name: playground\n  cluster:\n    server: {url}\n\
             contexts:\n- name: playground\n  context:\n    cluster: playground\n    user: playground\n    namespace: default\n\
             users:\n- name: playground\n  user:\n    token: playground\n"
        )
    }

    /// The store.
    pub fn storage(&self) -> &Storage {
        &self.api.storage
    }

    /// What goes wrong, on command.
    pub fn faults(&self) -> &Faults {
        &self.api.faults
    }

    /// What clients asked.
    pub fn stats(&self) -> &Stats {
        &self.api.stats
    }

    /// The time as the cluster sees it.
    pub fn clock(&self) -> &Arc<dyn Clock> {
        &self.api.clock
    }

    /// Keeps the state as it is, for a later restore; gives its revision.
    pub fn take_snapshot(&self) -> u64 {
        self.api.take_snapshot()
    }

    /// Goes back to the snapshot, if there is one, and cuts every watch; gives its revision.
    pub fn restore(&self) -> Option<u64> {
        self.api.restore()
    }

    /// Lets an incident begin; false when no day is played or too many wait to begin.
    pub fn start_incident(&self, incident: Incident) -> bool {
        self.api.day.get().is_some_and(|day| day.start(incident))
    }

    /// Forgets every revision but the newest.
    pub fn compact(&self) {
        self.storage().write(|store| store.compact(store.revision()));
    }
}

/// What is in every cluster from the start.
fn furnish(store: &mut Store, now: Timestamp) {
    for name in ["default", "kube-node-lease", "kube-public", "kube-system"] {
        create_namespace(store, name, now);
    }
}

/// Makes a namespace, unless it is there.
pub(crate) fn create_namespace(store: &mut Store, name: &str, now: Timestamp) {
    let mut namespace = json!({
        "metadata": {"name": name, "labels": {"kubernetes.io/metadata.name": name}},
        "spec": {"finalizers": ["kubernetes"]},
        "status": {"phase": "Active"},
    });
    if name == "kube-system" {
        namespace["metadata"]["uid"] = CLUSTER_UID.into();
    }
    if store.object("namespaces", "", name).is_none() {
        store.create_object("namespaces", Object(namespace), now).expect("it is not there yet");
    }
}

/// Ends leases and compacts, as etcd and the API server do.
async fn keep_house(api: Arc<Api>, compact_every: Duration) {
    let mut expiry = tokio::time::interval(EXPIRY);
    let mut compaction = tokio::time::interval(compact_every.max(EXPIRY));
    expiry.set_missed_tick_behavior(MissedTickBehavior::Delay);
    compaction.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut before = 0;
    loop {
        tokio::select! {
            () = api.stop.fired() => return,
            _ = expiry.tick() => {
                let now = api.clock.now();
                if api.storage.read(|store| store.next_expiry().is_some_and(|end| end <= now)) {
                    api.storage.write(|store| store.expire(now));
                }
            }
            _ = compaction.tick() => {
                // The API server compacts to where the store was one interval ago.
                let newest = api.storage.read(Store::revision);
                compact_to(&api.storage, before).await;
                before = newest;
            }
        }
    }
}

/// Compacts bit by bit, so that nobody waits long for the lock.
async fn compact_to(storage: &Storage, revision: u64) {
    const STEP: u64 = 20_000;
    loop {
        let oldest = storage.read(Store::oldest);
        if oldest >= revision {
            return;
        }
        storage.write(|store| store.compact(revision.min(oldest + STEP)));
        if storage.read(Store::oldest) == oldest {
            // A restore has gone back behind the revision.
            return;
        }
        tokio::task::yield_now().await;
    }
}
