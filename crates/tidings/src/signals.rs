//! Signals of the system: the first asks to stop, the second ends at once.

use event::{Stop, Tasks};
use tokio::signal::unix::{SignalKind, signal};

use crate::exit::Failure;

/// A stop that fires on SIGTERM or SIGINT. On the second signal the process ends with 1.
pub(crate) fn stop(tasks: &Tasks, stop: &Stop) -> Result<(), Failure> {
    let mut terminate = signal(SignalKind::terminate()).map_err(Failure::start)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Failure::start)?;
    let stop = stop.clone();
    tasks.spawn("signals", async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::info!("stopping; a second signal ends at once");
        stop.fire();
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
        tracing::warn!("second signal: ended with work undone; it is in the journal");
        abort();
    });
    Ok(())
}

#[expect(clippy::exit, reason = "a second signal means at once")]
fn abort() {
    std::process::exit(i32::from(crate::exit::FAILED));
}
