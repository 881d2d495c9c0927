//! Sending once more what a receiver was sent: as new rows for it alone, marked as replays.

use std::sync::Arc;

use event::{
    Event, LaneSet,
    journal::{Commit, Lane, LaneTally, Row, Seq},
};
use serde_json::{Value, json};

use super::{BYTES, Desk, ROWS};

impl Desk {
    /// Appends again, in their order, the events of `receiver` that are done with, still there, and happened between
    /// `since` and `until`, in microseconds since 1970. What waits is sent anyway; what is parked has commands of its
    /// own; and a replay is not replayed.
    pub(super) async fn replay(
        &self,
        receiver: &str,
        since: i64,
        until: Option<i64>,
    ) -> anyhow::Result<Value> {
        let lane = self.lane(receiver).await?;
        let parked = self.parked_rows(lane.id).await?;
        let head = *self.saver.head().borrow();
        let (mut after, mut replayed) = (0, 0u64);
        let mut oldest = None;
        while after < head {
            let rows = self.saver.scan(after, ROWS, BYTES).await?;
            let Some((_, last)) = rows.last() else { break };
            after = last.seq;
            let mut commit = Commit::default();
            for (lanes, row) in rows {
                let seq = row.seq;
                let Ok(event) = row.event else { continue };
                let time = event.timestamp().unwrap_or_default();
                oldest = oldest.or(Some(time));
                let micros = time.as_microsecond();
                let is_meant = micros >= since && until.is_none_or(|until| micros < until);
                let is_free = seq <= head && is_done(&lane, seq) && !parked.contains(&seq);
                if is_meant && is_free && lanes.contains(lane.id) && !event.replay {
                    let event = Event { replay: true, ..Event::clone(&event) };
                    let lanes = LaneSet::from_iter([lane.id]);
                    commit.rows.push(Row { change: None, lanes, event: Some(Arc::new(event)) });
                }
            }
            let accepted = commit.rows.len() as u64;
            if accepted > 0 {
                let tally = LaneTally { accepted, ..LaneTally::default() };
                commit.lane_tallies.push((lane.id, tally));
                self.saver.commit(commit).await?;
                replayed += accepted;
            }
        }
        let oldest = oldest.map(|time| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string());
        Ok(json!({"receiver": *lane.name, "replayed": replayed, "oldest": oldest}))
    }
}

/// Whether `lane` is done with the row.
fn is_done(lane: &Lane, seq: Seq) -> bool {
    seq <= lane.cursor || lane.done_above.binary_search(&seq).is_ok()
}
