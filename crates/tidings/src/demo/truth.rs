//! What happened in the pretend cluster, read from its own store: which writes a receiver must get.

use std::collections::HashMap;

use event::{
    Event,
    counting::{Arrival, Known, Sighting, Verdict, count},
    time,
};
use playground::store::{ChangeKind, ReadError, Selection, Store};

use super::tally::Id;

/// Follows the store from its beginning.
#[derive(Debug, Default)]
pub(super) struct Truth {
    position: Option<u64>,
    known: HashMap<u128, Known>,
}

/// One write of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Written {
    /// Which.
    pub(super) id: Id,
    /// Something happened. Otherwise an Event was removed, or written without happening again.
    pub(super) tells: bool,
}

impl Truth {
    /// What was written since the last time.
    pub(super) fn follow(&mut self, store: &Store) -> Result<Vec<Written>, ReadError> {
        let from = self.position.unwrap_or_else(|| store.oldest());
        let everything = Selection::default();
        let mut written = Vec::new();
        for change in store.changes(from, &everything)? {
            let event = &*change.object;
            let metadata = &event.metadata;
            let Some(id) = Id::read(&metadata.uid, &metadata.resource_version) else {
                continue;
            };
            let tells = match change.kind {
                ChangeKind::Deleted => {
                    self.known.remove(&id.uid);
                    false
                }
                ChangeKind::Added | ChangeKind::Modified => self.is_news(id, event),
            };
            written.push(Written { id, tells });
        }
        self.position = Some(store.revision());
        Ok(written)
    }

    /// The promise's own rule decides; it is a pure function with vectors of its own.
    fn is_news(&mut self, id: Id, event: &Event) -> bool {
        let seen = Sighting {
            revision: id.revision,
            total: event.total(),
            first_seen: time::to_u32(event.first_seen()),
            last_seen: time::to_u32(event.last_seen()),
            created: time::to_u32(event.metadata.creation_timestamp),
        };
        let known = Known { revision: id.revision, total: seen.total, last_seen: seen.last_seen };
        let verdict = count(self.known.insert(id.uid, known), None, seen, Arrival::Live);
        matches!(verdict, Verdict::Counted { .. })
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    fn told(truth: &mut Truth, store: &Store) -> Vec<bool> {
        truth.follow(store).unwrap().iter().map(|written| written.tells).collect()
    }

    #[test]
    fn new_events_and_repeats_tell_something_and_the_rest_does_not() {
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let mut store = Store::default();
        let mut truth = Truth::default();
        let mut event = Event { count: 1, last_timestamp: Some(now), ..Event::default() };
        event.metadata.name = "web.1".into();
        event.metadata.namespace = "default".into();
        let stored = store.create(event, now).unwrap();
        assert_eq!(told(&mut truth, &store), [true]);

        let mut repeated = Event::clone(&stored);
        repeated.count = 2;
        let stored = store.update(repeated, now).unwrap();
        let mut labelled = Event::clone(&stored);
        labelled.metadata.labels.insert("team".into(), "shop".into());
        store.update(labelled, now).unwrap();
        assert_eq!(told(&mut truth, &store), [true, false]);

        store.delete("default", "web.1").unwrap();
        assert_eq!(told(&mut truth, &store), [false]);
        assert!(told(&mut truth, &store).is_empty());
    }
}
