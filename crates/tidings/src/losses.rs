//! What receivers lose while the journal is full is told once a minute, not once an event.

use std::{sync::Arc, time::Duration};

use event::{Clock, Stop, Text};
use pipeline::{SharedWay, save::Saver};

/// Losses are gathered before the first statement, and between two.
const FIRST: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// Tells of losses until `stop` fires.
pub(crate) async fn tell(
    (saver, way, clock): (Saver, SharedWay<Saver>, Arc<dyn Clock>),
    cluster_name: Text,
    stop: Stop,
) {
    let mut dropped = saver.dropped();
    if *dropped.borrow() > 0 {
        // Before the last stop.
        dropped.mark_changed();
    }
    loop {
        let changed = tokio::select! {
            () = stop.fired() => return,
            changed = dropped.changed() => changed,
        };
        if changed.is_err() || !rest(FIRST, &stop).await {
            return;
        }
        dropped.mark_unchanged();
        let Ok(ledger) = saver.ledger().await else { return };
        let lanes: Vec<_> = ledger.lanes.into_iter().map(|(lane, _)| lane).collect();
        let now = clock.now();
        let told = way.lock().await.tell_losses(&lanes, saver.limit(), now, &cluster_name).await;
        if let Err(error) = told {
            tracing::warn!(%error, "what was dropped is told at the next start");
            return;
        }
        if !rest(MINUTE, &stop).await {
            return;
        }
    }
}

/// Whether to go on after the pause.
async fn rest(pause: Duration, stop: &Stop) -> bool {
    tokio::select! {
        () = stop.fired() => false,
        () = tokio::time::sleep(pause) => true,
    }
}
