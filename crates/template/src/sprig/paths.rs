//! Go's `path`: slashes only. `filepath` does the same on the systems that we run on.

use super::arguments::text;
use crate::{
    context::Context,
    function::CallError,
    value::{Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn base<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let path = text(args, 0);
    let bytes = path.as_bytes();
    if bytes.is_empty() {
        return Ok(".".into());
    }
    let end = bytes.iter().rposition(|byte| *byte != b'/').map_or(0, |last| last + 1);
    if end == 0 {
        return Ok("/".into());
    }
    let start = bytes[..end].iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    Ok(path.slice(start, end).into())
}

pub(super) fn dir<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let bytes = text(args, 0).as_bytes();
    let end = bytes.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
    Ok(Str::from(cleaned(&bytes[..end])).into())
}

pub(super) fn clean<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Str::from(cleaned(text(args, 0).as_bytes())).into())
}

pub(super) fn ext<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let path = text(args, 0);
    let mark = path.as_bytes().iter().rposition(|byte| matches!(byte, b'.' | b'/'));
    let start = mark.filter(|at| path.as_bytes().get(*at) == Some(&b'.')).unwrap_or(path.len());
    Ok(path.slice(start, path.len()).into())
}

pub(super) fn is_abs<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(text(args, 0).as_bytes().starts_with(b"/").into())
}

/// Without `.`, without `..` where it can go back, without slashes that do nothing.
fn cleaned(path: &[u8]) -> Vec<u8> {
    let rooted = path.starts_with(b"/");
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|byte| *byte == b'/') {
        match part {
            b"" | b"." => {}
            b".." => match parts.last() {
                Some(last) if *last != b".." => {
                    parts.pop();
                }
                _ if rooted => {}
                _ => parts.push(part),
            },
            part => parts.push(part),
        }
    }
    let joined = parts.join(&b'/');
    match (rooted, joined.is_empty()) {
        (true, _) => [b"/", joined.as_slice()].concat(),
        (false, true) => b".".to_vec(),
        (false, false) => joined,
    }
}
