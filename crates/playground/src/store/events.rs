//! Writing and reading Events.

use std::sync::Arc;

use event::{Event, time::whole_seconds};
use jiff::Timestamp;

use super::{
    Change, ListQuery, Page, ReadError, Selection, Store, Stored, WriteError, gone, key, page,
    table::Version,
};

impl Store {
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
        has.uid.clone_from(&had.uid);
        has.creation_timestamp = had.creation_timestamp;
        has.resource_version.clone_from(&had.resource_version);
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
        let lease = self.state.leases.for_write(now);
        let version = Version { revision, lease, value: Some(Arc::clone(&event)) };
        let (key, before) = self.state.events.write(key, version);
        self.state.leases.attach(key, lease, before);
        self.ledger.add(&event, revision, self.restores);
        self.bound_history();
        event
    }

    /// Deletes an Event; gives its last state with the resourceVersion it was stored at.
    pub fn delete(&mut self, namespace: &str, name: &str) -> Result<Arc<Event>, WriteError> {
        let key = key(namespace, name);
        let last = self.state.events.get(&key).map(Arc::clone).ok_or(WriteError::NotFound)?;
        let revision = self.next_revision();
        let (_, lease) = self.state.events.write(&key, gone(revision));
        self.state.leases.detach(lease);
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
        keys.map(|(key, _)| key[prefix.len()..].to_owned()).collect()
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
        page::list(&self.state.events, query, self.state.revision, self.state.oldest)
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
}
