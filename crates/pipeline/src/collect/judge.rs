//! What one look at an Event object means: the counting rule, applied to what is remembered of it.

use event::{
    Event, EventKey,
    counting::{Arrival, Basis, Sighting, Verdict, count},
    journal::Change,
    time,
};

use crate::save::live::Live;

/// An event with the verdict on it.
#[derive(Debug)]
pub struct Judged {
    /// The event; its occurrences are set.
    pub event: Box<Event>,
    /// The object.
    pub key: EventKey,
    /// What to remember; nothing where nothing changed.
    pub change: Option<Change>,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of an event after it was judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It happened: to be routed.
    Happened(Basis),
    /// It stood there before Tidings looked for the first time.
    Baseline,
    /// Seen before, metadata only, or deleted.
    Noop,
}

/// Judges a look at a living object. `now` is in seconds since 1970.
pub fn judge(live: &Live, mut event: Box<Event>, arrival: Arrival, now: u32) -> Judged {
    let key = EventKey::of(&event);
    let known = live.get(key).map(|entry| entry.known);
    let seen = Sighting {
        revision: event.revision().unwrap_or(0),
        total: event.total(),
        first_seen: time::to_u32(event.first_seen()),
        last_seen: time::to_u32(event.last_seen()),
        created: time::to_u32(event.metadata.creation_timestamp),
    };
    // A tombstone tells of a counter above 1; one that stands at 1 does not go on with it.
    let tombstone = (known.is_none() && seen.total > 1).then(|| live.tombstone(key.name()));
    let fate = match count(known, tombstone.flatten(), seen, arrival) {
        Verdict::Counted { occurrences, basis } => {
            event.occurrences = occurrences;
            Fate::Happened(basis)
        }
        Verdict::Baseline => Fate::Baseline,
        Verdict::Noop => Fate::Noop,
    };
    let unchanged = known.is_some_and(|known| {
        known.total == seen.total
            && (known.revision == seen.revision || seen.revision < known.revision)
    });
    // What stood there unchanged before a break, and is not remembered, is left that way: if the
    // storage turns out to have been set back, it is news after all.
    let forgotten = known.is_none() && fate == Fate::Noop && matches!(arrival, Arrival::CatchUp(_));
    let outdated = known.is_some_and(|known| seen.revision != 0 && seen.revision < known.revision);
    let change = (!unchanged && !outdated && !forgotten).then_some(Change {
        key,
        revision: seen.revision,
        total: seen.total,
        last_seen: seen.last_seen,
        // The server's and the recorder's clocks say when it changed; ours only when we heard of it.
        touched: seen.last_seen.max(seen.created).min(now),
        gone: false,
    });
    Judged { event, key, change, fate }
}

/// What to remember of an object that stands there as it stood before anybody here looked.
pub(super) fn standing(event: &Event, key: EventKey, now: u32) -> Change {
    let last_seen = time::to_u32(event.last_seen());
    let created = time::to_u32(event.metadata.creation_timestamp);
    Change {
        key,
        revision: event.revision().unwrap_or(0),
        total: event.total(),
        last_seen,
        touched: last_seen.max(created).min(now),
        gone: false,
    }
}

/// Judges the deletion of an object. It adds nothing, but its counter outlives it.
pub fn judge_deleted(live: &Live, event: Box<Event>, now: u32) -> Judged {
    let key = EventKey::of(&event);
    let known = live.get(key).map_or(0, |entry| entry.known.total);
    let change = Change {
        key,
        revision: event.revision().unwrap_or(0),
        total: event.total().max(known),
        last_seen: time::to_u32(event.last_seen()),
        touched: now,
        gone: true,
    };
    Judged { event, key, change: Some(change), fate: Fate::Noop }
}
