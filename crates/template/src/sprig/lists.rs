//! Lists. Every function makes a new one; the `must` forms only differ in how Go reports a mistake,
//! which the executor words the same.

use super::{
    arguments::{NoSlice, any, elements, int, nil_dereference, rest},
    convert::to_int,
    equality::Equality,
    limits,
};
use crate::{
    context::Context,
    function::CallError,
    value::{List, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn list<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    // Without arguments Go's variadic parameter is an empty slice, not nil.
    Ok(Value::list(args))
}

fn of<'a>(args: &[Value<'a>], at: usize, doing: &str) -> Result<Vec<Value<'a>>, CallError> {
    elements(any(args, at)).map_err(|no| no.error(&format!("Cannot {doing} "), ""))
}

pub(super) fn append<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut items = of(args, 0, "push on type")?;
    items.push(any(args, 1).clone());
    limits::items(items.len())?;
    Ok(Value::list(items))
}

pub(super) fn prepend<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut items = of(args, 0, "prepend on type")?;
    items.insert(0, any(args, 1).clone());
    limits::items(items.len())?;
    Ok(Value::list(items))
}

pub(super) fn first<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(of(args, 0, "find first on type")?.into_iter().next().unwrap_or(Value::Nil))
}

pub(super) fn last<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(of(args, 0, "find last on type")?.pop().unwrap_or(Value::Nil))
}

pub(super) fn rest_of<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let items = of(args, 0, "find rest on type")?;
    Ok(items.get(1..).map_or_else(|| List::nil(List::ANY).into(), Value::list))
}

pub(super) fn initial<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let items = of(args, 0, "find initial on type")?;
    Ok(items
        .split_last()
        .map_or_else(|| List::nil(List::ANY).into(), |(_, items)| Value::list(items)))
}

pub(super) fn reverse<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut items = of(args, 0, "find reverse on type")?;
    items.reverse();
    Ok(Value::list(items))
}

pub(super) fn compact<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut items = of(args, 0, "compact on type")?;
    items.retain(Value::truth);
    Ok(Value::list(items))
}

pub(super) fn uniq<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut equality = Equality::new();
    let mut kept: Vec<Value<'a>> = Vec::new();
    for item in of(args, 0, "find uniq on type")? {
        if !equality.has(&kept, &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

pub(super) fn without<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut equality = Equality::new();
    let mut kept = Vec::new();
    for item in of(args, 0, "find without on type")? {
        if !equality.has(rest(args, 1), &item)? {
            kept.push(item);
        }
    }
    Ok(Value::list(kept))
}

pub(super) fn has<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    match elements(any(args, 1)) {
        Ok(items) => Ok(Equality::new().has(&items, any(args, 0))?.into()),
        Err(NoSlice::Nil) => Ok(false.into()),
        Err(no) => Err(no.error("Cannot find has on type ", "")),
    }
}

pub(super) fn slice<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let length = match any(args, 0) {
        Value::List(list) => list.len(),
        Value::Bytes(bytes) => bytes.len(),
        Value::Nil | Value::Invalid => return Err(nil_dereference()),
        other => {
            let kind = other.kind().name();
            return Err(CallError::new(format!(
                "list should be type of slice or array but {kind}"
            )));
        }
    };
    if length == 0 {
        return Ok(Value::Nil);
    }
    let index = |at: usize, default: usize| match args.get(at) {
        Some(index) => usize::try_from(to_int(index)).ok(),
        None => Some(default),
    };
    let range = match (index(1, 0), index(2, length)) {
        (Some(start), Some(end)) if start <= end && end <= length => start..end,
        _ => return Err(CallError::new("reflect.Value.Slice: slice index out of bounds")),
    };
    Ok(match any(args, 0) {
        Value::List(list) => List::of(list.type_name(), &list.items()[range]).into(),
        Value::Bytes(bytes) => Value::Bytes(bytes[range].into()),
        _ => Value::Nil,
    })
}

pub(super) fn concat<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut all = Vec::new();
    for list in args {
        let items = elements(list).map_err(|no| no.error("Cannot concat type ", " as list"))?;
        limits::items(all.len() + items.len())?;
        all.extend(items);
    }
    Ok(if all.is_empty() { List::nil(List::ANY).into() } else { Value::list(all) })
}

/// Lists of at most `size` elements. The number of lists comes from a division of floats, and with it
/// what happens when `size` is not positive.
#[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "as in Go")]
pub(super) fn chunk<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let size = int(args, 0);
    let items = of(args, 1, "chunk type")?;
    let length = items.len() as f64;
    let refused = || CallError::new("runtime error: makeslice: len out of range");
    let count = ((length - 1.0) / size as f64).floor() + 1.0;
    if !(0.0..=length.max(1.0)).contains(&count) {
        return Err(refused());
    }
    let mut chunks = Vec::new();
    let mut left = items.into_iter();
    for number in 1..=count as i64 {
        let mut wanted = size;
        if number == count as i64 {
            let over = (length % size as f64).floor() as i64;
            wanted = if over == 0 { size } else { over };
        }
        let wanted = usize::try_from(wanted).map_err(|_| refused())?;
        chunks.push(Value::list(left.by_ref().take(wanted).collect::<Vec<_>>()));
    }
    Ok(List::of("[][]interface {}", chunks).into())
}
