//! What the journal has not been told yet.

use std::time::Duration;

use event::{
    LaneId,
    journal::{LaneTally, Parked, Seq},
};
use jiff::Timestamp;
use tokio::time::Instant;

use super::{
    delivery::{End, Settled},
    pause::Pause,
};

/// While rows flow, progress is reported this often; a crash repeats no more than that.
pub(super) const REPORT_EVERY: Duration = Duration::from_millis(200);

/// A cursor that moves only because other lanes' rows go by is reported this often.
pub(super) const REPORT_IDLE_EVERY: Duration = Duration::from_secs(5);

/// What the journal has not been told yet.
#[derive(Debug)]
pub(super) struct Unsaved {
    tally: LaneTally,
    parked: Vec<Parked>,
    cursor: Seq,
    at: Instant,
    /// There is something else to tell.
    changed: bool,
}

impl Unsaved {
    /// Nothing; the journal has `cursor`.
    pub(super) fn new(cursor: Seq) -> Self {
        let (tally, parked) = (LaneTally::default(), Vec::new());
        Self { tally, parked, cursor, at: Instant::now(), changed: false }
    }

    /// Counts records of `lane` that came to an end.
    pub(super) fn settled(&mut self, lane: LaneId, settled: Vec<Settled>, at: Timestamp) {
        for Settled { seq, event, end } in settled {
            match end {
                End::Delivered => self.tally.delivered += 1,
                End::Expired => self.tally.expired += 1,
                End::Suppressed => self.tally.suppressed += 1,
                End::Parked(cause, reason) => {
                    self.tally.parked += 1;
                    self.parked.push(Parked { lane, seq, at, cause, reason, event });
                }
            }
        }
    }

    /// What the receiver is to be told has changed.
    pub(super) fn changed(&mut self) {
        self.changed = true;
    }

    /// When to report, now that the lane is at `cursor`; at once if it is about to wait.
    pub(super) fn due(&self, cursor: Seq, pause: Pause) -> Option<Instant> {
        if self.tally == LaneTally::default() && !self.changed {
            return (cursor != self.cursor).then(|| self.at + REPORT_IDLE_EVERY);
        }
        Some(if pause.is_long() { self.at } else { self.at + REPORT_EVERY })
    }

    /// Gives what is to be reported, if the lane at `cursor` has anything to report.
    pub(super) fn take(&mut self, cursor: Seq) -> Option<(LaneTally, Vec<Parked>)> {
        if self.tally == LaneTally::default() && cursor == self.cursor && !self.changed {
            return None;
        }
        self.changed = false;
        (self.cursor, self.at) = (cursor, Instant::now());
        Some((std::mem::take(&mut self.tally), std::mem::take(&mut self.parked)))
    }
}
