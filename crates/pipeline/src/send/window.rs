//! The rows a lane holds in memory, and how far it has come: the cursor is the lowest row that is not
//! done with, and what is done above it is remembered.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::Bound,
    sync::Arc,
};

use event::{Event, journal::Seq};
use jiff::Timestamp;

/// A row that waits for its end.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) event: Arc<Event>,
    /// How often the receiver took others of its payload and asked for this one again.
    pub(super) again: u32,
}

/// Everything between the cursor and what has been read.
#[derive(Debug)]
pub(super) struct Window {
    waiting: BTreeMap<Seq, Waiting>,
    done_above: BTreeSet<Seq>,
    read_to: Seq,
}

impl Window {
    pub(super) fn new(cursor: Seq, done_above: &[Seq]) -> Self {
        Self {
            waiting: BTreeMap::new(),
            done_above: done_above.iter().copied().filter(|seq| *seq > cursor).collect(),
            read_to: cursor,
        }
    }

    /// Takes a row in; says no for one that was done with before the last stop, or taken in already.
    pub(super) fn add(&mut self, seq: Seq, event: Arc<Event>) -> bool {
        let new = seq > self.read_to && !self.done_above.contains(&seq);
        self.passed_to(seq);
        if new {
            self.waiting.insert(seq, Waiting { event, again: 0 });
        }
        new
    }

    /// Up to `seq` there is nothing that has not been added.
    pub(super) fn passed_to(&mut self, seq: Seq) {
        self.read_to = self.read_to.max(seq);
        self.forget_passed();
    }

    /// The row is done with, whether it was waiting or never could be added.
    pub(super) fn settle(&mut self, seq: Seq) -> Option<Arc<Event>> {
        let event = self.waiting.remove(&seq).map(|row| row.event);
        if seq > self.cursor() {
            self.done_above.insert(seq);
        }
        self.forget_passed();
        event
    }

    fn forget_passed(&mut self) {
        let cursor = self.cursor();
        while self.done_above.first().is_some_and(|seq| *seq <= cursor) {
            self.done_above.pop_first();
        }
    }

    /// Everything up to here is done with.
    pub(super) fn cursor(&self) -> Seq {
        match self.waiting.first_key_value() {
            Some((seq, _)) => seq.saturating_sub(1),
            None => self.read_to,
        }
    }

    pub(super) fn done_above(&self) -> &BTreeSet<Seq> {
        &self.done_above
    }

    pub(super) fn read_to(&self) -> Seq {
        self.read_to
    }

    pub(super) fn waiting(&self) -> usize {
        self.waiting.len()
    }

    /// The waiting rows, oldest first.
    pub(super) fn seqs(&self) -> impl Iterator<Item = Seq> + '_ {
        self.waiting.keys().copied()
    }

    pub(super) fn get(&self, seq: Seq) -> Option<&Waiting> {
        self.waiting.get(&seq)
    }

    pub(super) fn get_mut(&mut self, seq: Seq) -> Option<&mut Waiting> {
        self.waiting.get_mut(&seq)
    }

    /// When the event of the first waiting row happened.
    pub(super) fn oldest(&self) -> Option<Timestamp> {
        self.waiting.first_key_value().and_then(|(_, row)| row.event.timestamp())
    }

    /// The first waiting row above `seq`.
    pub(super) fn next_after(&self, seq: Seq) -> Option<Seq> {
        let above = (Bound::Excluded(seq), Bound::Unbounded);
        self.waiting.range(above).next().map(|(seq, _)| *seq)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn rows_that_were_done_above_the_cursor_are_not_taken_in_again() {
        let mut window = Window::new(3, &[2, 5, 7]);
        let taken: Vec<Seq> = (4..=8).filter(|seq| window.add(*seq, Arc::default())).collect();
        assert_eq!(taken, [4, 6, 8]);
        assert_eq!(window.cursor(), 3);
        window.settle(4);
        assert_eq!(window.cursor(), 5);
        assert_eq!(window.done_above().iter().copied().collect::<Vec<_>>(), [7]);
    }

    #[test]
    fn with_nothing_waiting_the_cursor_is_where_reading_came_to() {
        let mut window = Window::new(3, &[]);
        window.passed_to(90);
        assert_eq!(window.cursor(), 90);
    }

    proptest! {
        #[test]
        fn cursor_and_rows_above_tell_exactly_what_is_done(
            seqs in prop::collection::btree_set(1u64..60, 1..30),
            order in prop::collection::vec(0usize..30, 0..30),
        ) {
            let mut window = Window::new(0, &[]);
            for seq in &seqs {
                window.add(*seq, Arc::default());
            }
            let rows: Vec<Seq> = seqs.iter().copied().collect();
            let mut done = BTreeSet::new();
            for seq in order.iter().filter_map(|index| rows.get(*index)) {
                window.settle(*seq);
                done.insert(*seq);
                for row in &rows {
                    let told = *row <= window.cursor() || window.done_above().contains(row);
                    prop_assert_eq!(told, done.contains(row), "row {}", row);
                }
            }
        }
    }
}
