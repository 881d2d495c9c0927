//! Rows as `BigQuery` can name them, the way kubernetes-event-exporter makes them: without what is null, and with keys that are
//! identifiers. What stands in lists is left as it is.

use serde_json::{Map, Value};

/// The document as a row.
pub(crate) fn row(document: Value) -> Value {
    match document {
        Value::Object(members) => {
            let members = members.into_iter().filter(|(_, value)| !value.is_null());
            let members = members.map(|(key, value)| (identifier(&key), row(value)));
            Value::Object(members.collect::<Map<_, _>>())
        }
        other => other,
    }
}

/// A key of which every character is a letter, a digit or `_`, and the first no digit.
fn identifier(key: &str) -> String {
    let plain = |it: char| if it.is_ascii_alphanumeric() { it } else { '_' };
    let plain: String = key.chars().map(plain).collect();
    if plain.starts_with(|first: char| first.is_ascii_alphabetic()) {
        plain
    } else {
        format!("_{plain}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_become_identifiers_and_null_goes() {
        let document = serde_json::json!({
            "metadata": {"labels": {"app.kubernetes.io/name": "x", "8": 1, "ä": 2, "_a": 3}},
            "eventTime": null,
            "owners": [{"a.b": null}],
            "source": {"host": null},
        });
        let expected = serde_json::json!({
            "metadata": {"labels": {"app_kubernetes_io_name": "x", "_8": 1, "__": 2, "__a": 3}},
            "owners": [{"a.b": null}],
            "source": {},
        });
        assert_eq!(row(document), expected);
    }
}
