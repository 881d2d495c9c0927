//! Lanes: how they are doing, stopping them, letting them go on, taking out of their way what stands there.

use std::time::Duration;

use event::journal::{Commit, Lane, LaneTally, ParkCause, Parked, Progress, Seq};
use jiff::Timestamp;
use pipeline::send::{LaneState, LaneStatus, Order};
use serde_json::{Value, json};

use super::{BYTES, Desk, Items, ROWS};

impl Desk {
    /// Every lane, also of receivers that are no longer in the config.
    pub(super) async fn list(&self, items: Items) -> anyhow::Result<Value> {
        let lanes = self.lanes().await?;
        for lane in &lanes {
            let running = self.running(lane).map(|watch| (watch.kind(), watch.status()));
            if items.send(shown(lane, running)).await.is_err() {
                break;
            }
        }
        Ok(json!({"lanes": lanes.len()}))
    }

    /// The journal is told first: whatever happens then, the next start finds it.
    pub(super) async fn pause(&self, receiver: &str) -> anyhow::Result<Value> {
        let lane = self.lane(receiver).await?;
        let since = lane.paused.unwrap_or_else(|| self.clock.now());
        self.note(&lane, Some(since)).await?;
        if let Some(running) = self.running(&lane) {
            running.obeys(Order::Pause(since)).await?;
        }
        Ok(
            json!({"receiver": *lane.name, "pausedSince": text(since), "waiting": lane.tally.waiting()}),
        )
    }

    pub(super) async fn resume(&self, receiver: &str) -> anyhow::Result<Value> {
        let lane = self.lane(receiver).await?;
        self.note(&lane, None).await?;
        if let Some(running) = self.running(&lane) {
            running.obeys(Order::Resume).await?;
        }
        let since = lane.paused.map(text);
        Ok(
            json!({"receiver": *lane.name, "wasPausedSince": since, "waiting": lane.tally.waiting()}),
        )
    }

    async fn note(&self, lane: &Lane, paused: Option<Timestamp>) -> anyhow::Result<()> {
        let commit = Commit { paused: vec![(lane.id, paused)], ..Commit::default() };
        self.saver.commit(commit).await?;
        Ok(())
    }

    pub(super) async fn skip(&self, receiver: &str, events: u64) -> anyhow::Result<Value> {
        let lane = self.lane(receiver).await?;
        let skipped = match self.running(&lane) {
            Some(running) => running.obeys(Order::Skip(events)).await?,
            None => self.skip_at_rest(&lane, events).await?,
        };
        let waiting = self.lane(receiver).await?.tally.waiting();
        Ok(json!({"receiver": *lane.name, "skipped": skipped, "waiting": waiting}))
    }

    /// The same where no lane runs.
    async fn skip_at_rest(&self, lane: &Lane, events: u64) -> anyhow::Result<u64> {
        let (mut cursor, mut skipped) = (lane.cursor, 0);
        let is_done = |seq: Seq| lane.done_above.binary_search(&seq).is_ok();
        while skipped < events {
            let rows = self.saver.read(lane.id, cursor, ROWS, BYTES).await?;
            let left = usize::try_from(events - skipped).unwrap_or(usize::MAX);
            let mut parked = Vec::new();
            for row in &rows {
                if parked.len() == left {
                    break;
                }
                cursor = row.seq;
                if !is_done(row.seq) {
                    parked.push(Parked {
                        lane: lane.id,
                        seq: row.seq,
                        at: self.clock.now(),
                        cause: ParkCause::Skipped,
                        reason: "skipped by `tidings lanes skip`".into(),
                        event: row.event.clone().ok(),
                    });
                }
            }
            if rows.is_empty() {
                break;
            }
            let count = parked.len() as u64;
            let above = lane.done_above.iter().copied().filter(|seq| *seq > cursor);
            let progress = Progress { lane: lane.id, cursor, done_above: above.collect() };
            let tally = LaneTally { parked: count, ..LaneTally::default() };
            let commit = Commit {
                progress: vec![progress],
                lane_tallies: vec![(lane.id, tally)],
                parked,
                ..Commit::default()
            };
            self.saver.commit(commit).await?;
            skipped += count;
        }
        Ok(skipped)
    }

    pub(super) async fn drop_waiting(&self, receiver: &str) -> anyhow::Result<Value> {
        let lane = self.lane(receiver).await?;
        let dropped = if let Some(running) = self.running(&lane) {
            running.obeys(Order::Drop).await?
        } else {
            let (cursor, done_above) = (lane.cursor, lane.done_above.clone());
            self.saver.drop_waiting(Progress { lane: lane.id, cursor, done_above }).await?.1
        };
        Ok(json!({"receiver": *lane.name, "dropped": dropped}))
    }
}

fn text(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// A lane, for programs.
fn shown(lane: &Lane, running: Option<(&str, LaneStatus)>) -> Value {
    let tally = lane.tally;
    let mut shown = json!({
        "receiver": *lane.name, "state": "not running",
        "accepted": tally.accepted, "delivered": tally.delivered, "suppressed": tally.suppressed,
        "waiting": tally.waiting(), "parked": tally.parked,
        "dropped": {
            "overflow": tally.overflow, "expired": tally.expired, "discarded": tally.discarded,
        },
        "cursor": lane.cursor,
        "pausedSince": lane.paused.map(text), "orphanedSince": lane.orphaned.map(text),
    });
    let Some((kind, status)) = running else { return shown };
    let (state, since, reason) = match &status.state {
        LaneState::Ok => ("ok", None, None),
        LaneState::Retrying { since, reason, .. } => ("retrying", Some(*since), Some(reason)),
        LaneState::Blocked { since, reason } => ("blocked", Some(*since), Some(reason)),
        LaneState::Stopped => ("stopped", None, None),
    };
    shown["kind"] = kind.into();
    shown["state"] = state.into();
    shown["since"] = since.map(text).into();
    shown["reason"] = reason.cloned().into();
    shown["oldest"] = status.oldest.map(text).into();
    shown["lastDelivered"] = status.last_delivered.map(text).into();
    shown["lagSeconds"] = status.lag.map(|lag| lag.p99).as_ref().map(Duration::as_secs_f64).into();
    shown["replayed"] = status.replayed.into();
    shown
}
