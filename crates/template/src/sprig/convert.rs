//! From any value to a text or a number, as sprig does it: what cannot be converted is zero.

use super::{
    arguments::nil_dereference,
    limits,
    strconv::{parse_float, parse_int},
};
use crate::{
    context::MAX_BYTES,
    fmt,
    function::CallError,
    value::{IntType, Str, Value},
};

/// Go's `%v`.
pub(super) fn printed<'a>(value: &Value<'a>) -> Result<Str<'a>, CallError> {
    match value {
        Value::Str(text) | Value::Named(_, text) => Ok(text.clone()),
        value => {
            let printed = fmt::sprintf(b"%v", std::slice::from_ref(value), MAX_BYTES);
            printed.map(Str::from).ok_or_else(limits::too_many_bytes)
        }
    }
}

/// sprig's `strval`: bytes are the text that they are, everything else is printed.
pub(super) fn text_of<'a>(value: &Value<'a>) -> Result<Str<'a>, CallError> {
    match value {
        Value::Bytes(bytes) => Ok(Str::from_bytes(bytes)),
        // It calls the method itself.
        value if fmt::is_nil_receiver(value) => Err(nil_dereference()),
        value => printed(value),
    }
}

/// sprig's `strslice`: the texts of the elements that are not nil, or of the value alone.
pub(super) fn texts_of<'a>(value: &Value<'a>) -> Result<Vec<Str<'a>>, CallError> {
    let there = |value: &&Value<'_>| !matches!(value, Value::Nil | Value::Invalid);
    match value {
        Value::List(list) => list.items().iter().filter(there).map(text_of).collect(),
        Value::Bytes(bytes) => {
            limits::items(bytes.len())?;
            Ok(bytes.iter().map(|byte| byte.to_string().into()).collect())
        }
        Value::Nil | Value::Invalid => Ok(Vec::new()),
        value => Ok(vec![text_of(value)?]),
    }
}

/// spf13's `cast.ToInt64`. Named number types, `time.Duration` for one, are not known to it.
pub(super) fn to_int(value: &Value<'_>) -> i64 {
    match value.indirect() {
        Value::Int(IntType::Duration | IntType::Month | IntType::Weekday, _) => 0,
        Value::Int(_, number) => number,
        Value::Uint(_, number) => number.cast_signed(),
        Value::Float(number) => truncated(number),
        Value::Bool(bool) => bool.into(),
        Value::Str(text) => parse_int(&text.to_str(), 0).unwrap_or(0),
        _ => 0,
    }
}

/// How Go on amd64 makes an integer of a float: what does not fit is the smallest.
fn truncated(number: f64) -> i64 {
    const BOUND: f64 = 9_223_372_036_854_775_808.0;
    if (-BOUND..BOUND).contains(&number) {
        #[expect(clippy::cast_possible_truncation, reason = "it fits")]
        return number as i64;
    }
    i64::MIN
}

/// spf13's `cast.ToFloat64`.
#[expect(clippy::cast_precision_loss, reason = "Go rounds to the nearest float, too")]
pub(super) fn to_float(value: &Value<'_>) -> f64 {
    match value.indirect() {
        Value::Int(IntType::Duration | IntType::Month | IntType::Weekday, _) => 0.0,
        Value::Int(_, number) => number as f64,
        Value::Uint(_, number) => number as f64,
        Value::Float(number) => number,
        Value::Bool(bool) => f64::from(u8::from(bool)),
        Value::Str(text) => parse_float(&text.to_str()).unwrap_or(0.0),
        _ => 0.0,
    }
}
