//! Opsgenie: the alert as the API sees it. The double answers as the documentation of the Alert API says.

use event::AnySink;
use serde_json::{Value, json};

use crate::{
    people::says,
    samples::{connect, deliver, events, refusal, run},
    server::Server,
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["URL"] = json!(format!("http://{}", server.address));
    settings["apiKey"] = json!("secret-key-1");
    connect("opsgenie", settings).unwrap()
}

fn body(settings: Value, index: usize) -> String {
    let server = Server::start();
    run(deliver(&sink(&server, settings), &events()[index..=index])).unwrap();
    String::from_utf8(server.request().body).unwrap()
}

#[test]
fn an_alert_in_the_users_words_is_that_of_the_original() {
    let server = Server::start();
    let settings = json!({
        "priority": "P1",
        "message": "{{ .Reason }} <{{ .InvolvedObject.Name }}>",
        "alias": "{{ .UID }}",
        "description": "{{ .Message }}",
        "tags": ["event", "{{ .Type }}"],
        "details": {"ns": "{{ .Namespace }}", "a": "b"},
    });
    run(deliver(&sink(&server, settings), &events()[1..2])).unwrap();
    let request = server.request();
    assert_eq!(request.head[0], "POST /v2/alerts HTTP/1.1");
    assert_eq!(request.header("authorization"), ["GenieKey secret-key-1"]);
    assert_eq!(request.header("content-type"), ["application/json; charset=utf-8"]);
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        "{\"message\":\"NodeReady \\u003cnode-a\\u003e\",\"alias\":\"uid-2\",\"description\":\"Node node-a status is now: \
         NodeReady\",\"tags\":[\"event\",\"Normal\"],\"details\":{\"a\":\"b\",\"ns\":\"default\"},\"priority\":\"P1\"}\n"
    );
}

#[test]
fn without_an_alias_a_repeat_is_no_other_alert() {
    assert_eq!(
        body(json!({"message": "{{ .Reason }}"}), 1),
        "{\"message\":\"NodeReady\",\"alias\":\"uid-2/902\",\"priority\":\"P3\"}\n"
    );
}

#[test]
fn without_a_message_it_is_ours_and_one_incident_is_one_alert() {
    assert_eq!(
        body(json!({}), 0),
        "{\"message\":\"prod/Pod api-7: BackOff ×9\",\"alias\":\"/prod/Pod/api-7/BackOff\",\"description\":\"restarting \
         \\u003cfailed\\u003e \\\"container\\\" \\\\u{2028} tab here\\nsince 2024-06-01 10:00:00 UTC, last at 10:05:00 UTC\\n\
         Warning from kubelet on node-a\",\"priority\":\"P3\"}\n"
    );
}

#[test]
fn a_message_that_comes_out_empty_is_rejected_alone() {
    let sink = sink(&Server::start(), json!({"message": "{{ .ReportingController }}"}));
    let rejected = sink.encode(&events()).unwrap_err();
    assert_eq!(rejected.index, 1);
    assert_eq!(rejected.reason, "message: it came out empty, and Opsgenie wants one");
}

#[test]
fn a_wrong_key_blocks_and_is_not_shown() {
    let server = Server::start();
    server.answer(says(403, &json!({"message": "secret-key-1 is no key"})));
    let error = run(deliver(&sink(&server, json!({})), &events()[..1])).unwrap_err().to_string();
    assert!(error.starts_with("blocked: ") && !error.contains("secret-key-1"), "{error}");
}

#[test]
fn a_probe_lists_alerts_and_creates_none() {
    let server = Server::start();
    let said = run(sink(&server, json!({})).probe()).unwrap().unwrap();
    assert!(said.ends_with(" answered 200 OK to a list of alerts"), "{said}");
    assert_eq!(server.request().head[0], "GET /v2/alerts?limit=1 HTTP/1.1");
}

#[test]
fn a_key_is_needed() {
    assert_eq!(
        refusal("opsgenie", json!({})),
        "`opsgenie`: `apiKey` is missing; give the key of an API integration"
    );
    assert_eq!(
        refusal("opsgenie", json!({"apiKey": "x", "tags": ["a", "{{ .x"]})),
        "`opsgenie`: tags[1]: template: template:1: unclosed action"
    );
}
