//! Events in JSON, byte for byte as Go's encoder writes the structs of `k8s.io/api`.

use event::{Event, ObjectRef, event::Metadata, time};
use jiff::Timestamp;

use super::{Form, manager};

/// Appends an Event; without `typed` the kind and apiVersion stay away, as they do within a list.
pub(in crate::server) fn write_event(
    event: &Event,
    form: Form,
    managed: bool,
    typed: bool,
    out: &mut Vec<u8>,
) {
    let mut json = Object::open(out);
    if typed {
        json.text("kind", "Event");
        json.text("apiVersion", form.api_version());
    }
    json.value("metadata", |out| write_event_metadata(event, form, managed, out));
    match form {
        Form::Core => core(&mut json, event),
        Form::Events => newer(&mut json, event),
    }
    json.close();
}

fn core(json: &mut Object<'_>, event: &Event) {
    json.value("involvedObject", |out| reference(&event.involved.reference, out));
    json.text("reason", &event.reason);
    json.text("message", &event.message);
    json.value("source", |out| source(event, out));
    json.time("firstTimestamp", event.first_timestamp);
    json.time("lastTimestamp", event.last_timestamp);
    json.number("count", event.count.into());
    json.text("type", &event.kind);
    json.micro_time("eventTime", event.event_time);
    json.series(event);
    json.text("action", &event.action);
    if let Some(related) = &event.related {
        json.value("related", |out| reference(related, out));
    }
    json.any_text("reportingComponent", &event.reporting_component);
    json.any_text("reportingInstance", &event.reporting_instance);
}

fn newer(json: &mut Object<'_>, event: &Event) {
    json.micro_time("eventTime", event.event_time);
    json.series(event);
    json.text("reportingController", &event.reporting_component);
    json.text("reportingInstance", &event.reporting_instance);
    json.text("action", &event.action);
    json.text("reason", &event.reason);
    json.value("regarding", |out| reference(&event.involved.reference, out));
    if let Some(related) = &event.related {
        json.value("related", |out| reference(related, out));
    }
    json.text("note", &event.message);
    json.text("type", &event.kind);
    json.value("deprecatedSource", |out| source(event, out));
    json.time("deprecatedFirstTimestamp", event.first_timestamp);
    json.time("deprecatedLastTimestamp", event.last_timestamp);
    json.number("deprecatedCount", event.count.into());
}

/// Appends the metadata of an Event.
pub(in crate::server) fn write_event_metadata(
    event: &Event,
    form: Form,
    managed: bool,
    out: &mut Vec<u8>,
) {
    let metadata: &Metadata = &event.metadata;
    let mut json = Object::open(out);
    json.text("name", &metadata.name);
    json.text("generateName", &metadata.generate_name);
    json.text("namespace", &metadata.namespace);
    json.text("uid", &metadata.uid);
    json.text("resourceVersion", &metadata.resource_version);
    json.number("generation", metadata.generation);
    if metadata.creation_timestamp.is_some() {
        json.time("creationTimestamp", metadata.creation_timestamp);
    }
    for (key, map) in [("labels", &metadata.labels), ("annotations", &metadata.annotations)] {
        if !map.is_empty() {
            json.value(key, |out| {
                let mut json = Object::open(out);
                for (key, text) in map {
                    json.key(key);
                    write_text(text, json.out);
                }
                json.close();
            });
        }
    }
    if managed && !metadata.uid.is_empty() {
        json.value("managedFields", |out| managed_fields(event, form, out));
    }
    json.close();
}

/// The paths that a recorder owns; what the API server adds to nearly every object of a real cluster.
pub(in crate::server) fn owned_fields(event: &Event) -> &'static str {
    if event.event_time.is_some() {
        r#"{"f:action":{},"f:eventTime":{},"f:note":{},"f:reason":{},"f:regarding":{},"f:reportingController":{},"f:reportingInstance":{},"f:type":{}}"#
    } else {
        r#"{"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},"f:reason":{},"f:reportingComponent":{},"f:reportingInstance":{},"f:source":{"f:component":{},"f:host":{}},"f:type":{}}"#
    }
}

fn managed_fields(event: &Event, form: Form, out: &mut Vec<u8>) {
    out.push(b'[');
    let mut json = Object::open(out);
    json.text("manager", manager(event));
    json.text("operation", "Update");
    json.text("apiVersion", form.api_version());
    json.time("time", event.metadata.creation_timestamp);
    json.text("fieldsType", "FieldsV1");
    json.value("fieldsV1", |out| out.extend_from_slice(owned_fields(event).as_bytes()));
    json.close();
    out.push(b']');
}

fn reference(object: &ObjectRef, out: &mut Vec<u8>) {
    let mut json = Object::open(out);
    json.text("kind", &object.kind);
    json.text("namespace", &object.namespace);
    json.text("name", &object.name);
    json.text("uid", &object.uid);
    json.text("apiVersion", &object.api_version);
    json.text("resourceVersion", &object.resource_version);
    json.text("fieldPath", &object.field_path);
    json.close();
}

fn source(event: &Event, out: &mut Vec<u8>) {
    let mut json = Object::open(out);
    json.text("component", &event.source.component);
    json.text("host", &event.source.host);
    json.close();
}

/// An object being written; `text` and `number` leave out what is empty.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    first: bool,
}

impl<'a> Object<'a> {
    fn open(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Self { out, first: true }
    }

    fn close(self) {
        self.out.push(b'}');
    }

    fn key(&mut self, key: &str) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        write_text(key, self.out);
        self.out.push(b':');
    }

    fn value(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        self.key(key);
        write(self.out);
    }

    fn any_text(&mut self, key: &str, text: &str) {
        self.value(key, |out| write_text(text, out));
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.any_text(key, text);
        }
    }

    fn number(&mut self, key: &str, number: i64) {
        if number != 0 {
            self.value(key, |out| out.extend_from_slice(number.to_string().as_bytes()));
        }
    }

    fn time(&mut self, key: &str, at: Option<Timestamp>) {
        self.any_time(key, at, time::write_seconds);
    }

    fn micro_time(&mut self, key: &str, at: Option<Timestamp>) {
        self.any_time(key, at, time::write_micros);
    }

    fn any_time(&mut self, key: &str, at: Option<Timestamp>, print: fn(&mut Vec<u8>, Timestamp)) {
        self.value(key, |out| match at {
            None => out.extend_from_slice(b"null"),
            Some(at) => {
                out.push(b'"');
                print(out, at);
                out.push(b'"');
            }
        });
    }

    fn series(&mut self, event: &Event) {
        if let Some(series) = event.series {
            self.value("series", |out| {
                let mut json = Object::open(out);
                json.number("count", series.count.into());
                json.micro_time("lastObservedTime", series.last_observed_time);
                json.close();
            });
        }
    }
}

/// Appends a text as Go quotes it, `<`, `>` and `&` escaped too.
fn write_text(text: &str, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut clean = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        let line_separator = byte == 0xe2
            && bytes.get(index + 1) == Some(&0x80)
            && matches!(bytes.get(index + 2), Some(0xa8 | 0xa9));
        if byte >= 0x20 && !matches!(byte, b'"' | b'\\' | b'<' | b'>' | b'&') && !line_separator {
            continue;
        }
        out.extend_from_slice(&bytes[clean..index]);
        clean = index + 1;
        match byte {
            b'"' | b'\\' => out.extend_from_slice(&[b'\\', byte]),
            b'\n' => out.extend_from_slice(b"\\n"),
            b'\r' => out.extend_from_slice(b"\\r"),
            b'\t' => out.extend_from_slice(b"\\t"),
            8 => out.extend_from_slice(b"\\b"),
            12 => out.extend_from_slice(b"\\f"),
            0xe2 => {
                out.extend_from_slice(b"\\u202");
                out.push(HEX[usize::from(bytes[index + 2] & 0xf)]);
                clean = index + 3;
            }
            _ => {
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0xf)]);
            }
        }
    }
    out.extend_from_slice(&bytes[clean..]);
    out.push(b'"');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        write_text(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn texts_are_quoted_as_go_quotes_them() {
        assert_eq!(quoted("a<b>&\"c\"\\\n\u{1}é"), r#""a\u003cb\u003e\u0026\"c\"\\\n\u0001é""#);
        assert_eq!(quoted("x\u{2028}y\u{2029}"), r#""x\u2028y\u2029""#);
        assert_eq!(quoted("\u{2027}"), "\"\u{2027}\"");
    }

    #[test]
    fn both_forms_decode_to_the_event_they_were_written_from() {
        let bytes = include_bytes!("../../../../event/fixtures/every-field.json");
        let mut event = event::json::decode(bytes).unwrap();
        // What the API server would not send for an Event of its own.
        event.metadata.self_link = "".into();
        event.metadata.owner_references.clear();
        event.metadata.finalizers.clear();
        event.metadata.deletion_timestamp = None;
        event.metadata.deletion_grace_period_seconds = None;
        for form in [Form::Core, Form::Events] {
            let mut out = Vec::new();
            write_event(&event, form, true, true, &mut out);
            assert_eq!(event::json::decode(&out).unwrap(), event);
        }
    }
}
