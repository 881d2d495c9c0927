//! The JSON form of an Event as the API serves it: core/v1 and events.k8s.io/v1, whichever it is.
//!
//! Read as Go's decoder reads it: `null` is the zero value, unknown keys are stepped over
//! (`managedFields` among them, which is a third of the bytes), bad UTF-8 becomes U+FFFD. More lenient
//! than Go where strictness would cost an event: a time that is none is no time.

mod exported;

mod plain;

use std::{borrow::Cow, collections::BTreeMap, fmt};

use jiff::Timestamp;
use serde::{
    Deserialize, Deserializer,
    de::{self, Visitor},
};
use serde_json::Error;

use crate::{
    Event, ObjectRef, OwnerReference, Series, Source, Text,
    event::{Involved, Metadata, TextMap},
    time,
};

pub use exported::decode as decode_exported;

/// Reads one Event object of core/v1 or events.k8s.io/v1.
pub fn decode(bytes: &[u8]) -> Result<Event, Error> {
    let plain = std::str::from_utf8(bytes).ok().and_then(plain::read);
    plain.map_or_else(|| general(bytes), Ok)
}

/// Reads any JSON that means an Event.
fn general(bytes: &[u8]) -> Result<Event, Error> {
    // Checked once as a whole, the text need not be checked string by string.
    match std::str::from_utf8(bytes) {
        Ok(text) => serde_json::from_str::<Wire>(text),
        Err(_) => lossy(bytes, |bytes| serde_json::from_slice::<Wire>(bytes)),
    }
    .map(Event::from)
}

/// Runs `read` on `bytes`, and once more with bad UTF-8 replaced when that is what it stumbled over.
pub fn lossy<T>(bytes: &[u8], read: impl Fn(&[u8]) -> Result<T, Error>) -> Result<T, Error> {
    read(bytes).or_else(|error| match String::from_utf8_lossy(bytes) {
        Cow::Borrowed(_) => Err(error),
        Cow::Owned(mended) => read(mended.as_bytes()),
    })
}

impl<'de> Deserialize<'de> for Event {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Wire::deserialize(deserializer).map(Self::from)
    }
}

/// Both forms at once: a key of one form never occurs in the other with another meaning.
#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Wire {
    metadata: Option<WireMetadata>,
    involved_object: Option<WireRef>,
    regarding: Option<WireRef>,
    reason: Option<Text>,
    message: Option<Text>,
    note: Option<Text>,
    source: Option<WireSource>,
    deprecated_source: Option<WireSource>,
    first_timestamp: Time,
    deprecated_first_timestamp: Time,
    last_timestamp: Time,
    deprecated_last_timestamp: Time,
    count: Option<i64>,
    deprecated_count: Option<i64>,
    r#type: Option<Text>,
    event_time: Time,
    series: Option<WireSeries>,
    action: Option<Text>,
    related: Option<WireRef>,
    reporting_component: Option<Text>,
    reporting_controller: Option<Text>,
    reporting_instance: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireMetadata {
    name: Option<Text>,
    generate_name: Option<Text>,
    namespace: Option<Text>,
    self_link: Option<Text>,
    uid: Option<Text>,
    resource_version: Option<Text>,
    generation: Option<i64>,
    creation_timestamp: Time,
    deletion_timestamp: Time,
    deletion_grace_period_seconds: Option<i64>,
    labels: Option<BTreeMap<Text, Option<Text>>>,
    annotations: Option<BTreeMap<Text, Option<Text>>>,
    owner_references: Option<Vec<WireOwner>>,
    finalizers: Option<Vec<Text>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireRef {
    kind: Option<Text>,
    namespace: Option<Text>,
    name: Option<Text>,
    uid: Option<Text>,
    api_version: Option<Text>,
    resource_version: Option<Text>,
    field_path: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireOwner {
    api_version: Option<Text>,
    kind: Option<Text>,
    name: Option<Text>,
    uid: Option<Text>,
    controller: Option<bool>,
    block_owner_deletion: Option<bool>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct WireSource {
    component: Option<Text>,
    host: Option<Text>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct WireSeries {
    count: Option<i64>,
    last_observed_time: Time,
}

/// A time that can be null, empty or nonsense.
#[derive(Default, Clone, Copy)]
struct Time(Option<Timestamp>);

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Lenient;
        impl Visitor<'_> for Lenient {
            type Value = Time;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an RFC 3339 time or null")
            }
            fn visit_str<E: de::Error>(self, text: &str) -> Result<Time, E> {
                Ok(Time(plain_time(text.as_bytes()).or_else(|| time::parse(text))))
            }
            fn visit_unit<E: de::Error>(self) -> Result<Time, E> {
                Ok(Time(None))
            }
        }
        deserializer.deserialize_any(Lenient)
    }
}

/// A time as the API server writes it, `2024-06-01T10:00:00Z`; nothing for any other form, which the
/// general parser reads.
fn plain_time(text: &[u8]) -> Option<Timestamp> {
    const DAYS_BEFORE: [i64; 12] = [0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334];
    let [y0, y1, y2, y3, b'-', m0, m1, b'-', d0, d1, b'T', rest @ ..] = text else { return None };
    let [h0, h1, b':', n0, n1, b':', s0, s1, b'Z'] = rest else { return None };
    let two = |tens: &u8, ones: &u8| {
        let digits = tens.is_ascii_digit() && ones.is_ascii_digit();
        digits.then(|| i64::from(tens - b'0') * 10 + i64::from(ones - b'0'))
    };
    let year = two(y0, y1)? * 100 + two(y2, y3)?;
    let (month, day, hour) = (two(m0, m1)?, two(d0, d1)?, two(h0, h1)?);
    let (minute, second) = (two(n0, n1)?, two(s0, s1)?);
    // Every month has 28 days, and leap years are regular in this range; the rest is left to others.
    let easy = (1970..2100).contains(&year) && (1..=28).contains(&day);
    if !easy || hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    let before = DAYS_BEFORE.get(usize::try_from(month).ok()?.checked_sub(1)?)?;
    let leap_days = (year - 1969) / 4 + i64::from(year % 4 == 0 && month > 2);
    let days = (year - 1970) * 365 + leap_days + before + day - 1;
    Timestamp::from_second(((days * 24 + hour) * 60 + minute) * 60 + second).ok()
}

impl Time {
    fn seconds(self) -> Option<Timestamp> {
        self.0.map(time::whole_seconds)
    }

    fn micros(self) -> Option<Timestamp> {
        self.0.and_then(|time| Timestamp::from_microsecond(time.as_microsecond()).ok())
    }
}

impl From<Wire> for Event {
    fn from(wire: Wire) -> Self {
        let source = wire.source.or(wire.deprecated_source).unwrap_or_default();
        let count = wire.count.or(wire.deprecated_count);
        Self {
            metadata: wire.metadata.unwrap_or_default().into(),
            involved: Involved {
                reference: wire.involved_object.or(wire.regarding).unwrap_or_default().into(),
                ..Involved::default()
            },
            reason: wire.reason.unwrap_or_default(),
            message: wire.message.or(wire.note).unwrap_or_default(),
            source: Source {
                component: source.component.unwrap_or_default(),
                host: source.host.unwrap_or_default(),
            },
            first_timestamp: wire
                .first_timestamp
                .seconds()
                .or(wire.deprecated_first_timestamp.seconds()),
            last_timestamp: wire
                .last_timestamp
                .seconds()
                .or(wire.deprecated_last_timestamp.seconds()),
            count: int32(count),
            kind: wire.r#type.unwrap_or_default(),
            event_time: wire.event_time.micros(),
            series: wire.series.map(|series| Series {
                count: int32(series.count),
                last_observed_time: series.last_observed_time.micros(),
            }),
            action: wire.action.unwrap_or_default(),
            related: wire.related.map(ObjectRef::from),
            reporting_component: wire
                .reporting_component
                .or(wire.reporting_controller)
                .unwrap_or_default(),
            reporting_instance: wire.reporting_instance.unwrap_or_default(),
            ..Self::default()
        }
    }
}

impl From<WireMetadata> for Metadata {
    fn from(wire: WireMetadata) -> Self {
        Self {
            name: wire.name.unwrap_or_default(),
            generate_name: wire.generate_name.unwrap_or_default(),
            namespace: wire.namespace.unwrap_or_default(),
            self_link: wire.self_link.unwrap_or_default(),
            uid: wire.uid.unwrap_or_default(),
            resource_version: wire.resource_version.unwrap_or_default(),
            generation: wire.generation.unwrap_or_default(),
            creation_timestamp: wire.creation_timestamp.seconds(),
            deletion_timestamp: wire.deletion_timestamp.seconds(),
            deletion_grace_period_seconds: wire.deletion_grace_period_seconds,
            labels: text_map(wire.labels),
            annotations: text_map(wire.annotations),
            owner_references: wire
                .owner_references
                .unwrap_or_default()
                .into_iter()
                .map(OwnerReference::from)
                .collect(),
            finalizers: wire.finalizers.unwrap_or_default(),
        }
    }
}

impl From<WireRef> for ObjectRef {
    fn from(wire: WireRef) -> Self {
        Self {
            kind: wire.kind.unwrap_or_default(),
            namespace: wire.namespace.unwrap_or_default(),
            name: wire.name.unwrap_or_default(),
            uid: wire.uid.unwrap_or_default(),
            api_version: wire.api_version.unwrap_or_default(),
            resource_version: wire.resource_version.unwrap_or_default(),
            field_path: wire.field_path.unwrap_or_default(),
        }
    }
}

impl From<WireOwner> for OwnerReference {
    fn from(wire: WireOwner) -> Self {
        Self {
            api_version: wire.api_version.unwrap_or_default(),
            kind: wire.kind.unwrap_or_default(),
            name: wire.name.unwrap_or_default(),
            uid: wire.uid.unwrap_or_default(),
            controller: wire.controller,
            block_owner_deletion: wire.block_owner_deletion,
        }
    }
}

fn text_map(wire: Option<BTreeMap<Text, Option<Text>>>) -> TextMap {
    let entries = wire.unwrap_or_default().into_iter();
    entries.map(|(key, value)| (key, value.unwrap_or_default())).collect()
}

fn int32(number: Option<i64>) -> i32 {
    let number = number.unwrap_or_default();
    i32::try_from(number).unwrap_or(if number < 0 { i32::MIN } else { i32::MAX })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{document, protobuf};

    const FULL: &[u8] = include_bytes!("../fixtures/every-field.json");

    #[test]
    fn json_and_protobuf_read_as_the_same_event() {
        let event = decode(FULL).unwrap();
        assert_eq!(protobuf::decode(&protobuf::encode(&event)).unwrap(), event);
        assert_eq!(event.total(), 9);
        assert_eq!(event.metadata.labels.len(), 2);
    }

    #[test]
    fn the_newer_api_reads_as_the_older_one() {
        let newer = r#"{"apiVersion":"events.k8s.io/v1","metadata":{"name":"a"},"eventTime":"2024-06-01T10:04:00.5Z",
            "reportingController":"scheduler","regarding":{"kind":"Pod"},"note":"hello","type":"Normal",
            "deprecatedSource":{"component":"c"},"deprecatedFirstTimestamp":"2024-06-01T10:00:00Z",
            "deprecatedLastTimestamp":null,"deprecatedCount":3}"#;
        let older = r#"{"metadata":{"name":"a"},"eventTime":"2024-06-01T10:04:00.5Z","reportingComponent":"scheduler",
            "involvedObject":{"kind":"Pod"},"message":"hello","type":"Normal","source":{"component":"c"},
            "firstTimestamp":"2024-06-01T10:00:00Z","count":3}"#;
        assert_eq!(decode(newer.as_bytes()).unwrap(), decode(older.as_bytes()).unwrap());
    }

    #[test]
    fn a_plain_time_is_read_as_the_general_parser_reads_it() {
        for day in 0..(130 * 365) {
            let seconds = day * 86_400 + (day * 7919) % 86_400;
            let mut text = Vec::new();
            time::write_seconds(&mut text, Timestamp::from_second(seconds).unwrap());
            let parsed = time::parse(std::str::from_utf8(&text).unwrap());
            assert!(plain_time(&text).is_none_or(|time| Some(time) == parsed), "{seconds}");
        }
        for other in [
            "2024-06-01T10:00:00+02:00",
            "2024-13-01T10:00:00Z",
            "2024-06-01T24:00:00Z",
            "2024-00-01T10:00:00Z",
            "",
        ] {
            assert_eq!(plain_time(other.as_bytes()), None, "{other}");
        }
        assert!(plain_time(b"2024-02-28T23:59:59Z").is_some());
    }

    #[test]
    fn nulls_everywhere_are_an_empty_event() {
        let nulls = br#"{"metadata":{"name":null,"labels":null,"annotations":{"a":null},"creationTimestamp":null,
            "ownerReferences":null},"involvedObject":null,"reason":null,"source":null,"firstTimestamp":null,
            "count":null,"eventTime":null,"series":null,"related":null}"#;
        let mut event = decode(nulls).unwrap();
        event.metadata.annotations.clear();
        assert_eq!(event, Event::default());
    }

    #[test]
    fn bad_utf8_and_bad_times_do_not_cost_the_event() {
        let bytes = b"{\"message\":\"caf\xe9\",\"firstTimestamp\":\"soon\",\"count\":99999999999}";
        let event = decode(bytes).unwrap();
        assert_eq!(event.message, "caf\u{fffd}");
        assert_eq!(event.first_timestamp, None);
        assert_eq!(event.count, i32::MAX);
    }

    #[test]
    fn the_document_of_a_decoded_event_decodes_to_it_again() {
        let event = decode(FULL).unwrap();
        let mut out = Vec::new();
        document::write(&mut out, &event);
        assert_eq!(decode(&out).unwrap(), event);
    }
}
