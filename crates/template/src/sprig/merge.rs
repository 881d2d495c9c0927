//! `merge` and its kin, as mergo 0.3.11 merges maps: what the target has stays, or is overwritten.

use super::{arguments::dict, limits, limits::Walk};
use crate::{
    context::Context,
    function::CallError,
    value::{Map, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn merge<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    all(args, false)
}

pub(super) fn merge_overwrite<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    all(args, true)
}

fn all<'a>(args: &[Value<'a>], overwrite: bool) -> Answer<'a> {
    let mut target = dict(args, 0);
    let mut merge = Merge { overwrite, walk: Walk::new() };
    for at in 1..args.len() {
        let source = dict(args, at);
        if target.is_nil() && !source.is_nil() {
            target = Map::dict([]);
        }
        merge.maps(&target, &source)?;
    }
    Ok(target.into())
}

struct Merge {
    overwrite: bool,
    walk: Walk,
}

impl Merge {
    fn maps<'a>(&mut self, target: &Map<'a>, source: &Map<'a>) -> Result<(), CallError> {
        self.walk.enter()?;
        for (key, value) in source.entries() {
            self.walk.visit()?;
            self.entry(target, source, key, value)?;
        }
        self.walk.leave();
        limits::items(target.len())
    }

    fn entry<'a>(
        &mut self,
        target: &Map<'a>,
        source: &Map<'a>,
        key: Str<'a>,
        value: Value<'a>,
    ) -> Result<(), CallError> {
        if matches!(value, Value::Nil | Value::Invalid) {
            return if self.overwrite { put(target, source, key, value) } else { Ok(()) };
        }
        let old = target.get(key.as_bytes());
        match &value {
            Value::Map(inner) => self.nested(old.as_ref(), inner)?,
            // Go cannot assign to what lies inside of an interface, and panics.
            Value::Time(_) | Value::Object(_) | Value::Struct(_) | Value::Pointer(_)
                if self.overwrite && matches!(old, Some(Value::Map(_) | Value::Time(_))) =>
            {
                return Err(unaddressable());
            }
            _ => {}
        }
        let kept = old.as_ref().is_some_and(|old| !mergo_empty(old));
        if kept && matches!(value, Value::Map(_)) {
            return Ok(());
        }
        if self.overwrite || !kept {
            put(target, source, key, value)?;
        }
        Ok(())
    }

    fn nested<'a>(&mut self, old: Option<&Value<'a>>, inner: &Map<'a>) -> Result<(), CallError> {
        match old {
            Some(Value::Map(old)) => self.maps(old, inner),
            Some(Value::Time(_)) if self.overwrite && !inner.is_empty() => Err(unaddressable()),
            // Anything else stays as it is, even when it should be overwritten.
            _ => Ok(()),
        }
    }
}

/// mergo's `isEmptyValue`: structs never are.
fn mergo_empty(value: &Value<'_>) -> bool {
    match value {
        Value::Pointer(inner) => mergo_empty(inner),
        value => !value.truth(),
    }
}

fn unaddressable() -> CallError {
    CallError::new("reflect: reflect.Value.Set using unaddressable value")
}

/// Sets a key, if the values of the source may be values of the target.
fn put<'a>(
    target: &Map<'a>,
    source: &Map<'a>,
    key: Str<'a>,
    value: Value<'a>,
) -> Result<(), CallError> {
    let (wanted, given) = (target.element_name(), source.element_name());
    if wanted != "interface {}" && wanted != given {
        return Err(CallError::new(format!(
            "reflect.Value.SetMapIndex: value of type {given} is not assignable to type {wanted}"
        )));
    }
    target.insert(key, value)
}
