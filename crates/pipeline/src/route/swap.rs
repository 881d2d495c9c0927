//! Another tree, other receivers, other limits: in the middle of a run, between two events.

use event::LaneSet;

use super::Router;
use crate::{
    Save, Way,
    limits::{Limits, LimitsSettings},
};

impl<S: Save> Way<S> {
    /// Decides by `router` from the next event on; what was taken before keeps its decision.
    ///
    /// `lanes` are those of the new receivers. What others got is forgotten, as it is at a start, so that
    /// the number of a lane that is gone starts clean once another lane has it.
    pub fn reroute(&mut self, router: Router, lanes: &LaneSet) {
        self.router = router;
        self.live.keep_lanes(lanes);
    }

    /// Limits namespaces so from the next event on, each with a full bucket. What was held back until now
    /// is told first, and saved with what comes next.
    pub fn relimit(&mut self, settings: &LimitsSettings) {
        self.tell_excess(u32::MAX);
        self.limits = Limits::new(settings);
    }
}

#[cfg(test)]
mod tests;
