//! Files: rotation, torn lines, and what other programs do to them meanwhile.

use std::{
    fs::{self, OpenOptions},
    io::{Read, Write},
    os::unix::fs::{OpenOptionsExt, PermissionsExt, symlink},
    path::{Path, PathBuf},
    process::Command,
    sync::Arc,
    time::Duration,
};

use event::{AnySink, Event, ManualClock, SendError, SinkContext};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::samples::{clock, connect, context, deliver, kind, refusal, run};

/// A folder, a clock, and what is written into them.
struct Desk {
    folder: TempDir,
    clock: Arc<ManualClock>,
}

impl Desk {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), clock: clock() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn sink(&self, settings: Value) -> AnySink {
        let mut settings = settings;
        if settings.get("path").is_none() {
            settings["path"] = json!(self.path("events.json"));
        }
        let ctx = SinkContext { clock: Arc::clone(&self.clock) as _, ..context() };
        run((kind("file").connect)(settings, ctx)).unwrap()
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// The names in the folder, sorted.
    fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(self.folder.path()).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    /// The reasons of the events in a file, in order; `?` for a line that is no event.
    fn reasons(&self, name: &str) -> Vec<String> {
        reasons(&fs::read_to_string(self.path(name)).unwrap())
    }
}

fn reasons(text: &str) -> Vec<String> {
    let reason = |line: &str| {
        let event = serde_json::from_str::<Value>(line).ok()?;
        Some(event["reason"].as_str()?.to_owned())
    };
    text.lines().map(|line| reason(line).unwrap_or("?".to_owned())).collect()
}

/// An event whose line has a little more than `size` bytes.
fn event(reason: &str, size: usize) -> Arc<Event> {
    Arc::new(Event { reason: reason.into(), message: "x".repeat(size).into(), ..Event::default() })
}

fn send(sink: &AnySink, reasons: &[&str], size: usize) -> Result<(), SendError> {
    let events: Vec<_> = reasons.iter().map(|reason| event(reason, size)).collect();
    run(deliver(sink, &events))
}

const HALF: usize = 500_000;

#[test]
fn a_file_and_its_folder_are_made_at_the_first_write() {
    let desk = Desk::new();
    let path = desk.path("a/b/events.json");
    let sink = desk.sink(json!({"path": path}));
    assert!(desk.names().is_empty());
    send(&sink, &["one"], 1).unwrap();
    assert_eq!(desk.reasons("a/b/events.json"), ["one"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path) & !0o644, 0);
    assert_eq!(mode(&desk.path("a")) & !0o744, 0);
}

#[test]
fn a_file_that_exists_is_appended_to() {
    let desk = Desk::new();
    desk.write("events.json", "{\"reason\":\"old\"}\n");
    send(&desk.sink(json!({})), &["one", "two"], 1).unwrap();
    assert_eq!(desk.reasons("events.json"), ["old", "one", "two"]);
}

#[test]
fn a_line_that_a_crash_tore_is_ended_first() {
    let desk = Desk::new();
    desk.write("events.json", "{\"reason\":\"old\"}\n{\"reas");
    send(&desk.sink(json!({})), &["one"], 1).unwrap();
    assert_eq!(desk.reasons("events.json"), ["old", "?", "one"]);
}

#[test]
fn a_file_is_rotated_before_the_line_that_would_exceed_its_size() {
    let desk = Desk::new();
    let sink = desk.sink(json!({"maxsize": 1}));
    send(&sink, &["one"], HALF).unwrap();
    send(&sink, &["two"], HALF).unwrap();
    send(&sink, &["three"], HALF).unwrap();
    assert_eq!(desk.names(), ["events-2024-06-01T10-10-00.000.json", "events.json"]);
    assert_eq!(desk.reasons("events-2024-06-01T10-10-00.000.json"), ["one", "two"]);
    assert_eq!(desk.reasons("events.json"), ["three"]);
}

#[test]
fn a_batch_is_spread_over_files_line_by_line() {
    let desk = Desk::new();
    let sink = desk.sink(json!({"maxsize": 1}));
    send(&sink, &["1", "2", "3", "4", "5"], HALF).unwrap();
    assert_eq!(
        desk.names(),
        [
            "events-2024-06-01T10-10-00.000.json",
            // The same millisecond: no old part is written over.
            "events-2024-06-01T10-10-00.001.json",
            "events.json"
        ]
    );
    assert_eq!(desk.reasons("events-2024-06-01T10-10-00.000.json"), ["1", "2"]);
    assert_eq!(desk.reasons("events-2024-06-01T10-10-00.001.json"), ["3", "4"]);
    assert_eq!(desk.reasons("events.json"), ["5"]);
}

#[test]
fn a_line_larger_than_a_file_has_one_of_its_own() {
    let desk = Desk::new();
    let sink = desk.sink(json!({"maxsize": 1}));
    send(&sink, &["1"], 10).unwrap();
    send(&sink, &["2"], 4 * HALF).unwrap();
    send(&sink, &["3"], 10).unwrap();
    assert_eq!(desk.names().len(), 3);
    assert_eq!(desk.reasons("events.json"), ["3"]);
}

#[test]
fn a_file_that_is_too_large_already_is_rotated_first() {
    let desk = Desk::new();
    desk.write("events.json", &("x".repeat(2_000_000) + "\n"));
    send(&desk.sink(json!({"maxsize": 1})), &["one"], 1).unwrap();
    assert_eq!(desk.names().len(), 2);
    assert_eq!(desk.reasons("events.json"), ["one"]);
}

#[test]
fn only_so_many_old_parts_are_kept() {
    let desk = Desk::new();
    desk.write("events-2024-06-01T09-00-00.000.json", "oldest");
    desk.write("events-other.json", "no part of it");
    let sink = desk.sink(json!({"maxsize": 1, "maxbackups": 2}));
    for reason in ["1", "2", "3", "4"] {
        send(&sink, &[reason, reason], HALF).unwrap();
        desk.clock.advance(Duration::from_secs(1));
    }
    assert_eq!(
        desk.names(),
        [
            "events-2024-06-01T10-10-02.000.json",
            "events-2024-06-01T10-10-03.000.json",
            "events-other.json",
            "events.json"
        ]
    );
    assert_eq!(desk.reasons("events-2024-06-01T10-10-03.000.json"), ["3", "3"]);
}

#[test]
fn old_parts_are_removed_by_age() {
    let desk = Desk::new();
    desk.write("events-2024-05-30T10-09-59.000.json", "too old");
    desk.write("events-2024-05-30T10-10-01.000.json", "just young enough");
    send(&desk.sink(json!({"maxage": 2})), &["one"], 1).unwrap();
    assert_eq!(desk.names(), ["events-2024-05-30T10-10-01.000.json", "events.json"]);
}

#[test]
fn a_name_without_an_extension_is_rotated_too() {
    let desk = Desk::new();
    let sink = desk.sink(json!({"path": desk.path("events"), "maxsize": 1, "maxbackups": 1}));
    for _ in 0..3 {
        send(&sink, &["1", "2"], HALF).unwrap();
    }
    assert_eq!(desk.names(), ["events", "events-2024-06-01T10-10-00.001"]);
}

#[test]
fn a_link_is_followed_and_its_file_is_rotated() {
    let desk = Desk::new();
    fs::create_dir(desk.path("data")).unwrap();
    symlink(desk.path("data/real.json"), desk.path("events.json")).unwrap();
    let sink = desk.sink(json!({"maxsize": 1}));
    send(&sink, &["1", "2", "3"], HALF).unwrap();
    assert_eq!(desk.names(), ["data", "events.json"]);
    assert_eq!(desk.reasons("data/real-2024-06-01T10-10-00.000.json"), ["1", "2"]);
    assert_eq!(desk.reasons("events.json"), ["3"]);
}

#[test]
fn a_file_that_was_moved_or_removed_is_made_again() {
    let desk = Desk::new();
    let sink = desk.sink(json!({}));
    send(&sink, &["1"], 1).unwrap();
    fs::rename(desk.path("events.json"), desk.path("events.json.1")).unwrap();
    send(&sink, &["2"], 1).unwrap();
    assert_eq!(desk.reasons("events.json.1"), ["1"]);
    assert_eq!(desk.reasons("events.json"), ["2"]);
    fs::remove_file(desk.path("events.json")).unwrap();
    send(&sink, &["3"], 1).unwrap();
    assert_eq!(desk.reasons("events.json"), ["3"]);
}

#[test]
fn a_file_that_was_emptied_goes_on_from_its_start() {
    let desk = Desk::new();
    let sink = desk.sink(json!({}));
    send(&sink, &["1"], 1).unwrap();
    OpenOptions::new().write(true).truncate(true).open(desk.path("events.json")).unwrap();
    send(&sink, &["2"], 1).unwrap();
    assert_eq!(desk.reasons("events.json"), ["2"]);
}

#[test]
fn a_closed_sink_opens_its_file_again() {
    let desk = Desk::new();
    let sink = desk.sink(json!({}));
    send(&sink, &["1"], 1).unwrap();
    run(sink.close());
    send(&sink, &["2"], 1).unwrap();
    assert_eq!(desk.reasons("events.json"), ["1", "2"]);
}

#[test]
fn a_device_is_written_to_for_ever_and_never_rotated() {
    let desk = Desk::new();
    let sink = desk.sink(json!({"path": "/dev/null", "maxsize": 1}));
    for _ in 0..5 {
        send(&sink, &["1", "2"], HALF).unwrap();
    }
    assert!(fs::metadata("/dev/null").unwrap().len() == 0);
}

#[test]
fn a_full_device_is_waited_for() {
    let sink = Desk::new().sink(json!({"path": "/dev/full"}));
    for _ in 0..2 {
        assert_eq!(
            send(&sink, &["1"], 1),
            Err(SendError::Unavailable {
                reason: "/dev/full: No space left on device (os error 28)".to_owned(),
                retry_after: None
            })
        );
    }
}

/// The other side of the test below.
#[test]
#[ignore = "runs in a process of its own"]
fn writes_until_no_more_goes_in() {
    let path = std::env::var("TIDINGS_TEST_PATH").unwrap();
    let sink = connect("file", json!({"path": path})).unwrap();
    while send(&sink, &["1", "2", "3"], 1000).is_ok() {}
    println!("{:?}", send(&sink, &["1", "2", "3"], 1000));
}

#[test]
fn a_write_that_the_system_stops_midway_leaves_no_torn_line() {
    let desk = Desk::new();
    let path = desk.path("events.json");
    // A limit of the process stops writes midway, as a full disk does.
    let child = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 100; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", "file::writes_until_no_more_goes_in", "--ignored", "--nocapture"])
        .env("TIDINGS_TEST_PATH", &path)
        .output()
        .unwrap();
    let printed = String::from_utf8(child.stdout).unwrap();
    assert!(printed.contains("Err(Unavailable") && printed.contains("File too large"), "{printed}");
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.len() > 40_000 && text.ends_with("}\n"), "{} bytes", text.len());
    let reasons = desk.reasons("events.json");
    assert_eq!(reasons.concat(), "123".repeat(reasons.len() / 3));
}

#[test]
fn a_pipe_without_a_reader_is_waited_for_and_used_when_one_comes() {
    let desk = Desk::new();
    let path = desk.path("events.pipe");
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let sink = desk.sink(json!({"path": path, "maxsize": 1}));
    assert_eq!(
        send(&sink, &["1"], 1),
        Err(SendError::Unavailable {
            reason: format!("{}: nobody reads from this pipe", path.display()),
            retry_after: None
        })
    );
    // Opened for both directions, a pipe does not wait for its other end.
    let mut reader = OpenOptions::new().read(true).write(true).open(&path).unwrap();
    send(&sink, &["1"], 1).unwrap();
    run(sink.close());
    drop(sink);
    writeln!(reader).unwrap();
    let mut text = [0; 4096];
    let length = reader.read(&mut text).unwrap();
    assert_eq!(reasons(str::from_utf8(&text[..length]).unwrap())[0], "1");
}

#[test]
fn a_folder_in_the_place_of_the_file_is_our_problem() {
    let desk = Desk::new();
    fs::create_dir(desk.path("events.json")).unwrap();
    let error = send(&desk.sink(json!({})), &["1"], 1).unwrap_err();
    assert_eq!(
        error,
        SendError::Blocked {
            reason: format!("{}: Is a directory (os error 21)", desk.path("events.json").display())
        }
    );
}

#[test]
fn a_file_that_may_be_written_but_not_read_is_written() {
    let desk = Desk::new();
    let path = desk.path("events.json");
    OpenOptions::new().create(true).append(true).mode(0o200).open(&path).unwrap();
    send(&desk.sink(json!({})), &["1"], 1).unwrap();
    send(&desk.sink(json!({})), &["2"], 1).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(desk.reasons("events.json"), ["1", "2"]);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(refusal("file", json!({"path": "/"})), "`file`: `path` names no file: `/`");
    assert_eq!(
        refusal("file", json!({"path": "x", "maxsize": -1})),
        "file.maxsize: 0 or more is expected"
    );
}
