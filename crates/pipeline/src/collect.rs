//! Collect: follows the Events of one scope for as long as the process lives, and loses none.
//!
//! The loop is the one of every Kubernetes client, with what they leave out: before each watch the
//! newest resourceVersion is compared with the position, a watch that closes at once or falls silent
//! is mistrusted, a list is judged against what is remembered, and the position moves only in the same
//! step that makes the events durable.

pub mod api;

pub mod client;

pub mod frames;

pub mod input;

pub mod json_stream;

pub mod judge;

mod lists;

pub mod missed;

mod pace;

mod requests;

pub mod scope;

mod status;

mod takeover;

mod taking;

mod watching;

use std::{sync::Arc, time::Duration};

use event::{
    Clock, Stop, Text,
    counting::{Arrival, Since},
    journal::{JournalError, Position},
    time,
};
use thiserror::Error;
use tokio::{
    sync::{OwnedMutexGuard, watch},
    time::Instant,
};

pub use self::{
    pace::BACKOFF,
    status::{Listed, Phase, Status},
};

use self::{
    api::{ApiError, EventsApi},
    judge::Fate,
    missed::Cause,
    pace::Pace,
    scope::Scope,
    takeover::Takeover,
};
use crate::{Save, SharedWay, Way, enrich::gate::Gate};

/// Follows the Events of one scope.
#[derive(Debug)]
pub struct Collector<A, S> {
    api: A,
    way: SharedWay<S>,
    gate: Gate,
    scope: Scope,
    position: Option<Position>,
    settings: Settings,
    clock: Arc<dyn Clock>,
    status: watch::Sender<Status>,
    pace: Pace,
    /// The server answers `sendInitialEvents`; found out once.
    streams_lists: bool,
    expiry: missed::Expiry,
    /// What the next list must account for.
    list_because: Option<Cause>,
    /// The position before the storage was found set back.
    before_epoch: Option<Position>,
    takeover: Takeover,
}

/// What a user can set.
#[derive(Debug, Clone)]
pub struct Settings {
    /// On a start without a position, events older than this many seconds are not sent.
    pub max_age: Option<u32>,
    /// Name of the cluster, for what Tidings itself has to tell.
    pub cluster_name: Text,
    /// Seed of the random part of back-off times.
    pub seed: u64,
}

/// Why the collector gave up. Trouble with the API server is never a reason.
#[derive(Debug, Error)]
pub enum CollectError {
    /// What was taken could not be saved.
    #[error(transparent)]
    Journal(#[from] JournalError),
}

/// Why one round of following ended.
enum End {
    /// The watch ended as watches do; go on from the position.
    Over,
    /// The position cannot be trusted or is gone: list.
    List(Cause),
    /// The server, or the way to it, is in trouble.
    Trouble(ApiError),
    /// Somebody fired the stop.
    Stopped,
}

impl From<ApiError> for End {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::Expired { .. } => Self::List(Cause::Expired),
            other => Self::Trouble(other),
        }
    }
}

impl<A: EventsApi, S: Save> Collector<A, S> {
    /// A collector of `scope` that goes on from `position`, or begins with a baseline.
    pub fn new(
        api: A,
        way: SharedWay<S>,
        scope: Scope,
        position: Option<Position>,
        settings: Settings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let pace = Pace::new(settings.seed);
        Self {
            api,
            way,
            gate: Gate::default(),
            scope,
            position,
            settings,
            clock,
            status: watch::channel(Status::default()).0,
            pace,
            streams_lists: true,
            expiry: missed::Expiry::default(),
            list_because: None,
            before_epoch: None,
            takeover: Takeover::None,
        }
    }

    /// The same, with events that wait at `gate` until it is known what they are about.
    #[must_use]
    pub fn behind(self, gate: Gate) -> Self {
        Self { gate, ..self }
    }

    /// What the collector is doing, for health and for people.
    pub fn status(&self) -> watch::Receiver<Status> {
        self.status.subscribe()
    }

    /// Follows until `stop` fires. Everything taken is saved when this returns.
    pub async fn run(mut self, stop: Stop) -> Result<(), CollectError> {
        while !stop.has_fired() {
            let began = Instant::now();
            match self.follow(&stop).await? {
                End::Stopped => break,
                End::Over => pause(self.pace.after_round(began.elapsed()), &stop).await,
                End::List(cause) => {
                    self.tell(|status| status.restarted(cause.word()));
                    self.list_because = Some(cause);
                    pause(self.pace.after_round(began.elapsed()), &stop).await;
                }
                End::Trouble(error) => self.wait(error, &stop).await,
            }
        }
        let mut way = self.enter().await;
        way.tell_excess(u32::MAX);
        self.save(&mut way, None).await?;
        self.tell(|status| status.phase = Phase::Stopped);
        Ok(())
    }

    /// One round: make sure that the position holds, list if it does not, watch.
    async fn follow(&mut self, stop: &Stop) -> Result<End, CollectError> {
        let Some(position) = self.position else {
            return self.list(Arrival::FirstList, None, stop).await;
        };
        let newest = tokio::select! {
            () = stop.fired() => return Ok(End::Stopped),
            newest = self.api.probe() => newest,
        };
        let newest = match newest {
            Ok(newest) => newest,
            Err(error) => return Ok(End::Trouble(error)),
        };
        if newest < position.revision {
            self.begin_epoch(newest).await?;
        }
        if let Some(Position { revision: 0, time, .. }) = self.position {
            self.enter().await.live.forget_revisions(self.scope.place());
            return self.list(Arrival::Rebase { time }, Some(Cause::Restored), stop).await;
        }
        if self.learns() {
            return self.learn(position, stop).await;
        }
        if let Some(cause) = self.list_because {
            let since = Since { revision: position.revision, time: position.time };
            return self.list(Arrival::CatchUp(since), Some(cause), stop).await;
        }
        self.watch(position, stop).await
    }

    /// The storage stands at `newest`, before the position: it was set back. Saved before anything
    /// else is asked; soon it has overtaken the old position, and nobody could tell any more.
    async fn begin_epoch(&mut self, newest: u64) -> Result<(), CollectError> {
        let position = self.position.unwrap_or_default();
        tracing::warn!(
            newest,
            position = position.revision,
            "the cluster's storage was set back to an older state: a new epoch begins"
        );
        (self.before_epoch, self.takeover) = (Some(position), Takeover::None);
        let epoch = position.epoch + 1;
        self.position = Some(Position { epoch, revision: 0, ..position });
        self.save(&mut *self.enter().await, self.position).await
    }

    async fn wait(&mut self, error: ApiError, stop: &Stop) {
        let delay = self.pace.after_trouble(&error);
        tracing::warn!(%error, retry_in = ?delay, "cannot follow the events");
        self.tell(|status| {
            status.phase = Phase::Waiting;
            status.restarted(error.word());
            status.trouble = Some(error.to_string());
        });
        pause(delay, stop).await;
    }

    /// The way, for this collector alone until it lets go.
    async fn enter(&self) -> OwnedMutexGuard<Way<S>> {
        Arc::clone(&self.way).lock_owned().await
    }

    fn epoch(&self) -> u32 {
        self.position.map_or(0, |position| position.epoch)
    }

    async fn save(&self, way: &mut Way<S>, position: Option<Position>) -> Result<(), CollectError> {
        way.save(position.map(|position| (self.scope.name.clone(), position))).await?;
        let live = way.live.len();
        self.status.send_if_modified(|status| {
            let changed = status.position != position || status.live != live;
            status.position = position.or(status.position);
            status.live = live;
            changed
        });
        Ok(())
    }

    fn tell(&self, change: impl FnOnce(&mut Status)) {
        self.status.send_modify(change);
    }

    fn now(&self) -> u32 {
        time::to_u32(Some(self.clock.now()))
    }
}

async fn pause(time: Duration, stop: &Stop) {
    tokio::select! {
        () = stop.fired() => {}
        () = tokio::time::sleep(time) => {}
    }
}
