//! An event as a log record, and records grouped by the object that they are about.

use std::collections::HashMap;

use event::Event;
use jiff::Timestamp;
use prost::Message;
use serde_json::Value;

use super::messages::{
    Any, AnyValue, KeyValue, ListValue, LogRecord, Logs, MapValue, Resource, ResourceLogs, Scope,
    ScopeLogs,
};
use crate::ids;

/// `SEVERITY_NUMBER_INFO` and `SEVERITY_NUMBER_WARN`.
const INFO: i32 = 9;
const WARN: i32 = 13;

/// A record, and what it is about.
pub(super) struct Record {
    resource: Resource,
    /// The bytes of the resource, to compare.
    key: Vec<u8>,
    log: LogRecord,
    /// About how many bytes it has.
    pub(super) size: usize,
}

impl Record {
    /// The body is the event's message, or what the user's layout made of it: JSON objects become maps, other text stays text.
    pub(super) fn new(event: &Event, body: Option<&[u8]>, now: Timestamp) -> Self {
        let time = event.timestamp().unwrap_or(now);
        let whole = body.is_none();
        let body = body.map_or_else(|| text(&event.message), value_of);
        let warning = event.kind.eq_ignore_ascii_case("warning");
        let log = LogRecord {
            time: nanoseconds(time),
            severity: if warning { WARN } else { INFO },
            severity_text: event.kind.to_string(),
            body: Some(body),
            attributes: attributes(event, whole),
            observed: nanoseconds(now),
        };
        let (resource, size) = (Resource { attributes: resource(event) }, log.encoded_len());
        Self { key: resource.encode_to_vec(), resource, log, size }
    }
}

impl Logs {
    /// Records of the same object stand together, objects in the order in which they first come.
    pub(super) fn of(records: &[Record], user_agent: &str) -> Self {
        let (name, version) = user_agent.split_once('/').unwrap_or((user_agent, ""));
        let scope = Scope { name: name.to_owned(), version: version.to_owned() };
        let mut places = HashMap::new();
        let mut resources: Vec<ResourceLogs> = Vec::new();
        for record in records {
            let place = *places.entry(&record.key).or_insert(resources.len());
            if place == resources.len() {
                let scope = ScopeLogs { scope: Some(scope.clone()), records: Vec::new() };
                let resource = Some(record.resource.clone());
                resources.push(ResourceLogs { resource, scopes: vec![scope] });
            }
            resources[place].scopes[0].records.push(record.log.clone());
        }
        Self { resources }
    }
}

fn resource(event: &Event) -> Vec<KeyValue> {
    let reference = &event.involved.reference;
    let node = [&event.source.host, &event.reporting_instance];
    let node = node.into_iter().find(|node| !node.is_empty()).map_or("", |node| node);
    let mut attributes = Attributes::default();
    attributes.text("k8s.cluster.name", &event.cluster_name);
    attributes.text("k8s.node.name", node);
    attributes.text("k8s.object.kind", &reference.kind);
    attributes.text("k8s.object.name", &reference.name);
    attributes.text("k8s.object.uid", &reference.uid);
    attributes.text("k8s.object.fieldpath", &reference.field_path);
    attributes.text("k8s.object.api_version", &reference.api_version);
    attributes.text("k8s.object.resource_version", &reference.resource_version);
    attributes.0
}

/// With a layout of the user's own, labels are its business.
fn attributes(event: &Event, labels: bool) -> Vec<KeyValue> {
    let component = [&event.source.component, &event.reporting_component];
    let component = component.into_iter().find(|it| !it.is_empty()).map_or("", |it| it);
    let mut attributes = Attributes::default();
    attributes.text("tidings.event.id", &ids::key(event));
    attributes.text("k8s.event.reason", &event.reason);
    attributes.text("k8s.event.action", &event.action);
    if let Some(start) = event.first_seen() {
        attributes.text("k8s.event.start_time", &start.to_string());
    }
    attributes.text("k8s.event.name", &event.metadata.name);
    attributes.text("k8s.event.uid", &event.metadata.uid);
    attributes.text("k8s.event.reporting_component", component);
    attributes.text("k8s.namespace.name", &event.metadata.namespace);
    attributes.any("k8s.event.count", Any::Int(event.total().into()));
    attributes.any("tidings.event.occurrences", Any::Int(event.occurrences.added().into()));
    for (key, value) in event.involved.labels.iter().filter(|_| labels) {
        attributes.text(&format!("k8s.object.label.{key}"), value);
    }
    attributes.0
}

/// Attributes that have a value.
#[derive(Default)]
struct Attributes(Vec<KeyValue>);

impl Attributes {
    fn text(&mut self, key: &str, value: &str) {
        if !value.is_empty() {
            self.any(key, Any::Text(value.to_owned()));
        }
    }

    fn any(&mut self, key: &str, any: Any) {
        self.0.push(KeyValue { key: key.to_owned(), value: Some(AnyValue { any: Some(any) }) });
    }
}

fn text(text: &str) -> AnyValue {
    AnyValue { any: Some(Any::Text(text.to_owned())) }
}

fn value_of(body: &[u8]) -> AnyValue {
    match serde_json::from_slice::<Value>(body) {
        Ok(value @ (Value::Object(_) | Value::Array(_))) => any_value(value),
        _ => text(&String::from_utf8_lossy(body)),
    }
}

fn any_value(value: Value) -> AnyValue {
    let any = match value {
        Value::Null => None,
        Value::Bool(it) => Some(Any::Bool(it)),
        Value::Number(number) => Some(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Any::Int(whole),
            (None, Some(fraction)) => Any::Double(fraction),
            (None, None) => Any::Text(number.to_string()),
        }),
        Value::String(text) => Some(Any::Text(text)),
        Value::Array(values) => {
            Some(Any::List(ListValue { values: values.into_iter().map(any_value).collect() }))
        }
        Value::Object(entries) => {
            let values = entries
                .into_iter()
                .map(|(key, value)| KeyValue { key, value: Some(any_value(value)) });
            Some(Any::Map(MapValue { values: values.collect() }))
        }
    };
    AnyValue { any }
}

/// Nanoseconds since 1970; what lies before or too far ahead is unknown.
fn nanoseconds(time: Timestamp) -> u64 {
    u64::try_from(time.as_nanosecond()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(object: &str, kind: &str) -> Event {
        let mut event = Event { message: object.into(), kind: kind.into(), ..Event::default() };
        event.involved.reference.name = object.into();
        event.involved.labels = [("app".into(), "web".into())].into();
        event.last_timestamp = Some(Timestamp::from_second(5).unwrap());
        event
    }

    fn record(event: &Event, body: Option<&[u8]>) -> Record {
        Record::new(event, body, Timestamp::from_second(9).unwrap())
    }

    #[test]
    fn records_about_one_object_share_its_attributes() {
        let events = ["a", "b", "a"].map(|object| event(object, "Normal"));
        let records: Vec<_> = events.iter().map(|event| record(event, None)).collect();
        let logs = Logs::of(&records, "tidings/1.2");
        let counts: Vec<_> = logs.resources.iter().map(|it| it.scopes[0].records.len()).collect();
        assert_eq!(counts, [2, 1]);
        let scope = logs.resources[0].scopes[0].scope.as_ref().unwrap();
        assert_eq!((&*scope.name, &*scope.version), ("tidings", "1.2"));
        assert_eq!(Logs::decode(&*logs.encode_to_vec()).unwrap(), logs);
    }

    #[test]
    fn a_record_has_the_events_time_and_severity() {
        let severity = |kind| record(&event("a", kind), None).log.severity;
        assert_eq!((severity("Warning"), severity("Normal"), severity("")), (WARN, INFO, INFO));
        let log = record(&event("a", "Warning"), None).log;
        assert_eq!((log.time, log.observed), (5_000_000_000, 9_000_000_000));
        assert_eq!(log.severity_text, "Warning");
    }

    #[test]
    fn a_layout_becomes_a_map_and_takes_the_place_of_message_and_labels() {
        let labelled =
            |log: &LogRecord| log.attributes.iter().any(|it| it.key == "k8s.object.label.app");
        let plain = record(&event("a", "Normal"), None).log;
        assert_eq!(plain.body, Some(text("a")));
        assert!(labelled(&plain));
        let shaped = record(&event("a", "Normal"), Some(br#"{"n":[1,2.5,true,null,"x"]}"#)).log;
        let list = [Any::Int(1), Any::Double(2.5), Any::Bool(true)].map(Some);
        let mut values: Vec<_> = list.into_iter().map(|any| AnyValue { any }).collect();
        values.extend([AnyValue { any: None }, text("x")]);
        let list = AnyValue { any: Some(Any::List(ListValue { values })) };
        let values = vec![KeyValue { key: "n".into(), value: Some(list) }];
        assert_eq!(shaped.body.unwrap().any, Some(Any::Map(MapValue { values })));
        assert!(!labelled(&record(&event("a", "Normal"), Some(b"text")).log));
    }
}
