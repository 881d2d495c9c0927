//! Several records in one payload: their values one behind the other, as they will be in Kafka, and a header for each that
//! says how long it is and what goes with it.

use std::sync::Arc;

use bytes::Bytes;
use event::{Event, Payload, Rejected, Text};
use serde::{Deserialize, Serialize};

/// Most records in a payload.
pub(crate) const EVENTS: usize = 500;

/// Most bytes in a payload: what a broker takes in one go by default. A single record may be larger.
const BYTES: usize = 900_000;

/// What goes with a record's value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Note {
    /// Length of the value.
    bytes: usize,
    /// The record's key.
    pub(crate) key: String,
    /// The event's id.
    pub(crate) id: String,
    /// Somebody asked for it again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) replay: bool,
}

/// As few payloads as the limits allow; `write` appends the value of an event.
pub(crate) fn payloads(
    events: &[Arc<Event>],
    write: impl Fn(&mut Vec<u8>, usize, &Event) -> Result<(), Rejected>,
) -> Result<Vec<Payload>, Rejected> {
    let mut payloads = Vec::new();
    let (mut notes, mut body) = (Vec::new(), Vec::new());
    for (index, event) in events.iter().enumerate() {
        let before = body.len();
        write(&mut body, index, event)?;
        let bytes = body.len() - before;
        if notes.len() == EVENTS || (before > 0 && body.len() > BYTES) {
            let value = body.split_off(before);
            let full = std::mem::replace(&mut body, value);
            payloads.push(payload(&std::mem::take(&mut notes), full));
        }
        let (key, id) = (event.metadata.uid.to_string(), event.id().to_string());
        notes.push(Note { bytes, key, id, replay: event.replay });
    }
    if !notes.is_empty() {
        payloads.push(payload(&notes, body));
    }
    Ok(payloads)
}

fn payload(notes: &[Note], body: Vec<u8>) -> Payload {
    let headers = notes.iter().map(|note| {
        let note = serde_json::to_string(note).expect("text and numbers become JSON");
        (Text::const_new("Record"), note)
    });
    Payload { events: notes.len(), headers: headers.collect(), body: body.into() }
}

/// The records of a payload, in order. Nothing is copied.
pub(crate) fn of(payload: &Payload) -> impl Iterator<Item = (Note, Bytes)> {
    let mut rest = payload.body.clone();
    payload.headers.iter().map(move |(_, note)| {
        let note: Note = serde_json::from_str(note).expect("we wrote it");
        let value = rest.split_to(note.bytes.min(rest.len()));
        (note, value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(index: usize) -> Arc<Event> {
        let mut event = Event::default();
        event.metadata.uid = format!("uid-{index}").into();
        event.metadata.resource_version = "7".into();
        Arc::new(event)
    }

    fn sizes(count: usize, bytes: usize) -> Vec<usize> {
        let events: Vec<_> = (0..count).map(event).collect();
        let payloads = payloads(&events, |out, index, _| {
            out.resize(out.len() + bytes, b'0' + u8::try_from(index % 10).unwrap());
            Ok(())
        });
        let payloads = payloads.unwrap();
        let records: Vec<_> = payloads.iter().flat_map(of).collect();
        assert_eq!(records.len(), count);
        for (index, (note, value)) in records.iter().enumerate() {
            assert_eq!(note.key, format!("uid-{index}"));
            assert_eq!(note.id, format!("uid-{index}/7"));
            assert_eq!(value.len(), bytes);
            assert!(value.iter().all(|byte| usize::from(byte - b'0') == index % 10));
        }
        payloads.iter().map(|payload| payload.events).collect()
    }

    #[test]
    fn a_payload_holds_500_records_or_what_a_broker_takes_at_once() {
        assert_eq!(sizes(1001, 10), [500, 500, 1]);
        assert_eq!(sizes(5, 400_000), [2, 2, 1]);
        assert_eq!(sizes(2, 2_000_000), [1, 1]);
        assert_eq!(sizes(3, 0), [3]);
        assert_eq!(sizes(0, 0), [0; 0]);
    }
}
