//! The ends of a run: where events come from, and where it leaves what it knows.

use std::{path::PathBuf, time::Duration};

use crate::{reloading, shadow::Shadow};

/// Where events come from.
#[derive(Debug)]
pub enum Input {
    /// An API server.
    Cluster {
        /// See [`Access::kubeconfig`](pipeline::collect::client::Access::kubeconfig).
        kubeconfig: Option<PathBuf>,
        /// See [`Access::context`](pipeline::collect::client::Access::context).
        context: Option<String>,
        /// Ask for JSON only.
        json: bool,
        /// Wait for a cluster that does not answer.
        patient: bool,
    },
    /// A file, or standard input as `-`.
    Source {
        /// The file.
        path: PathBuf,
        /// How long everything may take to be sent after the input has ended.
        drain_timeout: Duration,
    },
}

impl Input {
    /// Whether it goes on for ever.
    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster { .. })
    }
}

/// Where a run leaves what it knows, and what it would send.
#[derive(Debug)]
pub struct Output {
    /// The folder of the journal.
    pub state: Option<PathBuf>,
    /// Nothing is sent; it is written here instead.
    pub shadow: Option<Shadow>,
    /// Where the config comes from, if it is to be read again.
    pub config: Option<reloading::Config>,
}
