//! The decision on one event, entered into the books: what was sent where, held back, or filtered.

use event::{Event, LaneId, LaneSet, journal::LaneTally};

use super::{Sending, Step};
use crate::{Save, Way, canary};

impl<S: Save> Way<S> {
    /// Decides which lanes an event takes, of those that do not have it. Limits hold for what came
    /// `live`, at that time in seconds since 1970, and would be sent.
    pub(crate) fn route(
        &mut self,
        event: &Event,
        reached: &LaneSet,
        step: Step,
        live: Option<u32>,
    ) -> Sending {
        if canary::is_marked(event) {
            let lanes = self.canaries.lanes_of(event);
            return self.book(Sending { lanes, ..Sending::default() });
        }
        let decision = self.router.decide(event);
        let mut sending = decision.apply_repeats(reached, step);
        self.leave_out(event, &mut sending);
        let live = live.filter(|_| !sending.lanes.is_empty());
        let is_excess = live.is_some_and(|now| !self.limits.admits(event, now));
        if is_excess {
            self.counts.sample(&event.metadata.namespace);
        }
        self.book(if is_excess { Sending::default() } else { sending })
    }

    /// Enters what is sent and held back.
    fn book(&mut self, sending: Sending) -> Sending {
        if sending == Sending::default() {
            self.next.tally.filtered += 1;
            return sending;
        }
        self.next.tally.accepted += 1;
        let tally = |accepted, suppressed| LaneTally { accepted, suppressed, ..Default::default() };
        for lane in sending.lanes.iter() {
            add(&mut self.next.lane_tallies, lane, &tally(1, 0));
        }
        for lane in sending.suppressed.iter() {
            add(&mut self.next.lane_tallies, lane, &tally(1, 1));
        }
        sending
    }
}

fn add(tallies: &mut Vec<(LaneId, LaneTally)>, lane: LaneId, tally: &LaneTally) {
    match tallies.iter_mut().find(|(known, _)| *known == lane) {
        Some((_, sum)) => sum.add(tally),
        None => tallies.push((lane, *tally)),
    }
}
