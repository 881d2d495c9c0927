//! The binary as a user starts it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod check;
mod cli;
mod cluster;
mod demo;
mod house;
mod lookups;
mod ops;
mod ops_tls;
mod source;
mod state;
mod support;
