//! Apache Kafka. A leaf beside the light sinks: librdkafka and OpenSSL are compiled from C for it.

use event::SinkKind;

/// `kafka`: one record an event, keyed by its uid.
pub mod kafka;

/// What librdkafka is told, and what it says.
mod client;

/// What the answers for the records of a payload mean to a lane.
mod verdict;

/// Several records in one payload.
mod records;

/// `avro`.
mod avro;

/// `sasl.tokenFile`.
mod token;

/// Every kind of destination in this crate.
pub const KINDS: &[SinkKind] = &[SinkKind::of::<kafka::Kafka>()];
