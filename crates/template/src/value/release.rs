//! A list in a list in a list, made by a loop, would be dropped by a recursion as deep as it is: the
//! stack of a thread is shorter than that. So containers hand their contents to a loop.

use super::Value;

/// Whether dropping it could drop another container.
pub(super) fn nests(value: &Value<'_>) -> bool {
    matches!(value, Value::List(_) | Value::Map(_) | Value::Pointer(_))
}

/// Drops `values` and what they alone hold, without recursion.
pub(super) fn all(mut values: Vec<Value<'_>>) {
    while let Some(mut value) = values.pop() {
        match &mut value {
            Value::List(list) => list.take(&mut values),
            Value::Map(map) => map.take(&mut values),
            _ => {}
        }
    }
}
