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

mod expiry;

mod gathering;

mod lag;

mod orders;

mod pause;

mod rate;

mod reading;

mod request;

mod rows;

mod settings;

mod status;

mod strand;

mod suspicion;

mod unsaved;

mod window;

use std::sync::Arc;

use event::{
    AnySink, Clock, LaneId, Payload, Stop,
    journal::{self, Progress, Seq},
};
use futures::{StreamExt, stream::FuturesUnordered};
use tokio::{
    sync::watch,
    time::{Instant, sleep_until, timeout},
};

use crate::backoff::Backoff;
pub use crate::backoff::BackoffSettings;

pub use self::{
    drain::{Left, drained},
    gathering::BatchSettings,
    lag::Lag,
    orders::Order,
    rate::RateLimit,
    request::Mandate,
    rows::Rows,
    settings::LaneSettings,
    status::{Attempts, LaneState, LaneStatus, LaneWatch},
};

use self::{
    delivery::{Attempt, Delivery, Settled, Then},
    expiry::Expiry,
    orders::Orders,
    pause::Pause,
    rate::Bucket,
    request::Answer,
    status::Reporter,
    strand::{Strand, Turn},
    unsaved::Unsaved,
    window::Window,
};

/// One receiver and its place in the journal.
#[derive(Debug)]
pub struct Lane<R> {
    id: LaneId,
    sink: AnySink,
    rows: R,
    head: watch::Receiver<Seq>,
    settings: LaneSettings,
    clock: Arc<dyn Clock>,
    strands: Vec<Strand>,
    /// The strands, the one with the oldest row first.
    turns: Vec<usize>,
    /// The rows of all strands, if there are several.
    all: Option<Window>,
    bucket: Bucket,
    /// The strand that found that the receiver refuses us: it alone asks again.
    refused: Option<usize>,
    reading: Backoff,
    read_failures: u32,
    read_again: Option<Instant>,
    unsaved: Unsaved,
    orders: Orders,
    expiry: Expiry,
    reporter: Reporter,
    mandate: Mandate,
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
        let batch_limit = sink.batch_limit().min(settings.batch_rows).min(settings.batch.events);
        let seed = clock.now().as_microsecond().unsigned_abs() ^ (u64::from(saved.id.0) << 48);
        let delivery = || Delivery::new(saved.cursor, &saved.done_above, batch_limit);
        let strands = (seed..).take(settings.concurrency.max(1));
        let strands: Vec<_> =
            strands.map(|seed| Strand::new(delivery(), &settings, seed)).collect();
        let all = (strands.len() > 1).then(|| Window::new(saved.cursor, &saved.done_above));
        let mut reporter = Reporter::new(saved.name, sink.kind(), Arc::clone(&clock));
        reporter.paused(saved.paused);
        reporter.moved(&[], all.as_ref().unwrap_or(strands[0].delivery.window()));
        Self {
            id: saved.id,
            head: rows.head(),
            turns: (0..strands.len()).collect(),
            strands,
            all,
            bucket: Bucket::new(settings.rate_limit),
            refused: None,
            reading: Backoff::new(settings.backoff, seed),
            read_failures: 0,
            read_again: None,
            unsaved: Unsaved::new(saved.cursor),
            orders: Orders::new(saved.paused.is_some()),
            expiry: Expiry::new(
                settings.max_age,
                saved.not_shown,
                Backoff::new(settings.backoff, seed),
            ),
            reporter,
            mandate: Mandate::alone(),
            sink,
            rows,
            settings,
            clock,
        }
    }

    /// A view of this lane for others.
    pub fn watch(&self) -> LaneWatch {
        self.reporter.watch(self.id, self.orders.inbox())
    }

    /// Sends until `stop` fires. Then requests in flight are waited for, progress is reported and the
    /// sink closed; everything else stays in the journal.
    pub async fn run(mut self, stop: Stop) {
        let mut flying = FuturesUnordered::new();
        while !stop.has_fired() {
            let mut pause = Pause::UntilAnswered;
            if flying.is_empty() {
                self.obey(&stop).await;
            }
            let idle = self.take_in(&stop).await;
            if flying.is_empty()
                && let Some(digest) = self.digest()
            {
                flying.push(self.send(None, digest));
            }
            // Where tokens are few, nobody's events wait for ever.
            let oldest = |strand: &usize| self.strands[*strand].delivery.window().cursor();
            self.turns.sort_unstable_by_key(oldest);
            for turn in 0..self.turns.len() {
                let strand = self.turns[turn];
                match self.begin(strand, idle) {
                    Ok((attempt, payload)) => {
                        flying.push(self.send(Some((strand, attempt)), payload));
                    }
                    Err(other) => pause = pause.or(other),
                }
            }
            if self.report_due(pause).is_some_and(|at| at <= Instant::now()) {
                self.save();
            }
            let report = self.report_due(pause);
            tokio::select! {
                biased;
                Some(answer) = flying.next() => self.answered(answer),
                () = stop.fired() => {}
                () = self.orders.come() => {}
                () = pause.over(&mut self.head, self.settings.linger) => {}
                () = sleep_until(report.unwrap_or_else(Instant::now)), if report.is_some() => {
                    self.save();
                }
            }
            // A sink that never waits must not keep its thread from the other lanes.
            tokio::task::consume_budget().await;
        }
        let grace = self.settings.grace;
        let rest = async {
            while let Some(answer) = flying.next().await {
                self.answered(answer);
            }
        };
        drop(timeout(grace, rest).await);
        // What was not answered is given up, and repeated by the next start.
        drop(flying);
        self.save();
        if timeout(grace, self.sink.close()).await.is_err() {
            let lane = self.reporter.lane();
            tracing::warn!(lane, "receiver did not close in time");
        }
        self.reporter.stopped();
    }

    /// The rows of all strands.
    fn window(&self) -> &Window {
        self.all.as_ref().unwrap_or(self.strands[0].delivery.window())
    }

    /// What a strand sends now, or what it waits for; `idle` where it has nothing to send.
    fn begin(&mut self, strand: usize, idle: Pause) -> Result<(Attempt, Arc<Payload>), Pause> {
        if self.orders.hold() {
            return Err(idle);
        }
        if self.mandate.fence.is_closed() || self.refused.is_some_and(|it| it != strand) {
            return Err(Pause::UntilAnswered);
        }
        let now = Instant::now();
        if let Some(pause) = self.digest_first(now) {
            return Err(pause);
        }
        match self.strands[strand].turn(&self.sink, now) {
            Turn::Wait(pause) => Err(pause),
            Turn::Empty => Err(idle),
            Turn::Without(settled) => {
                self.settled(settled);
                Err(Pause::None)
            }
            Turn::Send(attempt, payload) => {
                self.bucket.take(now).map_err(Pause::For)?;
                self.strands[strand].sent();
                Ok((attempt, payload))
            }
        }
    }

    /// Draws the conclusions from an answer.
    fn answered(&mut self, answer: Answer) {
        self.reporter.sent(answer.began, &answer.payload);
        let Some((at, attempt)) = answer.attempt else {
            return self.digest_answered(answer.said);
        };
        let strand = &mut self.strands[at];
        let decision = strand.answered(&attempt, answer.said);
        let now = Instant::now();
        match decision.then {
            Then::GoOn => {
                self.refused = None;
                self.reporter.fine();
            }
            Then::Retry { failures, asked, reason } => {
                self.refused.take_if(|refused| *refused == at);
                let until = now + strand.delay(failures, asked);
                strand.rest(until);
                if asked.is_some() {
                    self.strands.iter_mut().for_each(|strand| strand.rest(until));
                }
                self.reporter.failing(reason);
            }
            Then::Blocked { reason } => {
                self.refused.get_or_insert(at);
                strand.rest(now + self.settings.probe_every);
                self.reporter.blocked(reason);
            }
        }
        self.settled(decision.settled);
    }

    /// Counts records that came to an end, and shows where the lane is now.
    fn settled(&mut self, settled: Vec<Settled>) {
        if let Some(all) = &mut self.all {
            for record in &settled {
                all.settle(record.seq);
            }
        }
        let window = self.all.as_ref().unwrap_or(self.strands[0].delivery.window());
        self.reporter.moved(&settled, window);
        self.unsaved.settled(self.id, settled, self.clock.now());
    }

    /// When to report, if the lane waits as `pause` says.
    fn report_due(&self, pause: Pause) -> Option<Instant> {
        self.unsaved.due(self.window().cursor(), pause)
    }

    fn save(&mut self) {
        let window = self.window();
        let (cursor, done_above) = (window.cursor(), window.done_above().iter().copied().collect());
        if let Some((tally, parked)) = self.unsaved.take(cursor) {
            let progress = Progress { lane: self.id, cursor, done_above };
            self.rows.progress(progress, tally, parked, self.expiry.not_shown());
        }
    }
}

#[cfg(test)]
mod tests;
