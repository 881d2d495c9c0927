//! What lists and watches need of an object, so that they are written once for Events and for the
//! rest.

use event::Event;
use serde_json::Value;

use super::{
    form::{Shape, event_cells, protobuf, schema, write_event, write_event_metadata},
    resource::Resource,
};
use crate::store::{Change, ListQuery, Object, Page, ReadError, Selection, Store, Stored};

/// An object of the store that the API serves.
pub(super) trait Kept: Stored + Default + Send + Sync + 'static {
    fn list(store: &Store, resource: &Resource, query: &ListQuery)
    -> Result<Page<Self>, ReadError>;

    /// At least `most` changes after `revision` if there are so many, the last revision complete,
    /// and how far that reaches.
    fn changes(
        store: &Store,
        resource: &Resource,
        revision: u64,
        selection: &Selection,
        most: usize,
    ) -> Result<(Vec<Change<Self>>, u64), ReadError>;

    /// Appends the object in JSON.
    fn write(&self, shape: &Shape, typed: bool, out: &mut Vec<u8>);

    /// Appends its metadata in JSON.
    fn write_metadata(&self, shape: &Shape, out: &mut Vec<u8>);

    /// Its message in protobuf.
    fn protobuf(&self, shape: &Shape) -> Vec<u8>;

    /// Its row in a table.
    fn cells(&self) -> Vec<Value>;

    /// Sets an annotation; for bookmarks.
    fn annotate(&mut self, key: &str, value: &str);
}

impl Kept for Event {
    fn list(store: &Store, _: &Resource, query: &ListQuery) -> Result<Page<Self>, ReadError> {
        store.list(query)
    }

    fn changes(
        store: &Store,
        _: &Resource,
        revision: u64,
        selection: &Selection,
        most: usize,
    ) -> Result<(Vec<Change<Self>>, u64), ReadError> {
        Ok(collect(store.changes(revision, selection)?, most, store.revision()))
    }

    fn write(&self, shape: &Shape, typed: bool, out: &mut Vec<u8>) {
        write_event(self, shape.resource.form(), shape.managed, typed, out);
    }

    fn write_metadata(&self, shape: &Shape, out: &mut Vec<u8>) {
        write_event_metadata(self, shape.resource.form(), shape.managed, out);
    }

    fn protobuf(&self, shape: &Shape) -> Vec<u8> {
        protobuf::event(self, shape.resource.form(), shape.managed)
    }

    fn cells(&self) -> Vec<Value> {
        event_cells(self)
    }

    fn annotate(&mut self, key: &str, value: &str) {
        self.metadata.annotations.insert(key.into(), value.into());
    }
}

impl Kept for Object {
    fn list(
        store: &Store,
        resource: &Resource,
        query: &ListQuery,
    ) -> Result<Page<Self>, ReadError> {
        store.list_objects(resource.plural, query)
    }

    fn changes(
        store: &Store,
        resource: &Resource,
        revision: u64,
        selection: &Selection,
        most: usize,
    ) -> Result<(Vec<Change<Self>>, u64), ReadError> {
        let changes = store.object_changes(resource.plural, revision, selection)?;
        Ok(collect(changes, most, store.revision()))
    }

    fn write(&self, shape: &Shape, typed: bool, out: &mut Vec<u8>) {
        out.push(b'{');
        if typed {
            let (kind, version) = (shape.resource.kind, shape.resource.api_version());
            let head = format!(r#""kind":"{kind}","apiVersion":"{version}","#);
            out.extend_from_slice(head.as_bytes());
        }
        let fields = self.0.as_object().into_iter().flatten();
        let fields = fields.filter(|(key, _)| !matches!(&***key, "kind" | "apiVersion"));
        for (index, (key, value)) in fields.enumerate() {
            if index > 0 {
                out.push(b',');
            }
            out.extend_from_slice(format!("\"{key}\":{value}").as_bytes());
        }
        out.push(b'}');
    }

    fn write_metadata(&self, _: &Shape, out: &mut Vec<u8>) {
        out.extend_from_slice(self.0["metadata"].to_string().as_bytes());
    }

    fn protobuf(&self, shape: &Shape) -> Vec<u8> {
        schema::encode(shape.resource.plural, &self.0)
    }

    fn cells(&self) -> Vec<Value> {
        vec![self.0["metadata"]["name"].clone(), self.0["metadata"]["creationTimestamp"].clone()]
    }

    fn annotate(&mut self, key: &str, value: &str) {
        self.0["metadata"]["annotations"][key] = value.into();
    }
}

fn collect<T>(
    changes: impl Iterator<Item = Change<T>>,
    most: usize,
    newest: u64,
) -> (Vec<Change<T>>, u64) {
    let mut collected: Vec<Change<T>> = Vec::new();
    for change in changes {
        if let Some(last) = collected.last()
            && collected.len() >= most
            && last.revision < change.revision
        {
            let reached = last.revision;
            return (collected, reached);
        }
        collected.push(change);
    }
    (collected, newest)
}
