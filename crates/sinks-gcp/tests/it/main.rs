//! Integration tests of the Google leaf, in one binary. What every kind must do is asked by the same files as in `sinks`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use sinks_gcp::KINDS;

/// What libraries log on the way to a destination.
const LOGGED: &str = "connect";

#[path = "../../../sinks/tests/it/conformance.rs"]
mod conformance;

#[expect(dead_code, reason = "no crate's destinations can be told everything")]
#[path = "../../../sinks/tests/it/destination.rs"]
mod destination;

mod destinations;

mod google;

#[path = "../../../sinks/tests/it/over_http.rs"]
mod over_http;

#[path = "../../../sinks/tests/it/samples.rs"]
mod samples;

#[expect(dead_code, reason = "only the tests of `sinks` speak TLS")]
#[path = "../../../sinks/tests/it/server.rs"]
mod server;
