//! What people ask of a lane: to stop, to go on, to pass over what stands in its way.
//!
//! An order is obeyed when no request is under way, and none begins while one waits: so no event is both
//! taken by the receiver and counted as something else.

use std::collections::VecDeque;

use event::{
    Stop,
    journal::{JournalError, ParkCause, Progress},
};
use jiff::Timestamp;
use tokio::sync::{mpsc, oneshot};

use super::{
    Lane, LaneState, Rows,
    delivery::{End, Settled},
    unsaved::Unsaved,
    window::Window,
};

/// What a lane is asked to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// Send nothing; what comes in waits. The journal has been told since when.
    Pause(Timestamp),
    /// Go on, at once: nor wait for the end of a pause between two attempts.
    Resume,
    /// Park the oldest events that wait, so many.
    Skip(u64),
    /// Give up everything that waits.
    Drop,
}

/// An order, and who waits for its end.
#[derive(Debug)]
pub(super) struct Given {
    order: Order,
    answer: oneshot::Sender<Result<u64, JournalError>>,
}

/// Where orders come in.
pub(super) type Inbox = mpsc::UnboundedSender<Given>;

/// The orders of a lane.
#[derive(Debug)]
pub(super) struct Orders {
    inbox: Inbox,
    coming: mpsc::UnboundedReceiver<Given>,
    waiting: VecDeque<Given>,
    paused: bool,
}

impl Orders {
    pub(super) fn new(paused: bool) -> Self {
        let (inbox, coming) = mpsc::unbounded_channel();
        Self { inbox, coming, waiting: VecDeque::new(), paused }
    }

    /// For those who give them.
    pub(super) fn inbox(&self) -> Inbox {
        self.inbox.clone()
    }

    /// Whether nothing is to be sent now.
    pub(super) fn hold(&self) -> bool {
        self.paused || !self.waiting.is_empty()
    }

    /// Waits for an order.
    pub(super) async fn come(&mut self) {
        match self.coming.recv().await {
            Some(given) => self.waiting.push_back(given),
            // Not while this holds a sender.
            None => std::future::pending().await,
        }
    }
}

/// Gives an order; says of how many events it was, once it is obeyed.
pub(super) async fn give(inbox: &Inbox, order: Order) -> Result<u64, JournalError> {
    let ended = || JournalError::Io("its lane has ended".into());
    let (answer, answered) = oneshot::channel();
    inbox.send(Given { order, answer }).map_err(|_| ended())?;
    answered.await.map_err(|_| ended())?
}

impl<R: Rows> Lane<R> {
    /// Does what was ordered. No request is under way.
    pub(super) async fn obey(&mut self, stop: &Stop) {
        while let Some(Given { order, answer }) = self.orders.waiting.pop_front() {
            let done = match order {
                Order::Pause(since) => {
                    self.orders.paused = true;
                    self.reporter.paused(Some(since));
                    Ok(0)
                }
                Order::Resume => {
                    self.orders.paused = false;
                    self.reporter.paused(None);
                    self.wake();
                    Ok(0)
                }
                Order::Skip(events) => Ok(self.skip(events, stop).await),
                Order::Drop => self.drop_waiting().await,
            };
            // Who no longer waits needs no answer.
            drop(answer.send(done));
        }
    }

    /// Tries again at once.
    fn wake(&mut self) {
        self.read_again = None;
        self.expiry.wake();
        self.strands.iter_mut().for_each(super::strand::Strand::wake);
    }

    /// Parks the oldest records that wait.
    async fn skip(&mut self, events: u64, stop: &Stop) -> u64 {
        let said = match self.reporter.state() {
            LaneState::Retrying { reason, .. } | LaneState::Blocked { reason, .. } => {
                format!("; the receiver had said: {reason}")
            }
            LaneState::Ok | LaneState::Stopped => String::new(),
        };
        let reason = format!("skipped by `tidings lanes skip`{said}");
        let mut skipped = 0;
        while skipped < events {
            if self.window().waiting() == 0 {
                let head = *self.head.borrow();
                if self.window().read_to() >= head {
                    break;
                }
                self.refill(stop).await;
            }
            let oldest = |at: usize| Some((self.strands[at].delivery.window().seqs().next()?, at));
            let Some((seq, strand)) = (0..self.strands.len()).filter_map(oldest).min() else {
                break;
            };
            let end = End::Parked(ParkCause::Skipped, reason.clone());
            let settled: Settled = self.strands[strand].delivery.end(seq, end);
            self.settled(vec![settled]);
            skipped += 1;
        }
        self.wake();
        self.save();
        skipped
    }

    /// Gives up everything that waits.
    async fn drop_waiting(&mut self) -> Result<u64, JournalError> {
        self.save();
        let window = self.window();
        let (cursor, done_above) = (window.cursor(), window.done_above().iter().copied().collect());
        let (upto, dropped) =
            self.rows.drop_waiting(Progress { lane: self.id, cursor, done_above }).await?;
        self.strands.iter_mut().for_each(|strand| strand.begin_anew(upto));
        if let Some(all) = &mut self.all {
            *all = Window::new(upto, &[]);
        }
        self.unsaved = Unsaved::new(upto);
        self.settled(Vec::new());
        self.wake();
        let lane = self.reporter.lane();
        tracing::warn!(lane, events = dropped, "dropped by `tidings lanes drop`");
        Ok(dropped)
    }
}
