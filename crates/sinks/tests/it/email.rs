//! Email: the mail as the server gets it, and what each answer of the dialogue means.

use std::{collections::BTreeMap, sync::Arc};

use event::{AnySink, Event};
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination},
    mail_server::{MailServer, Orders},
    samples::{self, connect, deliver, events, kind, refusal, run, run_without_waiting},
    tls::Authority,
};

fn sink(server: &MailServer, more: Value) -> AnySink {
    let mut settings = more;
    for (key, value) in [
        ("host", json!("127.0.0.1")),
        ("port", json!(server.address.port())),
        ("from", json!("Tidings <tidings@example.com>")),
        ("to", json!("ops@example.com")),
        ("security", json!("none")),
    ] {
        if settings.get(key).is_none() {
            settings[key] = value;
        }
    }
    connect("email", settings).unwrap()
}

fn answering(answers: &[(&'static str, &'static str)]) -> MailServer {
    let server = MailServer::start();
    server.obey(Orders { answers: answers.iter().copied().collect(), ..Orders::default() });
    server
}

/// What becomes of a mail when the server answers so.
fn outcome(answers: &[(&'static str, &'static str)]) -> String {
    let settings = json!({"username": "ann", "password": "hunter22-secret"});
    let server = answering(answers);
    run(deliver(&sink(&server, settings), &events()[1..2])).unwrap_err().to_string()
}

#[test]
fn the_events_of_a_batch_are_one_mail() {
    let server = MailServer::start();
    let mut other = Event::clone(&events()[0]);
    other.metadata.uid = "other".into();
    other.involved.reference.name = "api-8".into();
    let batch = [Arc::clone(&events()[0]), Arc::new(other), Arc::clone(&events()[1])];
    let settings = json!({"to": ["ops@example.com", "On Call <call@example.com>"]});
    run(deliver(&sink(&server, settings), &batch)).unwrap();
    let [mail] = <[_; 1]>::try_from(server.mails()).unwrap();
    let (head, body) = mail.split_once("\n\n").unwrap();
    for line in [
        "From: Tidings <tidings@example.com>",
        "To: ops@example.com, \"On Call\" <call@example.com>",
        "Date: Sat, 01 Jun 2024 10:10:00 +0000",
        "Auto-Submitted: auto-generated",
        "Content-Type: text/plain; charset=utf-8",
    ] {
        assert!(head.contains(line), "{line} is not in {head}");
    }
    assert!(head.contains("Message-ID: <") && head.contains("@tidings>"), "{head}");
    let body = body.replace("=\n", "").replace("=C3=97", "×");
    assert_eq!(
        body,
        "prod: BackOff ×18 on 2 Pods\n\
         restarting <failed> \"container\" \\u{2028} tab here\n\
         since 2024-06-01 10:00:00 UTC, last at 10:05:00 UTC\n\
         on Pod api-7 ×9, Pod api-8 ×9\n\
         Warning from kubelet on node-a\n\
         \n\
         Node node-a: NodeReady once\n\
         Node node-a status is now: NodeReady\n\
         at 2024-06-01 10:09:00 UTC\n\
         Normal from kubelet on node-a\n"
    );
    let commands = server.commands();
    let recipients: Vec<_> = commands.iter().filter(|it| it.starts_with("RCPT")).collect();
    assert_eq!(recipients, ["RCPT TO:<ops@example.com>", "RCPT TO:<call@example.com>"]);
}

#[test]
fn a_mail_has_the_id_of_its_event_and_the_subject_its_first_line() {
    let server = MailServer::start();
    run(deliver(&sink(&server, json!({})), &events()[1..2])).unwrap();
    let mail = server.mails().pop().unwrap();
    assert!(mail.contains("Message-ID: <uid-2/902@tidings>\n"), "{mail}");
    assert!(mail.contains("Subject: Node node-a: NodeReady once\n"), "{mail}");
}

#[test]
fn subject_and_text_can_be_the_users_and_no_event_adds_a_header() {
    let server = MailServer::start();
    let settings = json!({
        "subject": "{{ .Reason }}\r\nBcc: everybody@example.com",
        "message": "{{ .InvolvedObject.Name }}\n.\n{{ .Type }}",
    });
    let sink = sink(&server, settings);
    run(deliver(&sink, &events()[1..2])).unwrap();
    let mail = server.mails().pop().unwrap();
    let (head, body) = mail.split_once("\n\n").unwrap();
    assert!(!head.contains("\nBcc"), "{head}");
    // A line of one dot does not end the mail.
    assert_eq!(body.trim_end(), "node-a\n..\nNormal");
    assert_eq!(sink.batch_limit(), 1);
}

#[test]
fn every_answer_has_its_consequence() {
    for (verb, answer, expected) in [
        ("EHLO", "421 too many connections", "unavailable"),
        ("EHLO", "554 not for you", "blocked"),
        ("AUTH", "454 try later", "unavailable"),
        ("AUTH", "535 5.7.8 wrong password", "blocked"),
        ("MAIL", "451 greylisted", "unavailable"),
        ("MAIL", "553 5.7.1 not your address", "blocked"),
        ("RCPT", "450 mailbox busy", "unavailable"),
        ("RCPT", "550 5.1.1 no such user", "blocked"),
        ("DATA", "451 try later", "unavailable"),
        ("DATA", "554 no", "rejected"),
        (".", "452 disk full", "unavailable"),
        (".", "552 5.3.4 too big", "rejected"),
        (".", "554 5.7.1 looks like spam", "rejected"),
        (".", "530 5.7.0 log in first", "blocked"),
    ] {
        let text = outcome(&[(verb, answer)]);
        assert!(text.starts_with(&format!("{expected}: 127.0.0.1:")), "{verb} {answer}: {text}");
        let (code, said) = answer.split_once(' ').unwrap();
        assert!(text.contains(&format!(" answered {code} to ")) && text.ends_with(said), "{text}");
    }
}

#[test]
fn a_wrong_password_says_what_to_do_and_is_not_shown() {
    let text = outcome(&[("AUTH", "535 5.7.8 hunter22-secret is wrong")]);
    assert!(
        text.ends_with(
            "answered 535 to the login; check `username` and `password`: 5.7.8 *** is wrong"
        ),
        "{text}"
    );
}

#[test]
fn a_server_without_tls_gets_neither_password_nor_mail() {
    let server = MailServer::start();
    let settings =
        json!({"security": "starttls", "username": "ann", "password": "hunter22-secret"});
    let text = run(deliver(&sink(&server, settings), &events()[1..2])).unwrap_err().to_string();
    assert!(text.starts_with("blocked: 127.0.0.1:"), "{text}");
    assert!(text.ends_with("STARTTLS is not supported on this server; see `security`"), "{text}");
    assert!(server.commands().iter().all(|it| it.starts_with("EHLO")), "{:?}", server.commands());
}

#[test]
fn starttls_wants_a_certificate_of_an_authority_that_is_known() {
    let authority = Authority::new();
    let server = MailServer::start_tls(authority.server_config("127.0.0.1"));
    let with = |tls: Value| {
        let settings = json!({
            "security": "starttls", "username": "ann", "password": "hunter22", "tls": tls,
        });
        run(deliver(&sink(&server, settings), &events()[1..2]))
    };
    let error = with(json!({})).unwrap_err().to_string();
    assert!(error.starts_with("unavailable: ") && error.contains("certificate"), "{error}");
    assert_eq!(with(json!({"caFile": authority.path("ca.pem")})), Ok(()));
    assert_eq!(with(json!({"insecureSkipVerify": true})), Ok(()));
    assert_eq!(server.mails().len(), 2);
}

#[test]
fn a_server_that_hangs_is_unavailable() {
    let server = MailServer::start();
    server.obey(Orders { hangs: true, ..Orders::default() });
    let sink = sink(&server, json!({"timeout": "5s"}));
    let text = run_without_waiting(deliver(&sink, &events()[1..2])).unwrap_err().to_string();
    assert!(text.starts_with("unavailable: 127.0.0.1:"), "{text}");
    assert!(text.ends_with(" did not answer within 5s"), "{text}");
}

#[test]
fn a_probe_logs_in_and_sends_nothing() {
    let server = MailServer::start();
    let sink = sink(&server, json!({"username": "ann", "password": "hunter22"}));
    let said = run(sink.probe()).unwrap().unwrap();
    assert!(said.ends_with(" took the greeting and the login"), "{said}");
    assert!(
        server.mails().is_empty() && !server.commands().iter().any(|it| it.starts_with("MAIL"))
    );
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({}), "`email`: `to` is missing; give an address, or a list of them"),
        (
            json!({"to": "ops", "from": "a@b.example", "host": "mail"}),
            "`email`: `to`: `ops` is no address; write `ops@example.com`",
        ),
        (
            json!({"to": "ops@b.example", "host": "mail"}),
            "`email`: `from`: `` is no address; write `ops@example.com`",
        ),
        (
            json!({"to": "ops@b.example", "from": "a@b.example"}),
            "`email`: `host` is missing; give the name of a mail server",
        ),
        (
            json!({"to": "ops@b.example", "from": "a@b.example", "host": "mail", "username": "a"}),
            "`email`: `username` needs `password` too",
        ),
        (
            json!({
                "to": "ops@b.example", "from": "a@b.example", "host": "mail", "port": 25,
                "username": "a", "password": "b",
            }),
            "`email`: a `password` wants a connection that is kept from others; set `security`",
        ),
    ] {
        assert_eq!(refusal("email", settings), expected);
    }
    let one = json!({"to": "ops@b.example", "from": "a@b.example", "host": "mail"});
    assert_eq!((kind("email").check)(&one, "email"), []);
}

/// A mail server for the conformance tests.
pub(crate) struct Mailbox(MailServer);

impl Mailbox {
    pub(crate) fn start() -> Box<dyn Destination> {
        Box::new(Self(MailServer::start()))
    }
}

/// What it can be told; statuses stand for what HTTP would say.
pub(crate) const MAIL: &[Answer] = &[
    Answer::Accept,
    Answer::NotOurs,
    Answer::Hang,
    Answer::HangUp,
    Answer::Status(503),
    Answer::Status(400),
];

impl Destination for Mailbox {
    fn settings(&self) -> Value {
        json!({
            "host": "127.0.0.1",
            "port": self.0.address.port(),
            "from": "tidings@example.com",
            "to": ["ops@example.com"],
            "username": "ann",
            "password": "hunter22-secret",
            "security": "none",
        })
    }

    fn answer(&self, answer: Answer) {
        let answers = |command, answer| Orders {
            answers: BTreeMap::from([(command, answer)]),
            ..Orders::default()
        };
        self.0.obey(match answer {
            Answer::Accept => Orders::default(),
            Answer::NotOurs => answers("AUTH", "535 5.7.8 hunter22-secret is wrong"),
            Answer::Hang => Orders { hangs: true, ..Orders::default() },
            Answer::HangUp => Orders { hangs_up: true, ..Orders::default() },
            Answer::Status(503) => answers("MAIL", "421 later"),
            Answer::Status(400) => answers(".", "554 5.6.0 not this"),
            other => panic!("no mail server answers {other:?}"),
        });
    }

    fn received(&self) -> Vec<u8> {
        self.0.mails().concat().into_bytes()
    }

    fn sink(&self) -> AnySink {
        samples::connect("email", self.settings()).unwrap()
    }

    fn takes_shapes(&self) -> bool {
        false
    }

    fn shown(&self, body: &[u8]) -> String {
        String::from_utf8(body.to_vec()).unwrap().replace("\r\n", "\n")
    }

    fn secrets(&self) -> Vec<&'static str> {
        // `\0ann\0hunter22-secret` as AUTH PLAIN sends it.
        vec!["hunter22-secret", "AGFubgBodW50ZXIyMi1zZWNyZXQ="]
    }
}
