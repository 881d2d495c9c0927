//! Realistic days: what a cluster's components would write to the API, in order of time.
//!
//! The mix is that of two real clusters (`NoControllers` and all), the wording is Kubernetes', the
//! names are ours. A day follows from its seed. It knows no store and no clock of its own: it is an
//! iterator of timed writes.

mod incident;

mod player;

mod pod_life;

mod rare;

mod recorder;

mod script;

mod stage;

mod story;

mod world;

use std::{
    cmp::Reverse,
    collections::{BinaryHeap, HashMap},
    time::Duration,
};

use event::{Event, ObjectRef, Text};
use jiff::Timestamp;
use serde_json::Value;

pub use self::{
    incident::Incident,
    player::{DayPlayer, apply, play},
};
use self::{recorder::Recorder, story::Story, world::World};
use crate::random::Random;

/// Which of the two clusters a day is like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Cluster {
    /// 10 nodes, 2 000 events an hour, nearly all of them of scheduled jobs.
    #[default]
    Stable,
    /// 200 nodes of developers, 700 000 events an hour.
    Busy,
}

/// What one can choose of a day.
#[derive(Debug, Clone)]
pub struct DayOptions {
    /// Like which cluster.
    pub cluster: Cluster,
    /// How many events an hour; that of the real cluster when nothing.
    pub events_per_hour: Option<u32>,
    /// When it begins.
    pub start: Timestamp,
    /// Everything follows from it.
    pub seed: u64,
    /// Nodes, workloads and pods are written too, not only the Events about them.
    pub objects: bool,
}

impl DayOptions {
    /// A day like that of `cluster`.
    pub fn new(cluster: Cluster, start: Timestamp) -> Self {
        Self { cluster, events_per_hour: None, start, seed: 1, objects: true }
    }
}

/// Something to write at a time.
#[derive(Debug, Clone, PartialEq)]
pub struct Timed {
    /// When.
    pub at: Timestamp,
    /// What.
    pub write: Write,
}

/// One write of a component to the API.
#[derive(Debug, Clone, PartialEq)]
pub enum Write {
    /// A new Event.
    Create(Box<Event>),
    /// A new state of an Event. Should it have expired, the component creates it again as it is.
    Update(Box<Event>),
    /// An object of another kind, new or in a new state.
    Object {
        /// For example `pods`.
        resource: &'static str,
        /// The object, with name and namespace.
        object: Value,
    },
    /// The end of an object.
    Remove {
        /// For example `pods`.
        resource: &'static str,
        /// Empty for what has none.
        namespace: Text,
        /// Its name.
        name: Text,
    },
}

/// Who says something.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Reporter {
    Kubelet {
        node: Text,
    },
    /// A controller or another component that runs once.
    Controller(&'static str),
    /// A component on a node that is not the kubelet.
    Agent {
        name: &'static str,
        node: Text,
    },
    Scheduler {
        instance: Text,
    },
}

impl Reporter {
    fn source(&self) -> (&str, &str) {
        match self {
            Self::Kubelet { node } => ("kubelet", node),
            Self::Controller(name) => (name, ""),
            Self::Agent { name, node } => (name, node),
            Self::Scheduler { instance } => ("default-scheduler", instance),
        }
    }
}

/// Something that happens, before a recorder makes an Event of it.
#[derive(Debug, Clone, PartialEq)]
struct Saying {
    by: Reporter,
    about: ObjectRef,
    related: Option<ObjectRef>,
    kind: &'static str,
    reason: &'static str,
    action: &'static str,
    message: String,
}

/// What is planned.
#[derive(Debug)]
enum Plan {
    Say(Box<Saying>),
    Write(Write),
    Tell(Story),
    Happen(Incident),
}

/// A plan with its time; ties go by the order of planning.
#[derive(Debug)]
struct Planned {
    at: Timestamp,
    serial: u64,
    plan: Plan,
}

impl PartialEq for Planned {
    fn eq(&self, other: &Self) -> bool {
        (self.at, self.serial) == (other.at, other.serial)
    }
}

impl Eq for Planned {}

impl PartialOrd for Planned {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Planned {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        (self.at, self.serial).cmp(&(other.at, other.serial))
    }
}

/// What is still to come, soonest first.
#[derive(Debug, Default)]
struct Agenda {
    planned: BinaryHeap<Reverse<Planned>>,
    serial: u64,
}

impl Agenda {
    fn plan(&mut self, at: Timestamp, plan: Plan) {
        self.serial += 1;
        let serial = self.serial;
        self.planned.push(Reverse(Planned { at, serial, plan }));
    }
}

/// A day that goes on for ever: an iterator of [`Timed`] writes.
#[derive(Debug)]
pub struct Day {
    agenda: Agenda,
    world: World,
    random: Random,
    recorders: HashMap<Reporter, Recorder>,
    objects: bool,
    /// For each kind of story, how many begin each second.
    rates: Vec<(Story, f64)>,
}

impl Day {
    /// A day as chosen.
    pub fn new(options: &DayOptions) -> Self {
        let mut random = Random::new(options.seed);
        let (usual, scripts) = match options.cluster {
            Cluster::Stable => (2_000, story::STABLE),
            Cluster::Busy => (700_000, story::BUSY),
        };
        let per_hour = f64::from(options.events_per_hour.unwrap_or(usual));
        let world = World::new(options.cluster, &mut random);
        let mut day = Self {
            agenda: Agenda::default(),
            world,
            random,
            recorders: HashMap::new(),
            objects: options.objects,
            // The weights are in events of a hundred.
            rates: scripts
                .iter()
                .map(|(s, weight)| (*s, weight / 100.0 * per_hour / 3600.0))
                .collect(),
        };
        let start = to_micros(options.start);
        for write in day.world.furniture() {
            day.agenda.plan(start, Plan::Write(write));
        }
        for (story, rate) in day.rates.clone() {
            let at = start + seconds(day.random.wait(rate));
            day.agenda.plan(at, Plan::Tell(story));
        }
        day
    }

    /// Lets something go wrong at a time.
    pub fn plan(&mut self, at: Timestamp, incident: Incident) {
        self.agenda.plan(to_micros(at), Plan::Happen(incident));
    }

    /// When the next thing happens, whether it is written or not.
    pub fn next_at(&self) -> Option<Timestamp> {
        self.agenda.planned.peek().map(|Reverse(next)| next.at)
    }

    /// The next write, if it is due by `until`.
    pub fn due(&mut self, until: Timestamp) -> Option<Timed> {
        while self.next_at()? <= until {
            let Reverse(next) = self.agenda.planned.pop()?;
            let at = next.at;
            if let Some(write) = self.take(next) {
                return Some(Timed { at, write });
            }
        }
        None
    }

    /// What a plan comes to: a write, more plans, or nothing.
    fn take(&mut self, Planned { at, serial, plan }: Planned) -> Option<Write> {
        match plan {
            Plan::Say(saying) => {
                let recorder = self.recorders.entry(saying.by.clone()).or_default();
                recorder.say(&saying, at, serial)
            }
            Plan::Write(Write::Object { .. } | Write::Remove { .. }) if !self.objects => None,
            Plan::Write(write) => Some(write),
            Plan::Tell(story) => {
                let rate = self.rates.iter().find(|(known, _)| *known == story);
                let wait = rate.map_or(3600.0, |(_, rate)| self.random.wait(*rate));
                self.agenda.plan(at + seconds(wait), Plan::Tell(story));
                script::tell(story, &mut self.stage(at));
                None
            }
            Plan::Happen(incident) => {
                incident::happen(incident, &mut self.stage(at));
                None
            }
        }
    }

    fn stage(&mut self, now: Timestamp) -> stage::Stage<'_> {
        stage::Stage {
            now,
            agenda: &mut self.agenda,
            world: &mut self.world,
            random: &mut self.random,
        }
    }
}

impl Iterator for Day {
    type Item = Timed;

    fn next(&mut self) -> Option<Timed> {
        self.due(Timestamp::MAX)
    }
}

/// Times are cut to the microsecond, as `MicroTime` is.
fn to_micros(time: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(time)
}

fn seconds(seconds: f64) -> Duration {
    let micros = Duration::from_secs_f64(seconds.clamp(0.0, 1e9)).as_micros();
    Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests;
