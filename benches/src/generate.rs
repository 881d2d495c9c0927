//! Events as an API server sends them in a protobuf watch, with `managedFields` as real clusters have
//! them: first everything that exists, then a mix of creations, updates, and the deletions that keep
//! the number of live Events the same.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::Path,
};

use anyhow::Context;
use event::{
    Event, ObjectRef, Source, Text,
    protobuf::{self, Writer},
};
use jiff::Timestamp;
use playground::random::Random;

use crate::process::tell;

/// So many of a hundred writes are updates, as in a cluster where probes fail.
const UPDATES: f64 = 0.35;
/// Namespaces, `team-0` and so on.
pub const NAMESPACES: u64 = 20;
/// So many Events are about each pod.
pub(crate) const EACH: u64 = 8;
/// The first resourceVersion.
const FIRST: u64 = 5_000_000;

const KINDS: [(&str, &str, &str); 8] = [
    ("Normal", "Scheduled", "Successfully assigned {ns}/web-5d78c9869d-{n} to general-7xk2p"),
    (
        "Normal",
        "Pulled",
        "Container image \"registry.example.com/shop/web:4.{n}.0\" already present on machine and can be accessed by the pod",
    ),
    ("Normal", "Created", "Container created"),
    ("Normal", "Started", "Container started"),
    ("Normal", "SuccessfulCreate", "Created pod: web-5d78c9869d-{n}"),
    ("Normal", "Killing", "Stopping container web"),
    (
        "Warning",
        "BackOff",
        "Back-off restarting failed container web in pod web-5d78c9869d-{n}_{ns}(6d2fa0a2-1d1c-4c2e-8b1a-2f6f0e5b7c11)",
    ),
    (
        "Warning",
        "Unhealthy",
        "Readiness probe failed: Get \"http://10.42.7.21:8080/ready\": context deadline exceeded (Client.Timeout exceeded while awaiting headers) {n}",
    ),
];

/// What the API server keeps of who wrote which field.
const FIELDS: &str = r#"{"f:count":{},"f:firstTimestamp":{},"f:involvedObject":{},"f:lastTimestamp":{},"f:message":{},"f:reason":{},"f:reportingComponent":{},"f:reportingInstance":{},"f:source":{"f:component":{},"f:host":{}},"f:type":{}}"#;

/// Writes `live` Events that exist and `writes` creations and updates to `path`; tells how many bytes
/// the first part has, how many messages the second, and the newest resourceVersion.
pub fn write(path: &Path, live: u64, writes: u64) -> anyhow::Result<()> {
    let mut out = BufWriter::with_capacity(1 << 20, File::create(path)?);
    let now = Timestamp::now();
    let before = now - jiff::SignedDuration::from_mins(30);
    let mut random = Random::new(7);
    let mut revision = FIRST;
    let mut bytes = 0;
    for number in 0..live {
        bytes += send(&mut out, "ADDED", &event(number, 1, revision, before))?;
        revision += 1;
    }
    bytes += send(&mut out, "BOOKMARK", &bookmark(revision, true))?;
    tell("list_bytes", float(bytes));
    // How often an Event was updated, by its number modulo the size of the live set.
    let mut counts = vec![1u16; usize::try_from(live)?];
    let (mut created, mut messages) = (live, 0u64);
    for _ in 0..writes {
        revision += 1;
        if random.chance(UPDATES) {
            let slot = random.below(counts.len());
            counts[slot] += 1;
            let oldest = created - live;
            let number = oldest + (slot as u64 + live - oldest % live) % live;
            send(&mut out, "MODIFIED", &event(number, counts[slot], revision, now))?;
            messages += 1;
        } else {
            let slot = usize::try_from(created % live)?;
            let oldest = event(created - live, counts[slot], revision, before);
            send(&mut out, "DELETED", &oldest)?;
            revision += 1;
            counts[slot] = 1;
            send(&mut out, "ADDED", &event(created, 1, revision, now))?;
            created += 1;
            messages += 2;
        }
    }
    revision += 1;
    send(&mut out, "BOOKMARK", &bookmark(revision, false))?;
    out.flush()?;
    tell("messages", float(messages));
    tell("revision", float(revision));
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "sizes need no last digit")]
fn float(number: u64) -> f64 {
    number as f64
}

/// One of many Events about one of many pods.
pub(crate) fn event(number: u64, count: u16, revision: u64, seen: Timestamp) -> Event {
    let (kind, reason, message) = KINDS[usize::try_from(number % EACH).unwrap_or(0)];
    let namespace = Text::from(format!("team-{}", number / EACH % NAMESPACES));
    let pod = format!("web-5d78c9869d-{:05x}", number / EACH);
    let message = message.replace("{ns}", &namespace).replace("{n}", &format!("{number:05}"));
    let (second, first) = (event::time::whole_seconds(seen), seen);
    let mut event = Event {
        reason: reason.into(),
        kind: kind.into(),
        message: message.into(),
        source: Source { component: "kubelet".into(), host: "general-7xk2p".into() },
        reporting_component: "kubelet".into(),
        reporting_instance: "general-7xk2p".into(),
        first_timestamp: Some(event::time::whole_seconds(first)),
        last_timestamp: Some(second),
        count: count.into(),
        ..Event::default()
    };
    event.metadata.name = Text::from(format!("{pod}.{:016x}", scatter(number)));
    event.metadata.namespace.clone_from(&namespace);
    event.metadata.uid = uuid(number);
    event.metadata.resource_version = Text::from(revision.to_string());
    event.metadata.creation_timestamp = Some(second);
    event.involved.reference = ObjectRef {
        kind: "Pod".into(),
        namespace,
        name: pod.into(),
        uid: uuid(number / EACH + (1 << 40)),
        api_version: "v1".into(),
        resource_version: Text::from((revision - 100).to_string()),
        field_path: "spec.containers{web}".into(),
    };
    event
}

/// New Events of objects with labels.
pub fn labelled(count: u64) -> Vec<Event> {
    let now = Timestamp::now();
    let labelled = |number| {
        let mut event = event(number, 1, FIRST + number, now);
        for (key, value) in [("app", "web"), ("app.kubernetes.io/name", "web"), ("env", "prod")] {
            event.involved.labels.insert(key.into(), value.into());
        }
        event
    };
    (0..count).map(labelled).collect()
}

fn bookmark(revision: u64, initial_end: bool) -> Event {
    let mut event = Event::default();
    event.metadata.resource_version = Text::from(revision.to_string());
    if initial_end {
        event.metadata.annotations.insert("k8s.io/initial-events-end".into(), "true".into());
    }
    event
}

fn scatter(number: u64) -> u64 {
    Random::new(number).bits()
}

/// A made-up UID.
pub(crate) fn uuid(number: u64) -> Text {
    let (high, low) = (scatter(number), scatter(!number));
    Text::from(format!(
        "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        low >> 52,
        low & 0xffff_ffff_ffff
    ))
}

/// One frame of a protobuf watch; gives its length.
fn send(out: &mut impl Write, kind: &str, event: &Event) -> anyhow::Result<u64> {
    let mut object = Writer(b"k8s\0".to_vec());
    object.message(1, |meta| {
        meta.text(1, "v1");
        meta.text(2, "Event");
    });
    let bytes = protobuf::encode(event);
    object.bytes(2, &if kind == "BOOKMARK" { bytes } else { with_managed_fields(&bytes)? });
    let mut frame = Writer(Vec::with_capacity(object.0.len() + 32));
    frame.text(1, kind);
    frame.message(2, |raw| raw.bytes(1, &object.0));
    out.write_all(&u32::try_from(frame.0.len())?.to_be_bytes())?;
    out.write_all(&frame.0)?;
    Ok(frame.0.len() as u64 + 4)
}

/// The metadata is the first field; what is added goes to its end.
fn with_managed_fields(event: &[u8]) -> anyhow::Result<Vec<u8>> {
    let (length, size) = protobuf::varint(&event[1..])?.context("an event has metadata")?;
    let (metadata, rest) = event[1 + size..].split_at(usize::try_from(length)?);
    let mut longer = Writer(metadata.to_vec());
    longer.message(17, |entry| {
        entry.text(1, "kubelet");
        entry.text(2, "Update");
        entry.text(3, "v1");
        entry.time(4, Some(Timestamp::UNIX_EPOCH));
        entry.text(6, "FieldsV1");
        entry.message(7, |fields| fields.text(1, FIELDS));
    });
    let mut out = Writer(Vec::with_capacity(event.len() + 400));
    out.bytes(1, &longer.0);
    out.0.extend_from_slice(rest);
    Ok(out.0)
}
