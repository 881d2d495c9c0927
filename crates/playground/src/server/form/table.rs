//! Tables, as kubectl asks for them.

use event::Event;
use serde_json::{Value, json};

use super::Shape;
use crate::server::kept::Kept;

/// A column: its name, its type, and whether only `-o wide` shows it.
type Column = (&'static str, &'static str, bool);

const EVENT_COLUMNS: [Column; 10] = [
    ("Last Seen", "string", false),
    ("Type", "string", false),
    ("Reason", "string", false),
    ("Object", "string", false),
    ("Subobject", "string", true),
    ("Source", "string", true),
    ("Message", "string", false),
    ("First Seen", "string", true),
    ("Count", "string", true),
    ("Name", "string", true),
];

const OTHER_COLUMNS: [Column; 2] = [("Name", "string", false), ("Age", "string", false)];

/// Appends a table; `metadata` is that field of it, ready.
pub(super) fn write<'a, T: Kept>(
    shape: &Shape,
    objects: impl Iterator<Item = &'a T>,
    metadata: &str,
    out: &mut Vec<u8>,
) {
    let columns: &[Column] =
        if shape.resource.is_events() { &EVENT_COLUMNS } else { &OTHER_COLUMNS };
    let definitions: Vec<Value> = columns
        .iter()
        .map(|(name, kind, wide)| {
            let format = if *name == "Name" { "name" } else { "" };
            json!({"name": name, "type": kind, "format": format, "description": "", "priority": u8::from(*wide)})
        })
        .collect();
    let head = format!(
        r#"{{"kind":"Table","apiVersion":"meta.k8s.io/v1",{metadata},"columnDefinitions":{},"rows":["#,
        Value::from(definitions)
    );
    out.extend_from_slice(head.as_bytes());
    for (index, object) in objects.enumerate() {
        if index > 0 {
            out.push(b',');
        }
        let cells = Value::from(object.cells());
        let row = format!(
            r#"{{"cells":{cells},"object":{{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#
        );
        out.extend_from_slice(row.as_bytes());
        object.write_metadata(shape, out);
        out.extend_from_slice(b"}}");
    }
    out.extend_from_slice(b"]}");
}

/// The cells of an Event. Times are times and not ages: kubectl counts those from its own clock.
pub(in crate::server) fn event_cells(event: &Event) -> Vec<Value> {
    let object = &event.involved.reference;
    let time = |time: Option<jiff::Timestamp>| match time {
        Some(time) => event::time::whole_seconds(time).to_string(),
        None => "<unknown>".into(),
    };
    let source = if event.source.component.is_empty() {
        format!("{}, {}", event.reporting_component, event.reporting_instance)
    } else {
        format!("{}, {}", event.source.component, event.source.host)
    };
    vec![
        time(event.last_seen().or(event.first_seen())).into(),
        event.kind.as_str().into(),
        event.reason.as_str().into(),
        format!("{}/{}", object.kind.to_lowercase(), object.name).into(),
        object.field_path.as_str().into(),
        source.trim_end_matches(", ").into(),
        event.message.trim().into(),
        time(event.first_seen()).into(),
        event.total().into(),
        event.metadata.name.as_str().into(),
    ]
}
