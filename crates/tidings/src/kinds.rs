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
pub const EMPTY: [&str; 1] = ["sms"];

/// Kinds that are in a leaf, by the feature of this crate that builds it in.
const LEAVES: [(&str, &[&str]); 3] = [
    ("kafka", &["kafka"]),
    ("aws", &["kinesis", "firehose", "sqs", "sns", "eventbridge", "opscenter", "cloudwatch"]),
    ("gcp", &["pubsub", "bigquery"]),
];

/// Every kind that is built in.
pub fn all() -> impl Iterator<Item = &'static SinkKind> {
    let kinds = sinks::KINDS.iter();
    #[cfg(feature = "kafka")]
    let kinds = kinds.chain(sinks_kafka::KINDS);
    #[cfg(feature = "aws")]
    let kinds = kinds.chain(sinks_aws::KINDS);
    #[cfg(feature = "gcp")]
    let kinds = kinds.chain(sinks_gcp::KINDS);
    kinds
}

/// The feature that would have built in the kind `name`, if this build has it not.
pub fn left_out(name: &str) -> Option<&'static str> {
    let leaf = LEAVES.iter().find(|(_, kinds)| kinds.contains(&name));
    leaf.map(|(feature, _)| *feature).filter(|_| find(name).is_none())
}

/// The kind that the config calls `name`, if it is built.
pub fn find(name: &str) -> Option<&'static SinkKind> {
    all().find(|kind| kind.name == name)
}

/// Every kind that a config may name, in the order in which a receiver with two of them is read.
pub fn names() -> impl Iterator<Item = &'static str> {
    let built = all().map(|kind| kind.name);
    let leaves = LEAVES.iter().flat_map(|(_, kinds)| kinds.iter().copied());
    let left_out = leaves.filter(|name| left_out(name).is_some());
    let ours = built.chain(left_out).filter(|name| !ORDER.contains(name));
    ORDER.into_iter().chain(ours)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kind_of_a_leaf_is_known_whether_it_is_built_in_or_not() {
        for (feature, kinds) in LEAVES {
            for kind in kinds {
                assert_eq!(names().filter(|name| name == kind).count(), 1, "{kind}");
                let missing = left_out(kind);
                assert_eq!(missing, find(kind).is_none().then_some(feature), "{kind}");
            }
        }
        assert_eq!(left_out("stdout"), None);
    }
}
