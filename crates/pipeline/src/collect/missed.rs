//! What cannot be known after a break, and saying so: how long Events live in this cluster, whether
//! some could have come and gone unseen, and the event that tells people.

use event::{
    Clock, Event, Origin, Text,
    journal::{Break, Position},
};
use jiff::Timestamp;

use super::scope::Scope;

/// Why a list is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// The position was compacted away.
    Expired,
    /// The watch was closed at once, without a word.
    Stale,
    /// The cluster's storage was set back to an older state.
    Restored,
    /// The watch stood open and delivered nothing while there was something.
    Frozen,
    /// Nothing was heard for a while; the position is renewed before it gets too old.
    Quiet,
    /// Something was delivered that could not be read.
    Unreadable,
}

impl Cause {
    /// The word in the ledger.
    pub fn word(self) -> &'static str {
        match self {
            Self::Expired => "expired",
            Self::Stale => "stale",
            Self::Restored => "restored",
            Self::Frozen => "frozen",
            Self::Quiet => "quiet",
            Self::Unreadable => "unreadable",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Expired => "the API server no longer knew the position",
            Self::Stale => "the API server closed the watch without a word",
            Self::Restored => "the cluster's storage was set back to an older state",
            Self::Frozen => "the watch stood open and delivered nothing",
            Self::Quiet => "the watch was silent for a long time",
            Self::Unreadable => "the API server sent something that cannot be read",
        }
    }
}

/// The life of an Event where nothing else is known: the default of kube-apiserver, in seconds.
pub const DEFAULT_TTL: u32 = 3600;

/// Whether an Event that last changed at `touched`, and is gone at `now`, has not lived out its time:
/// somebody deleted it, as the namespace controller does. Clocks and leases leave some slack.
pub fn left_early(now: u32, touched: u32, ttl: u32) -> bool {
    let ttl = if ttl == 0 { DEFAULT_TTL } else { ttl };
    now.saturating_sub(touched) + ttl / 10 + 2 < ttl
}

/// Learns how long Events live by watching them expire. Only an expired lease deletes several keys at
/// one revision; a person or a controller deletes them one by one.
#[derive(Debug, Default)]
pub struct Expiry {
    revision: u64,
    deleted: u32,
    youngest: Option<u32>,
}

impl Expiry {
    /// Notes a deletion at `revision` of an Event that had last changed `age` seconds ago, if that is
    /// known. Gives the shortest life seen at this revision, once it is sure that Events expired.
    pub fn deleted(&mut self, revision: u64, age: Option<u32>) -> Option<u32> {
        if revision != self.revision {
            *self = Self { revision, ..Self::default() };
        }
        self.deleted += 1;
        self.youngest = match (self.youngest, age) {
            (Some(youngest), Some(age)) => Some(youngest.min(age)),
            (one, other) => one.or(other),
        };
        self.youngest.filter(|age| self.deleted >= 2 && *age > 0)
    }
}

/// What a list found after a break.
#[derive(Debug, Clone, Copy)]
pub struct Found {
    /// Why it was made.
    pub cause: Cause,
    /// The position before.
    pub from: Position,
    /// The position after.
    pub to: Position,
    /// Events that were gone although they had not lived out their time.
    pub vanished_early: u64,
}

impl Found {
    /// The entry for the ledger.
    pub fn to_break(self, clock: &dyn Clock) -> Break {
        Break {
            at: clock.now(),
            cause: self.cause.word().into(),
            from: self.from,
            to: self.to,
            missed: self.missed(),
        }
    }

    /// Whether events could have been created and removed unseen.
    pub fn missed(self) -> bool {
        self.cause == Cause::Restored
            || self.cause == Cause::Unreadable
            || self.vanished_early > 0
            || (self.cause != Cause::Quiet && self.seconds() > self.ttl())
    }

    fn seconds(self) -> u32 {
        self.to.time.saturating_sub(self.from.time)
    }

    fn ttl(self) -> u32 {
        if self.from.ttl == 0 { DEFAULT_TTL } else { self.from.ttl }
    }

    /// The event that tells people; it goes the same way as any other.
    pub fn to_event(self, cluster_name: &Text, scope: &Scope) -> Event {
        let Self { cause, from, to, vanished_early } = self;
        let (start, end) = (timestamp(from.time), timestamp(to.time));
        let mut message = format!(
            "events between {start} and {end} may have come and gone unseen: {} (resourceVersion {} to {})",
            cause.sentence(),
            from.revision,
            to.revision,
        );
        if self.seconds() > self.ttl() {
            let (seconds, ttl) = (self.seconds(), self.ttl());
            message = format!(
                "{message}; not watched for {seconds} s, longer than the {ttl} s that events live here"
            );
        }
        if vanished_early > 0 {
            message = format!(
                "{message}; {vanished_early} known events were deleted before their time, as with a namespace"
            );
        }
        let mut id = format!("missed-{}-{}-{}", to.epoch, from.revision, to.revision);
        if let Some(namespace) = &scope.namespace {
            id = format!("{id}-{namespace}");
        }
        let mut event = statement(message, &id, to.revision, end, cluster_name);
        event.epoch = to.epoch;
        if let Some(namespace) = &scope.namespace {
            event.metadata.namespace.clone_from(namespace);
        }
        event
    }
}

/// The event that tells people that the saved state was damaged; `what` was lost with it.
pub fn damaged(what: &str, now: Timestamp, cluster_name: &Text) -> Event {
    let message = format!("events before {now} may be missing: {what}");
    let id = format!("damaged-{}", now.as_second());
    statement(message, &id, 0, now, cluster_name)
}

/// An event that tells people of something that only Tidings knows.
pub(crate) fn statement(
    message: String,
    id: &str,
    revision: u64,
    at: Timestamp,
    cluster: &Text,
) -> Event {
    let at = event::time::whole_seconds(at);
    let mut event = Event {
        reason: "EventsMissed".into(),
        message: message.into(),
        kind: "Warning".into(),
        count: 1,
        first_timestamp: Some(at),
        last_timestamp: Some(at),
        origin: Origin::Tidings,
        reporting_component: "tidings".into(),
        occurrences: event::Occurrences { before: 0, after: 1 },
        ..Event::default()
    };
    event.source.component = "tidings".into();
    event.metadata.name = format!("tidings.{id}").into();
    event.metadata.namespace = "default".into();
    event.metadata.uid = id.into();
    event.metadata.resource_version = revision.to_string().into();
    event.metadata.creation_timestamp = Some(at);
    event.involved.reference.kind = "EventStream".into();
    event.involved.reference.api_version = "tidings.dev/v1".into();
    event.involved.reference.name =
        if cluster.is_empty() { "events".into() } else { cluster.clone() };
    event
}

/// A time that was kept in seconds since 1970.
pub(crate) fn timestamp(seconds: u32) -> Timestamp {
    Timestamp::from_second(seconds.into()).unwrap_or(Timestamp::UNIX_EPOCH)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(cause: Cause, seconds: u32, ttl: u32, vanished_early: u64) -> Found {
        let from = Position { epoch: 0, revision: 100, time: 1_700_000_000, ttl };
        let to = Position { revision: 200, time: from.time + seconds, ..from };
        Found { cause, from, to, vanished_early }
    }

    #[test]
    fn a_break_shorter_than_an_events_life_hides_nothing() {
        assert!(!found(Cause::Expired, 600, 0, 0).missed());
        assert!(!found(Cause::Stale, 80, 90, 0).missed());
        assert!(!found(Cause::Quiet, 180, 90, 0).missed());
    }

    #[test]
    fn a_longer_break_a_restore_or_a_vanished_namespace_can_hide_events() {
        assert!(found(Cause::Expired, 3601, 0, 0).missed());
        assert!(found(Cause::Expired, 91, 90, 0).missed());
        assert!(found(Cause::Restored, 1, 90, 0).missed());
        assert!(found(Cause::Expired, 1, 90, 7).missed());
    }

    #[test]
    fn an_event_that_expired_a_little_sooner_than_others_did_not_leave_early() {
        assert!(!left_early(1000, 1000 - 85, 90));
        assert!(left_early(1000, 1000 - 40, 90));
        assert!(left_early(10_000, 9_000, 0));
        assert!(!left_early(10_000, 10_000 - 3500, 0));
    }

    #[test]
    fn the_statement_names_bounds_and_cause() {
        let event = found(Cause::Expired, 7200, 0, 3).to_event(&Text::default(), &Scope::default());
        assert_eq!(
            event.message,
            "events between 2023-11-14T22:13:20Z and 2023-11-15T00:13:20Z may have come and gone \
             unseen: the API server no longer knew the position (resourceVersion 100 to 200); not \
             watched for 7200 s, longer than the 3600 s that events live here; 3 known events were \
             deleted before their time, as with a namespace"
        );
        assert_eq!(event.id().to_string(), "missed-0-100-200/200");
    }

    #[test]
    fn the_life_of_events_is_learnt_from_keys_that_expire_together() {
        let mut expiry = Expiry::default();
        assert_eq!(expiry.deleted(10, Some(100)), None);
        assert_eq!(expiry.deleted(11, Some(95)), None);
        assert_eq!(expiry.deleted(11, Some(130)), Some(95));
        assert_eq!(expiry.deleted(11, None), Some(95));
        assert_eq!(expiry.deleted(12, Some(5)), None);
    }
}
