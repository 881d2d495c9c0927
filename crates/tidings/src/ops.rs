//! What operators and machines look at: metrics, health, readiness. The only routes of this crate.

mod families;

mod health;

mod legacy;

mod metrics;

mod server;

use std::sync::Arc;

use event::{Stop, Text};
use pipeline::{
    collect::{Status, client::Client},
    counts::CountsWatch,
    save::{Saver, StateFolder},
    send::LaneWatch,
};
use tokio::sync::watch;

pub use self::server::Address;
pub(crate) use self::server::serve;

/// Everything that is looked at.
#[derive(Clone)]
pub(crate) struct Sources {
    pub(crate) saver: Saver,
    pub(crate) lanes: Vec<LaneWatch>,
    /// Of each scope that is followed: its namespace, empty for all, and what its collector does.
    pub(crate) scopes: Vec<(Text, watch::Receiver<Status>)>,
    pub(crate) counts: CountsWatch,
    pub(crate) client: Client,
    /// Where the state is; in memory when nowhere.
    pub(crate) folder: Option<Arc<StateFolder>>,
    /// See [`Served::legacy`].
    pub(crate) legacy: Option<String>,
    /// Fires when the process is asked to stop: not ready from then on.
    pub(crate) stop: Stop,
}

/// What is served, and where.
#[derive(Debug, Clone)]
pub struct Served {
    /// Where.
    pub address: Address,
    /// What the names of kubernetes-event-exporter's metrics begin with, where they are served too.
    pub legacy: Option<String>,
}
