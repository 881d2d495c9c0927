//! Regular expressions in Go's syntax.

use std::sync::Arc;

use go_regex::Regex;

use super::{
    arguments::{int, text},
    limits,
};
use crate::{
    context::Context,
    function::CallError,
    value::{List, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

/// The `must` functions give Go's error.
fn compiled(context: &Context<'_>, args: &[Value<'_>]) -> Result<Arc<Regex>, CallError> {
    let pattern = text(args, 0).to_str();
    let regex = match context.environment.patterns() {
        Some(patterns) => patterns.compile(&pattern),
        None => Regex::compile(&pattern).map(Arc::new),
    };
    regex.map_err(|why| CallError::new(format!("error parsing regexp: {why}")))
}

/// The others panic, with the pattern in the text.
fn or_panic(context: &Context<'_>, args: &[Value<'_>]) -> Result<Arc<Regex>, CallError> {
    compiled(context, args).map_err(|error| {
        let pattern = text(args, 0).to_str();
        let quoted = if pattern.contains('`') || pattern.chars().any(char::is_control) {
            crate::quote::quote(pattern.as_bytes(), false)
        } else {
            format!("`{pattern}`")
        };
        CallError::new(format!("regexp: Compile({quoted}): {error}"))
    })
}

pub(super) fn is_match<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(compiled(context, args).is_ok_and(|regex| regex.is_match(&text(args, 1).to_str())).into())
}

pub(super) fn must_match<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(compiled(context, args)?.is_match(&text(args, 1).to_str()).into())
}

pub(super) fn find<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(found(or_panic(context, args)?.as_ref(), args))
}

pub(super) fn must_find<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(found(compiled(context, args)?.as_ref(), args))
}

fn found<'a>(regex: &Regex, args: &[Value<'a>]) -> Value<'a> {
    Value::Str(regex.find(&text(args, 1).to_str()).unwrap_or_default().to_owned().into())
}

pub(super) fn find_all<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    all_found(or_panic(context, args)?.as_ref(), args)
}

pub(super) fn must_find_all<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    all_found(compiled(context, args)?.as_ref(), args)
}

fn all_found<'a>(regex: &Regex, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 1).to_str();
    let limit = usize::try_from(int(args, 2)).ok();
    let mut parts = Vec::new();
    for part in regex.find_all(&text, limit) {
        parts.push(Str::from(part.to_owned()));
        limits::items(parts.len())?;
    }
    Ok(if parts.is_empty() { List::nil(List::STRINGS).into() } else { Value::strings(parts) })
}

pub(super) fn split<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    parts(or_panic(context, args)?.as_ref(), args)
}

pub(super) fn must_split<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    parts(compiled(context, args)?.as_ref(), args)
}

fn parts<'a>(regex: &Regex, args: &[Value<'a>]) -> Answer<'a> {
    let limit = usize::try_from(int(args, 2)).ok();
    if limit == Some(0) {
        return Ok(List::nil(List::STRINGS).into());
    }
    let text = text(args, 1).to_str();
    let parts = regex.split(&text, limit);
    limits::items(parts.len())?;
    Ok(Value::strings(parts.into_iter().map(|part| Str::from(part.to_owned()))))
}

pub(super) fn replace<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    replaced(context, args, |text, with| {
        Ok(or_panic(context, args)?.replace_all(text, with).into_owned())
    })
}

pub(super) fn must_replace<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    replaced(context, args, |text, with| {
        Ok(compiled(context, args)?.replace_all(text, with).into_owned())
    })
}

pub(super) fn replace_literal<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    replaced(context, args, |text, with| {
        Ok(or_panic(context, args)?.replace_all_literal(text, with).into_owned())
    })
}

pub(super) fn must_replace_literal<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    replaced(context, args, |text, with| {
        Ok(compiled(context, args)?.replace_all_literal(text, with).into_owned())
    })
}

fn replaced<'a>(
    context: &Context<'_>,
    args: &[Value<'a>],
    replace: impl FnOnce(&str, &str) -> Result<String, CallError>,
) -> Answer<'a> {
    let (text, with) = (text(args, 1).to_str(), text(args, 2).to_str());
    // What groups match in all matches together is at most the text, once for each reference. How many
    // matches there are is counted only when it could matter.
    let references = text.len().saturating_mul(with.matches('$').count() + 1);
    let bound = |matches: usize| limits::bytes(with.len().saturating_mul(matches) + references);
    if bound(text.len() + 1).is_err() {
        bound(compiled(context, args).map_or(0, |regex| regex.find_all(&text, None).count()))?;
    }
    let out = replace(&text, &with)?;
    limits::bytes(out.len())?;
    Ok(out.into())
}

pub(super) fn quote_meta<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0);
    let special = |byte: &u8| br"\.+*?()|[]{}^$".contains(byte);
    if !text.as_bytes().iter().any(special) {
        return Ok(text.clone().into());
    }
    let mut out = Vec::with_capacity(text.len() + 8);
    for byte in text.as_bytes() {
        if special(byte) {
            out.push(b'\\');
        }
        out.push(*byte);
    }
    Ok(Str::from(out).into())
}
