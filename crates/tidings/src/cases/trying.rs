//! One test: what the config does with the event, held against what is expected.

use std::{collections::BTreeSet, sync::Arc};

use event::{Event, ManualClock};
use jiff::Timestamp;
use pipeline::route::Explanation;
use serde_json::Value;

use super::{
    file::{Case, Expect},
    outcome::Failed,
};
use crate::{
    offline::{self, Offline},
    settings::Settings,
};

/// What is not as expected, or why the test cannot be run.
pub(super) async fn run(
    case: &Case,
    event: Event,
    now: Timestamp,
    settings: &Settings,
) -> Result<Vec<Failed>, String> {
    let mut offline = Offline::new(settings.clone());
    let event = offline.arrive(event);
    let why = offline.router.explain(&event, offline.known(&event));
    let mut failures: Vec<_> = receivers(&case.expect, &why, &offline).into_iter().collect();
    let batch = vec![Arc::new(event)];
    for (name, expected) in &case.expect.payloads {
        let Ok(receiver) = offline.receiver(name) else { continue };
        let clock = Arc::new(ManualClock::new(now));
        let sink = offline::connect(receiver, clock).await.map_err(|failure| {
            let causes: Vec<_> = failure.error.chain().map(ToString::to_string).collect();
            causes.join(": ")
        })?;
        let encoded = sink.encode(&batch);
        sink.close().await;
        let found = match encoded {
            Ok(payloads) => payloads.iter().flat_map(|it| it.body.to_vec()).collect::<Vec<u8>>(),
            Err(rejected) => {
                failures.push(Failed::Unrendered { receiver: name.clone(), why: rejected.reason });
                continue;
            }
        };
        if !is_expected(expected, &found) {
            let (expected, found) = (shown(expected), String::from_utf8_lossy(&found).into_owned());
            failures.push(Failed::Payload { receiver: name.clone(), expected, found });
        }
    }
    Ok(failures)
}

fn receivers(expect: &Expect, why: &Explanation, offline: &Offline) -> Option<Failed> {
    let expected: BTreeSet<String> = match &expect.receivers {
        Some(names) => names.iter().cloned().collect(),
        None if expect.dropped => BTreeSet::new(),
        None => return None,
    };
    let reached = &why.walk.reached;
    let found: BTreeSet<_> = reached.iter().map(|(it, _)| offline.name(*it).to_string()).collect();
    if expected == found {
        return None;
    }
    let sent = reached.iter().map(|(lane, rule)| (offline.name(*lane), rule));
    let sent = sent.filter(|(name, _)| !expected.contains(name.as_str()));
    let mut reasons: Vec<_> = sent.map(|(name, rule)| format!("{name} by {rule}")).collect();
    if expected.iter().any(|name| !found.contains(name)) {
        reasons.extend(why.walk.dropped.iter().map(|rule| format!("dropped by {rule}")));
        reasons.extend(why.walk.unmatched.iter().map(|at| format!("not matched: {at}")));
    }
    if let Some(open) = &why.open {
        let asked = open.conditions.join(", ");
        reasons.push(format!("the event tells nothing of what is asked by {asked}"));
    }
    Some(Failed::Receivers { expected, found, reasons })
}

/// A text byte for byte, but for a line end behind it; all else value for value.
fn is_expected(expected: &Value, found: &[u8]) -> bool {
    match expected {
        Value::String(text) => {
            let found = found.strip_suffix(b"\n").unwrap_or(found);
            text.strip_suffix('\n').unwrap_or(text).as_bytes() == found
        }
        value => {
            let found = serde_json::from_slice::<Value>(found);
            found.is_ok_and(|found| is_same(value, &found))
        }
    }
}

/// Numbers are the same whether they have a fraction of nothing or none.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a == b || a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b))
        }
        (Value::Object(a), Value::Object(b)) => {
            let same = |(key, a): (&String, &Value)| b.get(key).is_some_and(|b| is_same(a, b));
            a.len() == b.len() && a.iter().all(same)
        }
        (a, b) => a == b,
    }
}

fn shown(expected: &Value) -> String {
    expected.as_str().map_or_else(|| expected.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_text_is_compared_by_bytes_and_json_by_values() {
        assert!(is_expected(&json!("a\n"), b"a"));
        assert!(is_expected(&json!("a"), b"a\n"));
        assert!(!is_expected(&json!("a"), b"a \n"));
        assert!(!is_expected(&json!("{\"a\":1,\"b\":2}"), b"{\"b\":2,\"a\":1}"));
        assert!(is_expected(&json!({"a": 1, "b": [true]}), b"{\"b\":[true],\"a\":1.0}\n"));
        assert!(!is_expected(&json!({"a": 1}), b"{\"a\":1,\"b\":2}"));
        assert!(!is_expected(&json!({"a": 1}), b"no json"));
    }
}
