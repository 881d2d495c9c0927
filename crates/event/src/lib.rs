//! What flows through Tidings: the [`Event`], how its occurrences are counted, and the traits that
//! the stations on its way implement. No network and no files; everything else depends on this.

pub mod event;

pub mod time;

pub mod identity;

pub mod counting;

pub mod protobuf;

pub mod json;

pub mod document;

pub mod body;

pub mod lanes;

pub mod journal;

pub mod sink;

pub mod written;

pub mod clock;

pub mod tasks;

pub use clock::{Clock, ManualClock, SystemClock};
pub use counting::Occurrences;
pub use event::{
    Enrichment, Event, EventType, Involved, Metadata, ObjectRef, Origin, OwnerReference, Series,
    Source, Text,
};
pub use identity::{EventId, EventKey};

pub use journal::Journal;
pub use lanes::{LaneId, LaneSet};
pub use sink::{AnySink, ConnectError, Payload, Rejected, SendError, Sink, SinkContext, SinkKind};
pub use tasks::{Stop, Tasks};

/// Events on their way out, shared by every lane that sends them.
pub type Batch = Vec<std::sync::Arc<Event>>;
