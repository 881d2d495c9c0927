//! Writing and reading objects of every other kind, which are few and kept as JSON.

use std::sync::Arc;

use event::time::whole_seconds;
use jiff::Timestamp;

use super::{
    Change, ListQuery, Object, Page, ReadError, Selection, Store, Stored, WriteError, gone, key,
    page,
    table::{Table, Version},
};

impl Store {
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
        Ok(self.write_object(resource, &key, Some(object)).expect("it was just written"))
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
        Ok(self.write_object(resource, &key, Some(object)).expect("it was just written"))
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

    pub(super) fn write_object(
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
        let version = Version { value: value.clone(), ..gone(revision) };
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
        Ok(table.into_iter().flat_map(move |table| table.changes(revision, selection)))
    }
}
