//! `tidings diff`: what the exporter wrote beside what Tidings would, each pair of payloads, and why they differ.

pub(crate) mod pairing;

pub(crate) mod reason;

pub(crate) mod record;

pub(crate) mod report;

use std::collections::HashSet;

use pairing::{Pair, Paired};
use reason::{Reason, Times};
use record::Record;

/// What two sides have in common, and what not.
#[derive(Debug, Default)]
pub(crate) struct Comparison {
    /// Pairs with the same bytes.
    pub(crate) equal: usize,
    pub(crate) different: Vec<Different>,
    pub(crate) only_theirs: Vec<Alone>,
    pub(crate) only_ours: Vec<Alone>,
}

/// Two payloads of the same event.
#[derive(Debug)]
pub(crate) struct Different {
    pub(crate) theirs: Record,
    pub(crate) ours: Record,
    pub(crate) reasons: Vec<Reason>,
}

/// A payload that only one side has.
#[derive(Debug)]
pub(crate) struct Alone {
    pub(crate) record: Record,
    pub(crate) reason: Reason,
}

impl Comparison {
    /// Compares everything that the two sides have written.
    pub(crate) fn of(theirs: Vec<Record>, ours: Vec<Record>) -> Self {
        let uids = |records: &[Record]| -> HashSet<String> {
            let known = records.iter().filter(|it| !it.uid.is_empty());
            known.map(|it| it.uid.clone()).collect()
        };
        let (their_uids, our_uids) = (uids(&theirs), uids(&ours));
        let (their_times, our_times) = (Times::of(&theirs), Times::of(&ours));
        let Paired { pairs, only_theirs, only_ours } = pairing::pair(theirs, ours);
        let mut found = Self::default();
        let mut sent = HashSet::new();
        for Pair { theirs, ours } in pairs {
            sent.insert(identity(&theirs));
            if theirs.text == ours.text {
                found.equal += 1;
            } else {
                let reasons = reason::different(&theirs, &ours);
                found.different.push(Different { theirs, ours, reasons });
            }
        }
        for record in only_theirs {
            let reason = if sent.contains(&identity(&record)) {
                Reason::TWICE
            } else {
                reason::alone_theirs(&record, &our_uids, &our_times)
            };
            found.only_theirs.push(Alone { record, reason });
        }
        for record in only_ours {
            let reason = reason::alone_ours(&record, &their_uids, &their_times);
            found.only_ours.push(Alone { record, reason });
        }
        found
    }

    /// Whether both sides have written the same.
    pub(crate) fn is_equal(&self) -> bool {
        self.different.is_empty() && self.only_theirs.is_empty() && self.only_ours.is_empty()
    }

    /// How often each reason was found, by its id.
    pub(crate) fn reasons(&self) -> Vec<(&'static str, usize)> {
        let mut counts = std::collections::BTreeMap::new();
        let alone = self.only_theirs.iter().chain(&self.only_ours).map(|it| &it.reason);
        let different = self.different.iter().flat_map(|it| &it.reasons);
        for reason in alone.chain(different) {
            *counts.entry(reason.id).or_default() += 1;
        }
        counts.into_iter().collect()
    }
}

/// What tells that the same was sent twice: uid and resourceVersion, or all of it where a layout shows neither.
fn identity(record: &Record) -> (String, String) {
    record.key().unwrap_or_else(|| (String::new(), record.text.clone()))
}

#[cfg(test)]
mod tests;
