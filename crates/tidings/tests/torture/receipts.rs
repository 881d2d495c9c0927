//! What one receiver got, by id, and how it compares with what was written.

use std::collections::HashMap;

use playground::store::LedgerEntry;
use serde::Deserialize;

/// One revision of one Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Id {
    pub(crate) revision: u64,
    /// The uid, as the number that its hexadecimal digits are.
    pub(crate) uid: u128,
}

impl Id {
    pub(crate) fn of(entry: &LedgerEntry) -> Self {
        Self { revision: entry.revision, uid: entry.uid }
    }
}

/// The part of the default document that tells which and how many.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Document {
    metadata: Metadata,
    #[serde(default)]
    reason: String,
    #[serde(default)]
    message: String,
    #[serde(default)]
    count: u32,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Metadata {
    uid: String,
    resource_version: String,
}

/// Everything one receiver got.
#[derive(Debug, Default)]
pub(crate) struct Receipts {
    got: HashMap<Id, Receipt>,
    /// What Tidings itself had to tell. A list that finds Events gone cannot know that they were not
    /// replaced meanwhile, and says so; that is honest, and no event of the cluster.
    pub(crate) own: HashMap<String, String>,
}

#[derive(Debug, Default, Clone, Copy)]
struct Receipt {
    times: u64,
    count: u32,
    /// It came with different counts.
    differs: bool,
}

/// Receipts against the truth.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    pub(crate) missing: Vec<Id>,
    /// Deliveries beyond the first of an id.
    pub(crate) repeated: u64,
    /// Ids that nobody wrote or that were no news, and counts that are not those written.
    pub(crate) strange: Vec<String>,
}

impl Receipts {
    pub(crate) fn take(&mut self, document: &Document) {
        let Document { metadata, reason, message, count } = document;
        if reason == "EventsMissed" {
            self.own.insert(metadata.uid.clone(), message.clone());
            return;
        }
        // What has no revision is none of the cluster's, and is found out as such.
        let revision = metadata.resource_version.parse().unwrap_or(u64::MAX);
        let digits = metadata.uid.bytes().filter_map(|byte| char::from(byte).to_digit(16));
        let uid = digits.fold(0, |uid, digit| uid << 4 | u128::from(digit));
        let receipt = self.got.entry(Id { revision, uid }).or_default();
        receipt.differs |= receipt.times > 0 && receipt.count != *count;
        receipt.times += 1;
        receipt.count = *count;
    }

    /// How many ids it got.
    pub(crate) fn len(&self) -> usize {
        self.got.len()
    }

    pub(crate) fn has(&self, id: Id) -> bool {
        self.got.contains_key(&id)
    }

    /// The oldest of what is not from before `since`.
    pub(crate) fn first_after(&self, since: u64) -> Option<u64> {
        let revisions = self.got.keys().map(|id| id.revision);
        revisions.filter(|revision| *revision > since).min()
    }

    /// Compares with what was written after `since`. The sum of a lineage's occurrences is its last
    /// count exactly when each revision came with its own count and none came that was not written.
    pub(crate) fn compare(&self, truth: &HashMap<Id, u32>, since: u64) -> Comparison {
        let mut found = Comparison::default();
        found.missing.extend(truth.keys().filter(|id| !self.has(**id)));
        found.missing.sort_unstable();
        for (id, receipt) in &self.got {
            found.repeated += receipt.times - 1;
            match truth.get(id) {
                Some(count) if *count == receipt.count && !receipt.differs => {}
                Some(count) => found.strange.push(format!("{id:?} has {count}: {receipt:?}")),
                // The signal that opened the count came at `since` itself.
                None if id.revision == since => {}
                None => found.strange.push(format!("{id:?} was not news: {receipt:?}")),
            }
        }
        found
    }
}
