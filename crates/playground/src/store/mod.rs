//! What etcd and the registry of kube-apiserver are to a cluster: API objects in revisions.
//!
//! One counter of revisions for everything. Reads at an older revision until it is compacted, a log
//! of changes to watch, Events that expire by lease, and a way back to an older state, as after
//! `etcdctl snapshot restore`. In memory and synchronous: whoever shares it puts it behind a lock.

mod events;

mod lease;

mod ledger;

mod object;

mod objects;

mod page;

mod selection;

mod table;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use event::{Event, Text};
use thiserror::Error;

pub(crate) use self::table::Stored;
use self::{
    lease::Leases,
    table::{Table, Version},
};
pub use self::{
    ledger::{Ledger, LedgerEntry},
    object::Object,
    page::{BadToken, ListQuery, Page},
    selection::{Condition, Requirement, Selection},
};
use crate::random::Random;

/// What one can choose of a [`Store`].
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// The revision before the first write.
    pub revision: u64,
    /// How long an Event lives after its last write, before what its lease adds.
    pub ttl: Duration,
    /// The log is compacted to half when it holds more writes than this.
    pub history: usize,
    /// So many writes of Events are kept in the ledger; 0 is no ledger.
    pub ledger: usize,
    /// Uids follow from it.
    pub seed: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            revision: 1000,
            ttl: Duration::from_secs(3600),
            history: 200_000,
            ledger: 0,
            seed: 1,
        }
    }
}

/// What a watch says of one object.
#[derive(Debug, Clone, PartialEq)]
pub struct Change<T> {
    /// The write that did it. Several changes share one when a lease ends.
    pub revision: u64,
    /// What became of the object, as far as the watcher's selection goes.
    pub kind: ChangeKind,
    /// The object; for a deletion its last state with the resourceVersion of the deletion.
    pub object: Arc<T>,
}

/// What became of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is there, or it has come into the selection.
    Added,
    /// It is there and was before.
    Modified,
    /// It is gone, or it has left the selection.
    Deleted,
}

/// Why a write was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WriteError {
    /// There is an object of this name.
    #[error("already exists")]
    AlreadyExists,
    /// There is no object of this name.
    #[error("not found")]
    NotFound,
    /// The resourceVersion in the write is not the newest.
    #[error("the object has been modified")]
    Conflict,
}

/// Why a read was refused.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ReadError {
    /// The revision asked for is forgotten.
    #[error("revision {requested} is compacted, the oldest is {oldest}")]
    Compacted {
        /// What was asked for.
        requested: u64,
        /// The oldest that can be read.
        oldest: u64,
    },
    /// The revision asked for is not yet written.
    #[error("revision {requested} is in the future, the newest is {newest}")]
    Future {
        /// What was asked for.
        requested: u64,
        /// The newest there is.
        newest: u64,
    },
    /// The list that the token belongs to is forgotten.
    #[error("the continue token is too old")]
    ContinueExpired {
        /// A token that goes on from the same place at the newest revision.
        go_on: String,
    },
    /// The token is none of ours.
    #[error(transparent)]
    BadToken(BadToken),
}

/// How many writes of Events there were, since the start and over every restore.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Written {
    /// Events created.
    pub created: u64,
    /// Events updated.
    pub updated: u64,
    /// Events deleted by somebody.
    pub deleted: u64,
    /// Events whose lease ended.
    pub expired: u64,
}

/// The store: see the module.
#[derive(Debug)]
pub struct Store {
    state: State,
    uids: Random,
    restores: u32,
    written: Written,
    ledger: Ledger,
    history: usize,
}

/// What a restore brings back.
#[derive(Debug, Clone)]
struct State {
    revision: u64,
    /// The oldest revision that can be read.
    oldest: u64,
    events: Table<Event>,
    objects: BTreeMap<Text, Table<Object>>,
    leases: Leases,
}

/// The state of a store at one time.
#[derive(Debug, Clone)]
pub struct Snapshot(State);

impl Snapshot {
    /// The newest revision in it.
    pub fn revision(&self) -> u64 {
        self.0.revision
    }
}

impl Default for Store {
    fn default() -> Self {
        Self::new(&StoreOptions::default())
    }
}

impl Store {
    /// An empty store.
    pub fn new(options: &StoreOptions) -> Self {
        Self {
            state: State {
                revision: options.revision,
                oldest: options.revision,
                events: Table::default(),
                objects: BTreeMap::new(),
                leases: Leases::new(options.ttl),
            },
            uids: Random::new(options.seed),
            restores: 0,
            written: Written::default(),
            ledger: Ledger::new(options.ledger),
            history: options.history.max(2),
        }
    }

    /// The newest revision.
    pub fn revision(&self) -> u64 {
        self.state.revision
    }

    /// The oldest revision that can still be read.
    pub fn oldest(&self) -> u64 {
        self.state.oldest
    }

    /// How many Events there are.
    pub fn live(&self) -> usize {
        self.state.events.live()
    }

    /// How many writes of Events there were.
    pub fn written(&self) -> Written {
        self.written
    }

    /// How often it was restored: the epoch of what is written now.
    pub fn restores(&self) -> u32 {
        self.restores
    }

    /// Every revision of an Event that was ever written, as far as it is kept.
    pub fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// Forgets every revision before `revision`, as etcd does when the API server asks for it.
    pub fn compact(&mut self, revision: u64) {
        if revision <= self.state.oldest || revision > self.state.revision {
            return;
        }
        self.state.oldest = revision;
        self.state.events.compact(revision);
        for table in self.state.objects.values_mut() {
            table.compact(revision);
        }
    }

    /// The state as it is, to come back to.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.state.clone())
    }

    /// Goes back to an older state. Revisions that were given since are given again, to other writes.
    pub fn restore(&mut self, snapshot: &Snapshot) {
        self.state = snapshot.0.clone();
        self.restores += 1;
    }

    /// Whether changes after `revision` can be told.
    fn readable(&self, requested: u64) -> Result<(), ReadError> {
        let (oldest, newest) = (self.state.oldest, self.state.revision);
        if requested > newest {
            Err(ReadError::Future { requested, newest })
        } else if requested + 1 < oldest {
            Err(ReadError::Compacted { requested, oldest })
        } else {
            Ok(())
        }
    }

    fn next_revision(&mut self) -> u64 {
        self.state.revision += 1;
        self.state.revision
    }

    fn bound_history(&mut self) {
        if self.state.events.logged() > self.history
            && let Some(middle) = self.state.events.middle()
        {
            self.compact(middle);
        }
    }
}

fn gone<T>(revision: u64) -> Version<T> {
    Version { revision, lease: 0, value: None }
}

fn key(namespace: &str, name: &str) -> String {
    if namespace.is_empty() {
        name.to_owned()
    } else {
        let mut key = String::with_capacity(namespace.len() + 1 + name.len());
        key.push_str(namespace);
        key.push('/');
        key.push_str(name);
        key
    }
}
