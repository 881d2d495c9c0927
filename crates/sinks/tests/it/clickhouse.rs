//! `clickhouse`: the INSERT, and what its exceptions lead to.

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Server},
    stores::unpacked,
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["url"] = json!(format!("http://{}/", server.address));
    settings["table"] = json!("k8s.events");
    connect("clickhouse", settings).unwrap()
}

fn taken() -> Answer {
    Answer::Status(200, String::new(), String::new())
}

/// What the lane is told of an exception.
fn outcome(status: u16, headers: &str, body: &str) -> SendError {
    let server = Server::start();
    server.answer(Answer::Status(status, headers.to_owned(), body.to_owned()));
    run(deliver(&sink(&server, json!({})), &events())).unwrap_err()
}

#[test]
fn rows_go_into_the_table_once() {
    let server = Server::start();
    server.answer(taken());
    let sink = sink(&server, json!({"username": "ann", "password": "p", "settings": {"x": "a b"}}));
    run(deliver(&sink, &events())).unwrap();
    let request = server.request();
    assert_eq!(
        request.head[0],
        "POST /?query=INSERT+INTO+%60k8s%60.%60events%60+FORMAT+JSONEachRow\
         &input_format_skip_unknown_fields=1&date_time_input_format=best_effort&x=a+b\
         &insert_deduplication_token=7359fe8f52a37c77f632b01083fd0137 HTTP/1.1"
    );
    assert_eq!(request.header("x-clickhouse-user"), ["ann"]);
    assert_eq!(request.header("x-clickhouse-key"), ["p"]);
    let text = String::from_utf8(unpacked(&request)).unwrap();
    let rows: Vec<Value> = text.lines().map(|row| serde_json::from_str(row).unwrap()).collect();
    assert_eq!(rows.len(), 3);
    assert_eq!(rows[1]["id"], "uid-2/902");
    assert_eq!(rows[1]["time"], "2024-06-01 10:09:00.000000");
    assert_eq!(rows[1]["object"], "node-a");
    assert!(rows[1]["event"].as_str().unwrap().starts_with("{\"metadata\":{"));
}

#[test]
fn an_older_server_needs_no_token() {
    let server = Server::start();
    server.answer(taken());
    run(deliver(&sink(&server, json!({"deduplicate": false})), &events())).unwrap();
    assert!(!server.request().head[0].contains("insert_deduplication_token"));
}

#[test]
fn the_number_of_an_exception_says_more_than_the_status() {
    let number = |number: u32| format!("X-ClickHouse-Exception-Code: {number}\r\n");
    let wrong = outcome(500, &number(117), "Code: 117. DB::Exception: Cannot parse");
    assert!(matches!(wrong, SendError::Rejected { .. }), "{wrong}");
    let busy = outcome(500, &number(252), "Code: 252. DB::Exception: Too many parts");
    assert!(matches!(busy, SendError::Unavailable { .. }), "{busy}");
    // Older versions have no such header.
    let missing = outcome(404, "", "Code: 60, e.displayText() = DB::Exception: Table");
    let SendError::Blocked { reason } = missing else { panic!("{missing}") };
    assert!(
        reason.ends_with("; create the table; docs/reference/receivers.md has the statement"),
        "{reason}"
    );
    let unknown = outcome(500, &number(49), "Code: 49. DB::Exception: Logical error");
    assert!(matches!(unknown, SendError::Unavailable { .. }), "{unknown}");
}

#[test]
fn an_answer_with_a_page_is_no_success() {
    let page = outcome(200, "", "<html>").to_string();
    assert!(page.starts_with("blocked: "), "{page}");
}

#[test]
fn a_probe_inserts_nothing() {
    let server = Server::start();
    server.answer(taken());
    let said = run(sink(&server, json!({})).probe()).unwrap().unwrap();
    assert!(said.ends_with(" knows the table `k8s`.`events`"), "{said}");
    assert!(server.request().head[0].starts_with("POST /?query=DESCRIBE+TABLE+"));
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({"url": "http://a"}), "`clickhouse.table`: is missing; name the table"),
        (json!({"table": "a"}), "`clickhouse.url`: is missing; give the address to post to"),
    ] {
        assert_eq!(refusal("clickhouse", settings), expected);
    }
}
