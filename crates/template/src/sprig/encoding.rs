//! Base 64, base 32 and sums.

use sha1::{Digest, Sha1};
use sha2::Sha256;

use super::{arguments::text, limits};
use crate::{
    context::Context,
    function::CallError,
    value::{Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

const BASE64: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const BASE32: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

pub(super) fn b64enc<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0);
    limits::bytes(text.len() / 3 * 4)?;
    Ok(base64(text.as_bytes()).into())
}

pub(super) fn b64dec<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    // An error is the result.
    Ok(match from_base64(text(args, 0).as_bytes()) {
        Ok(bytes) => Str::from(bytes).into(),
        Err(error) => error.to_string().into(),
    })
}

pub(super) fn b32enc<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0);
    limits::bytes(text.len() / 5 * 8)?;
    Ok(encoded(text.as_bytes(), BASE32, 5, 8).into())
}

pub(super) fn b32dec<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(match from_base32(text(args, 0).as_bytes()) {
        Ok(bytes) => Str::from(bytes).into(),
        Err(error) => error.to_string().into(),
    })
}

/// With padding.
pub(super) fn base64(bytes: &[u8]) -> String {
    encoded(bytes, BASE64, 6, 4)
}

/// Letters of so many bits, padded to groups.
fn encoded(bytes: &[u8], alphabet: &[u8], bits: u32, group: usize) -> String {
    let mut out = String::with_capacity(bytes.len() * 2);
    let (mut buffer, mut held) = (0_u32, 0);
    let push = |out: &mut String, number: u32| {
        let letter = usize::try_from(number).ok().and_then(|at| alphabet.get(at));
        out.push(letter.map_or('=', |letter| char::from(*letter)));
    };
    let mask = (1 << bits) - 1;
    for byte in bytes {
        buffer = buffer << 8 | u32::from(*byte);
        held += 8;
        while held >= bits {
            held -= bits;
            push(&mut out, buffer >> held & mask);
        }
        buffer &= (1 << held) - 1;
    }
    if held > 0 {
        push(&mut out, buffer << (bits - held) & mask);
    }
    while !out.len().is_multiple_of(group) {
        out.push('=');
    }
    out
}

fn value_of(letter: u8, alphabet: &[u8]) -> Option<u32> {
    let at = alphabet.iter().position(|known| *known == letter)?;
    u32::try_from(at).ok()
}

/// What is at fault in an encoded text, in Go's words.
fn corrupt(base: u8, at: usize) -> CallError {
    CallError::new(format!("illegal base{base} data at input byte {at}"))
}

/// A port of `base64.StdEncoding.DecodeString`: line ends are skipped, the padding must be there.
pub(super) fn from_base64(text: &[u8]) -> Result<Vec<u8>, CallError> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    let line_end = |byte: u8| byte == b'\n' || byte == b'\r';
    let (mut buffer, mut letters, mut at) = (0_u32, 0, 0);
    while let Some(byte) = text.get(at).copied() {
        at += 1;
        if let Some(value) = value_of(byte, BASE64) {
            buffer = buffer << 6 | value;
            letters += 1;
            if letters == 4 {
                out.extend_from_slice(&buffer.to_be_bytes()[1..]);
                (buffer, letters) = (0, 0);
            }
            continue;
        }
        if line_end(byte) {
            continue;
        }
        if byte != b'=' || letters < 2 {
            return Err(corrupt(64, at - 1));
        }
        let skip = |mut at: usize| {
            while text.get(at).copied().is_some_and(line_end) {
                at += 1;
            }
            at
        };
        if letters == 2 {
            at = skip(at);
            match text.get(at) {
                None => return Err(corrupt(64, text.len())),
                Some(b'=') => at += 1,
                Some(_) => return Err(corrupt(64, at - 1)),
            }
        }
        at = skip(at);
        if at < text.len() {
            return Err(corrupt(64, at));
        }
        let bytes = (buffer << (6 * (4 - letters))).to_be_bytes();
        out.extend_from_slice(&bytes[1..letters]);
        return Ok(out);
    }
    if letters > 0 { Err(corrupt(64, at - letters)) } else { Ok(out) }
}

/// A port of `base32.StdEncoding.DecodeString`.
fn from_base32(text: &[u8]) -> Result<Vec<u8>, CallError> {
    let text: Vec<u8> =
        text.iter().copied().filter(|byte| !matches!(byte, b'\n' | b'\r')).collect();
    let mut out = Vec::with_capacity(text.len() / 8 * 5);
    for (group, letters) in text.chunks(8).enumerate() {
        let start = group * 8;
        let mut buffer = 0_u64;
        let mut count = 0;
        for (at, letter) in letters.iter().enumerate() {
            let after = text.len() - start - at - 1;
            if *letter == b'=' && at >= 2 && after < 8 {
                if after + at < 7 {
                    return Err(corrupt(32, text.len()));
                }
                let padding = &letters[at + 1..];
                if let Some(wrong) = padding.iter().take(7 - at).position(|byte| *byte != b'=') {
                    return Err(corrupt(32, start + at + wrong));
                }
                if matches!(at, 3 | 6) {
                    return Err(corrupt(32, start + at));
                }
                let bytes = (buffer << (40 - 5 * at)).to_be_bytes();
                out.extend_from_slice(&bytes[3..3 + at * 5 / 8]);
                return Ok(out);
            }
            let Some(value) = value_of(*letter, BASE32) else {
                return Err(corrupt(32, start + at));
            };
            buffer = buffer << 5 | u64::from(value);
            count = at + 1;
        }
        if count < 8 {
            return Err(corrupt(32, text.len() - count));
        }
        out.extend_from_slice(&buffer.to_be_bytes()[3..]);
    }
    Ok(out)
}

/// Two digits a byte.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

pub(super) fn sha1sum<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(hexadecimal(&Sha1::digest(text(args, 0).as_bytes())).into())
}

pub(super) fn sha256sum<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(hexadecimal(&Sha256::digest(text(args, 0).as_bytes())).into())
}

pub(super) fn adler32sum<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    const MODULUS: u32 = 65_521;
    let (mut a, mut b) = (1, 0);
    for byte in text(args, 0).as_bytes() {
        a = (a + u32::from(*byte)) % MODULUS;
        b = (b + a) % MODULUS;
    }
    Ok((b << 16 | a).to_string().into())
}
