//! Takes the Lease, renews it, gives it back.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use event::{Clock, Stop, Text};
use jiff::Timestamp;
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    api::{LeaseApi, LeaseError},
    election::{Election, Move, Timing},
    fence::Gate,
    record::Lease,
};

/// One replica's hold on the Lease.
#[derive(Debug)]
pub struct Lock<A> {
    api: A,
    election: Election,
    clock: Arc<dyn Clock>,
    /// The API server let us have our way at least once.
    was_allowed: bool,
    /// What was said last of the others, so that it is said once.
    told: Option<Standing>,
    attempts: u64,
}

/// How a candidate stands.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Standing {
    /// Nothing was heard yet.
    #[default]
    Asking,
    /// Somebody else leads.
    Behind(Text),
    /// The Lease cannot be asked for.
    Troubled(String),
}

/// The Lease is ours.
#[derive(Debug)]
pub struct Won {
    /// Moves with each renewal.
    pub gate: Arc<Gate>,
    /// What the last holder has written down.
    pub progress: Option<String>,
    /// How often it went from one holder to another.
    pub transitions: u64,
}

/// Why holding it came to an end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// It was to.
    Done,
    /// It is ours no more, in words.
    Lost(String),
}

impl<A: LeaseApi> Lock<A> {
    /// A candidate of this name, which no other may have.
    pub fn new(api: A, identity: Text, timing: Timing, clock: Arc<dyn Clock>) -> Self {
        let election = Election::new(identity, timing);
        Self { api, election, clock, was_allowed: false, told: None, attempts: 0 }
    }

    /// The candidate's name.
    pub fn identity(&self) -> &str {
        self.election.identity()
    }

    /// Waits until the Lease is ours; nothing when `stop` fires first. `standing` is told how it stands, at each
    /// change. An error only when the API server refuses us and never let us before.
    pub async fn acquire(
        &mut self,
        standing: impl Fn(&Standing),
        stop: &Stop,
    ) -> Result<Option<Won>, LeaseError> {
        loop {
            let asked = Instant::now();
            let tried = tokio::select! {
                () = stop.fired() => return Ok(None),
                tried = timeout(self.patience(), self.attempt(None)) => tried,
            };
            let now = match tried {
                Ok(Ok(true)) => {
                    if let Some(won) = self.won() {
                        self.told = None;
                        return Ok(Some(won));
                    }
                    Standing::Asking
                }
                // A conflict: somebody was faster; who, the next look tells.
                Ok(Ok(false) | Err(LeaseError::Conflict)) => Standing::Behind(self.holder()),
                Ok(Err(LeaseError::Refused(why))) if !self.was_allowed => {
                    return Err(LeaseError::Refused(why));
                }
                Ok(Err(error)) => Standing::Troubled(error.to_string()),
                Err(_) => Standing::Troubled(format!("no answer within {:?}", self.patience())),
            };
            if self.told.as_ref() != Some(&now) {
                standing(&now);
                self.told = Some(now);
            }
            let again = asked + self.jittered(self.election.timing().retry / 2);
            // A holder that does not renew is relieved the moment its time is over.
            let again = self
                .election
                .over_at()
                .map_or(again, |over| over.clamp(Instant::now(), again.max(Instant::now())));
            tokio::select! {
                () = stop.fired() => return Ok(None),
                () = sleep_until(again) => {}
            }
        }
    }

    /// Renews until `done` fires, or it is ours no more: then the gate is closed.
    pub async fn hold(
        &mut self,
        gate: &Gate,
        progress: impl Fn() -> Option<String>,
        done: &Stop,
    ) -> End {
        let mut trouble = None;
        loop {
            let retry = self.jittered(self.election.timing().retry);
            let next = Instant::now() + retry;
            let until = self.election.held_until().unwrap_or(next);
            tokio::select! {
                () = done.fired() => return End::Done,
                () = sleep_until(next.min(until)) => {}
            }
            let asked = Instant::now();
            let noted = progress();
            let tried = tokio::select! {
                () = done.fired() => return End::Done,
                tried = timeout(self.patience(), self.attempt(noted.as_deref())) => tried,
            };
            let why = match tried {
                Ok(Ok(true)) => None,
                Ok(Ok(false)) => {
                    gate.close();
                    return End::Lost(format!("{} leads", self.holder()));
                }
                Ok(Err(error)) => Some(error.to_string()),
                Err(_) => Some(format!("no answer within {:?}", self.patience())),
            };
            // Renewed too late is not renewed: the lanes may have stopped already.
            if !self.election.held_until().is_some_and(|until| gate.extend(until)) {
                gate.close();
                self.election.give_up();
                let why = why.unwrap_or_else(|| "it took too long".into());
                return End::Lost(format!("the Lease could not be renewed in time: {why}"));
            }
            if let Some(why) = &why
                && trouble.as_ref() != Some(why)
            {
                let took = asked.elapsed();
                tracing::warn!(?took, "the Lease could not be renewed: {why}; trying again");
            }
            trouble = why;
        }
    }

    /// Gives it back, if it is ours, with the last word on what was done. A second try when somebody has
    /// touched it meanwhile; whoever waits takes it in any case when its time is over.
    pub async fn release(&mut self, progress: Option<&str>) {
        for _ in 0..2 {
            let Some(lease) = self.election.release(self.now(), progress) else { return };
            match timeout(self.patience(), self.api.update(&lease)).await {
                Ok(Ok(lease)) => {
                    let now = Instant::now();
                    self.election.written(lease, now, now);
                    tracing::info!("leadership given back");
                    return;
                }
                Ok(Err(LeaseError::Conflict)) => {
                    let Ok(Ok(found)) = timeout(self.patience(), self.api.get()).await else {
                        return;
                    };
                    let new = self.api.new_lease();
                    self.election.look(found, &new, Instant::now(), self.now(), None);
                }
                Ok(Err(error)) => return tracing::warn!("leadership was not given back: {error}"),
                Err(_) => return tracing::warn!("leadership was not given back: no answer"),
            }
        }
    }

    /// One attempt to take it or to renew it: whether it is ours.
    async fn attempt(&mut self, progress: Option<&str>) -> Result<bool, LeaseError> {
        if self.election.held_until().is_some()
            && let Some(lease) = self.election.renewal(self.now(), progress)
        {
            match self.written(lease, false).await {
                Err(LeaseError::Conflict) => {}
                other => return other,
            }
        }
        let found = self.api.get().await?;
        let new = self.api.new_lease();
        match self.election.look(found, &new, Instant::now(), self.now(), progress) {
            Move::Wait => {
                self.was_allowed = true;
                Ok(false)
            }
            Move::Create(lease) => self.written(lease, true).await,
            Move::Update(lease) => self.written(lease, false).await,
        }
    }

    async fn written(&mut self, lease: Lease, new: bool) -> Result<bool, LeaseError> {
        let asked = Instant::now();
        let written =
            if new { self.api.create(&lease).await? } else { self.api.update(&lease).await? };
        self.was_allowed = true;
        self.election.written(written, asked, Instant::now());
        Ok(self.election.held_until().is_some())
    }

    fn won(&self) -> Option<Won> {
        let until = self.election.held_until()?;
        let lease = self.election.lease()?;
        Some(Won {
            gate: Arc::new(Gate::new(until, Arc::clone(&self.clock))),
            progress: lease.progress().map(str::to_owned),
            transitions: lease.transitions(),
        })
    }

    fn holder(&self) -> Text {
        let holder = self.election.lease().map(Lease::holder).unwrap_or_default();
        if holder.is_empty() { "nobody".into() } else { holder.into() }
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// A request that takes longer is given up: there must be time for another.
    fn patience(&self) -> Duration {
        self.election.timing().renew / 2
    }

    /// Up to a fifth more, so that replicas do not ask at one moment.
    fn jittered(&mut self, time: Duration) -> Duration {
        self.attempts += 1;
        let mut hasher = DefaultHasher::new();
        (self.election.identity(), self.attempts).hash(&mut hasher);
        let share = u32::try_from(hasher.finish() % 1000).unwrap_or_default();
        time + time * share / 5000
    }
}
