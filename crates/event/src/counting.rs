//! How many occurrences one sighting of an Event object adds. One pure function, used for metrics,
//! history and receivers alike.
//!
//! The API mutates `count` in place, delivers again after a reconnect, and coalesces; counting
//! notifications would be wrong in every one of these cases. Counting by the number the object
//! carries is right, as long as the last number of each object is remembered.

/// The part `(before, after]` of an Event's own counter that one revision adds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Occurrences {
    /// The counter before this revision.
    pub before: u32,
    /// The counter after it.
    pub after: u32,
}

impl Occurrences {
    /// How many occurrences that is.
    pub fn added(self) -> u32 {
        self.after - self.before
    }
}

/// What is remembered of an Event object that was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Known {
    /// Its resourceVersion at the newest sighting; 0 where it has no numeric one.
    pub revision: u64,
    /// Its counter then.
    pub total: u32,
    /// The newest occurrence it told of, in seconds since 1970.
    pub last_seen: u32,
}

/// One look at an Event object. Times are seconds since 1970.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sighting {
    /// Its numeric resourceVersion; 0 where it has none.
    pub revision: u64,
    /// Its counter, as `Event::total` has it: at least 1.
    pub total: u32,
    /// The first occurrence it tells of.
    pub first_seen: u32,
    /// The newest occurrence it tells of.
    pub last_seen: u32,
    /// When the server stored the object.
    pub created: u32,
}

/// How the sighting came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Arrival {
    /// ADDED or MODIFIED on a watch that goes on from everything seen before.
    Live,
    /// Part of the first list, when nothing was seen before.
    FirstList,
    /// Part of a list that makes up for a break.
    CatchUp(Since),
    /// Part of a list after the cluster's storage was set back to an older state. Everything up to
    /// the break had been seen; resourceVersions from before it mean nothing any more.
    Rebase {
        /// When the position was saved, in seconds since 1970.
        time: u32,
    },
}

/// The point up to which everything had been seen before a break.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Since {
    /// The saved position, a resourceVersion.
    pub revision: u64,
    /// When it was saved, in seconds since 1970.
    pub time: u32,
}

/// What a sighting adds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// Something happened: routed, counted.
    Counted {
        /// The occurrences.
        occurrences: Occurrences,
        /// Whether they are exact.
        basis: Basis,
    },
    /// It was there before Tidings looked for the first time: in no sum.
    Baseline,
    /// Seen before, or only metadata changed: kept as state, not routed.
    Noop,
}

/// How a count was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Basis {
    /// The difference of two numbers of the same counter.
    Exact,
    /// The counter went back while time went on: the recorder started anew; at least one.
    Reset,
    /// The counter's past is unknown; at least one.
    Unattributed,
    /// The recorder went on with the counter of an Event that had expired.
    Recreated,
}

/// How far the first occurrence may lie before the object's creation, in seconds, in an object that
/// is really new. Beyond it the recorder has re-created an Event that had expired.
const RECREATED_AFTER: u32 = 60;

/// Decides what `seen` adds, given what is `known` of the object, and the last counter of an expired
/// object with the same namespace and name (`tombstone`).
pub fn count(
    known: Option<Known>,
    tombstone: Option<u32>,
    seen: Sighting,
    arrival: Arrival,
) -> Verdict {
    if let Some(known) = known {
        return recount(known, seen);
    }
    match arrival {
        Arrival::FirstList => return Verdict::Baseline,
        Arrival::CatchUp(since) if seen.revision != 0 && seen.revision <= since.revision => {
            // It stood unchanged before the break, and our own clock had let it go.
            return Verdict::Noop;
        }
        Arrival::Rebase { time } if seen.created <= time => return Verdict::Noop,
        Arrival::CatchUp(_) | Arrival::Rebase { .. } | Arrival::Live => {}
    }
    if let Some(last) = tombstone.filter(|last| *last < seen.total) {
        return counted(last, seen.total, Basis::Recreated);
    }
    if seen.total > 1 && began_before_what_we_saw(seen, arrival) {
        return counted(seen.total - 1, seen.total, Basis::Unattributed);
    }
    counted(0, seen.total, Basis::Exact)
}

fn recount(known: Known, seen: Sighting) -> Verdict {
    if seen.revision != 0 && seen.revision <= known.revision {
        Verdict::Noop
    } else if seen.total > known.total {
        counted(known.total, seen.total, Basis::Exact)
    } else if seen.total < known.total && seen.last_seen > known.last_seen {
        counted(seen.total - 1, seen.total, Basis::Reset)
    } else {
        Verdict::Noop
    }
}

fn began_before_what_we_saw(seen: Sighting, arrival: Arrival) -> bool {
    let recreated = seen.first_seen.saturating_add(RECREATED_AFTER) < seen.created;
    match arrival {
        Arrival::CatchUp(since) => {
            recreated || seen.first_seen.saturating_add(RECREATED_AFTER) < since.time
        }
        Arrival::Live | Arrival::FirstList | Arrival::Rebase { .. } => recreated,
    }
}

fn counted(before: u32, after: u32, basis: Basis) -> Verdict {
    Verdict::Counted { occurrences: Occurrences { before, after }, basis }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: u32 = 1_700_000_000;

    fn known(total: u32) -> Known {
        Known { revision: 100, total, last_seen: NOON }
    }

    fn seen(total: u32) -> Sighting {
        Sighting { revision: 200, total, first_seen: NOON, last_seen: NOON + 10, created: NOON }
    }

    fn exact(before: u32, after: u32) -> Verdict {
        counted(before, after, Basis::Exact)
    }

    #[track_caller]
    fn check(
        known: impl Into<Option<Known>>,
        tombstone: Option<u32>,
        seen: Sighting,
        arrival: Arrival,
        expected: Verdict,
    ) {
        assert_eq!(count(known.into(), tombstone, seen, arrival), expected);
    }

    const AFTER_A_BREAK: Arrival = Arrival::CatchUp(Since { revision: 150, time: NOON });

    #[test]
    fn a_known_event_adds_the_difference() {
        check(known(3), None, seen(7), Arrival::Live, exact(3, 7));
        check(known(3), None, seen(7), AFTER_A_BREAK, exact(3, 7));
        check(known(3), None, seen(7), Arrival::FirstList, exact(3, 7));
    }

    #[test]
    fn a_counter_that_goes_back_while_time_goes_on_is_one_occurrence_and_a_reset() {
        check(known(9), None, seen(2), Arrival::Live, counted(1, 2, Basis::Reset));
    }

    #[test]
    fn a_known_event_that_did_not_happen_again_adds_nothing() {
        check(known(7), None, seen(7), Arrival::Live, Verdict::Noop);
        let older = Sighting { last_seen: NOON - 5, ..seen(2) };
        check(known(7), None, older, Arrival::Live, Verdict::Noop);
        let stale = Sighting { revision: 90, ..seen(9) };
        check(known(7), None, stale, AFTER_A_BREAK, Verdict::Noop);
    }

    #[test]
    fn a_new_event_adds_its_whole_count() {
        check(None, None, seen(1), Arrival::Live, exact(0, 1));
        check(None, None, seen(4), Arrival::Live, exact(0, 4));
    }

    #[test]
    fn a_recreated_event_goes_on_from_its_tombstone() {
        let recreated = Sighting { first_seen: NOON - 7200, ..seen(41) };
        check(None, Some(25), recreated, Arrival::Live, counted(25, 41, Basis::Recreated));
        check(None, None, recreated, Arrival::Live, counted(40, 41, Basis::Unattributed));
        check(None, Some(41), recreated, Arrival::Live, counted(40, 41, Basis::Unattributed));
    }

    #[test]
    fn the_first_list_is_a_baseline() {
        check(None, None, seen(5), Arrival::FirstList, Verdict::Baseline);
    }

    #[test]
    fn a_list_after_a_break_counts_what_is_newer_than_the_position() {
        check(None, None, seen(5), AFTER_A_BREAK, exact(0, 5));
        let before = Sighting { first_seen: NOON - 300, created: NOON - 300, ..seen(5) };
        check(None, None, before, AFTER_A_BREAK, counted(4, 5, Basis::Unattributed));
        let unchanged = Sighting { revision: 140, ..before };
        check(None, None, unchanged, AFTER_A_BREAK, Verdict::Noop);
    }

    #[test]
    fn after_a_restored_storage_only_what_was_created_since_is_new() {
        let rebase = Arrival::Rebase { time: NOON };
        let after = Sighting { created: NOON + 5, first_seen: NOON + 5, ..seen(3) };
        check(None, None, after, rebase, exact(0, 3));
        check(None, None, seen(3), rebase, Verdict::Noop);
        let rebased = Known { revision: 0, ..known(3) };
        check(rebased, None, seen(2), rebase, counted(1, 2, Basis::Reset));
        check(rebased, None, Sighting { last_seen: NOON, ..seen(2) }, rebase, Verdict::Noop);
    }

    /// Plays a recorder's writes and adds up what they count.
    fn sum(writes: impl IntoIterator<Item = u32>) -> u32 {
        let mut last = None;
        let mut sum = 0;
        for (revision, total) in (1..).zip(writes) {
            let now = NOON + u32::try_from(revision).unwrap();
            let seen =
                Sighting { revision, total, first_seen: NOON, last_seen: now, created: NOON };
            if let Verdict::Counted { occurrences, .. } = count(last, None, seen, Arrival::Live) {
                sum += occurrences.added();
            }
            last = Some(Known { revision, total, last_seen: now });
        }
        sum
    }

    // The vectors: what client-go's recorders write for a known input, and the sum it must give.

    #[test]
    fn vector_the_same_message_forty_times_and_twice_later() {
        assert_eq!(sum(1..=25), 25);
        assert_eq!(sum((1..=25).chain([41])), 41);
    }

    #[test]
    fn vector_thirty_messages_that_are_combined_after_the_ninth() {
        let singles: u32 = (0..9).map(|_| sum([1])).sum();
        assert_eq!(singles + sum(1..=16), 25);
    }

    #[test]
    fn vector_two_types_in_turn() {
        assert_eq!(sum(1..=25) + sum(1..=25), 50);
    }

    #[test]
    fn vector_a_series_adds_one_when_it_begins_and_jumps_at_each_heartbeat() {
        // `Event::total` makes a series that is present count at least 2.
        assert_eq!(sum([1, 2]), 2);
        assert_eq!(sum([1, 2, 1802, 2400]), 2400);
    }

    #[test]
    fn vector_a_hand_made_event_counts_one_and_a_resync_changes_nothing() {
        assert_eq!(sum([1]), 1);
        let again = Sighting { revision: 100, ..seen(7) };
        check(known(7), None, again, AFTER_A_BREAK, Verdict::Noop);
    }
}
