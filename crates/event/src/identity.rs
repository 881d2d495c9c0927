//! Who an event is: the id that receivers see, and the key that our tables use.
//!
//! A revision is `(uid, resourceVersion)`. Hand-made and very old objects lack one or both; the
//! fall-backs keep two revisions apart and one revision the same.

use std::fmt;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed, xxh3_128};

use crate::Event;

/// Identity of an Event *object* in our tables: its [`NameKey`], 48 bits of its uid, and 16 bits that
/// tell its namespace from others.
///
/// Without a uid the first timestamp stands in for it; without a name too, the content. Stored in the
/// journal, so its making may never change without a new schema number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventKey(pub u128);

impl EventKey {
    /// The key of `event`'s object.
    pub fn of(event: &Event) -> Self {
        let metadata = &event.metadata;
        if metadata.name.is_empty() && metadata.uid.is_empty() {
            let content = xxh3_128(&crate::protobuf::encode(event)) & !u128::from(PLACE);
            return Self(content | u128::from(Place::of(&metadata.namespace).0));
        }
        let NameKey(name) = NameKey::of(&metadata.namespace, &metadata.name);
        let object = if metadata.uid.is_empty() {
            let first = event.first_timestamp.map_or(0, jiff::Timestamp::as_second);
            xxh3_64_with_seed(&first.to_le_bytes(), name)
        } else {
            xxh3_64(metadata.uid.as_bytes())
        };
        let Place(place) = Place::of(&metadata.namespace);
        Self(u128::from(name) << 64 | u128::from(object & !PLACE | u64::from(place)))
    }

    /// The namespace it is in.
    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits are what is asked for")]
    pub fn place(self) -> Place {
        Place(self.0 as u16)
    }

    /// The part that a later object of the same namespace and name shares.
    pub fn name(self) -> NameKey {
        NameKey((self.0 >> 64) as u64)
    }

    /// The part that only this object has.
    #[expect(clippy::cast_possible_truncation, reason = "the lower half is what is asked for")]
    pub fn object(self) -> u64 {
        self.0 as u64
    }
}

/// The bits of a key's object part that tell the namespace.
const PLACE: u64 = 0xffff;

/// 16 bits of a namespace's name: enough to tell a few from one another, not to know one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place(pub u16);

impl Place {
    /// The place of `namespace`.
    #[expect(clippy::cast_possible_truncation, reason = "a part of the hash is what is asked for")]
    pub fn of(namespace: &str) -> Self {
        Self(xxh3_64(namespace.as_bytes()) as u16)
    }
}

/// Identity of an Event's *name*, for tombstones: 64 bits of namespace and name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NameKey(pub u64);

impl NameKey {
    /// The key of `namespace`/`name`.
    pub fn of(namespace: &str, name: &str) -> Self {
        let seed = xxh3_64(namespace.as_bytes());
        Self(xxh3_64_with_seed(name.as_bytes(), seed))
    }
}

/// The id of one revision, stable over restarts and the same for every receiver.
///
/// Prints `uid/resourceVersion`, or `epoch/uid/resourceVersion` once the cluster's storage was
/// restored. Without a uid the 128-bit key stands in, without a numeric resourceVersion the order of
/// arrival, marked with `#`.
#[derive(Debug, Clone, Copy)]
pub struct EventId<'a>(pub &'a Event);

impl fmt::Display for EventId<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(event) = self;
        if event.epoch > 0 {
            write!(f, "{}/", event.epoch)?;
        }
        if event.metadata.uid.is_empty() {
            write!(f, "{:032x}", EventKey::of(event).0)?;
        } else {
            f.write_str(&event.metadata.uid)?;
        }
        match event.revision() {
            Some(_) => write!(f, "/{}", event.metadata.resource_version),
            None => write!(f, "/#{}", event.arrival),
        }
    }
}

impl Event {
    /// The id of this revision.
    pub fn id(&self) -> EventId<'_> {
        EventId(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(uid: &str, rv: &str) -> Event {
        let mut event = Event::default();
        event.metadata.uid = uid.into();
        event.metadata.resource_version = rv.into();
        event.metadata.name = "web.1".into();
        event
    }

    #[test]
    fn an_id_is_uid_and_resource_version_and_names_the_epoch_once_there_is_one() {
        let mut event = event("aa-11", "901");
        assert_eq!(event.id().to_string(), "aa-11/901");
        event.epoch = 2;
        assert_eq!(event.id().to_string(), "2/aa-11/901");
    }

    #[test]
    fn without_a_resource_version_the_order_of_arrival_keeps_revisions_apart() {
        let mut first = event("aa-11", "");
        first.arrival = 7;
        assert_eq!(first.id().to_string(), "aa-11/#7");
    }

    #[test]
    fn without_a_uid_the_key_follows_name_and_first_timestamp() {
        let (a, mut b) = (event("", "1"), event("", "2"));
        assert_eq!(EventKey::of(&a), EventKey::of(&b));
        b.first_timestamp = jiff::Timestamp::from_second(5).ok();
        assert_ne!(EventKey::of(&a), EventKey::of(&b));
    }

    #[test]
    fn two_objects_of_one_name_share_the_name_part_and_nothing_else() {
        let (a, b) = (event("aa-11", "1"), event("bb-22", "2"));
        assert_eq!(EventKey::of(&a).name(), EventKey::of(&b).name());
        assert_ne!(EventKey::of(&a), EventKey::of(&b));
    }

    #[test]
    fn without_a_name_the_key_follows_the_content() {
        let (mut a, mut b) = (Event::default(), Event::default());
        a.message = "one".into();
        b.message = "two".into();
        assert_ne!(EventKey::of(&a), EventKey::of(&b));
    }

    #[test]
    fn namespace_and_name_do_not_run_into_each_other() {
        assert_ne!(NameKey::of("a", "bc"), NameKey::of("ab", "c"));
    }
}
