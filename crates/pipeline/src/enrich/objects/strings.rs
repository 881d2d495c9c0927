//! Strings kept once: label keys, most label values, namespaces and names repeat without end.

use std::hash::{BuildHasher, RandomState};

use hashbrown::{HashTable, hash_table::Entry};

/// Stands for a string. Whoever keeps one counts as a user of it, see [`Strings::keep`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Symbol(u32);

/// The strings in use.
#[derive(Debug, Default)]
pub(super) struct Strings {
    slots: Vec<Slot>,
    index: HashTable<u32>,
    free: Vec<u32>,
    hasher: RandomState,
}

#[derive(Debug)]
struct Slot {
    text: Box<str>,
    users: u32,
}

impl Strings {
    /// The symbol of `text`, with one more user.
    pub(super) fn keep(&mut self, text: &str) -> Symbol {
        let Self { slots, index, free, hasher } = self;
        let equal = |at: &u32| *slots[*at as usize].text == *text;
        let hash_of = |at: &u32| hasher.hash_one(&*slots[*at as usize].text);
        match index.entry(hasher.hash_one(text), equal, hash_of) {
            Entry::Occupied(found) => {
                let at = *found.get();
                slots[at as usize].users += 1;
                Symbol(at)
            }
            Entry::Vacant(place) => {
                let slot = Slot { text: text.into(), users: 1 };
                let end = u32::try_from(slots.len()).expect("strings fill the memory first");
                let at = free.pop().unwrap_or(end);
                place.insert(at);
                if at == end {
                    slots.push(slot);
                } else {
                    slots[at as usize] = slot;
                }
                Symbol(at)
            }
        }
    }

    /// The symbol of `text`, if somebody keeps it.
    pub(super) fn find(&self, text: &str) -> Option<Symbol> {
        let equal = |at: &u32| *self.slots[*at as usize].text == *text;
        self.index.find(self.hasher.hash_one(text), equal).map(|at| Symbol(*at))
    }

    /// The string.
    pub(super) fn text(&self, symbol: Symbol) -> &str {
        &self.slots[symbol.0 as usize].text
    }

    /// One user less; without users the string is forgotten.
    pub(super) fn release(&mut self, symbol: Symbol) {
        let Self { slots, index, free, hasher } = self;
        let slot = &mut slots[symbol.0 as usize];
        slot.users -= 1;
        if slot.users > 0 {
            return;
        }
        let hash = hasher.hash_one(&*slot.text);
        if let Ok(found) = index.find_entry(hash, |at| *at == symbol.0) {
            found.remove();
        }
        slot.text = Box::default();
        free.push(symbol.0);
    }

    /// How many different strings are kept.
    pub(super) fn len(&self) -> usize {
        self.index.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_kept_once_and_as_long_as_it_has_users() {
        let mut strings = Strings::default();
        let (a, b, again) = (strings.keep("app"), strings.keep("web"), strings.keep("app"));
        assert_eq!((a, strings.len()), (again, 2));
        assert_ne!(a, b);
        strings.release(a);
        assert_eq!(strings.find("app"), Some(a));
        strings.release(a);
        assert_eq!((strings.find("app"), strings.len()), (None, 1));
        // The place is used again.
        assert_eq!(strings.keep("api"), a);
        assert_eq!((strings.text(a), strings.text(b)), ("api", "web"));
    }
}
