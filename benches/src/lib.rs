//! What is measured, and how. `main.rs` is the way in.

/// The order of the measurements, and the table.
pub mod report;

/// Each measurement as a process of its own.
pub mod role;

/// Other processes, while they are measured.
pub mod children;

/// What the system tells about a process.
pub mod process;

/// Events as an API server would send them.
pub mod generate;

/// Reading alone: bytes to events.
pub mod decode;

/// Events to payloads, with a layout and without.
pub mod layout;

/// A file in the place of an API server.
pub mod recorded;

/// From bytes to a file, over a durable journal.
pub mod way;

/// The whole program at a cluster with many Events.
pub mod memory;

/// What is remembered of objects.
pub mod objects;

/// How often the API server is asked.
pub mod requests;

/// How long events are in the journal.
pub mod bodies;

/// Beside a stand-in for kubernetes-event-exporter.
pub mod original;
