//! Carries each lane's events to its receiver: one task a lane, so that a slow one delays nobody.
//!
//! [`Lane::run`] reads rows of the journal after its cursor, has the sink encode them, sends, and tells
//! the journal what became of them. What an answer means for a record is decided in [`delivery`], how
//! long to wait in [`backoff`]; the cursor never passes a row that is neither delivered nor parked.
//!
//! [`delivery`]: self::delivery
//! [`backoff`]: crate::backoff

mod delivery;

mod drain;

mod encoded;

mod lag;

mod rate;

mod rows;

mod settings;

mod status;

mod suspicion;

mod window;

use std::{mem, pin::pin, sync::Arc, time::Duration};

use event::{
    AnySink, Clock, LaneId, SendError, Stop,
    journal::{self, LaneTally, Parked, Progress, Seq},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::backoff::Backoff;
pub use crate::backoff::BackoffSettings;

pub use self::{
    drain::{Left, drained},
    lag::Lag,
    rate::RateLimit,
    rows::Rows,
    settings::LaneSettings,
    status::{Attempts, LaneState, LaneStatus, LaneWatch},
};

use self::{
    delivery::{Attempt, Delivery, End, Settled, Then},
    encoded::Encoded,
    rate::Bucket,
    status::Reporter,
};

/// While rows flow, progress is reported this often; a crash repeats no more than that.
const REPORT_EVERY: Duration = Duration::from_millis(200);

/// A cursor that moves only because other lanes' rows go by is reported this often.
const REPORT_IDLE_EVERY: Duration = Duration::from_secs(5);

/// One receiver and its place in the journal.
#[derive(Debug)]
pub struct Lane<R> {
    id: LaneId,
    sink: AnySink,
    rows: R,
    head: watch::Receiver<Seq>,
    settings: LaneSettings,
    clock: Arc<dyn Clock>,
    delivery: Delivery,
    encoded: Encoded,
    backoff: Backoff,
    bucket: Bucket,
    read_failures: u32,
    unsaved: Unsaved,
    reporter: Reporter,
}

/// What the journal has not been told yet.
#[derive(Debug)]
struct Unsaved {
    tally: LaneTally,
    parked: Vec<Parked>,
    saved_cursor: Seq,
    saved_at: Instant,
}

/// What to do before the next step.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Pause {
    None,
    For(Duration),
    UntilRows,
}

impl Pause {
    /// Whether progress must not wait until it is over.
    fn is_long(self) -> bool {
        match self {
            Self::None => false,
            Self::For(time) => time >= REPORT_EVERY,
            Self::UntilRows => true,
        }
    }
}

impl<R: Rows> Lane<R> {
    /// A lane that goes on where `saved` says; nothing happens before [`Lane::run`].
    pub fn new(
        saved: journal::Lane,
        sink: AnySink,
        rows: R,
        settings: LaneSettings,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let batch_limit = sink.batch_limit().min(settings.batch_rows);
        let seed = clock.now().as_microsecond().unsigned_abs() ^ (u64::from(saved.id.0) << 48);
        let delivery = Delivery::new(saved.cursor, &saved.done_above, batch_limit);
        let mut reporter = Reporter::new(saved.name, sink.kind(), Arc::clone(&clock));
        reporter.moved(&[], delivery.window());
        Self {
            id: saved.id,
            head: rows.head(),
            delivery,
            encoded: Encoded::default(),
            backoff: Backoff::new(settings.backoff, seed),
            bucket: Bucket::new(settings.rate_limit),
            read_failures: 0,
            unsaved: Unsaved {
                tally: LaneTally::default(),
                parked: Vec::new(),
                saved_cursor: saved.cursor,
                saved_at: Instant::now(),
            },
            reporter,
            sink,
            rows,
            settings,
            clock,
        }
    }

    /// A view of this lane for others.
    pub fn watch(&self) -> LaneWatch {
        self.reporter.watch(self.id)
    }

    /// Sends until `stop` fires. Then a request in flight is waited for, progress is reported and the
    /// sink closed; everything else stays in the journal.
    pub async fn run(mut self, stop: Stop) {
        while !stop.has_fired() {
            let pause = self.step(&stop).await;
            self.save_if_due(pause);
            self.rest(pause, &stop).await;
            // A sink that never waits must not keep its thread from the other lanes.
            tokio::task::consume_budget().await;
        }
        self.save();
        if timeout(self.settings.grace, self.sink.close()).await.is_err() {
            let lane = self.reporter.lane();
            tracing::warn!(lane, "receiver did not close in time");
        }
        self.reporter.stopped();
    }

    /// One request: read if nothing is at hand, encode if nothing is ready, send, draw conclusions.
    async fn step(&mut self, stop: &Stop) -> Pause {
        if let Some(pause) = self.refill(stop).await {
            return pause;
        }
        let Some(attempt) = self.delivery.next() else {
            let all_read = self.delivery.window().read_to() >= *self.head.borrow();
            return if all_read { Pause::UntilRows } else { Pause::None };
        };
        let Some(attempt) = self.encode(attempt) else {
            return Pause::None;
        };
        if let Err(wait) = self.bucket.take(Instant::now()) {
            return Pause::For(wait);
        }
        let Some(answer) = self.send(&attempt, stop).await else {
            return Pause::None;
        };
        let decision = self.delivery.answered(&attempt, answer);
        if !decision.settled.is_empty() {
            self.encoded.take();
            self.settled(decision.settled);
        }
        match decision.then {
            Then::GoOn => {
                self.reporter.fine();
                Pause::None
            }
            Then::Retry { failures, asked, reason } => {
                self.reporter.failing(reason);
                Pause::For(self.backoff.delay(failures, asked))
            }
            Then::Blocked { reason } => {
                self.reporter.blocked(reason);
                Pause::For(self.settings.probe_every)
            }
        }
    }

    /// Reads rows if they are wanted. Says how long to wait when that fails and nothing is at hand.
    async fn refill(&mut self, stop: &Stop) -> Option<Pause> {
        let head = *self.head.borrow_and_update();
        let after = self.delivery.window().read_to();
        if head <= after || !self.delivery.wants_rows() {
            return None;
        }
        let (rows, bytes) = (self.settings.batch_rows.max(1), self.settings.batch_bytes);
        let read = tokio::select! {
            biased;
            () = stop.fired() => return Some(Pause::None),
            read = self.rows.read(self.id, after, rows, bytes) => read,
        };
        match read {
            Ok(rows) => {
                self.read_failures = 0;
                if rows.is_empty() {
                    self.delivery.passed_to(head);
                }
                let delivery = &mut self.delivery;
                let unreadable = rows.into_iter().filter_map(|row| delivery.add(row));
                let settled = unreadable.collect();
                self.settled(settled);
                None
            }
            Err(error) => {
                self.read_failures = self.read_failures.saturating_add(1);
                self.reporter.failing(error.to_string());
                (self.delivery.window().waiting() == 0)
                    .then(|| Pause::For(self.backoff.delay(self.read_failures, None)))
            }
        }
    }

    /// Makes a payload ready and cuts the attempt down to it; nothing when records were parked instead.
    fn encode(&mut self, mut attempt: Attempt) -> Option<Attempt> {
        if self.encoded.ready_for(&attempt.seqs).is_none() {
            let window = self.delivery.window();
            let event = |seq: &Seq| Some((*seq, Arc::clone(&window.get(*seq)?.event)));
            let rows: Vec<_> = attempt.seqs.iter().filter_map(event).collect();
            let without = self.encoded.encode(&self.sink, rows);
            if !without.is_empty() {
                let parked = self.delivery.unreadable(without);
                self.settled(parked);
                return None;
            }
        }
        attempt.seqs.clone_from(&self.encoded.ready_for(&attempt.seqs)?.seqs);
        Some(attempt)
    }

    /// Sends the payload of an attempt, once. No answer comes back when the lane's grace is over.
    async fn send(&self, attempt: &Attempt, stop: &Stop) -> Option<Result<(), SendError>> {
        let ready = self.encoded.ready_for(&attempt.seqs)?;
        let began = self.reporter.sending(self.delivery.window().oldest());
        let limit = self.settings.attempt_timeout;
        let mut sending = pin!(timeout(limit, self.sink.send(&ready.payload)));
        let answer = tokio::select! {
            biased;
            answer = &mut sending => answer,
            () = stop.fired() => timeout(self.settings.grace, sending).await.ok()?,
        };
        self.reporter.sent(began, &ready.payload);
        Some(answer.unwrap_or_else(|_| {
            Err(SendError::Unavailable {
                reason: format!("no answer within {limit:?}"),
                retry_after: None,
            })
        }))
    }

    /// Counts records that came to an end, and shows where the lane is now.
    fn settled(&mut self, settled: Vec<Settled>) {
        self.reporter.moved(&settled, self.delivery.window());
        for record in settled {
            match record.end {
                End::Delivered => self.unsaved.tally.delivered += 1,
                End::Parked(cause, reason) => {
                    self.unsaved.tally.parked += 1;
                    self.unsaved.parked.push(Parked {
                        lane: self.id,
                        seq: record.seq,
                        at: self.clock.now(),
                        cause,
                        reason,
                        event: record.event,
                    });
                }
            }
        }
    }

    /// Reports now if the lane is about to wait, or has not reported for a while.
    fn save_if_due(&mut self, pause: Pause) {
        let nothing_ended = self.unsaved.tally == LaneTally::default();
        let due = if nothing_ended {
            self.idle_report_due().is_some_and(|at| at <= Instant::now())
        } else {
            pause.is_long() || self.unsaved.saved_at.elapsed() >= REPORT_EVERY
        };
        if due {
            self.save();
        }
    }

    /// When to report a cursor that moved although nothing was sent.
    fn idle_report_due(&self) -> Option<Instant> {
        let moved = self.delivery.window().cursor() != self.unsaved.saved_cursor;
        moved.then(|| self.unsaved.saved_at + REPORT_IDLE_EVERY)
    }

    fn save(&mut self) {
        let window = self.delivery.window();
        let cursor = window.cursor();
        let tally = mem::take(&mut self.unsaved.tally);
        let parked = mem::take(&mut self.unsaved.parked);
        if tally == LaneTally::default() && cursor == self.unsaved.saved_cursor {
            return;
        }
        let progress = Progress {
            lane: self.id,
            cursor,
            done_above: window.done_above().iter().copied().collect(),
        };
        self.unsaved.saved_cursor = cursor;
        self.unsaved.saved_at = Instant::now();
        self.rows.progress(progress, tally, parked);
    }

    async fn rest(&mut self, pause: Pause, stop: &Stop) {
        let (idle_report_due, linger) = (self.idle_report_due(), self.settings.linger);
        let report = async {
            match idle_report_due {
                Some(at) => sleep_until(at).await,
                None => std::future::pending().await,
            }
        };
        let over = async {
            match pause {
                Pause::None => {}
                Pause::For(time) => sleep(time).await,
                // Without its sender no more rows can come: only the stop is left to wait for.
                Pause::UntilRows if self.head.changed().await.is_ok() => sleep(linger).await,
                Pause::UntilRows => std::future::pending().await,
            }
        };
        tokio::select! {
            () = over => {}
            () = stop.fired() => {}
            () = report, if pause == Pause::UntilRows => self.save(),
        }
    }
}

#[cfg(test)]
mod tests;
