//! What is asked of a journal that has reached its limit, and what it answers.

use std::collections::BTreeMap;

use super::Seq;
use crate::{LaneId, Text};

/// Rows that a lane lost because the journal was full.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overflow {
    /// How many.
    pub rows: u64,
    /// When the oldest of them came in, in seconds since 1970; 0 where no row says it.
    pub first: u32,
    /// When the newest of them came in.
    pub last: u32,
}

impl Overflow {
    /// What is left when somebody was told of `rows` of them.
    pub fn without(self, rows: u64) -> Option<Self> {
        let rows = self.rows.saturating_sub(rows);
        (rows > 0).then_some(Self { rows, ..self })
    }
}

/// How much room is needed, and what must stay.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Need {
    /// Stop after dropping rows of about so many bytes.
    pub bytes: u64,
    /// Rows above this one are in the hands of those who keep up.
    pub upto: Seq,
    /// The newest row that each lane has in its hands; what it reads next comes after that.
    pub handed: BTreeMap<LaneId, Seq>,
    /// Lanes of which nothing is dropped, by name.
    pub patient: Vec<Text>,
}

/// What [`Journal::shed`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shed {
    /// Rows of a lane were dropped.
    Dropped {
        /// The lane.
        lane: LaneId,
        /// How many.
        rows: u64,
        /// How many rows were removed: others may still wait for some of them.
        removed: u64,
    },
    /// This lane must not lose anything, and nothing goes before its rows do.
    Held(LaneId),
    /// Nothing can be dropped before the next snapshot is complete.
    Nothing,
}

/// What [`Journal::sweep`] did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Swept {
    /// Rows removed.
    pub rows: u64,
    /// Where to go on; nothing at the end.
    pub next: Option<Seq>,
}

/// What a journal takes, in bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Usage {
    /// Rows, with what belongs to no other part.
    pub rows: u64,
    /// Parked rows.
    pub parked: u64,
    /// Snapshots of the live state.
    pub snapshots: u64,
    /// Not yet in its place.
    pub log: u64,
    /// Free for later rows.
    pub free: u64,
    /// What a row takes that waits for long, on average.
    pub row: u64,
}

impl Usage {
    /// What is in use; free space is not counted.
    pub fn used(&self) -> u64 {
        self.rows + self.parked + self.snapshots + self.log
    }
}
