//! An Event by which the demo finds out whether the worker is watching: what it sends of the cluster's
//! own events says nothing, because it may send fresh ones from before its watch, too.

use event::{Event, ObjectRef};
use jiff::Timestamp;

/// The signal of this number.
pub(super) fn signal(number: u32, now: Timestamp) -> Event {
    let mut event = Event {
        reason: "DemoStarted".into(),
        message: "Is anybody watching?".into(),
        kind: "Normal".into(),
        count: 1,
        first_timestamp: Some(now),
        last_timestamp: Some(now),
        reporting_component: "tidings-demo".into(),
        ..Event::default()
    };
    event.metadata.name = format!("default.{number:x}").into();
    event.metadata.namespace = "default".into();
    event.involved.reference = ObjectRef {
        kind: "Namespace".into(),
        name: "default".into(),
        api_version: "v1".into(),
        ..ObjectRef::default()
    };
    event
}
