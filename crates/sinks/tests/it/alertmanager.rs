//! Alertmanager: the alerts as the API sees them, and several instances. The double answers as the `OpenAPI` description of
//! API v2 says.

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{connect, deliver, events, kind, refusal, run},
    server::{Answer, Server},
};

fn sink(servers: &[&Server], more: Value) -> AnySink {
    let mut settings = more;
    let urls: Vec<_> = servers.iter().map(|it| format!("http://{}", it.address)).collect();
    settings["url"] = if let [url] = urls.as_slice() { json!(url) } else { json!(urls) };
    connect("alertmanager", settings).unwrap()
}

#[test]
fn events_are_alerts_of_one_request() {
    let server = Server::start();
    run(deliver(&sink(&[&server], json!({})), &events()[..2])).unwrap();
    let request = server.request();
    assert_eq!(request.head[0], "POST /api/v2/alerts HTTP/1.1");
    let alerts: Value = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(
        alerts,
        json!([
            {
                "labels": {
                    "alertname": "BackOff",
                    "namespace": "prod",
                    "kind": "Pod",
                    "name": "api-7",
                    "severity": "warning",
                },
                "annotations": {
                    "summary": "prod/Pod api-7: BackOff ×9",
                    "description": "restarting <failed> \"container\" \\u{2028} tab here\n\
                                    since 2024-06-01 10:00:00 UTC, last at 10:05:00 UTC\n\
                                    Warning from kubelet on node-a",
                    "count": "9",
                    "event_id": "0b5c7a6e-7a58-4c4c-9a39-3f2f8ad0a111/901",
                },
                "startsAt": "2024-06-01T10:00:00Z",
            },
            {
                "labels": {
                    "alertname": "NodeReady",
                    "kind": "Node",
                    "name": "node-a",
                    "severity": "info",
                },
                "annotations": {
                    "summary": "Node node-a: NodeReady once",
                    "description": "Node node-a status is now: NodeReady\nat 2024-06-01 10:09:00 UTC\n\
                                    Normal from kubelet on node-a",
                    "count": "1",
                    "event_id": "uid-2/902",
                },
                "startsAt": "2024-06-01T10:09:00Z",
            },
        ])
    );
}

#[test]
fn labels_annotations_and_the_end_can_be_the_users() {
    let server = Server::start();
    let settings = json!({
        "labels": {"team": "{{ .Namespace }}", "severity": "page", "kind": "{{ \"\" }}"},
        "annotations": {"summary": "{{ .Reason }}!"},
        "generatorURL": "https://grafana.example.com/?ns={{ .Namespace }}",
        "endsAfter": "15m",
    });
    run(deliver(&sink(&[&server], settings), &events()[..1])).unwrap();
    let alerts: Value = serde_json::from_slice(&server.request().body).unwrap();
    let labels = json!({
        "alertname": "BackOff", "namespace": "prod", "name": "api-7", "severity": "page", "team": "prod",
    });
    assert_eq!(alerts[0]["labels"], labels);
    assert_eq!(alerts[0]["annotations"]["summary"], "BackOff!");
    assert_eq!(alerts[0]["generatorURL"], "https://grafana.example.com/?ns=prod");
    // Fifteen minutes from when it is sent.
    assert_eq!(alerts[0]["endsAt"], "2024-06-01T10:25:00Z");
}

#[test]
fn every_instance_is_told_and_one_that_knows_is_enough() {
    let (one, other) = (Server::start(), Server::start());
    let sink = sink(&[&one, &other], json!({}));
    run(deliver(&sink, &events())).unwrap();
    assert_eq!((one.requests().len(), other.requests().len()), (1, 1));
    one.answer(Answer::status(503));
    assert_eq!(run(deliver(&sink, &events())), Ok(()));
    other.answer(Answer::status(400));
    let error = run(deliver(&sink, &events())).unwrap_err();
    assert!(matches!(error, SendError::Unavailable { .. }), "{error}");
    one.answer(Answer::status(400));
    let error = run(deliver(&sink, &events())).unwrap_err();
    assert!(matches!(error, SendError::Rejected { .. }), "{error}");
}

#[test]
fn a_probe_asks_every_instance_for_its_status() {
    let (one, other) = (Server::start(), Server::start());
    let said = run(sink(&[&one, &other], json!({})).probe()).unwrap().unwrap();
    assert_eq!(said.matches("answered 200 OK").count(), 2, "{said}");
    assert_eq!(one.request().head[0], "GET /api/v2/status HTTP/1.1");
    other.answer(Answer::status(401));
    let error = run(sink(&[&one, &other], json!({})).probe()).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
}

#[test]
fn one_address_is_as_good_as_a_list() {
    let check = kind("alertmanager").check;
    assert_eq!(check(&json!({"url": "http://am:9093"}), "alertmanager"), []);
    assert_eq!(check(&json!({"url": ["http://am:9093"]}), "alertmanager"), []);
    assert_eq!(check(&json!({"urls": "http://am:9093"}), "alertmanager").len(), 1);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(
        refusal("alertmanager", json!({})),
        "`alertmanager.url`: is missing; give the address of each instance"
    );
    let url = "http://am:9093";
    assert_eq!(
        refusal("alertmanager", json!({"url": url, "labels": {"a-b": "c"}})),
        "`alertmanager`: `labels`: `a-b` is no name of a label; write letters, digits and `_`"
    );
    assert_eq!(
        refusal("alertmanager", json!({"url": url, "endsAfter": "soon"})),
        "`alertmanager`: `endsAfter`: `soon` is no duration above 0; write `15m`"
    );
}
