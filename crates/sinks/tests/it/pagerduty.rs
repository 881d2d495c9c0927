//! `PagerDuty`: what the Events API sees, and what its answers mean. The double answers as the documentation of Events API v2 says.

use event::AnySink;
use serde_json::{Value, json};

use crate::{
    people::says,
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Server},
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["endpoint"] = json!(format!("http://{}", server.address));
    settings["routingKey"] = json!("secret-routing-key-1");
    connect("pagerduty", settings).unwrap()
}

/// What is sent of the event at `index`.
fn sent(settings: Value, index: usize) -> Value {
    let server = Server::start();
    server.answer(says(202, &json!({"status": "success"})));
    run(deliver(&sink(&server, settings), &events()[index..=index])).unwrap();
    assert_eq!(server.request().head[0], "POST /v2/enqueue HTTP/1.1");
    serde_json::from_slice(&server.request().body).unwrap()
}

#[test]
fn an_event_triggers_the_incident_of_its_object_and_reason() {
    assert_eq!(
        sent(json!({}), 0),
        json!({
            "routing_key": "secret-routing-key-1",
            "event_action": "trigger",
            "dedup_key": "/prod/Pod/api-7/BackOff",
            "client": "tidings",
            "payload": {
                "summary": "prod/Pod api-7: BackOff ×9",
                "source": "prod/Pod/api-7",
                "severity": "warning",
                "timestamp": "2024-06-01T10:05:00.000001Z",
                "group": "prod",
                "class": "BackOff",
                "custom_details": {
                    "id": "0b5c7a6e-7a58-4c4c-9a39-3f2f8ad0a111/901",
                    "object": "prod/Pod/api-7",
                    "count": "9",
                    "lines": [
                        "restarting <failed> \"container\" \\u{2028} tab here",
                        "since 2024-06-01 10:00:00 UTC, last at 10:05:00 UTC",
                        "Warning from kubelet on node-a",
                    ],
                },
            },
        })
    );
}

#[test]
fn a_reason_can_resolve_the_incident_of_another() {
    let resolved = sent(json!({"resolves": {"NodeReady": "NodeNotReady"}}), 1);
    assert_eq!(resolved["event_action"], "resolve");
    assert_eq!(resolved["dedup_key"], "//Node/node-a/NodeNotReady");
    assert_eq!(resolved["payload"]["severity"], "info");
}

#[test]
fn summary_severity_key_and_details_can_be_the_users() {
    let sent = sent(
        json!({
            "summary": "{{ .Reason }}!",
            "severity": "{{ if eq .Type \"Warning\" }}critical{{ else }}info{{ end }}",
            "dedupKey": "{{ .InvolvedObject.Name }}",
            "details": {"message": "{{ .Message }}"},
        }),
        0,
    );
    assert_eq!(sent["payload"]["summary"], "BackOff!");
    assert_eq!(sent["payload"]["severity"], "critical");
    assert_eq!(sent["dedup_key"], "api-7");
    let details = &sent["payload"]["custom_details"];
    assert_eq!(details["message"], "restarting <failed> \"container\" \u{2028} tab\there");
    assert_eq!(details["id"], "0b5c7a6e-7a58-4c4c-9a39-3f2f8ad0a111/901");
}

#[test]
fn no_payload_shows_the_routing_key() {
    let sink = sink(&Server::start(), json!({}));
    for payload in sink.encode(&events()).unwrap() {
        assert!(!String::from_utf8_lossy(&payload.body).contains("secret-routing-key-1"));
    }
}

#[test]
fn a_key_that_is_not_known_blocks_and_another_400_parks() {
    let outcome = |error: &str| {
        let server = Server::start();
        server.answer(says(400, &json!({"status": "invalid event", "errors": [error]})));
        run(deliver(&sink(&server, json!({})), &events()[..1])).unwrap_err().to_string()
    };
    let blocked = outcome("Invalid routing key secret-routing-key-1");
    assert!(blocked.starts_with("blocked: "), "{blocked}");
    assert!(blocked.ends_with("; check `routingKey`"), "{blocked}");
    assert!(!blocked.contains("secret"), "{blocked}");
    let rejected = outcome("'payload.summary' is missing or blank");
    assert!(rejected.starts_with("rejected: "), "{rejected}");
}

#[test]
fn a_rate_limit_is_obeyed() {
    let server = Server::start();
    server.answer(Answer::with_header(429, "Retry-After: 9"));
    let error = run(deliver(&sink(&server, json!({})), &events()[..1])).unwrap_err();
    let event::SendError::Unavailable { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(9));
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(
        refusal("pagerduty", json!({})),
        "`pagerduty`: `routingKey` is missing; give the key of an Events API v2 integration"
    );
    assert_eq!(
        refusal("pagerduty", json!({"routingKey": "x", "severity": "bad"})),
        "`pagerduty`: `severity` must be `critical`, `error`, `warning` or `info`"
    );
    let sink = sink(&Server::start(), json!({"severity": "{{ .Type }}"}));
    let rejected = sink.encode(&events()).unwrap_err();
    assert_eq!(rejected.reason, "`severity` must be `critical`, `error`, `warning` or `info`");
}
