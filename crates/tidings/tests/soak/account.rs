//! What was written and who got it. What everybody has is forgotten after a while, so that days take no more
//! memory than minutes.

use std::collections::{BTreeSet, HashMap, VecDeque};

use serde::Deserialize;

/// So many writes are remembered beyond the time when everybody has them, to know their repeats.
const KEPT: usize = 200_000;

/// One of the two receivers.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Receiver {
    File,
    Webhook,
}

/// The part of the default document that tells which and how many.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    metadata: Metadata,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    count: u32,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
}

/// A line of the playground's ledger.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Written {
    uid: String,
    resource_version: String,
    total: u32,
}

/// One revision of one Event: its resourceVersion, and the uid as a number.
type Id = (u64, u128);

#[derive(Debug, Default)]
struct Entry {
    /// The count that it was written with, once that is known.
    written: Option<u32>,
    /// How often each receiver got it.
    times: [u32; 2],
    /// The count that it came with.
    count: Option<u32>,
    /// It came with several.
    differs: bool,
}

impl Entry {
    fn is_everywhere(&self) -> bool {
        self.times.iter().all(|times| *times > 0)
    }

    /// Nobody wrote it, or not with that count.
    fn is_strange(&self) -> bool {
        self.differs || (self.count.is_some() && self.count != self.written)
    }
}

/// See the module. Counts from a revision on.
#[derive(Debug, Default)]
pub(crate) struct Account {
    entries: HashMap<Id, Entry>,
    order: VecDeque<Id>,
    /// Of older writes nothing is known.
    since: Option<u64>,
    forgotten: u64,
    newest: u64,
    /// So many were written.
    pub(crate) written: u64,
    got: [u64; 2],
    /// Deliveries beyond the first of an id.
    pub(crate) repeated: u64,
    /// Ids that nobody wrote, or with another count.
    pub(crate) strange: u64,
    /// Reasons of events that Tidings itself had to tell.
    pub(crate) own: BTreeSet<String>,
}

impl Account {
    /// Counts what is written from now on.
    pub(crate) fn open(&mut self, since: u64) {
        *self = Self { since: Some(since), newest: since, ..Self::default() };
    }

    /// Whether `receiver` got anything yet.
    pub(crate) fn has_begun(&self, receiver: Receiver) -> bool {
        self.got[receiver as usize] > 0
    }

    /// The revision that was written last.
    pub(crate) fn newest(&self) -> u64 {
        self.newest
    }

    pub(crate) fn write(&mut self, line: &Written) {
        let id = id(&line.uid, &line.resource_version);
        if self.since.is_some_and(|since| id.0 > since) {
            self.entries.entry(id).or_default().written = Some(line.total);
            self.order.push_back(id);
            self.newest = id.0;
            self.written += 1;
        }
    }

    pub(crate) fn take(&mut self, receiver: Receiver, document: &Document) {
        // What has no revision is none of the cluster's, and is found out as such.
        let id = id(&document.metadata.uid, &document.metadata.resource_version);
        if document.reason.starts_with("Events") {
            self.own.insert(document.reason.clone());
        } else if id.0 <= self.forgotten {
            self.repeated += 1;
        } else if self.since.is_none_or(|since| id.0 > since) {
            let entry = self.entries.entry(id).or_default();
            let times = &mut entry.times[receiver as usize];
            *times += 1;
            if *times == 1 {
                self.got[receiver as usize] += 1;
            } else {
                self.repeated += 1;
            }
            entry.differs |= entry.count.is_some_and(|count| count != document.count);
            entry.count = Some(document.count);
        }
    }

    /// How much was written that `receiver` has not, roughly.
    pub(crate) fn behind(&self, receiver: Receiver) -> u64 {
        self.written.saturating_sub(self.got[receiver as usize])
    }

    /// Forgets what everybody has for long.
    pub(crate) fn forget(&mut self) {
        while self.order.len() > KEPT {
            let id = self.order[0];
            if !self.entries.get(&id).is_some_and(Entry::is_everywhere) {
                return;
            }
            if let Some(entry) = self.entries.remove(&id) {
                self.strange += u64::from(entry.is_strange());
            }
            self.forgotten = id.0;
            self.order.pop_front();
        }
    }

    /// What was written up to revision `until` and is not at both.
    pub(crate) fn missing(&self, until: u64) -> usize {
        let due = self.order.iter().take_while(|id| id.0 <= until);
        due.filter(|id| !self.entries.get(id).is_some_and(Entry::is_everywhere)).count()
    }

    /// Everything strange, now that all that was written is known.
    pub(crate) fn all_strange(&self) -> u64 {
        self.strange + self.entries.values().filter(|entry| entry.is_strange()).count() as u64
    }
}

fn id(uid: &str, revision: &str) -> Id {
    let digits = uid.bytes().filter_map(|byte| char::from(byte).to_digit(16));
    let uid = digits.fold(0, |uid, digit| uid << 4 | u128::from(digit));
    (revision.parse().unwrap_or(u64::MAX), uid)
}
