//! What the steps promise together.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod enrich;

mod model;

mod replicas;
