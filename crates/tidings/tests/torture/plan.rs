//! When the next blow falls, and how the webhook behaves until then. Everything follows from the seed.

use std::{fmt, time::Duration};

use playground::random::Random;

use super::webhook::Mood;

/// When the binary is killed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Moment {
    /// So long after its start, before anything was ever saved: in its first list.
    FirstList(Duration),
    /// So long after its start, whatever it does then.
    AfterStart(Duration),
    /// So long after it asked for a watch.
    AfterWatch(Duration),
    /// So long after it has saved something.
    AfterCommit(Duration),
    /// So long after the webhook got a request; it may have answered by then.
    AfterPost(Duration),
    /// So long after its watch was refused as stale: in a list that makes up for a break.
    Relist(Duration),
}

/// One life of the binary.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    pub(crate) moment: Moment,
    pub(crate) mood: Mood,
}

impl Plan {
    /// A life before anything was saved.
    pub(crate) fn first(random: &mut Random) -> Self {
        Self { moment: Moment::FirstList(millis(random, 20, 400)), mood: Mood::Fine }
    }

    /// Any other.
    pub(crate) fn next(random: &mut Random) -> Self {
        let moment = match random.below(20) {
            0..5 => Moment::AfterStart(millis(random, 50, 1500)),
            5..10 => Moment::AfterWatch(millis(random, 0, 1500)),
            10..14 => Moment::AfterCommit(millis(random, 0, 6)),
            14..17 => Moment::AfterPost(millis(random, 0, 6)),
            _ => Moment::Relist(millis(random, 0, 250)),
        };
        // A list that makes up for a break is met with an open lane as well as with a closed one.
        let mood = match random.below(10) {
            0 | 1 => Mood::Failing,
            2 => Mood::Hanging,
            3 => Mood::Silent,
            _ => Mood::Fine,
        };
        Self { moment, mood }
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, time) = match self.moment {
            Moment::FirstList(time) => ("in its first list", time),
            Moment::AfterStart(time) => ("after its start", time),
            Moment::AfterWatch(time) => ("after its watch", time),
            Moment::AfterCommit(time) => ("after a commit", time),
            Moment::AfterPost(time) => ("after a request", time),
            Moment::Relist(time) => ("in a list", time),
        };
        write!(f, "{what}, {time:?}, webhook {:?}", self.mood)
    }
}

fn millis(random: &mut Random, low: usize, high: usize) -> Duration {
    Duration::from_millis(random.between(low, high) as u64)
}
