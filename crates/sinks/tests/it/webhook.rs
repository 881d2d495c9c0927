//! Webhooks: the request as the server sees it, redirects, and settings.

use std::process::Command;

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Request, Server},
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    if settings.get("endpoint").is_none() {
        settings["endpoint"] = json!(format!("http://{}/in", server.address));
    }
    connect("webhook", settings).unwrap()
}

fn post(sink: &AnySink) -> Result<(), SendError> {
    run(deliver(sink, &events()[1..2]))
}

/// What the server gets from a webhook with these settings.
fn request(settings: Value) -> Request {
    let server = Server::start();
    post(&sink(&server, settings)).unwrap();
    server.request()
}

/// What a server's answer is for the lane.
fn outcome(answer: Answer) -> SendError {
    let server = Server::start();
    server.answer(answer);
    let sink = sink(&server, json!({}));
    post(&sink).unwrap_err()
}

#[test]
fn an_event_is_posted_as_its_document() {
    let request = request(json!({}));
    assert_eq!(request.head[0], "POST /in HTTP/1.1");
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(request.header("user-agent"), ["tidings/test"]);
    assert_eq!(request.header("idempotency-key"), ["uid-2/902"]);
    let mut document = Vec::new();
    event::document::write(&mut document, &events()[1]);
    assert_eq!(request.body, document);
}

#[test]
fn a_batch_is_posted_as_an_array() {
    let server = Server::start();
    run(deliver(&sink(&server, json!({"batch": true})), &events())).unwrap();
    assert_eq!(server.requests().len(), 1);
    let array: Vec<Value> = serde_json::from_slice(&server.request().body).unwrap();
    assert_eq!(array.len(), 3);
}

#[test]
fn configured_headers_are_added_and_replace_ours() {
    let request = request(json!({"headers": {
        "X-Scope-OrgID": "tenant",
        "content-type": "application/cloudevents+json",
        "User-Agent": "mine",
        "Host": "elsewhere",
        "Content-Length": "1",
    }}));
    assert_eq!(request.header("x-scope-orgid"), ["tenant"]);
    assert_eq!(request.header("content-type"), ["application/cloudevents+json"]);
    assert_eq!(request.header("user-agent"), ["mine"]);
    assert!(request.header("host")[0].starts_with("127.0.0.1:"));
    assert!(!request.body.is_empty());
}

#[test]
fn userinfo_becomes_basic_auth_unless_a_header_says_more() {
    let server = Server::start();
    let endpoint = format!("http://ann:p%40ss@{}/in", server.address);
    post(&sink(&server, json!({"endpoint": endpoint}))).unwrap();
    assert_eq!(server.request().header("authorization"), ["Basic YW5uOnBAc3M="]);
    let headers = json!({"Authorization": "Bearer token"});
    post(&sink(&server, json!({"endpoint": endpoint, "headers": headers}))).unwrap();
    assert_eq!(server.request().header("authorization"), ["Bearer token"]);
}

#[test]
fn an_error_quotes_the_answer() {
    let error = outcome(Answer::with_header(400, "X: y"));
    let SendError::Rejected { reason } = error else { panic!("{error}") };
    assert!(reason.starts_with("http://127.0.0.1:"), "{reason}");
    assert!(reason.ends_with(" answered 400 Bad Request: said so"), "{reason}");
}

#[test]
fn an_answer_cannot_write_over_the_log() {
    let body = "first\n\x1b[2J\u{202e}second".to_owned();
    let text = outcome(Answer::Status(400, String::new(), body)).to_string();
    assert!(text.ends_with(": first ⏎ ␛[2J\\u{202e}second"), "{text}");
}

#[test]
fn a_date_in_retry_after_is_counted_from_our_clock() {
    let error = outcome(Answer::with_header(503, "Retry-After: Sat, 01 Jun 2024 10:11:00 GMT"));
    let SendError::Unavailable { retry_after, .. } = error else { panic!("{error}") };
    assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(60));
}

#[test]
fn nobody_at_the_address_is_unavailable_and_the_reason_is_told() {
    let endpoint = {
        let server = Server::start();
        format!("http://{}/tok3nInThePath", server.address)
    };
    let text =
        post(&connect("webhook", json!({"endpoint": endpoint})).unwrap()).unwrap_err().to_string();
    assert!(text.starts_with("unavailable: http://127.0.0.1:"), "{text}");
    assert!(text.contains("Connection refused"), "{text}");
    assert!(!text.contains("tok3n"), "{text}");
}

#[test]
fn a_redirect_that_keeps_the_event_is_followed() {
    for status in [307, 308] {
        let server = Server::start();
        server.answer_at("/in", Answer::with_header(status, "Location: /there"));
        assert_eq!(post(&sink(&server, json!({}))), Ok(()));
        let request = server.request();
        assert_eq!(request.head[0], "POST /there HTTP/1.1");
        assert!(!request.body.is_empty());
        assert_eq!(request.header("referer"), [""; 0]);
    }
}

#[test]
fn a_redirect_that_would_lose_the_event_is_reported() {
    for status in [301, 302, 303] {
        let server = Server::start();
        let location = "Location: https://user:tok3n@login.example.com/tok3n?tok3n";
        server.answer_at("/in", Answer::with_header(status, location));
        let error = post(&sink(&server, json!({}))).unwrap_err();
        let SendError::Blocked { reason } = error else { panic!("{error}") };
        assert!(
            reason.ends_with(
                " and points to https://login.example.com, where the event would not arrive; \
                 configure the address that takes it, or `followRedirects: true` if this answer \
                 means success"
            ),
            "{reason}"
        );
        assert_eq!(server.requests().len(), 1);
    }
}

#[test]
fn a_destination_that_redirects_after_success_can_be_followed() {
    let server = Server::start();
    server.answer_at("/in", Answer::with_header(302, "Location: /result"));
    assert_eq!(post(&sink(&server, json!({"followRedirects": true}))), Ok(()));
    assert_eq!(server.request().head[0], "GET /result HTTP/1.1");
}

#[test]
fn redirects_in_a_circle_end() {
    let server = Server::start();
    server.answer(Answer::with_header(307, "Location: /in"));
    let error = post(&sink(&server, json!({}))).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    assert!(server.requests().len() < 20);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({}), "`webhook.endpoint`: is missing; give the address to post to"),
        (json!({"endpoint": "example.com/tok3n"}), "`webhook.endpoint`: is no URL"),
        (
            json!({"endpoint": "ftp://example.com/tok3n"}),
            "`webhook.endpoint`: must begin with `http://` or `https://`",
        ),
        (
            json!({"endpoint": "http://x", "headers": {"X-Kind": "{{ .Kind }}"}, "batch": true}),
            "`webhook`: `rawBody` and templates in `headers` are for one event each; remove `batch`",
        ),
        (
            json!({"endpoint": "http://x", "headers": {"a b": "tok3n"}}),
            "`webhook`: `headers`: `a b` is no header name",
        ),
        (
            json!({"endpoint": "http://x", "headers": {"X-Api-Key": "tok\n3n"}}),
            "`webhook`: `headers`: `X-Api-Key` has characters that no header can carry",
        ),
        (
            json!({"endpoint": "http://x", "timeout": "0s"}),
            "`webhook`: `timeout`: `0s` is no duration above 0; write `10s`",
        ),
    ] {
        assert_eq!(refusal("webhook", settings), expected);
    }
}

#[test]
fn header_values_are_templates() {
    let server = Server::start();
    let headers = json!({
        "X-Kind": " {{ .InvolvedObject.Kind }}/{{ .Reason }} ",
        "X-Plain": "plain",
        "Content-Type": "text/{{ .Type | lower }}",
        // The original sends what it cannot render as it is.
        "X-Broken": "{{ .Nope }}",
        "X-Unreadable": "{{ if }}",
    });
    let sink = sink(&server, json!({ "headers": headers, "rawBody": "{{ .Message }}" }));
    assert!(!sink.needs_lookup());
    assert_eq!(post(&sink), Ok(()));
    let request = server.request();
    for (name, value) in [
        ("x-kind", "Node/NodeReady"),
        ("x-plain", "plain"),
        ("content-type", "text/normal"),
        ("x-broken", "{{ .Nope }}"),
        ("x-unreadable", "{{ if }}"),
    ] {
        assert_eq!(request.header(name), [value], "{name}");
    }
}

#[test]
fn a_header_that_nothing_can_carry_rejects_the_event() {
    let server = Server::start();
    let sink = sink(&server, json!({"headers": {"X-A": "a{{ \"\\n\" }}b"}}));
    let rejected = sink.encode(&events()[..1].to_vec()).unwrap_err();
    assert_eq!(rejected.reason, "headers.X-A: the value has characters that no header can carry");
}

#[test]
fn a_rendered_header_is_a_secret() {
    let server = Server::start();
    server.answer(Answer::Echo(400));
    let sink = sink(&server, json!({"headers": {"X-Token": "tok3n-{{ .Reason }}-secret"}}));
    let error = post(&sink).unwrap_err().to_string();
    assert!(error.contains("***") && !error.contains("tok3n"), "{error}");
}

/// The other side of the tests below.
#[test]
#[ignore = "runs in a process of its own"]
fn posts_from_a_process_of_its_own() {
    let endpoint = std::env::var("TIDINGS_TEST_ENDPOINT").unwrap();
    println!("{:?}", post(&connect("webhook", json!({"endpoint": endpoint})).unwrap()));
}

/// What a process prints that posts to `endpoint` through `proxy`.
fn post_through(proxy: &Server, endpoint: &str) -> String {
    let proxy = format!("http://ann:pr0xypass@{}", proxy.address);
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "webhook::posts_from_a_process_of_its_own"])
        .args(["--ignored", "--nocapture"])
        .env("TIDINGS_TEST_ENDPOINT", endpoint)
        .env("http_proxy", &proxy)
        .env("https_proxy", &proxy)
        .env("no_proxy", "127.0.0.1")
        .output()
        .unwrap();
    String::from_utf8(child.stdout).unwrap()
}

#[test]
fn the_proxy_of_the_environment_is_used() {
    let proxy = Server::start();
    let printed = post_through(&proxy, "http://events.invalid/in");
    assert!(printed.contains("Ok(())"), "{printed}");
    assert_eq!(proxy.request().head[0], "POST http://events.invalid/in HTTP/1.1");
    assert_eq!(proxy.request().header("proxy-authorization"), ["Basic YW5uOnByMHh5cGFzcw=="]);
    let direct = Server::start();
    let printed = post_through(&proxy, &format!("http://{}/in", direct.address));
    assert!(printed.contains("Ok(())"), "{printed}");
    assert_eq!(direct.request().head[0], "POST /in HTTP/1.1");
}

#[test]
fn a_proxy_that_refuses_us_blocks_and_keeps_its_password() {
    let proxy = Server::start();
    proxy.answer(Answer::Echo(407));
    for (endpoint, first) in [
        ("http://events.invalid/in", "POST http://events.invalid/in HTTP/1.1"),
        ("https://events.invalid/in", "CONNECT events.invalid:443 HTTP/1.1"),
    ] {
        let printed = post_through(&proxy, endpoint);
        assert_eq!(proxy.request().head[0], first);
        assert!(printed.contains("Blocked"), "{printed}");
        for secret in ["pr0xypass", "YW5uOnByMHh5cGFzcw"] {
            assert!(!printed.contains(secret), "{printed}");
        }
    }
}
