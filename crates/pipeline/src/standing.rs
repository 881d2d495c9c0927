//! What another replica has seen: remembered, and not sent again.

use event::{Event, EventKey, LaneSet, journal::Change, journal::Row};

use crate::{Save, Way, route::Sending};

impl<S: Save> Way<S> {
    /// Remembers an Event that stands as another replica has seen it, and which lanes it reached there: a receiver
    /// that wants the first revision only is not sent a later one. In no sum.
    pub fn remember(&mut self, event: &Event, change: Change) {
        self.next.tally.seen += 1;
        self.next.tally.noop += 1;
        let lanes = self.router.decide(event).lanes();
        self.live.apply(&change, &lanes);
        self.next.rows.push(Row { change: Some(change), lanes: LaneSet::new(), event: None });
    }

    /// Holds back what another replica has sent already.
    pub(crate) fn leave_out(&self, event: &Event, sending: &mut Sending) {
        let done = self.floors.of(event, &sending.lanes);
        if !done.is_empty() {
            sending.lanes = sending.lanes.iter().filter(|lane| !done.contains(*lane)).collect();
            sending.suppressed.extend(&done);
        }
    }

    /// What is held back has reached the lane all the same, here or elsewhere.
    pub(super) fn reached(&mut self, key: EventKey, sending: &Sending) {
        if !self.floors.is_empty() {
            self.live.reach(key, &sending.suppressed);
        }
    }

    /// Begins a snapshot with the next save, if none is being written: rows do not tell which lanes an Event has
    /// reached with another replica.
    pub fn begin_snapshot(&mut self) {
        if self.snapshot.is_none() {
            self.snapshot = Some((0, self.live.parts()));
        }
    }
}
