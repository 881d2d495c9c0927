//! Loki: the push, streams, what comes too late, who we are, settings.

use std::sync::Arc;

use event::{AnySink, Event, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{self, connect, deliver, events, refusal, run},
    server::{Answer, Server},
    stores::unpacked,
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["url"] = json!(format!("http://{}/loki/api/v1/push", server.address));
    connect("loki", settings).unwrap()
}

/// The pushes that a sink with these settings makes.
fn pushes(settings: Value, events: &[Arc<Event>]) -> Vec<Value> {
    let server = Server::start();
    server.answer(Answer::status(204));
    run(deliver(&sink(&server, settings), events)).unwrap();
    bodies(&server)
}

fn bodies(server: &Server) -> Vec<Value> {
    let requests = server.requests();
    requests.iter().map(|it| serde_json::from_slice(&unpacked(it)).unwrap()).collect()
}

#[test]
fn a_push_holds_all_events_at_their_own_times_and_is_packed() {
    let server = Server::start();
    server.answer(Answer::status(204));
    run(deliver(&sink(&server, json!({})), &events())).unwrap();
    let request = server.request();
    assert_eq!(request.head[0], "POST /loki/api/v1/push HTTP/1.1");
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(request.header("content-encoding"), ["gzip"]);
    let push = &bodies(&server)[0];
    let stream = &push["streams"][0];
    assert_eq!(stream["stream"], json!({"job": "kubernetes-events"}));
    let values = stream["values"].as_array().unwrap();
    assert_eq!(values.len(), 3);
    let ready = values.iter().find(|it| it[1].as_str().unwrap().contains("NodeReady")).unwrap();
    // 2024-06-01T10:09:00Z
    assert_eq!(ready[0], "1717236540000000000");
    let times: Vec<i128> =
        values.iter().map(|it| it[0].as_str().unwrap().parse().unwrap()).collect();
    assert!(times.is_sorted(), "{times:?}");
}

#[test]
fn events_are_grouped_by_the_labels_that_templates_make() {
    let labels = json!({"streamLabels": {"ns": "{{ .Namespace }}", "app": "events"}});
    let push = &pushes(labels, &events())[0];
    let streams = push["streams"].as_array().unwrap();
    let namespaces: Vec<_> = streams.iter().map(|it| &it["stream"]["ns"]).collect();
    assert_eq!(namespaces[..2], ["prod", "default"]);
}

#[test]
fn with_now_a_line_stands_at_the_time_of_sending() {
    let push = &pushes(json!({"timestamp": "now"}), &events()[..1])[0];
    // 2024-06-01T10:10:00Z
    assert_eq!(push["streams"][0]["values"][0][0], "1717236600000000000");
}

#[test]
fn a_header_that_differs_makes_another_push() {
    let settings = json!({"tenantID": "{{ .Namespace }}"});
    let server = Server::start();
    server.answer(Answer::status(204));
    run(deliver(&sink(&server, settings), &events()[..2])).unwrap();
    let requests = server.requests();
    let tenants: Vec<_> = requests.iter().map(|it| it.header("x-scope-orgid")).collect();
    assert_eq!(tenants, [["prod"], ["default"]]);
}

#[test]
fn who_we_are_is_said_in_one_way() {
    for (settings, expected) in [
        (json!({"username": "ann", "password": "p"}), "Basic YW5uOnA="),
        (json!({"bearerToken": "t"}), "Bearer t"),
        (json!({"bearerToken": "t", "headers": {"authorization": "Custom"}}), "Custom"),
    ] {
        let server = Server::start();
        run(deliver(&sink(&server, settings), &events()[..1])).unwrap();
        assert_eq!(server.request().header("authorization"), [expected]);
    }
}

/// What Loki says of one line that is too old for its stream.
const LATE: &str = "entry with timestamp 2024-06-01 10:09:00 +0000 UTC ignored, reason: 'entry too far \
    behind, entry timestamp is: 2024-06-01T10:09:00Z, oldest acceptable timestamp is: \
    2024-06-01T10:09:10Z',\nuser 'fake', total ignored: 1 out of 1 for stream: {job=\"kubernetes-events\"}";

#[test]
fn a_line_that_is_too_late_goes_to_now_and_says_its_time() {
    let server = Server::start();
    server.answer(Answer::Status(400, String::new(), LATE.to_owned()));
    let sink = sink(&server, json!({"layout": {"r": "{{ .Reason }}"}}));
    // The double refuses the second push, too: nothing is tried a third time.
    let refused = run(deliver(&sink, &events()[1..2])).unwrap_err();
    assert!(matches!(refused, SendError::Rejected { .. }), "{refused}");
    let pushes = bodies(&server);
    assert_eq!(pushes.len(), 2);
    let value = |push: &Value| push["streams"][0]["values"][0].clone();
    assert_eq!(value(&pushes[0]), json!(["1717236540000000000", r#"{"r":"NodeReady"}"#]));
    assert_eq!(
        value(&pushes[1]),
        json!([
            "1717236600000000000",
            r#"{"eventTimestamp":"2024-06-01T10:09:00Z","r":"NodeReady"}"#
        ])
    );
}

#[test]
fn a_refusal_for_another_reason_parks() {
    let server = Server::start();
    server.answer(Answer::Status(400, String::new(), "Max entry size exceeded".to_owned()));
    let refused = run(deliver(&sink(&server, json!({})), &events()[1..2])).unwrap_err();
    assert!(matches!(refused, SendError::Rejected { .. }), "{refused}");
    assert_eq!(server.requests().len(), 1);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({}), "`loki.url`: is missing; give the address to post to"),
        (
            json!({"url": "http://a", "username": "a", "bearerToken": "b"}),
            "`loki`: `username` and `bearerToken` are both set; keep one of them",
        ),
        (
            json!({"url": "http://a", "streamLabels": {"app.io/name": "x"}}),
            "`loki`: `streamLabels`: `app.io/name` is no label; a name has letters, digits and `_` only",
        ),
        (
            json!({"url": "http://a", "streamLabels": {"pod": "{{ .InvolvedObject.Name }}"}}),
            "`loki`: `streamLabels.pod`: nearly every event has another value, and each makes a stream \
             of its own; leave it to the line, or set `unboundedLabels: true`",
        ),
    ] {
        assert_eq!(refusal("loki", settings), expected);
    }
}

#[test]
fn every_key_of_the_original_is_known() {
    let settings = json!({"url": "", "streamLabels": {}, "headers": {}, "layout": {}, "tls": {}});
    assert_eq!((samples::kind("loki").check)(&settings, ""), []);
}
