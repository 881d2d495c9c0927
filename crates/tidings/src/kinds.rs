//! Which kinds of receiver this binary knows. The only file that may ask for features.

use event::SinkKind;

/// Kinds of kubernetes-event-exporter, in the order in which it looks for them: of two in one receiver
/// the first counts. What is here and not in [`all`] is not built yet.
const ORDER: [&str; 21] = [
    "inMemory",
    "pipe",
    "webhook",
    "file",
    "syslog",
    "stdout",
    "elasticsearch",
    "kinesis",
    "firehose",
    "opensearch",
    "opsgenie",
    "sqs",
    "sns",
    "slack",
    "kafka",
    "pubsub",
    "opscenter",
    "teams",
    "bigquery",
    "eventbridge",
    "loki",
];

/// Names for which the original has a source file with nothing in it.
pub const EMPTY: [&str; 2] = ["cloudwatch", "sms"];

/// Every kind that is built.
pub fn all() -> impl Iterator<Item = &'static SinkKind> {
    sinks::KINDS.iter()
}

/// The kind that the config calls `name`, if it is built.
pub fn find(name: &str) -> Option<&'static SinkKind> {
    all().find(|kind| kind.name == name)
}

/// Every kind that a config may name, in the order in which a receiver with two of them is read.
pub fn names() -> impl Iterator<Item = &'static str> {
    let ours = all().map(|kind| kind.name).filter(|name| !ORDER.contains(name));
    ORDER.into_iter().chain(ours)
}
