//! Which events go together into one request, by the limits of its destination.

use std::ops::Range;

/// What one request can hold.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Most events.
    pub events: usize,
    /// Most bytes of all pieces; a single one may be larger.
    pub bytes: usize,
}

/// What a store takes at once without strain.
pub(crate) const BULK: Limits = Limits { events: 1000, bytes: 4 * 1024 * 1024 };

impl Limits {
    /// As few groups of pieces as the limits allow, in order. Only neighbours that go `together` share one.
    pub fn groups<P>(
        self,
        pieces: &[P],
        size: impl Fn(&P) -> usize,
        together: impl Fn(&P, &P) -> bool,
    ) -> Vec<Range<usize>> {
        let mut groups: Vec<Range<usize>> = Vec::new();
        let mut bytes = 0;
        for (index, piece) in pieces.iter().enumerate() {
            let size = size(piece);
            match groups.last_mut() {
                Some(group)
                    if group.len() < self.events
                        && bytes + size <= self.bytes
                        && together(&pieces[index - 1], piece) =>
                {
                    group.end = index + 1;
                    bytes += size;
                }
                _ => {
                    groups.push(index..index + 1);
                    bytes = size;
                }
            }
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(pieces: &[&str], expected: &[Range<usize>]) {
        let limits = Limits { events: 3, bytes: 10 };
        let groups = limits.groups(
            pieces,
            |piece| piece.len(),
            |before, piece| before.as_bytes()[0] == piece.as_bytes()[0],
        );
        assert_eq!(groups, expected);
    }

    #[test]
    fn a_group_ends_at_a_limit_or_where_neighbours_do_not_go_together() {
        check(&[], &[]);
        check(&["a"; 7], &[0..3, 3..6, 6..7]);
        check(&["aaaaaaaa", "aa", "a"], &[0..2, 2..3]);
        check(&["aaaaaaaaaaaaaaaa", "aaaaaaaaaaaaaaaa"], &[0..1, 1..2]);
        check(&["a", "b", "b", "a"], &[0..1, 1..3, 3..4]);
    }
}
