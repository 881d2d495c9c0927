//! The decision that travels with an event: the set of lanes it takes.

use std::fmt;

/// Number of a lane in the journal; reused once no row carries it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneId(pub u16);

/// A set of lanes of any length, as bits; trailing zero bytes are never kept, so equal sets have
/// equal bytes.
#[derive(Clone, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LaneSet(Bits);

/// Up to eight lanes fit without an allocation.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Bits {
    Few(u8),
    Many(Box<[u8]>),
}

impl Default for Bits {
    fn default() -> Self {
        Self::Few(0)
    }
}

impl LaneSet {
    /// The empty set.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds `lane`; says whether it is new.
    pub fn insert(&mut self, lane: LaneId) -> bool {
        if self.contains(lane) {
            return false;
        }
        let (byte, bit) = place(lane);
        match &mut self.0 {
            Bits::Few(bits) if byte == 0 => *bits |= bit,
            _ => {
                let mut bytes = self.as_bytes().to_vec();
                bytes.resize(bytes.len().max(byte + 1), 0);
                bytes[byte] |= bit;
                self.0 = Bits::Many(bytes.into());
            }
        }
        true
    }

    /// Adds every lane of `other`.
    pub fn extend(&mut self, other: &Self) {
        for lane in other.iter() {
            self.insert(lane);
        }
    }

    /// Whether `lane` is in the set.
    pub fn contains(&self, lane: LaneId) -> bool {
        let (byte, bit) = place(lane);
        self.as_bytes().get(byte).is_some_and(|bits| bits & bit != 0)
    }

    /// Whether no lane is in the set.
    pub fn is_empty(&self) -> bool {
        self.0 == Bits::Few(0)
    }

    /// The lanes, lowest first.
    pub fn iter(&self) -> impl Iterator<Item = LaneId> + '_ {
        self.as_bytes().iter().zip(0u16..).flat_map(|(bits, byte)| {
            (0..8).filter(move |bit| bits & (1 << bit) != 0).map(move |bit| LaneId(byte * 8 + bit))
        })
    }

    /// The bits, lowest lane first, without trailing zero bytes; the form in the journal.
    pub fn as_bytes(&self) -> &[u8] {
        match &self.0 {
            Bits::Few(0) => &[],
            Bits::Few(bits) => std::slice::from_ref(bits),
            Bits::Many(bytes) => bytes,
        }
    }

    /// The set behind [`LaneSet::as_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Self {
        let used = bytes.iter().rposition(|bits| *bits != 0).map_or(0, |last| last + 1);
        match &bytes[..used] {
            [] => Self::default(),
            [bits] => Self(Bits::Few(*bits)),
            many => Self(Bits::Many(many.into())),
        }
    }
}

fn place(lane: LaneId) -> (usize, u8) {
    (usize::from(lane.0 / 8), 1 << (lane.0 % 8))
}

impl FromIterator<LaneId> for LaneSet {
    fn from_iter<I: IntoIterator<Item = LaneId>>(lanes: I) -> Self {
        let mut set = Self::new();
        for lane in lanes {
            set.insert(lane);
        }
        set
    }
}

impl fmt::Debug for LaneSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.iter().map(|lane| lane.0)).finish()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_lane_set_is_a_set_and_survives_its_bytes(lanes in prop::collection::vec(0u16..2000, 0..40)) {
            let set: LaneSet = lanes.iter().map(|lane| LaneId(*lane)).collect();
            let model: BTreeSet<u16> = lanes.iter().copied().collect();
            prop_assert_eq!(set.iter().map(|lane| lane.0).collect::<BTreeSet<_>>(), model.clone());
            prop_assert_eq!(set.is_empty(), model.is_empty());
            prop_assert_eq!(&LaneSet::from_bytes(set.as_bytes()), &set);
            let backwards: LaneSet = lanes.iter().rev().map(|lane| LaneId(*lane)).collect();
            prop_assert_eq!(backwards, set);
        }
    }
}
