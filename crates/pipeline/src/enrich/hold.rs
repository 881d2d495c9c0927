//! Events that wait: for their object, or behind another event of the same name. Pure; time is a
//! parameter.
//!
//! Everything else passes them. What must not be turned around is kept in order: the revisions of one
//! Event object follow one another, and the end of an Event does not pass what could still be delivered
//! again after a crash.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use event::identity::NameKey;
use tokio::time::Instant;

use super::answers::Spot;

/// The number of a held item, in the order of coming.
pub(super) type Serial = u64;

/// Something that waits.
#[derive(Debug)]
pub(super) struct Held<T> {
    pub(super) what: T,
    /// Its revision, if its coming again after a crash would be news; the saved position stays below.
    pub(super) revision: Option<u64>,
    /// Namespace and name of the Event.
    pub(super) name: NameKey,
    /// What it waits for; nothing when it only keeps the order.
    pub(super) wants: Option<Spot>,
    /// It must not pass anything of this revision or below.
    pub(super) after: Option<u64>,
    /// When it came.
    pub(super) since: Instant,
    /// When something has to happen.
    pub(super) due: Instant,
    /// It waits for the answer to a GET.
    pub(super) asked: bool,
    /// Bytes it holds, more or less.
    pub(super) bytes: usize,
}

/// Everything that waits.
#[derive(Debug)]
pub(super) struct Hold<T> {
    items: BTreeMap<Serial, Held<T>>,
    by_spot: HashMap<Spot, Vec<Serial>>,
    by_name: HashMap<NameKey, VecDeque<Serial>>,
    revisions: BTreeSet<(u64, Serial)>,
    due: BTreeSet<(Instant, Serial)>,
    /// What waits for nothing but its turn.
    settled: BTreeSet<Serial>,
    next: Serial,
    /// Bytes of those that wait for something.
    bytes: usize,
}

impl<T> Default for Hold<T> {
    fn default() -> Self {
        Self {
            items: BTreeMap::new(),
            by_spot: HashMap::new(),
            by_name: HashMap::new(),
            revisions: BTreeSet::new(),
            due: BTreeSet::new(),
            settled: BTreeSet::new(),
            next: 0,
            bytes: 0,
        }
    }
}

impl<T> Hold<T> {
    /// Lets something wait.
    pub(super) fn push(&mut self, held: Held<T>) {
        let serial = self.next;
        self.next += 1;
        self.by_name.entry(held.name).or_default().push_back(serial);
        if let Some(revision) = held.revision {
            self.revisions.insert((revision, serial));
        }
        if let Some(spot) = &held.wants {
            self.by_spot.entry(spot.clone()).or_default().push(serial);
            self.due.insert((held.due, serial));
            self.bytes += held.bytes;
        } else {
            self.settled.insert(serial);
        }
        self.items.insert(serial, held);
    }

    /// How many wait for something, and their bytes.
    pub(super) fn waiting(&self) -> (usize, usize) {
        (self.items.len() - self.settled.len(), self.bytes)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// Whether something of this name waits.
    pub(super) fn follows(&self, name: NameKey) -> bool {
        self.by_name.contains_key(&name)
    }

    /// The lowest revision that waits.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.revisions.first().map(|(revision, _)| *revision)
    }

    /// The first that came and still waits for something.
    pub(super) fn first_waiting(&self) -> Option<Serial> {
        self.items.iter().find(|(_, held)| held.wants.is_some()).map(|(serial, _)| *serial)
    }

    /// Who waits for this object.
    pub(super) fn waiting_for(&self, spot: &Spot) -> Vec<Serial> {
        self.by_spot.get(spot).cloned().unwrap_or_default()
    }

    /// Who has waited long enough.
    pub(super) fn due(&self, now: Instant) -> Vec<Serial> {
        self.due.range(..=(now, Serial::MAX)).map(|(_, serial)| *serial).collect()
    }

    /// When the next has waited long enough.
    pub(super) fn next_due(&self) -> Option<Instant> {
        self.due.first().map(|(due, _)| *due)
    }

    pub(super) fn get_mut(&mut self, serial: Serial) -> Option<&mut Held<T>> {
        self.items.get_mut(&serial)
    }

    /// It waits for this now, until then.
    pub(super) fn wait(&mut self, serial: Serial, wants: Spot, due: Instant) {
        self.stop_waiting(serial);
        let Some(held) = self.items.get_mut(&serial) else { return };
        self.settled.remove(&serial);
        self.by_spot.entry(wants.clone()).or_default().push(serial);
        self.due.insert((due, serial));
        (held.wants, held.due) = (Some(wants), due);
        self.bytes += held.bytes;
    }

    /// It waits for nothing but its turn. Gives what it waited for, if nobody else does.
    pub(super) fn settle(&mut self, serial: Serial) -> Option<Spot> {
        let unwanted = self.stop_waiting(serial);
        if self.items.contains_key(&serial) {
            self.settled.insert(serial);
        }
        unwanted
    }

    fn stop_waiting(&mut self, serial: Serial) -> Option<Spot> {
        let held = self.items.get_mut(&serial)?;
        let spot = held.wants.take()?;
        self.bytes -= held.bytes;
        self.due.remove(&(held.due, serial));
        let others = self.by_spot.get_mut(&spot)?;
        others.retain(|other| *other != serial);
        if others.is_empty() {
            self.by_spot.remove(&spot);
            return Some(spot);
        }
        None
    }

    /// The next whose turn it is.
    pub(super) fn pop(&mut self) -> Option<Held<T>> {
        let oldest = self.oldest();
        let is_next = |serial: &&Serial| {
            let held = &self.items[*serial];
            let first = self.by_name.get(&held.name).and_then(|line| line.front());
            let blocked = held.after.zip(oldest).is_some_and(|(after, oldest)| oldest <= after);
            first == Some(*serial) && !blocked
        };
        let serial = *self.settled.iter().find(is_next)?;
        self.settled.remove(&serial);
        let held = self.items.remove(&serial)?;
        if let Some(revision) = held.revision {
            self.revisions.remove(&(revision, serial));
        }
        if let Some(line) = self.by_name.get_mut(&held.name) {
            line.pop_front();
            if line.is_empty() {
                self.by_name.remove(&held.name);
            }
        }
        Some(held)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::enrich::kinds::KindId;

    fn spot(name: &str) -> Spot {
        Spot { kind: KindId::POD, namespace: "a".into(), name: name.into() }
    }

    fn held(
        what: &'static str,
        event: &str,
        wants: Option<&str>,
        now: Instant,
    ) -> Held<&'static str> {
        Held {
            what,
            revision: None,
            name: NameKey::of("a", event),
            wants: wants.map(spot),
            after: None,
            since: now,
            due: now + Duration::from_secs(2),
            asked: false,
            bytes: 10,
        }
    }

    fn popped(hold: &mut Hold<&'static str>) -> Vec<&'static str> {
        std::iter::from_fn(|| hold.pop()).map(|held| held.what).collect()
    }

    fn settle(hold: &mut Hold<&'static str>, name: &str) {
        for serial in hold.waiting_for(&spot(name)) {
            hold.settle(serial);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn what_waits_for_other_objects_passes_and_one_events_revisions_do_not() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        hold.push(held("one", "e1", Some("x"), now));
        hold.push(held("two", "e2", Some("y"), now));
        hold.push(held("one again", "e1", None, now));
        assert!(popped(&mut hold).is_empty());
        settle(&mut hold, "y");
        assert_eq!(popped(&mut hold), ["two"]);
        settle(&mut hold, "x");
        assert_eq!(popped(&mut hold), ["one", "one again"]);
        assert!(hold.is_empty() && hold.waiting() == (0, 0) && hold.next_due().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_end_does_not_pass_what_may_come_again() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        hold.push(Held { revision: Some(10), ..held("held", "e1", Some("x"), now) });
        hold.push(Held { after: Some(9), ..held("older", "e2", None, now) });
        hold.push(Held { after: Some(15), ..held("newer", "e3", None, now) });
        assert_eq!((popped(&mut hold), hold.oldest()), (vec!["older"], Some(10)));
        settle(&mut hold, "x");
        assert_eq!((popped(&mut hold), hold.oldest()), (vec!["held", "newer"], None));
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_waited_long_enough_is_told() {
        let (mut hold, now) = (Hold::default(), Instant::now());
        hold.push(held("one", "e1", Some("x"), now));
        let later = now + Duration::from_secs(1);
        hold.push(held("two", "e2", Some("x"), later));
        assert_eq!(hold.due(later), Vec::<Serial>::new());
        assert_eq!(
            (hold.due(now + Duration::from_secs(2)), hold.first_waiting()),
            (vec![0], Some(0))
        );
        // Asked for: another object, another time.
        hold.wait(0, spot("y"), now + Duration::from_secs(9));
        assert_eq!(hold.due(now + Duration::from_secs(8)), [1]);
        assert_eq!(hold.settle(1), Some(spot("x")), "nobody else waits for it");
        assert_eq!((popped(&mut hold), hold.waiting()), (vec!["two"], (1, 10)));
    }
}
