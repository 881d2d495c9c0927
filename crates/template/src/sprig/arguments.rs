//! What the executor has checked and converted, taken out of the arguments.
//!
//! A function gets what its signature says. These give something harmless where it does not, which the
//! executor rules out, instead of a panic.

use super::limits;
use crate::{
    function::CallError,
    value::{Map, Str, Value},
};

const NOTHING: &Str<'static> = &Str::Borrowed("");

/// A `string`.
pub(super) fn text<'v, 'a>(args: &'v [Value<'a>], at: usize) -> &'v Str<'a> {
    args.get(at).and_then(Value::as_str).unwrap_or(NOTHING)
}

/// An `int`.
pub(super) fn int(args: &[Value<'_>], at: usize) -> i64 {
    args.get(at).and_then(Value::as_int).unwrap_or_default()
}

/// A `bool`.
pub(super) fn bool(args: &[Value<'_>], at: usize) -> bool {
    matches!(args.get(at), Some(Value::Bool(true)))
}

/// Anything at all.
pub(super) fn any<'v, 'a>(args: &'v [Value<'a>], at: usize) -> &'v Value<'a> {
    args.get(at).unwrap_or(&Value::Nil)
}

/// What is left behind the first arguments.
pub(super) fn rest<'v, 'a>(args: &'v [Value<'a>], from: usize) -> &'v [Value<'a>] {
    args.get(from..).unwrap_or_default()
}

/// A `map[string]interface {}`.
pub(super) fn dict<'a>(args: &[Value<'a>], at: usize) -> Map<'a> {
    match args.get(at) {
        Some(Value::Map(map)) => map.clone(),
        _ => Map::Nil(Map::ANY),
    }
}

/// The elements of anything that Go's `reflect` takes for a slice; otherwise the kind that it says
/// instead. Of nil it can say nothing: it panics.
pub(super) fn elements<'a>(value: &Value<'a>) -> Result<Vec<Value<'a>>, NoSlice> {
    match value {
        Value::List(list) => Ok(list.items().to_vec()),
        Value::Bytes(bytes) => {
            let byte = |byte: &u8| Value::Uint(crate::UintType::Uint8, u64::from(*byte));
            limits::items(bytes.len()).map_err(NoSlice::TooLong)?;
            Ok(bytes.iter().map(byte).collect())
        }
        Value::Nil | Value::Invalid => Err(NoSlice::Nil),
        other => Err(NoSlice::Kind(other.kind().name())),
    }
}

/// Why there are no elements.
pub(super) enum NoSlice {
    /// There is no value.
    Nil,
    /// It is of this kind.
    Kind(&'static str),
    /// More elements than we make.
    TooLong(CallError),
}

impl NoSlice {
    /// Go's error, with what it says before the kind.
    pub(super) fn error(self, before: &str, after: &str) -> CallError {
        match self {
            Self::Nil => nil_dereference(),
            Self::Kind(kind) => CallError::new(format!("{before}{kind}{after}")),
            Self::TooLong(error) => error,
        }
    }
}

/// What Go says when there is nothing behind a pointer.
pub(super) fn nil_dereference() -> CallError {
    CallError::new("runtime error: invalid memory address or nil pointer dereference")
}
