//! What etcd and the registry of kube-apiserver are to a cluster: API objects in revisions.
//!
//! One counter of revisions for everything. Reads at an older revision until it is compacted, a log
//! of changes to watch, Events that expire by lease, and a way back to an older state, as after
//! `etcdctl snapshot restore`. In memory and synchronous: whoever shares it puts it behind a lock.

mod lease;

mod ledger;

mod object;

mod page;

mod selection;

mod table;

#[cfg(test)]
mod tests;

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use event::{Event, Text, time::whole_seconds};
use jiff::Timestamp;
use thiserror::Error;

use self::{
    lease::Leases,
    table::{Table, Version},
};
pub use self::{
    ledger::{Ledger, LedgerEntry},
    object::Object,
    page::{BadToken, ListQuery, Page},
    selection::{Condition, Requirement, Selection},
    table::Stored,
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

    /// Stores a new Event: uid, creationTimestamp and resourceVersion become the store's.
    pub fn create(&mut self, mut event: Event, now: Timestamp) -> Result<Arc<Event>, WriteError> {
        let key = key(&event.metadata.namespace, &event.metadata.name);
        if self.state.events.get(&key).is_some() {
            return Err(WriteError::AlreadyExists);
        }
        event.metadata.uid = self.uids.uuid().into();
        event.metadata.creation_timestamp = Some(whole_seconds(now));
        self.written.created += 1;
        Ok(self.put(&key, event, now))
    }

    /// Stores a new state of an Event. One that names a resourceVersion must name the newest; one
    /// that changes nothing is no write.
    pub fn update(&mut self, mut event: Event, now: Timestamp) -> Result<Arc<Event>, WriteError> {
        let key = key(&event.metadata.namespace, &event.metadata.name);
        let Some(current) = self.state.events.get(&key) else {
            return Err(WriteError::NotFound);
        };
        let (had, has) = (&current.metadata, &mut event.metadata);
        if !has.resource_version.is_empty() && has.resource_version != had.resource_version {
            return Err(WriteError::Conflict);
        }
        has.uid = had.uid.clone();
        has.creation_timestamp = had.creation_timestamp;
        has.resource_version = had.resource_version.clone();
        if **current == event {
            return Ok(Arc::clone(current));
        }
        self.written.updated += 1;
        Ok(self.put(&key, event, now))
    }

    fn put(&mut self, key: &str, mut event: Event, now: Timestamp) -> Arc<Event> {
        let revision = self.next_revision();
        event.stamp(revision);
        let event = Arc::new(event);
        let version = Version {
            revision,
            lease: self.state.leases.for_write(now),
            value: Some(Arc::clone(&event)),
        };
        let key = self.state.events.write(key, version);
        self.state.leases.attach(key);
        self.ledger.add(&event, revision, self.restores);
        self.bound_history();
        event
    }

    /// Deletes an Event; gives its last state with the resourceVersion it was stored at.
    pub fn delete(&mut self, namespace: &str, name: &str) -> Result<Arc<Event>, WriteError> {
        let key = key(namespace, name);
        let last = self
            .state
            .events
            .get(&key)
            .map(Arc::clone)
            .ok_or(WriteError::NotFound)?;
        let revision = self.next_revision();
        self.state.events.write(&key, gone(revision));
        self.written.deleted += 1;
        self.bound_history();
        Ok(last)
    }

    /// Deletes the Events of a namespace one after the other, as the namespace controller does, and
    /// the namespace itself and what else is in it; gives the number of Events.
    pub fn delete_namespace(&mut self, namespace: &str) -> usize {
        let all = Selection::namespace(namespace);
        let events = self.keys(&all);
        for name in &events {
            // It was there a moment ago, and nobody else can write.
            self.delete(namespace, name).expect("the Event is there");
        }
        let prefix = all.prefix();
        for resource in self.state.objects.keys().cloned().collect::<Vec<_>>() {
            let inside: Vec<_> = self.state.objects[&resource]
                .range(&prefix, "", u64::MAX)
                .map(|(key, _)| Arc::clone(key))
                .collect();
            for key in inside {
                self.write_object(&resource, &key, None);
            }
        }
        if self.object("namespaces", "", namespace).is_some() {
            self.write_object("namespaces", namespace, None);
        }
        events.len()
    }

    fn keys(&self, selection: &Selection) -> Vec<String> {
        let prefix = selection.prefix();
        let keys = self.state.events.range(&prefix, "", u64::MAX);
        keys.map(|(key, _)| key[prefix.len()..].to_owned())
            .collect()
    }

    /// Deletes the Events whose lease has ended by `now`, one revision for each lease; gives their
    /// number.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let mut expired = 0;
        while let Some((lease, mut keys)) = self.state.leases.ended(now) {
            // A later write has moved the Event to a later lease.
            let events = &self.state.events;
            keys.retain(|key| {
                let newest = events.newest(key);
                newest.is_some_and(|newest| newest.lease == lease && newest.value.is_some())
            });
            if keys.is_empty() {
                continue;
            }
            let revision = self.next_revision();
            for key in &keys {
                self.state.events.write(key, gone(revision));
            }
            expired += keys.len();
        }
        self.written.expired += expired as u64;
        self.bound_history();
        expired
    }

    /// When the next lease ends, whether anything expires with it or not.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        self.state.leases.next_end()
    }

    /// The Event of this name now.
    pub fn get(&self, namespace: &str, name: &str) -> Option<&Arc<Event>> {
        self.state.events.get(&key(namespace, name))
    }

    /// A page of Events.
    pub fn list(&self, query: &ListQuery) -> Result<Page<Event>, ReadError> {
        page::list(
            &self.state.events,
            query,
            self.state.revision,
            self.state.oldest,
        )
    }

    /// What happened to Events after `revision`, in order. All changes of one revision belong
    /// together: a reader that stops between them has not yet seen the revision.
    pub fn changes<'a>(
        &'a self,
        revision: u64,
        selection: &'a Selection,
    ) -> Result<impl Iterator<Item = Change<Event>> + 'a, ReadError> {
        self.readable(revision)?;
        Ok(self.state.events.changes(revision, selection))
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

    /// Stores a new object of a kind other than Event, for example `leases`.
    pub fn create_object(
        &mut self,
        resource: &str,
        mut object: Object,
        now: Timestamp,
    ) -> Result<Arc<Object>, WriteError> {
        let key = key(object.metadata("namespace"), object.metadata("name"));
        if self.table(resource).get(&key).is_some() {
            return Err(WriteError::AlreadyExists);
        }
        if object.metadata("uid").is_empty() {
            object.set_metadata("uid", self.uids.uuid().into());
        }
        object.set_metadata("creationTimestamp", whole_seconds(now).to_string().into());
        Ok(self
            .write_object(resource, &key, Some(object))
            .expect("it was just written"))
    }

    /// Stores a new state of such an object, as [`Store::update`] does for Events.
    pub fn update_object(
        &mut self,
        resource: &str,
        mut object: Object,
    ) -> Result<Arc<Object>, WriteError> {
        let key = key(object.metadata("namespace"), object.metadata("name"));
        let Some(current) = self.table(resource).get(&key).map(Arc::clone) else {
            return Err(WriteError::NotFound);
        };
        let version = object.metadata("resourceVersion");
        if !version.is_empty() && version != current.metadata("resourceVersion") {
            return Err(WriteError::Conflict);
        }
        for field in ["uid", "creationTimestamp", "resourceVersion"] {
            object.set_metadata(field, current.metadata(field).into());
        }
        if *current == object {
            return Ok(current);
        }
        Ok(self
            .write_object(resource, &key, Some(object))
            .expect("it was just written"))
    }

    /// Deletes such an object; gives its last state.
    pub fn delete_object(
        &mut self,
        resource: &str,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Object>, WriteError> {
        let last = self.object(resource, namespace, name).map(Arc::clone);
        let last = last.ok_or(WriteError::NotFound)?;
        self.write_object(resource, &key(namespace, name), None);
        Ok(last)
    }

    fn write_object(
        &mut self,
        resource: &str,
        key: &str,
        object: Option<Object>,
    ) -> Option<Arc<Object>> {
        let revision = self.next_revision();
        let value = object.map(|mut object| {
            object.stamp(revision);
            Arc::new(object)
        });
        let version = Version {
            value: value.clone(),
            ..gone(revision)
        };
        self.table(resource).write(key, version);
        value
    }

    fn table(&mut self, resource: &str) -> &mut Table<Object> {
        self.state.objects.entry(resource.into()).or_default()
    }

    /// The object of this name now.
    pub fn object(&self, resource: &str, namespace: &str, name: &str) -> Option<&Arc<Object>> {
        self.state.objects.get(resource)?.get(&key(namespace, name))
    }

    /// A page of objects other than Events.
    pub fn list_objects(
        &self,
        resource: &str,
        query: &ListQuery,
    ) -> Result<Page<Object>, ReadError> {
        let (newest, oldest) = (self.state.revision, self.state.oldest);
        match self.state.objects.get(resource) {
            Some(table) => page::list(table, query, newest, oldest),
            None => page::list(&Table::default(), query, newest, oldest),
        }
    }

    /// What happened to objects of one kind, as [`Store::changes`] tells it for Events.
    pub fn object_changes<'a>(
        &'a self,
        resource: &str,
        revision: u64,
        selection: &'a Selection,
    ) -> Result<impl Iterator<Item = Change<Object>> + 'a, ReadError> {
        self.readable(revision)?;
        let table = self.state.objects.get(resource);
        Ok(table
            .into_iter()
            .flat_map(move |table| table.changes(revision, selection)))
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
    Version {
        revision,
        lease: 0,
        value: None,
    }
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
