//! One line a minute: what came in, what went out, what waits, how late.

use std::{collections::HashMap, fmt::Write, time::Duration};

use event::{Stop, Text, journal::Ledger};
use pipeline::{
    collect::missed::DEFAULT_TTL,
    save::{Saver, StateFolder},
};
use tokio::time::Instant;

use crate::{
    forecast::{self, Room},
    ops::Sources,
};

const MINUTE: Duration = Duration::from_secs(60);

/// Reports until `stop` fires: the room after the first lists, and a line every minute.
pub(crate) async fn all(sources: Sources, stop: Stop) {
    let room = room_after_lists(sources.clone(), stop.clone());
    futures::future::join(room, every_minute(sources, stop)).await;
}

/// Logs the line every minute.
async fn every_minute(sources: Sources, stop: Stop) {
    let Sources { saver, lanes, scopes, folder, .. } = sources;
    let mut before = Sums::default();
    let mut since = Instant::now();
    if let Ok(ledger) = saver.ledger().await {
        before = Sums::of(&ledger);
    }
    loop {
        tokio::select! {
            () = stop.fired() => return,
            () = tokio::time::sleep(MINUTE) => {}
        }
        let Ok(ledger) = saver.ledger().await else { return };
        let sums = Sums::of(&ledger);
        let now = lanes.borrow().clone();
        let lag = now.iter().filter_map(|lane| lane.status().lag).map(|lag| lag.p99).max();
        let mut line = line(&before, &sums, since.elapsed(), lag);
        let kept = per_second(sums.accepted.saturating_sub(before.accepted), since.elapsed());
        let room = room(&saver, folder.as_deref()).await;
        if let Some(room) = room.filter(|_| kept > 0.0) {
            let hours = forecast::hours(room.hours(kept));
            write!(line, " · room {hours}").expect("a string takes it");
        }
        let trouble = scopes.iter().find_map(|(_, status)| status.borrow().trouble.clone());
        if let Some(trouble) = trouble {
            tracing::warn!(%trouble, "{line}");
        } else {
            tracing::info!("{line}");
        }
        before = sums;
        since = Instant::now();
    }
}

/// What is left; nothing when the journal is closed.
pub(crate) async fn room(saver: &Saver, folder: Option<&StateFolder>) -> Option<Room> {
    let free = folder.and_then(|folder| folder.free_bytes().ok());
    let usage = saver.usage().await.ok()?;
    Some(Room::new(saver.limit(), &usage, free))
}

/// The counters that the line is made of.
#[derive(Debug, Default)]
struct Sums {
    seen: u64,
    accepted: u64,
    waiting: u64,
    parked: u64,
    delivered: Vec<(Text, u64)>,
}

impl Sums {
    fn of(ledger: &Ledger) -> Self {
        let tallies = || ledger.lanes.iter().filter(|(lane, _)| lane.orphaned.is_none());
        Self {
            seen: ledger.tally.seen,
            accepted: ledger.tally.accepted,
            waiting: ledger.lanes.iter().map(|(_, waiting)| waiting).sum(),
            parked: tallies().map(|(lane, _)| lane.tally.parked).sum(),
            delivered: tallies()
                .map(|(lane, _)| (lane.name.clone(), lane.tally.delivered))
                .collect(),
        }
    }
}

fn line(before: &Sums, now: &Sums, passed: Duration, lag: Option<Duration>) -> String {
    let mut line = format!("in {}/s", rate(now.seen - before.seen.min(now.seen), passed));
    let earlier: HashMap<_, _> = before.delivered.iter().cloned().collect();
    for (name, delivered) in &now.delivered {
        let new = delivered.saturating_sub(earlier.get(name).copied().unwrap_or(0));
        write!(line, " · out {name} {}/s", rate(new, passed)).expect("a string takes it");
    }
    write!(line, " · waiting {} · parked {}", now.waiting, now.parked).expect("a string takes it");
    if let Some(lag) = lag {
        write!(line, " · lag p99 {:.1} s", lag.as_secs_f64()).expect("a string takes it");
    }
    line
}

/// Once every scope was listed, says how long an outage fits into the journal at the rate at which the
/// listed Events came: each lives for a known time, so their number tells it.
async fn room_after_lists(sources: Sources, stop: Stop) {
    let Sources { saver, scopes, folder, .. } = sources;
    let mut rate = 0.0;
    for (_, mut status) in scopes {
        let listed = tokio::select! {
            () = stop.fired() => return,
            listed = status.wait_for(|status| status.listed.is_some()) => listed,
        };
        let Ok(status) = listed.map(|status| status.clone()) else { return };
        let ttl = status.position.map_or(0, |position| position.ttl);
        let life = Duration::from_secs(if ttl == 0 { DEFAULT_TTL } else { ttl }.into());
        rate += per_second(status.listed.unwrap_or_default().items, life);
    }
    let Some(room) = room(&saver, folder.as_deref()).await else { return };
    if rate > 0.0 {
        let hours = forecast::hours(room.hours(rate));
        tracing::info!("room for {hours} of outage at the rate of the listed events, {rate:.2}/s");
    }
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn per_second(count: u64, passed: Duration) -> f64 {
    count as f64 / passed.as_secs_f64().max(0.001)
}

fn rate(count: u64, passed: Duration) -> String {
    let rate = per_second(count, passed);
    if rate >= 10.0 || count == 0 { format!("{rate:.0}") } else { format!("{rate:.1}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_says_in_out_waiting_parked_and_lag() {
        let before = Sums { seen: 1000, delivered: vec![("file".into(), 400)], ..Sums::default() };
        let now = Sums {
            seen: 12_640,
            accepted: 12_040,
            waiting: 3,
            parked: 1,
            delivered: vec![("file".into(), 12_040), ("hook".into(), 30)],
        };
        assert_eq!(
            line(&before, &now, MINUTE, Some(Duration::from_millis(420))),
            "in 194/s · out file 194/s · out hook 0.5/s · waiting 3 · parked 1 · lag p99 0.4 s"
        );
        assert_eq!(
            line(&now, &now, MINUTE, None),
            "in 0/s · out file 0/s · out hook 0/s · waiting 3 · parked 1"
        );
    }
}
