//! The form of an event's body in the file: plain while rows go soon, packed once they pile up.
//!
//! A plain body is the protobuf message of [`event::body`], which never begins with a zero. A packed
//! one is: a zero, the number of the dictionary, the length of the long numbers as a varint, these
//! numbers (see `digits`), and a zstd frame of the rest without its four magic bytes. Each body is packed by
//! itself, so that rows can be read, removed and lost one by one; what events have in common stands
//! in the dictionary, a file of this program.
//!
//! The dictionary with a number never changes: there are files that need it. A better one gets the next
//! number. `cargo bench -p benches -- role dictionary FILE` makes one from days of the playground.

mod digits;

use std::{borrow::Cow, fmt, io, sync::LazyLock};

use event::{Event, body, protobuf::varint};
use thiserror::Error;
use zstd::{
    bulk::{Compressor, Decompressor},
    dict::{DecoderDictionary, EncoderDictionary},
};

/// The first byte of a packed body.
const PACKED: u8 = 0;

/// The dictionary that new bodies are packed with.
const NEWEST: u8 = 1;

/// Dictionary 1.
const FIRST: &[u8] = include_bytes!("bodies/first.dict");

/// The level of zstd. Higher ones save 3 % and take three times as long.
const LEVEL: i32 = 3;

/// What every zstd frame begins with.
const MAGIC: [u8; 4] = 0xfd2f_b528_u32.to_le_bytes();

/// A body is never longer; the API server refuses objects of more than 1.5 MiB.
const LONGEST: usize = 16 << 20;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(FIRST, LEVEL));

static DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(FIRST));

/// Why a body cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BodyError {
    /// It ends too early, or is none.
    #[error("the packed body is cut short")]
    Short,
    /// Only a newer version has that dictionary.
    #[error("the body was packed with dictionary {0}, which this version does not have")]
    Dictionary(u8),
    /// It is not what was packed.
    #[error("the packed body cannot be read: {0}")]
    Broken(String),
}

/// Packs bodies, in memory of a few hundred kilobytes that is used again for each.
pub struct Packer {
    zstd: Compressor<'static>,
    rest: Vec<u8>,
    digits: Vec<u8>,
}

impl fmt::Debug for Packer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Packer").finish_non_exhaustive()
    }
}

impl Packer {
    /// A packer with the newest dictionary; an error only when memory is short.
    pub fn new() -> io::Result<Self> {
        let mut zstd = Compressor::with_prepared_dictionary(&ENCODER)?;
        // The row has a seal, and the dictionary a number.
        zstd.include_checksum(false)?;
        zstd.include_dictid(false)?;
        Ok(Self { zstd, rest: Vec::new(), digits: Vec::new() })
    }

    /// The packed form of `plain`; itself where that is no shorter.
    pub fn pack(&mut self, plain: Vec<u8>) -> Vec<u8> {
        self.split(&plain);
        let Ok(frame) = self.zstd.compress(&self.rest) else { return plain };
        let mut packed = Vec::with_capacity(frame.len() + self.digits.len() + 8);
        packed.extend([PACKED, NEWEST]);
        write_varint(self.digits.len(), &mut packed);
        packed.extend_from_slice(&self.digits);
        packed.extend_from_slice(frame.strip_prefix(&MAGIC).unwrap_or(&frame));
        let fits = plain.len() <= LONGEST && packed.len() < plain.len();
        if fits { packed } else { plain }
    }

    /// What zstd gets to see of `plain`: that is what a dictionary is made of.
    pub fn split(&mut self, plain: &[u8]) -> &[u8] {
        self.rest.clear();
        self.digits.clear();
        digits::take_out(plain, &mut self.rest, &mut self.digits);
        &self.rest
    }
}

fn write_varint(mut number: usize, out: &mut Vec<u8>) {
    while number >= 0x80 {
        out.push(u8::try_from(number & 0x7f).unwrap_or_default() | 0x80);
        number >>= 7;
    }
    out.push(u8::try_from(number).unwrap_or_default());
}

/// Reads bodies of both forms.
pub struct Unpacker(Option<Decompressor<'static>>);

impl fmt::Debug for Unpacker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Unpacker").finish_non_exhaustive()
    }
}

impl Unpacker {
    /// A reader that takes memory only once it meets a packed body.
    pub fn new() -> Self {
        Self(None)
    }

    /// The plain form of `body`.
    pub fn unpack<'b>(&mut self, body: &'b [u8]) -> Result<Cow<'b, [u8]>, BodyError> {
        let Some((&PACKED, packed)) = body.split_first() else { return Ok(Cow::Borrowed(body)) };
        let (&number, packed) = packed.split_first().ok_or(BodyError::Short)?;
        if number != NEWEST {
            return Err(BodyError::Dictionary(number));
        }
        let (length, size) = varint(packed).ok().flatten().ok_or(BodyError::Short)?;
        let length = usize::try_from(length).map_err(|_| BodyError::Short)?;
        let (digits, frame) = packed[size..].split_at_checked(length).ok_or(BodyError::Short)?;
        let frame = [&MAGIC, frame].concat();
        let broken = |error: io::Error| BodyError::Broken(error.to_string());
        let zstd = match &mut self.0 {
            Some(zstd) => zstd,
            none => none.insert(Decompressor::with_prepared_dictionary(&DECODER).map_err(broken)?),
        };
        let rest = zstd.decompress(&frame, LONGEST).map_err(broken)?;
        let plain = digits::put_back(&rest, digits);
        plain.map(Cow::Owned).ok_or_else(|| BodyError::Broken("its numbers do not fit".into()))
    }

    /// The event in `body`, and how long its plain form is.
    pub(super) fn event(&mut self, body: &[u8]) -> Result<(Event, usize), String> {
        let plain = self.unpack(body).map_err(|error| error.to_string())?;
        let event = body::decode(&plain).map_err(|error| error.to_string())?;
        Ok((event, plain.len()))
    }
}

impl Default for Unpacker {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use event::Text;
    use jiff::Timestamp;
    use playground::day::{Cluster, Day, DayOptions, Write};
    use proptest::prelude::*;

    use super::*;

    fn packed(plain: &[u8]) -> Vec<u8> {
        Packer::new().unwrap().pack(plain.to_vec())
    }

    fn real() -> Vec<u8> {
        let mut event = Event::default();
        event.metadata.name = "web-5d78c9869d-x2x4q.18870282bbcde695".into();
        event.metadata.uid = "8d55bff2-3868-4e7a-bc0e-4fbd0671a763".into();
        event.message = "Back-off restarting failed container web".into();
        event.involved.labels.insert("app.kubernetes.io/name".into(), "web".into());
        body::encode(&event)
    }

    /// Of a day whose seed no dictionary was made from.
    fn day(cluster: Cluster, seed: u64) -> Vec<Event> {
        let start = Timestamp::from_second(1_800_000_000).unwrap();
        let options = DayOptions { seed, ..DayOptions::new(cluster, start) };
        let events = Day::new(&options).filter_map(|timed| match timed.write {
            Write::Create(event) | Write::Update(event) => Some(*event),
            _ => None,
        });
        events.take(2000).collect()
    }

    #[test]
    fn an_event_of_a_pretend_cluster_takes_an_eighth_of_a_kilobyte() {
        let mut packer = Packer::new().unwrap();
        for (cluster, bound) in [(Cluster::Stable, 110), (Cluster::Busy, 135)] {
            let events = day(cluster, 777);
            let bytes: usize =
                events.iter().map(|event| packer.pack(body::encode(event)).len()).sum();
            let each = bytes / events.len();
            assert!(each <= bound, "{each} bytes in a {cluster:?} cluster");
        }
    }

    #[test]
    fn a_body_comes_back_from_both_forms() {
        let plain = real();
        let packed = packed(&plain);
        assert!(packed.len() < plain.len(), "{} of {}", packed.len(), plain.len());
        assert_eq!(packed[..2], [PACKED, NEWEST]);
        let mut unpacker = Unpacker::new();
        assert_eq!(unpacker.unpack(&packed).unwrap(), plain);
        assert!(matches!(unpacker.unpack(&plain).unwrap(), Cow::Borrowed(_)));
        let (event, length) = unpacker.event(&packed).unwrap();
        assert_eq!((event.metadata.uid.len(), length), (36, plain.len()));
        assert!(unpacker.unpack(&[]).unwrap().is_empty());
    }

    #[test]
    fn what_gains_nothing_stays_plain() {
        let noise: Vec<u8> = (0..100u8).map(|at| at.wrapping_mul(151) ^ 0x5a | 1).collect();
        assert_eq!(packed(&noise), noise);
    }

    #[test]
    fn a_body_of_another_dictionary_or_half_of_one_says_so() {
        let mut other = packed(&real());
        other[1] = 9;
        let error = |body: &[u8]| Unpacker::new().event(body).unwrap_err();
        assert_eq!(
            error(&other),
            "the body was packed with dictionary 9, which this version does not have"
        );
        assert_eq!(error(&[PACKED]), "the packed body is cut short");
        assert_eq!(error(&other[..1]), "the packed body is cut short");
        assert!(error(&packed(&real())[..40]).starts_with("the packed body"));
    }

    #[test]
    fn a_body_that_would_not_fit_into_memory_is_refused() {
        let mut bomb = vec![PACKED, NEWEST, 0];
        let zeros = zstd::bulk::compress(&vec![0; LONGEST + 1], 1).unwrap();
        assert!(zeros.len() < 10_000);
        bomb.extend(&zeros[4..]);
        let error = Unpacker::new().unpack(&bomb).unwrap_err();
        assert!(matches!(error, BodyError::Broken(_)), "{error}");
    }

    #[test]
    fn the_dictionary_never_changes() {
        let sum = FIRST.iter().fold(0xcbf2_9ce4_8422_2325_u64, |sum, byte| {
            (sum ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
        });
        assert_eq!(sum, 0x9b93_afc8_772f_ddb3, "files that were packed with it need it as it was");
    }

    proptest! {
        #[test]
        fn every_body_comes_back(
            message in "\\PC{0,400}", uid in "[0-9a-f-]{0,40}", cluster in "[a-z]{0,9}",
        ) {
            let mut event = Event { message: message.into(), ..Event::default() };
            event.metadata.uid = uid.into();
            event.cluster_name = Text::from(cluster);
            let packed = packed(&body::encode(&event));
            prop_assert_eq!(Unpacker::new().event(&packed).unwrap().0, event);
        }

        #[test]
        fn a_damaged_body_is_an_error_or_an_event_and_never_panics(
            at in any::<prop::sample::Index>(), byte in any::<u8>(), cut in 0usize..200,
        ) {
            let mut packed = packed(&real());
            let at = at.index(packed.len());
            packed[at] = byte;
            packed.truncate(packed.len().saturating_sub(cut));
            drop(Unpacker::new().event(&packed).map(|(event, _)| Arc::new(event)));
        }
    }
}
