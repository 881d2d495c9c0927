//! The two forms in which objects are kept: Events typed, because there are many, and the rest as JSON.

use event::Event;
use serde_json::{Value, json};

use super::table::Stored;

impl Stored for Event {
    fn stamp(&mut self, revision: u64) {
        use std::fmt::Write;
        let version = &mut self.metadata.resource_version;
        version.clear();
        write!(version, "{revision}").expect("a string takes every write");
    }

    fn field(&self, path: &str) -> Option<&str> {
        let object = &self.involved.reference;
        Some(match path {
            "involvedObject.kind" => &object.kind,
            "involvedObject.namespace" => &object.namespace,
            "involvedObject.name" => &object.name,
            "involvedObject.uid" => &object.uid,
            "involvedObject.apiVersion" => &object.api_version,
            "involvedObject.resourceVersion" => &object.resource_version,
            "involvedObject.fieldPath" => &object.field_path,
            "reason" => &self.reason,
            "reportingComponent" => &self.reporting_component,
            "source" if self.source.component.is_empty() => &self.reporting_component,
            "source" => &self.source.component,
            "type" => &self.kind,
            "metadata.name" => &self.metadata.name,
            "metadata.namespace" => &self.metadata.namespace,
            _ => return None,
        })
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.metadata.labels.get(key).map(|value| &**value)
    }
}

/// Any object that is not an Event, as the JSON that the API serves.
#[derive(Debug, Clone, PartialEq)]
pub struct Object(pub Value);

impl Default for Object {
    fn default() -> Self {
        Self(json!({"metadata": {}}))
    }
}

impl Object {
    /// A text in the metadata; empty when it is not there.
    pub fn metadata(&self, field: &str) -> &str {
        self.0["metadata"][field].as_str().unwrap_or_default()
    }

    pub(super) fn set_metadata(&mut self, field: &str, value: Value) {
        if !self.0["metadata"].is_object() {
            self.0["metadata"] = json!({});
        }
        self.0["metadata"][field] = value;
    }
}

impl Stored for Object {
    fn stamp(&mut self, revision: u64) {
        self.set_metadata("resourceVersion", revision.to_string().into());
    }

    fn field(&self, path: &str) -> Option<&str> {
        let value = path.split('.').try_fold(&self.0, |value, key| value.get(key));
        Some(value.and_then(Value::as_str).unwrap_or_default())
    }

    fn label(&self, key: &str) -> Option<&str> {
        self.0["metadata"]["labels"][key].as_str()
    }
}
