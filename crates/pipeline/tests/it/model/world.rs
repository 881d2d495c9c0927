//! The simulated cluster: the playground's store behind the API trait, a journal model, a clock that
//! is the runtime's paused one, and troubles to order.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use event::{
    Clock, Event, EventKey, Journal, LaneId, Occurrences, Origin,
    counting::{Arrival, Since},
    journal::{Commit, Committed, JournalError, LaneTally, Position, Progress},
    time,
};
use futures::{Stream, StreamExt, stream::BoxStream};
use jiff::Timestamp;
use pipeline::{
    collect::{
        api::{ApiError, EventsApi, Page, WatchFrom},
        frames::Frame,
    },
    save::memory::{Failure, MemoryJournal},
};
use playground::store::{
    ChangeKind, ListQuery, ReadError, Selection, Snapshot, Store, StoreOptions,
};
use proptest::prelude::*;
use tokio::time::Instant;

use super::{
    objects::ObjectsToCome,
    oracle::{Delivered, Oracle, name_of},
};

/// The runtime's paused clock as a wall clock.
#[derive(Debug)]
pub(super) struct TokioClock;

impl Clock for TokioClock {
    fn now(&self) -> Timestamp {
        thread_local! {
            static START: std::cell::Cell<Option<Instant>> = const { std::cell::Cell::new(None) };
        }
        let now = Instant::now();
        let start = START.get().filter(|start| *start <= now);
        let start = start.unwrap_or_else(|| {
            START.set(Some(now));
            now
        });
        let passed = now.duration_since(start);
        Timestamp::from_second(1_700_000_000).unwrap() + passed
    }
}

fn now() -> u32 {
    time::to_u32(Some(TokioClock.now()))
}

/// Something that goes wrong at the API server or on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// The next request is refused with 429.
    Busy,
    /// The next request fails with 500.
    Fail,
    /// The next request never arrives.
    Unreachable,
    /// The open watch is cut, after so many more frames.
    Cut(u8),
    /// The open watch ends as watches do.
    Close,
    /// The open watch stands and delivers nothing more.
    Freeze,
    /// The open watch is told that its revision is too old.
    ExpireWatch,
    /// A watch from a compacted revision is answered with 200 and closed, from now on or no more.
    ToggleStaleTrap,
    /// The next page of a list breaks off in the middle.
    TearPage,
    /// Everything is compacted before the next page of a list.
    CompactBeforePage,
    /// A list that was overtaken is offered no token to go on with.
    WithholdToken,
    /// The server stops, or begins, to understand `sendInitialEvents`.
    ToggleStreamedLists,
}

pub(super) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Busy),
        Just(Fault::Fail),
        Just(Fault::Unreachable),
        (0u8..4).prop_map(Fault::Cut),
        Just(Fault::Close),
        Just(Fault::Freeze),
        Just(Fault::ExpireWatch),
        Just(Fault::ToggleStaleTrap),
        Just(Fault::TearPage),
        Just(Fault::CompactBeforePage),
        Just(Fault::WithholdToken),
        Just(Fault::ToggleStreamedLists),
    ]
}

/// The lane that wants only the first revision of each Event.
const FIRST: LaneId = LaneId(1);
/// How long the server takes to answer: long enough for the world to change meanwhile.
const LATENCY: Duration = Duration::from_millis(100);
/// How long an Event lives here; leases add up to a minute.
const TTL: Duration = Duration::from_secs(90);

#[derive(Clone)]
pub(super) struct World(Arc<Mutex<State>>);

pub(super) struct State {
    store: Store,
    snapshot: Option<(Snapshot, Recorders)>,
    journal: MemoryJournal,
    /// The perfect client, as far as the journal knows.
    oracle: Oracle,
    /// What was served and is not saved yet, in order.
    served: VecDeque<Served>,
    /// Every change up to this revision has been served; and that is saved.
    covered: u64,
    saved: u64,
    /// The objects that events are about; none are looked up when there are none.
    pub(super) objects: Option<ObjectsToCome>,
    recorders: Recorders,
    /// Everything the journal ever took, in order.
    rows: Vec<Delivered>,
    faults: Vec<Fault>,
    stale_trap: bool,
    streams_lists: bool,
    /// The watch with this number is cut or frozen.
    watches: u64,
    cut: Option<(u64, u8)>,
    closed: HashSet<u64>,
    frozen: HashSet<u64>,
    expired: HashSet<u64>,
    changed: Arc<tokio::sync::Notify>,
    /// How the frames of the running list are to be judged.
    listing: Option<Arrival>,
    /// No page of the running list was of a newer state than the others.
    consistent: bool,
    commits: u64,
    /// A pass that has shown everything up to this revision, and is not yet saved.
    ending: Option<u64>,
    /// What was ordered for the next commit.
    failure: Option<Failure>,
}

/// Something that a client was told.
enum Served {
    Living(Box<Event>, Arrival, u32),
    Deleted(Box<Event>),
    /// A list begins.
    Pass,
    /// A list begins, of a storage that was set back.
    Epoch(u32),
}

/// By namespace and name.
type Recorders = HashMap<(u8, u8), Recorder>;

/// What a recorder remembers of an Event that it keeps writing.
#[derive(Debug, Clone, Copy)]
struct Recorder {
    total: i32,
    first: Timestamp,
}

impl World {
    /// With or without `objects` that events can wait for.
    pub(super) fn new(objects: bool) -> Self {
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
            commits: 0,
            ending: None,
            failure: None,
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
        if let Some(objects) = &mut state.objects {
            event.involved.reference = objects.expect(namespace, name, recorder.total);
        }
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
        let position = state.position().map_or(0, |position| position.revision);
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

    pub(super) fn trouble(&self, fault: Fault) {
        let mut state = self.state();
        let open = state.watches;
        match fault {
            Fault::Cut(frames) => state.cut = Some((open, frames)),
            Fault::Close => drop(state.closed.insert(open)),
            Fault::Freeze => drop(state.frozen.insert(open)),
            Fault::ExpireWatch => drop(state.expired.insert(open)),
            Fault::ToggleStaleTrap => state.stale_trap = !state.stale_trap,
            Fault::ToggleStreamedLists => state.streams_lists = !state.streams_lists,
            other => state.faults.push(other),
        }
        state.changed.notify_waiters();
    }

    pub(super) fn fail_next_commit(&self, failure: Failure) {
        let mut state = self.state();
        state.failure = Some(failure);
        state.journal.fail_next(failure, JournalError::Io("on purpose".into()));
    }

    pub(super) fn heal(&self) {
        self.state().faults.clear();
    }

    /// The process dies: what was served and not saved is forgotten, by the oracle too.
    pub(super) fn crash(&self) {
        let mut state = self.state();
        state.journal.crash();
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
    }

    pub(super) fn commit(&self, commit: &Commit) -> Result<Committed, JournalError> {
        let mut state = self.state();
        let outcome = state.journal.commit(commit);
        let kept = match &outcome {
            Ok(_) => true,
            // A failure that was ordered: did it strike before or after the disk had it?
            Err(_) => state.failure.take() == Some(Failure::After),
        };
        if kept {
            state.see_what_is_saved(commit);
            // What a list no longer shows is forgotten when the position has moved past it.
            let moved = commit.position.as_ref().map(|(_, position)| position.revision);
            if moved.is_some() && state.ending == moved {
                state.ending = None;
                state.oracle.end_pass(moved.unwrap_or_default());
                state.covered = moved.unwrap_or_default();
            }
            for row in &commit.rows {
                let Some(event) = &row.event else { continue };
                if event.origin == Origin::Tidings {
                    continue;
                }
                let metadata = &event.metadata;
                let Occurrences { before, after } = event.occurrences;
                state.rows.push(Delivered {
                    id: format!("{}/{}/{}", event.epoch, metadata.uid, metadata.resource_version),
                    before,
                    after,
                    first: row.lanes.contains(FIRST),
                });
            }
            state.saved = state.covered;
            state.commits += 1;
            if state.commits.is_multiple_of(3) {
                state.deliver_everything();
            }
        }
        outcome
    }

    /// Everything the promise says, after every trouble has ended.
    pub(super) fn check(&self) -> Result<(), String> {
        let mut state = self.state();
        if !state.served.is_empty() {
            return Err(format!("{} things were never taken", state.served.len()));
        }
        let mut delivered = state.oracle.delivered.clone();
        if state.objects.is_some() {
            // Events pass one another while they wait; the revisions of one Event do not.
            let uid = |row: &Delivered| row.id.split('/').nth(1).map(str::to_owned);
            delivered.sort_by_key(uid);
            state.rows.sort_by_key(uid);
        }
        if state.rows != delivered {
            return Err(format!(
                "delivered {:#?}\nbut a perfect client would have delivered {delivered:#?}",
                state.rows
            ));
        }
        let mut ids = HashSet::new();
        if let Some(twice) = state.rows.iter().find(|row| !ids.insert(row.id.clone())) {
            return Err(format!("{} came twice", twice.id));
        }
        let living = state.store.list(&ListQuery::default()).unwrap().items;
        for event in living {
            let believed = state.oracle.total(&event.metadata.uid);
            if believed != Some(event.total()) {
                return Err(format!(
                    "{} stands at {}, the client believes {believed:?}",
                    event.id(),
                    event.total()
                ));
            }
        }
        let ledger = state.journal.ledger().unwrap();
        if !ledger.balances() {
            return Err(format!("the ledger does not balance: {ledger:?}"));
        }
        Ok(())
    }
}

impl State {
    /// Every lane sends what it has, and what nobody needs any more is trimmed.
    fn deliver_everything(&mut self) {
        let mut commit = Commit::default();
        let last = self.journal.load(&mut |_| {}).unwrap().last;
        for (lane, waiting) in self.journal.ledger().unwrap().lanes {
            commit.progress.push(Progress { lane: lane.id, cursor: last, done_above: Vec::new() });
            let tally = LaneTally { delivered: waiting, ..LaneTally::default() };
            commit.lane_tallies.push((lane.id, tally));
        }
        // A failure that was ordered is meant for the collector's commit.
        if self.journal.commit(&commit).is_ok() {
            self.journal.trim(TokioClock.now()).unwrap();
        }
    }

    /// The perfect client sees what the commit holds. Only what waits for an object, or behind such an
    /// event, may be missing, and the position must stay below it.
    fn see_what_is_saved(&mut self, commit: &Commit) {
        let id = |event: &Event| {
            format!("{}/{}/{}", event.epoch, event.metadata.uid, event.metadata.resource_version)
        };
        let events = commit.rows.iter().filter_map(|row| row.event.as_deref());
        let happened: HashSet<String> = events.map(id).collect();
        let changes = commit.rows.iter().filter_map(|row| row.change.as_ref());
        let gone: HashSet<EventKey> = changes.filter(|it| it.gone).map(|it| it.key).collect();
        let (mut waiting, mut names) = (VecDeque::new(), HashSet::new());
        for served in self.served.drain(..) {
            let (event, is_saved) = match &served {
                Served::Pass | Served::Epoch(_) => {
                    assert!(waiting.is_empty(), "a list began while events waited");
                    match served {
                        Served::Epoch(epoch) => self.oracle.begin_epoch(epoch),
                        _ => self.oracle.begin_pass(),
                    }
                    continue;
                }
                Served::Living(event, arrival, now) => {
                    let (id, happens) = self.oracle.look(event, *arrival, *now);
                    (event, happens.is_none() || happened.contains(&id))
                }
                Served::Deleted(event) => (event, gone.contains(&EventKey::of(event))),
            };
            let name = name_of(event);
            if names.contains(&name) || !is_saved {
                let revision = event.revision().unwrap();
                let position = commit.position.as_ref().map_or(0, |(_, it)| it.revision);
                assert!(position < revision, "{position} was saved, and {revision} waits");
                assert!(self.objects.is_some(), "nothing waits here, but {revision} is not saved");
                names.insert(name);
                waiting.push_back(served);
                continue;
            }
            match served {
                Served::Living(event, arrival, now) => self.oracle.see(&event, arrival, now),
                Served::Deleted(event) => self.oracle.see_deleted(&event),
                Served::Pass | Served::Epoch(_) => {}
            }
        }
        self.served = waiting;
    }

    fn serve(&mut self, event: &Event, arrival: Arrival) {
        self.served.push_back(Served::Living(Box::new(event.clone()), arrival, now()));
    }

    /// The saved position, if there is one.
    fn position(&mut self) -> Option<Position> {
        self.journal.load(&mut |_| {}).unwrap().position("all")
    }

    fn next_fault(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.faults.iter().position(wanted)?;
        Some(self.faults.remove(at))
    }

    /// What every request can run into.
    fn request(&mut self) -> Result<(), ApiError> {
        let trouble =
            |fault: &Fault| matches!(fault, Fault::Busy | Fault::Fail | Fault::Unreachable);
        match self.next_fault(trouble) {
            Some(Fault::Busy) => Err(ApiError::Busy {
                status: 429,
                message: "on purpose".into(),
                retry_after: Some(Duration::from_secs(1)),
            }),
            Some(Fault::Fail) => {
                Err(ApiError::Failed { status: 500, message: "on purpose".into() })
            }
            Some(_) => Err(ApiError::Connection("on purpose".into())),
            None => Ok(()),
        }
    }

    /// A list begins: how it is to be judged follows from the saved position alone.
    fn begin_list(&mut self) -> Arrival {
        let arrival = match self.position() {
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
    fn is_set_back(&mut self) -> bool {
        let epoch = self.position().map_or(0, |position| position.epoch);
        self.store.restores() > epoch
    }
}

impl EventsApi for World {
    type Frames = BoxStream<'static, Result<Vec<Frame>, ApiError>>;

    async fn probe(&self) -> Result<u64, ApiError> {
        tokio::time::sleep(LATENCY).await;
        let mut state = self.state();
        state.request()?;
        Ok(state.store.revision())
    }

    async fn list(&self, page: Page) -> Result<Self::Frames, ApiError> {
        tokio::time::sleep(LATENCY).await;
        let mut state = self.state();
        state.request()?;
        if state.next_fault(|fault| *fault == Fault::CompactBeforePage).is_some() {
            let newest = state.store.revision();
            state.store.compact(newest);
        }
        if page.token.is_none() {
            state.begin_list();
        }
        let arrival = state.listing.unwrap();
        let query = ListQuery {
            limit: 3,
            continue_token: page.token.unwrap_or_default(),
            ..ListQuery::default()
        };
        let answer = match state.store.list(&query) {
            Ok(answer) => answer,
            Err(ReadError::ContinueExpired { go_on }) => {
                state.consistent = false;
                let withheld = state.next_fault(|fault| *fault == Fault::WithholdToken).is_some();
                return Err(ApiError::Expired {
                    message: "too old".into(),
                    inconsistent: (!withheld).then_some(go_on),
                });
            }
            Err(error) => {
                return Err(ApiError::Failed { status: 504, message: error.to_string() });
            }
        };
        let torn = state.next_fault(|fault| *fault == Fault::TearPage).is_some();
        let next = (!answer.continue_token.is_empty()).then_some(answer.continue_token);
        drop(state);
        let world = self.clone();
        let items: Vec<_> = answer.items.iter().map(|item| Event::clone(item)).collect();
        let (kept, revision) = (if torn { items.len() / 2 } else { items.len() }, answer.revision);
        let mut reads: Vec<Result<Vec<Frame>, ApiError>> = Vec::new();
        for item in items.into_iter().take(kept) {
            reads.push(Ok(vec![Frame::Item(Box::new(item))]));
        }
        if torn {
            reads.push(Err(ApiError::Connection("torn on purpose".into())));
        } else {
            reads.push(Ok(vec![Frame::PageEnd { revision: Some(revision), next }]));
        }
        Ok(futures::stream::iter(reads)
            .inspect(move |read| {
                let Ok(frames) = read else { return };
                let mut state = world.state();
                for frame in frames {
                    match frame {
                        Frame::Item(event) => state.serve(event, arrival),
                        Frame::PageEnd { next: None, revision: Some(revision) } => {
                            state.end_pass(*revision);
                        }
                        _ => {}
                    }
                }
            })
            .boxed())
    }

    async fn watch(&self, from: WatchFrom) -> Result<Self::Frames, ApiError> {
        tokio::time::sleep(LATENCY).await;
        let mut state = self.state();
        state.request()?;
        let revision = match from {
            WatchFrom::Revision(revision) | WatchFrom::Glance(revision, _) => revision,
            WatchFrom::InitialEvents if !state.streams_lists => {
                return Err(ApiError::NotUnderstood { status: 422, message: "no".into() });
            }
            WatchFrom::InitialEvents => state.store.revision(),
        };
        let glance = matches!(from, WatchFrom::Glance(..));
        if let WatchFrom::Revision(revision) = from
            && !state.is_set_back()
        {
            assert!(
                revision <= state.saved,
                "a watch from {revision}, but only what is up to {} was served and saved",
                state.saved
            );
        }
        match state.store.changes(revision, &Selection::default()).map(|_| ()) {
            Ok(()) => {}
            Err(ReadError::Compacted { .. }) if state.stale_trap => {
                return Ok(futures::stream::empty().boxed());
            }
            Err(_) => {
                return Err(ApiError::Expired { message: "too old".into(), inconsistent: None });
            }
        }
        let mut first = Vec::new();
        if from == WatchFrom::InitialEvents {
            let arrival = state.begin_list();
            let items = state.store.list(&ListQuery::default()).unwrap().items;
            first.extend(
                items.iter().map(|item| Serve::Initial(Box::new(Event::clone(item)), arrival)),
            );
            first.push(Serve::InitialEnd(revision));
        }
        if !glance {
            state.watches += 1;
        }
        let number = if glance { u64::MAX } else { state.watches };
        let changed = Arc::clone(&state.changed);
        drop(state);
        let watch = Watch { world: self.clone(), number, revision, first, changed, over: false };
        Ok(watch.frames().boxed())
    }
}

impl State {
    /// A list is complete; it says what is gone only if no page of it was of a newer state, and all
    /// of it not of an older one.
    fn end_pass(&mut self, revision: u64) {
        let position = self.position().map_or(0, |position| position.revision);
        if self.consistent && revision >= position {
            self.ending = Some(revision);
        }
    }
}

enum Serve {
    Initial(Box<Event>, Arrival),
    InitialEnd(u64),
}

struct Watch {
    world: World,
    number: u64,
    revision: u64,
    first: Vec<Serve>,
    changed: Arc<tokio::sync::Notify>,
    over: bool,
}

impl Watch {
    fn frames(self) -> impl Stream<Item = Result<Vec<Frame>, ApiError>> + Send {
        futures::stream::unfold(self, |mut watch| async move {
            loop {
                if watch.over {
                    return None;
                }
                let changed = Arc::clone(&watch.changed);
                let changed = changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(read) = watch.read() {
                    return read.map(|read| (read, watch));
                }
                changed.await;
            }
        })
    }

    /// What the next read brings; `None` while there is nothing, `Some(None)` at the end.
    #[expect(clippy::option_option, reason = "nothing yet and nothing ever are two things")]
    fn read(&mut self) -> Option<Option<Result<Vec<Frame>, ApiError>>> {
        let world = self.world.clone();
        let mut state = world.state();
        if self.number == u64::MAX {
            return self.glance(&state);
        }
        if state.closed.contains(&self.number) {
            return Some(None);
        }
        if state.frozen.contains(&self.number) {
            return None;
        }
        if let Some((number, left)) = state.cut
            && number == self.number
        {
            if left == 0 {
                self.over = true;
                return Some(Some(Err(ApiError::Connection("cut on purpose".into()))));
            }
            state.cut = Some((number, left - 1));
        }
        if !self.first.is_empty() {
            return Some(Some(Ok(vec![self.initial(&mut state)])));
        }
        if state.expired.contains(&self.number) {
            self.over = true;
            let expired = ApiError::Expired { message: "too old".into(), inconsistent: None };
            return Some(Some(Ok(vec![Frame::Error(expired)])));
        }
        let selection = Selection::default();
        let Ok(mut changes) = state.store.changes(self.revision, &selection) else {
            self.over = true;
            let expired = ApiError::Expired { message: "too old".into(), inconsistent: None };
            return Some(Some(Err(expired)));
        };
        let next = changes.next().map(|change| change.revision)?;
        drop(changes);
        self.serve_revision(&mut state, next)
    }

    /// Serves the changes of one revision, one read each: between them the connection can be cut.
    #[expect(clippy::option_option, reason = "as above")]
    fn serve_revision(
        &mut self,
        state: &mut State,
        revision: u64,
    ) -> Option<Option<Result<Vec<Frame>, ApiError>>> {
        let selection = Selection::default();
        let changes: Vec<_> = state
            .store
            .changes(self.revision, &selection)
            .ok()?
            .take_while(|change| change.revision == revision)
            .collect();
        let whole = state.cut.is_none_or(|(number, left)| {
            number != self.number || usize::from(left) + 1 >= changes.len()
        });
        let served = if whole { changes.len() } else { 1 };
        let mut frames = Vec::new();
        for change in &changes[..served] {
            let event = Event::clone(&change.object);
            frames.push(match change.kind {
                ChangeKind::Deleted => {
                    state.served.push_back(Served::Deleted(Box::new(event.clone())));
                    Frame::Deleted(Box::new(event))
                }
                kind => {
                    state.serve(&event, Arrival::Live);
                    if kind == ChangeKind::Added {
                        Frame::Added(Box::new(event))
                    } else {
                        Frame::Modified(Box::new(event))
                    }
                }
            });
        }
        if whole {
            self.revision = revision;
            state.covered = revision;
        } else {
            // The rest of the revision is never served on this connection.
            state.cut = Some((self.number, 0));
        }
        Some(Some(Ok(frames)))
    }

    fn initial(&mut self, state: &mut State) -> Frame {
        match self.first.remove(0) {
            Serve::Initial(event, arrival) => {
                state.serve(&event, arrival);
                Frame::Added(event)
            }
            Serve::InitialEnd(revision) => {
                state.end_pass(revision);
                Frame::Bookmark { revision, initial_end: true }
            }
        }
    }

    /// A second look beside the watch: served, but not taken.
    #[expect(clippy::option_option, reason = "as above")]
    fn glance(&mut self, state: &State) -> Option<Option<Result<Vec<Frame>, ApiError>>> {
        let selection = Selection::default();
        let Ok(changes) = state.store.changes(self.revision, &selection) else {
            return Some(None);
        };
        let changes: Vec<_> = changes.collect();
        self.revision = changes.last()?.revision;
        let frame = |object: &Arc<Event>| Frame::Modified(Box::new(Event::clone(object)));
        Some(Some(Ok(changes.iter().map(|change| frame(&change.object)).collect())))
    }
}
