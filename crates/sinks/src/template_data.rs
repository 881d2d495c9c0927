//! The event as templates see it: the Go struct that kubernetes-event-exporter hands to them, with its
//! type names, promoted fields, methods, nil pointers and printed forms. Everything is borrowed.
//!
//! Sources: `EnhancedEvent` of kubernetes-event-exporter, `k8s.io/api/core/v1` and
//! `k8s.io/apimachinery/pkg/apis/meta/v1`, v0.26. Where a field is ours, its comment says so.

/// The event's copy with other keys, which has to own what it shows.
mod copied;

/// What the generated `String` methods print.
mod dump;

/// `kube.EnhancedEvent` and `v1.Event`.
mod enhanced;

/// The involved object, references and owners.
mod involved;

/// `v1.ObjectMeta`.
mod metadata;

/// A Go struct described by a table.
mod go_struct;

/// `v1.Time` and `v1.MicroTime`.
mod times;

use event::{Event, event::TextMap};
use template::{Struct, Value};

/// The event as the data of a template.
pub fn of(event: &Event) -> Value<'_> {
    Value::Struct(Struct::pointer_to(&enhanced::ENHANCED_EVENT, event))
}

/// A copy of the event with `_` for `.` in the keys of its labels and annotations, and of its object's.
pub fn without_dots(event: &Event) -> Event {
    let mut copy = event.clone();
    let maps = [
        &mut copy.metadata.labels,
        &mut copy.metadata.annotations,
        &mut copy.involved.labels,
        &mut copy.involved.annotations,
    ];
    for map in maps.into_iter().filter(|map| map.keys().any(|key| key.contains('.'))) {
        let dotted: TextMap = std::mem::take(map);
        *map = dotted.into_iter().map(|(key, text)| (key.replace('.', "_").into(), text)).collect();
    }
    copy
}
