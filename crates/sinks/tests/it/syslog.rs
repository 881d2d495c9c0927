//! Syslog: what stands on the wire, and what a server that goes means. A real rsyslog is in `e2e/receivers`.

use std::{
    os::unix::net::UnixDatagram,
    time::{Duration, Instant},
};

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination},
    samples::{connect, deliver, events, refusal, run, run_without_waiting},
    streams::{Mailbox, Reader},
};

fn sink(reader: &Reader, more: Value) -> AnySink {
    let mut settings = more;
    settings["network"] = json!("tcp");
    settings["address"] = json!(reader.address.to_string());
    settings["hostname"] = json!("node-a");
    settings["procId"] = json!("7");
    connect("syslog", settings).unwrap()
}

/// The messages of each connection, without the documents.
fn heads(reader: &Reader) -> Vec<Vec<String>> {
    let connections = reader.received();
    let heads = |bytes: &Vec<u8>| {
        let text = str::from_utf8(bytes).unwrap();
        text.lines().map(|line| line.split_once(" {").unwrap().0.to_owned()).collect()
    };
    connections.iter().map(heads).collect()
}

#[test]
fn a_message_is_what_the_original_sends_with_the_time_of_the_event() {
    let reader = Reader::start();
    run(deliver(&sink(&reader, json!({"tag": "k8s"})), &events())).unwrap();
    assert_eq!(
        heads(&reader),
        [[
            "<128>2024-06-01T10:05:00Z node-a k8s[7]:",
            "<128>2024-06-01T10:09:00Z node-a k8s[7]:",
            "<128>2024-06-01T10:08:00Z node-a k8s[7]:"
        ]]
    );
}

#[test]
fn facility_and_severity_are_what_is_asked_for() {
    let reader = Reader::start();
    let settings = json!({"facility": "daemon", "severity": "event"});
    run(deliver(&sink(&reader, settings), &events()[..2])).unwrap();
    assert_eq!(
        heads(&reader),
        [[
            "<28>2024-06-01T10:05:00Z node-a tidings[7]:",
            "<30>2024-06-01T10:09:00Z node-a tidings[7]:"
        ]]
    );
}

#[test]
fn octet_counting_says_how_long_each_message_is() {
    let reader = Reader::start();
    let settings = json!({"framing": "octet-counting", "rawBody": "one\ntwo"});
    run(deliver(&sink(&reader, settings), &events()[..2])).unwrap();
    let text = String::from_utf8(reader.received().concat()).unwrap();
    assert_eq!(
        text,
        "52 <128>2024-06-01T10:05:00Z node-a tidings[7]: one\ntwo\
         52 <128>2024-06-01T10:09:00Z node-a tidings[7]: one\ntwo"
    );
}

#[test]
fn a_text_with_a_line_end_is_one_message() {
    let reader = Reader::start();
    run(deliver(&sink(&reader, json!({"rawBody": "one\ntwo"})), &events()[..1])).unwrap();
    let text = String::from_utf8(reader.received().concat()).unwrap();
    assert_eq!(text, "<128>2024-06-01T10:05:00Z node-a tidings[7]: one#012two\n");
}

#[test]
fn a_server_that_ends_without_having_read_has_not_got_it() {
    let reader = Reader::start();
    let sink = sink(&reader, json!({}));
    reader.answer(Answer::HangUp);
    let error = run(deliver(&sink, &events())).unwrap_err();
    assert!(matches!(error, SendError::Unavailable { .. }), "{error}");
    reader.answer(Answer::Accept);
    run(deliver(&sink, &events())).unwrap();
    assert_eq!(heads(&reader)[0].len(), 3);
}

#[test]
fn a_server_that_never_ends_is_told_of_with_the_way_out() {
    let reader = Reader::start();
    reader.answer(Answer::Hang);
    let sink = sink(&reader, json!({"timeout": "200ms"}));
    assert_eq!(
        run(deliver(&sink, &events())).unwrap_err().to_string(),
        format!(
            "unavailable: {} did not end the connection within 200ms after we had, so what it has read \
             is not known; `confirm: false` takes what is written for delivered",
            reader.address
        )
    );
}

#[test]
fn without_confirmation_one_connection_serves_and_is_replaced_when_it_is_gone() {
    let reader = Reader::start();
    let sink = sink(&reader, json!({"confirm": false}));
    run(async {
        deliver(&sink, &events()[..1]).await.unwrap();
        deliver(&sink, &events()[1..]).await.unwrap();
        sink.close().await;
        deliver(&sink, &events()[..1]).await.unwrap();
        sink.close().await;
    });
    let begun = Instant::now();
    while heads(&reader).len() < 2 && begun.elapsed() < Duration::from_secs(10) {
        std::thread::yield_now();
    }
    let lengths: Vec<_> = heads(&reader).iter().map(Vec::len).collect();
    assert_eq!(lengths, [3, 1]);
}

#[test]
fn a_socket_of_this_host_gets_a_datagram_each_without_the_host() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let settings = json!({"network": "unixgram", "address": path, "procId": "7"});
    let sink = connect("syslog", settings).unwrap();
    let error = run(deliver(&sink, &events())).unwrap_err().to_string();
    assert!(error.starts_with("unavailable: ") && error.contains("No such file"), "{error}");
    let socket = UnixDatagram::bind(&path).unwrap();
    run(deliver(&sink, &events())).unwrap();
    for time in ["10:05:00", "10:09:00", "10:08:00"] {
        let mut message = [0; 4096];
        let length = socket.recv(&mut message).unwrap();
        let text = str::from_utf8(&message[..length]).unwrap();
        let head = format!("<128>Jun  1 {time} tidings[7]: {{");
        assert!(text.starts_with(&head) && text.ends_with("}\n"), "{text}");
    }
}

#[test]
fn a_message_too_long_for_a_datagram_is_rejected_alone() {
    let mailbox = Mailbox::new();
    let mut settings = mailbox.settings();
    settings["rawBody"] =
        json!("{{ if eq .Reason \"NodeReady\" }}{{ repeat 66000 \"x\" }}{{ end }}");
    let sink = connect("syslog", settings).unwrap();
    let rejected = sink.encode(&events()).unwrap_err();
    assert_eq!(
        rejected.to_string(),
        "event 1 cannot be encoded: 66046 bytes are too many for a UDP datagram, which carries 65507"
    );
}

#[test]
fn a_datagram_that_nobody_takes_on_this_host_is_told() {
    let mut settings = Mailbox::new().settings();
    settings["timeout"] = json!("1s");
    let error = run(deliver(&connect("syslog", settings).unwrap(), &events())).unwrap_err();
    let (unavailable, partial) = (
        matches!(error, SendError::Unavailable { .. }),
        matches!(error, SendError::Partial { .. }),
    );
    assert!(unavailable || partial, "{error}");
}

#[test]
fn a_host_without_a_syslog_daemon_is_told_what_to_write() {
    let sink = connect("syslog", json!({})).unwrap();
    let Err(SendError::Unavailable { reason, .. }) = run_without_waiting(deliver(&sink, &events()))
    else {
        // This host has one.
        return;
    };
    assert_eq!(
        reason,
        "no syslog daemon takes messages at /dev/log, /var/run/syslog, /var/run/log; name one with `network` \
         and `address`"
    );
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({"network": "tcp"}), "`syslog.address`: is missing; write `host:port`"),
        (
            json!({"network": "udp", "address": "logs"}),
            "`syslog.address`: `logs` is no address; write `host:port`",
        ),
        (
            json!({"network": "tls", "address": "logs:6514"}),
            "`syslog.network`: is none; write `tcp` (with `tls` for TLS), `udp`, `unix`, `unixgram`, or \
             nothing for the socket of this host",
        ),
        (json!({"network": "unix"}), "`syslog.address`: is missing; write the path of the socket"),
        (
            json!({"network": "udp", "address": "logs:514", "tls": {}}),
            "`syslog.tls`: is for `network: tcp`; remove it, or write that",
        ),
        (
            json!({"network": "udp", "address": "logs:514", "framing": "octet-counting"}),
            "`syslog.framing`: `octet-counting` is for `network: tcp`; remove it",
        ),
        (
            json!({"severity": "bad"}),
            "`syslog.severity`: is none; write `event` for that of each event, or for example `info`",
        ),
        (
            json!({"facility": "local8"}),
            "`syslog.facility`: is none; write for example `local0`, `daemon` or `user`",
        ),
    ] {
        assert_eq!(refusal("syslog", settings), expected);
    }
}
