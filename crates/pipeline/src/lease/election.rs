//! Who leads, by the rules of client-go's leader election. Pure: time is a parameter.
//!
//! Clocks of machines are never compared: a lease is over when it has not changed for as long as it lasts, by the
//! clock of who looks at it.

use std::time::Duration;

use event::Text;
use jiff::Timestamp;
use tokio::time::Instant;

use super::record::Lease;

/// The times of the election.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// Others wait so long for a holder that does not renew.
    pub lease: Duration,
    /// A holder that could not renew for so long holds it no more.
    pub renew: Duration,
    /// Between two renewals. Who waits looks twice as often.
    pub retry: Duration,
}

impl Default for Timing {
    /// Those of kubernetes-event-exporter, which are those of client-go.
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { lease: seconds(15), renew: seconds(10), retry: seconds(2) }
    }
}

/// One candidate's view of the election.
#[derive(Debug)]
pub struct Election {
    identity: Text,
    timing: Timing,
    seen: Option<Seen>,
    /// Until then nobody else can hold it.
    held_until: Option<Instant>,
}

#[derive(Debug)]
struct Seen {
    lease: Lease,
    /// Since when it says what it says.
    since: Instant,
}

/// What to do after a look at the Lease.
#[derive(Debug, Clone, PartialEq)]
pub enum Move {
    /// Somebody else holds it.
    Wait,
    /// There is none: create this one.
    Create(Lease),
    /// It is free, or ours: write this, if it is still as it was.
    Update(Lease),
}

impl Election {
    /// A candidate of this name, which no other may have.
    pub fn new(identity: Text, timing: Timing) -> Self {
        Self { identity, timing, seen: None, held_until: None }
    }

    /// The candidate's name.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The times.
    pub fn timing(&self) -> Timing {
        self.timing
    }

    /// What to do now that `found` is there; `new` where there is nothing. `at` is when the answer came.
    pub fn look(
        &mut self,
        found: Option<Lease>,
        new: &Lease,
        at: Instant,
        now: Timestamp,
        progress: Option<&str>,
    ) -> Move {
        let Some(found) = found else {
            self.seen = None;
            return Move::Create(self.ours(new, now, progress));
        };
        self.note(found, at);
        let Some(Seen { lease, .. }) = &self.seen else { return Move::Wait };
        let mine = lease.holder() == self.identity;
        if !mine {
            self.held_until = None;
        }
        if mine || self.over_at().is_none_or(|over| over <= at) {
            return Move::Update(self.ours(lease, now, progress));
        }
        Move::Wait
    }

    /// The next renewal, if the Lease is ours as far as we know: no need to look first.
    pub fn renewal(&self, now: Timestamp, progress: Option<&str>) -> Option<Lease> {
        let lease = self.lease().filter(|lease| lease.holder() == self.identity)?;
        Some(self.ours(lease, now, progress))
    }

    /// The Lease, given back, if it is ours.
    pub fn release(&mut self, now: Timestamp, progress: Option<&str>) -> Option<Lease> {
        self.held_until = None;
        let lease = self.lease().filter(|lease| lease.holder() == self.identity)?;
        Some(lease.released(now, progress))
    }

    /// A write of ours was taken. It counts from when it was asked for: it may have waited on the way.
    pub fn written(&mut self, lease: Lease, asked: Instant, answered: Instant) {
        self.held_until = (lease.holder() == self.identity).then(|| asked + self.timing.renew);
        self.note(lease, answered);
    }

    /// Until when nobody else can hold it, if we do.
    pub fn held_until(&self) -> Option<Instant> {
        self.held_until
    }

    /// We hold it no more.
    pub fn give_up(&mut self) {
        self.held_until = None;
    }

    /// The Lease as it was seen last.
    pub fn lease(&self) -> Option<&Lease> {
        self.seen.as_ref().map(|seen| &seen.lease)
    }

    /// When the holder that was seen last will have lost it; nothing when nobody holds it.
    pub fn over_at(&self) -> Option<Instant> {
        let Seen { lease, since } = self.seen.as_ref()?;
        if lease.holder().is_empty() {
            return None;
        }
        Some(*since + lease.duration().unwrap_or(self.timing.lease))
    }

    fn note(&mut self, lease: Lease, at: Instant) {
        let same = self.seen.as_ref().filter(|seen| seen.lease.spec() == lease.spec());
        let since = same.map_or(at, |seen| seen.since);
        self.seen = Some(Seen { lease, since });
    }

    fn ours(&self, lease: &Lease, now: Timestamp, progress: Option<&str>) -> Lease {
        lease.held(&self.identity, self.timing.lease, now, progress)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn lock() -> Lease {
        Lease::new("ns", "lock")
    }

    fn election(identity: &str) -> Election {
        Election::new(identity.into(), Timing::default())
    }

    fn now() -> Timestamp {
        Timestamp::UNIX_EPOCH
    }

    fn theirs(renewed: i64) -> Lease {
        let time = Timestamp::from_second(renewed).unwrap();
        lock().held("theirs", 15 * SECOND, time, None)
    }

    #[test]
    fn who_finds_none_creates_it_and_holds_it_from_when_it_asked() {
        let (mut election, asked) = (election("a"), Instant::now());
        let Move::Create(lease) = election.look(None, &lock(), asked, now(), None) else {
            panic!()
        };
        election.written(lease, asked, asked + 3 * SECOND);
        assert_eq!(election.held_until(), Some(asked + 10 * SECOND));
        assert!(election.renewal(now(), None).is_some());
    }

    #[test]
    fn a_lease_is_over_when_it_did_not_change_for_as_long_as_it_lasts_whatever_clocks_say() {
        let (mut election, start) = (election("a"), Instant::now());
        // Of a machine whose clock is years away.
        let mut look = |lease, at| election.look(Some(lease), &lock(), at, now(), None);
        assert_eq!(look(theirs(2_000_000_000), start), Move::Wait);
        assert_eq!(look(theirs(2_000_000_000), start + 14 * SECOND), Move::Wait);
        assert_eq!(look(theirs(2_000_000_002), start + 14 * SECOND), Move::Wait);
        assert_eq!(look(theirs(2_000_000_002), start + 28 * SECOND), Move::Wait);
        let Move::Update(taken) = look(theirs(2_000_000_002), start + 29 * SECOND) else {
            panic!()
        };
        assert_eq!((taken.holder(), taken.transitions()), ("a", 1));
    }

    #[test]
    fn one_that_was_given_back_is_taken_at_once() {
        let (mut election, at) = (election("a"), Instant::now());
        let released = theirs(5).released(now(), Some("so far"));
        let found = election.look(Some(released), &lock(), at, now(), None);
        let Move::Update(taken) = found else { panic!() };
        assert_eq!((taken.holder(), taken.progress()), ("a", Some("so far")));
    }

    #[test]
    fn who_sees_somebody_else_holds_nothing_any_more() {
        let (mut election, at) = (election("a"), Instant::now());
        election.written(lock().held("a", 15 * SECOND, now(), None), at, at);
        assert!(election.held_until().is_some());
        assert_eq!(election.look(Some(theirs(9)), &lock(), at, now(), None), Move::Wait);
        assert_eq!((election.held_until(), election.renewal(now(), None)), (None, None));
        assert_eq!(election.release(now(), None), None);
    }

    #[test]
    fn who_gives_it_back_leaves_it_to_nobody() {
        let (mut election, at) = (election("a"), Instant::now());
        election.written(lock().held("a", 15 * SECOND, now(), None), at, at);
        let released = election.release(now(), Some("done")).unwrap();
        assert_eq!((released.holder(), released.progress()), ("", Some("done")));
        assert_eq!(election.held_until(), None);
    }
}
