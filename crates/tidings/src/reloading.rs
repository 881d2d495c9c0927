//! Another config while all runs: read and checked first, then swapped between two events, or not at all.
//!
//! It is read when its files have changed and stand still ([`Footprint`](crate::settings::Footprint)), or
//! on SIGHUP. What is in the journal stays there with its decision; lanes whose receiver is as it was are
//! not touched, and those whose receiver has changed go on where they were.

mod changes;

mod reloads;

use std::{collections::HashMap, path::PathBuf, sync::Arc, time::Duration};

use event::{AnySink, Clock, LaneSet, Stop, Text, journal::JournalError};
use pipeline::{SharedWay, route::Router, save::Saver};
use thiserror::Error;
use tokio::{
    signal::unix::{Signal, SignalKind, signal},
    sync::Mutex,
    time::MissedTickBehavior,
};

use self::changes::Changes;
pub(crate) use self::reloads::Reloads;
use crate::{
    canary, check,
    exit::Failure,
    lookups::Asked,
    receivers::{self, Receivers},
    settings::{Finding, Footprint, Loaded, Overflow, Reading, Receiver, Settings, process},
};

/// How often it is looked whether the files have changed. A change counts once it was seen twice: who
/// writes a file in pieces is not read in between.
const LOOK: Duration = Duration::from_secs(1);

/// A config whose files change all the time is not read more often at once; the next look finds it changed.
const TRIES: usize = 5;

/// Where the config is, and how it is read.
#[derive(Debug)]
pub struct Config {
    path: PathBuf,
    strict: bool,
    footprint: Footprint,
    hangup: Signal,
}

/// A config that runs.
pub(crate) struct Reloading {
    config: Config,
    /// What is obeyed.
    settings: Settings,
    /// What is known of what events are about, because somebody asked at the start.
    known: Asked,
    receivers: Arc<Mutex<Receivers>>,
    way: SharedWay<Saver>,
    saver: Saver,
    clock: Arc<dyn Clock>,
    reloads: Reloads,
}

/// Why a config is not obeyed.
#[derive(Debug, Error)]
enum Refused {
    #[error("it is wrong: {}", check::sum(.0))]
    Wrong(Vec<Finding>),
    #[error("{0} are asked for, and nobody asked at the start: restart to have them looked up")]
    Unknown(&'static str),
    #[error("receiver `{0}` is new and has `{1}`, which is obeyed at a start: restart")]
    New(Text, &'static str),
    #[error(transparent)]
    Journal(#[from] JournalError),
    #[error("it is too late: everything ends")]
    Late,
}

impl Config {
    /// The config that was read from `path`. From now on SIGHUP asks for the next one.
    pub(crate) fn of(path: PathBuf, strict: bool, footprint: Footprint) -> Result<Self, Failure> {
        let hangup = signal(SignalKind::hangup()).map_err(Failure::start)?;
        Ok(Self { path, strict, footprint, hangup })
    }

    /// Reads it, again when files changed meanwhile: half of one config and half of another is none. Files can
    /// be slow.
    async fn read(&self) -> Option<Loaded> {
        let (path, strict) = (self.path.clone(), self.strict);
        let once = move || Loaded::from_file(&path, Reading { strict, environment: &process });
        let read = move || {
            let mut loaded = once();
            for _ in 0..TRIES {
                if loaded.footprint.again() == loaded.footprint {
                    break;
                }
                loaded = once();
            }
            loaded
        };
        tokio::task::spawn_blocking(read).await.ok()
    }

    /// How the files look now.
    async fn looks(&self) -> Footprint {
        let before = self.footprint.clone();
        let now = tokio::task::spawn_blocking(move || before.again()).await;
        now.unwrap_or_else(|_| self.footprint.clone())
    }
}

impl Reloading {
    /// `settings` are obeyed, and of what events are about, what is `known` can be asked for.
    pub(crate) fn new(
        config: Config,
        (settings, known): (Settings, Asked),
        receivers: Arc<Mutex<Receivers>>,
        way: SharedWay<Saver>,
        saver: Saver,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let reloads = Reloads::new(config.footprint.hash(), clock.now());
        Self { config, settings, known, receivers, way, saver, clock, reloads }
    }

    /// How it goes, for metrics.
    pub(crate) fn reloads(&self) -> Reloads {
        self.reloads.clone()
    }

    /// Reloads until `stop` fires; what is obeyed then, the next term obeys.
    pub(crate) async fn run(mut self, stop: Stop, obeyed: Arc<Mutex<(Settings, Option<Config>)>>) {
        self.until(&stop).await;
        *obeyed.lock().await = (self.settings, Some(self.config));
    }

    async fn until(&mut self, stop: &Stop) {
        let mut look = tokio::time::interval(LOOK);
        look.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut seen = None;
        loop {
            let is_wished = tokio::select! {
                () = stop.fired() => return,
                Some(()) = self.config.hangup.recv() => true,
                _ = look.tick() => false,
            };
            let now = self.config.looks().await;
            let is_changed = now != self.config.footprint;
            let is_settled = is_changed && seen.as_ref() == Some(&now);
            seen = is_changed.then_some(now);
            if is_wished || is_settled {
                self.reload(stop).await;
                seen = None;
            }
        }
    }

    /// Reads the config, obeys it if it can be obeyed, and says what became of it.
    async fn reload(&mut self, stop: &Stop) {
        let origin = self.settings.origin.clone();
        let (hash, now) = match self.change(stop).await {
            Ok(changes) if changes.is_empty() => {
                tracing::info!("config {} is read again: {changes}", self.settings.origin);
                tell_at_start(&changes);
                let (hash, now) = (self.config.footprint.hash(), self.clock.now());
                return self.reloads.unchanged(hash, now);
            }
            Ok(changes) => {
                tracing::info!("config {} is obeyed now: {changes}", self.settings.origin);
                tell_at_start(&changes);
                (self.config.footprint.hash(), self.clock.now())
            }
            Err(Refused::Late) => return,
            Err(refused) => {
                if let Refused::Wrong(mistakes) = &refused {
                    for mistake in mistakes {
                        tracing::error!("{}", mistake.line());
                    }
                }
                tracing::error!("the new config is not obeyed, {origin} stays: {refused}");
                return self.reloads.refused();
            }
        };
        self.reloads.applied(hash, now);
    }

    async fn change(&mut self, stop: &Stop) -> Result<Changes, Refused> {
        let mut loaded = self.config.read().await.ok_or(Refused::Late)?;
        let footprint = std::mem::take(&mut loaded.footprint);
        let outcome = self.obey(loaded, stop).await;
        // What the disk had no room for is tried again.
        if !matches!(outcome, Err(Refused::Journal(_))) {
            self.config.footprint = footprint;
        }
        outcome
    }

    /// Obeys a config if it can be obeyed, and says what differs.
    async fn obey(&mut self, mut loaded: Loaded, stop: &Stop) -> Result<Changes, Refused> {
        let receivers = Arc::clone(&self.receivers);
        let mut receivers = tokio::select! {
            () = stop.fired() => return Err(Refused::Late),
            receivers = receivers.lock() => receivers,
        };
        loaded.receivers.retain(|receiver| !receivers.has(receiver));
        let prepared = check::prepare(&mut loaded).await;
        let Loaded { settings, findings, .. } = loaded;
        let (mistakes, warnings): (Vec<_>, _) = findings.into_iter().partition(Finding::is_mistake);
        let Some(new) = settings.filter(|_| mistakes.is_empty()) else {
            return Err(Refused::Wrong(mistakes));
        };
        let needs = receivers.needs(&new.receivers);
        let needs = needs.with(receivers::needs_of(prepared.iter().map(|(_, sink)| sink)));
        let rules = Router::new(&new.route, &[]).0.needs();
        self.check_known(Asked { rules, receivers: needs })?;
        self.check_new(&new.receivers)?;
        for warning in warnings {
            tracing::warn!("{}", warning.line());
        }
        let changes = Changes::between(&self.settings, &new);
        if !changes.is_empty() {
            let sinks = prepared.into_iter().map(|(it, sink)| (it.name, sink)).collect();
            self.swap(&new, &mut receivers, sinks, stop).await?;
        }
        let Settings { route, receivers, limits, origin, .. } = new;
        let old = &mut self.settings;
        (old.route, old.receivers, old.limits, old.origin) = (route, receivers, limits, origin);
        Ok(changes)
    }

    /// Whether new receivers can begin as they want to. Otherwise what waits under an old name would be given up.
    fn check_new(&self, receivers: &[Receiver]) -> Result<(), Refused> {
        let is_known =
            |it: &&Receiver| self.settings.receivers.iter().any(|old| old.name == it.name);
        for new in receivers.iter().filter(|it| !is_known(it)) {
            let keys = [
                ("renamedFrom", !new.sending.renamed_from().is_empty()),
                ("backfill", new.sending.backfill().is_some()),
            ];
            if let Some((key, _)) = keys.into_iter().find(|(_, is_set)| *is_set) {
                return Err(Refused::New(new.name.clone(), key));
            }
        }
        Ok(())
    }

    /// Whether what is asked for is looked up. What is not would match nothing, and be sent empty.
    fn check_known(&self, asked: Asked) -> Result<(), Refused> {
        if self.settings.omit_lookup {
            return Ok(());
        }
        let all = |asked: Asked| asked.rules.with(asked.receivers);
        let (known, asked) = (all(self.known), all(asked));
        let unknown = if asked.any() && !known.any() {
            "labels and owners"
        } else if asked.owner_chain && !known.owner_chain {
            "owners up to the root"
        } else if asked.namespace_labels && !known.namespace_labels {
            "labels of namespaces"
        } else {
            return Ok(());
        };
        Err(Refused::Unknown(unknown))
    }

    /// Obeys `new`: first the lanes, then, between two events, rules and limits, then the receivers.
    async fn swap(
        &self,
        new: &Settings,
        receivers: &mut Receivers,
        sinks: HashMap<Text, AnySink>,
        stop: &Stop,
    ) -> Result<(), Refused> {
        let names: Vec<Text> = new.receivers.iter().map(|it| it.name.clone()).collect();
        // Until the swap nothing goes to a new lane, and a removed one keeps what it is given.
        let lanes = self.saver.open_lanes(names).await?;
        let (router, _) = Router::new(&new.route, &receivers::targets(&new.receivers, &lanes));
        let ids: LaneSet = lanes.iter().map(|lane| lane.id).collect();
        let mut way = tokio::select! {
            () = stop.fired() => return Err(Refused::Late),
            way = self.way.lock() => way,
        };
        if new.limits != self.settings.limits {
            way.relimit(&new.limits);
            way.save(None).await?;
        }
        way.reroute(router, &ids);
        way.canaries.send_to(canary::lanes(&self.settings, &new.receivers, &lanes));
        drop(way);
        let patient = new.receivers.iter().filter(|it| it.overflow == Overflow::Wait);
        self.saver.spare(patient.map(|it| it.name.clone()).collect());
        receivers.change(&new.receivers, lanes, sinks).await;
        Ok(())
    }
}

fn tell_at_start(changes: &Changes) {
    if !changes.at_start.is_empty() {
        let keys = changes.at_start.join(", ");
        tracing::warn!("{keys}: changed, and read at a start only; restart to obey it");
    }
}
