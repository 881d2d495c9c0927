//! A key that takes one text as well as a list of them.

use std::borrow::Cow;

use serde_json::Value;

/// `settings` with a list at `key` where one text stands.
pub(crate) fn as_list<'v>(settings: &'v Value, key: &str) -> Cow<'v, Value> {
    match settings.get(key) {
        Some(one) if one.is_string() => {
            let mut settings = settings.clone();
            settings[key] = Value::Array(vec![one.clone()]);
            Cow::Owned(settings)
        }
        _ => Cow::Borrowed(settings),
    }
}
