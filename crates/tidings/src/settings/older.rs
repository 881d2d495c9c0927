//! Spellings of older versions, where the one of today stands beside them.

use serde_json::Value;

use super::remark::Remark;

/// The key of a rule, and how versions before the fork called it.
const SPELLINGS: [(&str, &str); 2] = [("minCount", "mincount"), ("apiVersion", "apiversion")];

/// Leaves the older spelling out of every rule that has both: the original knows only the other.
pub(super) fn leave_out(value: &mut Value, path: &str, remarks: &mut Vec<Remark>) {
    let below = |key: &str| match path {
        "" => key.to_owned(),
        path => format!("{path}.{key}"),
    };
    match value {
        Value::Array(items) => {
            for (index, item) in items.iter_mut().enumerate() {
                leave_out(item, &format!("{path}[{index}]"), remarks);
            }
        }
        Value::Object(entries) => {
            for (key, older) in SPELLINGS {
                if entries.contains_key(key) && entries.remove(older).is_some() {
                    let message = format!("`{key}` stands here too and counts, so this is ignored");
                    let remark = Remark::warning(below(older), message).on_key();
                    remarks.push(remark.hint("remove it: it is the older spelling"));
                }
            }
            for key in ["route", "routes", "drop", "match", "not"] {
                if let Some(inner) = entries.get_mut(key) {
                    leave_out(inner, &below(key), remarks);
                }
            }
        }
        _ => {}
    }
}
