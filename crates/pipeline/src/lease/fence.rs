//! What keeps a replica that leads no more from sending: a point in time that only a renewal moves on.

use std::sync::Arc;

use event::Clock;
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep_until},
};

/// Tells lanes whether they may send.
#[derive(Debug, Clone)]
pub struct Fence(Option<(watch::Receiver<Until>, Arc<dyn Clock>)>);

/// Moves the fence of one term.
#[derive(Debug)]
pub struct Gate {
    until: watch::Sender<Until>,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Clone, Copy)]
struct Until {
    at: Instant,
    /// The same by the wall clock: the other one stands still while a machine sleeps.
    time: Timestamp,
    /// For good.
    closed: bool,
}

impl Until {
    fn of(at: Instant, clock: &dyn Clock) -> Self {
        Self { at, time: clock.now() + at.saturating_duration_since(Instant::now()), closed: false }
    }

    fn has_passed(&self, clock: &dyn Clock) -> bool {
        self.closed || self.at <= Instant::now() || self.time <= clock.now()
    }
}

impl Gate {
    /// Open until `at`.
    pub fn new(at: Instant, clock: Arc<dyn Clock>) -> Self {
        Self { until: watch::Sender::new(Until::of(at, &*clock)), clock }
    }

    /// The fence that this moves.
    pub fn fence(&self) -> Fence {
        Fence(Some((self.until.subscribe(), Arc::clone(&self.clock))))
    }

    /// Open until `at`, unless it has closed before: that is for good, and then this says no. Whoever has waited at
    /// the fence has gone away.
    pub fn extend(&self, at: Instant) -> bool {
        self.until.send_if_modified(|until| {
            if until.has_passed(&*self.clock) {
                return false;
            }
            *until = Until::of(at, &*self.clock);
            true
        })
    }

    /// Nothing is sent any more, for good.
    pub fn close(&self) {
        self.until.send_modify(|until| until.closed = true);
    }
}

impl Fence {
    /// For who leads in any case.
    pub fn none() -> Self {
        Self(None)
    }

    /// Whether nothing may be sent now.
    pub fn is_closed(&self) -> bool {
        let Self(Some((until, clock))) = self else { return false };
        until.borrow().has_passed(&**clock)
    }

    /// Waits until nothing may be sent any more.
    pub fn closed(&self) -> impl Future<Output = ()> + Send + use<> {
        let watched = self.0.as_ref().map(|(until, clock)| (until.clone(), Arc::clone(clock)));
        async move {
            let Some((mut until, clock)) = watched else { return std::future::pending().await };
            loop {
                let now = *until.borrow_and_update();
                if now.has_passed(&*clock) {
                    return;
                }
                tokio::select! {
                    () = sleep_until(now.at) => {}
                    // Nobody is left who could move it.
                    changed = until.changed() => if changed.is_err() {
                        sleep_until(now.at).await;
                    },
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use event::{ManualClock, SystemClock};

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn a_fence_closes_by_itself_and_a_renewal_moves_it() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let start = Instant::now();
        let gate = Gate::new(start + 10 * SECOND, clock);
        let fence = gate.fence();
        let mut waits = std::pin::pin!(fence.closed());
        assert!(futures::poll!(&mut waits).is_pending());
        tokio::time::advance(9 * SECOND).await;
        assert!(!fence.is_closed());
        assert!(gate.extend(start + 19 * SECOND));
        tokio::time::advance(9 * SECOND).await;
        assert!(!fence.is_closed() && futures::poll!(&mut waits).is_pending());
        tokio::time::advance(SECOND).await;
        assert!(fence.is_closed());
        waits.await;
        assert_eq!(Instant::now(), start + 19 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_closed_stays_closed() {
        let gate = Gate::new(Instant::now() + 10 * SECOND, Arc::new(SystemClock));
        let fence = gate.fence();
        gate.close();
        assert!(!gate.extend(Instant::now() + 60 * SECOND));
        assert!(fence.is_closed());
        fence.closed().await;
        assert!(!Fence::none().is_closed());
    }

    #[tokio::test(start_paused = true)]
    async fn a_machine_that_slept_is_found_out_by_the_wall_clock() {
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let gate = Gate::new(Instant::now() + 10 * SECOND, Arc::clone(&clock) as Arc<dyn Clock>);
        let fence = gate.fence();
        assert!(!fence.is_closed());
        clock.advance(60 * SECOND);
        assert!(fence.is_closed());
    }
}
