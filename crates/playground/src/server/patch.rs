//! The three languages of patches.

use serde_json::Value;

/// Merges as RFC 7386 says: objects into objects, null removes, all else replaces.
///
/// Serves for strategic merge patches too: none of the lists in question is merged by key.
pub(super) fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = Value::Object(serde_json::Map::new());
    }
    let Some(fields) = target.as_object_mut() else {
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            fields.remove(&key);
        } else {
            merge(fields.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// Applies the operations of RFC 6902; says which one failed.
pub(super) fn operations(target: &mut Value, patch: &Value) -> Result<(), String> {
    let operations = patch.as_array().ok_or("a json patch is a list of operations")?;
    for operation in operations {
        let text = |key: &str| operation[key].as_str().unwrap_or_default();
        let (op, path) = (text("op"), text("path"));
        let done = match op {
            "add" | "replace" => put(target, path, operation["value"].clone(), op == "add"),
            "remove" => take(target, path).map(drop),
            "move" => take(target, text("from")).and_then(|value| put(target, path, value, true)),
            "copy" => {
                let value = target.pointer(text("from")).cloned();
                value.and_then(|value| put(target, path, value, true))
            }
            "test" => (target.pointer(path) == Some(&operation["value"])).then_some(()),
            _ => None,
        };
        done.ok_or_else(|| {
            format!("{op} operation does not apply: doc is missing path: {path:?}")
        })?;
    }
    Ok(())
}

fn put(target: &mut Value, path: &str, value: Value, add: bool) -> Option<()> {
    if path.is_empty() {
        *target = value;
        return Some(());
    }
    let (parent, key) = place(target, path)?;
    match parent {
        Value::Object(fields) if add || fields.contains_key(&key) => {
            fields.insert(key, value);
        }
        Value::Array(items) if key == "-" && add => items.push(value),
        Value::Array(items) => {
            let index: usize = key.parse().ok()?;
            if add && index <= items.len() {
                items.insert(index, value);
            } else {
                *items.get_mut(index)? = value;
            }
        }
        _ => return None,
    }
    Some(())
}

fn take(target: &mut Value, path: &str) -> Option<Value> {
    let (parent, key) = place(target, path)?;
    match parent {
        Value::Object(fields) => fields.remove(&key),
        Value::Array(items) => {
            let index: usize = key.parse().ok()?;
            (index < items.len()).then(|| items.remove(index))
        }
        _ => None,
    }
}

fn place<'a>(target: &'a mut Value, path: &str) -> Option<(&'a mut Value, String)> {
    let (parent, key) = path.rsplit_once('/')?;
    let key = key.replace("~1", "/").replace("~0", "~");
    Some((target.pointer_mut(parent)?, key))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_merge_patch_merges_and_removes() {
        let mut target = json!({"a": {"b": 1, "c": 2}, "d": [1, 2]});
        merge(&mut target, json!({"a": {"b": null, "e": 3}, "d": [4]}));
        assert_eq!(target, json!({"a": {"c": 2, "e": 3}, "d": [4]}));
    }

    #[test]
    fn a_json_patch_does_one_thing_after_the_other() {
        let mut target = json!({"a": {"x/y": 1}, "d": [1, 2]});
        let patch = json!([
            {"op": "test", "path": "/a/x~1y", "value": 1},
            {"op": "replace", "path": "/a/x~1y", "value": 2},
            {"op": "add", "path": "/d/-", "value": 3},
            {"op": "remove", "path": "/d/0"},
            {"op": "move", "from": "/a/x~1y", "path": "/b"},
        ]);
        operations(&mut target, &patch).unwrap();
        assert_eq!(target, json!({"a": {}, "b": 2, "d": [2, 3]}));
        let missing = json!([{"op": "replace", "path": "/no/where", "value": 2}]);
        assert!(operations(&mut target, &missing).is_err());
    }
}
