//! Texts in lines: `wrap`, `indent`.

use memchr::memrchr;

use super::{
    arguments::{int, text},
    limits,
    strings::{repeated, replaced},
};
use crate::{
    context::Context,
    function::CallError,
    value::{Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn wrap<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    wrapped(text(args, 1), int(args, 0), b"", false)
}

pub(super) fn wrap_with<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    wrapped(text(args, 2), int(args, 0), text(args, 1).as_bytes(), true)
}

/// goutils' `WrapCustom`: breaks lines at spaces; only where `long` says so inside of words.
fn wrapped<'a>(text: &Str<'a>, width: i64, line_break: &[u8], long: bool) -> Answer<'a> {
    let line_break: &[u8] = if line_break.is_empty() { b"\n" } else { line_break };
    let width = usize::try_from(width.max(1)).unwrap_or(usize::MAX);
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len() + bytes.len() / 16);
    let mut done = 0;
    while bytes.len() - done > width {
        if bytes[done] == b' ' {
            done += 1;
            continue;
        }
        let end = done + width;
        let (line, next) = if let Some(space) = memrchr(b' ', &bytes[done..=end]) {
            (done..done + space, done + space + 1)
        } else if long {
            (done..end, end)
        } else if let Some(space) = memchr::memchr(b' ', &bytes[end..]) {
            (done..end + space, end + space + 1)
        } else {
            out.extend_from_slice(&bytes[done..]);
            done = bytes.len();
            break;
        };
        out.extend_from_slice(&bytes[line]);
        out.extend_from_slice(line_break);
        done = next;
        limits::bytes(out.len())?;
    }
    out.extend_from_slice(&bytes[done..]);
    Ok(Str::from(out).into())
}

pub(super) fn indent<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    indented(b"", int(args, 0), text(args, 1))
}

pub(super) fn nindent<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    indented(b"\n", int(args, 0), text(args, 1))
}

fn indented<'a>(before: &[u8], spaces: i64, text: &Str<'_>) -> Answer<'a> {
    let pad = repeated(b" ", spaces)?;
    let lines = replaced(text, b"\n", &[b"\n", pad.as_slice()].concat())?;
    limits::bytes(before.len() + pad.len() + lines.len())?;
    Ok(Str::from([before, &pad, lines.as_bytes()].concat()).into())
}
