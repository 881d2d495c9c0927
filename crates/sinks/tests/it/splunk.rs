//! Splunk: the request, and what the collector's codes lead to.

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Server},
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["url"] = json!(format!("http://{}", server.address));
    settings["token"] = json!("0aab-tok3n");
    connect("splunk", settings).unwrap()
}

fn said(status: u16, body: &Value) -> Answer {
    Answer::Status(status, String::new(), body.to_string())
}

/// What the lane is told when three events are answered so.
fn outcome(status: u16, body: &Value) -> Result<(), SendError> {
    let server = Server::start();
    server.answer(said(status, body));
    run(deliver(&sink(&server, json!({})), &events()))
}

#[test]
fn all_events_go_in_one_request_with_time_and_id() {
    let server = Server::start();
    server.answer(said(200, &json!({"text": "Success", "code": 0})));
    run(deliver(&sink(&server, json!({"source": "prod"})), &events())).unwrap();
    let request = server.request();
    assert_eq!(request.head[0], "POST /services/collector/event HTTP/1.1");
    assert_eq!(request.header("authorization"), ["Splunk 0aab-tok3n"]);
    let text = String::from_utf8(request.body).unwrap();
    let lines: Vec<_> = text.lines().collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].starts_with(
            r#"{"time":1717236540.000000,"host":"node-a","source":"prod","sourcetype":"_json","event":{"#
        ),
        "{}",
        lines[1]
    );
    assert!(lines[1].ends_with(r#","fields":{"event_id":"uid-2/902"}}"#), "{}", lines[1]);
}

#[test]
fn an_event_that_is_refused_is_parked_and_the_others_go_again() {
    let body = json!({"text": "Invalid data format", "code": 6, "invalid-event-number": 1});
    let SendError::Partial { failed } = outcome(400, &body).unwrap_err() else { panic!() };
    assert_eq!((failed.len(), &failed[0], &failed[2]), (3, &(0, None), &(2, None)));
    assert!(failed[1].1.as_ref().unwrap().contains("Invalid data format"));
}

#[test]
fn the_code_says_whether_it_is_us_or_the_moment() {
    for (status, code, text) in [
        (403, 4, "Invalid token"),
        (403, 1, "Token disabled"),
        (400, 7, "Incorrect index"),
        (400, 10, "Data channel is missing"),
    ] {
        let refused = outcome(status, &json!({"text": text, "code": code})).unwrap_err();
        assert!(matches!(refused, SendError::Blocked { .. }), "{refused}");
        assert!(refused.to_string().contains(text), "{refused}");
    }
    let busy = outcome(503, &json!({"text": "Server is busy", "code": 9})).unwrap_err();
    assert!(matches!(busy, SendError::Unavailable { .. }), "{busy}");
}

#[test]
fn an_answer_of_something_else_is_no_success() {
    let refused = outcome(200, &json!("<html>")).unwrap_err().to_string();
    assert!(refused.ends_with("; this is no HTTP Event Collector"), "{refused}");
}

#[test]
fn a_probe_sends_no_event() {
    let server = Server::start();
    let sink = sink(&server, json!({}));
    server.answer(said(400, &json!({"text": "No data", "code": 5})));
    assert!(run(sink.probe()).unwrap().unwrap().contains(" answered 400 "));
    server.answer(said(403, &json!({"text": "Invalid token", "code": 4})));
    assert!(matches!(run(sink.probe()), Err(SendError::Blocked { .. })));
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({"url": "http://a"}), "`splunk.token`: is missing; give the token of the collector"),
        (json!({"token": "a"}), "`splunk.url`: is missing; give the address to post to"),
    ] {
        assert_eq!(refusal("splunk", settings), expected);
    }
}
