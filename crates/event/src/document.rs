//! The JSON document that receivers get when no layout is configured, byte for byte as
//! kubernetes-event-exporter writes it.
//!
//! Field order, omitted fields, time formats and HTML escaping are those of Go's `encoding/json` on
//! the exporter's `EnhancedEvent`; people parse these bytes.

use jiff::Timestamp;

use crate::{
    Event, ObjectRef, OwnerReference, Series, Source,
    event::{Involved, Metadata, TextMap},
    time,
};

/// Appends the document of `event`, without a newline.
pub fn write(out: &mut Vec<u8>, event: &Event) {
    let mut object = Object::open(out);
    object.value("metadata", |out| write_metadata(out, &event.metadata));
    object.text("reason", &event.reason);
    object.text("message", &event.message);
    object.value("source", |out| write_source(out, &event.source));
    object.time("firstTimestamp", event.first_timestamp);
    object.time("lastTimestamp", event.last_timestamp);
    object.number("count", event.count.into());
    object.text("type", &event.kind);
    object.micro_time("eventTime", event.event_time);
    if let Some(series) = event.series {
        object.value("series", |out| write_series(out, series));
    }
    object.text("action", &event.action);
    if let Some(related) = &event.related {
        object.value("related", |out| write_object_reference(out, related));
    }
    object.any_text("reportingComponent", &event.reporting_component);
    object.any_text("reportingInstance", &event.reporting_instance);
    object.any_text("clusterName", &event.cluster_name);
    object.value("involvedObject", |out| write_involved(out, &event.involved));
    object.close();
}

/// Appends `source`.
pub fn write_source(out: &mut Vec<u8>, source: &Source) {
    let mut object = Object::open(out);
    object.text("component", &source.component);
    object.text("host", &source.host);
    object.close();
}

/// Appends `series`.
pub fn write_series(out: &mut Vec<u8>, series: Series) {
    let mut object = Object::open(out);
    object.number("count", series.count.into());
    object.micro_time("lastObservedTime", series.last_observed_time);
    object.close();
}

/// Appends a reference to an object, for example `related`.
pub fn write_object_reference(out: &mut Vec<u8>, reference: &ObjectRef) {
    let mut object = Object::open(out);
    write_reference(&mut object, reference);
    object.close();
}

/// Appends `metadata`.
pub fn write_metadata(out: &mut Vec<u8>, metadata: &Metadata) {
    let mut object = Object::open(out);
    object.text("name", &metadata.name);
    object.text("generateName", &metadata.generate_name);
    object.text("namespace", &metadata.namespace);
    object.text("selfLink", &metadata.self_link);
    object.text("uid", &metadata.uid);
    object.text("resourceVersion", &metadata.resource_version);
    object.number("generation", metadata.generation);
    object.time("creationTimestamp", metadata.creation_timestamp);
    if metadata.deletion_timestamp.is_some() {
        object.time("deletionTimestamp", metadata.deletion_timestamp);
    }
    if let Some(grace) = metadata.deletion_grace_period_seconds {
        object.value("deletionGracePeriodSeconds", |out| write_number(out, grace));
    }
    object.map("labels", &metadata.labels);
    object.map("annotations", &metadata.annotations);
    object.owners(&metadata.owner_references);
    if !metadata.finalizers.is_empty() {
        object.value("finalizers", |out| {
            list(out, &metadata.finalizers, |out, finalizer| {
                write_text(out, finalizer);
            });
        });
    }
    object.close();
}

/// Appends `involvedObject`.
pub fn write_involved(out: &mut Vec<u8>, involved: &Involved) {
    let mut object = Object::open(out);
    write_reference(&mut object, &involved.reference);
    object.map("labels", &involved.labels);
    object.map("annotations", &involved.annotations);
    object.owners(&involved.owner_references);
    object.value("deleted", |out| write_bool(out, involved.deleted));
    object.close();
}

fn write_reference(object: &mut Object<'_>, reference: &ObjectRef) {
    object.text("kind", &reference.kind);
    object.text("namespace", &reference.namespace);
    object.text("name", &reference.name);
    object.text("uid", &reference.uid);
    object.text("apiVersion", &reference.api_version);
    object.text("resourceVersion", &reference.resource_version);
    object.text("fieldPath", &reference.field_path);
}

/// Appends an item of `ownerReferences`.
pub fn write_owner(out: &mut Vec<u8>, owner: &OwnerReference) {
    let mut object = Object::open(out);
    object.any_text("apiVersion", &owner.api_version);
    object.any_text("kind", &owner.kind);
    object.any_text("name", &owner.name);
    object.any_text("uid", &owner.uid);
    if let Some(controller) = owner.controller {
        object.value("controller", |out| write_bool(out, controller));
    }
    if let Some(block) = owner.block_owner_deletion {
        object.value("blockOwnerDeletion", |out| write_bool(out, block));
    }
    object.close();
}

/// A JSON object being written. `text`, `number` and `map` leave out what is empty.
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

    fn value(&mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) {
        if !std::mem::take(&mut self.first) {
            self.out.push(b',');
        }
        self.out.push(b'"');
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        write(self.out);
    }

    fn any_text(&mut self, key: &str, text: &str) {
        self.value(key, |out| write_text(out, text));
    }

    fn text(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            self.any_text(key, text);
        }
    }

    fn number(&mut self, key: &str, number: i64) {
        if number != 0 {
            self.value(key, |out| write_number(out, number));
        }
    }

    fn time(&mut self, key: &str, time: Option<Timestamp>) {
        self.value(key, |out| quoted_or_null(out, time, time::write_seconds));
    }

    fn micro_time(&mut self, key: &str, time: Option<Timestamp>) {
        self.value(key, |out| quoted_or_null(out, time, time::write_micros));
    }

    fn map(&mut self, key: &str, map: &TextMap) {
        if map.is_empty() {
            return;
        }
        self.value(key, |out| {
            out.push(b'{');
            for (index, (key, text)) in map.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                write_text(out, key);
                out.push(b':');
                write_text(out, text);
            }
            out.push(b'}');
        });
    }

    fn owners(&mut self, owners: &[OwnerReference]) {
        if !owners.is_empty() {
            self.value("ownerReferences", |out| list(out, owners, write_owner));
        }
    }
}

fn list<T>(out: &mut Vec<u8>, items: &[T], write: impl Fn(&mut Vec<u8>, &T)) {
    out.push(b'[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

fn quoted_or_null(
    out: &mut Vec<u8>,
    time: Option<Timestamp>,
    write: impl FnOnce(&mut Vec<u8>, Timestamp),
) {
    match time {
        None => out.extend_from_slice(b"null"),
        Some(time) => {
            out.push(b'"');
            write(out, time);
            out.push(b'"');
        }
    }
}

fn write_bool(out: &mut Vec<u8>, value: bool) {
    out.extend_from_slice(if value { b"true" } else { b"false" });
}

fn write_number(out: &mut Vec<u8>, number: i64) {
    use std::io::Write;
    write!(out, "{number}").expect("a vector takes every write");
}

/// Appends `text` as a JSON string the way Go escapes it: `<`, `>`, `&`, U+2028 and U+2029 too, and
/// backspace and form feed by number.
pub fn write_text(out: &mut Vec<u8>, text: &str) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    let bytes = text.as_bytes();
    out.push(b'"');
    let mut clean_from = 0;
    let mut index = 0;
    loop {
        index += clean_length(&bytes[index..]);
        let Some(&byte) = bytes.get(index) else { break };
        let (width, escape): (usize, &[u8]) = match byte {
            b'"' => (1, b"\\\""),
            b'\\' => (1, b"\\\\"),
            b'\n' => (1, b"\\n"),
            b'\r' => (1, b"\\r"),
            b'\t' => (1, b"\\t"),
            b'<' => (1, b"\\u003c"),
            b'>' => (1, b"\\u003e"),
            b'&' => (1, b"\\u0026"),
            0xe2 if bytes[index..].starts_with("\u{2028}".as_bytes()) => (3, b"\\u2028"),
            0xe2 if bytes[index..].starts_with("\u{2029}".as_bytes()) => (3, b"\\u2029"),
            0..0x20 => {
                out.extend_from_slice(&bytes[clean_from..index]);
                out.extend_from_slice(b"\\u00");
                out.push(HEX[usize::from(byte >> 4)]);
                out.push(HEX[usize::from(byte & 0xf)]);
                index += 1;
                clean_from = index;
                continue;
            }
            _ => {
                index += 1;
                continue;
            }
        };
        out.extend_from_slice(&bytes[clean_from..index]);
        out.extend_from_slice(escape);
        index += width;
        clean_from = index;
    }
    out.extend_from_slice(&bytes[clean_from..]);
    out.push(b'"');
}

/// How many bytes at the beginning surely need no escape: most texts are clean, and whole blocks of
/// them are seen to be so at once.
fn clean_length(bytes: &[u8]) -> usize {
    const BLOCK: usize = 16;
    let is_clean =
        |block: &&[u8]| !block.iter().fold(false, |found, byte| found | suspicious(*byte));
    let blocks = bytes.chunks_exact(BLOCK).take_while(is_clean).count() * BLOCK;
    let rest = bytes[blocks..].iter().position(|byte| suspicious(*byte));
    rest.map_or(bytes.len(), |at| blocks + at)
}

/// Whether an escape may begin here.
fn suspicious(byte: u8) -> bool {
    // Or-ed as numbers: a block is looked at without a branch.
    let marks = [b'"', b'\\', b'<', b'>', b'&', 0xe2];
    marks.iter().fold(u8::from(byte < 0x20), |found, mark| found | u8::from(byte == *mark)) != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json;

    #[track_caller]
    fn check(input: &str, expected: &str) {
        let mut out = Vec::new();
        write(&mut out, &json::decode(input.as_bytes()).unwrap());
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn every_field_stands_where_the_exporter_puts_it() {
        let event = json::decode(include_bytes!("../fixtures/every-field.json")).unwrap();
        let mut out = Vec::new();
        write(&mut out, &event);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            include_str!("../fixtures/every-field.document.json").trim_end()
        );
    }

    #[test]
    fn an_empty_event_keeps_the_fields_that_are_always_there() {
        check(
            "{}",
            r#"{"metadata":{"creationTimestamp":null},"source":{},"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"reportingComponent":"","reportingInstance":"","clusterName":"","involvedObject":{"deleted":false}}"#,
        );
    }

    proptest::proptest! {
        #[test]
        fn a_long_text_is_escaped_like_its_characters_one_by_one(text in "[a-d<\"\u{2028}\u{2027}\n]{0,80}") {
            let (mut whole, mut single) = (Vec::new(), Vec::new());
            write_text(&mut whole, &text);
            for character in text.chars() {
                let mut quoted = Vec::new();
                write_text(&mut quoted, character.encode_utf8(&mut [0; 4]));
                single.extend_from_slice(&quoted[1..quoted.len() - 1]);
            }
            proptest::prop_assert_eq!(&whole[1..whole.len() - 1], single);
        }
    }

    #[test]
    fn text_is_escaped_as_go_escapes_it() {
        let mut out = Vec::new();
        write_text(&mut out, "<a&b>\u{2028}\u{2029}\u{201c}é\u{8}\u{c}\u{1f}\u{7f}\"\\\n\r\t");
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "\"\\u003ca\\u0026b\\u003e\\u2028\\u2029\u{201c}é\\u0008\\u000c\\u001f\u{7f}\\\"\\\\\\n\\r\\t\""
        );
    }
}
