//! Which row was the newest when the watch had come so far: from a lane's row to the revision that it is done with.
//!
//! A position moves in one step with the rows up to it. So whoever is done with every row up to the one that was
//! the newest then is done with everything up to that position, in whatever order the rows came.

use std::collections::{BTreeMap, VecDeque};

use event::{
    Text,
    journal::{Commit, Position, Seq},
};

use super::{Saver, writer::lock};
use crate::lease::Point;

/// Of each scope as many are kept; then every second one goes.
const MOST: usize = 1 << 16;

/// The positions of the scopes, and the newest row at each, ascending.
#[derive(Debug, Default)]
pub struct Checkpoints {
    scopes: BTreeMap<Text, VecDeque<(Seq, Position, u64)>>,
}

impl Checkpoints {
    /// The watch has come to `position`, and to every write up to `newest`; the newest row is `last`.
    pub fn note(&mut self, scope: Text, position: Position, newest: u64, last: Seq) {
        let kept = self.scopes.entry(scope).or_default();
        match kept.back_mut() {
            // Nothing new for anybody: only the position moved.
            Some((seq, known, write)) if *seq >= last => (*known, *write) = (position, newest),
            _ => kept.push_back((last, position, newest)),
        }
        if kept.len() > MOST {
            let mut number = 0;
            let newest = kept.len();
            kept.retain(|_| {
                number += 1;
                number % 2 == 1 || number == newest
            });
        }
    }

    /// Nobody will ask for rows before this one.
    pub fn forget_before(&mut self, seq: Seq) {
        for kept in self.scopes.values_mut() {
            while kept.get(1).is_some_and(|(next, ..)| *next <= seq) {
                kept.pop_front();
            }
        }
    }

    /// The newest position of a scope.
    pub fn newest(&self, scope: &str) -> Option<Position> {
        self.scopes.get(scope)?.back().map(|(_, position, _)| *position)
    }

    /// The position up to which whoever has done with all rows up to `seq` has done with everything.
    pub fn at(&self, scope: &str, seq: Seq) -> Option<Point> {
        let kept = self.scopes.get(scope)?;
        let after = kept.partition_point(|(last, ..)| *last <= seq);
        let (_, position, newest) = kept.get(after.checked_sub(1)?)?;
        Some(Point { newest: *newest, ..Point::from(*position) })
    }
}

impl Saver {
    /// Remembers from now on how rows and positions belong together, beginning with these positions at the row
    /// `last`.
    pub fn remember_positions(
        &self,
        positions: impl IntoIterator<Item = (Text, Position)>,
        last: Seq,
    ) {
        let mut checkpoints = lock(&self.desk.checkpoints);
        let checkpoints = checkpoints.get_or_insert_default();
        for (scope, position) in positions {
            checkpoints.note(scope, position, 0, last);
        }
    }

    /// Looks at what was remembered. Of what is before the row `from`, only the newest is kept.
    pub fn positions<T>(&self, from: Option<Seq>, look: impl FnOnce(&Checkpoints) -> T) -> T {
        let mut checkpoints = lock(&self.desk.checkpoints);
        let checkpoints = checkpoints.get_or_insert_default();
        checkpoints.forget_before(from.unwrap_or(Seq::MAX));
        look(checkpoints)
    }

    /// Notes what was saved, where somebody wants to know it.
    pub(super) fn saved_position(&self, moved: Option<(Text, Position, u64)>, last: Seq) {
        if let (Some((scope, position, newest)), Some(checkpoints)) =
            (moved, &mut *lock(&self.desk.checkpoints))
        {
            checkpoints.note(scope, position, newest, last);
        }
    }

    /// The position in `commit`, where somebody wants to know it.
    pub(super) fn moved(&self, commit: &Commit) -> Option<(Text, Position, u64)> {
        let (scope, position) = commit.position.as_ref()?;
        lock(&self.desk.checkpoints).is_some().then(|| (scope.clone(), *position, commit.newest))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn position(revision: u64) -> Position {
        Position { revision, ..Position::default() }
    }

    fn revision(checkpoints: &Checkpoints, seq: Seq) -> Option<u64> {
        checkpoints.at("c", seq).map(|point| point.revision)
    }

    #[test]
    fn whoever_is_done_with_a_row_is_done_with_what_was_complete_at_it() {
        let mut checkpoints = Checkpoints::default();
        for (seq, at) in [(4, 10), (4, 12), (9, 20), (9, 25), (15, 30)] {
            checkpoints.note("c".into(), position(at), at + 1, seq);
        }
        let found: Vec<_> = [3, 4, 8, 9, 14, 15, 99].map(|seq| revision(&checkpoints, seq)).into();
        assert_eq!(found, [None, Some(12), Some(12), Some(25), Some(25), Some(30), Some(30)]);
        assert_eq!(checkpoints.newest("c"), Some(position(30)));
        assert_eq!(checkpoints.at("c", 99).map(|point| point.newest), Some(31));
        checkpoints.forget_before(10);
        assert_eq!((revision(&checkpoints, 8), revision(&checkpoints, 10)), (None, Some(25)));
        assert_eq!(checkpoints.newest("other"), None);
    }

    #[test]
    fn of_too_many_some_go_and_what_is_said_is_never_too_far() {
        let mut checkpoints = Checkpoints::default();
        let most = MOST as u64 * 3;
        for seq in 1..=most {
            checkpoints.note("c".into(), position(seq * 10), 0, seq);
        }
        assert!(checkpoints.scopes["c"].len() <= MOST);
        for seq in [1000, most / 2, most - 1] {
            let found = revision(&checkpoints, seq).unwrap();
            assert!(found <= seq * 10 && found + 100 > seq * 10, "{seq}: {found}");
        }
        assert_eq!(revision(&checkpoints, most), Some(most * 10));
    }
}
