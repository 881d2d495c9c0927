//! Kinds that may not be read: one request tells it for all objects of a kind, until somebody may have
//! granted the right.

use std::collections::{HashMap, HashSet};

use event::Text;

use super::kinds::KindId;

/// After so many seconds it is tried again; rights can be granted later.
pub(super) const REFUSED: u32 = 300;

/// What was refused, and what was told of it.
#[derive(Debug, Default)]
pub(super) struct Refusals {
    /// By kind and by the namespace that the right was asked for; empty for all.
    since: HashMap<KindId, HashMap<Text, u32>>,
    told: HashSet<KindId>,
}

impl Refusals {
    /// A request was refused; `now` is in seconds since 1970.
    pub(super) fn add(&mut self, kind: KindId, namespace: &str, now: u32) {
        if !self.holds(kind, namespace, now) {
            self.since.entry(kind).or_default().insert(namespace.into(), now);
        }
    }

    /// Whether there is no point in asking.
    pub(super) fn holds(&self, kind: KindId, namespace: &str, now: u32) -> bool {
        let since = self.since.get(&kind).and_then(|places| places.get(namespace));
        since.is_some_and(|since| now.saturating_sub(*since) < REFUSED)
    }

    /// How many kinds are refused, somewhere or everywhere.
    pub(super) fn kinds(&self, now: u32) -> usize {
        let holds = |since: &u32| now.saturating_sub(*since) < REFUSED;
        self.since.values().filter(|places| places.values().any(holds)).count()
    }

    /// Whether nobody was told of this kind yet; from now on somebody was.
    pub(super) fn tell(&mut self, kind: KindId) -> bool {
        self.told.insert(kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_holds_for_its_kind_and_place_until_it_is_time_to_try_again() {
        let mut refusals = Refusals::default();
        refusals.add(KindId::POD, "shop", 1000);
        assert!(refusals.holds(KindId::POD, "shop", 1000 + REFUSED - 1));
        assert!(!refusals.holds(KindId::POD, "search", 1000));
        assert!(!refusals.holds(KindId::NODE, "shop", 1000));
        assert_eq!((refusals.kinds(1000), refusals.kinds(1000 + REFUSED)), (1, 0));
        assert!(!refusals.holds(KindId::POD, "shop", 1000 + REFUSED));
    }

    #[test]
    fn each_kind_is_told_once() {
        let mut refusals = Refusals::default();
        let told = [KindId::POD, KindId::POD, KindId::NODE].map(|kind| refusals.tell(kind));
        assert_eq!(told, [true, false, true]);
    }
}
