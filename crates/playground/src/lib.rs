//! A pretend cluster: an API server that speaks list and watch, and plays realistic days.
//!
//! Part of the product (`tidings demo`) and the double of the API server in tests and benchmarks. The
//! script of calls in `e2e/conformance` runs against it and against a real kube-apiserver.
//!
//! [`Playground::start`] runs all of it: an etcd-like [`store`], an API server on loopback in front of
//! it, [`faults`] on command, and the [`day`] that is played. The store, the day and the [`flood`]
//! stand alone too, without sockets or tasks. A process outside commands through HTTP, beside the API:
//!
//! | request | does |
//! |---|---|
//! | `GET /playground/stats` | counts requests and writes; names the newest revision |
//! | `GET`, `POST`, `DELETE /playground/faults` | lists, schedules, calls off: `{"fault":"stall","on":"watch","times":2}` |
//! | `POST /playground/snapshot`, `…/restore`, `…/compact` | what is done to etcd |
//! | `POST /playground/incidents` | lets `"badImage"`, `"nodeNotReady"` or `"outOfMemory"` begin |
//! | `GET /playground/ledger?from=n` | a line of JSON for every revision of an Event ever written |

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
