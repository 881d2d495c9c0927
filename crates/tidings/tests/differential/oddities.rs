//! Events made up for what real ones seldom have: odd text, odd times, odd numbers, missing parts; and
//! the five of the worked examples.

use serde_json::{Value, json};

use super::events::{Events, Found, Owner};

/// Adds all of them.
pub(crate) fn add(events: &mut Events) -> anyhow::Result<()> {
    for (event, found) in worked_examples() {
        events.add(&event.to_string(), &found)?;
    }
    for text in TEXTS {
        let event = json!({
            "metadata": {"name": text, "namespace": text, "labels": {"a.b": text, "plain": "x"}, "annotations": {(*text): "y"}},
            "reason": text, "message": text, "type": text, "action": text,
            "source": {"component": text, "host": text},
            "reportingComponent": text, "reportingInstance": text,
            "involvedObject": {"kind": text, "name": text, "namespace": text, "apiVersion": text, "fieldPath": text},
            "firstTimestamp": "2024-06-01T10:00:00Z", "count": 3,
        });
        let found = Found {
            labels: [("a.b".into(), (*text).into()), ((*text).into(), "z".into())].into(),
            annotations: [("c.d/e".into(), (*text).into())].into(),
            ..Found::default()
        };
        events.add(&event.to_string(), &found)?;
    }
    for time in TIMES {
        if time.contains('.') || time.starts_with("9999") || time.starts_with("0001") {
            events.odd_times.extend(events.len()..events.len() + 3);
        }
        for key in ["firstTimestamp", "lastTimestamp"] {
            events.add(&timed(&json!({key: time})), &Found::default())?;
        }
        let all = json!({
            "metadata": {"name": "a", "creationTimestamp": time, "deletionTimestamp": time},
            "firstTimestamp": time, "lastTimestamp": time,
        });
        events.add(&timed(&all), &Found::default())?;
    }
    for time in MICRO_TIMES {
        events.add(&timed(&json!({"eventTime": time})), &Found::default())?;
        let series = json!({"series": {"count": 7, "lastObservedTime": time}});
        events.add(&timed(&series), &Found::default())?;
    }
    for part in PARTS {
        events.add(part, &Found::default())?;
    }
    let found = Found {
        owner_references: vec![
            Owner { kind: "ReplicaSet".into(), controller: Some(true), ..Owner::default() },
            Owner { name: "no kind".into(), block_owner_deletion: Some(false), ..Owner::default() },
        ],
        deleted: true,
        ..Found::default()
    };
    events.add(PARTS[0], &found)
}

/// Text that must be escaped, or must not.
const TEXTS: &[&str] = &[
    "",
    "plain",
    "<a href=\"x\">&amp;</a>",
    "back\\slash \"quoted\" 'single'",
    "tab\there\nline\r\nreturn",
    "nul\u{0} bell\u{7} escape\u{1b} unit\u{1f} delete\u{7f}",
    "separators \u{2028} \u{2029} \u{85}",
    "größe 日本 🚀 e\u{301}",
    "\u{fffd} \u{feff} \u{200b}",
    "{{ .Message }} ${HOME} $x %s %d %!s(<nil>)",
    "a.b.c/d_e",
    "back-off 5m0s restarting failed container=app pod=web-1_prod(11aa)",
];

const TIMES: &[&str] = &[
    "2024-06-01T10:00:00Z",
    "2024-06-01T10:00:00+05:30",
    "2024-06-01T10:00:00-11:00",
    "2024-02-29T23:59:59Z",
    "2024-06-01T10:00:00.999999999Z",
    "1969-12-31T23:59:59Z",
    "1969-12-31T23:59:58.5Z",
    "1900-01-01T00:00:00Z",
    "0001-01-01T00:00:00Z",
    "9999-12-31T23:59:59Z",
];

const MICRO_TIMES: &[&str] = &[
    "2024-06-01T10:00:00.000000Z",
    "2024-06-01T10:00:00.123456Z",
    "2024-06-01T10:00:00.000001+02:00",
    "1969-12-31T23:59:59.999999Z",
];

/// Parts that are there, null, or missing.
const PARTS: &[&str] = &[
    r"{}",
    r#"{"metadata":null,"involvedObject":null,"source":null,"series":null,"related":null,"firstTimestamp":null,"eventTime":null}"#,
    r#"{"metadata":{"name":"a","generateName":"a-","namespace":"n","selfLink":"/x","uid":"u","resourceVersion":"7","generation":3,"deletionGracePeriodSeconds":0,"finalizers":["a","b"],"labels":{},"annotations":{"k":""},"managedFields":[{"manager":"m"}],"ownerReferences":[{"apiVersion":"v1","kind":"Pod","name":"p","uid":"q","controller":false,"blockOwnerDeletion":true}]}}"#,
    r#"{"metadata":{"name":"a"},"count":2147483647,"series":{"count":2147483647}}"#,
    r#"{"metadata":{"name":"a"},"count":-1,"series":{"count":-5},"type":"Odd"}"#,
    r#"{"metadata":{"name":"a"},"series":{},"related":{}}"#,
    r#"{"metadata":{"name":"a"},"related":{"kind":"Node","namespace":"n","name":"x","uid":"u","apiVersion":"v1","resourceVersion":"3","fieldPath":"spec"}}"#,
    r#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"a","Name":"b"},"Reason":"ignored","reason":"kept","unknown":{"a":[1,2]}}"#,
    r#"{"metadata":{"name":"a","labels":null,"annotations":{"a":null}},"message":null,"count":null}"#,
];

fn timed(event: &Value) -> String {
    let mut event = event.clone();
    event["reason"] = json!("Timed");
    event.to_string()
}

fn worked_examples() -> Vec<(Value, Found)> {
    let event = |namespace: &str, kind: &str, version: &str, reason: &str, event_type: &str| {
        json!({
            "metadata": {"name": "e", "namespace": namespace},
            "involvedObject": {"kind": kind, "apiVersion": version},
            "reason": reason, "type": event_type,
        })
    };
    let labels = |pairs: &[(&str, &str)]| Found {
        labels: pairs.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect(),
        ..Found::default()
    };
    let with = |mut event: Value, message: &str, count: i32, component: &str, host: &str| {
        event["message"] = json!(message);
        event["count"] = json!(count);
        event["source"] = json!({"component": component, "host": host});
        event
    };
    let backoff = event("prod", "Pod", "v1", "BackOff", "Warning");
    let pulled = event("my-test-1", "Pod", "v1", "Pulled", "Normal");
    let not_ready = event("default", "Node", "", "NodeNotReady", "Normal");
    let mut scheduling = event("prod", "Pod", "v1", "FailedScheduling", "Warning");
    scheduling["message"] = json!("0/3 nodes are available");
    scheduling["reportingComponent"] = json!("default-scheduler");
    let budget = event("prod", "PodDisruptionBudget", "policy/v1", "NoPods", "Normal");
    let pulled = with(pulled, "Successfully pulled image nginx", 1, "kubelet", "node-b");
    let api = labels(&[("app", "api"), ("version", "dev-3")]);
    vec![
        (with(backoff, "Back-off restarting failed container", 7, "kubelet", "node-a"), api),
        (pulled.clone(), labels(&[("app", "job")])),
        (pulled, Found::default()),
        (with(not_ready, "Node node-a is not ready", 1, "node-controller", ""), Found::default()),
        (scheduling, labels(&[("app", "web")])),
        (with(budget, "No matching pods found", 3, "controllermanager", ""), Found::default()),
    ]
}
