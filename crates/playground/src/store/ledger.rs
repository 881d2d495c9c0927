//! The full truth: every revision of an Event that was ever written, for whoever must show that none
//! was lost.

use std::collections::VecDeque;

use event::Event;

/// One ADDED or MODIFIED.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LedgerEntry {
    /// How often the store had been restored before.
    pub epoch: u32,
    /// The resourceVersion it was stored at.
    pub revision: u64,
    /// The uid, as the number that its hexadecimal digits are.
    pub uid: u128,
    /// The occurrences that the Event counted then.
    pub total: u32,
}

impl LedgerEntry {
    /// The uid as text.
    pub fn uid_text(&self) -> String {
        let hex = format!("{:032x}", self.uid);
        let parts = [&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]];
        parts.join("-")
    }
}

/// The newest entries, oldest first; full, it loses the oldest and counts them.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    most: usize,
    entries: VecDeque<LedgerEntry>,
    lost: u64,
}

impl Ledger {
    pub(super) fn new(most: usize) -> Self {
        Self { most, ..Self::default() }
    }

    pub(super) fn add(&mut self, event: &Event, revision: u64, epoch: u32) {
        if self.most == 0 {
            return;
        }
        if self.entries.len() == self.most {
            self.entries.pop_front();
            self.lost += 1;
        }
        let digits = event.metadata.uid.bytes().filter_map(|b| char::from(b).to_digit(16));
        self.entries.push_back(LedgerEntry {
            epoch,
            revision,
            uid: digits.fold(0, |uid, digit| uid << 4 | u128::from(digit)),
            total: event.total(),
        });
    }

    /// What is kept, oldest first.
    pub fn entries(&self) -> impl ExactSizeIterator<Item = &LedgerEntry> {
        self.entries.iter()
    }

    /// How many had to go to make room.
    pub fn lost(&self) -> u64 {
        self.lost
    }
}
