//! The binary form of a row, and the seal that tells whether it is still what was written.
//!
//! `SQLite` does not sum up its pages. A flipped bit in a lane set would send an event to the wrong
//! receiver, one in a change would make the live state wrong for ever, so each row carries a seal.

use event::{EventKey, journal::Change};

/// Bytes of a change.
pub(super) const CHANGE: usize = 37;

/// Writes a change: key 16, revision 8, total, last seen and touched 4 each, gone 1.
pub(super) fn encode_change(change: &Change) -> [u8; CHANGE] {
    let mut out = [0; CHANGE];
    out[..16].copy_from_slice(&change.key.0.to_le_bytes());
    out[16..24].copy_from_slice(&change.revision.to_le_bytes());
    out[24..28].copy_from_slice(&change.total.to_le_bytes());
    out[28..32].copy_from_slice(&change.last_seen.to_le_bytes());
    out[32..36].copy_from_slice(&change.touched.to_le_bytes());
    out[36] = change.gone.into();
    out
}

/// Reads what [`encode_change`] wrote; `None` when it has another length.
pub(super) fn decode_change(bytes: &[u8]) -> Option<Change> {
    let bytes: &[u8; CHANGE] = bytes.try_into().ok()?;
    let half = |at| u32::from_le_bytes(array(bytes, at));
    Some(Change {
        key: EventKey(u128::from_le_bytes(array(bytes, 0))),
        revision: u64::from_le_bytes(array(bytes, 16)),
        total: half(24),
        last_seen: half(28),
        touched: half(32),
        gone: bytes[36] != 0,
    })
}

fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    out.copy_from_slice(&bytes[at..at + N]);
    out
}

/// Sums up a few values, so that a change in any of them, or of their lengths, is noticed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seal(u64);

impl Seal {
    /// The seal of a row: in its upper half that of its head, in its lower half that of its body. A
    /// broken body costs one event; a broken head makes lanes and live state wrong.
    pub(super) fn of_row(
        seq: u64,
        lanes: &[u8],
        change: Option<&[u8]>,
        body: Option<&[u8]>,
    ) -> i64 {
        Self::of_head(seq, lanes, change) << 32 | Self::of_body(body)
    }

    /// Whether the head is what was sealed.
    pub(super) fn fits_head(seal: i64, seq: u64, lanes: &[u8], change: Option<&[u8]>) -> bool {
        (seal ^ (Self::of_head(seq, lanes, change) << 32)) >> 32 == 0
    }

    /// Whether the body is what was sealed.
    pub(super) fn fits_body(seal: i64, body: Option<&[u8]>) -> bool {
        seal & 0xffff_ffff == Self::of_body(body)
    }

    fn of_head(seq: u64, lanes: &[u8], change: Option<&[u8]>) -> i64 {
        let mut seal = Self::new();
        seal.number(seq);
        seal.bytes(lanes);
        seal.maybe(change);
        seal.value()
    }

    fn of_body(body: Option<&[u8]>) -> i64 {
        let mut seal = Self::new();
        seal.maybe(body);
        seal.value()
    }

    fn maybe(&mut self, bytes: Option<&[u8]>) {
        match bytes {
            Some(bytes) => self.bytes(bytes),
            None => self.number(u64::MAX),
        }
    }

    /// A seal over nothing.
    pub(super) fn new() -> Self {
        Self(0x2545_f491_4f6c_dd1d)
    }

    /// Takes in a number.
    pub(super) fn number(&mut self, number: u64) {
        let mixed = (self.0 ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15);
        self.0 = mixed ^ (mixed >> 29);
    }

    /// Takes in bytes, eight at a time.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.number(bytes.len() as u64);
        let (words, rest) = bytes.as_chunks();
        for word in words {
            self.number(u64::from_le_bytes(*word));
        }
        let mut last = [0; 8];
        last[..rest.len()].copy_from_slice(rest);
        self.number(u64::from_le_bytes(last));
    }

    /// The seal, in 32 bits: enough to notice.
    pub(super) fn value(self) -> i64 {
        ((self.0 ^ (self.0 >> 32)) & 0xffff_ffff).cast_signed()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_change_gives_back_every_field(
            key in any::<u128>(), revision in any::<u64>(), halves in any::<[u32; 3]>(), gone in any::<bool>(),
        ) {
            let change = Change {
                key: EventKey(key),
                revision,
                total: halves[0],
                last_seen: halves[1],
                touched: halves[2],
                gone,
            };
            prop_assert_eq!(decode_change(&encode_change(&change)), Some(change));
            prop_assert_eq!(decode_change(&encode_change(&change)[1..]), None);
        }

        #[test]
        fn a_seal_notices_every_flipped_bit(
            mut body in prop::collection::vec(any::<u8>(), 1..700), at in any::<prop::sample::Index>(), bit in 0..8u8,
        ) {
            let seal = Seal::of_row(7, &[3], Some(&body), Some(&body));
            prop_assert!(Seal::fits_head(seal, 7, &[3], Some(&body)) && Seal::fits_body(seal, Some(&body)));
            let at = at.index(body.len());
            body[at] ^= 1 << bit;
            prop_assert!(!Seal::fits_head(seal, 7, &[3], Some(&body)) && !Seal::fits_body(seal, Some(&body)));
            prop_assert!(!Seal::fits_head(seal ^ (1 << 40), 7, &[3], Some(&body)));
        }
    }

    #[test]
    fn a_seal_knows_what_is_absent_from_what_is_empty() {
        assert_ne!(Seal::of_row(1, &[], None, Some(&[])), Seal::of_row(1, &[], Some(&[]), None));
        assert_ne!(Seal::of_row(1, &[], None, None), Seal::of_row(2, &[], None, None));
    }
}
