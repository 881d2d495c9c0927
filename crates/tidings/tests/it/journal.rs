//! The journal's limit, and the commands that look into its folder.

use std::{fmt::Write, fs, path::Path, process::Stdio};

use serde_json::Value;

use crate::support::{Scene, TO_A_FILE, assert_like, core, nowhere};

const READ: &str = "run --config config.yaml --source input --state state";

/// As the last version with schema 1 left it: 157 events for three receivers.
fn first_schema(scene: &Scene) {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = fixture.join("../pipeline/fixtures/journal-schema-1.db");
    fs::create_dir(scene.path("state")).unwrap();
    fs::copy(fixture, scene.path("state/journal.db")).unwrap();
}

#[tokio::test]
async fn info_says_what_is_in_the_folder_and_changes_nothing() {
    let scene = Scene::new(TO_A_FILE);
    first_schema(&scene);
    let before = fs::read(scene.path("state/journal.db")).unwrap();
    let ended = scene.run("state info --state state").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_like(
        &ended.out,
        "folder    *state (*durable, * free)
journal   journal.db, schema 1, 132 KiB
bytes     rows 113 KiB, parked 19 KiB, snapshots 0 B, log 0 B, free 0 B
rows      from 1 to 157
position  b0a7c1d2-6e3f-4a58-9c0b-5d1e2f3a4b5c/*: resourceVersion 1151, complete at 2026-11-20T12:29:23Z
breaks    0, of which 0 may hide events

receiver     waiting      parked   delivered     dropped      cursor
archive            0           0         157           0         157
down             157           0           0           0           0
refuses            0          35           0           0         156
",
    );
    let ended = scene.run("state info --state state --format json").await;
    let document: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(document["journal"]["receivers"][1]["waiting"], 157);
    assert_eq!(document["inUseBy"], Value::Null);
    assert_eq!(document["journal"]["positions"][0]["resourceVersion"], 1151);
    assert!(fs::read(scene.path("state/journal.db")).unwrap() == before);
}

#[tokio::test]
async fn info_of_a_folder_in_use_says_by_whom() {
    let scene = Scene::new(TO_A_FILE);
    let first =
        scene.start_with("run --config config.yaml --source - --state state", Stdio::piped());
    first.says("receiver file (file) ok").await;
    let ended = scene.run("state info --state state").await;
    assert_like(
        &ended.out,
        "folder    *state (*durable, * free)
in use    by process * on *, since *
journal   journal.db, * KiB; the rest can be read once that process has ended
",
    );
    for command in ["state export --state state", "state reset --yes --state state"] {
        let ended = scene.run(command).await;
        assert_eq!(ended.code, Some(4));
        assert!(ended.log.contains("is in use by process"), "{}", ended.log);
        assert!(ended.log.ends_with("stop that process first; nothing is lost by it\n"));
    }
}

#[tokio::test]
async fn what_is_exported_can_be_sent() {
    let scene = Scene::new(TO_A_FILE);
    first_schema(&scene);
    let ended = scene.run("state export --state state").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), "192 events written\n"));
    let lines: Vec<Value> =
        ended.out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 157 + 35);
    assert_eq!(lines[0]["tidings"]["receivers"][0], "down");
    let parked = &lines[160]["tidings"];
    assert_eq!((&parked["state"], &parked["cause"]), (&"parked".into(), &"rejected".into()));
    assert!(parked["reason"].as_str().unwrap().contains("422"), "{parked}");

    scene.write("input", ended.out);
    let ended = scene.run("run --config config.yaml --source input --state other").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    // What is parked waits for somebody else too, and is the same event.
    assert_eq!(scene.events().len(), 157);
}

#[tokio::test]
async fn reset_moves_the_journal_aside() {
    let scene = Scene::new(TO_A_FILE);
    first_schema(&scene);
    let ended = scene.run("state reset --state state").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.log, "give --yes where nobody can be asked\nnothing was changed\n");
    let ended = scene.run("state reset --yes --state state").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert!(ended.out.starts_with("the journal is in `"), "{}", ended.out);
    let ended = scene.run("state info --state state").await;
    assert!(
        ended.out.ends_with("journal   not there: the next start begins anew\n"),
        "{}",
        ended.out
    );
    let aside = fs::read_dir(scene.path("state")).unwrap();
    let mut aside = aside.map(|entry| entry.unwrap().path()).filter(|path| path.is_dir());
    assert!(aside.next().unwrap().join("journal.db").exists());
}

#[tokio::test]
async fn an_older_journal_is_upgraded_at_the_start() {
    let scene = Scene::new(TO_A_FILE);
    first_schema(&scene);
    scene.write("input", core("a", 5, 1));
    let ended = scene.run(READ).await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let upgraded =
        ended.lines_with("the journal has schema 3 now; what it was before is kept as `");
    assert_eq!(upgraded.len(), 1, "{}", ended.log);
    assert!(scene.path("state/journal.db.schema1.bak").exists());
    let info = scene.run("state info --state state").await;
    assert!(info.out.contains("journal   journal.db, schema 3, "), "{}", info.out);
}

#[tokio::test]
async fn capacity_says_what_fits() {
    let scene = Scene::new(TO_A_FILE);
    first_schema(&scene);
    let ended = scene.run("capacity --state state --max-bytes 1Gi --rate 60/m").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    assert_like(
        &ended.out,
        "state folder  *state
limit         1.0 GiB
in use        132 KiB
free on disk  *
an event      302 B while it waits for long

      events       an hour         a day  outage that fits
         1/s       1.0 MiB        25 MiB           41 days
",
    );
}

/// Text that cannot be packed, and is another for each number.
fn noise(number: u64, length: usize) -> String {
    let mut state = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
    let mut text = String::with_capacity(length);
    while text.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        let letters =
            b"ABCDEFGHIJKLMNOPQRSTUVWXYZghijklmnopqrstuvwxyz0123456789+/=!?:;.".as_slice();
        text.push(char::from(letters[usize::try_from(state >> 58).unwrap()]));
    }
    text
}

#[tokio::test]
async fn a_full_journal_drops_the_oldest_of_who_has_most_and_says_so_once() {
    const EVENTS: u64 = 10_000;
    let address = nowhere();
    let scene = Scene::new(&format!(
        "
omitLookup: true
journal: {{maxBytes: 16Mi}}
route: {{match: [{{receiver: file}}, {{receiver: hook}}]}}
receivers:
- {{name: file, file: {{path: events.jsonl}}}}
- {{name: hook, webhook: {{endpoint: 'http://{address}/'}}}}
"
    ));
    let mut input = String::new();
    for number in 0..EVENTS {
        let event = core(&format!("e-{number}"), number + 10, 1);
        writeln!(input, "{}", event.replace("a < b", &noise(number, 3000))).unwrap();
    }
    scene.write("input", input);
    let ended = scene.run(&format!("{READ} --drain-timeout 8")).await;
    assert_eq!(ended.code, Some(1), "{}", ended.log);
    let delivered = scene.events();
    let missed: Vec<_> = delivered.iter().filter(|it| it.contains("EventsMissed")).collect();
    assert_eq!(missed.len(), 1, "{}", ended.log);
    assert_eq!(delivered.len() as u64, EVENTS + 1, "the other receiver gets all");
    let missed: Value = serde_json::from_str(missed[0]).unwrap();
    let message = missed["message"].as_str().unwrap();
    assert!(message.contains(" events for the receiver `hook` that came in between "), "{message}");
    assert!(message.contains("had reached its limit of 16 MiB"), "{message}");
    let bytes: u64 = fs::read_dir(scene.path("state"))
        .unwrap()
        .map(|file| file.unwrap())
        .filter(|file| !file.file_name().to_string_lossy().ends_with(".reserve"))
        .map(|file| file.metadata().unwrap().len())
        .sum();
    assert!(bytes < 17 << 20, "{bytes}");
    let info = scene.run("state info --state state --format json").await;
    let info: Value = serde_json::from_str(&info.out).unwrap();
    let hook = &info["journal"]["receivers"][1];
    let (waiting, overflow) =
        (hook["waiting"].as_u64().unwrap(), hook["overflow"].as_u64().unwrap());
    assert_eq!(waiting + overflow, EVENTS + 1);
    assert!(overflow > EVENTS / 3, "{overflow}");
}
