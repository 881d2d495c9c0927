//! Does what is asked, in the process that owns the journal.

mod lanes;

mod parked;

mod replay;

use std::sync::Arc;

use anyhow::bail;
use event::{Clock, journal::Lane};
use pipeline::{save::Saver, send::LaneWatch};
use serde_json::Value;
use tokio::sync::{mpsc, watch};

use super::protocol::Request;

/// Rows that are read at a time, and bytes of them.
const ROWS: usize = 500;
const BYTES: usize = 4 << 20;

/// Takes items; when nobody does any more, the rest is not worth making.
pub(super) type Items = mpsc::Sender<Value>;

/// The journal, and the lanes that run.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    saver: Saver,
    running: watch::Receiver<Vec<LaneWatch>>,
    clock: Arc<dyn Clock>,
}

impl Desk {
    /// A desk of a process in which these lanes run.
    pub(crate) fn new(
        saver: Saver,
        running: watch::Receiver<Vec<LaneWatch>>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self { saver, running, clock }
    }

    /// Does what is asked, and says what was done.
    pub(super) async fn answer(&self, request: Request, items: Items) -> anyhow::Result<Value> {
        match request {
            Request::Lanes => self.list(items).await,
            Request::Pause { receiver } => self.pause(&receiver).await,
            Request::Resume { receiver } => self.resume(&receiver).await,
            Request::Skip { receiver, events } => self.skip(&receiver, events).await,
            Request::Drop { receiver } => self.drop_waiting(&receiver).await,
            Request::Parked { which, whole } => self.parked(&which, whole, items).await,
            Request::Retry { which } => self.retry(&which).await,
            Request::Discard { which } => self.discard(&which).await,
            Request::Replay { receiver, since, until } => {
                self.replay(&receiver, since, until).await
            }
        }
    }

    /// Every lane, with all that was done until now.
    async fn lanes(&self) -> anyhow::Result<Vec<Lane>> {
        let ledger = self.saver.ledger().await?;
        Ok(ledger.lanes.into_iter().map(|(lane, _)| lane).collect())
    }

    /// The lane of this receiver of the config.
    async fn lane(&self, receiver: &str) -> anyhow::Result<Lane> {
        let mut lanes = self.lanes().await?;
        lanes.retain(|lane| lane.orphaned.is_none());
        match lanes.iter().find(|lane| lane.name == receiver) {
            Some(lane) => Ok(lane.clone()),
            None if lanes.is_empty() => bail!("no receiver `{receiver}`; there is none"),
            None => {
                let names: Vec<_> = lanes.iter().map(|lane| format!("`{}`", lane.name)).collect();
                bail!("no receiver `{receiver}`; there are {}", names.join(", "))
            }
        }
    }

    fn running(&self, lane: &Lane) -> Option<LaneWatch> {
        self.running.borrow().iter().find(|watch| watch.lane() == lane.id).cloned()
    }
}
