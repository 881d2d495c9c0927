//! Integration tests of the Kafka leaf, in one binary. What every kind must do is asked by the same files as in `sinks`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use sinks_kafka::KINDS;

/// What libraries log on the way to a destination.
const LOGGED: &str = "client";

mod broker;

mod cluster;

#[path = "../../../sinks/tests/it/conformance.rs"]
mod conformance;

#[expect(dead_code, reason = "no crate's destinations can be told everything")]
#[path = "../../../sinks/tests/it/destination.rs"]
mod destination;

mod destinations;

mod kafka;

#[path = "../../../sinks/tests/it/samples.rs"]
mod samples;
