//! Which kinds of receiver this binary knows. The only file that may ask for features.

use event::SinkKind;

/// Every kind, in the order in which a receiver with two of them is read.
pub fn all() -> impl Iterator<Item = &'static SinkKind> {
    sinks::KINDS.iter()
}

/// The kind that the config calls `name`.
pub fn find(name: &str) -> Option<&'static SinkKind> {
    all().find(|kind| kind.name == name)
}
