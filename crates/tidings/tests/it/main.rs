//! The binary as a user starts it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod cli;
mod demo;
mod house;
mod source;
mod state;
mod support;
