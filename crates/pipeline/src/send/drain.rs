//! Waiting until the lanes are empty, for inputs that end.

use std::time::Duration;

use event::{Text, journal::Seq};
use futures::future::join_all;
use tokio::time::timeout;

use super::{LaneWatch, Rows};

/// What a lane had not delivered when the time was up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Left {
    /// The receiver's name.
    pub lane: Text,
    /// Rows that still wait in the journal.
    pub rows: u64,
}

/// Waits until every lane is done with what is in the journal now, `within` at most. Says what is left:
/// nothing when all is well.
pub async fn drained<R: Rows>(lanes: &[LaneWatch], rows: &R, within: Duration) -> Vec<Left> {
    let head = *rows.head().borrow();
    let reached = join_all(lanes.iter().map(|lane| timeout(within, lane.reaches(head)))).await;
    let mut left = Vec::new();
    for (lane, reached) in lanes.iter().zip(reached) {
        if reached != Ok(true) {
            let rows = waiting(lane, rows, head).await;
            let lane = lane.name().clone();
            left.extend((rows > 0).then_some(Left { lane, rows }));
        }
    }
    left
}

/// Rows up to `head` that the lane has yet to send.
async fn waiting<R: Rows>(lane: &LaneWatch, rows: &R, head: Seq) -> u64 {
    let status = lane.status();
    let mut after = status.cursor;
    let mut count = 0;
    // A journal that cannot be read is reported by the lane; here it just ends the count.
    while let Ok(page) = rows.read(lane.lane(), after, 1000, 1 << 22).await {
        let Some(last) = page.last() else { break };
        after = last.seq;
        let waits = |seq: Seq| seq <= head && status.done_above.binary_search(&seq).is_err();
        count += page.iter().map(|row| u64::from(waits(row.seq))).sum::<u64>();
        if after >= head {
            break;
        }
    }
    count
}
