//! PEM, and the little of DER that keys are made of.

use super::encoding::{base64, from_base64};

/// What a PEM block holds.
pub(super) struct Block {
    /// For example `EC PRIVATE KEY`.
    pub(super) label: String,
    pub(super) contents: Vec<u8>,
}

/// The first block of a text.
pub(super) fn decode(text: &str) -> Option<Block> {
    let mut rest = text;
    loop {
        let (_, after) = rest.split_once("-----BEGIN ")?;
        let (label, body) = after.split_once("-----")?;
        let end = format!("-----END {label}-----");
        if let Some((body, _)) = body.split_once(&end)
            && let Ok(contents) = from_base64(headless(body).as_bytes())
        {
            return Some(Block { label: label.to_owned(), contents });
        }
        rest = after;
    }
}

/// Without headers, `Proc-Type: …` for one.
fn headless(body: &str) -> String {
    let lines = body.lines().map(str::trim);
    lines.filter(|line| !line.contains(':')).collect()
}

/// A block in lines of 64 letters.
pub(super) fn encode(label: &str, contents: &[u8]) -> String {
    let mut out = format!("-----BEGIN {label}-----\n");
    let letters = base64(contents);
    let mut rest = letters.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        out.push_str(line);
        out.push('\n');
        rest = after;
    }
    out + &format!("-----END {label}-----\n")
}

pub(super) const INTEGER: u8 = 0x02;
pub(super) const BIT_STRING: u8 = 0x03;
pub(super) const OCTET_STRING: u8 = 0x04;
pub(super) const NULL: u8 = 0x05;
pub(super) const OBJECT: u8 = 0x06;
pub(super) const SEQUENCE: u8 = 0x30;
/// `[0]` and `[1]`, explicit.
pub(super) const CONTEXT_0: u8 = 0xa0;
pub(super) const CONTEXT_1: u8 = 0xa1;

/// An element of DER.
pub(super) fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let contents = parts.concat();
    let length = contents.len();
    let mut out = vec![tag];
    if let Ok(short @ ..0x80) = u8::try_from(length) {
        out.push(short);
    } else {
        let bytes = length.to_be_bytes();
        let start = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
        // A length of more than seven bytes is more than any memory.
        out.push(0x80 | u8::try_from(bytes.len() - start).unwrap_or(7));
        out.extend_from_slice(&bytes[start..]);
    }
    out.extend_from_slice(&contents);
    out
}

/// Takes an element of this kind from the front: its contents, and what follows.
pub(super) fn take(tag: u8, der: &[u8]) -> Option<(&[u8], &[u8])> {
    let (found, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (length, rest) = if *first < 0x80 {
        (usize::from(*first), rest)
    } else {
        let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
        if length.len() > 4 {
            return None;
        }
        (length.iter().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest)
    };
    let split = rest.split_at_checked(length)?;
    (*found == tag).then_some(split)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_encoded_is_decoded() {
        for length in [0, 1, 47, 48, 49, 1000] {
            let contents = vec![7; length];
            let block = decode(&format!("before\n{}", encode("X", &contents))).unwrap();
            assert_eq!((block.label.as_str(), block.contents), ("X", contents));
        }
        assert!(decode("-----BEGIN X-----\nAAAA\n-----END Y-----\n").is_none());
        assert!(decode("").is_none());
    }

    #[test]
    fn an_element_is_taken_apart_as_it_was_put_together() {
        for length in [0, 127, 128, 255, 256, 70_000] {
            let contents = vec![1; length];
            let der = [element(SEQUENCE, &[&contents]), vec![9]].concat();
            assert_eq!(take(SEQUENCE, &der), Some((contents.as_slice(), &[9][..])));
            assert_eq!(take(INTEGER, &der), None);
            assert_eq!(take(SEQUENCE, &der[..der.len() / 2]), None);
        }
        assert_eq!(take(SEQUENCE, &[0x30, 0x85, 1, 1, 1, 1, 1]), None);
    }
}
