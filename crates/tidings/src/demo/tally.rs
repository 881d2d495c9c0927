//! What the cluster wrote, compared with what one receiver got: the numbers of the demo, and none of
//! them from the worker itself.

use std::{
    collections::{BTreeSet, HashSet, VecDeque},
    time::Duration,
};

/// So many ids are remembered to recognise repeats.
const REMEMBERED: usize = 200_000;
/// What is missing this long after something newer has arrived is lost. Only time in which it could
/// have arrived counts, and a lane that was held up may wait between two attempts.
const PATIENCE: Duration = Duration::from_secs(20);

/// One revision of an Event. Revisions come first: they are the order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) struct Id {
    /// The resourceVersion.
    pub(super) revision: u64,
    /// The uid, as the number that its hexadecimal digits are.
    pub(super) uid: u128,
}

impl Id {
    /// The id in a document; nothing for what no cluster has written.
    pub(super) fn read(uid: &str, resource_version: &str) -> Option<Self> {
        let digits = uid.bytes().filter_map(|byte| char::from(byte).to_digit(16));
        let number = digits.fold(0, |number, digit| number << 4 | u128::from(digit));
        let revision = resource_version.parse().ok().filter(|_| !uid.is_empty())?;
        Some(Self { revision, uid: number })
    }
}

/// What there is to say.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Numbers {
    /// Ids that must arrive.
    pub(super) written: u64,
    /// Ids that have arrived.
    pub(super) delivered: u64,
    /// Ids that have not arrived yet.
    pub(super) waiting: u64,
    /// Ids that should have arrived by now.
    pub(super) lost: u64,
    /// Arrivals of an id that had arrived before.
    pub(super) repeated: u64,
    /// Ids that have arrived and should not have.
    pub(super) unexpected: u64,
}

/// What was written, against what arrived.
#[derive(Debug, Default)]
pub(super) struct Tally {
    /// Everything from this revision on must arrive. Nobody was watching before.
    since: Option<u64>,
    /// Everything written up to here is known here.
    known: u64,
    waiting: BTreeSet<Id>,
    /// Arrived, and not yet known to be written: the receiver may be quicker than our own reading.
    early: BTreeSet<Id>,
    recent: Recent,
    /// What had arrived when so much time had passed.
    marks: VecDeque<(Duration, u64)>,
    /// Everything up to here should have arrived.
    due: u64,
    written: u64,
    delivered: u64,
    repeated: u64,
    unexpected: u64,
}

impl Tally {
    /// From `revision` on everything counts, and nothing before it.
    pub(super) fn begin(&mut self, revision: u64) {
        self.since = Some(revision);
        self.waiting = self.waiting.split_off(&Id { revision, uid: 0 });
        self.written = self.waiting.len() as u64;
    }

    /// This must arrive.
    pub(super) fn wrote(&mut self, id: Id) {
        if self.since.is_some_and(|since| id.revision < since) {
            return;
        }
        self.written += 1;
        if self.early.remove(&id) {
            self.delivered += 1;
        } else {
            self.waiting.insert(id);
        }
    }

    /// Everything up to `revision` was told by [`Tally::wrote`].
    pub(super) fn knows(&mut self, revision: u64) {
        self.known = self.known.max(revision);
        let later = self.early.split_off(&Id { revision: revision + 1, uid: 0 });
        self.unexpected += self.early.len() as u64;
        self.early = later;
    }

    /// This has arrived, when a way had been open for so long.
    pub(super) fn arrived(&mut self, id: Id, open: Duration) {
        if self.since.is_none_or(|since| id.revision < since) {
            return;
        }
        if !self.recent.insert(id) {
            self.repeated += 1;
            return;
        }
        if self.waiting.remove(&id) {
            self.delivered += 1;
        } else if id.revision > self.known {
            self.early.insert(id);
        } else {
            self.unexpected += 1;
        }
        match self.marks.back_mut() {
            Some((at, newest)) if *at == open => *newest = id.revision.max(*newest),
            Some((_, newest)) if *newest >= id.revision => {}
            _ => self.marks.push_back((open, id.revision)),
        }
    }

    /// The numbers, when a way has been open for so long.
    pub(super) fn numbers(&mut self, open: Duration) -> Numbers {
        while self.marks.front().is_some_and(|(at, _)| *at + PATIENCE <= open) {
            self.due = self.marks.pop_front().map_or(self.due, |(_, revision)| revision);
        }
        let lost = self.waiting_to(self.due);
        Numbers {
            written: self.written,
            delivered: self.delivered,
            waiting: self.waiting.len() as u64 - lost,
            lost,
            repeated: self.repeated,
            unexpected: self.unexpected,
        }
    }

    /// How many of those written up to `revision` have not arrived.
    pub(super) fn waiting_to(&self, revision: u64) -> u64 {
        self.waiting.range(..Id { revision: revision + 1, uid: 0 }).count() as u64
    }
}

/// The newest ids that arrived.
#[derive(Debug, Default)]
struct Recent {
    ids: HashSet<Id>,
    order: VecDeque<Id>,
}

impl Recent {
    /// False when it is there already.
    fn insert(&mut self, id: Id) -> bool {
        if !self.ids.insert(id) {
            return false;
        }
        self.order.push_back(id);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.ids.remove(&oldest);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Duration = Duration::ZERO;

    fn id(revision: u64) -> Id {
        Id { revision, uid: u128::from(revision) << 64 }
    }

    /// Everything from 10 on counts, and 10 to 19 are written.
    fn ten() -> Tally {
        let mut tally = Tally::default();
        (5..20).for_each(|revision| tally.wrote(id(revision)));
        tally.knows(19);
        tally.begin(10);
        tally
    }

    fn arrive(tally: &mut Tally, revisions: impl IntoIterator<Item = u64>) {
        revisions.into_iter().for_each(|revision| tally.arrived(id(revision), START));
    }

    #[test]
    fn what_was_written_waits_until_it_arrives() {
        let mut tally = ten();
        arrive(&mut tally, 8..16);
        let expected = Numbers { written: 10, delivered: 6, waiting: 4, ..Numbers::default() };
        assert_eq!(tally.numbers(START), expected);
        assert_eq!((tally.waiting_to(15), tally.waiting_to(17)), (0, 2));
    }

    #[test]
    fn what_arrives_twice_is_a_repeat_and_not_a_delivery() {
        let mut tally = ten();
        arrive(&mut tally, (10..20).chain([12, 19, 12]));
        let expected = Numbers { written: 10, delivered: 10, repeated: 3, ..Numbers::default() };
        assert_eq!(tally.numbers(START), expected);
    }

    #[test]
    fn what_arrives_before_we_know_of_it_is_a_delivery_all_the_same() {
        let mut tally = ten();
        arrive(&mut tally, 10..21);
        assert_eq!(tally.numbers(START).unexpected, 0);
        tally.wrote(id(20));
        tally.knows(20);
        let expected = Numbers { written: 11, delivered: 11, ..Numbers::default() };
        assert_eq!(tally.numbers(START), expected);
    }

    #[test]
    fn what_nobody_wrote_or_adds_nothing_is_unexpected() {
        let mut tally = ten();
        let stranger = Id { revision: 12, uid: 7 };
        tally.arrived(stranger, START);
        // Told of before our reading got there, and then it turned out to add nothing.
        tally.arrived(id(25), START);
        tally.knows(30);
        assert_eq!(tally.numbers(START).unexpected, 2);
    }

    #[test]
    fn what_is_missing_long_after_something_newer_came_is_lost() {
        let mut tally = ten();
        arrive(&mut tally, [10, 11, 14]);
        let numbers = tally.numbers(PATIENCE / 2);
        assert_eq!((numbers.waiting, numbers.lost), (7, 0));
        let numbers = tally.numbers(PATIENCE);
        // 12 and 13 were overtaken; nothing is known of those behind 14.
        assert_eq!((numbers.waiting, numbers.lost), (5, 2));
        tally.arrived(id(12), PATIENCE);
        assert_eq!(tally.numbers(PATIENCE).lost, 1);
    }

    #[test]
    fn nothing_is_lost_while_nothing_can_arrive() {
        let mut tally = ten();
        arrive(&mut tally, [10, 14]);
        // The caller stops the time while the receiver is down.
        assert_eq!(tally.numbers(START).lost, 0);
    }

    #[test]
    fn an_id_is_uid_and_revision_and_events_of_our_own_have_none() {
        let uid = "0b5c7a6e-7a58-4c4c-9a39-000000000001";
        let number = 0x0b5c_7a6e_7a58_4c4c_9a39_0000_0000_0001;
        assert_eq!(Id::read(uid, "7"), Some(Id { revision: 7, uid: number }));
        assert_eq!(Id::read("", "7"), None);
        assert_eq!(Id::read(uid, ""), None);
    }
}
