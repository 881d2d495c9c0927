//! The protobuf form of a core/v1 Event, read in place.
//!
//! Source: `k8s.io/api/core/v1/generated.proto` and `k8s.io/apimachinery/.../meta/v1/generated.proto`.
//! Field numbers are part of the API and never change. Unknown fields (`managedFields` is number 17
//! of the metadata) are stepped over, never built. Go does not check strings for UTF-8, so bytes that
//! are none become U+FFFD.

use jiff::Timestamp;
use thiserror::Error;

use crate::{
    Event, ObjectRef, OwnerReference, Series, Source, Text,
    event::{Metadata, TextMap},
    time,
};

/// Bytes that are not the protobuf message they should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WireError {
    /// The bytes end inside a field.
    #[error("protobuf message ends inside a field")]
    Truncated,
    /// A varint has more than ten bytes.
    #[error("protobuf number is too long")]
    Overlong,
    /// A group or a reserved wire type.
    #[error("protobuf wire type {0} is not in use")]
    WireType(u8),
}

/// One field of a message: its number and what it holds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Field<'a> {
    /// The number given in the schema.
    pub number: u32,
    /// The value.
    pub value: Value<'a>,
}

/// What a field holds, as far as the wire tells.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Value<'a> {
    /// An integer, boolean or enum.
    Number(u64),
    /// A string, bytes, or an inner message.
    Bytes(&'a [u8]),
    /// Fixed-width values, which no Kubernetes message in use here has.
    Fixed,
}

impl<'a> Value<'a> {
    /// The bytes; empty for a number.
    pub fn bytes(self) -> &'a [u8] {
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Number(_) | Self::Fixed => &[],
        }
    }

    /// The number; 0 for bytes. Negative numbers are sign-extended to 64 bits, as Go writes them.
    #[expect(clippy::cast_possible_wrap, reason = "two's complement is what the wire carries")]
    pub fn number(self) -> i64 {
        match self {
            Self::Number(number) => number as i64,
            Self::Bytes(_) | Self::Fixed => 0,
        }
    }

    fn int32(self) -> i32 {
        i32::try_from(self.number()).unwrap_or(i32::MAX)
    }

    /// The text; bytes that are no UTF-8 become U+FFFD.
    pub fn text(self) -> Text {
        Text::from_utf8_lossy(self.bytes())
    }
}

/// Steps through the fields of one message.
#[derive(Debug, Clone)]
pub struct Fields<'a>(pub &'a [u8]);

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, WireError>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.0.is_empty() {
            return None;
        }
        let field = self.field();
        if field.is_err() {
            self.0 = &[];
        }
        Some(field)
    }
}

impl<'a> Fields<'a> {
    #[inline]
    fn field(&mut self) -> Result<Field<'a>, WireError> {
        let tag = self.varint()?;
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::Overlong)?;
        let value = match tag & 7 {
            0 => Value::Number(self.varint()?),
            1 => self.take(8).map(|_| Value::Fixed)?,
            2 => {
                let length = self.varint()?;
                Value::Bytes(self.take(length)?)
            }
            5 => self.take(4).map(|_| Value::Fixed)?,
            other => return Err(WireError::WireType(u8::try_from(other).unwrap_or(7))),
        };
        Ok(Field { number, value })
    }

    #[inline]
    fn varint(&mut self) -> Result<u64, WireError> {
        if let Some((&byte, rest)) = self.0.split_first()
            && byte < 0x80
        {
            self.0 = rest;
            return Ok(u64::from(byte));
        }
        let (number, length) = varint(self.0)?.ok_or(WireError::Truncated)?;
        self.0 = &self.0[length..];
        Ok(number)
    }

    #[inline]
    fn take(&mut self, length: u64) -> Result<&'a [u8], WireError> {
        let length = usize::try_from(length).map_err(|_| WireError::Truncated)?;
        let (taken, rest) = self.0.split_at_checked(length).ok_or(WireError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }
}

/// Reads one varint from the start of `bytes`: the number and how many bytes it takes, or nothing
/// when `bytes` ends before it does.
pub fn varint(bytes: &[u8]) -> Result<Option<(u64, usize)>, WireError> {
    let mut number = 0u64;
    for (index, byte) in bytes.iter().enumerate() {
        if index == 10 {
            return Err(WireError::Overlong);
        }
        number |= u64::from(byte & 0x7f) << (7 * index);
        if byte & 0x80 == 0 {
            return Ok(Some((number, index + 1)));
        }
    }
    if bytes.len() >= 10 { Err(WireError::Overlong) } else { Ok(None) }
}

/// Reads a core/v1 Event.
pub fn decode(bytes: &[u8]) -> Result<Event, WireError> {
    let mut event = Event::default();
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => event.metadata = metadata(value.bytes())?,
            2 => event.involved.reference = object_ref(value.bytes())?,
            3 => event.reason = value.text(),
            4 => event.message = value.text(),
            5 => event.source = source(value.bytes())?,
            6 => event.first_timestamp = timestamp(value.bytes())?.map(time::whole_seconds),
            7 => event.last_timestamp = timestamp(value.bytes())?.map(time::whole_seconds),
            8 => event.count = value.int32(),
            9 => event.kind = value.text(),
            10 => event.event_time = timestamp(value.bytes())?,
            11 => event.series = Some(series(value.bytes())?),
            12 => event.action = value.text(),
            13 => event.related = Some(object_ref(value.bytes())?),
            14 => event.reporting_component = value.text(),
            15 => event.reporting_instance = value.text(),
            _ => {}
        }
    }
    Ok(event)
}

fn metadata(bytes: &[u8]) -> Result<Metadata, WireError> {
    let mut metadata = Metadata::default();
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => metadata.name = value.text(),
            2 => metadata.generate_name = value.text(),
            3 => metadata.namespace = value.text(),
            4 => metadata.self_link = value.text(),
            5 => metadata.uid = value.text(),
            6 => metadata.resource_version = value.text(),
            7 => metadata.generation = value.number(),
            8 => {
                metadata.creation_timestamp = timestamp(value.bytes())?.map(time::whole_seconds);
            }
            9 => {
                metadata.deletion_timestamp = timestamp(value.bytes())?.map(time::whole_seconds);
            }
            10 => metadata.deletion_grace_period_seconds = Some(value.number()),
            11 => map_entry(&mut metadata.labels, value.bytes())?,
            12 => map_entry(&mut metadata.annotations, value.bytes())?,
            13 => metadata.owner_references.push(owner(value.bytes())?),
            14 => metadata.finalizers.push(value.text()),
            _ => {}
        }
    }
    Ok(metadata)
}

fn object_ref(bytes: &[u8]) -> Result<ObjectRef, WireError> {
    let mut object = ObjectRef::default();
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => object.kind = value.text(),
            2 => object.namespace = value.text(),
            3 => object.name = value.text(),
            4 => object.uid = value.text(),
            5 => object.api_version = value.text(),
            6 => object.resource_version = value.text(),
            7 => object.field_path = value.text(),
            _ => {}
        }
    }
    Ok(object)
}

pub(crate) fn owner(bytes: &[u8]) -> Result<OwnerReference, WireError> {
    let mut owner = OwnerReference::default();
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => owner.kind = value.text(),
            3 => owner.name = value.text(),
            4 => owner.uid = value.text(),
            5 => owner.api_version = value.text(),
            6 => owner.controller = Some(value.number() != 0),
            7 => owner.block_owner_deletion = Some(value.number() != 0),
            _ => {}
        }
    }
    Ok(owner)
}

fn source(bytes: &[u8]) -> Result<Source, WireError> {
    let mut source = Source::default();
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => source.component = value.text(),
            2 => source.host = value.text(),
            _ => {}
        }
    }
    Ok(source)
}

fn series(bytes: &[u8]) -> Result<Series, WireError> {
    let mut series = Series::default();
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => series.count = value.int32(),
            2 => series.last_observed_time = timestamp(value.bytes())?,
            _ => {}
        }
    }
    Ok(series)
}

/// A `Time` or `MicroTime`; Go writes its zero time as an empty message.
fn timestamp(bytes: &[u8]) -> Result<Option<Timestamp>, WireError> {
    let (mut seconds, mut nanos) = (None, 0);
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => seconds = Some(value.number()),
            2 => nanos = value.int32(),
            _ => {}
        }
    }
    // MicroTime carries six decimals and no more, whatever a writer put into the nanoseconds.
    Ok(seconds.and_then(|seconds| time::from_parts(seconds, nanos / 1000 * 1000)))
}

pub(crate) fn map_entry(map: &mut TextMap, bytes: &[u8]) -> Result<(), WireError> {
    let (mut key, mut text) = (Text::default(), Text::default());
    for field in Fields(bytes) {
        let Field { number, value } = field?;
        match number {
            1 => key = value.text(),
            2 => text = value.text(),
            _ => {}
        }
    }
    map.insert(key, text);
    Ok(())
}

/// Writes a core/v1 Event; empty fields are left out.
pub fn encode(event: &Event) -> Vec<u8> {
    let mut out = Writer(Vec::with_capacity(1024));
    write(&mut out, event);
    out.0
}

/// Writes the fields of a core/v1 Event into a message that is open already.
pub fn write(out: &mut Writer, event: &Event) {
    out.message(1, |out| write_metadata(out, &event.metadata));
    out.message(2, |out| write_object_ref(out, &event.involved.reference));
    out.text(3, &event.reason);
    out.text(4, &event.message);
    out.message(5, |out| {
        out.text(1, &event.source.component);
        out.text(2, &event.source.host);
    });
    out.time(6, event.first_timestamp);
    out.time(7, event.last_timestamp);
    out.number(8, i64::from(event.count));
    out.text(9, &event.kind);
    out.time(10, event.event_time);
    if let Some(series) = event.series {
        out.message(11, |out| {
            out.number(1, i64::from(series.count));
            out.time(2, series.last_observed_time);
        });
    }
    out.text(12, &event.action);
    if let Some(related) = &event.related {
        out.message(13, |out| write_object_ref(out, related));
    }
    out.text(14, &event.reporting_component);
    out.text(15, &event.reporting_instance);
}

fn write_metadata(out: &mut Writer, metadata: &Metadata) {
    out.text(1, &metadata.name);
    out.text(2, &metadata.generate_name);
    out.text(3, &metadata.namespace);
    out.text(4, &metadata.self_link);
    out.text(5, &metadata.uid);
    out.text(6, &metadata.resource_version);
    out.number(7, metadata.generation);
    out.time(8, metadata.creation_timestamp);
    out.time(9, metadata.deletion_timestamp);
    if let Some(grace) = metadata.deletion_grace_period_seconds {
        out.any_number(10, grace);
    }
    out.map(11, &metadata.labels);
    out.map(12, &metadata.annotations);
    for owner in &metadata.owner_references {
        out.owner(13, owner);
    }
    for finalizer in &metadata.finalizers {
        out.bytes(14, finalizer.as_bytes());
    }
}

fn write_object_ref(out: &mut Writer, object: &ObjectRef) {
    out.text(1, &object.kind);
    out.text(2, &object.namespace);
    out.text(3, &object.name);
    out.text(4, &object.uid);
    out.text(5, &object.api_version);
    out.text(6, &object.resource_version);
    out.text(7, &object.field_path);
}

/// Writes the fields of a message one after the other.
#[derive(Debug, Default)]
pub struct Writer(pub Vec<u8>);

impl Writer {
    /// A bare varint.
    pub fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.0.push(u8::try_from(number & 0x7f).unwrap_or(0) | 0x80);
            number >>= 7;
        }
        self.0.push(u8::try_from(number).unwrap_or(0));
    }

    /// A number; left out when 0.
    pub fn number(&mut self, field: u32, number: i64) {
        if number != 0 {
            self.any_number(field, number);
        }
    }

    /// A number, 0 too.
    #[expect(clippy::cast_sign_loss, reason = "two's complement is what the wire carries")]
    pub fn any_number(&mut self, field: u32, number: i64) {
        self.varint(u64::from(field) << 3);
        self.varint(number as u64);
    }

    /// Bytes, empty ones too.
    pub fn bytes(&mut self, field: u32, bytes: &[u8]) {
        self.varint(u64::from(field) << 3 | 2);
        self.varint(bytes.len() as u64);
        self.0.extend_from_slice(bytes);
    }

    /// A text; left out when empty.
    pub fn text(&mut self, field: u32, text: &str) {
        if !text.is_empty() {
            self.bytes(field, text.as_bytes());
        }
    }

    /// An inner message.
    pub fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.varint(u64::from(field) << 3 | 2);
        // Most inner messages are under 128 bytes: leave one byte for the length, move if it was more.
        let mut at = self.0.len();
        self.0.push(0);
        write(self);
        let mut length = self.0.len() - at - 1;
        while length >= 0x80 {
            self.0[at] = u8::try_from(length & 0x7f).unwrap_or(0) | 0x80;
            length >>= 7;
            at += 1;
            self.0.insert(at, 0);
        }
        self.0[at] = u8::try_from(length).unwrap_or(0);
    }

    /// A time; nothing is an empty message, as Go writes it.
    pub fn time(&mut self, field: u32, time: Option<Timestamp>) {
        self.message(field, |out| {
            if let Some(time) = time {
                // A time before 1970 has negative nanoseconds here and positive ones in protobuf.
                let (seconds, nanos) = match (time.as_second(), time.subsec_nanosecond()) {
                    (seconds, nanos @ ..0) => (seconds - 1, nanos + 1_000_000_000),
                    parts => parts,
                };
                out.any_number(1, seconds);
                out.number(2, i64::from(nanos));
            }
        });
    }

    /// The entries of a string map.
    pub fn map(&mut self, field: u32, map: &TextMap) {
        for (key, value) in map {
            self.message(field, |out| {
                out.text(1, key);
                out.text(2, value);
            });
        }
    }

    /// An owner reference.
    pub fn owner(&mut self, field: u32, owner: &OwnerReference) {
        self.message(field, |out| {
            out.text(1, &owner.kind);
            out.text(3, &owner.name);
            out.text(4, &owner.uid);
            out.text(5, &owner.api_version);
            if let Some(controller) = owner.controller {
                out.any_number(6, controller.into());
            }
            if let Some(block) = owner.block_owner_deletion {
                out.any_number(7, block.into());
            }
        });
    }
}
