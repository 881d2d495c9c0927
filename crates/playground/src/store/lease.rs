//! Which Events expire together: a port of kube-apiserver's lease manager and of what etcd does when
//! a lease ends.
//!
//! The API server asks etcd for a lease that lives a little longer than an Event should, and attaches
//! every Event of the next seconds to it. When it ends, etcd deletes all of them in one revision.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use jiff::Timestamp;

use super::table::Key;

/// The part of an Event's life for which its lease is used for others too.
const REUSE_SHARE: f64 = 0.05;
/// However long an Event lives, its lease is not reused for longer than this.
const REUSE_MOST: Duration = Duration::from_secs(60);
/// So many Events share a lease at most.
const ATTACHED_MOST: usize = 1000;

#[derive(Debug, Clone)]
pub(super) struct Leases {
    ttl: Duration,
    open: HashMap<u64, Lease>,
    /// Ends and numbers of the same leases, soonest first.
    ends: BTreeSet<(Timestamp, u64)>,
    granted: u64,
}

#[derive(Debug, Clone)]
struct Lease {
    end: Timestamp,
    /// Every key that was ever attached.
    keys: Vec<Key>,
    /// How many of them still are.
    attached: usize,
}

impl Leases {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, open: HashMap::new(), ends: BTreeSet::new(), granted: 0 }
    }

    fn reuse(&self) -> Duration {
        // The API server reckons in whole seconds.
        let share = Duration::from_secs(self.ttl.mul_f64(REUSE_SHARE).as_secs());
        share.min(REUSE_MOST)
    }

    /// The number of the lease for an Event written at `now`.
    pub(super) fn for_write(&mut self, now: Timestamp) -> u64 {
        let end = now + self.ttl + self.reuse();
        if let Some(newest) = self.open.get(&self.granted) {
            let valid = now + self.ttl < newest.end;
            // `>` in the original; a clock that stands still should not make a lease for each Event.
            let sufficient = end >= newest.end;
            if valid && sufficient && newest.keys.len() < ATTACHED_MOST {
                return self.granted;
            }
        }
        self.granted += 1;
        self.open.insert(self.granted, Lease { end, keys: Vec::new(), attached: 0 });
        self.ends.insert((end, self.granted));
        self.granted
    }

    /// Attaches `key` to a lease, and takes it from the one that it had.
    pub(super) fn attach(&mut self, key: Key, lease: u64, before: u64) {
        if let Some(lease) = self.open.get_mut(&lease) {
            lease.keys.push(key);
            lease.attached += 1;
        }
        self.detach(before);
    }

    /// Takes one key from a lease; a lease that nothing hangs on is forgotten.
    pub(super) fn detach(&mut self, lease: u64) {
        if let Some(open) = self.open.get_mut(&lease) {
            open.attached = open.attached.saturating_sub(1);
            if open.attached == 0 {
                self.ends.remove(&(open.end, lease));
                self.open.remove(&lease);
            }
        }
    }

    /// A lease that has ended by `now`, with everything that was ever attached to it, in order.
    pub(super) fn ended(&mut self, now: Timestamp) -> Option<(u64, Vec<Key>)> {
        let (end, number) = *self.ends.first()?;
        if end > now {
            return None;
        }
        self.ends.pop_first();
        let mut keys = self.open.remove(&number)?.keys;
        keys.sort();
        keys.dedup();
        Some((number, keys))
    }

    /// When the next lease ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.ends.first().map(|(end, _)| *end)
    }
}
