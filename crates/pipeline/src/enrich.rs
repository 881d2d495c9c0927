//! Adds to an event what is known around it: so far the name of the cluster.
//!
//! Lookups of the involved object (labels, annotations, owners, deletion) will enter here; until then
//! events say honestly that nobody asked ([`event::Enrichment::None`]).

pub mod kinds;

pub mod objects;

use event::{Event, Text};

/// Adds what is known.
#[derive(Debug, Clone, Default)]
pub struct Enricher {
    /// `clusterName` of the config; empty when not set.
    pub cluster_name: Text,
}

impl Enricher {
    /// Completes `event` in place.
    pub fn enrich(&self, event: &mut Event) {
        event.cluster_name.clone_from(&self.cluster_name);
    }
}
