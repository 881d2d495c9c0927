//! Taking rows in: those that a lane has yet to send are read from the journal when it has use for them,
//! and dealt to its strands.

use event::{Stop, journal, journal::Seq};
use std::sync::Arc;
use tokio::time::Instant;

use super::{
    Lane, Rows,
    pause::Pause,
    strand::{self, Strand},
};

/// Rows that a lane of several strands holds at most, or remembers as done above its cursor.
pub(super) const MOST_HELD: usize = 4096;

impl<R: Rows> Lane<R> {
    /// Reads rows if they are wanted, and says what a strand without any waits for.
    pub(super) async fn refill(&mut self, stop: &Stop) -> Pause {
        let head = *self.head.borrow_and_update();
        let (window, after) = (self.window(), self.window().read_to());
        if head <= after {
            return Pause::UntilRows;
        }
        let full = self.all.is_some() && window.waiting() + window.done_above().len() >= MOST_HELD;
        if full || !self.strands.iter().any(Strand::wants_rows) {
            return Pause::UntilAnswered;
        }
        let now = Instant::now();
        if let Some(at) = self.read_again.filter(|at| *at > now) {
            return Pause::For(at - now);
        }
        let (rows, bytes) = (self.settings.batch_rows.max(1), self.settings.batch_bytes);
        let read = tokio::select! {
            biased;
            () = stop.fired() => return Pause::None,
            read = self.rows.read(self.id, after, rows, bytes) => read,
        };
        match read {
            Ok(rows) => {
                self.read_failures = 0;
                let last = rows.last().map_or(head, |row| row.seq);
                self.deal(rows, last);
                if last >= head { Pause::UntilRows } else { Pause::None }
            }
            Err(error) => {
                self.read_failures = self.read_failures.saturating_add(1);
                self.reporter.failing(error.to_string());
                let delay = self.reading.delay(self.read_failures, None);
                self.read_again = Some(now + delay);
                Pause::For(delay)
            }
        }
    }

    /// Gives each strand the rows of its objects; there are no others up to `last`.
    fn deal(&mut self, rows: Vec<journal::Stored>, last: Seq) {
        let (count, mut settled) = (self.strands.len(), Vec::new());
        for row in rows {
            let event = row.event.as_ref().map(Arc::clone).unwrap_or_default();
            if let Some(all) = &mut self.all {
                all.add(row.seq, Arc::clone(&event));
            }
            let delivery = &mut self.strands[strand::of(&event, count)].delivery;
            let left_out = row.seq <= self.mandate.upto && self.mandate.floor.has(&event);
            settled.extend(if left_out { delivery.leave_out(row.seq) } else { delivery.add(row) });
        }
        for strand in &mut self.strands {
            strand.delivery.passed_to(last);
        }
        if let Some(all) = &mut self.all {
            all.passed_to(last);
        }
        self.expiry.dealt();
        self.settled(settled);
    }
}
