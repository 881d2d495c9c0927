//! One stretch of time in which this process collects and sends: all of its life, or while it leads.

use std::{
    collections::HashMap,
    sync::{Arc, OnceLock},
    time::Duration,
};

use event::{
    Stop, Text,
    journal::{Lane, Seq},
};
use pipeline::{
    lease::{Account, Fence, Floor, Gate, Progress, Resume, Won},
    send::Mandate,
};

/// How long lanes may empty themselves after a stop.
const GRACE: Duration = Duration::from_secs(20);

/// The same where another replica takes over what is left, and how long its requests under way may take then.
const SHORT_GRACE: Duration = Duration::from_secs(1);

/// See the module.
pub(crate) struct Term {
    /// Fires when it is over.
    pub(crate) stop: Stop,
    /// Fires when the process is to end.
    pub(crate) process: Stop,
    /// Closed, nothing is sent.
    pub(crate) fence: Fence,
    gate: Option<Arc<Gate>>,
    /// What the last leader has written down.
    pub(crate) left: Option<Progress>,
    /// Whether others wait to take over.
    pub(crate) standby: Standby,
}

/// Whether others wait to take over.
pub(crate) enum Standby {
    /// Nobody.
    None,
    /// Somebody, who is told how far we have come.
    Of(Arc<OnceLock<Account>>),
}

/// Until when lanes may send, and what another replica has sent to each receiver.
pub(crate) struct Mandates {
    fence: Fence,
    floors: HashMap<Text, Floor>,
    upto: Seq,
}

impl Mandates {
    /// Of the lanes of a term, which go on as `resume` says after the row `upto`.
    pub(crate) fn new(term: &Term, resume: &Resume, lanes: &[Lane], upto: Seq) -> Self {
        let floors = lanes.iter().enumerate();
        let floors = floors.map(|(at, lane)| (lane.name.clone(), resume.floor(at))).collect();
        Self { fence: term.fence.clone(), floors, upto }
    }

    /// Of the lane of one receiver.
    pub(crate) fn of(&self, receiver: &str) -> Mandate {
        let floor = self.floors.get(receiver).cloned().unwrap_or_default();
        Mandate { fence: self.fence.clone(), floor, upto: self.upto }
    }
}

impl Term {
    /// All of the life of a process that is alone.
    pub(crate) fn alone(process: &Stop) -> Self {
        Self {
            stop: process.clone(),
            process: process.clone(),
            fence: Fence::none(),
            gate: None,
            left: None,
            standby: Standby::None,
        }
    }

    /// As long as the Lease is held.
    pub(crate) fn won(won: &Won, account: &Arc<OnceLock<Account>>, process: &Stop) -> Self {
        let left = won.progress.as_deref().map(Progress::read).and_then(|left| {
            let told = left.map_err(|why| {
                tracing::error!("what the last leader has written down cannot be read: {why}; going on from the own state");
            });
            told.ok()
        });
        Self {
            stop: process.child(),
            process: process.clone(),
            fence: won.gate.fence(),
            gate: Some(Arc::clone(&won.gate)),
            left,
            standby: Standby::Of(Arc::clone(account)),
        }
    }

    /// How long lanes may empty themselves now.
    pub(crate) fn grace(&self) -> Duration {
        match self.standby {
            _ if self.fence.is_closed() => Duration::ZERO,
            Standby::None => GRACE,
            Standby::Of(_) => SHORT_GRACE,
        }
    }

    /// Waits for what is under way; where another replica takes over, not for long.
    pub(crate) async fn last(&self, ended: impl Future<Output = ()>) {
        let mut ended = std::pin::pin!(ended);
        if let Some(gate) = &self.gate {
            if tokio::time::timeout(SHORT_GRACE, &mut ended).await.is_ok() {
                return;
            }
            gate.close();
        }
        ended.await;
    }

    /// Whether it ends because another leads, or may.
    pub(crate) fn is_lost(&self) -> bool {
        self.stop.has_fired() && !self.process.has_fired()
    }
}
