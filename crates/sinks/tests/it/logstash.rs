//! Logstash: the lines, and the requests.

use event::SendError;
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination},
    samples::{connect, deliver, events, refusal, run},
    server::{Answer as HttpAnswer, Server},
    streams::{Pipeline, Reader},
};

#[test]
fn a_line_has_the_time_and_the_id_of_its_event() {
    let pipeline = Pipeline::new();
    run(deliver(&pipeline.sink(), &events())).unwrap();
    let text = String::from_utf8(pipeline.received()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3);
    assert_eq!(lines[1]["@timestamp"], "2024-06-01T10:09:00.000000Z");
    assert_eq!(lines[1]["@metadata"], json!({"id": "uid-2/902"}));
    assert_eq!(lines[1]["reason"], "NodeReady");
}

#[test]
fn a_text_with_line_ends_is_one_line() {
    let reader = Reader::start();
    let settings =
        json!({"address": reader.address.to_string(), "rawBody": "a\r\nb {{ .Reason }}"});
    run(deliver(&connect("logstash", settings).unwrap(), &events()[..2])).unwrap();
    let text = String::from_utf8(reader.received().concat()).unwrap();
    assert_eq!(text, "a  b BackOff\na  b NodeReady\n");
}

#[test]
fn over_http_a_batch_is_an_array_with_a_key() {
    let server = Server::start();
    let settings = json!({"address": format!("http://{}/", server.address)});
    run(deliver(&connect("logstash", settings).unwrap(), &events())).unwrap();
    let request = server.request();
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(request.header("idempotency-key")[0].len(), 32);
    let array: Vec<Value> = serde_json::from_slice(&request.body).unwrap();
    assert_eq!(array[1]["@metadata"]["id"], "uid-2/902");
}

#[test]
fn over_http_a_busy_pipeline_is_given_its_time() {
    let server = Server::start();
    server.answer(HttpAnswer::with_header(429, "Retry-After: 3"));
    let settings = json!({"address": format!("http://{}/", server.address)});
    let error = run(deliver(&connect("logstash", settings).unwrap(), &events())).unwrap_err();
    let SendError::Unavailable { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(3));
}

#[test]
fn a_probe_writes_nothing() {
    let pipeline = Pipeline::new();
    pipeline.answer(Answer::Accept);
    let said = run(pipeline.sink().probe()).unwrap().unwrap();
    assert!(said.ends_with(" takes connections"), "{said}");
    assert_eq!(pipeline.received(), b"");
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({}), "`logstash.address`: is missing; write `host:port`"),
        (
            json!({"address": "tcp://logstash:5000"}),
            "`logstash.address`: `tcp://logstash:5000` is no address; write `host:port`",
        ),
        (
            json!({"address": "logstash:5000", "headers": {"a": "b"}}),
            "`logstash`: `headers` are for an `address` that begins with `http://` or `https://`; remove \
             them",
        ),
        (
            json!({"address": "logstash:5000", "timeout": "0s"}),
            "`logstash`: `timeout`: `0s` is no duration above 0; write `10s`",
        ),
    ] {
        assert_eq!(refusal("logstash", settings), expected);
    }
}
