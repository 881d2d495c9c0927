//! Protobuf of the kinds that are kept as JSON, by a table of their fields.
//!
//! Source: `generated.proto` of meta/v1, core/v1 and coordination.k8s.io/v1. Leases and Namespaces are
//! whole; of every other kind there is the metadata.

use event::{
    protobuf::{Field, Fields, WireError, Writer},
    time,
};
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The fields of a message: number, name in JSON, type.
type Schema = &'static [(u32, &'static str, Type)];

#[derive(Debug, Clone, Copy)]
enum Type {
    /// Nothing when it is empty.
    Text,
    /// Nothing when it is 0.
    Number,
    /// A pointer in Go: empty is not nothing.
    MaybeText,
    MaybeNumber,
    MaybeBool,
    /// Whole seconds.
    Time,
    MicroTime,
    Texts,
    TextMap,
    Message(Schema),
    Messages(Schema),
}

use Type::{
    MaybeBool, MaybeNumber, MaybeText, Message, Messages, MicroTime, Number, Text, TextMap, Texts,
    Time,
};

const OWNER: Schema = &[
    (1, "kind", Text),
    (3, "name", Text),
    (4, "uid", Text),
    (5, "apiVersion", Text),
    (6, "controller", MaybeBool),
    (7, "blockOwnerDeletion", MaybeBool),
];

const METADATA: Schema = &[
    (1, "name", Text),
    (2, "generateName", Text),
    (3, "namespace", Text),
    (5, "uid", Text),
    (6, "resourceVersion", Text),
    (7, "generation", Number),
    (8, "creationTimestamp", Time),
    (9, "deletionTimestamp", Time),
    (10, "deletionGracePeriodSeconds", MaybeNumber),
    (11, "labels", TextMap),
    (12, "annotations", TextMap),
    (13, "ownerReferences", Messages(OWNER)),
    (14, "finalizers", Texts),
];

const LEASE_SPEC: Schema = &[
    (1, "holderIdentity", MaybeText),
    (2, "leaseDurationSeconds", MaybeNumber),
    (3, "acquireTime", MicroTime),
    (4, "renewTime", MicroTime),
    (5, "leaseTransitions", MaybeNumber),
    (6, "strategy", MaybeText),
    (7, "preferredHolder", MaybeText),
];

const LEASE: Schema = &[(1, "metadata", Message(METADATA)), (2, "spec", Message(LEASE_SPEC))];

const NAMESPACE: Schema = &[
    (1, "metadata", Message(METADATA)),
    (2, "spec", Message(&[(1, "finalizers", Texts)])),
    (3, "status", Message(&[(1, "phase", Text)])),
];

const ONLY_METADATA: Schema = &[(1, "metadata", Message(METADATA))];

fn schema(resource: &str) -> Schema {
    match resource {
        "leases" => LEASE,
        "namespaces" => NAMESPACE,
        _ => ONLY_METADATA,
    }
}

/// Whether objects of this resource are whole in protobuf.
pub(in crate::server) fn is_whole(resource: &str) -> bool {
    matches!(resource, "events" | "leases" | "namespaces")
}

/// An object of this resource as a message.
pub(in crate::server) fn encode(resource: &str, object: &Value) -> Vec<u8> {
    let mut out = Writer::default();
    write(schema(resource), object, &mut out);
    out.0
}

/// A message of this resource as an object.
pub(in crate::server) fn decode(resource: &str, message: &[u8]) -> Result<Value, WireError> {
    read(schema(resource), message)
}

fn write(schema: Schema, object: &Value, out: &mut Writer) {
    for (number, name, kind) in schema {
        let Some(value) = object.get(name).filter(|value| !value.is_null()) else {
            continue;
        };
        let number = *number;
        match kind {
            Text => out.text(number, value.as_str().unwrap_or_default()),
            MaybeText => out.bytes(number, value.as_str().unwrap_or_default().as_bytes()),
            Number => out.number(number, value.as_i64().unwrap_or_default()),
            MaybeNumber => out.any_number(number, value.as_i64().unwrap_or_default()),
            MaybeBool => out.any_number(number, value.as_bool().unwrap_or_default().into()),
            Time | MicroTime => out.time(number, value.as_str().and_then(time::parse)),
            Texts => {
                for text in value.as_array().into_iter().flatten() {
                    out.bytes(number, text.as_str().unwrap_or_default().as_bytes());
                }
            }
            TextMap => {
                for (key, text) in value.as_object().into_iter().flatten() {
                    out.message(number, |out| {
                        out.text(1, key);
                        out.text(2, text.as_str().unwrap_or_default());
                    });
                }
            }
            Message(schema) => out.message(number, |out| write(schema, value, out)),
            Messages(schema) => {
                for value in value.as_array().into_iter().flatten() {
                    out.message(number, |out| write(schema, value, out));
                }
            }
        }
    }
}

fn read(schema: Schema, message: &[u8]) -> Result<Value, WireError> {
    let mut object = Map::new();
    for field in Fields(message) {
        let Field { number, value } = field?;
        let Some((_, name, kind)) = schema.iter().find(|(known, ..)| *known == number) else {
            continue;
        };
        let text = || value.text().as_str().to_owned();
        let found = match kind {
            Text if value.bytes().is_empty() => continue,
            Number if value.number() == 0 => continue,
            Text | MaybeText => text().into(),
            Number | MaybeNumber => value.number().into(),
            MaybeBool => (value.number() != 0).into(),
            Time | MicroTime => match read_time(value.bytes(), matches!(kind, MicroTime))? {
                Some(time) => time.into(),
                None => continue,
            },
            Message(schema) => read(schema, value.bytes())?,
            Texts => {
                push(&mut object, name, text().into());
                continue;
            }
            Messages(schema) => {
                push(&mut object, name, read(schema, value.bytes())?);
                continue;
            }
            TextMap => {
                let entry = read(&[(1, "key", MaybeText), (2, "value", MaybeText)], value.bytes())?;
                let key = entry["key"].as_str().unwrap_or_default();
                let map = object.entry(*name).or_insert_with(|| json!({}));
                map[key] = entry["value"].as_str().unwrap_or_default().into();
                continue;
            }
        };
        object.insert((*name).to_owned(), found);
    }
    Ok(object.into())
}

fn push(object: &mut Map<String, Value>, name: &str, value: Value) {
    if let Some(list) = object.entry(name).or_insert_with(|| json!([])).as_array_mut() {
        list.push(value);
    }
}

fn read_time(message: &[u8], micros: bool) -> Result<Option<String>, WireError> {
    let (mut seconds, mut nanos) = (None, 0);
    for field in Fields(message) {
        let Field { number, value } = field?;
        match number {
            1 => seconds = Some(value.number()),
            2 => nanos = i32::try_from(value.number()).unwrap_or(0),
            _ => {}
        }
    }
    let at: Option<Timestamp> = seconds.and_then(|seconds| time::from_parts(seconds, nanos));
    Ok(at.map(|at| {
        let mut out = Vec::new();
        let print = if micros { time::write_micros } else { time::write_seconds };
        print(&mut out, at);
        String::from_utf8_lossy(&out).into_owned()
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_and_a_namespace_come_back_as_they_were() {
        let lease = json!({
            "metadata": {
                "name": "l", "namespace": "n", "uid": "u", "resourceVersion": "7", "generation": 2,
                "creationTimestamp": "2026-01-02T03:04:05Z", "labels": {"a": "b", "c": ""},
                "ownerReferences": [{"kind": "Pod", "name": "p", "uid": "q", "apiVersion": "v1", "controller": true}],
                "finalizers": ["f", "g"],
            },
            "spec": {
                "holderIdentity": "", "leaseDurationSeconds": 15, "leaseTransitions": 0,
                "renewTime": "2026-01-02T03:04:05.000001Z",
            },
        });
        assert_eq!(decode("leases", &encode("leases", &lease)).unwrap(), lease);
        let namespace = json!({
            "metadata": {"name": "n"}, "spec": {"finalizers": ["kubernetes"]}, "status": {"phase": "Active"},
        });
        assert_eq!(decode("namespaces", &encode("namespaces", &namespace)).unwrap(), namespace);
    }
}
