//! When bodies are packed.
//!
//! Packing a body takes a few microseconds, and a row that goes within seconds need not be short. So new
//! bodies are plain until rows pile up: so many, or with so many bytes, that the slowest lane will need a
//! while. One of a thousand is packed all the same, so that it is known what rows will take then.

use event::journal::Seq;

use super::bodies::Packer;

/// Of so many rows one is packed whatever waits.
const SAMPLE: Seq = 1024;

/// What a packed body takes, in bytes, until some were packed.
const TYPICAL: u64 = 230;

/// What a row takes beside its body: lanes, change, seal, and its place in a page.
const BESIDE: u64 = 72;

/// How many rows may wait before new ones are packed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PackFrom {
    /// So many rows.
    pub rows: u64,
    /// Or so many bytes.
    pub bytes: u64,
}

impl Default for PackFrom {
    fn default() -> Self {
        Self { rows: 20_000, bytes: 16 << 20 }
    }
}

/// Packs the bodies of rows, or not.
#[derive(Debug)]
pub(super) struct Packing {
    from: PackFrom,
    packer: Option<Packer>,
    piled_up: bool,
    /// The length of plain and of packed bodies on average, in sixteenths of a byte.
    plain: u64,
    packed: u64,
}

impl Packing {
    pub(super) fn new(from: PackFrom) -> Self {
        Self { from, packer: None, piled_up: false, plain: 560 << 4, packed: TYPICAL << 4 }
    }

    /// Learns how many rows wait for the slowest lane.
    pub(super) fn waiting(&mut self, rows: u64) {
        self.piled_up = rows >= self.from.rows || rows * (self.plain >> 4) >= self.from.bytes;
    }

    /// The body of row `seq` as it is to be kept.
    pub(super) fn pack(&mut self, seq: Seq, plain: Vec<u8>) -> Vec<u8> {
        let length = plain.len() as u64;
        self.plain = average(self.plain, length);
        if !self.piled_up && !seq.is_multiple_of(SAMPLE) {
            return plain;
        }
        let packed = self.always(plain);
        self.packed = average(self.packed, packed.len() as u64);
        packed
    }

    /// A body packed in any case.
    pub(super) fn always(&mut self, plain: Vec<u8>) -> Vec<u8> {
        if self.packer.is_none() {
            self.packer = Packer::new().ok();
        }
        match &mut self.packer {
            Some(packer) => packer.pack(plain),
            None => plain,
        }
    }

    /// What a row takes that waits for long, in bytes.
    pub(super) fn row(&self) -> u64 {
        (self.packed >> 4) + BESIDE
    }
}

/// An average over about 64 values, in sixteenths.
fn average(before: u64, value: u64) -> u64 {
    before - before / 64 + (value << 4) / 64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body() -> Vec<u8> {
        event::body::encode(&event::Event {
            message: "Started ".repeat(40).into(),
            ..Default::default()
        })
    }

    #[test]
    fn bodies_are_packed_when_rows_pile_up_and_one_of_a_thousand_before() {
        let mut packing = Packing::new(PackFrom::default());
        packing.waiting(19_999);
        assert_eq!(packing.pack(1, body()), body());
        assert_eq!(packing.pack(2048, body())[0], 0);
        packing.waiting(20_000);
        assert_eq!(packing.pack(3, body())[0], 0);
        packing.waiting(10);
        assert_eq!(packing.pack(4, body()), body());
    }

    #[test]
    fn long_bodies_are_packed_sooner() {
        let mut packing = Packing::new(PackFrom::default());
        let long = vec![b'x'; 100_000];
        for seq in 1..400 {
            packing.pack(seq, long.clone());
        }
        packing.waiting(200);
        assert_eq!(packing.pack(401, long)[0], 0);
    }

    #[test]
    fn what_a_row_takes_is_learnt() {
        let mut packing = Packing::new(PackFrom { rows: 0, bytes: 0 });
        packing.waiting(0);
        assert_eq!(packing.row(), TYPICAL + BESIDE);
        let length = packing.always(body()).len() as u64;
        for seq in 1..1000 {
            packing.pack(seq, body());
        }
        assert!(packing.row().abs_diff(length + BESIDE) <= 4, "{} for {length}", packing.row());
    }
}
