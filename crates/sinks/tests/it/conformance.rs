//! What every kind of destination must do, whoever wrote it.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    io,
    path::Path,
    sync::{Arc, Mutex},
    time::Duration,
};

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    destinations::{ALL, Answer, Destination, Row},
    samples::{connect, deliver, events, run, run_without_waiting},
};

/// Sends the samples to `row`'s destination, which answers so.
fn send(destination: &dyn Destination, answer: Answer) -> Result<(), SendError> {
    destination.answer(answer);
    let sink = destination.sink();
    if answer == Answer::Hang {
        run_without_waiting(deliver(&sink, &events()))
    } else {
        run(deliver(&sink, &events()))
    }
}

/// Runs `check` on every row, with a destination of its own.
fn for_all(check: impl Fn(&Row, &dyn Destination)) {
    for row in ALL {
        check(row, &*(row.start)());
    }
}

/// Runs `check` on what every destination makes of each of its answers.
fn for_all_answers(check: impl Fn(&str, Answer, Result<(), SendError>)) {
    for_all(|row, destination| {
        for answer in row.answers {
            check(row.name, *answer, send(destination, *answer));
        }
    });
}

#[test]
fn every_kind_has_a_destination_in_this_test() {
    let kinds: BTreeSet<_> = crate::KINDS.iter().map(|kind| kind.name).collect();
    let tested: BTreeSet<_> = ALL.iter().map(|row| row.kind).collect();
    assert_eq!(kinds, tested, "add the kind to `destinations.rs`");
    assert_eq!(kinds.len(), crate::KINDS.len(), "two kinds have one name");
}

#[test]
fn a_batch_is_accepted_and_every_event_of_it_arrives() {
    for_all(|row, destination| {
        assert_eq!(send(destination, Answer::Accept), Ok(()), "{}", row.name);
        let received = String::from_utf8(destination.received()).unwrap();
        for reason in ["BackOff", "NodeReady", "Unhealthy"] {
            let times = received.matches(reason).count();
            assert!(times >= 1, "{}: {reason} is missing in {received}", row.name);
        }
    });
}

#[test]
fn the_answer_decides_what_the_lane_does() {
    for_all_answers(|name, answer, outcome| {
        let expected = match answer {
            Answer::Accept | Answer::Status(200..300) => "ok",
            Answer::TooMany
            | Answer::Hang
            | Answer::HangUp
            | Answer::Full
            | Answer::Status(408 | 425 | 500..) => "unavailable",
            Answer::NotOurs | Answer::Status(300..=399 | 401 | 403 | 404 | 407) => "blocked",
            Answer::Status(_) => "rejected",
        };
        let actual = match outcome {
            Ok(()) => "ok",
            Err(SendError::Unavailable { .. }) => "unavailable",
            Err(SendError::Blocked { .. }) => "blocked",
            Err(SendError::Rejected { .. }) => "rejected",
            Err(SendError::Partial { .. }) => "partial",
        };
        assert_eq!(actual, expected, "{name}: {answer:?}");
    });
}

#[test]
fn a_destination_that_asks_for_time_gets_it() {
    for_all_answers(|name, answer, outcome| {
        let Err(SendError::Unavailable { retry_after, .. }) = outcome else {
            return;
        };
        let asked = (answer == Answer::TooMany).then_some(Duration::from_secs(7));
        assert_eq!(retry_after, asked, "{name}: {answer:?}");
    });
}

#[test]
fn a_sink_recovers_when_its_destination_does() {
    for_all(|row, destination| {
        let failing = row.answers.iter().filter(|answer| {
            // These start with a sink for standard output, which stays the same file.
            row.kind != "stdout" && **answer != Answer::Accept && **answer != Answer::Hang
        });
        let sink = destination.sink();
        for answer in failing {
            run(async {
                destination.answer(*answer);
                drop(deliver(&sink, &events()).await);
            });
            destination.answer(Answer::Accept);
            let outcome = run(deliver(&sink, &events()));
            assert_eq!(outcome, Ok(()), "{}: after {answer:?}", row.name);
        }
    });
}

#[test]
fn secrets_are_in_no_error_no_debug_text_and_no_log() {
    let logs = Logs::start();
    for_all(|row, destination| {
        let mut texts = format!("{:?}", destination.sink());
        for answer in row.answers {
            if let Err(error) = send(destination, *answer) {
                writeln!(texts, "{error} {error:?}").unwrap();
            }
        }
        texts.push_str(&logs.text());
        for secret in destination.secrets() {
            assert!(!texts.contains(secret), "{}: {secret} is in {texts}", row.name);
        }
    });
    assert!(logs.text().contains(crate::LOGGED), "nothing was logged");
}

#[test]
fn a_sink_closes_twice_without_harm() {
    for_all(|row, destination| {
        let sink = destination.sink();
        run(async {
            assert_eq!(deliver(&sink, &events()).await, Ok(()), "{}", row.name);
            sink.close().await;
            sink.close().await;
        });
    });
}

#[test]
fn no_events_are_no_payload() {
    for_all(|row, destination| {
        assert_eq!(destination.sink().encode(&vec![]).unwrap(), [], "{}", row.name);
    });
}

#[test]
fn every_event_is_in_one_payload_within_the_limit() {
    for_all(|row, destination| {
        let sink = destination.sink();
        let many: Vec<_> = events().into_iter().cycle().take(3000).collect();
        let payloads = sink.encode(&many).unwrap();
        let counts: usize = payloads.iter().map(|payload| payload.events).sum();
        assert_eq!(counts, 3000, "{}", row.name);
        let most = payloads.iter().map(|payload| payload.events).max();
        assert!(most <= Some(sink.batch_limit()), "{}: {most:?}", row.name);
        assert_eq!(sink.encode(&many).unwrap(), payloads, "{}", row.name);
    });
}

#[test]
fn settings_of_a_foreign_file_may_hold_unknown_keys() {
    for_all(|row, destination| {
        let mut settings = destination.settings();
        settings["streamName"] = json!("unknown");
        assert!(connect(row.kind, settings).is_ok(), "{}", row.name);
    });
}

#[test]
fn the_keys_that_shape_a_document_do_so_in_every_kind() {
    for_all(|row, destination| {
        let connect = |key: &str, value: Value| {
            let mut settings = destination.settings();
            settings[key] = value;
            connect(row.kind, settings)
        };
        if row.name == "stdout-pretty" {
            assert_eq!(
                connect("layout", json!({})).unwrap_err().to_string(),
                "`stdout`: `format: pretty` prints lines for people; remove it, or `layout`"
            );
            return;
        }
        if !destination.takes_shapes() {
            return;
        }
        let sent = |sink: &AnySink| {
            let payloads = sink.encode(&events()[..1].to_vec()).unwrap();
            destination.document(&payloads[0].body)
        };
        let sink =
            connect("layout", json!({"b": "{{ .Reason }}", "a": "{{ .InvolvedObject.Name }}"}));
        let sink = sink.unwrap();
        assert_eq!(sent(&sink), r#"{"a":"api-7","b":"BackOff"}"#, "{}", row.name);
        assert!(!sink.needs_lookup(), "{}", row.name);
        let sink = connect("layout", json!({"a": "{{ .InvolvedObject.Labels }}"})).unwrap();
        assert!(sink.needs_lookup(), "{}", row.name);
        let sink = connect("deDot", json!(true)).unwrap();
        assert!(
            sent(&sink).contains(r#""annotations":{"x_y/z":"\u003c\u0026\u003e"}"#),
            "{}",
            row.name
        );
        assert!(sink.needs_lookup(), "{}", row.name);
        let error = connect("layout", json!({"labels": {"app": "{{ .x"}})).unwrap_err().to_string();
        let kind = row.kind;
        let expected =
            format!("`{kind}`: layout.labels.app: template: template:1: unclosed action");
        assert_eq!(error, expected);
        assert!(connect("layout", Value::Null).is_ok(), "{}", row.name);
        if row.name != "webhook-batch" {
            let sink = connect("rawBody", json!("{{ .Reason }} <{{ .Type }}>")).unwrap();
            assert_eq!(sent(&sink), "BackOff <Warning>", "{}", row.name);
        }
    });
}

#[test]
fn an_event_that_a_template_fails_on_is_rejected_alone() {
    for_all(|row, destination| {
        if row.name == "stdout-pretty" || !destination.takes_shapes() {
            return;
        }
        let mut settings = destination.settings();
        settings["layout"] = json!({"n": "{{ .Series.Count }}"});
        let sink = connect(row.kind, settings).unwrap();
        // Only the first has a series.
        assert!(sink.encode(&events()[..1].to_vec()).is_ok(), "{}", row.name);
        let rejected = sink.encode(&events()).unwrap_err();
        assert_eq!(rejected.index, 1, "{}", row.name);
        assert_eq!(
            rejected.reason,
            "layout.n: template: template:1:10: executing \"template\" at <.Series.Count>: nil pointer evaluating \
             *v1.EventSeries.Count"
        );
    });
}

/// Compares what goes over the wire with the committed files; `GOLDEN=write` writes them.
#[test]
fn payloads_are_those_committed() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/golden");
    let write = std::env::var_os("GOLDEN").is_some_and(|value| value == "write");
    for_all(|row, destination| {
        let sink = connect(row.kind, destination.settings()).unwrap();
        let actual = golden(destination, &sink);
        let path = folder.join(format!("{}.txt", row.name));
        if write {
            std::fs::write(&path, &actual).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(actual, expected, "{}: see the comment of this test", row.name);
    });
}

fn golden(destination: &dyn Destination, sink: &AnySink) -> String {
    let mut text = String::new();
    for payload in sink.encode(&events()).unwrap() {
        writeln!(text, "--- {} events", payload.events).unwrap();
        for (name, value) in &payload.headers {
            writeln!(text, "{name}: {value}").unwrap();
        }
        text.push('\n');
        text.push_str(&destination.shown(&payload.body));
        text.push('\n');
    }
    text
}

/// Everything that this thread's libraries log, at every level.
struct Logs {
    written: Buffer,
    _subscriber: tracing::subscriber::DefaultGuard,
}

#[derive(Clone, Default)]
struct Buffer(Arc<Mutex<Vec<u8>>>);

impl Logs {
    fn start() -> Self {
        let written = Buffer::default();
        // The first test wins; there is no other that reads what the crate `log` gets.
        drop(log::set_boxed_logger(Box::new(written.clone())));
        log::set_max_level(log::LevelFilter::Trace);
        let writer = written.clone();
        let subscriber = tracing_subscriber::fmt()
            .with_max_level(tracing::Level::TRACE)
            .with_writer(move || writer.clone())
            .finish();
        Self { written, _subscriber: tracing::subscriber::set_default(subscriber) }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.written.0.lock().unwrap()).into_owned()
    }
}

impl io::Write for Buffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl log::Log for Buffer {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}\n", record.target(), record.args());
        self.0.lock().unwrap().extend_from_slice(line.as_bytes());
    }

    fn flush(&self) {}
}
