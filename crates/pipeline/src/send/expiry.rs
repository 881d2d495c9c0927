//! Events that are too old to be shown: counted as expired, and told of in one digest when the receiver takes
//! something again.
//!
//! The digest is counted up in the journal in the same step in which the cursor passes its rows, so a crash
//! neither forgets nor doubles any; it has the number of its first row in its id, so its repeat can be known.

use std::{sync::Arc, time::Duration};

use event::{
    Event, Payload, SendError,
    journal::{NotShown, Seq},
};
use jiff::{SignedDuration, Timestamp};
use tokio::time::Instant;

use super::{
    Lane, Rows,
    delivery::{End, Settled},
    pause::Pause,
};
use crate::{backoff::Backoff, collect::missed::statement};

/// A receiver that keeps up so badly that events grow too old all the time is not told more often.
const BETWEEN_DIGESTS: SignedDuration = SignedDuration::from_mins(1);

/// Workloads that a digest names.
const NAMED: usize = 5;

/// What a lane knows of events that are too old.
#[derive(Debug)]
pub(super) struct Expiry {
    max_age: Option<SignedDuration>,
    not_shown: Option<NotShown>,
    /// Nothing that waits grows too old before.
    next: Timestamp,
    /// When the receiver was told last.
    told: Option<Timestamp>,
    /// A digest is under way.
    is_sending: bool,
    rests_until: Option<Instant>,
    failures: u32,
    backoff: Backoff,
}

impl Expiry {
    pub(super) fn new(
        max_age: Option<Duration>,
        not_shown: Option<NotShown>,
        backoff: Backoff,
    ) -> Self {
        Self {
            max_age: max_age.and_then(|age| SignedDuration::try_from(age).ok()),
            not_shown,
            next: Timestamp::MIN,
            told: None,
            is_sending: false,
            rests_until: None,
            failures: 0,
            backoff,
        }
    }

    /// What the receiver is to be told.
    pub(super) fn not_shown(&self) -> Option<NotShown> {
        self.not_shown.clone()
    }

    /// Rests no longer.
    pub(super) fn wake(&mut self) {
        self.rests_until = None;
    }

    /// Rows came in.
    pub(super) fn dealt(&mut self) {
        self.next = Timestamp::MIN;
    }

    /// Whether the receiver is to be told before it is sent anything else.
    fn is_due(&self, now: Timestamp) -> bool {
        let between = self.max_age.unwrap_or_default().max(BETWEEN_DIGESTS);
        self.not_shown.is_some() && self.told.is_none_or(|told| now.duration_since(told) >= between)
    }
}

impl<R: Rows> Lane<R> {
    /// Takes in rows until one is young enough to be sent; says what a strand without any waits for.
    pub(super) async fn take_in(&mut self, stop: &event::Stop) -> Pause {
        loop {
            let idle = self.refill(stop).await;
            let expired = self.expire();
            let window = self.window();
            let is_drained = window.waiting() == 0 && window.read_to() < *self.head.borrow();
            if expired == 0 || !is_drained || stop.has_fired() || matches!(idle, Pause::For(_)) {
                return idle;
            }
            tokio::task::consume_budget().await;
        }
    }

    /// Takes what is too old out of what waits; says how much that was.
    fn expire(&mut self) -> usize {
        let Some(max_age) = self.expiry.max_age else { return 0 };
        let now = self.clock.now();
        if now < self.expiry.next {
            return 0;
        }
        let oldest = now.checked_sub(max_age).unwrap_or(Timestamp::MIN);
        let mut next = Timestamp::MAX;
        let mut settled: Vec<Settled> = Vec::new();
        for strand in &mut self.strands {
            if strand.is_busy() {
                // Looked at when it is answered.
                next = Timestamp::MIN;
                continue;
            }
            let window = strand.delivery.window();
            let mut old: Vec<Seq> = Vec::new();
            for seq in window.seqs() {
                let event = window.get(seq).map(|row| &row.event);
                match event.and_then(|event| grows_old(event)) {
                    Some(time) if time < oldest => old.push(seq),
                    Some(time) => next = next.min(time.checked_add(max_age).unwrap_or(time)),
                    None => {}
                }
            }
            settled.extend(old.into_iter().map(|seq| strand.delivery.end(seq, End::Expired)));
        }
        self.expiry.next = next;
        settled.sort_unstable_by_key(|record| record.seq);
        for Settled { seq, event, .. } in &settled {
            if let Some(event) = event {
                let digest =
                    self.expiry.not_shown.get_or_insert_with(|| NotShown::new(*seq, event));
                digest.add(event);
            }
        }
        let count = settled.len();
        if count > 0 {
            self.settled(settled);
        }
        count
    }

    /// What a strand waits for while the digest goes first.
    pub(super) fn digest_first(&self, now: Instant) -> Option<Pause> {
        if !self.expiry.is_sending && !self.expiry.is_due(self.clock.now()) {
            return None;
        }
        let left = self.expiry.rests_until.filter(|until| *until > now);
        Some(left.map_or(Pause::UntilAnswered, |until| Pause::For(until - now)))
    }

    /// The digest, if it is to be sent now. No request is under way.
    pub(super) fn digest(&mut self) -> Option<Arc<Payload>> {
        let (now, time) = (Instant::now(), self.clock.now());
        if self.orders.hold()
            || !self.expiry.is_due(time)
            || self.expiry.rests_until.is_some_and(|until| until > now)
        {
            return None;
        }
        if let Err(wait) = self.bucket.take(now) {
            self.expiry.rests_until = Some(now + wait);
            return None;
        }
        let not_shown = self.expiry.not_shown.as_ref()?;
        let event = told(not_shown, self.reporter.lane(), self.expiry.max_age, time);
        match self.sink.encode(&vec![Arc::new(event)]) {
            Ok(payloads) if payloads.len() == 1 => {
                self.expiry.is_sending = true;
                payloads.into_iter().next().map(Arc::new)
            }
            Ok(_) => {
                self.untellable("it makes no single request");
                None
            }
            Err(rejected) => {
                self.untellable(&rejected.reason);
                None
            }
        }
    }

    /// Draws the conclusions from what was said to the digest.
    pub(super) fn digest_answered(&mut self, said: Result<(), SendError>) {
        self.expiry.is_sending = false;
        let now = Instant::now();
        match said {
            Ok(()) => {
                self.expiry.failures = 0;
                let told = self.expiry.not_shown.take();
                self.expiry.told = Some(self.clock.now());
                self.reporter.told(told.map_or(0, |it| it.rows));
                self.reporter.fine();
                self.unsaved.changed();
                self.refused = None;
                self.strands.iter_mut().for_each(super::strand::Strand::wake);
            }
            Err(SendError::Unavailable { reason, retry_after }) => {
                self.expiry.failures = self.expiry.failures.saturating_add(1);
                let pause = self.expiry.backoff.delay(self.expiry.failures, retry_after);
                self.expiry.rests_until = Some(now + pause);
                self.reporter.failing(reason);
            }
            Err(SendError::Blocked { reason }) => {
                self.expiry.rests_until = Some(now + self.settings.probe_every);
                self.reporter.blocked(reason);
            }
            Err(error @ (SendError::Rejected { .. } | SendError::Partial { .. })) => {
                self.untellable(&error.to_string());
            }
        }
    }

    /// The digest is given up; the events are counted all the same.
    fn untellable(&mut self, why: &str) {
        let lane = self.reporter.lane();
        let events = self.expiry.not_shown.take().map_or(0, |it| it.rows);
        tracing::warn!(lane, events, why, "events were too old, and their receiver cannot be told");
        self.expiry.told = Some(self.clock.now());
        self.unsaved.changed();
    }
}

/// When an event happened that can grow too old: one that somebody asked for again cannot.
fn grows_old(event: &Event) -> Option<Timestamp> {
    event.timestamp().filter(|_| !event.replay)
}

/// The event that tells people what they were not shown.
fn told(
    not_shown: &NotShown,
    receiver: &str,
    max_age: Option<SignedDuration>,
    now: Timestamp,
) -> Event {
    let NotShown { from, rows, first, last, cluster, is_rough, .. } = not_shown;
    let time = |time: &Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ");
    let (events, were) = if *rows == 1 { ("event", "was") } else { ("events", "were") };
    let age = max_age.unwrap_or_default().as_secs();
    let age = if age % 60 == 0 { format!("{} min", age / 60) } else { format!("{age} s") };
    let about = if *is_rough { "about " } else { "" };
    let top = not_shown.top(NAMED).into_iter();
    let top: Vec<_> = top.map(|(name, count)| format!("{name} {about}{count}")).collect();
    let (first, last) = (time(first), time(last));
    let message = format!(
        "{rows} {events} between {first} and {last} {were} not shown here: `{receiver}` could not be reached in \
         time, and more than {age} late nobody wants to read them. Most were about: {}. To have them after all: \
         tidings replay --receiver {receiver} --since {first}",
        top.join(", "),
    );
    let id = format!("not-shown-{receiver}-{from}");
    let mut event = statement(message, &id, 0, now, cluster);
    event.reason = "EventsNotShown".into();
    event.cluster_name.clone_from(cluster);
    event
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_digest_says_how_many_when_about_what_and_where_to_look() {
        let mut event = Event {
            last_timestamp: "2026-11-20T02:10:00Z".parse().ok(),
            cluster_name: "prod".into(),
            ..Event::default()
        };
        event.metadata.namespace = "shop".into();
        event.involved.reference.kind = "Pod".into();
        event.involved.reference.name = "web-0".into();
        let mut not_shown = NotShown::new(4711, &event);
        (0..3).for_each(|_| not_shown.add(&event));
        event.last_timestamp = "2026-11-20T08:14:00Z".parse().ok();
        event.involved.reference.name = "db-0".into();
        not_shown.add(&event);
        let now = "2026-11-20T08:30:00Z".parse().unwrap();
        let event = told(&not_shown, "slack", Some(SignedDuration::from_mins(15)), now);
        assert_eq!(
            event.message,
            "4 events between 2026-11-20T02:10:00Z and 2026-11-20T08:14:00Z were not shown here: `slack` could \
             not be reached in time, and more than 15 min late nobody wants to read them. Most were about: \
             shop/Pod/web-0 3, shop/Pod/db-0 1. To have them after all: tidings replay --receiver slack \
             --since 2026-11-20T02:10:00Z"
        );
        assert_eq!((&*event.reason, &*event.cluster_name), ("EventsNotShown", "prod"));
        assert_eq!(event.id().to_string(), "not-shown-slack-4711/0");
    }
}
