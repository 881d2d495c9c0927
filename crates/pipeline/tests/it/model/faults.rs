//! What can go wrong at the API server or on the way to it.

use std::time::Duration;

use pipeline::{collect::api::ApiError, save::memory::Failure};
use proptest::prelude::*;

use super::{
    receivers::Mood,
    world::{State, World},
};

/// Something that goes wrong at the API server or on the way to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Fault {
    /// The next request is refused with 429.
    Busy,
    /// The next request fails with 500.
    Fail,
    /// The next request never arrives.
    Unreachable,
    /// The open watch is cut, after so many more frames.
    Cut(u8),
    /// The open watch ends as watches do.
    Close,
    /// The open watch stands and delivers nothing more.
    Freeze,
    /// The open watch is told that its revision is too old.
    ExpireWatch,
    /// A watch from a compacted revision is answered with 200 and closed, from now on or no more.
    ToggleStaleTrap,
    /// The next page of a list breaks off in the middle.
    TearPage,
    /// Everything is compacted before the next page of a list.
    CompactBeforePage,
    /// A list that was overtaken is offered no token to go on with.
    WithholdToken,
    /// The server stops, or begins, to understand `sendInitialEvents`.
    ToggleStreamedLists,
}

pub(super) fn fault() -> impl Strategy<Value = Fault> {
    prop_oneof![
        Just(Fault::Busy),
        Just(Fault::Fail),
        Just(Fault::Unreachable),
        (0u8..4).prop_map(Fault::Cut),
        Just(Fault::Close),
        Just(Fault::Freeze),
        Just(Fault::ExpireWatch),
        Just(Fault::ToggleStaleTrap),
        Just(Fault::TearPage),
        Just(Fault::CompactBeforePage),
        Just(Fault::WithholdToken),
        Just(Fault::ToggleStreamedLists),
    ]
}

impl World {
    pub(super) fn trouble(&self, fault: Fault) {
        let mut state = self.state();
        let open = state.watches;
        match fault {
            Fault::Cut(frames) => state.cut = Some((open, frames)),
            Fault::Close => drop(state.closed.insert(open)),
            Fault::Freeze => drop(state.frozen.insert(open)),
            Fault::ExpireWatch => drop(state.expired.insert(open)),
            Fault::ToggleStaleTrap => state.stale_trap = !state.stale_trap,
            Fault::ToggleStreamedLists => state.streams_lists = !state.streams_lists,
            other => state.faults.push(other),
        }
        state.changed.notify_waiters();
    }

    /// The next commit of the collector fails so.
    pub(super) fn fail_next_commit(&self, failure: Failure) {
        self.state().failure = Some(failure);
    }

    /// Every trouble ends.
    pub(super) fn heal(&self) {
        let mut state = self.state();
        state.faults.clear();
        state.failure = None;
        for receiver in &mut state.receivers {
            receiver.mood = Mood::Fine;
        }
    }
}

impl State {
    pub(super) fn next_fault(&mut self, wanted: impl Fn(&Fault) -> bool) -> Option<Fault> {
        let at = self.faults.iter().position(wanted)?;
        Some(self.faults.remove(at))
    }

    /// What every request can run into.
    pub(super) fn request(&mut self) -> Result<(), ApiError> {
        let trouble =
            |fault: &Fault| matches!(fault, Fault::Busy | Fault::Fail | Fault::Unreachable);
        match self.next_fault(trouble) {
            Some(Fault::Busy) => Err(ApiError::Busy {
                status: 429,
                message: "on purpose".into(),
                retry_after: Some(Duration::from_secs(1)),
            }),
            Some(Fault::Fail) => {
                Err(ApiError::Failed { status: 500, message: "on purpose".into() })
            }
            Some(_) => Err(ApiError::Connection("on purpose".into())),
            None => Ok(()),
        }
    }
}
