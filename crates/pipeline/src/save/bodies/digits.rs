//! Long hexadecimal numbers, written as the bytes that they are.
//!
//! UIDs, the end of an Event's name and image digests are most of what no dictionary can know. As text
//! they take twice their bytes, and hinder zstd's guesses about the text around them. So they are taken
//! out, and a mark stands in their place: a byte that UTF-8 does not have.

/// Stands for a UUID of 16 bytes.
const UUID: u8 = 0xfe;
/// Stands for 16 digits, the end of an Event's name.
const EIGHT: u8 = 0xfd;
/// Stands for an even number of digits; half of it comes next.
const MANY: u8 = 0xfc;
/// The next byte is not a mark, although it looks like one.
const LITERAL: u8 = 0xfb;

/// Digits before each hyphen of a UUID.
const GROUPS: [usize; 5] = [8, 4, 4, 4, 12];

/// Fewer digits are not worth a mark.
const FEWEST: usize = 16;

/// Splits `plain` into its long numbers and the rest, with marks.
pub(super) fn take_out(plain: &[u8], rest: &mut Vec<u8>, digits: &mut Vec<u8>) {
    let mut left = plain;
    while let Some((&byte, after)) = left.split_first() {
        let run = left.iter().take_while(|byte| value(**byte).is_some()).count();
        if run == 0 {
            if (LITERAL..=UUID).contains(&byte) {
                rest.push(LITERAL);
            }
            rest.push(byte);
            left = after;
        } else if run == GROUPS[0] && is_uuid(left) {
            rest.push(UUID);
            let uuid = left[..36].iter().filter(|byte| **byte != b'-').copied();
            read(uuid, digits);
            left = &left[36..];
        } else if run >= FEWEST {
            let pairs = (run / 2).min(255);
            if pairs == FEWEST / 2 {
                rest.push(EIGHT);
            } else {
                rest.extend([MANY, u8::try_from(pairs).unwrap_or(255)]);
            }
            read(left[..pairs * 2].iter().copied(), digits);
            left = &left[pairs * 2..];
        } else {
            rest.extend_from_slice(&left[..run]);
            left = &left[run..];
        }
    }
}

/// Puts them together again; nothing when they do not belong together.
pub(super) fn put_back(rest: &[u8], digits: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::with_capacity(rest.len() + digits.len() * 2 + 32);
    let mut rest = rest.iter().copied();
    let mut left = digits;
    let mut next = |pairs: usize| {
        let (number, later) = left.split_at_checked(pairs)?;
        left = later;
        Some(number)
    };
    while let Some(byte) = rest.next() {
        match byte {
            LITERAL => plain.push(rest.next()?),
            UUID => {
                let mut number = next(16)?;
                for (group, length) in GROUPS.iter().enumerate() {
                    if group > 0 {
                        plain.push(b'-');
                    }
                    let (some, later) = number.split_at(length / 2);
                    write(some, &mut plain);
                    number = later;
                }
            }
            EIGHT => write(next(8)?, &mut plain),
            MANY => write(next(rest.next()?.into())?, &mut plain),
            byte => plain.push(byte),
        }
    }
    left.is_empty().then_some(plain)
}

/// Whether `text` begins with a UUID; that its first eight bytes are digits is known.
fn is_uuid(text: &[u8]) -> bool {
    let mut at = 0;
    text.len() >= 36
        && GROUPS.iter().enumerate().all(|(group, length)| {
            let hyphen = group == 0 || text[at - 1] == b'-';
            let all = text[at..at + length].iter().all(|byte| value(*byte).is_some());
            at += length + 1;
            hyphen && all
        })
}

/// The value of a digit as Kubernetes writes it.
fn value(byte: u8) -> Option<u8> {
    match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    }
}

/// Reads digits, two a byte.
fn read(text: impl Iterator<Item = u8>, digits: &mut Vec<u8>) {
    let mut high = None;
    for value in text.filter_map(value) {
        match high.take() {
            None => high = Some(value << 4),
            Some(high) => digits.push(high | value),
        }
    }
}

/// Writes bytes as digits.
fn write(number: &[u8], text: &mut Vec<u8>) {
    for byte in number {
        text.extend([byte >> 4, byte & 15].map(|digit| b"0123456789abcdef"[usize::from(digit)]));
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn split(plain: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let (mut rest, mut digits) = (Vec::new(), Vec::new());
        take_out(plain, &mut rest, &mut digits);
        (rest, digits)
    }

    #[test]
    fn uids_and_long_numbers_take_half_their_length() {
        let (rest, digits) = split(b"a.18870282bbcde695 8d55bff2-3868-4e7a-bc0e-4fbd0671a763 dead");
        assert_eq!(rest, [&b"a."[..], &[EIGHT], b" ", &[UUID], b" dead"].concat());
        assert_eq!(digits.len(), 24);
        let (rest, digits) = split(&[b'7'; 71]);
        assert_eq!((&rest[..], digits.len()), (&[MANY, 35, b'7'][..], 35));
    }

    #[test]
    fn what_only_looks_like_a_uid_is_left_alone() {
        for text in [
            "8d55bff2-3868-4e7a-bc0e-4fbd0671a76",
            "8D55BFF2-3868-4E7A-BC0E-4FBD0671A763",
            "123456789abcdef",
        ] {
            assert_eq!(split(text.as_bytes()), (text.as_bytes().to_vec(), vec![]));
        }
    }

    #[test]
    fn numbers_that_are_too_few_or_too_many_are_refused() {
        let (rest, digits) = split(b"8d55bff2-3868-4e7a-bc0e-4fbd0671a763");
        assert_eq!(put_back(&rest, &digits[1..]), None);
        assert_eq!(put_back(&rest, &[&digits[..], b"x"].concat()), None);
        assert_eq!(put_back(&[MANY], &digits), None);
        assert_eq!(put_back(&[LITERAL], &[]), None);
    }

    proptest! {
        #[test]
        fn every_text_comes_back(plain in prop::collection::vec(any::<u8>(), 0..300)) {
            let (rest, digits) = split(&plain);
            prop_assert_eq!(put_back(&rest, &digits), Some(plain));
        }

        #[test]
        fn every_text_of_digits_and_marks_comes_back(text in "[0-9a-f]{0,40}(-[0-9a-f]{4}){0,4}-[0-9a-f]{0,600}\u{fb}-?[0-9a-fA-F-]{0,80}") {
            let (rest, digits) = split(text.as_bytes());
            prop_assert_eq!(put_back(&rest, &digits), Some(text.into_bytes()));
        }
    }
}
