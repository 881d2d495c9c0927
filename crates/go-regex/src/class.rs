//! Character classes: in brackets, and those with an escape of their own.

use crate::{
    escape::{self, NOTHING, write_point},
    invalid::{Invalid, Mistake},
    names,
};

/// The last code point before the surrogates, and the first one after them.
const AROUND_SURROGATES: (u32, u32) = (0xD7FF, 0xE000);

/// Reads the class in brackets at the start of `before`: the class, with its brackets, and what
/// follows.
pub(crate) fn bracketed(before: &str) -> Result<(String, &str), Invalid> {
    let mut out = String::from("[");
    let mut rest = &before[1..];
    if let Some(after) = rest.strip_prefix('^') {
        out.push('^');
        rest = after;
    }
    // A bracket that closes is an ordinary character at the start.
    let mut first = true;
    loop {
        if !first && let Some(after) = rest.strip_prefix(']') {
            out.push(']');
            return Ok((out, after));
        }
        first = false;
        let item = match named(rest)? {
            Some(item) => Some(item),
            None => escaped(rest)?,
        };
        rest = match item {
            Some((item, after)) => {
                out.push_str(&item);
                after
            }
            None => range(&mut out, rest, before)?,
        };
    }
}

/// Reads a single character or a range of them.
fn range<'p>(out: &mut String, rest: &'p str, whole: &str) -> Result<&'p str, Invalid> {
    let (low, mut after) = point(rest, whole)?;
    let mut high = low;
    if let Some(end) = after.strip_prefix('-')
        && !end.is_empty()
        && !end.starts_with(']')
    {
        (high, after) = point(end, whole)?;
        if high < low {
            return Err(Invalid::up_to(Mistake::CharRange, rest, after));
        }
    }
    let (before_surrogates, after_surrogates) = AROUND_SURROGATES;
    let low = if char::from_u32(low).is_none() { after_surrogates } else { low };
    let high = if char::from_u32(high).is_none() { before_surrogates } else { high };
    if high < low {
        out.push_str(NOTHING);
    } else {
        write_point(out, low);
        out.push('-');
        write_point(out, high);
    }
    Ok(after)
}

fn point<'p>(rest: &'p str, whole: &str) -> Result<(u32, &'p str), Invalid> {
    let mut chars = rest.chars();
    match chars.next() {
        None => Err(Invalid::new(Mistake::MissingBracket, whole)),
        Some('\\') => escape::single(rest),
        Some(c) => Ok((c.into(), chars.as_str())),
    }
}

/// An item of a class, and what follows it.
type Item<'p> = (String, &'p str);

/// Reads `\d`, `\pL`, `\p{Greek}` and their like, when there is one at the start of `before`.
pub(crate) fn escaped(before: &str) -> Result<Option<Item<'_>>, Invalid> {
    let mut chars = before.chars();
    if chars.next() != Some('\\') {
        return Ok(None);
    }
    let Some(letter) = chars.next() else {
        return Ok(None);
    };
    let members = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        's' => r"\t\n\f\r\x20",
        'w' => "0-9A-Za-z_",
        'p' => return property(before).map(Some),
        _ => return Ok(None),
    };
    let item = group(members, letter.is_ascii_uppercase());
    Ok(Some((item, chars.as_str())))
}

/// Reads `[:alpha:]` or `[:^alpha:]`, when there is one at the start of `before`.
fn named(before: &str) -> Result<Option<Item<'_>>, Invalid> {
    let Some((name, after)) = before.strip_prefix("[:").and_then(|rest| rest.split_once(":]"))
    else {
        return Ok(None);
    };
    let (plain, negated) = match name.strip_prefix('^') {
        Some(plain) => (plain, true),
        None => (name, false),
    };
    let members = match plain {
        "alnum" => "0-9A-Za-z",
        "alpha" => "A-Za-z",
        "ascii" => r"\x00-\x7F",
        "blank" => r"\t\x20",
        "cntrl" => r"\x00-\x1F\x7F",
        "digit" => "0-9",
        "graph" => r"\x21-\x7E",
        "lower" => "a-z",
        "print" => r"\x20-\x7E",
        "punct" => r"\x21-\x2F\x3A-\x40\x5B-\x60\x7B-\x7E",
        "space" => r"\x09-\x0D\x20",
        "upper" => "A-Z",
        "word" => "0-9A-Za-z_",
        "xdigit" => "0-9A-Fa-f",
        _ => return Err(Invalid::up_to(Mistake::CharRange, before, after)),
    };
    Ok(Some((group(members, negated), after)))
}

/// Reads `\pL`, `\p{Greek}`, `\p{^Greek}` or one of these with `\P`.
fn property(before: &str) -> Result<Item<'_>, Invalid> {
    let mut negated = before.starts_with(r"\P");
    let mut chars = before[2..].chars();
    let (mut name, after) = match chars.next() {
        Some('{') => match chars.as_str().split_once('}') {
            Some(split) => split,
            None => return Err(Invalid::new(Mistake::CharRange, before)),
        },
        _ => before[2..].split_at(before.len() - 2 - chars.as_str().len()),
    };
    if let Some(plain) = name.strip_prefix('^') {
        negated = !negated;
        name = plain;
    }
    match names::members(name) {
        Some(members) => Ok((group(&members, negated), after)),
        None => Err(Invalid::up_to(Mistake::CharRange, before, after)),
    }
}

fn group(members: &str, negated: bool) -> String {
    let not = if negated { "^" } else { "" };
    format!("[{not}{members}]")
}
