//! What others see of a lane: its state, what it has done, how late it is. Metrics, the status line and
//! `drained` read it; the log gets the turns, not every failure.

use std::{sync::Arc, time::Duration};

use event::{
    Clock, Event, LaneId, Payload, Text,
    journal::{JournalError, Seq},
};
use jiff::Timestamp;
use tokio::{sync::watch, time::Instant};

use super::{
    Lane,
    delivery::{End, Settled},
    lag::{Lag, LagRecorder},
    orders::{Inbox, Order, give},
    window::Window,
};
use crate::{
    canary,
    measures::{MetricFamily, Requests},
};

/// A lane that goes on failing says so again after this long, and not sooner.
const QUIET: Duration = Duration::from_secs(60);

/// How a lane is doing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LaneState {
    /// Its receiver takes what it is sent, as far as is known.
    #[default]
    Ok,
    /// Something failed and is tried again, with growing pauses.
    Retrying {
        /// When the first of these failures was.
        since: Timestamp,
        /// What the receiver said last.
        reason: String,
        /// Failures since then.
        attempts: u32,
    },
    /// The receiver refuses us: somebody has to repair a token, an address or a permission.
    Blocked {
        /// When it first did.
        since: Timestamp,
        /// What it said.
        reason: String,
    },
    /// The lane has ended; what is left waits in the journal.
    Stopped,
}

/// A lane at one moment. Counters begin at 0 with each start; the journal's ledger keeps the sums.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LaneStatus {
    /// How it is doing.
    pub state: LaneState,
    /// Everything up to here is done with.
    pub cursor: Seq,
    /// Rows above the cursor that are done with too, ascending.
    pub done_above: Vec<Seq>,
    /// Events that the receiver took.
    pub delivered: u64,
    /// Events that were parked.
    pub parked: u64,
    /// Requests by what became of them.
    pub attempts: Attempts,
    /// When the receiver last took something.
    pub last_delivered: Option<Timestamp>,
    /// How late the events of the minute before `last_delivered` arrived.
    pub lag: Option<Lag>,
    /// When the oldest of the events that are being sent happened.
    pub oldest: Option<Timestamp>,
    /// Since when nothing is sent, because somebody said so.
    pub paused: Option<Timestamp>,
    /// Events that the receiver took again, because somebody asked for it; among those delivered.
    pub replayed: u64,
    /// When the newest canary was written that the receiver took; before the first one, when the lane began.
    pub canary: Timestamp,
    /// Digests that the receiver took, of events that were too old.
    pub digests: u64,
}

/// Requests to a receiver.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Attempts {
    /// It answered as it should.
    pub success: u64,
    /// It was down or busy.
    pub unavailable: u64,
    /// It refused us.
    pub blocked: u64,
}

/// Looks at a lane from outside, also after it has ended.
#[derive(Debug, Clone)]
pub struct LaneWatch {
    pub(super) name: Text,
    pub(super) lane: LaneId,
    pub(super) status: watch::Receiver<LaneStatus>,
    pub(super) requests: Requests,
    pub(super) sink: &'static str,
    pub(super) inbox: Inbox,
}

impl LaneWatch {
    /// The receiver's name.
    pub fn name(&self) -> &Text {
        &self.name
    }

    /// The lane's number.
    pub fn lane(&self) -> LaneId {
        self.lane
    }

    /// The word in the config for what its receiver is.
    pub fn kind(&self) -> &'static str {
        self.sink
    }

    /// Gives an order; says of how many events it was, once it is obeyed.
    pub async fn obeys(&self, order: Order) -> Result<u64, JournalError> {
        give(&self.inbox, order).await
    }

    /// The lane now.
    pub fn status(&self) -> LaneStatus {
        self.status.borrow().clone()
    }

    /// How long its requests took, and how large they were.
    pub fn measured(&self) -> Vec<MetricFamily> {
        self.requests.collect()
    }

    /// Everything up to here is done with.
    pub fn cursor(&self) -> Seq {
        self.status.borrow().cursor
    }

    /// The channel behind [`LaneWatch::status`], for those who wait for a change.
    pub fn changes(&self) -> watch::Receiver<LaneStatus> {
        self.status.clone()
    }

    /// Waits until the lane has ended; says how it was then.
    pub async fn ended(&self) -> LaneStatus {
        let mut status = self.status.clone();
        // One whose task is gone has ended too.
        drop(status.wait_for(|status| status.state == LaneState::Stopped).await);
        self.status()
    }

    /// Waits until everything up to `head` is done with. A lane that has ended before never is.
    pub async fn reaches(&self, head: Seq) -> bool {
        let mut status = self.status.clone();
        status
            .wait_for(|status| status.cursor >= head || status.state == LaneState::Stopped)
            .await
            .is_ok_and(|status| status.cursor >= head)
    }
}

impl<R> Lane<R> {
    /// The same lane, which counts on from where one before it has ended.
    #[must_use]
    pub fn after(self, before: &LaneStatus) -> Self {
        self.reporter.status.send_modify(|status| {
            status.delivered = before.delivered;
            status.parked = before.parked;
            status.attempts = before.attempts;
            status.last_delivered = before.last_delivered;
            status.lag = before.lag;
            status.replayed = before.replayed;
            status.digests = before.digests;
            status.canary = before.canary;
        });
        self
    }
}

/// Writes the status and the log of one lane.
#[derive(Debug)]
pub(super) struct Reporter {
    lane: Text,
    sink: &'static str,
    clock: Arc<dyn Clock>,
    status: watch::Sender<LaneStatus>,
    requests: Requests,
    lag: LagRecorder,
    failure: Quiet,
    refusal: Quiet,
}

impl Reporter {
    pub(super) fn new(lane: Text, sink: &'static str, clock: Arc<dyn Clock>) -> Self {
        Self {
            requests: Requests::of(&lane),
            lane,
            sink,
            status: watch::Sender::new(LaneStatus { canary: clock.now(), ..LaneStatus::default() }),
            clock,
            lag: LagRecorder::new(),
            failure: Quiet::default(),
            refusal: Quiet::default(),
        }
    }

    /// The name of the lane.
    pub(super) fn lane(&self) -> &str {
        &self.lane
    }

    /// A view of the lane for others.
    pub(super) fn watch(&self, lane: LaneId, inbox: Inbox) -> LaneWatch {
        let (status, requests) = (self.status.subscribe(), self.requests.clone());
        LaneWatch { name: self.lane.clone(), lane, status, requests, sink: self.sink, inbox }
    }

    /// A request begins while these wait: the first of them happened then.
    pub(super) fn sending(&self, oldest: Option<Timestamp>) -> Instant {
        self.status
            .send_if_modified(|status| std::mem::replace(&mut status.oldest, oldest) != oldest);
        Instant::now()
    }

    /// That request has been answered, or given up.
    pub(super) fn sent(&self, began: Instant, payload: &Payload) {
        self.requests.observe(began.elapsed().as_secs_f64(), payload.events, payload.body.len());
    }

    /// These records came to an end, and the lane is here now.
    pub(super) fn moved(&mut self, settled: &[Settled], window: &Window) {
        let (cursor, oldest) = (window.cursor(), window.oldest());
        let done_above = window.done_above().iter().copied().collect();
        let now = self.clock.now();
        let (mut delivered, mut parked, mut replayed, mut canary) = (0, 0, 0, None);
        for record in settled {
            match &record.end {
                End::Delivered => {
                    delivered += 1;
                    replayed += u64::from(record.event.as_ref().is_some_and(|it| it.replay));
                    let event = record.event.as_deref().filter(|it| canary::is_marked(it));
                    canary = canary.max(event.and_then(Event::timestamp));
                    let happened = record.event.as_deref().and_then(Event::timestamp);
                    if let Some(happened) = happened {
                        self.lag.delivered(happened, now);
                        let lag = now.duration_since(happened).as_secs_f64();
                        self.requests.delivered(lag.max(0.0));
                    }
                }
                End::Expired | End::Suppressed => {}
                End::Parked(cause, reason) => {
                    parked += 1;
                    if let Some(unsaid) = self.refusal.may_speak() {
                        let (lane, sink, row) = (self.lane.as_str(), self.sink, record.seq);
                        tracing::warn!(lane, sink, row, ?cause, reason, unsaid, "event parked");
                    }
                }
            }
        }
        let lag = (delivered > 0).then(|| self.lag.lag(now));
        self.status.send_modify(|status| {
            status.cursor = cursor;
            status.done_above = done_above;
            status.oldest = oldest;
            status.delivered += delivered;
            status.parked += parked;
            status.replayed += replayed;
            status.canary = status.canary.max(canary.unwrap_or_default());
            if let Some(lag) = lag {
                status.last_delivered = Some(now);
                status.lag = lag;
            }
        });
    }

    /// The receiver answers as it should.
    pub(super) fn fine(&mut self) {
        self.status.send_modify(|status| status.attempts.success += 1);
        let since = match &self.status.borrow().state {
            LaneState::Ok => return,
            LaneState::Retrying { since, .. } | LaneState::Blocked { since, .. } => Some(*since),
            LaneState::Stopped => None,
        };
        if let (Some(since), true) = (since, self.failure.spoke_up()) {
            let seconds = self.clock.now().as_second() - since.as_second();
            let (lane, sink) = (self.lane.as_str(), self.sink);
            tracing::info!(lane, sink, seconds, "events flow again");
        }
        self.set(LaneState::Ok);
    }

    /// Something failed and will be tried again.
    pub(super) fn failing(&mut self, reason: String) {
        let (since, attempts) = match &self.status.borrow().state {
            LaneState::Retrying { since, attempts, .. } => (*since, attempts.saturating_add(1)),
            _ => (self.clock.now(), 1),
        };
        if let Some(unsaid) = self.failure.may_speak() {
            let (lane, sink) = (self.lane.as_str(), self.sink);
            tracing::warn!(lane, sink, reason, attempts, unsaid, "events wait; trying again");
        }
        self.status.send_modify(|status| status.attempts.unavailable += 1);
        self.set(LaneState::Retrying { since, reason, attempts });
    }

    /// The receiver refuses us.
    pub(super) fn blocked(&mut self, reason: String) {
        let since = match &self.status.borrow().state {
            LaneState::Blocked { since, .. } => Some(*since),
            _ => None,
        };
        if since.is_none() {
            self.failure.speak_next_time();
        }
        if self.failure.may_speak().is_some() {
            let (lane, sink) = (self.lane.as_str(), self.sink);
            tracing::warn!(lane, sink, reason, "receiver refuses us; probing once a minute");
        }
        let since = since.unwrap_or_else(|| self.clock.now());
        self.status.send_modify(|status| status.attempts.blocked += 1);
        self.set(LaneState::Blocked { since, reason });
    }

    /// Nothing is sent since then, or everything again.
    pub(super) fn paused(&self, since: Option<Timestamp>) {
        let was = self.status.borrow().paused;
        self.status.send_modify(|status| status.paused = since);
        let (lane, sink) = (self.lane.as_str(), self.sink);
        match since {
            Some(since) if was.is_none() => {
                tracing::warn!(lane, sink, %since, "paused: its events wait until `tidings lanes resume`");
            }
            None if was.is_some() => tracing::info!(lane, sink, "goes on"),
            _ => {}
        }
    }

    /// The receiver has taken a digest of so many events.
    pub(super) fn told(&self, events: u64) {
        let (lane, sink) = (self.lane.as_str(), self.sink);
        tracing::info!(lane, sink, events, "too old to be sent; the receiver was told");
        self.status.send_modify(|status| status.digests += 1);
    }

    /// How it is doing.
    pub(super) fn state(&self) -> LaneState {
        self.status.borrow().state.clone()
    }

    pub(super) fn stopped(&self) {
        self.set(LaneState::Stopped);
    }

    fn set(&self, state: LaneState) {
        self.status.send_modify(|status| status.state = state);
    }
}

/// Lets a message through at once, and then at most once a minute.
#[derive(Debug, Default)]
struct Quiet {
    spoken: Option<Instant>,
    unsaid: u32,
    pending: bool,
}

impl Quiet {
    /// How often it was held back since the last time, if it may be said now.
    fn may_speak(&mut self) -> Option<u32> {
        if self.spoken.is_some_and(|spoken| spoken.elapsed() < QUIET) {
            self.unsaid = self.unsaid.saturating_add(1);
            return None;
        }
        self.spoken = Some(Instant::now());
        self.pending = true;
        Some(std::mem::take(&mut self.unsaid))
    }

    fn speak_next_time(&mut self) {
        self.spoken = None;
    }

    /// Whether something was said that the all-clear would answer.
    fn spoke_up(&mut self) -> bool {
        std::mem::take(&mut self.pending)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_failing_lane_speaks_at_once_then_once_a_minute_and_gives_one_all_clear() {
        let mut quiet = Quiet::default();
        assert_eq!(quiet.may_speak(), Some(0));
        assert_eq!(quiet.may_speak(), None);
        assert!(quiet.spoke_up() && !quiet.spoke_up());
        tokio::time::advance(QUIET).await;
        assert_eq!(quiet.may_speak(), Some(1));
    }
}
