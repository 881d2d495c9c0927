//! What is empty, and what stands in for it; and what a value is.

use super::{
    arguments::{any, bool, text},
    limits::Walk,
};
use crate::{
    context::Context,
    function::CallError,
    value::{List, Map, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

/// Structs are never empty, numbers and `false` are when they are zero.
fn is_empty(value: &Value<'_>) -> bool {
    !value.truth()
}

pub(super) fn default<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let given = args.get(1).filter(|given| !is_empty(given));
    Ok(given.unwrap_or(any(args, 0)).clone())
}

pub(super) fn empty<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(is_empty(any(args, 0)).into())
}

pub(super) fn coalesce<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(args.iter().find(|value| !is_empty(value)).cloned().unwrap_or(Value::Nil))
}

pub(super) fn all<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok((!args.iter().any(is_empty)).into())
}

pub(super) fn any_of<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok((!args.iter().all(is_empty)).into())
}

pub(super) fn ternary<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(any(args, usize::from(!bool(args, 2))).clone())
}

fn type_name(value: &Value<'_>) -> Str<'static> {
    match value {
        Value::Nil | Value::Invalid => Str::Borrowed("<nil>"),
        value => value.type_name(),
    }
}

fn kind_name(value: &Value<'_>) -> &'static str {
    match value {
        Value::Nil | Value::Invalid => "invalid",
        value => value.kind().name(),
    }
}

pub(super) fn type_of<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Str(type_name(any(args, 0))))
}

pub(super) fn type_is<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok((*text(args, 0) == type_name(any(args, 1))).into())
}

pub(super) fn type_is_like<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (wanted, name) = (text(args, 0).as_bytes(), type_name(any(args, 1)));
    let name = name.as_bytes();
    Ok((name == wanted || name.strip_prefix(b"*") == Some(wanted)).into())
}

pub(super) fn kind_of<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(kind_name(any(args, 0)).into())
}

pub(super) fn kind_is<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok((text(args, 0).as_bytes() == kind_name(any(args, 1)).as_bytes()).into())
}

pub(super) fn deep_copy<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    match any(args, 0) {
        Value::Nil | Value::Invalid => {
            Err(CallError::new("reflect: call of reflect.Value.Type on zero Value"))
        }
        value => copied(value, &mut Walk::new()),
    }
}

/// Only maps can be changed in place, so only they and what holds them must be copied.
fn copied<'a>(value: &Value<'a>, walk: &mut Walk) -> Answer<'a> {
    walk.enter()?;
    let copy = match value {
        Value::List(list) if !list.is_nil() => {
            let items = list.items().iter().map(|item| copied(item, walk));
            List::of(list.type_name(), items.collect::<Result<Vec<_>, _>>()?).into()
        }
        Value::Map(map @ Map::Shared(_)) => {
            let entries = map.entries().into_iter();
            let entries = entries.map(|(key, value)| Ok((key, copied(&value, walk)?)));
            Map::of(map.type_name(), entries.collect::<Result<Vec<_>, CallError>>()?).into()
        }
        value => value.clone(),
    };
    walk.leave();
    Ok(copy)
}
