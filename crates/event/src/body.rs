//! The form in which the journal keeps an [`Event`]: its protobuf form plus what Tidings added.
//!
//! A protobuf message of its own, so that fields can be added and old bodies stay readable:
//! 1 event (core/v1), 2 cluster name, 3 origin, 4 epoch, 5 arrival, 6 before, 7 after, 8 labels,
//! 9 annotations, 10 owners, 11 deleted, 12 enrichment, 13 owner chain, 14 namespace labels, 15 replay;
//! 8–14 of the involved object.

use crate::{
    Enrichment, Event, Occurrences, Origin,
    protobuf::{self, Field, Fields, WireError, Writer},
};

/// Writes the body of `event`.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(1024));
    out.message(1, |out| protobuf::write(out, event));
    out.text(2, &event.cluster_name);
    out.number(3, origin_number(event.origin));
    out.number(4, event.epoch.into());
    out.number(5, event.arrival.cast_signed());
    out.number(6, event.occurrences.before.into());
    out.number(7, event.occurrences.after.into());
    out.map(8, &event.involved.labels);
    out.map(9, &event.involved.annotations);
    for owner in &event.involved.owner_references {
        out.owner(10, owner);
    }
    out.number(11, event.involved.deleted.into());
    out.number(12, enrichment_number(event.involved.enrichment));
    for owner in &event.involved.owner_chain {
        out.owner(13, owner);
    }
    out.map(14, &event.involved.namespace_labels);
    out.number(15, event.replay.into());
    out.0
}

/// Reads what [`encode`] wrote.
pub fn decode(bytes: &[u8]) -> Result<Event, WireError> {
    let mut fields = Fields(bytes);
    let Some(Field { number: 1, value }) = fields.next().transpose()? else {
        return Err(WireError::Truncated);
    };
    let mut event = protobuf::decode(value.bytes())?;
    for field in fields {
        let Field { number, value } = field?;
        match number {
            2 => event.cluster_name = value.text(),
            3 => event.origin = origin(value.number()),
            4 => event.epoch = u32::try_from(value.number()).unwrap_or_default(),
            5 => event.arrival = value.number().cast_unsigned(),
            6 => event.occurrences.before = u32::try_from(value.number()).unwrap_or_default(),
            7 => event.occurrences.after = u32::try_from(value.number()).unwrap_or_default(),
            8 => protobuf::map_entry(&mut event.involved.labels, value.bytes())?,
            9 => protobuf::map_entry(&mut event.involved.annotations, value.bytes())?,
            10 => event.involved.owner_references.push(protobuf::owner(value.bytes())?),
            11 => event.involved.deleted = value.number() != 0,
            12 => event.involved.enrichment = enrichment(value.number()),
            13 => event.involved.owner_chain.push(protobuf::owner(value.bytes())?),
            14 => protobuf::map_entry(&mut event.involved.namespace_labels, value.bytes())?,
            15 => event.replay = value.number() != 0,
            _ => {}
        }
    }
    let Occurrences { before, after } = event.occurrences;
    event.occurrences.before = before.min(after);
    Ok(event)
}

fn origin_number(origin: Origin) -> i64 {
    match origin {
        Origin::Cluster => 0,
        Origin::Derived => 1,
        Origin::Tidings => 2,
    }
}

fn origin(number: i64) -> Origin {
    match number {
        1 => Origin::Derived,
        2 => Origin::Tidings,
        _ => Origin::Cluster,
    }
}

fn enrichment_number(enrichment: Enrichment) -> i64 {
    match enrichment {
        Enrichment::None => 0,
        Enrichment::Complete => 1,
        Enrichment::Incomplete => 2,
    }
}

fn enrichment(number: i64) -> Enrichment {
    match number {
        1 => Enrichment::Complete,
        2 => Enrichment::Incomplete,
        _ => Enrichment::None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::json;

    fn full() -> Event {
        let mut event = json::decode(include_bytes!("../fixtures/every-field.json")).unwrap();
        event.cluster_name = "prod-eu".into();
        event.origin = Origin::Derived;
        event.epoch = 3;
        event.arrival = 9;
        event.occurrences = Occurrences { before: 2, after: 7 };
        event.involved.labels.insert("app".into(), "api".into());
        event.involved.annotations.insert("note".into(), String::new().into());
        event.involved.owner_references = event.metadata.owner_references.clone();
        event.involved.owner_chain = event.metadata.owner_references.clone();
        event.involved.namespace_labels.insert("team".into(), "shop".into());
        event.involved.deleted = true;
        event.replay = true;
        event.involved.enrichment = Enrichment::Incomplete;
        event
    }

    #[test]
    fn a_body_gives_back_every_field() {
        let event = full();
        assert_eq!(decode(&encode(&event)).unwrap(), event);
        assert_eq!(decode(&encode(&Event::default())).unwrap(), Event::default());
    }

    proptest! {
        #[test]
        fn damaged_bodies_are_errors_or_events_and_never_panics(
            cut in 0usize..1000, at in 0usize..1000, byte in any::<u8>(),
        ) {
            let mut bytes = encode(&full());
            let at = at % bytes.len();
            bytes[at] = byte;
            bytes.truncate(cut % bytes.len());
            drop(decode(&bytes));
        }
    }
}
