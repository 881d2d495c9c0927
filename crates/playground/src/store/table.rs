//! One kind of object, in every revision that is not yet compacted: what etcd keeps below one prefix.
//!
//! Each key holds its versions, newest apart because nearly every read wants that one; the log holds
//! the same writes in order, which is what a watch reads.

use std::{
    collections::{BTreeMap, VecDeque},
    ops::Bound,
    sync::Arc,
};

use super::{Change, ChangeKind, Selection};

/// `namespace/name`, or `name` for what has no namespace. Sorts as etcd sorts.
pub(super) type Key = Arc<str>;

/// What a table must know of its objects.
pub(crate) trait Stored: Clone + PartialEq {
    /// Writes the revision into the object's metadata.
    fn stamp(&mut self, revision: u64);
    /// The value of a selectable field; nothing for a field that no selector may name.
    fn field(&self, path: &str) -> Option<&str>;
    /// The value of a label.
    fn label(&self, key: &str) -> Option<&str>;
}

/// One state of one key.
#[derive(Debug, Clone)]
pub(super) struct Version<T> {
    pub(super) revision: u64,
    /// The lease it is attached to; 0 for none.
    pub(super) lease: u64,
    /// Nothing when this revision deleted it.
    pub(super) value: Option<Arc<T>>,
}

#[derive(Debug, Clone)]
struct Versions<T> {
    /// The key once more, so that one search of the tree finds both.
    key: Key,
    newest: Version<T>,
    older: Vec<Version<T>>,
}

impl<T> Versions<T> {
    fn at(&self, revision: u64) -> Option<&Arc<T>> {
        let found = if self.newest.revision <= revision {
            Some(&self.newest)
        } else {
            self.older.iter().rev().find(|v| v.revision <= revision)
        };
        found.and_then(|version| version.value.as_ref())
    }
}

/// One write, with the states on both sides of it: a selector may hold for one and not the other.
#[derive(Debug, Clone)]
struct Logged<T> {
    revision: u64,
    /// The key was not there at all, so there is nothing older to forget with this write.
    is_first: bool,
    key: Key,
    before: Option<Arc<T>>,
    after: Option<Arc<T>>,
}

#[derive(Debug, Clone)]
pub(super) struct Table<T> {
    keys: BTreeMap<Key, Versions<T>>,
    log: VecDeque<Logged<T>>,
    live: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self { keys: BTreeMap::new(), log: VecDeque::new(), live: 0 }
    }
}

impl<T: Stored> Table<T> {
    /// How many objects there are now.
    pub(super) fn live(&self) -> usize {
        self.live
    }

    /// How many writes the log holds.
    pub(super) fn logged(&self) -> usize {
        self.log.len()
    }

    /// The revision in the middle of the log.
    pub(super) fn middle(&self) -> Option<u64> {
        self.log.get(self.log.len() / 2).map(|logged| logged.revision)
    }

    /// The newest state of `key`, unless it is deleted.
    pub(super) fn get(&self, key: &str) -> Option<&Arc<T>> {
        self.keys.get(key)?.newest.value.as_ref()
    }

    /// The lease and the value of `key` now.
    pub(super) fn newest(&self, key: &str) -> Option<&Version<T>> {
        self.keys.get(key).map(|versions| &versions.newest)
    }

    /// Sets or, with nothing, deletes `key`; gives the key in its shared form, and the lease that it
    /// had until now.
    pub(super) fn write(&mut self, key: &str, version: Version<T>) -> (Key, u64) {
        let revision = version.revision;
        let after = version.value.clone();
        let mut is_first = false;
        let (key, before, lease) = if let Some(versions) = self.keys.get_mut(key) {
            let before = std::mem::replace(&mut versions.newest, version);
            let (value, lease) = (before.value.clone(), before.lease);
            versions.older.push(before);
            (Arc::clone(&versions.key), value, lease)
        } else {
            is_first = true;
            let key: Key = Arc::from(key);
            let versions = Versions { key: Arc::clone(&key), newest: version, older: Vec::new() };
            self.keys.insert(Arc::clone(&key), versions);
            (key, None, 0)
        };
        self.live += usize::from(after.is_some());
        self.live -= usize::from(before.is_some());
        self.log.push_back(Logged { revision, is_first, key: Arc::clone(&key), before, after });
        (key, lease)
    }

    /// The objects at `revision` whose key is above `start` and begins with `prefix`, in order.
    pub(super) fn range<'a>(
        &'a self,
        prefix: &'a str,
        start: &'a str,
        revision: u64,
    ) -> impl Iterator<Item = (&'a Key, &'a Arc<T>)> + 'a {
        let from = if start > prefix { start } else { prefix };
        self.keys
            .range::<str, _>((Bound::Included(from), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .filter_map(move |(key, versions)| Some((key, versions.at(revision)?)))
    }

    /// Forgets what nobody may read any more once `revision` is the oldest.
    pub(super) fn compact(&mut self, revision: u64) {
        while self.log.front().is_some_and(|l| l.revision < revision) {
            let Some(logged) = self.log.pop_front() else {
                return;
            };
            if logged.is_first {
                continue;
            }
            let Some(versions) = self.keys.get_mut(&*logged.key) else {
                continue;
            };
            if versions.newest.revision <= revision {
                versions.older = Vec::new();
                if versions.newest.value.is_none() && versions.newest.revision < revision {
                    self.keys.remove(&*logged.key);
                }
            } else {
                let kept = versions.older.partition_point(|v| v.revision <= revision);
                versions.older.drain(..kept.saturating_sub(1));
            }
        }
    }

    /// The writes after `revision` as a watcher with `selection` sees them.
    pub(super) fn changes<'a>(
        &'a self,
        revision: u64,
        selection: &'a Selection,
    ) -> impl Iterator<Item = Change<T>> + 'a {
        let first = self.log.partition_point(|l| l.revision <= revision);
        self.log.range(first..).filter_map(move |logged| {
            if !selection.holds_key(&logged.key) {
                return None;
            }
            let holds = |value: &Option<Arc<T>>| {
                value.as_ref().is_some_and(|value| selection.holds(&**value))
            };
            let (kind, object) = match (holds(&logged.before), holds(&logged.after)) {
                (false, false) => return None,
                (false, true) => (ChangeKind::Added, logged.after.clone()?),
                (true, true) => (ChangeKind::Modified, logged.after.clone()?),
                (true, false) => {
                    let mut last = T::clone(logged.before.as_deref()?);
                    last.stamp(logged.revision);
                    (ChangeKind::Deleted, Arc::new(last))
                }
            };
            Some(Change { revision: logged.revision, kind, object })
        })
    }
}
