//! Protobuf around and beside core/v1: the envelope, the frames of a watch, events.k8s.io/v1,
//! `managedFields`.
//!
//! Source: `k8s.io/apimachinery/pkg/runtime/serializer/protobuf/doc.go` and the `generated.proto` files.

use event::{
    Event,
    protobuf::{Field, Fields, Value, WireError, Writer, decode, encode, varint},
};

use super::{Form, json::owned_fields, manager};

/// What every enveloped object begins with.
pub(in crate::server) const MAGIC: &[u8] = b"k8s\0";

/// For each field of the core/v1 Event, by number, its number in events.k8s.io/v1.
const NEWER: [u32; 16] = [0, 1, 8, 7, 10, 12, 13, 14, 15, 11, 2, 3, 6, 9, 4, 5];

/// An object in its envelope, `runtime.Unknown`.
pub(in crate::server) fn unknown(api_version: &str, kind: &str, message: &[u8]) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(message.len() + 64));
    out.0.extend_from_slice(MAGIC);
    out.message(1, |out| {
        out.bytes(1, api_version.as_bytes());
        out.bytes(2, kind.as_bytes());
    });
    out.bytes(2, message);
    out.bytes(3, b"");
    out.bytes(4, b"");
    out.0
}

/// What is in an envelope.
pub(in crate::server) fn open(bytes: &[u8]) -> Result<&[u8], WireError> {
    let bytes = bytes.strip_prefix(MAGIC).ok_or(WireError::Truncated)?;
    let mut raw: &[u8] = &[];
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        if number == 2 {
            raw = value.bytes();
        }
    }
    Ok(raw)
}

/// Appends a message of a watch: four bytes of length, then `WatchEvent`.
pub(in crate::server) fn frame(kind: &str, enveloped: &[u8], out: &mut Vec<u8>) {
    let mut message = Writer(Vec::with_capacity(enveloped.len() + 32));
    message.text(1, kind);
    message.message(2, |out| out.bytes(1, enveloped));
    let length = u32::try_from(message.0.len()).expect("an object is far below 4 GiB");
    out.extend_from_slice(&length.to_be_bytes());
    out.extend_from_slice(&message.0);
}

/// An Event as the message of either API.
pub(in crate::server) fn event(event: &Event, form: Form, managed: bool) -> Vec<u8> {
    let mut message = encode(event);
    if managed && !event.metadata.uid.is_empty() {
        message = with_managed_fields(event, form, &message);
    }
    match form {
        Form::Core => message,
        Form::Events => renumber(&message, |core| NEWER[core as usize]),
    }
}

/// Reads an Event of either API.
pub(in crate::server) fn read_event(message: &[u8], form: Form) -> Result<Event, WireError> {
    match form {
        Form::Core => decode(message),
        Form::Events => decode(&renumber(message, |newer| {
            let core = NEWER.iter().position(|number| *number == newer);
            core.and_then(|core| u32::try_from(core).ok()).unwrap_or(0)
        })),
    }
}

/// The same fields under other numbers, in their order. The types of the two APIs are the same on the wire.
fn renumber(message: &[u8], number: impl Fn(u32) -> u32) -> Vec<u8> {
    let mut fields: Vec<(u32, Value<'_>)> = Fields(message)
        .filter_map(Result::ok)
        .filter(|field| field.number < 16)
        .map(|field| (number(field.number), field.value))
        .collect();
    fields.sort_by_key(|(number, _)| *number);
    let mut out = Writer(Vec::with_capacity(message.len()));
    for (number, value) in fields {
        match value {
            Value::Bytes(bytes) => out.bytes(number, bytes),
            Value::Number(_) => out.any_number(number, value.number()),
            Value::Fixed => {}
        }
    }
    out.0
}

/// The message with `managedFields` at the end of its metadata, which is its first field.
fn with_managed_fields(event: &Event, form: Form, message: &[u8]) -> Vec<u8> {
    let mut managed = Writer::default();
    managed.message(17, |out| {
        out.text(1, manager(event));
        out.text(2, "Update");
        out.text(3, form.api_version());
        out.time(4, event.metadata.creation_timestamp);
        out.text(6, "FieldsV1");
        out.message(7, |out| out.bytes(1, owned_fields(event).as_bytes()));
    });
    let Ok(Some((length, digits))) = varint(&message[1..]) else {
        return message.to_vec();
    };
    let start = 1 + digits;
    let end = start + usize::try_from(length).unwrap_or(0);
    let mut out = Writer(Vec::with_capacity(message.len() + managed.0.len() + 8));
    out.0.push(message[0]);
    out.varint(length + managed.0.len() as u64);
    out.0.extend_from_slice(&message[start..end]);
    out.0.extend_from_slice(&managed.0);
    out.0.extend_from_slice(&message[end..]);
    out.0
}

/// `PartialObjectMetadata` of an object's message.
pub(in crate::server) fn only_metadata(message: &[u8]) -> Vec<u8> {
    let mut out = Writer::default();
    for field in Fields(message).filter_map(Result::ok).filter(|field| field.number == 1) {
        out.bytes(1, field.value.bytes());
    }
    out.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_decode_to_the_event_they_were_written_from() {
        let bytes = include_bytes!("../../../../event/fixtures/every-field.json");
        let written = event::json::decode(bytes).unwrap();
        for form in [Form::Core, Form::Events] {
            for managed in [false, true] {
                let message = event(&written, form, managed);
                assert_eq!(read_event(&message, form).unwrap(), written);
            }
        }
        let envelope = unknown("v1", "Event", b"abc");
        assert_eq!(open(&envelope).unwrap(), b"abc");
    }
}
