//! Slack: the request as the API sees it, threads, answers, and settings. The double answers as Slack's documentation of
//! `chat.postMessage`, `auth.test` and incoming webhooks says.

use std::sync::Arc;

use event::{AnySink, Event, SendError};
use serde_json::{Value, json};

use crate::{
    people::{posted, says},
    samples::{connect, deliver, events, refusal, run},
    server::{Answer, Server},
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["endpoint"] = json!(format!("http://{}/api", server.address));
    for (key, value) in [("token", "xoxb-secret-1"), ("channel", "#alerts")] {
        if settings.get(key).is_none() {
            settings[key] = json!(value);
        }
    }
    connect("slack", settings).unwrap()
}

fn slack() -> Server {
    let server = Server::start();
    server.answer(posted("1503435956.000247"));
    server
}

/// The form of each request, as text, without its encoding.
fn forms(server: &Server) -> Vec<String> {
    let requests = server.requests().into_iter();
    requests.map(|request| decoded(&String::from_utf8(request.body).unwrap())).collect()
}

fn decoded(form: &str) -> String {
    let plain = form.replace('+', " ");
    let mut bytes = Vec::new();
    let mut rest = plain.as_bytes();
    while let Some((first, others)) = rest.split_first() {
        let code = (*first == b'%').then(|| str::from_utf8(&others[..2]).unwrap());
        bytes.push(code.map_or(*first, |code| u8::from_str_radix(code, 16).unwrap()));
        rest = if code.is_some() { &others[2..] } else { others };
    }
    String::from_utf8(bytes).unwrap()
}

fn outcome(answer: Answer, settings: Value) -> SendError {
    let server = Server::start();
    server.answer(answer);
    run(deliver(&sink(&server, settings), &events()[1..2])).unwrap_err()
}

#[test]
fn a_message_of_the_users_is_posted_as_the_original_posts_it() {
    let server = slack();
    let settings = json!({
        "message": "{{ .Reason }}: <{{ .Message }}> & more",
        "color": "#f00",
        "title": "{{ .Type }}",
        "author_name": "me",
        "footer": "{{ .Namespace }}",
        "fields": {"b": "<{{ .Reason }}>", "a": "1"},
    });
    run(deliver(&sink(&server, settings), &events()[1..2])).unwrap();
    let request = server.request();
    assert_eq!(request.head[0], "POST /api/chat.postMessage HTTP/1.1");
    assert_eq!(request.header("content-type"), ["application/x-www-form-urlencoded"]);
    assert_eq!(request.header("idempotency-key"), ["uid-2/902"]);
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        "attachments=%5B%7B%22color%22%3A%22%23f00%22%2C%22author_name%22%3A%22me%22%2C%22title%22%3A%22Normal\
         %22%2C%22fields%22%3A%5B%7B%22title%22%3A%22a%22%2C%22value%22%3A%221%22%2C%22short%22%3Afalse%7D%2C\
         %7B%22title%22%3A%22b%22%2C%22value%22%3A%22%5Cu003cNodeReady%5Cu003e%22%2C%22short%22%3Afalse%7D%5D\
         %2C%22blocks%22%3Anull%2C%22footer%22%3A%22default%22%7D%5D&channel=%23alerts&text=NodeReady%3A+\
         %26lt%3BNode+node-a+status+is+now%3A+NodeReady%26gt%3B+%26amp%3B+more&token=xoxb-secret-1"
    );
}

#[test]
fn without_fields_there_is_no_attachment() {
    let server = slack();
    let settings = json!({"message": "{{ .Reason }}", "color": "#f00", "title": "t"});
    run(deliver(&sink(&server, settings), &events()[1..2])).unwrap();
    assert_eq!(forms(&server), ["channel=#alerts&text=NodeReady&token=xoxb-secret-1"]);
}

#[test]
fn without_a_message_events_about_the_same_are_one_message_for_people() {
    let server = slack();
    let mut other = Event::clone(&events()[0]);
    other.metadata.uid = "other".into();
    other.involved.reference.name = "api-8".into();
    let batch = [Arc::clone(&events()[0]), Arc::new(other), Arc::clone(&events()[1])];
    run(deliver(&sink(&server, json!({})), &batch)).unwrap();
    assert_eq!(
        forms(&server),
        [
            "channel=#alerts&text=*prod: BackOff ×18 on 2 Pods*\n\
             restarting &lt;failed&gt; \"container\" \\u{2028} tab here\n\
             since 2024-06-01 10:00:00 UTC, last at 10:05:00 UTC\n\
             on Pod api-7 ×9, Pod api-8 ×9\n\
             Warning from kubelet on node-a&token=xoxb-secret-1",
            "channel=#alerts&text=*Node node-a: NodeReady once*\n\
             Node node-a status is now: NodeReady\n\
             at 2024-06-01 10:09:00 UTC\n\
             Normal from kubelet on node-a&token=xoxb-secret-1",
        ]
    );
}

#[test]
fn a_thread_holds_what_is_about_one_object() {
    let server = slack();
    let sink = sink(&server, json!({"threads": "object", "message": "{{ .Reason }}"}));
    let [first, second, _] = <[_; 3]>::try_from(events()).unwrap();
    let (first, second) = ([first], [second]);
    run(deliver(&sink, &first)).unwrap();
    server.answer(posted("2222.2"));
    run(deliver(&sink, &first)).unwrap();
    run(deliver(&sink, &second)).unwrap();
    run(deliver(&sink, &first)).unwrap();
    let threads = forms(&server).into_iter();
    let threads: Vec<_> = threads.map(|form| form.replace("channel=#alerts&text=", "")).collect();
    assert_eq!(
        threads,
        [
            "BackOff&token=xoxb-secret-1",
            "BackOff&thread_ts=1503435956.000247&token=xoxb-secret-1",
            "NodeReady&token=xoxb-secret-1",
            "BackOff&thread_ts=1503435956.000247&token=xoxb-secret-1",
        ]
    );
    assert_eq!(server.request().header("tidings-thread"), [""; 0]);
}

#[test]
fn a_thread_that_is_gone_is_begun_anew() {
    let server = slack();
    let sink = sink(&server, json!({"threads": "object", "message": "{{ .Reason }}"}));
    let event = &events()[1..2];
    run(deliver(&sink, event)).unwrap();
    server.answer(says(200, &json!({"ok": false, "error": "thread_not_found"})));
    let error = run(deliver(&sink, event)).unwrap_err().to_string();
    assert_eq!(error, "unavailable: slack refuses the thread: `thread_not_found`");
    server.answer(posted("3333.3"));
    run(deliver(&sink, event)).unwrap();
    assert!(!forms(&server).pop().unwrap().contains("thread_ts"));
}

#[test]
fn an_incoming_webhook_gets_json() {
    let server = Server::start();
    server.answer(Answer::Status(200, String::new(), "ok".to_owned()));
    let url = format!("http://{}/services/T0/B0/secret", server.address);
    let settings = json!({"webhookURL": url, "message": "{{ .Reason }}", "fields": {"a": "b"}});
    run(deliver(&connect("slack", settings).unwrap(), &events()[1..2])).unwrap();
    let request = server.request();
    assert_eq!(request.head[0], "POST /services/T0/B0/secret HTTP/1.1");
    assert_eq!(request.header("content-type"), ["application/json"]);
    assert_eq!(
        String::from_utf8(request.body).unwrap(),
        r#"{"text":"NodeReady","attachments":[{"fields":[{"title":"a","value":"b","short":false}],"blocks":null}]}"#
    );
}

#[test]
fn a_channel_that_is_not_there_blocks_unless_each_event_has_its_own() {
    let answer = || says(200, &json!({"ok": false, "error": "channel_not_found"}));
    let blocked = outcome(answer(), json!({}));
    assert_eq!(blocked.to_string(), "blocked: slack answered `channel_not_found`");
    let rejected = outcome(answer(), json!({"channel": "#{{ .Namespace }}"}));
    assert_eq!(rejected.to_string(), "rejected: slack answered `channel_not_found`");
}

#[test]
fn a_rate_limit_is_obeyed() {
    let body = json!({"ok": false, "error": "ratelimited"}).to_string();
    let answer = Answer::Status(429, "Retry-After: 30\r\n".to_owned(), body);
    let SendError::Unavailable { retry_after, .. } = outcome(answer, json!({})) else { panic!() };
    assert_eq!(retry_after.map(|wait| wait.as_secs()), Some(30));
}

#[test]
fn an_answer_that_repeats_the_token_does_not_show_it() {
    let answer = says(200, &json!({"ok": false, "error": "no xoxb-secret-1 here"}));
    let text = outcome(answer, json!({})).to_string();
    assert_eq!(text, "unavailable: slack answered `no *** here`");
    let portal = Answer::Status(200, String::new(), "<html>xoxb-secret-1".to_owned());
    let text = outcome(portal, json!({})).to_string();
    assert!(text.starts_with("unavailable: http://127.0.0.1:"), "{text}");
    assert!(text.ends_with(" answered 200 OK: <html>***, which is no answer of Slack's"), "{text}");
}

#[test]
fn a_probe_asks_who_we_are_and_posts_nothing() {
    let server = Server::start();
    server.answer(says(200, &json!({"ok": true, "user": "tidings", "team": "Ops"})));
    let sink = sink(&server, json!({}));
    let said = run(sink.probe()).unwrap();
    assert_eq!(said.as_deref(), Some("slack knows the token as tidings of Ops"));
    assert_eq!(server.request().head[0], "POST /api/auth.test HTTP/1.1");
    server.answer(says(200, &json!({"ok": false, "error": "invalid_auth"})));
    let error = run(sink.probe()).unwrap_err().to_string();
    assert_eq!(error, "blocked: slack answered `invalid_auth`");
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(
        refusal("slack", json!({"channel": "#x"})),
        "`slack`: `token` is missing; give a bot's token (`xoxb-…`), or a `webhookURL`"
    );
    assert_eq!(
        refusal("slack", json!({"token": "xoxb-1"})),
        "`slack`: `channel` is missing; give a channel's name or id"
    );
    assert_eq!(
        refusal("slack", json!({"token": "xoxb-1", "webhookURL": "https://example.com/x"})),
        "`slack`: `token` and `webhookURL` are both set; keep the one to post with"
    );
    assert_eq!(
        refusal("slack", json!({"webhookURL": "https://example.com/x", "threads": "object"})),
        "`slack`: `threads` need a `token`: a webhook does not tell what it posted"
    );
    assert_eq!(
        refusal("slack", json!({"token": "x", "channel": "#x", "fields": {"a": "{{ .x"}})),
        "`slack`: fields.a: template: template:1: unclosed action"
    );
}

#[test]
fn only_what_a_message_shows_is_looked_up() {
    let asks = |settings: Value| {
        let sink = sink(&slack(), settings);
        (sink.needs_lookup(), sink.names(&["OwnerChain", "RootOwner"]), sink.batch_limit())
    };
    assert_eq!(asks(json!({})), (true, true, 100));
    assert_eq!(asks(json!({"message": "{{ .Reason }}"})), (false, false, 1));
    let fields = json!({"fields": {"a": "{{ .InvolvedObject.Labels }}"}});
    assert_eq!(asks(fields), (true, false, 1));
}
