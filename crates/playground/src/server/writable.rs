//! What writes need of an object, so that they are written once for Events and for the rest.

use std::sync::Arc;

use event::Event;
use jiff::Timestamp;
use serde_json::{Value, json};

use super::{
    form::{protobuf, schema, write_event},
    kept::Kept,
    resource::Resource,
    status::Status,
    validate,
};
use crate::store::{Object, Store, WriteError};

/// An object that clients write.
pub(super) trait Writable: Kept {
    /// Reads the body of a request.
    fn read(body: &[u8], in_protobuf: bool, resource: &Resource) -> Result<Self, Status>;

    /// As JSON to patch, in the form of the API that asked.
    fn to_json(&self, resource: &Resource) -> Value;

    /// A field of the metadata: `name`, `generateName`, `namespace`, `uid` or `resourceVersion`.
    fn meta(&self, field: &str) -> &str;

    /// Sets one of those, other than uid and resourceVersion.
    fn set_meta(&mut self, field: &str, value: &str);

    fn validate(&self, old: Option<&Self>, resource: &Resource) -> Result<(), Status>;

    fn current<'a>(
        store: &'a Store,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Arc<Self>>;

    fn create(
        self,
        store: &mut Store,
        resource: &Resource,
        now: Timestamp,
    ) -> Result<Arc<Self>, WriteError>;

    fn update(
        self,
        store: &mut Store,
        resource: &Resource,
        now: Timestamp,
    ) -> Result<Arc<Self>, WriteError>;

    fn delete(
        store: &mut Store,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Self>, WriteError>;
}

fn unreadable(error: &dyn std::fmt::Display) -> Status {
    Status::bad_request(format!("the object provided is unrecognized: {error}"))
}

impl Writable for Event {
    fn read(body: &[u8], in_protobuf: bool, resource: &Resource) -> Result<Self, Status> {
        if in_protobuf {
            let message = protobuf::open(body).map_err(|error| unreadable(&error))?;
            return protobuf::read_event(message, resource.form()).map_err(|e| unreadable(&e));
        }
        event::json::decode(body).map_err(|error| unreadable(&error))
    }

    fn to_json(&self, resource: &Resource) -> Value {
        let mut out = Vec::new();
        write_event(self, resource.form(), false, true, &mut out);
        serde_json::from_slice(&out).expect("what was written as JSON reads as JSON")
    }

    fn meta(&self, field: &str) -> &str {
        let metadata = &self.metadata;
        match field {
            "name" => &metadata.name,
            "generateName" => &metadata.generate_name,
            "namespace" => &metadata.namespace,
            "uid" => &metadata.uid,
            "resourceVersion" => &metadata.resource_version,
            _ => "",
        }
    }

    fn set_meta(&mut self, field: &str, value: &str) {
        match field {
            "name" => self.metadata.name = value.into(),
            "namespace" => self.metadata.namespace = value.into(),
            _ => {}
        }
    }

    fn validate(&self, old: Option<&Self>, resource: &Resource) -> Result<(), Status> {
        validate::event(self, old, resource)
    }

    fn current<'a>(
        store: &'a Store,
        _: &Resource,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Arc<Self>> {
        store.get(namespace, name)
    }

    fn create(
        self,
        store: &mut Store,
        _: &Resource,
        now: Timestamp,
    ) -> Result<Arc<Self>, WriteError> {
        store.create(self, now)
    }

    fn update(
        self,
        store: &mut Store,
        _: &Resource,
        now: Timestamp,
    ) -> Result<Arc<Self>, WriteError> {
        store.update(self, now)
    }

    fn delete(
        store: &mut Store,
        _: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Self>, WriteError> {
        store.delete(namespace, name)
    }
}

impl Writable for Object {
    fn read(body: &[u8], in_protobuf: bool, resource: &Resource) -> Result<Self, Status> {
        let mut value: Value = if in_protobuf {
            let message = protobuf::open(body).map_err(|error| unreadable(&error))?;
            schema::decode(resource.plural, message).map_err(|error| unreadable(&error))?
        } else {
            serde_json::from_slice(body).map_err(|error| unreadable(&error))?
        };
        let Some(fields) = value.as_object_mut() else {
            return Err(unreadable(&"it is no object"));
        };
        fields.retain(|key, _| !matches!(&**key, "kind" | "apiVersion"));
        if !fields.get("metadata").is_some_and(Value::is_object) {
            fields.insert("metadata".into(), json!({}));
        }
        if resource.plural == "namespaces" {
            let name = value["metadata"]["name"].clone();
            value["metadata"]["labels"]["kubernetes.io/metadata.name"] = name;
            value["spec"] = json!({"finalizers": ["kubernetes"]});
            value["status"] = json!({"phase": "Active"});
        }
        Ok(Self(value))
    }

    fn to_json(&self, _: &Resource) -> Value {
        self.0.clone()
    }

    fn meta(&self, field: &str) -> &str {
        self.metadata(field)
    }

    fn set_meta(&mut self, field: &str, value: &str) {
        self.0["metadata"][field] = value.into();
    }

    fn validate(&self, _: Option<&Self>, resource: &Resource) -> Result<(), Status> {
        validate::object(&self.0, resource)
    }

    fn current<'a>(
        store: &'a Store,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Option<&'a Arc<Self>> {
        store.object(resource.plural, namespace, name)
    }

    fn create(
        mut self,
        store: &mut Store,
        resource: &Resource,
        now: Timestamp,
    ) -> Result<Arc<Self>, WriteError> {
        // A client's uid counts for nothing.
        self.0["metadata"]["uid"] = Value::Null;
        store.create_object(resource.plural, self, now)
    }

    fn update(
        self,
        store: &mut Store,
        resource: &Resource,
        _: Timestamp,
    ) -> Result<Arc<Self>, WriteError> {
        store.update_object(resource.plural, self)
    }

    fn delete(
        store: &mut Store,
        resource: &Resource,
        namespace: &str,
        name: &str,
    ) -> Result<Arc<Self>, WriteError> {
        if resource.plural != "namespaces" {
            return store.delete_object(resource.plural, namespace, name);
        }
        let last = store.object("namespaces", "", name).map(Arc::clone);
        let last = last.ok_or(WriteError::NotFound)?;
        store.delete_namespace(name);
        Ok(last)
    }
}

impl Resource {
    /// Whether a PUT of an object that is not there creates it.
    pub(super) fn created_by_update(&self) -> bool {
        self.is_events() || self.plural == "leases"
    }
}
