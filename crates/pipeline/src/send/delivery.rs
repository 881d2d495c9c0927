//! What to send next, and what an answer means for each record. Pure: no time, no network.
//!
//! Order is kept as long as the oldest rows pass. What fails three times in a row is cut in half, down
//! to one record; after every third failure one record further on is tried, as a probe: if that passes
//! the receiver is up and the oldest is suspected; if it fails too the receiver is down and nobody is
//! to blame. So a poison record is parked, and an outage parks nothing.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
    time::Duration,
};

use event::{
    Event, SendError,
    journal::{ParkCause, Seq, Stored},
};

use super::{
    encoded::Unencodable,
    suspicion::{Flakiness, Suspect, TRIES},
    window::Window,
};

/// Rows that are held, or saved as done above the cursor, for the sake of one that is stuck. Beyond
/// that a receiver fails so many records that it is down.
const MOST_HELD: usize = 1024;

/// The records of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attempt {
    /// Oldest first.
    pub(super) seqs: Vec<Seq>,
    /// Sent ahead of older rows, to learn whether the receiver is up.
    pub(super) probe: bool,
}

/// The end of a record.
#[derive(Debug, PartialEq)]
pub(super) struct Settled {
    pub(super) seq: Seq,
    pub(super) event: Option<Arc<Event>>,
    pub(super) end: End,
}

#[derive(Debug, PartialEq)]
pub(super) enum End {
    Delivered,
    /// Another replica has sent it.
    Suppressed,
    Parked(ParkCause, String),
    /// It was too old.
    Expired,
}

/// What an answer leads to.
#[derive(Debug, PartialEq)]
pub(super) struct Decision {
    pub(super) settled: Vec<Settled>,
    pub(super) then: Then,
}

#[derive(Debug, PartialEq)]
pub(super) enum Then {
    /// Go on at once.
    GoOn,
    /// Go on after a pause that suits `failures` failures in a row, and not before `asked`.
    Retry { failures: u32, asked: Option<Duration>, reason: String },
    /// The receiver refuses us: the same again, in a minute.
    Blocked { reason: String },
}

impl Decision {
    fn go_on(settled: Vec<Settled>) -> Self {
        Self { settled, then: Then::GoOn }
    }
}

/// A part of the rows, up to `until`, that failed as a whole and is sent in smaller groups.
#[derive(Debug, Clone, Copy)]
struct Cut {
    size: usize,
    until: Seq,
}

/// The decisions of one lane.
#[derive(Debug)]
pub(super) struct Delivery {
    window: Window,
    batch_limit: usize,
    cut: Option<Cut>,
    /// Failures of the oldest group in a row; begins anew when something else was tried.
    failures: u32,
    /// Failures of anything in a row.
    failures_in_all: u32,
    suspect: Option<Suspect>,
    probe_due: bool,
    probed: Seq,
    flakiness: Flakiness,
}

impl Delivery {
    /// `batch_limit` is the most records one request can hold.
    pub(super) fn new(cursor: Seq, done_above: &[Seq], batch_limit: usize) -> Self {
        Self {
            window: Window::new(cursor, done_above),
            batch_limit: batch_limit.max(1),
            cut: None,
            failures: 0,
            failures_in_all: 0,
            suspect: None,
            probe_due: false,
            probed: 0,
            flakiness: Flakiness::default(),
        }
    }

    pub(super) fn window(&self) -> &Window {
        &self.window
    }

    /// Whether there is nothing to send, or nobody to probe with who was not tried before.
    pub(super) fn wants_rows(&self) -> bool {
        let held = self.window.waiting() + self.window.done_above().len();
        let probe = || self.probe_after(self.probed.max(self.window.cursor() + 1));
        self.window.waiting() == 0 || (self.probe_due && held < MOST_HELD && probe().is_none())
    }

    /// Whether more events would make the next request fuller: nothing stands in its way, and it is not full.
    pub(super) fn could_be_fuller(&self) -> bool {
        let troubled = self.failures_in_all > 0
            || self.failures > 0
            || self.cut.is_some()
            || self.suspect.is_some();
        !troubled && self.window.waiting() < self.batch_limit
    }

    /// Takes in a row that was read. One that is unreadable comes back, settled.
    pub(super) fn add(&mut self, row: Stored) -> Option<Settled> {
        let (event, why) = match row.event {
            Ok(event) => (event, None),
            Err(why) => (Arc::default(), Some(why)),
        };
        let new = self.window.add(row.seq, event);
        let why = why.filter(|_| new)?;
        self.window.settle(row.seq);
        Some(Settled { seq: row.seq, event: None, end: End::Parked(ParkCause::Unreadable, why) })
    }

    /// Takes in a row that is not to be sent.
    pub(super) fn leave_out(&mut self, seq: Seq) -> Option<Settled> {
        let new = self.window.add(seq, Arc::default());
        new.then(|| self.settle(seq, End::Suppressed)).map(|it| Settled { event: None, ..it })
    }

    /// Up to `seq` there are no rows that have not been added.
    pub(super) fn passed_to(&mut self, seq: Seq) {
        self.window.passed_to(seq);
    }

    /// The records to send next; nothing when none wait.
    pub(super) fn next(&self) -> Option<Attempt> {
        let seqs = self.oldest();
        let last = *seqs.last()?;
        let further = || self.probe_after(self.probed.max(last));
        let probe =
            (self.probe_due).then(|| further().or_else(|| self.probe_after(last))).flatten();
        Some(Attempt { probe: probe.is_some(), seqs: probe.map_or(seqs, |seq| vec![seq]) })
    }

    /// The first waiting row above `seq` that overtakes no event about the same object. Where so many are held that
    /// none can be read any more, any row will do: a receiver that takes one object's events must not stick for ever.
    fn probe_after(&self, seq: Seq) -> Option<Seq> {
        if self.window.waiting() + self.window.done_above().len() >= MOST_HELD {
            return self.window.next_after(seq);
        }
        let mut older = HashSet::new();
        let rows = self.window.seqs().filter_map(|at| Some((at, self.window.get(at)?)));
        rows.filter(|(_, row)| {
            let object = &row.event.involved.reference;
            let object = (&*object.kind, &*object.namespace, &*object.name);
            object.2.is_empty() || older.insert(object)
        })
        .map(|(at, _)| at)
        .find(|at| *at > seq)
    }

    /// The oldest rows that go together.
    fn oldest(&self) -> Vec<Seq> {
        let asked_again = |seq| self.window.get(seq).is_some_and(|row| row.again >= TRIES);
        let alone = self.suspect.is_some() || self.window.seqs().next().is_some_and(asked_again);
        let cut = self.cut.unwrap_or(Cut { size: self.batch_limit, until: Seq::MAX });
        self.window
            .seqs()
            .take_while(|seq| *seq <= cut.until)
            .take(if alone { 1 } else { cut.size })
            .collect()
    }

    /// The oldest record comes to this end without being sent.
    pub(super) fn end(&mut self, seq: Seq, end: End) -> Settled {
        let settled = self.settle(seq, end);
        self.oldest_settled();
        settled
    }

    /// Nothing up to `cursor` is of any concern, and nothing above it is known.
    pub(super) fn begin_anew(&mut self, cursor: Seq) {
        *self = Self::new(cursor, &[], self.batch_limit);
    }

    /// Records that cannot be encoded.
    pub(super) fn unreadable(&mut self, records: Vec<Unencodable>) -> Vec<Settled> {
        let settled = records.into_iter().map(|Unencodable { seq, reason }| {
            self.settle(seq, End::Parked(ParkCause::Unreadable, reason))
        });
        let settled = settled.collect();
        self.oldest_settled();
        settled
    }

    /// Says what the answer to an attempt leads to.
    pub(super) fn answered(
        &mut self,
        attempt: &Attempt,
        answer: Result<(), SendError>,
    ) -> Decision {
        match answer {
            Ok(()) => self.accepted(attempt),
            Err(SendError::Unavailable { reason, retry_after: None }) => {
                self.failed(attempt, reason)
            }
            Err(SendError::Unavailable { reason, retry_after }) => {
                self.busy(attempt, reason, retry_after)
            }
            Err(SendError::Blocked { reason }) => {
                Decision { settled: Vec::new(), then: Then::Blocked { reason } }
            }
            Err(SendError::Rejected { reason }) => self.rejected(attempt, reason),
            Err(SendError::Partial { failed }) => self.partly(attempt, failed),
        }
    }

    fn accepted(&mut self, attempt: &Attempt) -> Decision {
        self.failures_in_all = 0;
        let mut settled: Vec<_> =
            (attempt.seqs.iter()).map(|seq| self.settle(*seq, End::Delivered)).collect();
        if attempt.probe {
            self.probed_with(attempt, false);
            settled.extend(self.park_the_guilty());
        } else {
            self.note_first_attempt(false);
            self.oldest_settled();
        }
        Decision::go_on(settled)
    }

    fn failed(&mut self, attempt: &Attempt, reason: String) -> Decision {
        if attempt.probe {
            self.probed_with(attempt, true);
        } else {
            self.note_first_attempt(true);
            self.blame_the_oldest(attempt, &reason);
        }
        self.retry(reason, None)
    }

    /// The receiver asks to be left alone: that is nobody's fault.
    fn busy(&mut self, attempt: &Attempt, reason: String, asked: Option<Duration>) -> Decision {
        if attempt.probe {
            self.probed_with(attempt, true);
        }
        self.retry(reason, asked)
    }

    fn retry(&mut self, reason: String, asked: Option<Duration>) -> Decision {
        self.failures_in_all = self.failures_in_all.saturating_add(1);
        Decision {
            settled: Vec::new(),
            then: Then::Retry { failures: self.failures_in_all, asked, reason },
        }
    }

    fn blame_the_oldest(&mut self, attempt: &Attempt, reason: &str) {
        self.failures += 1;
        if let Some(suspect) = &mut self.suspect {
            self.probe_due |= suspect.failed(reason.to_owned());
        }
        if self.failures < TRIES {
            return;
        }
        self.failures = 0;
        self.probe_due = true;
        match attempt.seqs.as_slice() {
            [seq] => {
                let suspect = || Suspect::new(*seq, reason.to_owned());
                self.suspect.get_or_insert_with(suspect);
            }
            group => self.cut(group),
        }
    }

    fn rejected(&mut self, attempt: &Attempt, reason: String) -> Decision {
        self.failures_in_all = 0;
        self.failures = 0;
        let [seq] = attempt.seqs.as_slice() else {
            self.cut(&attempt.seqs);
            return Decision::go_on(Vec::new());
        };
        let settled = self.settle(*seq, End::Parked(ParkCause::Rejected, reason));
        if attempt.probe {
            // It was refused, not taken: another one has to tell.
            self.probed = *seq;
        } else {
            self.oldest_settled();
        }
        Decision::go_on(vec![settled])
    }

    fn partly(&mut self, attempt: &Attempt, failed: Vec<(usize, Option<String>)>) -> Decision {
        let count = attempt.seqs.len();
        let failed: BTreeMap<_, _> = failed.into_iter().filter(|(at, _)| *at < count).collect();
        let again = failed.values().filter(|why| why.is_none()).count();
        let reason = format!("{again} of {count} events are to be sent again");
        if again == count {
            return self.failed(attempt, reason);
        }
        if count == 1 {
            return match failed.into_values().flatten().next() {
                Some(why) => self.rejected(attempt, why),
                None => self.accepted(attempt),
            };
        }
        // It is at work, so the pauses stay short; but it may be busy, so there are some.
        self.failures_in_all = if again == 0 { 0 } else { self.failures_in_all.min(TRIES) };
        let settled = (attempt.seqs.iter().enumerate())
            .filter_map(|(at, seq)| self.item(*seq, failed.get(&at)))
            .collect();
        self.oldest_settled();
        if again == 0 {
            return Decision::go_on(settled);
        }
        let mut decision = self.retry(reason, None);
        decision.settled = settled;
        decision
    }

    /// One record of a payload that was partly accepted.
    fn item(&mut self, seq: Seq, failed: Option<&Option<String>>) -> Option<Settled> {
        let row = self.window.get_mut(seq)?;
        if row.again == 0 {
            self.flakiness.note(failed == Some(&None));
        }
        match failed {
            None => Some(self.settle(seq, End::Delivered)),
            Some(Some(why)) => {
                Some(self.settle(seq, End::Parked(ParkCause::Rejected, why.clone())))
            }
            Some(None) => {
                row.again += 1;
                None
            }
        }
    }

    fn settle(&mut self, seq: Seq, end: End) -> Settled {
        let event = self.window.settle(seq);
        Settled { seq, event, end }
    }

    fn cut(&mut self, group: &[Seq]) {
        self.cut = group.last().map(|until| Cut { size: (group.len() / 2).max(1), until: *until });
    }

    /// The oldest rows have come to an end: the next ones are met without prejudice.
    fn oldest_settled(&mut self) {
        self.failures = 0;
        self.probe_due = false;
        let waits = |seq| self.window.get(seq).is_some();
        self.suspect.take_if(|suspect| !waits(suspect.seq));
        let oldest = self.window.seqs().next();
        self.cut.take_if(|cut| oldest.is_none_or(|oldest| oldest > cut.until));
    }

    fn probed_with(&mut self, attempt: &Attempt, failed: bool) {
        self.flakiness.note(failed);
        self.failures = 0;
        self.probe_due = false;
        self.probed = attempt.seqs.last().copied().unwrap_or(self.probed);
        if let Some(suspect) = &mut self.suspect {
            if failed {
                suspect.neighbour_failed();
            } else {
                suspect.neighbour_passed();
            }
        }
    }

    fn park_the_guilty(&mut self) -> Option<Settled> {
        let guilty = |suspect: &mut Suspect| suspect.is_guilty(&self.flakiness);
        let suspect = self.suspect.take_if(guilty)?;
        let end = End::Parked(ParkCause::Poison, suspect.reason);
        let settled = self.settle(suspect.seq, end);
        self.oldest_settled();
        Some(settled)
    }

    /// Retries of the same rows say nothing about how flaky the receiver is with others.
    fn note_first_attempt(&mut self, failed: bool) {
        if self.failures == 0 && self.cut.is_none() && self.suspect.is_none() {
            self.flakiness.note(failed);
        }
    }
}

#[cfg(test)]
mod tests;
