use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use event::{
    Event, Journal, LaneId, LaneSet, Text,
    counting::Arrival,
    journal::{
        Commit, Committed, JournalError, Lane, LaneTally, Position, Progress, Restored, Seq,
        Trimmed,
    },
    time,
};
use jiff::{SignedDuration, Timestamp};
use proptest::prelude::*;

use super::*;
use crate::{
    collect::judge::judge,
    enrich::Enricher,
    limits::PerNamespace,
    route::{Receiver, Repeats, RouteSettings, RuleSettings},
    save::{MemoryJournal, live::Live},
};

/// When the tests begin.
const T: u32 = 1_700_000_000;

/// The receivers that a config can have; those with an even number want each revision.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// Many events on few objects, so that they repeat.
const OBJECTS: u8 = 4;

#[derive(Debug, Clone)]
struct Shared(Arc<Mutex<MemoryJournal>>);

impl Shared {
    fn journal(&self) -> MutexGuard<'_, MemoryJournal> {
        self.0.lock().unwrap()
    }
}

impl Save for Shared {
    async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        self.journal().commit(&commit)
    }
}

/// What can happen.
#[derive(Debug, Clone)]
enum Step {
    /// Something happens to an object once more.
    Happen(u8),
    /// A config with these receivers is read.
    Reload(BTreeSet<usize>),
    /// A receiver takes what waits for it.
    Deliver(usize),
    /// More than a day passes.
    Day,
    /// The process dies, and starts again.
    Crash,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        12 => (0..OBJECTS).prop_map(Step::Happen),
        4 => prop::collection::btree_set(0..NAMES.len(), 0..=NAMES.len()).prop_map(Step::Reload),
        3 => (0..NAMES.len()).prop_map(Step::Deliver),
        1 => Just(Step::Day),
        1 => Just(Step::Crash),
    ]
}

fn repeats(name: usize) -> Repeats {
    if name.is_multiple_of(2) { Repeats::Every } else { Repeats::First }
}

/// What is known of one receiver beside the journal.
#[derive(Debug, Clone, Default)]
struct Known {
    generation: u32,
    /// Rows that it has to be given.
    waiting: Vec<Seq>,
    /// Objects of which it has one, ever, in this generation, and since it was last added.
    reached: BTreeSet<u8>,
    surely: BTreeSet<u8>,
    removed: Option<Timestamp>,
}

struct World {
    journal: Shared,
    way: Way<Shared>,
    lanes: BTreeMap<usize, Lane>,
    known: Vec<Known>,
    counts: BTreeMap<u8, u32>,
    revision: u64,
    now: Timestamp,
}

fn text(name: usize) -> Text {
    NAMES[name].into()
}

fn router(lanes: &BTreeMap<usize, Lane>) -> Router {
    let rule = |name: &usize| RuleSettings { receiver: text(*name), ..RuleSettings::default() };
    let route = RouteSettings { matches: lanes.keys().map(rule).collect(), ..Default::default() };
    let receiver = |(name, lane): (&usize, &Lane)| Receiver {
        name: text(*name),
        lane: lane.id,
        repeats: repeats(*name),
    };
    Router::new(&route, &lanes.iter().map(receiver).collect::<Vec<_>>()).0
}

fn ids(lanes: &BTreeMap<usize, Lane>) -> LaneSet {
    lanes.values().map(|lane| lane.id).collect()
}

impl World {
    fn new() -> Self {
        let journal = Shared(Arc::new(Mutex::new(MemoryJournal::new(3000))));
        let lanes = BTreeMap::new();
        let way = Way::new(Live::new(), Enricher::default(), router(&lanes), journal.clone());
        Self {
            journal,
            way,
            lanes,
            known: vec![Known::default(); NAMES.len()],
            counts: BTreeMap::new(),
            revision: 0,
            now: time::from_parts(T.into(), 0).unwrap(),
        }
    }

    fn open(&mut self, names: &BTreeSet<usize>) {
        let texts: Vec<_> = names.iter().map(|name| text(*name)).collect();
        let lanes = self.journal.journal().open_lanes(&texts, self.now).unwrap();
        self.lanes = names.iter().copied().zip(lanes).collect();
    }

    fn reload(&mut self, names: &BTreeSet<usize>) {
        let before: BTreeSet<usize> = self.lanes.keys().copied().collect();
        self.open(names);
        self.way.reroute(router(&self.lanes), &ids(&self.lanes));
        for name in before.difference(names) {
            self.known[*name].removed = Some(self.now);
        }
        for name in names.difference(&before) {
            let (known, lane) = (&mut self.known[*name], &self.lanes[name]);
            known.surely.clear();
            if known.generation != lane.generation {
                // Only a day without its receiver ends a lane.
                assert!(known.generation == 0 || known.removed.is_none());
                *known = Known { generation: lane.generation, ..Known::default() };
            }
            known.removed = None;
        }
    }

    /// The object happens again; checks which lanes its row takes.
    async fn happen(&mut self, object: u8) {
        let count = self.counts.entry(object).or_default();
        *count += 1;
        self.revision += 1;
        let mut event = Event { count: (*count).cast_signed(), ..Event::default() };
        event.metadata.name = object.to_string().into();
        event.metadata.uid = format!("uid-{object}").into();
        event.metadata.resource_version = self.revision.to_string().into();
        event.last_timestamp = Some(self.now);
        let now = time::to_u32(Some(self.now));
        let judged = judge(&self.way.live, Box::new(event), Arrival::Live, now);
        self.way.take(judged, 0, Some(now));
        let taken = self.way.next.rows.last().map(|row| row.lanes.clone()).unwrap_or_default();
        let position = Position { revision: self.revision, time: now, ..Position::default() };
        let last = self.way.save(Some(("all".into(), position))).await.unwrap().last;
        assert_eq!(taken.iter().filter(|lane| !ids(&self.lanes).contains(*lane)).count(), 0);
        for (name, lane) in &self.lanes {
            let (known, got) = (&mut self.known[*name], taken.contains(lane.id));
            match repeats(*name) {
                Repeats::Every => assert!(got, "{name} lacks {object}"),
                _ if !known.reached.contains(&object) => assert!(got, "{name} lacks {object}"),
                _ if known.surely.contains(&object) => assert!(!got, "{name} repeats {object}"),
                _ => {}
            }
            if got {
                known.waiting.push(last);
                known.reached.insert(object);
            }
            known.surely.insert(object);
        }
    }

    /// Reads everything that waits for a receiver, and checks that it is what was routed there.
    fn deliver(&mut self, name: usize) {
        let Some(lane) = self.lanes.get(&name) else { return };
        let mut journal = self.journal.journal();
        let ledger = journal.ledger().unwrap();
        let (saved, _) = ledger.lanes.into_iter().find(|(it, _)| it.id == lane.id).unwrap();
        let rows = journal.read(lane.id, saved.cursor, usize::MAX, usize::MAX).unwrap();
        let found: Vec<_> = rows.iter().map(|row| row.seq).collect();
        let waiting = std::mem::take(&mut self.known[name].waiting);
        assert_eq!(found, waiting, "for {name}");
        let Some(cursor) = waiting.last() else { return };
        let progress = Progress { lane: lane.id, cursor: *cursor, done_above: Vec::new() };
        let tally = LaneTally { delivered: waiting.len() as u64, ..LaneTally::default() };
        let lane_tallies = vec![(lane.id, tally)];
        let commit = Commit { progress: vec![progress], lane_tallies, ..Commit::default() };
        journal.commit(&commit).unwrap();
    }

    /// Lanes without a receiver are given up.
    fn day(&mut self) {
        self.now += SignedDuration::from_hours(25);
        let mut journal = self.journal.journal();
        while journal.trim(self.now).unwrap() != Trimmed::default() {}
        drop(journal);
        for known in self.known.iter_mut().filter(|known| known.removed.is_some()) {
            *known = Known { generation: known.generation, ..Known::default() };
        }
    }

    fn crash(&mut self) {
        let mut journal = self.journal.journal();
        journal.crash();
        let mut live = Live::new();
        let loaded = journal.load(&mut |restored| match restored {
            Restored::Part(part) => assert!(live.restore(part)),
            Restored::Change(change, lanes) => live.apply(&change, &lanes),
        });
        drop(journal);
        assert_eq!(loaded.unwrap().position("all").map_or(0, |it| it.revision), self.revision);
        let names: BTreeSet<usize> = self.lanes.keys().copied().collect();
        self.open(&names);
        live.keep_lanes(&ids(&self.lanes));
        let router = router(&self.lanes);
        self.way = Way::new(live, Enricher::default(), router, self.journal.clone());
    }

    async fn step(&mut self, step: &Step) {
        match step {
            Step::Happen(object) => self.happen(*object).await,
            Step::Reload(names) => self.reload(names),
            Step::Deliver(name) => self.deliver(*name),
            Step::Day => self.day(),
            Step::Crash => self.crash(),
        }
    }
}

proptest! {
    #[test]
    fn whatever_is_reloaded_each_event_reaches_the_receivers_of_its_moment(
        steps in prop::collection::vec(step(), 1..120),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new();
            for step in &steps {
                world.step(step).await;
            }
            for name in 0..NAMES.len() {
                world.deliver(name);
            }
            assert!(world.journal.journal().ledger().unwrap().balances());
        });
    }
}

#[tokio::test]
async fn the_number_of_a_lane_that_is_gone_starts_clean() {
    let mut world = World::new();
    world.reload(&BTreeSet::from([1]));
    world.happen(0).await;
    world.deliver(1);
    assert_eq!(world.lanes[&1].id, LaneId(0));
    world.reload(&BTreeSet::from([0]));
    world.day();
    // Enough for a snapshot that has forgotten the lane.
    for _ in 0..200 {
        world.happen(1).await;
        world.deliver(0);
    }
    world.day();
    world.reload(&BTreeSet::from([0, 3]));
    assert_eq!(world.lanes[&3].id, LaneId(0));
    world.happen(0).await;
    world.deliver(3);
}

#[tokio::test]
async fn what_is_held_back_is_told_before_the_limits_change() {
    let mut world = World::new();
    world.reload(&BTreeSet::from([0]));
    let most = event::written::strictly(
        &serde_json::json!({"perNamespace": {"rate": "1/h", "burst": 1}}),
        "limits",
    );
    world.way.relimit(&most.unwrap());
    for object in 0..3 {
        let now = time::to_u32(Some(world.now));
        let mut event = Event { count: 1, ..Event::default() };
        event.metadata.uid = format!("uid-{object}").into();
        event.metadata.resource_version = (object + 1).to_string().into();
        let judged = judge(&world.way.live, Box::new(event), Arrival::Live, now);
        world.way.take(judged, 0, Some(now));
    }
    assert_eq!(world.way.next.rows.iter().filter(|row| row.event.is_some()).count(), 1);
    world.way.relimit(&LimitsSettings { per_namespace: PerNamespace::Off });
    let told = world.way.next.rows.last().and_then(|row| row.event.clone()).unwrap();
    assert!(told.message.starts_with("2 events of namespace "), "{}", told.message);
}
