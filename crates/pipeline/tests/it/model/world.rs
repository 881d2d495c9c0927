//! The simulated cluster: the playground's store, a journal model, receivers, and a clock that is the
//! runtime's paused one. What answers a client is in `api` and `watch`, what becomes durable in `saving`.

use std::{
    cell::Cell,
    collections::{BTreeMap, HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use event::{
    Clock, Event, LaneId, ObjectRef,
    counting::{Arrival, Since},
    journal::{Commit, Position, Progress, Seq},
    time,
};
use jiff::Timestamp;
use pipeline::save::memory::{Failure, MemoryJournal};
use playground::store::{Snapshot, Store, StoreOptions};
use tokio::{sync::watch, time::Instant};

use super::{
    faults::Fault,
    objects::ObjectsToCome,
    oracle::{Delivered, Oracle},
    receivers::{Mood, Receiver},
    routes::{LANES, Routes},
};

/// The runtime's paused clock as a wall clock.
#[derive(Debug)]
pub(super) struct TokioClock;

thread_local! {
    static START: Cell<Option<Instant>> = const { Cell::new(None) };
}

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        let now = Instant::now();
        let passed = START.get().map_or(Duration::ZERO, |start| now.duration_since(start));
        Timestamp::from_second(1_700_000_000).unwrap() + passed
    }
}

pub(super) fn wall_time() -> Timestamp {
    TokioClock.now()
}

fn now() -> u32 {
    time::to_u32(Some(wall_time()))
}
/// How long the server takes to answer: long enough for the world to change meanwhile.
pub(super) const LATENCY: Duration = Duration::from_millis(100);
/// How long an Event lives here; leases add up to a minute.
const TTL: Duration = Duration::from_secs(90);

#[derive(Clone)]
pub(super) struct World(Arc<Mutex<State>>);

pub(super) struct State {
    pub(super) store: Store,
    pub(super) snapshot: Option<(Snapshot, Recorders)>,
    pub(super) journal: MemoryJournal,
    /// The perfect client, as far as the journal knows.
    pub(super) oracle: Oracle,
    /// What was served and is not saved yet, in order.
    pub(super) served: VecDeque<Served>,
    /// Every change up to this revision has been served; and that is saved.
    pub(super) covered: u64,
    pub(super) saved: u64,
    /// The objects that events are about; none are looked up when there are none.
    pub(super) objects: Option<ObjectsToCome>,
    pub(super) recorders: Recorders,
    /// Everything the journal ever took, in order.
    pub(super) rows: Vec<Delivered>,
    pub(super) faults: Vec<Fault>,
    pub(super) stale_trap: bool,
    pub(super) streams_lists: bool,
    /// The watch with this number is cut or frozen.
    pub(super) watches: u64,
    pub(super) cut: Option<(u64, u8)>,
    pub(super) closed: HashSet<u64>,
    pub(super) frozen: HashSet<u64>,
    pub(super) expired: HashSet<u64>,
    pub(super) changed: Arc<tokio::sync::Notify>,
    /// How the frames of the running list are to be judged.
    pub(super) listing: Option<Arrival>,
    /// No page of the running list was of a newer state than the others.
    pub(super) consistent: bool,
    /// A pass that has shown everything up to this revision, and is not yet saved.
    pub(super) ending: Option<u64>,
    /// What was ordered for the next commit.
    pub(super) failure: Option<Failure>,
    /// What is to be obeyed from the next start, or the next reload.
    pub(super) file: Routes,
    /// What becomes of the receiver that can be renamed.
    pub(super) renaming: Renaming,
    /// What is obeyed.
    pub(super) routes: Routes,
    /// How many rows that are not saved yet were decided by earlier configs.
    pub(super) before_reload: Vec<(usize, Routes)>,
    /// Receivers, by their place among [`LANES`](super::routes::LANES).
    pub(super) receivers: [Receiver; LANES.len()],
    /// Which receiver each lane of the journal has.
    pub(super) lanes: HashMap<LaneId, usize>,
    /// The newest row; changes when there are more.
    pub(super) head: watch::Sender<Seq>,
    /// The newest row that the journal has, whether or not anybody was told.
    pub(super) last: Seq,
    /// Which receivers each event was saved for, as bits.
    pub(super) decided: Vec<(String, u8)>,
    /// The row of each revision.
    pub(super) seqs: HashMap<String, Seq>,
    /// What lanes have reported and the journal does not have yet, and since when.
    pub(super) dues: Commit,
    pub(super) dues_since: Option<Instant>,
    /// How far each lane has come, as the journal knows.
    pub(super) saved_progress: HashMap<LaneId, Progress>,
    /// What each lane has in its hands.
    pub(super) handed: BTreeMap<LaneId, Seq>,
    /// The journal drops rows above so many bytes.
    pub(super) limit: Option<u64>,
    /// Of how many dropped rows of each lane somebody was told.
    pub(super) told: HashMap<LaneId, u64>,
    /// How often the process was killed.
    pub(super) kills: u32,
    /// The saved position; nobody else moves it.
    pub(super) position: Option<Position>,
}

/// The name of a receiver.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Renaming {
    /// At the next start it has the other one.
    pub(super) due: bool,
    /// It has another one than at first.
    pub(super) done: bool,
}

/// Something that a client was told.
pub(super) enum Served {
    Living(Box<Event>, Arrival, u32),
    Deleted(Box<Event>),
    /// A list begins.
    Pass,
    /// A list begins, of a storage that was set back.
    Epoch(u32),
}

/// By namespace and name.
pub(super) type Recorders = HashMap<(u8, u8), Recorder>;

/// What a recorder remembers of an Event that it keeps writing.
#[derive(Debug, Clone, Copy)]
pub(super) struct Recorder {
    total: i32,
    first: Timestamp,
}

impl World {
    /// With or without `objects` that events can wait for, and a limit of the journal.
    pub(super) fn new(objects: bool, limit: Option<u64>) -> Self {
        START.set(Some(Instant::now()));
        let options = StoreOptions { ttl: TTL, ..StoreOptions::default() };
        Self(Arc::new(Mutex::new(State {
            store: Store::new(&options),
            snapshot: None,
            // Small, so that snapshots of the live state are part of every history.
            journal: MemoryJournal::new(600),
            oracle: Oracle::default(),
            served: VecDeque::new(),
            covered: 0,
            saved: 0,
            objects: objects.then(ObjectsToCome::default),
            recorders: HashMap::new(),
            rows: Vec::new(),
            faults: Vec::new(),
            stale_trap: true,
            streams_lists: true,
            watches: 0,
            cut: None,
            closed: HashSet::new(),
            frozen: HashSet::new(),
            expired: HashSet::new(),
            changed: Arc::new(tokio::sync::Notify::new()),
            listing: None,
            consistent: true,
            ending: None,
            failure: None,
            file: Routes::default(),
            routes: Routes::default(),
            renaming: Renaming::default(),
            before_reload: Vec::new(),
            receivers: Default::default(),
            lanes: HashMap::new(),
            head: watch::Sender::new(0),
            last: 0,
            decided: Vec::new(),
            seqs: HashMap::new(),
            dues: Commit::default(),
            dues_since: None,
            saved_progress: HashMap::new(),
            handed: BTreeMap::new(),
            limit,
            told: HashMap::new(),
            kills: 0,
            position: None,
        })))
    }

    pub(super) fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    pub(super) fn with_journal<T>(&self, work: impl FnOnce(&mut MemoryJournal) -> T) -> T {
        work(&mut self.state().journal)
    }

    /// Time passes second by second, and Events expire when theirs has come.
    pub(super) async fn pass(&self, time: Duration) {
        let end = Instant::now() + time;
        loop {
            self.expire();
            self.state().save_old_dues();
            let now = Instant::now();
            if now >= end {
                // Everybody who can run does.
                for _ in 0..8 {
                    tokio::task::yield_now().await;
                }
                return;
            }
            tokio::time::sleep_until(end.min(now + Duration::from_secs(15))).await;
        }
    }

    pub(super) fn change_mood(&self, place: usize, mood: Mood) {
        self.state().receivers[place].mood = mood;
    }

    pub(super) fn rename_at_next_start(&self) {
        self.state().renaming.due = true;
    }

    /// A config is written, and obeyed at the next start or reload.
    pub(super) fn write_config(&self, routes: Routes) {
        self.state().file = routes;
    }

    /// The config that is written, and the one that is obeyed.
    pub(super) fn configs(&self) -> (Routes, Routes) {
        let state = self.state();
        (state.file, state.routes)
    }

    /// A config is obeyed from the next event on; so many rows are decided and not saved.
    pub(super) fn obeyed(&self, routes: Routes, pending: usize) {
        let mut state = self.state();
        let before = (pending, state.routes);
        state.before_reload.push(before);
        state.routes = routes;
        state.oracle.obey(routes);
    }

    pub(super) fn expire(&self) {
        let mut state = self.state();
        if !state.is_set_back() && state.store.expire(TokioClock.now()) > 0 {
            state.changed.notify_waiters();
        }
    }

    pub(super) fn write(&self, namespace: u8, name: u8, by: u32) {
        let now = TokioClock.now();
        let mut state = self.state();
        if state.is_set_back() {
            return;
        }
        let (ns, object) = (format!("ns-{namespace}"), format!("event-{name}"));
        let living = state.store.get(&ns, &object).map(|event| Event::clone(event));
        let recorder = state.recorders.get(&(namespace, name)).copied();
        let by = i32::try_from(by).unwrap();
        let recorder = match recorder {
            // An Event that never repeated leaves no tombstone: its recorder goes on by one.
            Some(Recorder { total: 1, first }) if living.is_none() => Recorder { total: 2, first },
            Some(recorder) => Recorder { total: recorder.total + by, ..recorder },
            None => Recorder { total: by, first: time::whole_seconds(now) },
        };
        state.recorders.insert((namespace, name), recorder);
        let mut event = living.clone().unwrap_or_default();
        event.metadata.namespace = ns.into();
        event.metadata.name = object.into();
        event.metadata.resource_version = "".into();
        event.involved.reference = match &mut state.objects {
            Some(objects) => objects.expect(namespace, name, recorder.total),
            None => ObjectRef {
                kind: "Pod".into(),
                namespace: event.metadata.namespace.clone(),
                name: event.metadata.name.clone(),
                ..ObjectRef::default()
            },
        };
        event.reason = "BackOff".into();
        event.count = recorder.total;
        event.first_timestamp = Some(recorder.first);
        event.last_timestamp = Some(time::whole_seconds(now));
        if living.is_some() {
            state.store.update(event, now).unwrap();
        } else {
            state.store.create(event, now).unwrap();
        }
        state.changed.notify_waiters();
    }

    pub(super) fn delete(&self, namespace: u8, name: u8) {
        let mut state = self.state();
        if state.is_set_back() {
            return;
        }
        drop(state.store.delete(&format!("ns-{namespace}"), &format!("event-{name}")));
        state.changed.notify_waiters();
    }

    pub(super) fn delete_namespace(&self, namespace: u8) {
        let mut state = self.state();
        if state.is_set_back() {
            return;
        }
        state.store.delete_namespace(&format!("ns-{namespace}"));
        // Its pods are gone: their recorders begin anew.
        state.recorders.retain(|(other, _), _| *other != namespace);
        state.changed.notify_waiters();
    }

    pub(super) fn compact(&self) {
        let mut state = self.state();
        let newest = state.store.revision();
        state.store.compact(newest);
    }

    pub(super) fn snapshot(&self) {
        let mut state = self.state();
        let snapshot = (state.store.snapshot(), state.recorders.clone());
        state.snapshot = Some(snapshot);
    }

    /// The storage goes back; every watch ends, as the API server is restarted for it. A restore
    /// that cannot be told from outside (the counter is soon as high as before) is not part of the
    /// promise, so it goes back only where that shows.
    pub(super) fn restore(&self) {
        let mut state = self.state();
        let Some((snapshot, recorders)) = state.snapshot.clone() else { return };
        let position = state.position.map_or(0, |position| position.revision);
        if state.is_set_back() || snapshot.revision() >= position {
            return;
        }
        state.store.restore(&snapshot);
        state.recorders = recorders;
        let open = state.watches;
        state.closed.extend(0..=open);
        state.changed.notify_waiters();
        state.covered = 0;
        state.saved = 0;
    }

    /// The process dies: what was served and not saved is forgotten, by the oracle too.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        state.journal.crash();
        state.kills += 1;
        state.failure = None;
        drop(state);
        self.forget_unsaved();
    }

    /// The process ends: what it has not saved was never served.
    pub(super) fn forget_unsaved(&self) {
        let mut state = self.state();
        state.served.clear();
        state.covered = state.saved;
        state.listing = None;
        state.ending = None;
        (state.dues, state.dues_since) = (Commit::default(), None);
        state.handed.clear();
        state.before_reload.clear();
        let last = state.last;
        state.head.send_replace(last);
    }
}

impl State {
    pub(super) fn serve(&mut self, event: &Event, arrival: Arrival) {
        self.served.push_back(Served::Living(Box::new(event.clone()), arrival, now()));
    }

    /// A list begins: how it is to be judged follows from the saved position alone.
    pub(super) fn begin_list(&mut self) -> Arrival {
        let arrival = match self.position {
            None => Arrival::FirstList,
            Some(Position { revision: 0, epoch, time, .. }) => {
                self.served.push_back(Served::Epoch(epoch));
                Arrival::Rebase { time }
            }
            Some(Position { revision, time, .. }) => Arrival::CatchUp(Since { revision, time }),
        };
        self.served.push_back(Served::Pass);
        self.ending = None;
        self.listing = Some(arrival);
        self.consistent = true;
        arrival
    }

    /// Whether the storage was set back and nobody has noticed yet. As long as that is so, nothing is
    /// written: a storage that has overtaken the position again cannot be told from one that was
    /// never set back.
    pub(super) fn is_set_back(&mut self) -> bool {
        let epoch = self.position.map_or(0, |position| position.epoch);
        self.store.restores() > epoch
    }
}
