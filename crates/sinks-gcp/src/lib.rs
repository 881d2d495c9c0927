//! Destinations in Google Cloud, over their REST interfaces. A leaf beside the light sinks.

use event::SinkKind;

/// `pubsub`: messages of a topic.
pub mod pubsub;

/// `bigquery`: rows of a table.
pub mod bigquery;

/// A Google API that is called with a token.
mod api;

/// Rows as `BigQuery` can name them.
mod rows;

/// Every kind of destination in this crate.
pub const KINDS: &[SinkKind] =
    &[SinkKind::of::<pubsub::PubSub>(), SinkKind::of::<bigquery::BigQuery>()];
