//! Standard output: readers that go away, and settings.

use std::{
    fs::File,
    io::{BufRead, BufReader, Read, pipe},
    os::fd::OwnedFd,
    process::{Command, Stdio},
    sync::Arc,
};

use event::{AnySink, SendError};
use serde_json::json;
use sinks::stdout::{Format, Stdout};

use crate::samples::{clock, connect, deliver, events, refusal, run};

fn printing_to(file: impl Into<OwnedFd>) -> AnySink {
    Arc::new(Stdout::to(File::from(file.into()), Format::Json, clock()))
}

#[test]
fn every_line_is_written_before_send_returns() {
    let (mut reader, writer) = pipe().unwrap();
    let sink = printing_to(writer);
    run(deliver(&sink, &events())).unwrap();
    drop(sink);
    let mut text = String::new();
    reader.read_to_string(&mut text).unwrap();
    assert_eq!(text.lines().count(), 3);
    assert!(text.ends_with("}\n"));
}

#[test]
fn a_reader_that_went_away_is_an_unavailable_destination() {
    let (reader, writer) = pipe().unwrap();
    drop(reader);
    let sink = printing_to(writer);
    for _ in 0..2 {
        assert_eq!(
            run(deliver(&sink, &events())),
            Err(SendError::Unavailable {
                reason: "standard output: Broken pipe (os error 32)".to_owned(),
                retry_after: None
            })
        );
    }
}

#[test]
fn a_format_that_does_not_exist_is_named() {
    assert_eq!(
        refusal("stdout", json!({"format": "prety"})),
        "stdout.format: `prety` is none of `json`, `pretty`"
    );
}

#[test]
fn shaping_keys_that_contradict_each_other_are_refused() {
    for (settings, expected) in [
        (
            json!({"format": "pretty", "deDot": true}),
            "`stdout`: `format: pretty` prints lines for people; remove it, or `deDot`",
        ),
        (
            json!({"layout": {}, "rawBody": ""}),
            "`stdout`: `layout` and `rawBody` are both set; keep the one that gives the body",
        ),
        (
            json!({"omitEmpty": true}),
            "`stdout`: `omitEmpty` drops keys of a `layout`, and there is none",
        ),
        (
            json!({"rawBody": "{{ if }}"}),
            "`stdout`: rawBody: template: template:1: missing value for if",
        ),
        (
            json!({"layout": ["x"]}),
            "`stdout`: `layout` must be a mapping; for a body that is something else use `rawBody`",
        ),
    ] {
        assert_eq!(refusal("stdout", settings), expected);
    }
    assert!(connect("stdout", json!({"deDot": false})).is_ok());
}

/// The other side of the test below.
#[test]
#[ignore = "runs in a process of its own"]
fn prints_to_the_real_standard_output() {
    let kind = std::env::var("TIDINGS_TEST_KIND").unwrap();
    let sink = connect(&kind, json!({"path": "/dev/stdout", "maxsize": 1})).unwrap();
    run(async {
        for _ in 0..1000 {
            deliver(&sink, &events()).await.unwrap();
        }
    });
}

#[test]
fn the_real_standard_output_gets_whole_lines_for_ever() {
    for kind in ["stdout", "file"] {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stdout::prints_to_the_real_standard_output"])
            .args(["--ignored", "--nocapture"])
            .env("TIDINGS_TEST_KIND", kind)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let events = lines
            .map(Result::unwrap)
            // The test harness prints too.
            .filter(|line| line.starts_with("{\"metadata\""))
            .filter(|line| serde_json::from_str::<serde_json::Value>(line).is_ok());
        // More than the megabyte after which a file would have been rotated.
        assert_eq!(events.count(), 3000, "{kind}");
        assert!(child.wait().unwrap().success());
    }
}
