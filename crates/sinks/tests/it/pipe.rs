//! Named pipes: readers that are not there, that are slow, and that go.

use std::{
    fs::{File, OpenOptions},
    io::Read,
    path::PathBuf,
    process::Command,
    thread,
};

use event::{AnySink, SendError};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::samples::{connect, deliver, events, refusal, run, run_without_waiting};

/// A pipe in a folder, and the sink that writes into it.
struct Fifo {
    folder: TempDir,
}

impl Fifo {
    fn new() -> Self {
        let fifo = Self { folder: tempfile::tempdir().unwrap() };
        assert!(Command::new("mkfifo").arg(fifo.path()).status().unwrap().success());
        fifo
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("events.pipe")
    }

    fn sink(&self) -> AnySink {
        connect("pipe", json!({"path": self.path()})).unwrap()
    }

    /// A reader that is there, and reads nothing yet.
    fn reader(&self) -> File {
        // Opened for both directions, a pipe does not wait for its other end.
        OpenOptions::new().read(true).write(true).open(self.path()).unwrap()
    }

    fn nobody(&self) -> Result<(), SendError> {
        let reason = format!("{}: nobody reads from this pipe", self.path().display());
        Err(SendError::Unavailable { reason, retry_after: None })
    }
}

/// The next so many lines.
fn read_lines(reader: &mut File, lines: usize) -> String {
    let mut text = String::new();
    while text.lines().count() < lines || !text.ends_with('\n') {
        let mut part = [0; 4096];
        let length = reader.read(&mut part).unwrap();
        // The samples are ASCII where a part may end.
        text.push_str(str::from_utf8(&part[..length]).unwrap());
    }
    text
}

/// The next so many lines, as documents.
fn read(reader: &mut File, lines: usize) -> Vec<Value> {
    let lines = read_lines(reader, lines);
    lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn reasons(documents: &[Value]) -> Vec<&str> {
    documents.iter().map(|document| document["reason"].as_str().unwrap()).collect()
}

#[test]
fn events_are_lines_for_the_reader() {
    let fifo = Fifo::new();
    let mut reader = fifo.reader();
    let sink = fifo.sink();
    run(deliver(&sink, &events())).unwrap();
    assert_eq!(reasons(&read(&mut reader, 3)), ["BackOff", "NodeReady", "Unhealthy"]);
    run(deliver(&sink, &events()[1..2])).unwrap();
    assert_eq!(reasons(&read(&mut reader, 1)), ["NodeReady"]);
}

#[test]
fn a_pipe_without_a_reader_delays_no_start_and_is_used_when_one_comes() {
    let fifo = Fifo::new();
    let sink = fifo.sink();
    assert_eq!(run(deliver(&sink, &events())), fifo.nobody());
    let mut reader = fifo.reader();
    run(deliver(&sink, &events()[..1])).unwrap();
    assert_eq!(reasons(&read(&mut reader, 1)), ["BackOff"]);
    drop(reader);
    assert_eq!(run(deliver(&sink, &events()[1..2])), fifo.nobody());
    let mut reader = fifo.reader();
    run(deliver(&sink, &events()[1..2])).unwrap();
    assert_eq!(reasons(&read(&mut reader, 1)), ["NodeReady"]);
}

#[test]
fn what_a_reader_left_unread_is_there_for_the_next_one() {
    let fifo = Fifo::new();
    let reader = fifo.reader();
    let sink = fifo.sink();
    run(deliver(&sink, &events()[..1])).unwrap();
    drop(reader);
    let mut reader = fifo.reader();
    run(deliver(&sink, &events()[1..2])).unwrap();
    assert_eq!(reasons(&read(&mut reader, 2)), ["BackOff", "NodeReady"]);
}

#[test]
fn a_slow_reader_is_waited_for() {
    let fifo = Fifo::new();
    let mut reader = fifo.reader();
    let sink = fifo.sink();
    let many: Vec<_> = events().into_iter().cycle().take(300).collect();
    let reading = thread::spawn(move || read(&mut reader, 300).len());
    run(deliver(&sink, &many)).unwrap();
    assert_eq!(reading.join().unwrap(), 300);
}

#[test]
fn a_stuck_reader_keeps_what_it_took_and_gets_the_rest_whole() {
    let fifo = Fifo::new();
    let mut reader = fifo.reader();
    let sink = fifo.sink();
    let many: Vec<_> = events().into_iter().cycle().take(300).collect();
    let error = run_without_waiting(deliver(&sink, &many)).unwrap_err();
    let SendError::Partial { failed } = error else { panic!("{error}") };
    let taken = failed[0].0;
    assert!(taken > 0 && failed.len() == 300 - taken, "{taken}");
    assert!(failed.iter().all(|(_, why)| why.is_none()));
    let reading = thread::spawn(move || read_lines(&mut reader, 301));
    run(deliver(&sink, &many[taken..])).unwrap();
    let text = reading.join().unwrap();
    let whole = text.lines().filter(|line| serde_json::from_str::<Value>(line).is_ok()).count();
    // The line that was broken off stands on a line of its own.
    assert_eq!((whole, text.lines().count()), (300, 301));
}

#[test]
fn a_plain_file_is_appended_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("events.json");
    std::fs::write(&path, "old\n").unwrap();
    run(deliver(&connect("pipe", json!({"path": path})).unwrap(), &events()[..1])).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(text.starts_with("old\n{") && text.ends_with("}\n"), "{text}");
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(refusal("pipe", json!({})), "`pipe.path`: is missing; give the path of the pipe");
    assert_eq!(refusal("pipe", json!({"path": "/"})), "`pipe.path`: names no pipe: `/`");
}
