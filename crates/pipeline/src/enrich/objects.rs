//! The objects that events are about, as far as they are watched: metadata, interned and compact.
//!
//! An object is found by kind, namespace and name, and it must be the one that the event names: its
//! uid is compared, so that a pod never gets the labels of the one that had its name before. An object
//! that is gone is remembered for ten minutes: its last events come after its end.

mod record;

mod strings;

use std::collections::{HashMap, VecDeque};

use event::{OwnerReference, Text, event::TextMap};

use self::{
    record::{Record, State},
    strings::{Strings, Symbol},
};
use super::kinds::{KindId, WATCHED};

/// How long an object that is gone is remembered, in seconds.
pub const REMEMBERED: u32 = 600;

/// So many objects that had the same name are remembered.
const NAMESAKES: usize = 8;

/// The metadata of an object, as far as it matters.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Metadata {
    /// Identity of the object.
    pub uid: Text,
    /// The uid by which the kubelet calls the static pod that this pod mirrors; empty otherwise.
    pub mirrors: Text,
    /// Its labels.
    pub labels: TextMap,
    /// Its annotations; empty where nothing asks for them.
    pub annotations: TextMap,
    /// Its owners.
    pub owners: Vec<OwnerReference>,
    /// Its deletion has begun, or is over.
    pub deleting: bool,
}

/// Where an object is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Place<'a> {
    /// Its kind.
    pub kind: KindId,
    /// Its namespace; empty for what has none.
    pub namespace: &'a str,
    /// Its name.
    pub name: &'a str,
}

/// Everything that is remembered.
#[derive(Debug, Default)]
pub struct Objects {
    strings: Strings,
    records: HashMap<Key, Record>,
    /// What is gone, in the order of going.
    gone: VecDeque<(u32, Key)>,
    passes: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Key {
    kind: KindId,
    namespace: Symbol,
    name: Symbol,
}

/// One pass of a watch: everything it shows until it has shown all that exists.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pass(u32);

impl Objects {
    /// A watch begins to show what exists.
    pub fn begin_pass(&mut self) -> Pass {
        self.passes += 1;
        Pass(self.passes)
    }

    /// An object is there, new or in a new state. A watch names its newest pass.
    pub fn put(&mut self, place: Place<'_>, metadata: &Metadata, pass: Pass, now: u32) {
        self.expire(now);
        let mut record = Record::new(metadata, pass.0, &mut self.strings);
        let key = self.key(place);
        let Some(known) = self.records.get_mut(&key) else {
            self.records.insert(key, record);
            return;
        };
        self.strings.release(key.namespace);
        self.strings.release(key.name);
        if known.has_uid(&metadata.uid, &self.strings) {
            record.before = known.before.take();
            std::mem::replace(known, record).release(&mut self.strings);
            return;
        }
        // Another object has taken the name.
        let mut before = std::mem::replace(known, record);
        if before.is_living() {
            before.state = State::Gone(now);
            self.gone.push_back((now, key));
        }
        known.before = Some(Box::new(before));
        self.forget_namesakes(key);
    }

    /// An object is gone. Its last state stays for a while.
    pub fn remove(&mut self, place: Place<'_>, last: &Metadata, pass: Pass, now: u32) {
        self.put(place, last, pass, now);
        let key = self.find_key(place).expect("it was just put there");
        let known = self.records.get_mut(&key).expect("it was just put there");
        known.state = State::Gone(now);
        self.gone.push_back((now, key));
    }

    /// The pass has shown everything of this kind, in one namespace or in all: what it did not show is
    /// gone.
    pub fn end_pass(&mut self, kind: KindId, namespace: Option<&str>, pass: Pass, now: u32) {
        let namespace = match namespace {
            None => None,
            Some(name) => match self.strings.find(name) {
                None => return,
                some => some,
            },
        };
        for (key, record) in &mut self.records {
            let covered = key.kind == kind && namespace.is_none_or(|it| it == key.namespace);
            if covered && record.pass < pass.0 && record.is_living() {
                record.state = State::Gone(now);
                self.gone.push_back((now, *key));
            }
        }
        self.expire(now);
    }

    /// The object with this uid; without a uid the one that has the name now, or had it last.
    pub fn find(&self, place: Place<'_>, uid: &str) -> Option<Known<'_>> {
        let mut record = self.records.get(&self.find_key(place)?)?;
        while !uid.is_empty() && !record.is(uid, &self.strings) {
            record = record.before.as_deref()?;
        }
        Some(Known { record, strings: &self.strings })
    }

    /// How many objects are remembered, the gone ones among them.
    pub fn len(&self) -> usize {
        self.records.len()
    }

    /// Whether nothing is remembered.
    pub fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// How many objects there are now of each of [`WATCHED`]. Looks at them one by one.
    pub fn counts(&self) -> [usize; WATCHED.len()] {
        let mut counts = [0; WATCHED.len()];
        for (key, record) in &self.records {
            if let Some(at) = key.kind.watched_at().filter(|_| record.is_living()) {
                counts[at] += 1;
            }
        }
        counts
    }

    /// How many strings are kept; for tests and for people.
    pub fn strings(&self) -> usize {
        self.strings.len()
    }

    /// Forgets what has been gone for too long. `now` is in seconds since 1970.
    pub fn expire(&mut self, now: u32) {
        while let Some(&(at, key)) = self.gone.front()
            && now.saturating_sub(at) >= REMEMBERED
        {
            self.gone.pop_front();
            self.forget(key, now);
        }
    }

    /// Forgets those of one name that have been gone for too long.
    fn forget(&mut self, key: Key, now: u32) {
        let Some(mut record) = self.records.remove(&key) else { return };
        let mut kept = Vec::new();
        loop {
            let before = record.before.take();
            match record.state {
                State::Gone(at) if now.saturating_sub(at) >= REMEMBERED => {
                    record.release(&mut self.strings);
                }
                _ => kept.push(record),
            }
            let Some(next) = before else { break };
            record = *next;
        }
        self.put_back(key, kept);
    }

    /// Forgets the oldest of those that had the same name, if they are too many.
    fn forget_namesakes(&mut self, key: Key) {
        let Some(record) = self.records.get(&key) else { return };
        let chain = std::iter::successors(Some(record), |record| record.before.as_deref());
        if chain.count() <= NAMESAKES {
            return;
        }
        let Some(mut record) = self.records.remove(&key) else { return };
        let mut kept = Vec::new();
        loop {
            let before = record.before.take();
            if kept.len() < NAMESAKES {
                kept.push(record);
            } else {
                record.release(&mut self.strings);
            }
            let Some(next) = before else { break };
            record = *next;
        }
        self.put_back(key, kept);
    }

    /// Newest first.
    fn put_back(&mut self, key: Key, chain: Vec<Record>) {
        let newest = chain.into_iter().rev().fold(None, |before, mut record| {
            record.before = before.map(Box::new);
            Some(record)
        });
        if let Some(record) = newest {
            self.records.insert(key, record);
        } else {
            self.strings.release(key.namespace);
            self.strings.release(key.name);
        }
    }

    /// The key, with its strings kept once more.
    fn key(&mut self, place: Place<'_>) -> Key {
        Key {
            kind: place.kind,
            namespace: self.strings.keep(place.namespace),
            name: self.strings.keep(place.name),
        }
    }

    fn find_key(&self, place: Place<'_>) -> Option<Key> {
        Some(Key {
            kind: place.kind,
            name: self.strings.find(place.name)?,
            namespace: self.strings.find(place.namespace)?,
        })
    }
}

/// An object that was found.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    record: &'a Record,
    strings: &'a Strings,
}

impl Known<'_> {
    /// Its labels.
    pub fn labels(self) -> TextMap {
        self.record.labels(self.strings)
    }

    /// Its annotations.
    pub fn annotations(self) -> TextMap {
        self.record.annotations(self.strings)
    }

    /// Its owners.
    pub fn owners(self) -> Vec<OwnerReference> {
        self.record.owners(self.strings)
    }

    /// Whether it is gone, or going.
    pub fn is_deleted(self) -> bool {
        self.record.state != State::Living
    }
}

#[cfg(test)]
mod tests;
