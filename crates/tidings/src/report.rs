//! One line a minute: what came in, what went out, what waits, how late.

use std::{collections::HashMap, fmt::Write, time::Duration};

use event::{Stop, Text, journal::Ledger};
use pipeline::{collect::Status, save::Saver, send::LaneWatch};
use tokio::{sync::watch, time::Instant};

const MINUTE: Duration = Duration::from_secs(60);

/// Logs the line every minute until `stop` fires.
pub(crate) async fn every_minute(
    saver: Saver,
    lanes: Vec<LaneWatch>,
    status: watch::Receiver<Status>,
    stop: Stop,
) {
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
        let lag = lanes.iter().filter_map(|lane| lane.status().lag).map(|lag| lag.p99).max();
        let line = line(&before, &sums, since.elapsed(), lag);
        let trouble = status.borrow().trouble.clone();
        if let Some(trouble) = trouble {
            tracing::warn!(%trouble, "{line}");
        } else {
            tracing::info!("{line}");
        }
        before = sums;
        since = Instant::now();
    }
}

/// The counters that the line is made of.
#[derive(Debug, Default)]
struct Sums {
    seen: u64,
    waiting: u64,
    parked: u64,
    delivered: Vec<(Text, u64)>,
}

impl Sums {
    fn of(ledger: &Ledger) -> Self {
        let tallies = || ledger.lanes.iter().filter(|(lane, _)| lane.orphaned.is_none());
        Self {
            seen: ledger.tally.seen,
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

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn rate(count: u64, passed: Duration) -> String {
    let rate = count as f64 / passed.as_secs_f64().max(0.001);
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
