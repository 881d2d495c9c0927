//! Long-running work with a name, a span and somebody who waits for it.

use std::{future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::Instrument;

/// Says when to stop. Clones fire together; [`Stop::child`] can fire alone.
#[derive(Debug, Clone, Default)]
pub struct Stop(CancellationToken);

impl Stop {
    /// A stop that has not fired.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks everybody who holds a clone to stop.
    pub fn fire(&self) {
        self.0.cancel();
    }

    /// Waits until it fires.
    pub async fn fired(&self) {
        self.0.cancelled().await;
    }

    /// Whether it has fired.
    pub fn has_fired(&self) -> bool {
        self.0.is_cancelled()
    }

    /// A stop that fires with this one, or earlier by itself.
    #[must_use]
    pub fn child(&self) -> Self {
        Self(self.0.child_token())
    }
}

/// Starts tasks and waits for them.
///
/// A panic in a task is our bug: it is logged with the task's name and fires the stop, so that the
/// process ends in order instead of running on with a part missing.
#[derive(Debug, Clone)]
pub struct Tasks {
    tracker: TaskTracker,
    stop: Stop,
}

impl Tasks {
    /// No tasks yet; `stop` fires when one of them panics.
    pub fn new(stop: Stop) -> Self {
        Self { tracker: TaskTracker::new(), stop }
    }

    /// Starts `work` under the name `name`.
    pub fn spawn(&self, name: &'static str, work: impl Future<Output = ()> + Send + 'static) {
        let stop = self.stop.clone();
        let guarded = async move {
            if AssertUnwindSafe(work).catch_unwind().await.is_err() {
                tracing::error!(task = name, "task panicked; stopping");
                stop.fire();
            }
        };
        self.tracker.spawn(guarded.instrument(tracing::info_span!("task", name)));
    }

    /// Waits until every task has ended. Tasks can still be started meanwhile.
    pub async fn ended(&self) {
        self.tracker.close();
        self.tracker.wait().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_stops_the_others_and_everybody_is_waited_for() {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let waiter = stop.child();
        tasks.spawn("waits", async move { waiter.fired().await });
        tasks.spawn("panics", async { panic!("on purpose") });
        tasks.ended().await;
        assert!(stop.has_fired());
    }

    #[test]
    fn a_child_stop_can_fire_alone() {
        let stop = Stop::new();
        let child = stop.child();
        child.fire();
        assert!(child.has_fired() && !stop.has_fired());
    }
}
