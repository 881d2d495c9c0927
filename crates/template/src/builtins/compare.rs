use std::rc::Rc;

use crate::{
    fmt,
    function::CallError,
    value::{Kind, Value},
};

/// What can be compared with what.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Basic {
    Bool,
    Int,
    Uint,
    Float,
    String,
    /// Anything else.
    None,
}

fn basic(value: &Value<'_>) -> Basic {
    match value.kind() {
        Kind::Bool => Basic::Bool,
        Kind::Int(_) => Basic::Int,
        Kind::Uint(_) => Basic::Uint,
        Kind::Float => Basic::Float,
        Kind::String => Basic::String,
        _ => Basic::None,
    }
}

fn bad_type() -> CallError {
    CallError::new("invalid type for comparison")
}

/// `eq a b c`: a equals b or c.
pub(super) fn eq(args: &[Value<'_>]) -> Result<bool, CallError> {
    let (first, others) = args.split_first().ok_or_else(bad_type)?;
    if others.is_empty() {
        return Err(CallError::new("missing argument for comparison"));
    }
    for other in others {
        if equal(first, other)? {
            return Ok(true);
        }
    }
    Ok(false)
}

fn invalid(value: &Value<'_>) -> bool {
    matches!(value, Value::Invalid | Value::Nil)
}

fn incompatible(one: &Value<'_>, other: &Value<'_>) -> CallError {
    let (one, other) = (one.type_name(), other.type_name());
    CallError::new(format!(
        "incompatible types for comparison: {} and {}",
        one.to_str(),
        other.to_str()
    ))
}

#[expect(clippy::float_cmp, reason = "Go compares floats exactly")]
fn equal(one: &Value<'_>, other: &Value<'_>) -> Result<bool, CallError> {
    match (one, other) {
        (Value::Bool(one), Value::Bool(other)) => Ok(one == other),
        (Value::Int(_, one), Value::Int(_, other)) => Ok(one == other),
        (Value::Uint(_, one), Value::Uint(_, other)) => Ok(one == other),
        (Value::Float(one), Value::Float(other)) => Ok(one == other),
        // Integers compare whatever their sign.
        (Value::Int(_, int), Value::Uint(_, uint)) | (Value::Uint(_, uint), Value::Int(_, int)) => {
            Ok(u64::try_from(*int) == Ok(*uint))
        }
        _ => match (one.as_str(), other.as_str()) {
            (Some(one), Some(other)) => Ok(one == other),
            _ => equal_others(one, other),
        },
    }
}

fn equal_others(one: &Value<'_>, other: &Value<'_>) -> Result<bool, CallError> {
    if basic(one) != basic(other) {
        if !invalid(one) && !invalid(other) {
            return Err(incompatible(one, other));
        }
        return Ok(false);
    }
    let shown = |value: &Value<'_>| value.type_name().to_str().into_owned();
    let same_kind = one.kind() == other.kind();
    if !same_kind && !invalid(one) && !invalid(other) {
        return Err(CallError::new(format!(
            "non-comparable types {}: {}, {}: {}",
            reflected(one),
            shown(one),
            shown(other),
            fmt::string(other)
        )));
    }
    if one.is_nil() || other.is_nil() {
        return Ok(one.is_nil() == other.is_nil());
    }
    if !is_comparable(other) {
        return Err(CallError::new(format!(
            "non-comparable type {}: {}",
            reflected(other),
            shown(other)
        )));
    }
    Ok(same(one, other))
}

/// Go's `Type.Comparable`: no slice, no map, and no struct with one in it.
fn is_comparable(value: &Value<'_>) -> bool {
    match value {
        Value::List(_) | Value::Map(_) | Value::Bytes(_) => false,
        value if value.kind() == Kind::Struct => {
            fields(value).iter().all(|(_, field)| is_comparable(field))
        }
        _ => true,
    }
}

/// A `reflect.Value` under `%s`.
fn reflected(value: &Value<'_>) -> String {
    let text = crate::fmt::sprintf(b"%s", std::slice::from_ref(value), crate::context::MAX_BYTES);
    String::from_utf8(text.unwrap_or_default()).unwrap_or_default()
}

/// Structs and pointers: the same type and the same contents or place.
fn same(one: &Value<'_>, other: &Value<'_>) -> bool {
    match (one, other) {
        (Value::Time(one), Value::Time(other)) => one.instant == other.instant,
        (Value::Struct(one), Value::Struct(other)) if one.type_name() != other.type_name() => false,
        (Value::Struct(one), Value::Struct(other)) if one.pointer() => {
            std::ptr::addr_eq(std::ptr::from_ref(one.data()), std::ptr::from_ref(other.data()))
        }
        (Value::Struct(one), Value::Struct(other)) => one.class().same(one.data(), other.data()),
        (Value::Object(one), Value::Object(other)) if Rc::ptr_eq(one, other) => true,
        (Value::Object(object), _) | (_, Value::Object(object)) => {
            let is_pointer = object.type_name().starts_with('*');
            !is_pointer && one.type_name() == other.type_name() && same_fields(one, other)
        }
        (Value::Pointer(one), Value::Pointer(other)) => {
            std::ptr::addr_eq(Rc::as_ptr(one), Rc::as_ptr(other))
        }
        _ => false,
    }
}

/// Two structs of one type, of which one was made by a function, field by field.
fn same_fields(one: &Value<'_>, other: &Value<'_>) -> bool {
    let mut pairs = fields(one).into_iter().zip(fields(other));
    pairs.all(|((_, one), (_, other))| {
        (one.is_nil() && other.is_nil()) || equal(&one, &other).unwrap_or(false)
    })
}

fn fields<'a>(value: &Value<'a>) -> Vec<(&'static str, Value<'a>)> {
    match value {
        Value::Struct(object) => object.fields(),
        Value::Object(object) => object.fields(),
        _ => Vec::new(),
    }
}

/// `lt a b`.
pub(super) fn lt(one: &Value<'_>, other: &Value<'_>) -> Result<bool, CallError> {
    if basic(one) == Basic::None || basic(other) == Basic::None {
        return Err(bad_type());
    }
    match (one, other) {
        (Value::Int(_, one), Value::Int(_, other)) => Ok(one < other),
        (Value::Uint(_, one), Value::Uint(_, other)) => Ok(one < other),
        (Value::Float(one), Value::Float(other)) => Ok(one < other),
        (Value::Int(_, one), Value::Uint(_, other)) => {
            Ok(u64::try_from(*one).map_or(true, |one| one < *other))
        }
        (Value::Uint(_, one), Value::Int(_, other)) => {
            Ok(u64::try_from(*other).is_ok_and(|other| *one < other))
        }
        (Value::Bool(_), Value::Bool(_)) => Err(bad_type()),
        _ => match (one.as_str(), other.as_str()) {
            (Some(one), Some(other)) => Ok(one < other),
            _ => Err(incompatible(one, other)),
        },
    }
}

/// `le a b`: less or equal.
pub(super) fn le(args: &[Value<'_>]) -> Result<bool, CallError> {
    Ok(lt(&args[0], &args[1])? || eq(args)?)
}
