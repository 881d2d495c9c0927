//! Destinations in AWS. A leaf beside the light sinks: to find out who we are, in every way that AWS knows, takes much code.
//!
//! What a request holds is in one file for each kind; [`account`] signs and sends it, [`refusal`] says what an error means.

use event::SinkKind;

/// `kinesis`: records of a data stream.
pub mod kinesis;

/// `firehose`: records of a delivery stream.
pub mod firehose;

/// `sqs`: messages in a queue.
pub mod sqs;

/// `sns`: notifications of a topic.
pub mod sns;

/// `eventbridge`: entries on a bus.
pub mod eventbridge;

/// `opscenter`: items of Systems Manager's `OpsCenter`.
pub mod opscenter;

/// `cloudwatch`: lines of a log stream.
pub mod cloudwatch;

/// The keys that every kind has: where, and as whom.
pub mod regional;

/// A service of AWS in one region, for one account.
mod account;

/// Who we are.
mod identity;

/// What an error of AWS means to a lane.
mod refusal;

/// Requests that hold a list of entries.
mod entries;

/// Order and repeats, where a queue or a topic keeps them.
mod fifo;

/// Every kind of destination in this crate.
pub const KINDS: &[SinkKind] = &[
    SinkKind::of::<kinesis::Kinesis>(),
    SinkKind::of::<firehose::Firehose>(),
    SinkKind::of::<sqs::Sqs>(),
    SinkKind::of::<sns::Sns>(),
    SinkKind::of::<eventbridge::EventBridge>(),
    SinkKind::of::<opscenter::OpsCenter>(),
    SinkKind::of::<cloudwatch::CloudWatch>(),
];
