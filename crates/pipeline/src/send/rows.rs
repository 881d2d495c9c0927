//! The lanes' door to the journal.

use std::future::Future;

use event::{
    LaneId,
    journal::{JournalError, LaneTally, NotShown, Parked, Progress, Seq, Stored},
};
use tokio::sync::watch;

use crate::save::Saver;

/// The lanes' door to the journal.
pub trait Rows: Clone + Send + Sync + 'static {
    /// Rows after `after` that `lane` takes, oldest first; none only if there is none up to the head.
    fn read(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> impl Future<Output = Result<Vec<Stored>, JournalError>> + Send;

    /// The newest committed row; changes when there are more.
    fn head(&self) -> watch::Receiver<Seq>;

    /// What became of rows, and what the receiver is to be told of those that were too old. Rides on the next commit; parked rows are durable before the cursor that
    /// passes them.
    fn progress(
        &self,
        progress: Progress,
        tally: LaneTally,
        parked: Vec<Parked>,
        not_shown: Option<NotShown>,
    );

    /// Gives up everything that the lane, which has come as far as `at`, has yet to send, and counts it as
    /// discarded. Says up to which row that is, and how many.
    fn drop_waiting(
        &self,
        at: Progress,
    ) -> impl Future<Output = Result<(Seq, u64), JournalError>> + Send;
}

impl Rows for Saver {
    fn read(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> impl Future<Output = Result<Vec<Stored>, JournalError>> + Send {
        Self::read(self, lane, after, max_rows, max_bytes)
    }

    fn head(&self) -> watch::Receiver<Seq> {
        Self::head(self)
    }

    fn progress(
        &self,
        progress: Progress,
        tally: LaneTally,
        parked: Vec<Parked>,
        not_shown: Option<NotShown>,
    ) {
        self.report(progress, tally, parked, not_shown);
    }

    fn drop_waiting(
        &self,
        at: Progress,
    ) -> impl Future<Output = Result<(Seq, u64), JournalError>> + Send {
        Self::drop_waiting(self, at)
    }
}
