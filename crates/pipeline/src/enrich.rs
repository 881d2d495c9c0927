//! Adds to an event what is known around it: the name of the cluster, and, behind the [`gate`], labels,
//! annotations, owners and deletion of the object that it is about.
//!
//! `watches` and `lookup` fill [`knowledge`], `look` reads it; what nobody asks for is neither watched nor
//! asked for, and what is not known is marked, not guessed ([`event::Enrichment`]).

pub mod answers;
pub mod discovery;
pub mod gate;
mod hold;
pub mod kinds;
pub mod knowledge;
mod look;
pub mod lookup;
pub mod objects;
mod partial;
mod queue;
mod refusals;
pub mod stats;
pub mod watches;

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
