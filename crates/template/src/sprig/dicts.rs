//! Maps. `set`, `unset` and `merge` change the map that they are given, for everybody who holds it.

use super::{
    arguments::{any, dict, rest, text},
    convert::text_of,
    limits,
};
use crate::{
    context::Context,
    function::CallError,
    value::{Map, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn make<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut entries = Vec::with_capacity(args.len() / 2 + 1);
    for pair in args.chunks(2) {
        // A key without a value has an empty text.
        let value = pair.get(1).cloned().unwrap_or(Value::Str(Str::Borrowed("")));
        entries.push((text_of(any(pair, 0))?, value));
    }
    Ok(Map::dict(entries).into())
}

pub(super) fn get<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let found = dict(args, 0).get(text(args, 1).as_bytes());
    Ok(found.unwrap_or(Value::Str(Str::Borrowed(""))))
}

pub(super) fn set<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let map = dict(args, 0);
    map.insert(text(args, 1).clone(), any(args, 2).clone())?;
    limits::items(map.len())?;
    Ok(map.into())
}

pub(super) fn unset<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let map = dict(args, 0);
    map.remove(text(args, 1).as_bytes());
    Ok(map.into())
}

pub(super) fn has_key<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(dict(args, 0).get(text(args, 1).as_bytes()).is_some().into())
}

pub(super) fn pluck<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let key = text(args, 0).as_bytes();
    let found = (1..args.len()).filter_map(|at| dict(args, at).get(key));
    Ok(Value::list(found.collect::<Vec<_>>()))
}

/// In the order of the keys; Go's order is random.
pub(super) fn keys<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut keys = Vec::new();
    for at in 0..args.len() {
        keys.extend(dict(args, at).entries().into_iter().map(|(key, _)| key));
        limits::items(keys.len())?;
    }
    Ok(Value::strings(keys))
}

/// In the order of the keys; Go's order is random.
pub(super) fn values<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let values = dict(args, 0).entries().into_iter().map(|(_, value)| value);
    Ok(Value::list(values.collect::<Vec<_>>()))
}

pub(super) fn pick<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let map = dict(args, 0);
    let wanted = (1..args.len()).map(|at| text(args, at));
    let found = wanted.filter_map(|key| Some((key.clone(), map.get(key.as_bytes())?)));
    Ok(Map::dict(found.collect::<Vec<_>>()).into())
}

pub(super) fn omit<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let unwanted = rest(args, 1);
    let left = dict(args, 0).entries().into_iter();
    let left = left.filter(|(key, _)| !unwanted.iter().any(|no| no.as_str() == Some(key)));
    Ok(Map::dict(left.collect::<Vec<_>>()).into())
}

/// What is found by following keys down; the last but one argument when a key is missing.
pub(super) fn dig<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let [keys @ .., default, from] = args else {
        return Err(CallError::new("dig needs at least three arguments"));
    };
    if keys.is_empty() {
        return Err(CallError::new("dig needs at least three arguments"));
    }
    let mut map = as_dict(from)?;
    let path: Vec<_> = keys.iter().map(as_text).collect::<Result<_, _>>()?;
    let [above @ .., last] = path.as_slice() else { return Ok(default.clone()) };
    for key in above {
        match map.get(key.as_bytes()) {
            Some(step) => map = as_dict(&step)?,
            None => return Ok(default.clone()),
        }
    }
    Ok(map.get(last.as_bytes()).unwrap_or_else(|| default.clone()))
}

fn as_dict<'a>(value: &Value<'a>) -> Result<Map<'a>, CallError> {
    match value {
        Value::Map(map) if map.type_name() == Map::ANY => Ok(map.clone()),
        other => Err(not_a(other, Map::ANY)),
    }
}

fn as_text<'v, 'a>(value: &'v Value<'a>) -> Result<&'v Str<'a>, CallError> {
    match value {
        Value::Str(text) => Ok(text),
        other => Err(not_a(other, "string")),
    }
}

fn not_a(value: &Value<'_>, wanted: &str) -> CallError {
    let name = match value {
        Value::Nil | Value::Invalid => Str::Borrowed("nil"),
        value => value.type_name(),
    };
    let name = name.to_str();
    CallError::new(format!("interface conversion: interface {{}} is {name}, not {wanted}"))
}
