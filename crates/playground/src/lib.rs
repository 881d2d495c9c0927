//! A pretend cluster: an API server that speaks list and watch, and plays realistic days.
//!
//! Part of the product (`tidings demo`) and the double of the API server in tests and benchmarks. The
//! script of calls in `e2e/conformance` runs against it and against a real kube-apiserver.

pub mod store;

pub mod storage;

mod server;

pub mod faults;

pub mod stats;

mod playground;

pub mod day;

pub mod flood;

mod fast_clock;

pub mod random;

pub use fast_clock::FastClock;
pub use playground::{CLUSTER_UID, Options, Playground};
