//! Which payload of the one side is which of the other.
//!
//! By uid and resourceVersion where both have them; else by the same bytes; else by what they have most in
//! common: a layout may show little of an event.

use std::collections::{HashMap, VecDeque};

use serde_json::Value;

use super::record::Record;

/// So many payloads may share a value before it tells nothing of which is which.
const COMMON: usize = 64;

/// Two payloads of the same event.
#[derive(Debug)]
pub(crate) struct Pair {
    pub(crate) theirs: Record,
    pub(crate) ours: Record,
}

/// Both sides, paired as far as they can be; in the order of the files.
#[derive(Debug, Default)]
pub(crate) struct Paired {
    pub(crate) pairs: Vec<Pair>,
    pub(crate) only_theirs: Vec<Record>,
    pub(crate) only_ours: Vec<Record>,
}

/// Pairs them.
pub(crate) fn pair(theirs: Vec<Record>, ours: Vec<Record>) -> Paired {
    let mut theirs: Vec<_> = theirs.into_iter().map(Some).collect();
    let mut ours: Vec<_> = ours.into_iter().map(Some).collect();
    let mut partner: Vec<Option<usize>> = vec![None; theirs.len()];
    by(&mut partner, &theirs, &ours, Record::key);
    by(&mut partner, &theirs, &ours, |record| Some(record.text.clone()));
    by_likeness(&mut partner, &theirs, &ours);
    let mut paired = Paired::default();
    for (theirs, at) in theirs.iter_mut().zip(partner) {
        match (theirs.take(), at.and_then(|at| ours[at].take())) {
            (Some(theirs), Some(ours)) => paired.pairs.push(Pair { theirs, ours }),
            (Some(theirs), None) => paired.only_theirs.push(theirs),
            (None, _) => {}
        }
    }
    paired.only_ours = ours.into_iter().flatten().collect();
    paired
}

/// Those of ours that have no partner yet.
fn free<'r>(
    partner: &[Option<usize>],
    ours: &'r [Option<Record>],
) -> impl Iterator<Item = (usize, &'r Record)> + use<'r> {
    let mut taken = vec![false; ours.len()];
    partner.iter().flatten().for_each(|at| taken[*at] = true);
    let with_index = ours.iter().enumerate();
    with_index
        .filter_map(move |(at, it)| if taken[at] { None } else { it.as_ref().map(|it| (at, it)) })
}

/// Pairs what has the same key, first with first.
fn by<K: Eq + std::hash::Hash>(
    partner: &mut [Option<usize>],
    theirs: &[Option<Record>],
    ours: &[Option<Record>],
    key: impl Fn(&Record) -> Option<K>,
) {
    let mut known: HashMap<K, VecDeque<usize>> = HashMap::new();
    for (at, record) in free(partner, ours) {
        if let Some(key) = key(record) {
            known.entry(key).or_default().push_back(at);
        }
    }
    for (at, record) in theirs.iter().enumerate() {
        let Some(record) = record.as_ref().filter(|_| partner[at].is_none()) else { continue };
        let same = key(record).and_then(|key| known.get_mut(&key)?.pop_front());
        partner[at] = same;
    }
}

/// Pairs what has at least half of its values in common. What knows its event on both sides is left alone:
/// it is another event.
fn by_likeness(partner: &mut [Option<usize>], theirs: &[Option<Record>], ours: &[Option<Record>]) {
    let mut index: HashMap<(String, String), Vec<usize>> = HashMap::new();
    let mut free: HashMap<usize, &Record> = free(partner, ours).collect();
    let mut order: Vec<_> = free.keys().copied().collect();
    order.sort_unstable();
    for at in order {
        for leaf in leaves(&free[&at].value) {
            index.entry(leaf).or_default().push(at);
        }
    }
    for (at, record) in theirs.iter().enumerate() {
        let Some(record) = record.as_ref().filter(|_| partner[at].is_none()) else { continue };
        let leaves = leaves(&record.value);
        let mut shared: HashMap<usize, usize> = HashMap::new();
        for leaf in &leaves {
            let holders = index.get(leaf).map_or(&[][..], Vec::as_slice);
            for holder in holders.iter().filter(|_| holders.len() <= COMMON) {
                *shared.entry(*holder).or_default() += 1;
            }
        }
        let is_other =
            |ours: &Record| record.key().is_some() && !ours.value["metadata"]["uid"].is_null();
        let candidates = shared
            .into_iter()
            .filter(|(ours, _)| free.get(ours).is_some_and(|ours| !is_other(ours)));
        let alike = |ours: usize| {
            // All values count now, common ones too.
            let ours = self::leaves(&free[&ours].value);
            ours.iter().filter(|leaf| leaves.contains(leaf)).count() * 2
                >= leaves.len().max(ours.len())
        };
        // Of several that are as like, the first.
        let best = candidates.max_by_key(|(ours, shared)| (*shared, std::cmp::Reverse(*ours)));
        if let Some((best, _)) = best.filter(|(ours, _)| alike(*ours)) {
            partner[at] = Some(best);
            free.remove(&best);
        }
    }
}

/// Each value that is not a list or a mapping, with the keys that lead there.
fn leaves(value: &Value) -> Vec<(String, String)> {
    fn walk(value: &Value, path: &str, leaves: &mut Vec<(String, String)>) {
        match value {
            Value::Object(object) => {
                for (key, value) in object {
                    walk(value, &format!("{path}.{key}"), leaves);
                }
            }
            Value::Array(elements) => {
                for (at, value) in elements.iter().enumerate() {
                    walk(value, &format!("{path}[{at}]"), leaves);
                }
            }
            scalar => leaves.push((path.to_owned(), scalar.to_string())),
        }
    }
    let mut found = Vec::new();
    walk(value, "", &mut found);
    found
}
