//! The binary as a user starts it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod bad_input;
mod cases;
mod check;
mod cli;
mod cluster;
mod control;
mod demo;
mod documented;
mod house;
mod journal;
mod lanes;
mod leader;
mod lookups;
mod ops;
mod ops_tls;
mod reload;
mod render;
mod route;
mod send_test;
mod shadow;
mod source;
mod state;
mod support;
