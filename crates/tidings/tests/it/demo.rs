//! `tidings demo` and `tidings playground` as a user starts them.

use std::{
    io::{BufRead, BufReader},
    process::{Child, Command, Stdio},
};

use rustix::process::{Pid, Signal, kill_process};

fn tidings(arguments: &str) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_tidings"));
    command.args(arguments.split(' ')).stdin(Stdio::null()).env_remove("RUST_LOG");
    command
}

fn lines_of(child: &mut Child) -> impl Iterator<Item = String> + use<> {
    BufReader::new(child.stdout.take().expect("standard output is piped"))
        .lines()
        .map_while(Result::ok)
}

fn terminate(child: &Child) {
    kill_process(Pid::from_child(child), Signal::TERM).expect("it runs");
}

/// The number in the ledger's last line of this name.
#[track_caller]
fn number(text: &str, name: &str) -> u64 {
    let line = text.lines().rfind(|line| line.trim_start().starts_with(name));
    let line = line.unwrap_or_else(|| panic!("no line `{name}` in\n{text}"));
    let number = line.trim_start()[name.len()..].split_whitespace().next();
    number.and_then(|number| number.parse().ok()).unwrap_or_else(|| panic!("{line}"))
}

#[test]
fn a_demo_tells_its_story_loses_nothing_and_leaves_nothing_behind() {
    let folder = tempfile::tempdir().unwrap();
    let mut demo = tidings("demo --speed 8")
        .env("TMPDIR", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut text = String::new();
    for line in lines_of(&mut demo) {
        text = text + &line + "\n";
        if line.contains("It goes on quietly") {
            terminate(&demo);
        }
    }
    assert!(demo.wait().unwrap().success(), "{text}");
    assert!(text.starts_with("Tidings · a demo in one minute\n"), "{text}");
    for part in ["Nothing leaves this machine", "webhook down · ", "webhook back · ", "the sum"] {
        assert!(text.contains(part), "no `{part}` in\n{text}");
    }
    assert!(text.contains(" · resumed at rv "), "{text}");
    assert!(!text.contains('\x1b'), "no terminal, no colours:\n{text}");
    assert!(number(&text, "seen by the worker") > 100, "{text}");
    assert!(number(&text, "delivered to the webhook") > 100, "{text}");
    assert_eq!(number(&text, "lost"), 0, "{text}");
    assert_eq!(number(&text, "worker killed"), 1, "{text}");
    assert!(!text.contains("not expected"), "{text}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_demo_for_some_time_ends_by_itself_with_its_sum() {
    let output = tidings("demo --for 2s --speed 4").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    assert!(output.status.success(), "{text}\n{}", String::from_utf8_lossy(&output.stderr));
    assert!(text.contains("Ctrl-C ends it"), "{text}");
    assert_eq!(number(&text, "lost"), 0, "{text}");
}

#[test]
fn a_demo_whose_worker_does_not_start_says_why() {
    let output = tidings("demo").env("TIDINGS_API_ENCODING", "smoke").output().unwrap();
    let why = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{why}");
    let expected = "error: the worker ended by itself (exit status: 2); it said last:\n";
    assert!(why.starts_with(expected), "{why}");
    assert!(why.contains("smoke"), "{why}");
}

#[test]
fn a_playground_says_where_it_is_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let kubeconfig = folder.path().join("kubeconfig");
    let mut playground = tidings("playground --rate 50")
        .arg("--kubeconfig-out")
        .arg(&kubeconfig)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let first = lines_of(&mut playground).next().unwrap();
    let url = first.strip_prefix("listening on ").unwrap();
    assert!(std::fs::read_to_string(&kubeconfig).unwrap().contains(&format!("server: {url}\n")));
    terminate(&playground);
    assert!(playground.wait().unwrap().success());
}
