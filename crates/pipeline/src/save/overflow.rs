//! Making room in a full journal: which lane loses which rows, and what may go.
//!
//! The lane with the most events to send loses its oldest. How many wait stands in its tally, and a
//! row takes about as much whoever waits for it, so nothing is searched to find that lane. What a lane
//! has in its hands already is left to it: otherwise an event could be delivered and dropped. A stretch
//! behind that is noted as skipped, so that reading goes on after it, until the cursor has passed it.

use event::{
    LaneId, LaneSet,
    journal::{Lane, LaneTally, Need, Overflow, Seq, Unparked},
};

use super::books::{Books, beyond_skipped, waits};

/// A stretch of rows that may be dropped for a lane.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) lane: LaneId,
    /// It begins after this row.
    pub(super) after: Seq,
    /// It ends with this row.
    pub(super) upto: Seq,
}

/// Where to drop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Choice {
    Drop(Stretch),
    Held(LaneId),
    Nothing,
}

impl Books {
    /// Up to here the live state does not need rows; `volatile` journals have no snapshot.
    pub(super) fn covered(&self, volatile: bool) -> Seq {
        if volatile { self.last } else { self.complete.map_or(0, |it| it.began) }
    }

    /// The lane that has most to send among those that have something to drop up to `covered`.
    pub(super) fn choose(&self, need: &Need, covered: Seq) -> Choice {
        let lanes = || self.lanes.iter().filter(|it| it.given_up.is_none()).map(|it| &it.lane);
        let behind = |lane: &&Lane| lane.tally.waiting() > 0;
        let patient = lanes().filter(behind).filter(|lane| need.patient.contains(&lane.name));
        let held = patient.min_by_key(|lane| lane.cursor);
        let upto = held.map_or(covered, |lane| lane.cursor.min(covered)).min(need.upto);
        let stretch = |lane: &Lane| {
            let handed = need.handed.get(&lane.id).copied().unwrap_or_default();
            let after = beyond_skipped(lane, lane.cursor.max(handed));
            (after < upto).then_some(Stretch { lane: lane.id, after, upto })
        };
        let open = lanes().filter(behind).filter_map(|lane| {
            stretch(lane).map(|stretch| (lane.tally.waiting(), std::cmp::Reverse(lane.id), stretch))
        });
        match open.max_by_key(|(waiting, id, _)| (*waiting, *id)) {
            Some((_, _, stretch)) => Choice::Drop(stretch),
            None => match held.filter(|lane| lane.cursor < covered.min(need.upto)) {
                Some(lane) => Choice::Held(lane.id),
                None => Choice::Nothing,
            },
        }
    }

    /// Notes that a parked row of a lane was removed, which took `bytes`.
    pub(super) fn discarded(&mut self, lane: LaneId, bytes: u64) {
        self.parked = self.parked.saturating_sub(bytes);
        if let Some(lane) = self.lane_mut(lane) {
            lane.tally.discard_parked();
        }
    }

    /// Notes that a row is no longer parked, which took `bytes` if it still was.
    pub(super) fn unparked(&mut self, row: Unparked, bytes: Option<u64>) {
        match (row.again, bytes) {
            (false, Some(bytes)) => self.discarded(row.lane, bytes),
            (false, None) => {}
            (true, bytes) => {
                self.parked = self.parked.saturating_sub(bytes.unwrap_or_default());
                if let Some(lane) = self.lane_mut(row.lane) {
                    lane.tally.unpark(bytes.is_some());
                }
            }
        }
    }

    /// Notes that `stretch` is dropped as far as it was looked at.
    pub(super) fn dropped(&mut self, stretch: Stretch, dropped: &Dropping) {
        if !dropped.goes.is_empty() {
            self.swept = self.swept.max(dropped.reached);
        }
        let Some(lane) = self.lane_mut(stretch.lane) else { return };
        lane.tally.add(&LaneTally { overflow: dropped.rows, ..LaneTally::default() });
        lane.skipped.push((stretch.after, dropped.reached));
        lane.skipped.sort_unstable();
        lane.skipped.dedup_by(|later, earlier| {
            let touches = later.0 <= earlier.1;
            earlier.1 = if touches { earlier.1.max(later.1) } else { earlier.1 };
            touches
        });
        if dropped.rows > 0 {
            let before = lane.untold.unwrap_or(Overflow { rows: 0, first: 0, last: 0 });
            lane.untold = Some(Overflow {
                rows: before.rows + dropped.rows,
                first: if before.first == 0 { dropped.first } else { before.first },
                last: before.last.max(dropped.last),
            });
        }
    }
}

/// What is dropped of a stretch, row by row, and which rows nobody waits for then.
#[derive(Debug, Default)]
pub(super) struct Dropping {
    /// Rows that the lane loses.
    pub(super) rows: u64,
    /// When the first and the last of them came in; 0 where none says it.
    first: u32,
    last: u32,
    /// About how long they are.
    pub(super) bytes: u64,
    /// The last row that was looked at.
    pub(super) reached: Seq,
    /// Rows to remove, as stretches from the first to the last.
    pub(super) goes: Vec<(Seq, Seq)>,
}

impl Dropping {
    /// Looks at a row; `touched` is when it came in.
    pub(super) fn look(
        &mut self,
        books: &Books,
        stretch: Option<Stretch>,
        (seq, lanes, touched, bytes): (Seq, &LaneSet, Option<u32>, u64),
    ) {
        self.reached = seq;
        let waits_for = |id: &LaneId| books.lane(*id).is_some_and(|lane| waits(lane, seq));
        let loser = stretch.map(|stretch| stretch.lane);
        if loser.is_some_and(|id| lanes.contains(id) && waits_for(&id)) {
            self.rows += 1;
            self.bytes += bytes;
            if let Some(time) = touched {
                self.first = if self.first == 0 { time } else { self.first.min(time) };
                self.last = self.last.max(time);
            }
        }
        let wanted = lanes.iter().any(|id| Some(id) != loser && waits_for(&id));
        if !wanted {
            match self.goes.last_mut() {
                // What is missing between them is gone already.
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => self.goes.push((seq, seq)),
            }
        }
    }
}
