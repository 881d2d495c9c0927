//! Escapes that stand for one code point.

use std::fmt::Write;

use crate::invalid::{Invalid, Mistake};

/// A class that no code point is in.
pub(crate) const NOTHING: &str = r"[^\x{0}-\x{10FFFF}]";

/// Writes a code point so that it stands for itself, inside of classes and outside.
pub(crate) fn write_point(out: &mut String, point: u32) {
    match char::from_u32(point) {
        Some(c) if c.is_ascii_alphanumeric() => out.push(c),
        // Writing into a String cannot fail.
        _ => drop(write!(out, r"\x{{{point:X}}}")),
    }
}

/// Reads the escape at the start of `before`: the code point and what follows.
pub(crate) fn single(before: &str) -> Result<(u32, &str), Invalid> {
    let mut chars = before[1..].chars();
    let Some(first) = chars.next() else {
        return Err(Invalid::new(Mistake::TrailingBackslash, ""));
    };
    let point = match first {
        '1'..='7' if !chars.as_str().starts_with(octal) => None,
        '0'..='7' => {
            let mut point = u32::from(first) - u32::from('0');
            for _ in 0..2 {
                let Some(digit) = chars.clone().next().filter(|c| octal(*c)) else {
                    break;
                };
                point = point * 8 + u32::from(digit) - u32::from('0');
                chars.next();
            }
            Some(point)
        }
        'x' => hexadecimal(&mut chars),
        'a' => Some(0x07),
        'f' => Some(0x0c),
        'n' => Some(0x0a),
        'r' => Some(0x0d),
        't' => Some(0x09),
        'v' => Some(0x0b),
        // A punctuation mark always stands for itself.
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => Some(c.into()),
        _ => None,
    };
    match point {
        Some(point) => Ok((point, chars.as_str())),
        None => Err(Invalid::up_to(Mistake::Escape, before, chars.as_str())),
    }
}

fn octal(c: char) -> bool {
    matches!(c, '0'..='7')
}

/// Reads what follows `\x`: two digits, or any number of them in braces.
fn hexadecimal(chars: &mut std::str::Chars<'_>) -> Option<u32> {
    let first = chars.next()?;
    if first != '{' {
        let second = chars.next();
        return Some(first.to_digit(16)? * 16 + second?.to_digit(16)?);
    }
    let mut point = None;
    loop {
        match chars.next()? {
            '}' => return point,
            digit => {
                let value = point.unwrap_or(0) * 16 + digit.to_digit(16)?;
                point = Some(value).filter(|value| *value <= char::MAX.into());
                point?;
            }
        }
    }
}
