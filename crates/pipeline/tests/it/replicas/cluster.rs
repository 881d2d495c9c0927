//! The API server of the histories, the receivers, and what both must have seen at the end.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use event::{Clock, Event, time};
use futures::{StreamExt, stream::BoxStream};
use jiff::Timestamp;
use pipeline::{
    collect::{
        api::{ApiError, EventsApi, Page, WatchFrom},
        frames::Frame,
    },
    lease::{Lease, LeaseApi, LeaseError},
};
use playground::store::{
    ChangeKind, ListQuery, Object, Selection, Store, StoreOptions, WriteError,
};
use tokio::{
    sync::Notify,
    time::{Instant, sleep, sleep_until},
};

/// The receivers.
pub(super) const LANES: [&str; 2] = ["chat", "store"];

/// How long the server takes to answer.
const LATENCY: Duration = Duration::from_millis(20);

/// The runtime's paused clock as a wall clock.
#[derive(Debug)]
pub(super) struct TokioClock(pub(super) Instant);

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        Timestamp::from_second(1_700_000_000).unwrap() + self.0.elapsed()
    }
}

/// Everything outside of the replicas. Clones are handles of the same one.
#[derive(Clone)]
pub(super) struct Cluster(Arc<Mutex<State>>, pub(super) Arc<TokioClock>, Arc<Notify>);

struct State {
    store: Store,
    /// Until when each replica cannot reach the API server.
    cut_off: Vec<Instant>,
    down: HashSet<&'static str>,
    /// By receiver and id, how often.
    taken: HashMap<(&'static str, String), u32>,
    /// Which replica leads, in its how manieth term of all.
    leader: Option<usize>,
    terms: u64,
    wrong: Vec<String>,
}

impl Cluster {
    pub(super) fn new(replicas: usize) -> Self {
        let options = StoreOptions {
            ttl: Duration::from_secs(1_000_000),
            ledger: usize::MAX,
            ..StoreOptions::default()
        };
        let state = State {
            store: Store::new(&options),
            cut_off: vec![Instant::now(); replicas],
            down: HashSet::new(),
            taken: HashMap::new(),
            leader: None,
            terms: 0,
            wrong: Vec::new(),
        };
        let clock = Arc::new(TokioClock(Instant::now()));
        Self(Arc::new(Mutex::new(state)), clock, Arc::default())
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn write(&self, name: u8) {
        let (now, name) = (self.1.now(), format!("event-{name}"));
        let mut state = self.state();
        let living = state.store.get("shop", &name).map(|event| Event::clone(event));
        let is_new = living.is_none();
        let mut event = living.unwrap_or_default();
        event.metadata.namespace = "shop".into();
        event.metadata.name = name.into();
        event.metadata.resource_version = "".into();
        event.reason = "BackOff".into();
        event.count += 1;
        event.first_timestamp.get_or_insert(time::whole_seconds(now));
        event.last_timestamp = Some(time::whole_seconds(now));
        let written =
            if is_new { state.store.create(event, now) } else { state.store.update(event, now) };
        written.unwrap();
        drop(state);
        self.2.notify_waiters();
    }

    pub(super) fn delete(&self, name: u8) {
        drop(self.state().store.delete("shop", &format!("event-{name}")));
        self.2.notify_waiters();
    }

    pub(super) fn cut_off(&self, who: usize, seconds: u8) {
        self.state().cut_off[who] = Instant::now() + Duration::from_secs(seconds.into());
    }

    pub(super) fn toggle(&self, lane: &'static str) {
        let mut state = self.state();
        if !state.down.remove(lane) {
            state.down.insert(lane);
        }
    }

    /// Somebody writes a label.
    pub(super) fn touch(&self) {
        let mut state = self.state();
        let Some(lease) = state.store.object("leases", "ns", "lock") else { return };
        let mut lease = Object::clone(lease);
        lease.0["metadata"]["labels"]["touched"] = self.1.now().to_string().into();
        state.store.update_object("leases", lease).unwrap();
    }

    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.down.clear();
        let now = Instant::now();
        state.cut_off.fill(now);
        drop(state);
        self.2.notify_waiters();
    }

    pub(super) fn leader(&self) -> Option<usize> {
        self.state().leader
    }

    pub(super) fn killed(&self, who: usize) {
        let mut state = self.state();
        state.leader.take_if(|leader| *leader == who);
    }

    /// A replica has won; gives the number of its term.
    pub(super) fn won(&self, who: usize) -> u64 {
        let mut state = self.state();
        state.leader = Some(who);
        state.terms += 1;
        state.terms
    }

    /// A receiver is sent events by a leader.
    pub(super) fn take(&self, lane: &'static str, term: u64, ids: &[String]) -> bool {
        let mut state = self.state();
        if term != state.terms {
            let newest = state.terms;
            state.wrong.push(format!("{lane} was sent {ids:?} in term {term} of {newest}"));
        }
        if state.down.contains(lane) {
            return false;
        }
        for id in ids {
            *state.taken.entry((lane, id.clone())).or_default() += 1;
        }
        true
    }

    pub(super) fn has_everything(&self) -> bool {
        self.missing().is_empty()
    }

    /// Everything that was written and not taken, by receiver.
    fn missing(&self) -> Vec<String> {
        let state = self.state();
        let ids = state.store.ledger().entries();
        let ids: Vec<_> = ids.map(|it| format!("{}/{}", it.uid_text(), it.revision)).collect();
        let missing = LANES.iter().flat_map(|lane| ids.iter().map(move |id| (*lane, id)));
        let missing =
            missing.filter(|(lane, id)| !state.taken.contains_key(&(lane, (*id).clone())));
        missing.map(|(lane, id)| format!("{lane}: {id}")).collect()
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let missing = self.missing();
        let state = self.state();
        if !missing.is_empty() {
            return Err(format!("missing: {missing:#?}"));
        }
        if !state.wrong.is_empty() {
            return Err(format!("{:#?}", state.wrong));
        }
        let written = state.store.ledger().entries();
        let written: HashSet<_> =
            written.map(|it| format!("{}/{}", it.uid_text(), it.revision)).collect();
        let strange = state.taken.keys().find(|(_, id)| !written.contains(id));
        strange
            .map_or(Ok(()), |(lane, id)| Err(format!("{lane} was sent {id}, which nobody wrote")))
    }

    /// The API server, as this replica reaches it.
    pub(super) fn seen_by(&self, who: usize) -> Server {
        Server { cluster: self.clone(), who }
    }
}

#[derive(Clone)]
pub(super) struct Server {
    cluster: Cluster,
    who: usize,
}

impl Server {
    /// A request arrives, or is lost on the way.
    async fn arrive(&self) -> Result<(), ApiError> {
        sleep(LATENCY).await;
        if !self.is_cut_off() {
            return Ok(());
        }
        // Some connections are refused, others time out.
        sleep(Duration::from_secs(3)).await;
        Err(ApiError::Connection("cut off".into()))
    }

    fn is_cut_off(&self) -> bool {
        self.cut_until() > Instant::now()
    }

    fn cut_until(&self) -> Instant {
        self.cluster.state().cut_off[self.who]
    }

    /// What a watch shows from now on.
    fn changes(self, revision: u64) -> BoxStream<'static, Result<Vec<Frame>, ApiError>> {
        futures::stream::unfold((self, revision), |(server, from)| async move {
            loop {
                let changed = Arc::clone(&server.cluster.2);
                let changed = changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                let until = server.cut_until();
                if until > Instant::now() {
                    // Nothing is lost on the way: it comes late.
                    tokio::select! {
                        () = sleep_until(until) => {}
                        () = changed => {}
                    }
                    continue;
                }
                let found = server.after(from);
                if let Some((newest, _)) = found.last() {
                    let newest = *newest;
                    let frames = found.into_iter().map(|(_, frame)| frame).collect();
                    return Some((Ok(frames), (server, newest)));
                }
                changed.await;
            }
        })
        .boxed()
    }

    fn after(&self, revision: u64) -> Vec<(u64, Frame)> {
        let (state, selection) = (self.cluster.state(), Selection::default());
        let changes = state.store.changes(revision, &selection).unwrap();
        changes.map(|it| (it.revision, frame(it.kind, &it.object))).collect()
    }
}

fn frame(kind: ChangeKind, object: &Arc<Event>) -> Frame {
    let event = Box::new(Event::clone(object));
    match kind {
        ChangeKind::Added => Frame::Added(event),
        ChangeKind::Deleted => Frame::Deleted(event),
        ChangeKind::Modified => Frame::Modified(event),
    }
}

impl EventsApi for Server {
    type Frames = BoxStream<'static, Result<Vec<Frame>, ApiError>>;

    async fn probe(&self) -> Result<u64, ApiError> {
        self.arrive().await?;
        Ok(self.cluster.state().store.revision())
    }

    async fn list(&self, page: Page) -> Result<Self::Frames, ApiError> {
        self.arrive().await?;
        let query = ListQuery {
            limit: 4,
            continue_token: page.token.unwrap_or_default(),
            ..ListQuery::default()
        };
        let answer = self.cluster.state().store.list(&query).unwrap();
        let next = (!answer.continue_token.is_empty()).then_some(answer.continue_token);
        let items = answer.items.iter().map(|item| Frame::Item(Box::new(Event::clone(item))));
        let mut frames: Vec<_> = items.collect();
        frames.push(Frame::PageEnd { revision: Some(answer.revision), next });
        Ok(futures::stream::iter([Ok(frames)]).boxed())
    }

    async fn watch(&self, from: WatchFrom) -> Result<Self::Frames, ApiError> {
        self.arrive().await?;
        match from {
            WatchFrom::Revision(revision) | WatchFrom::Glance(revision, _) => {
                Ok(self.clone().changes(revision))
            }
            WatchFrom::InitialEvents => {
                Err(ApiError::NotUnderstood { status: 422, message: "no".into() })
            }
        }
    }
}

impl LeaseApi for Server {
    fn new_lease(&self) -> Lease {
        Lease::new("ns", "lock")
    }

    async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        self.arrive().await?;
        let state = self.cluster.state();
        Ok(state.store.object("leases", "ns", "lock").map(|found| lease(found)))
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.write(|store, now| store.create_object("leases", object(lease), now)).await
    }

    async fn update(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.write(|store, _| store.update_object("leases", object(lease))).await
    }
}

impl Server {
    async fn write(
        &self,
        write: impl FnOnce(&mut Store, Timestamp) -> Result<Arc<Object>, WriteError> + Send,
    ) -> Result<Lease, LeaseError> {
        self.arrive().await?;
        let now = self.cluster.1.now();
        let written = write(&mut self.cluster.state().store, now);
        let written = written.map_err(|_| LeaseError::Conflict)?;
        // The answer, too, takes its time, or never comes.
        self.arrive().await?;
        Ok(lease(&written))
    }
}

fn lease(object: &Object) -> Lease {
    Lease::from_json(object.0.to_string().as_bytes()).unwrap()
}

fn object(lease: &Lease) -> Object {
    Object(serde_json::from_slice(&lease.to_json()).unwrap())
}
