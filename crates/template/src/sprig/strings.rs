//! Looking into texts and cutting them, as Go does: by bytes.

use memchr::memmem;

use super::{
    arguments::{any, int, text},
    convert::{printed, text_of, texts_of},
    limits,
    random::below,
    unicode::{is_space, runes},
};
use crate::{
    context::Context,
    function::CallError,
    quote,
    value::{List, Map, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn contains<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(memmem::find(text(args, 1).as_bytes(), text(args, 0).as_bytes()).is_some().into())
}

pub(super) fn has_prefix<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(text(args, 1).as_bytes().starts_with(text(args, 0).as_bytes()).into())
}

pub(super) fn has_suffix<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(text(args, 1).as_bytes().ends_with(text(args, 0).as_bytes()).into())
}

pub(super) fn trim<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(part(text(args, 0), |text| text.trim_matches(is_space)).into())
}

pub(super) fn trim_all<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let set = text(args, 0).to_str();
    Ok(part(text(args, 1), |text| text.trim_matches(|c| set.contains(c))).into())
}

pub(super) fn trim_prefix<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (prefix, text) = (text(args, 0), text(args, 1));
    let start = if text.as_bytes().starts_with(prefix.as_bytes()) { prefix.len() } else { 0 };
    Ok(text.slice(start, text.len()).into())
}

pub(super) fn trim_suffix<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (suffix, text) = (text(args, 0), text(args, 1));
    let less = if text.as_bytes().ends_with(suffix.as_bytes()) { suffix.len() } else { 0 };
    Ok(text.slice(0, text.len() - less).into())
}

/// The part of a text that `cut` leaves.
fn part<'a>(text: &Str<'a>, cut: impl for<'t> Fn(&'t str) -> &'t str) -> Str<'a> {
    match text {
        Str::Borrowed(text) => Str::Borrowed(cut(text)),
        Str::Shared(whole) => {
            let left = cut(whole);
            if left.len() == whole.len() { text.clone() } else { left.to_owned().into() }
        }
        Str::Bytes(_) => cut(&text.to_str()).to_owned().into(),
    }
}

pub(super) fn nospace<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0);
    // goutils takes each byte for a character. When there is nothing to remove it leaves all alone,
    // else every byte above 127 becomes two.
    if !text.as_bytes().iter().any(|byte| is_space(char::from(*byte))) {
        return Ok(text.clone().into());
    }
    let kept = text.as_bytes().iter().map(|byte| char::from(*byte)).filter(|c| !is_space(*c));
    Ok(kept.collect::<String>().into())
}

pub(super) fn initials<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut out = String::new();
    let mut after_gap = true;
    // Here too each byte is a character.
    for c in text(args, 0).as_bytes().iter().map(|byte| char::from(*byte)) {
        let gap = is_space(c);
        if after_gap && !gap {
            out.push(c);
        }
        after_gap = gap;
    }
    Ok(out.into())
}

pub(super) fn trunc<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (count, text) = (int(args, 0), text(args, 1));
    let wanted = usize::try_from(count.unsigned_abs()).unwrap_or(usize::MAX);
    Ok(match count {
        ..0 if wanted < text.len() => text.slice(text.len() - wanted, text.len()),
        0.. if wanted < text.len() => text.slice(0, wanted),
        _ => text.clone(),
    }
    .into())
}

pub(super) fn substr<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (start, end, text) = (int(args, 0), int(args, 1), text(args, 2));
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    let out_of_range = |what: String| {
        Err(CallError::new(format!("runtime error: slice bounds out of range [{what}")))
    };
    let (start, end) = if start < 0 {
        match end {
            ..0 => return out_of_range(format!(":{end}]")),
            _ if end > length => return out_of_range(format!(":{end}] with length {length}")),
            _ => (0, end),
        }
    } else if end < 0 || end > length {
        (start, length)
    } else {
        (start, end)
    };
    if start > end {
        return out_of_range(format!("{start}:{end}]"));
    }
    let index = |at: i64| usize::try_from(at).unwrap_or_default();
    Ok(text.slice(index(start), index(end)).into())
}

pub(super) fn abbrev<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (width, text) = (int(args, 0), text(args, 1));
    Ok(if width < 4 { text.clone() } else { shorten(text, 0, width) }.into())
}

pub(super) fn abbrevboth<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (left, right, text) = (int(args, 0), int(args, 1), text(args, 2));
    if right < 4 || left > 0 && right < 7 {
        return Ok(text.clone().into());
    }
    Ok(shorten(text, left, right).into())
}

/// goutils' `AbbreviateFull`: the part of a text around `offset`, with dots where something is missing.
fn shorten<'a>(text: &Str<'a>, offset: i64, width: i64) -> Str<'a> {
    let length = i64::try_from(text.len()).unwrap_or(i64::MAX);
    if length <= width {
        return text.clone();
    }
    let index = |at: i64| usize::try_from(at).unwrap_or_default();
    let between = |start, end| text.slice(index(start), index(end));
    let joined = |before: &str, part: Str<'_>, after: &str| {
        Str::from([before.as_bytes(), part.as_bytes(), after.as_bytes()].concat())
    };
    let mut offset = offset.min(length);
    if length - offset < width - 3 {
        offset = length - (width - 3);
    }
    if offset <= 4 {
        return joined("", between(0, width - 3), "...");
    }
    if width < 7 {
        return Str::Borrowed("");
    }
    if offset + width - 3 < length {
        // What is left is abbreviated again, at its end.
        let inner = width - 3;
        let left = length - offset;
        if left <= inner {
            return joined("...", between(offset, length), "");
        }
        return joined("...", between(offset, offset + inner - 3), "...");
    }
    joined("...", between(length - (width - 3), length), "")
}

pub(super) fn repeat<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (count, text) = (int(args, 0), text(args, 1));
    Ok(Str::from(repeated(text.as_bytes(), count)?).into())
}

/// Go's `strings.Repeat`.
pub(super) fn repeated(text: &[u8], count: i64) -> Result<Vec<u8>, CallError> {
    let Ok(count) = usize::try_from(count) else {
        return Err(CallError::new("strings: negative Repeat count"));
    };
    limits::bytes(text.len().saturating_mul(count))?;
    Ok(text.repeat(count))
}

pub(super) fn replace<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (old, new, source) = (text(args, 0), text(args, 1), text(args, 2));
    Ok(replaced(source, old.as_bytes(), new.as_bytes())?.into())
}

/// Go's `strings.ReplaceAll`: an empty text is found before and after each character.
pub(super) fn replaced<'a>(source: &Str<'a>, old: &[u8], new: &[u8]) -> Result<Str<'a>, CallError> {
    let bytes = source.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    if old.is_empty() {
        out.extend_from_slice(new);
        for (_, rune) in runes(bytes) {
            out.extend_from_slice(rune);
            out.extend_from_slice(new);
            limits::bytes(out.len())?;
        }
        return Ok(out.into());
    }
    let mut done = 0;
    for at in memmem::find_iter(bytes, old) {
        out.extend_from_slice(&bytes[done..at]);
        out.extend_from_slice(new);
        done = at + old.len();
        limits::bytes(out.len())?;
    }
    if done == 0 {
        return Ok(source.clone());
    }
    out.extend_from_slice(&bytes[done..]);
    limits::bytes(out.len())?;
    Ok(out.into())
}

pub(super) fn split_list<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let parts = parts(text(args, 1), text(args, 0).as_bytes(), None)?;
    Ok(Value::strings(parts))
}

pub(super) fn split<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(numbered(parts(text(args, 1), text(args, 0).as_bytes(), None)?))
}

pub(super) fn splitn<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    // Below 0 there is no limit.
    let limit = usize::try_from(int(args, 1)).ok();
    Ok(numbered(parts(text(args, 2), text(args, 0).as_bytes(), limit)?))
}

/// `_0`, `_1` … and the parts.
fn numbered(parts: Vec<Str<'_>>) -> Value<'_> {
    let entries = parts.into_iter().enumerate();
    let entries = entries.map(|(number, part)| (format!("_{number}").into(), part.into()));
    Map::of(Map::STRINGS, entries).into()
}

/// Go's `strings.SplitN`: nothing between the parts splits into characters.
fn parts<'a>(
    text: &Str<'a>,
    between: &[u8],
    limit: Option<usize>,
) -> Result<Vec<Str<'a>>, CallError> {
    let bytes = text.as_bytes();
    let limit = limit.unwrap_or(usize::MAX);
    let mut parts = Vec::new();
    let mut done = 0;
    let mut push = |start, end| {
        parts.push(text.slice(start, end));
        limits::items(parts.len())
    };
    if limit == 0 || between.is_empty() && bytes.is_empty() {
        return Ok(parts);
    }
    let mut made = 1;
    if between.is_empty() {
        for (_, rune) in runes(bytes) {
            if made >= limit || done + rune.len() == bytes.len() {
                break;
            }
            push(done, done + rune.len())?;
            done += rune.len();
            made += 1;
        }
    } else {
        for at in memmem::find_iter(bytes, between) {
            if made >= limit {
                break;
            }
            push(done, at)?;
            done = at + between.len();
            made += 1;
        }
    }
    push(done, bytes.len())?;
    Ok(parts)
}

pub(super) fn plural<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let at = usize::from(int(args, 2) != 1);
    Ok(text(args, at).clone().into())
}

pub(super) fn quoted<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    joined(args, |value, out| {
        let text = text_of(value)?;
        out.extend_from_slice(quote::quote(text.as_bytes(), false).as_bytes());
        Ok(())
    })
}

pub(super) fn squote<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    joined(args, |value, out| {
        out.push(b'\'');
        out.extend_from_slice(printed(value)?.as_bytes());
        out.push(b'\'');
        Ok(())
    })
}

pub(super) fn cat<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    joined(args, |value, out| {
        out.extend_from_slice(printed(value)?.as_bytes());
        Ok(())
    })
}

/// What is not nil, with a space between.
fn joined<'a>(
    values: &[Value<'a>],
    write: impl Fn(&Value<'a>, &mut Vec<u8>) -> Result<(), CallError>,
) -> Answer<'a> {
    let mut out = Vec::new();
    let mut first = true;
    for value in values.iter().filter(|value| !matches!(value, Value::Nil | Value::Invalid)) {
        if !first {
            out.push(b' ');
        }
        first = false;
        write(value, &mut out)?;
        limits::bytes(out.len())?;
    }
    Ok(Str::from(out).into())
}

pub(super) fn join<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let between = text(args, 0);
    let mut out = Vec::new();
    for (at, part) in texts_of(any(args, 1))?.iter().enumerate() {
        if at > 0 {
            out.extend_from_slice(between.as_bytes());
        }
        out.extend_from_slice(part.as_bytes());
        limits::bytes(out.len())?;
    }
    Ok(Str::from(out).into())
}

pub(super) fn sort_alpha<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let value = any(args, 0);
    let mut texts = match value.indirect() {
        Value::List(_) | Value::Bytes(_) => texts_of(value)?,
        _ => vec![text_of(value)?],
    };
    texts.sort_unstable();
    Ok(Value::strings(texts))
}

pub(super) fn to_string<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(text_of(any(args, 0))?.into())
}

pub(super) fn to_strings<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    match any(args, 0) {
        // What is one already is left as it is, also when it is nil.
        Value::List(list) if list.type_name() == List::STRINGS => Ok(list.clone().into()),
        value => Ok(Value::strings(texts_of(value)?)),
    }
}

pub(super) fn shuffle<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut runes: Vec<&[u8]> = runes(text(args, 0).as_bytes()).map(|(_, rune)| rune).collect();
    for last in (1..runes.len()).rev() {
        runes.swap(last, below(context, last + 1));
    }
    Ok(Str::from(runes.concat()).into())
}

pub(super) fn hello<'a>(_: &Context<'_>, _: &[Value<'a>]) -> Answer<'a> {
    Ok("Hello!".into())
}

pub(super) fn fail<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Err(CallError::new(text(args, 0).to_str().into_owned()))
}
