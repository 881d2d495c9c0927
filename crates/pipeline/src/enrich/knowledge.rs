//! What is known of the cluster's objects, by watching them and by asking for them; shared by the
//! watches that fill it and the events that read it.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use event::{Clock, Enrichment, Event, Text, time};
use prometheus::{Histogram, HistogramVec, core::Collector};
use tokio::sync::{Notify, mpsc, watch};

use super::{
    answers::{Answer, Answers, Spot, Target},
    kinds::{KindId, Kinds, WATCHED},
    look::Look,
    objects::{Metadata, Objects, Pass, Place},
    refusals::Refusals,
    stats::Stats,
};
use crate::measures::{self, MetricFamily};

/// What is asked for. What nobody asks for is neither kept nor waited for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Needs {
    /// Annotations of the involved object.
    pub annotations: bool,
    /// The whole owner chain; without it, as much of it as is known anyway.
    pub owner_chain: bool,
    /// Labels of the event's namespace.
    pub namespace_labels: bool,
}

/// How a watched kind is known.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Coverage {
    /// By asking only.
    #[default]
    Asked,
    /// Its watch has not shown everything yet.
    Starting,
    /// By its watch.
    Watched,
    /// We may not watch it; by asking.
    Denied,
}

/// How long an event can wait for what is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Patience {
    /// For a moment.
    Some,
    /// Not for a watch: it is about something that a watch would have shown long ago.
    Old,
    /// No longer.
    None,
}

/// What has to be known first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Missing {
    pub(super) target: Target,
    /// A watch will show it, if it exists.
    pub(super) watched: bool,
}

/// See the module.
#[derive(Debug)]
pub struct Knowledge {
    /// What is asked for.
    pub needs: Needs,
    /// What is counted.
    pub stats: Stats,
    /// How long events were held.
    pub(super) waits: Histogram,
    /// How long the lists of each kind took.
    pub(super) lists: HistogramVec,
    state: Mutex<State>,
    asks: mpsc::Sender<Target>,
    coverage: watch::Sender<[Coverage; WATCHED.len()]>,
    /// The namespaces that are watched; all when empty.
    pub(super) namespaces: Vec<Text>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug)]
pub(super) struct State {
    pub(super) kinds: Kinds,
    pub(super) objects: Objects,
    pub(super) answers: Answers,
    pub(super) coverage: [Coverage; WATCHED.len()],
    pub(super) refusals: Refusals,
    /// Who waits for what.
    awaited: HashMap<Spot, Vec<Arc<Inbox>>>,
    /// What is being asked for.
    flying: HashSet<(Spot, Text)>,
}

/// Where somebody who waits is told that something may be known.
#[derive(Debug, Default)]
pub(super) struct Inbox {
    arrived: Mutex<Vec<Spot>>,
    notify: Notify,
}

impl Inbox {
    /// Waits until there is something. May wake up for nothing.
    pub(super) async fn filled(&self) {
        self.notify.notified().await;
    }

    /// What may be known since the last time.
    pub(super) fn take(&self) -> Vec<Spot> {
        std::mem::take(&mut self.arrived.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn put(&self, spot: Spot) {
        self.arrived.lock().unwrap_or_else(PoisonError::into_inner).push(spot);
        self.notify.notify_one();
    }
}

impl Knowledge {
    /// Nothing is known yet. What has to be asked comes out of the receiver, at most `asks` at a time;
    /// `cache` answers are kept.
    pub fn new(
        needs: Needs,
        namespaces: Vec<Text>,
        (cache, asks): (usize, usize),
        clock: Arc<dyn Clock>,
    ) -> (Arc<Self>, mpsc::Receiver<Target>) {
        let (sender, receiver) = mpsc::channel(asks.max(1));
        let state = State {
            kinds: Kinds::default(),
            objects: Objects::default(),
            answers: Answers::new(cache),
            coverage: Default::default(),
            refusals: Refusals::default(),
            awaited: HashMap::new(),
            flying: HashSet::new(),
        };
        let knowledge = Self {
            needs,
            stats: Stats::default(),
            waits: measures::waits(),
            lists: measures::lists(),
            state: Mutex::new(state),
            asks: sender,
            coverage: watch::channel(Default::default()).0,
            namespaces,
            clock,
        };
        (Arc::new(knowledge), receiver)
    }

    /// A watch of `kind` begins to show what exists.
    pub fn begin_pass(&self) -> Pass {
        self.state().objects.begin_pass()
    }

    /// A watch shows an object.
    pub fn put(&self, place: Place<'_>, mut metadata: Metadata, pass: Pass) {
        if !self.needs.annotations {
            metadata.annotations.clear();
        }
        let mut state = self.state();
        state.objects.put(place, &metadata, pass, self.now());
        Self::announce(state, place);
    }

    /// A watch shows the end of an object.
    pub fn remove(&self, place: Place<'_>, mut last: Metadata, pass: Pass) {
        if !self.needs.annotations {
            last.annotations.clear();
        }
        let mut state = self.state();
        state.objects.remove(place, &last, pass, self.now());
        Self::announce(state, place);
    }

    /// A watch has shown everything.
    pub fn end_pass(&self, kind: KindId, namespace: Option<&str>, pass: Pass) {
        self.state().objects.end_pass(kind, namespace, pass, self.now());
    }

    /// How a kind is known from now on.
    pub fn cover(&self, kind: KindId, coverage: Coverage) {
        let Some(at) = kind.watched_at() else { return };
        self.state().coverage[at] = coverage;
        self.coverage.send_modify(|all| all[at] = coverage);
    }

    /// How each of [`WATCHED`] is known.
    pub fn coverage(&self) -> watch::Receiver<[Coverage; WATCHED.len()]> {
        self.coverage.subscribe()
    }

    /// How many objects there are of each of [`WATCHED`]. Looks at them one by one.
    pub fn objects(&self) -> [usize; WATCHED.len()] {
        self.state().objects.counts()
    }

    /// What a GET has told.
    pub fn answer(&self, target: Target, answer: Answer) {
        match answer {
            Answer::Found(_) | Answer::Refused => {}
            Answer::Gone | Answer::Unserved => self.stats.not_found.count(),
            Answer::Failed => self.stats.errors.count(),
        }
        let mut state = self.state();
        let spot = target.spot.clone();
        state.flying.remove(&(spot.clone(), target.uid.clone()));
        let now = self.now();
        if answer == Answer::Refused {
            state.refusals.add(spot.kind, self.asked_within(&spot.namespace), now);
        } else {
            state.answers.put(target, answer, now);
        }
        let place = Place { kind: spot.kind, namespace: &spot.namespace, name: &spot.name };
        Self::announce(state, place);
    }

    /// How many kinds we may not read, by what API servers said in the last minutes.
    pub fn refused_kinds(&self) -> usize {
        self.state().refusals.kinds(self.now())
    }

    /// How long lists took, and events were held.
    pub fn measured(&self) -> Vec<MetricFamily> {
        let mut families = self.lists.collect();
        families.extend(self.waits.collect());
        families
    }

    /// Whether it is known that objects like this one may not be read.
    pub(super) fn is_refused(&self, spot: &Spot) -> bool {
        let namespace = self.asked_within(&spot.namespace);
        self.state().refusals.holds(spot.kind, namespace, self.now())
    }

    /// Whether nobody was told yet that this kind may not be read; from now on somebody was.
    pub(super) fn tell_refused(&self, kind: KindId) -> bool {
        self.state().refusals.tell(kind)
    }

    /// Who follows chosen namespaces may have rights in some of them; else they hold for all or none.
    pub(super) fn asked_within<'n>(&self, namespace: &'n str) -> &'n str {
        if self.namespaces.is_empty() { "" } else { namespace }
    }

    /// Group and kind, by which a kind is asked for.
    pub fn kind_name(&self, kind: KindId) -> (Text, Text) {
        let state = self.state();
        let (group, kind) = state.kinds.name(kind);
        (group.into(), kind.into())
    }

    /// `inbox` waits no longer for it.
    pub(super) fn give_up(&self, spot: &Spot, inbox: &Arc<Inbox>) {
        let mut state = self.state();
        if let Some(waiting) = state.awaited.get_mut(spot) {
            waiting.retain(|other| !Arc::ptr_eq(other, inbox));
            if waiting.is_empty() {
                state.awaited.remove(spot);
            }
        }
    }

    /// Lets somebody ask for it; false when too much is being asked for already, or there is no point.
    pub(super) fn ask(&self, target: &Target) -> bool {
        let mut state = self.state();
        let Spot { kind, namespace, .. } = &target.spot;
        if state.refusals.holds(*kind, self.asked_within(namespace), self.now()) {
            self.stats.refused.count();
            return false;
        }
        let key = (target.spot.clone(), target.uid.clone());
        if state.flying.contains(&key) {
            return true;
        }
        if self.asks.try_send(target.clone()).is_err() {
            self.stats.throttled.count();
            return false;
        }
        state.flying.insert(key);
        true
    }

    /// Adds to `event` what is known, and says what is not; with [`Patience::None`] always nothing.
    /// What is missing is announced to `inbox` once it may be known.
    pub(super) fn complete(
        &self,
        event: &mut Event,
        patience: Patience,
        inbox: &Arc<Inbox>,
    ) -> Option<Missing> {
        let now = self.now();
        let mut state = self.state();
        let looked = Look::new(self, &mut state, patience, now).around(event);
        let complete = match looked {
            Ok(complete) => complete,
            Err(missing) => {
                let waiting = state.awaited.entry(missing.target.spot.clone()).or_default();
                if !waiting.iter().any(|other| Arc::ptr_eq(other, inbox)) {
                    waiting.push(Arc::clone(inbox));
                }
                return Some(*missing);
            }
        };
        event.involved.enrichment = if complete {
            self.stats.hits.count();
            Enrichment::Complete
        } else {
            self.stats.incomplete.count();
            Enrichment::Incomplete
        };
        None
    }

    /// Tells those who wait that something may be known about a place.
    fn announce(mut state: MutexGuard<'_, State>, place: Place<'_>) {
        if state.awaited.is_empty() {
            return;
        }
        let spot =
            Spot { kind: place.kind, namespace: place.namespace.into(), name: place.name.into() };
        let waiting = state.awaited.remove(&spot).unwrap_or_default();
        drop(state);
        for inbox in waiting {
            inbox.put(spot.clone());
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> u32 {
        time::to_u32(Some(self.clock.now()))
    }
}
