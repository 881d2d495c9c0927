//! What the thread of the journal does when there is too much in it.

use std::time::{Duration, Instant};

use event::{
    Journal, LaneId,
    journal::{JournalError, Need, Seq, Shed},
};
use jiff::{SignedDuration, Timestamp};

use super::writer::{Desk, lock};

/// How much a journal may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    /// Bytes of rows, parked rows, snapshots and log together.
    pub bytes: u64,
    /// Bytes of parked rows alone.
    pub parked_bytes: u64,
    /// How long parked rows are kept.
    pub parked_age: Duration,
}

impl Budget {
    /// That of a large volume.
    pub const fn usual() -> Self {
        Self {
            bytes: 10 << 30,
            parked_bytes: 1 << 30,
            parked_age: Duration::from_secs(30 * 24 * 3600),
        }
    }
}

impl Default for Budget {
    fn default() -> Self {
        Self::usual()
    }
}

/// Dropping goes so far below the limit, as a part of it, that it is not needed at each commit.
const SLACK: u64 = 64;

/// From this part of the limit on, rows that nobody waits for are looked for among the others.
const SWEEP_FROM: u64 = 2;

/// A search through all rows is worth it again when so much of the limit came in since the last one.
const SWEEP_AGAIN: u64 = 8;

/// About what a row takes, in bytes.
const ROW: u64 = 300;

/// Transactions between two commits.
const STEPS: usize = 16;

/// Keeps the journal below its limit.
#[derive(Debug)]
pub(super) struct Pressure {
    budget: Budget,
    /// Where the search goes on; nothing when none is under way.
    sweep: Option<Seq>,
    /// Rows since the last one began.
    appended: u64,
}

/// What came of it.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Relief {
    /// Events that were dropped.
    pub(super) dropped: u64,
    /// Nothing may be appended before this lane has moved.
    pub(super) held: Option<LaneId>,
}

impl Pressure {
    pub(super) fn new(budget: Budget) -> Self {
        Self { budget, sweep: Some(0), appended: 0 }
    }

    /// Removes parked rows that are too many or too old.
    pub(super) fn discard(
        &self,
        journal: &mut dyn Journal,
        now: Timestamp,
    ) -> Result<(), JournalError> {
        let age = SignedDuration::try_from(self.budget.parked_age).unwrap_or(SignedDuration::MAX);
        let before = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        let discarded = journal.discard_parked(self.budget.parked_bytes, before)?;
        if discarded > 0 {
            tracing::warn!(discarded, "parked events were given up: they were too many or too old");
        }
        Ok(())
    }

    /// Makes room if there is too much, in a bounded number of steps.
    pub(super) fn relieve(
        &mut self,
        journal: &mut dyn Journal,
        desk: &Desk,
        now: Timestamp,
    ) -> Result<Relief, JournalError> {
        let limit = self.budget.bytes;
        let mut relief = Relief::default();
        for _ in 0..STEPS {
            let size = journal.size()?;
            let swept = size >= limit / SWEEP_FROM && self.sweep(journal)?;
            if size <= limit {
                break;
            }
            if swept {
                continue;
            }
            if journal.trim(now)?.rows > 0 {
                continue;
            }
            let (upto, handed) = lock(&desk.tail).held();
            let patient = lock(&desk.patient).clone();
            let bytes = size - limit + limit / SLACK;
            match journal.shed(&Need { bytes, upto, handed, patient })? {
                Shed::Dropped { rows, .. } => relief.dropped += rows,
                Shed::Held(lane) => {
                    relief.held = Some(lane);
                    break;
                }
                Shed::Nothing => break,
            }
        }
        Ok(relief)
    }

    /// Does a part of the search for rows that nobody waits for; says whether there was one to do.
    fn sweep(&mut self, journal: &mut dyn Journal) -> Result<bool, JournalError> {
        if self.sweep.is_none() && self.appended >= self.budget.bytes / SWEEP_AGAIN / ROW {
            self.sweep = Some(0);
        }
        let Some(after) = self.sweep else { return Ok(false) };
        if after == 0 {
            self.appended = 0;
        }
        self.sweep = journal.sweep(after)?.next;
        Ok(true)
    }

    /// Notes that rows were appended.
    pub(super) fn appended(&mut self, rows: usize) {
        self.appended = self.appended.saturating_add(rows as u64);
    }
}

/// How many rows come in a second, over the last five to ten minutes.
#[derive(Debug)]
pub(super) struct Rate {
    since: Instant,
    rows: u64,
    /// The stretch before, and how long it was.
    before: (u64, Duration),
}

/// How long a stretch is.
const STRETCH: Duration = Duration::from_secs(300);

impl Rate {
    pub(super) fn new(now: Instant) -> Self {
        Self { since: now, rows: 0, before: (0, Duration::ZERO) }
    }

    /// Notes that rows came in.
    pub(super) fn add(&mut self, rows: usize, now: Instant) {
        let passed = now.saturating_duration_since(self.since);
        if passed >= STRETCH {
            *self = Self { since: now, rows: 0, before: (self.rows, passed) };
        }
        self.rows += rows as u64;
    }

    /// Rows a second; 0 in the first second.
    #[expect(clippy::cast_precision_loss, reason = "a rate for people")]
    pub(super) fn per_second(&self, now: Instant) -> f64 {
        let passed = now.saturating_duration_since(self.since) + self.before.1;
        if passed < Duration::from_secs(1) {
            return 0.0;
        }
        (self.rows + self.before.0) as f64 / passed.as_secs_f64()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_that_of_the_last_minutes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(start);
        assert!(rate.per_second(start).abs() < 0.01);
        for second in 0..600 {
            rate.add(10, at(second));
        }
        assert!((rate.per_second(at(600)) - 10.0).abs() < 0.1);
        for second in 600..1500 {
            rate.add(50, at(second));
        }
        assert!((rate.per_second(at(1500)) - 50.0).abs() < 0.2);
    }
}
