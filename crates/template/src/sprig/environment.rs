//! What the process around the template may tell: variables and addresses.

use super::{arguments::text, limits, random::below};
use crate::{
    context::Context,
    function::CallError,
    value::{Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn env<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let name = text(args, 0).to_str();
    Ok(context.environment.variable(&name).unwrap_or_default().into())
}

/// `$NAME` and `${NAME}`. A port of `os.Expand`.
pub(super) fn expandenv<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0).as_bytes();
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = memchr::memchr(b'$', rest).filter(|at| at + 1 < rest.len()) {
        out.extend_from_slice(&rest[..at]);
        let (name, length) = name(&rest[at + 1..]);
        match name {
            // Not a name, and nothing that could be dropped.
            b"" if length == 0 => out.push(b'$'),
            b"" => {}
            name => {
                let name = crate::value::lossy(name);
                let value = context.environment.variable(&name).unwrap_or_default();
                out.extend_from_slice(value.as_bytes());
            }
        }
        limits::bytes(out.len())?;
        rest = &rest[at + 1 + length..];
    }
    out.extend_from_slice(rest);
    Ok(Str::from(out).into())
}

/// The name at the start, and how much of the text it takes; an empty one if what is there is no name.
fn name(text: &[u8]) -> (&[u8], usize) {
    let special = |byte: u8| byte.is_ascii_digit() || b"*#$@!?-".contains(&byte);
    match text {
        [b'{', byte, b'}', ..] if special(*byte) => (&text[1..2], 3),
        [b'{', inner @ ..] => match memchr::memchr(b'}', inner) {
            // Without its end or its name it is dropped, as bad syntax.
            None => (b"", 1),
            Some(0) => (b"", 2),
            Some(end) => (&inner[..end], end + 2),
        },
        [byte, ..] if special(*byte) => (&text[..1], 1),
        _ => {
            let plain = |byte: &u8| *byte == b'_' || byte.is_ascii_alphanumeric();
            let end = text.iter().position(|byte| !plain(byte)).unwrap_or(text.len());
            (&text[..end], end)
        }
    }
}

pub(super) fn get_host_by_name<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut addresses = context.environment.addresses(&text(args, 0).to_str());
    if addresses.is_empty() {
        // The original picks one of none.
        return Err(CallError::new("invalid argument to Intn"));
    }
    let picked = below(context, addresses.len());
    Ok(addresses.swap_remove(picked).into())
}
