//! Which Events expire together: a port of kube-apiserver's lease manager and of what etcd does when
//! a lease ends.
//!
//! The API server asks etcd for a lease that lives a little longer than an Event should, and attaches
//! every Event of the next seconds to it. When it ends, etcd deletes all of them in one revision.

use std::{collections::BTreeMap, time::Duration};

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
    /// By end and number, so that the next one to end is the first.
    open: BTreeMap<(Timestamp, u64), Vec<Key>>,
    newest: Option<(Timestamp, u64)>,
    granted: u64,
}

impl Leases {
    pub(super) fn new(ttl: Duration) -> Self {
        Self { ttl, open: BTreeMap::new(), newest: None, granted: 0 }
    }

    fn reuse(&self) -> Duration {
        // The API server reckons in whole seconds.
        let share = Duration::from_secs(self.ttl.mul_f64(REUSE_SHARE).as_secs());
        share.min(REUSE_MOST)
    }

    /// The lease for an Event written at `now`.
    pub(super) fn for_write(&mut self, now: Timestamp) -> u64 {
        if let Some((end, lease)) = self.newest {
            let valid = now + self.ttl < end;
            // `>` in the original; a clock that stands still should not make a lease for each Event.
            let sufficient = now + self.ttl + self.reuse() >= end;
            let room = self.open.get(&(end, lease)).is_none_or(|l| l.len() < ATTACHED_MOST);
            if valid && sufficient && room {
                return lease;
            }
        }
        self.granted += 1;
        self.newest = Some((now + self.ttl + self.reuse(), self.granted));
        self.granted
    }

    /// Attaches `key` to the lease that was given last.
    pub(super) fn attach(&mut self, key: Key) {
        if let Some(lease) = self.newest {
            self.open.entry(lease).or_default().push(key);
        }
    }

    /// A lease that has ended by `now`, with everything that was ever attached to it, in order.
    pub(super) fn ended(&mut self, now: Timestamp) -> Option<(u64, Vec<Key>)> {
        let first = self.open.first_entry().filter(|first| first.key().0 <= now)?;
        let ((_, lease), mut keys) = first.remove_entry();
        keys.sort();
        keys.dedup();
        Some((lease, keys))
    }

    /// When the next lease ends.
    pub(super) fn next_end(&self) -> Option<Timestamp> {
        self.open.keys().next().map(|(end, _)| *end)
    }
}
