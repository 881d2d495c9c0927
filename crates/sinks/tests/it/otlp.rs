//! OTLP: the request, and what the answers of a collector lead to.

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Server},
    stores::unpacked,
};

fn sink(server: &Server, path: &str, more: Value) -> AnySink {
    let mut settings = more;
    settings["endpoint"] = json!(format!("http://{}{path}", server.address));
    connect("otlp", settings).unwrap()
}

/// What the lane is told when three records are answered so.
fn outcome(status: u16, body: &str) -> Result<(), SendError> {
    let server = Server::start();
    server.answer(Answer::Status(status, String::new(), body.to_owned()));
    run(deliver(&sink(&server, "", json!({})), &events()))
}

#[test]
fn records_are_posted_in_protobuf_where_logs_are_taken() {
    for (path, expected) in
        [("", "/v1/logs"), ("/", "/v1/logs"), ("/otlp/v1/logs", "/otlp/v1/logs")]
    {
        let server = Server::start();
        server.answer(Answer::Status(200, String::new(), String::new()));
        run(deliver(&sink(&server, path, json!({})), &events())).unwrap();
        let request = server.request();
        assert_eq!(request.head[0], format!("POST {expected} HTTP/1.1"));
        assert_eq!(request.header("content-type"), ["application/x-protobuf"]);
        assert_eq!(request.header("content-encoding"), ["gzip"]);
        let body = unpacked(&request);
        let text = String::from_utf8_lossy(&body);
        assert!(text.contains("k8s.event.reason") && text.contains("uid-2/902"), "{text}");
    }
}

#[test]
fn a_layout_gives_the_body() {
    let server = Server::start();
    let sink = sink(&server, "", json!({"layout": {"kind": "{{ .InvolvedObject.Kind }}"}}));
    assert!(!sink.needs_lookup());
    let payloads = sink.encode(&events()[1..2].to_vec()).unwrap();
    let body = String::from_utf8_lossy(&payloads[0].body).into_owned();
    assert!(!body.contains("status is now"), "{body}");
}

#[test]
fn records_that_were_refused_are_looked_for() {
    // partial_success { rejected_log_records: 1, error_message: "too old" }
    let refused = outcome(200, "\u{a}\u{b}\u{8}\u{1}\u{12}\u{7}too old").unwrap_err();
    let SendError::Rejected { reason } = refused else { panic!("{refused}") };
    assert!(reason.ends_with(" refused 1 of 3 records: too old"), "{reason}");
    // Only a warning.
    assert_eq!(outcome(200, "\u{a}\u{9}\u{12}\u{7}too old"), Ok(()));
    // In JSON.
    assert_eq!(outcome(200, r#"{"partialSuccess":{}}"#), Ok(()));
    let refused = outcome(200, r#"{"partialSuccess":{"rejectedLogRecords":"2"}}"#);
    assert!(matches!(refused, Err(SendError::Rejected { .. })), "{refused:?}");
}

#[test]
fn an_error_is_read_out_of_its_message() {
    // google.rpc.Status { message: "no room" }
    let busy = outcome(503, "\u{12}\u{7}no room").unwrap_err();
    let SendError::Unavailable { reason, .. } = busy else { panic!("{busy}") };
    assert!(reason.ends_with(" answered 503 Service Unavailable: no room"), "{reason}");
}

#[test]
fn an_answer_that_is_no_otlp_is_no_success() {
    let page = outcome(200, "<html>").unwrap_err().to_string();
    assert!(page.ends_with("; this is not how OTLP answers"), "{page}");
}

#[test]
fn a_probe_exports_nothing() {
    let server = Server::start();
    server.answer(Answer::Status(200, String::new(), String::new()));
    let said = run(sink(&server, "", json!({})).probe()).unwrap().unwrap();
    assert!(said.ends_with(" answered 200 OK to an empty request"), "{said}");
    assert_eq!(server.request().body, b"");
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(
        refusal("otlp", json!({})),
        "`otlp.endpoint`: is missing; give the address to post to"
    );
}
