//! One of the requests that a lane may have under way, and the objects whose events it carries.
//!
//! Events are dealt to strands by their involved object, and a strand has one request at a time: so two
//! events of one object are never under way together, and none overtakes the other.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
    time::Duration,
};

use event::{AnySink, Event, Payload, SendError, journal::Seq};
use tokio::time::Instant;

use super::{
    LaneSettings,
    delivery::{Attempt, Decision, Delivery, Settled},
    encoded::Encoded,
    gathering::Gathering,
    pause::Pause,
};
use crate::backoff::Backoff;

/// Sends the events of its objects one request after the other.
#[derive(Debug)]
pub(super) struct Strand {
    pub(super) delivery: Delivery,
    encoded: Encoded,
    gathering: Gathering,
    backoff: Backoff,
    /// A request is under way.
    busy: bool,
    rests_until: Option<Instant>,
}

/// What a strand has to do.
#[derive(Debug)]
pub(super) enum Turn {
    /// It waits.
    Wait(Pause),
    /// It has nothing to send.
    Empty,
    /// These have no encoding; it is to be asked again.
    Without(Vec<Settled>),
    /// This is to be sent.
    Send(Attempt, Arc<Payload>),
}

/// Which of `count` strands carries the events about an object.
pub(super) fn of(event: &Event, count: usize) -> usize {
    if count == 1 {
        return 0;
    }
    // Not the uid: for one node, some recorders write its uid and some its name there.
    let object = &event.involved.reference;
    let mut hasher = DefaultHasher::new();
    (&*object.kind, &*object.namespace, &*object.name).hash(&mut hasher);
    usize::try_from(hasher.finish() % count as u64).unwrap_or_default()
}

impl Strand {
    pub(super) fn new(delivery: Delivery, settings: &LaneSettings, seed: u64) -> Self {
        Self {
            delivery,
            encoded: Encoded::new(settings.batch.bytes),
            gathering: Gathering::new(settings.batch.wait),
            backoff: Backoff::new(settings.backoff, seed),
            busy: false,
            rests_until: None,
        }
    }

    /// Whether rows would be of use to it.
    pub(super) fn wants_rows(&self) -> bool {
        !self.busy && (self.delivery.wants_rows() || self.gathers())
    }

    /// Whether there is something to send that would better wait for more.
    fn gathers(&self) -> bool {
        let waiting = self.delivery.window().waiting();
        self.gathering.is_on()
            && waiting > 0
            && self.delivery.could_be_fuller()
            && !self.encoded.would_fill_a_body(waiting)
    }

    /// What it has to do at `now`.
    pub(super) fn turn(&mut self, sink: &AnySink, now: Instant) -> Turn {
        if self.busy {
            return Turn::Wait(Pause::UntilAnswered);
        }
        if let Some(until) = self.rests_until.filter(|until| *until > now) {
            return Turn::Wait(Pause::For(until - now));
        }
        if self.gathers()
            && let Some(left) = self.gathering.left(now)
        {
            self.encoded.forget();
            return Turn::Wait(Pause::ForMore(left));
        }
        let Some(mut attempt) = self.delivery.next() else { return Turn::Empty };
        if self.encoded.ready_for(&attempt.seqs).is_none() {
            let window = self.delivery.window();
            let event = |seq: &Seq| Some((*seq, Arc::clone(&window.get(*seq)?.event)));
            let rows: Vec<_> = attempt.seqs.iter().filter_map(event).collect();
            let without = self.encoded.encode(sink, rows);
            if !without.is_empty() {
                return Turn::Without(self.delivery.unreadable(without));
            }
        }
        let Some(ready) = self.encoded.ready_for(&attempt.seqs) else { return Turn::Empty };
        attempt.seqs.clone_from(&ready.seqs);
        Turn::Send(attempt, Arc::clone(&ready.payload))
    }

    /// Its request is sent.
    pub(super) fn sent(&mut self) {
        self.busy = true;
        self.gathering.sent();
    }

    /// Its request was answered.
    pub(super) fn answered(
        &mut self,
        attempt: &Attempt,
        answer: Result<(), SendError>,
    ) -> Decision {
        self.busy = false;
        let decision = self.delivery.answered(attempt, answer);
        if !decision.settled.is_empty() {
            self.encoded.take();
            self.gathering.settled();
        }
        decision
    }

    /// How long to wait after so many failures, of which the receiver `asked` for some.
    pub(super) fn delay(&mut self, failures: u32, asked: Option<Duration>) -> Duration {
        self.backoff.delay(failures, asked)
    }

    /// Whether a request is under way.
    pub(super) fn is_busy(&self) -> bool {
        self.busy
    }

    /// Rests no longer.
    pub(super) fn wake(&mut self) {
        self.rests_until = None;
    }

    /// Forgets everything up to `cursor`, and what it has read.
    pub(super) fn begin_anew(&mut self, cursor: Seq) {
        self.delivery.begin_anew(cursor);
        self.encoded.forget();
        self.gathering.settled();
    }

    /// Sends nothing before `until`.
    pub(super) fn rest(&mut self, until: Instant) {
        self.rests_until = self.rests_until.max(Some(until));
    }
}
