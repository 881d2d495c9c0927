//! What an operator does at night: looking at lanes, stopping one, clearing its way, sending again.

use std::{
    os::unix::fs::PermissionsExt,
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering},
    },
};

use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::UnixStream,
};

use crate::support::{Cluster, Ended, Hook, Scene, assert_like, names};

const WATCH: &str = "run --config config.yaml --kubeconfig kubeconfig --state state";

/// Everything goes to the webhook `hook`.
fn to(hook: &Hook, cluster: &Cluster) -> Scene {
    let config = format!(
        "
omitLookup: true
route: {{match: [{{receiver: hook}}]}}
receivers:
- {{name: hook, repeats: every, webhook: {{endpoint: '{}'}}}}
",
        hook.url()
    );
    Scene::with_cluster(&config, cluster)
}

/// A receiver whose answer to everything can be changed.
async fn moody(status: u16) -> (Hook, Arc<AtomicU16>) {
    let mood = Arc::new(AtomicU16::new(status));
    let judge = Arc::clone(&mood);
    (Hook::start(move |_| judge.load(Ordering::SeqCst)).await, mood)
}

/// Runs a command that must succeed; gives what it prints.
async fn done(scene: &Scene, command: &str) -> String {
    let ended = scene.run(&format!("{command} --state state")).await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""), "{command}: {}", ended.out);
    ended.out
}

async fn failed(scene: &Scene, command: &str) -> Ended {
    let ended = scene.run(&format!("{command} --state state")).await;
    assert_ne!(ended.code, Some(0), "{command}: {}", ended.out);
    ended
}

async fn json(scene: &Scene, command: &str) -> Vec<Value> {
    let out = done(scene, &format!("{command} --format json")).await;
    out.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Waits until the only lane is in this state.
async fn is(scene: &Scene, state: &str) -> Value {
    for _ in 0..500 {
        let lane = json(scene, "lanes list").await.remove(0);
        if lane["state"] == state {
            return lane;
        }
    }
    panic!("never {state}: {}", done(scene, "lanes").await);
}

#[tokio::test]
async fn a_lane_is_paused_over_a_restart_and_goes_on_when_it_is_told_to() {
    let cluster = Cluster::start().await;
    let (hook, _) = moody(200).await;
    let scene = to(&hook, &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    cluster.create("a");
    hook.has(1).await;
    let socket = scene.path("state/tidings.sock");
    assert_eq!(socket.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_like(
        &done(&scene, "lanes pause --receiver hook").await,
        "hook is paused since *Z; 0 events wait\n",
    );
    cluster.create("b");
    cluster.create("c");
    life.says("paused: its events wait until `tidings lanes resume`").await;
    life.stops().await;
    assert!(!socket.exists());

    // Nobody has the folder now; it is taken.
    assert_like(
        &done(&scene, "lanes").await,
        "receiver  state          waiting     parked  delivered    dropped
hook      paused               *          0          1          0  since *Z
",
    );
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    cluster.create("d");
    let lane = loop {
        let lane = json(&scene, "lanes").await.remove(0);
        if lane["waiting"] == 3 {
            break lane;
        }
    };
    assert_eq!((&lane["state"], &lane["kind"]), (&"ok".into(), &"webhook".into()));
    assert!(lane["pausedSince"].is_string(), "{lane}");
    assert_eq!(names(&hook.taken()), ["a"]);
    assert_like(
        &done(&scene, "lanes resume --receiver hook").await,
        "hook goes on, after a pause since *Z; 3 events wait\n",
    );
    assert_eq!(hook.has(4).await, ["a", "b", "c", "d"]);
    assert_eq!(
        done(&scene, "lanes resume --receiver hook").await,
        "hook was not paused, and tries at once; 0 events wait\n"
    );
    life.stops().await;
}

#[tokio::test]
async fn what_stands_in_the_way_is_skipped_or_dropped() {
    let cluster = Cluster::start().await;
    let (hook, mood) = moody(503).await;
    let scene = to(&hook, &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for name in ["a", "b", "c"] {
        cluster.create(name);
    }
    let lane = is(&scene, "retrying").await;
    assert!(lane["reason"].as_str().unwrap().contains("503"), "{lane}");
    let skipped = loop {
        // All three have come in.
        if json(&scene, "lanes").await[0]["waiting"] == 3 {
            break done(&scene, "lanes skip --receiver hook").await;
        }
    };
    assert_eq!(
        skipped,
        "1 event of hook parked, 2 wait; see `tidings parked list --receiver hook`\n"
    );
    let ended = failed(&scene, "lanes drop --receiver hook").await;
    assert_eq!(ended.log, "give --yes where nobody can be asked\nnothing was changed\n");
    assert_eq!(
        done(&scene, "lanes drop --yes --receiver hook").await,
        "2 events of hook dropped\n"
    );
    mood.store(200, Ordering::SeqCst);
    cluster.create("d");
    assert_eq!(hook.has(1).await, ["d"]);
    let lane = is(&scene, "ok").await;
    assert_eq!((&lane["parked"], &lane["dropped"]["discarded"]), (&1.into(), &2.into()));
    let ended = failed(&scene, "lanes pause --receiver hok").await;
    assert_eq!(ended.log, "error: no receiver `hok`; there are `hook`\n");
    life.stops().await;
}

#[tokio::test]
async fn on_a_folder_that_nobody_has_the_same_is_done() {
    let cluster = Cluster::start().await;
    let (hook, mood) = moody(503).await;
    let scene = to(&hook, &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for name in ["a", "b", "c", "d"] {
        cluster.create(name);
    }
    while json(&scene, "lanes").await[0]["waiting"] != 4 {}
    life.dies().await;
    assert_eq!(
        done(&scene, "lanes skip --events 2 --receiver hook").await,
        "2 events of hook parked, 2 wait; see `tidings parked list --receiver hook`\n"
    );
    let parked = json(&scene, "parked list").await;
    assert_eq!(
        (&parked[0]["event"]["name"], &parked[0]["cause"]),
        (&"a".into(), &"skipped".into())
    );
    let retry = format!("parked retry {}", parked[0]["id"].as_str().unwrap());
    assert_eq!(done(&scene, &retry).await, "1 events are sent again\n");
    let lane = json(&scene, "lanes").await.remove(0);
    assert_eq!((&lane["state"], &lane["waiting"]), (&"not running".into(), &3.into()));
    assert_eq!((&lane["parked"], &lane["accepted"]), (&1.into(), &4.into()));
    mood.store(200, Ordering::SeqCst);
    let life = scene.start(WATCH);
    assert_eq!(hook.has(3).await, ["c", "d", "a"]);
    cluster.create("e");
    hook.has(4).await;
    life.stops().await;
    assert_eq!(
        done(&scene, "lanes drop --yes --receiver hook").await,
        "0 events of hook dropped\n"
    );
}

#[tokio::test]
async fn parked_events_are_shown_sent_again_and_given_up() {
    let cluster = Cluster::start().await;
    let mood = Arc::new(AtomicU16::new(422));
    let judge = Arc::clone(&mood);
    let bad = move |body: &str| {
        if body.contains("\"bad") { judge.load(Ordering::SeqCst) } else { 200 }
    };
    let hook = Hook::start(bad).await;
    let scene = to(&hook, &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for name in ["bad-1", "a", "bad-2", "b", "bad-3", "c"] {
        cluster.create(name);
    }
    assert_eq!(hook.has(3).await, ["a", "b", "c"], "the rest flows");
    while json(&scene, "lanes").await[0]["parked"] != 3 {}
    let list = done(&scene, "parked list").await;
    assert_like(
        &list,
        "hook/*               *Z rejected   shop/Pod/web-0 BackOff: *422*
hook/*               *Z rejected   shop/Pod/web-0 BackOff: *422*
hook/*               *Z rejected   shop/Pod/web-0 BackOff: *422*
",
    );
    let parked = json(&scene, "parked list --receiver hook --namespace shop --since 1h").await;
    let ids: Vec<_> = parked.iter().map(|it| it["id"].as_str().unwrap()).collect();
    assert_eq!(parked[1]["event"]["name"], "bad-2");
    assert_eq!(json(&scene, "parked list --reason Else").await.len(), 0);
    let shown = done(&scene, &format!("parked show {}", ids[1])).await;
    let shown: Value = serde_json::from_str(&shown).unwrap();
    assert_eq!(shown["event"]["metadata"]["name"], "bad-2");
    assert!(shown["reason"].as_str().unwrap().contains("word"), "the receiver's words: {shown}");

    // It is refused once more, and has another id then.
    assert_eq!(
        done(&scene, &format!("parked retry {}", ids[0])).await,
        "1 events are sent again\n"
    );
    let is_parked_anew = |list: &[Value]| list.len() == 3 && list[2]["event"]["name"] == "bad-1";
    while !is_parked_anew(&json(&scene, "parked list").await) {}
    let ended = failed(&scene, &format!("parked retry {}", ids[0])).await;
    assert_eq!(
        (&*ended.out, &*ended.log),
        ("0 events are sent again\n", "1 of 1 are not parked\n")
    );

    assert_eq!(
        done(&scene, &format!("parked discard {}", ids[1])).await,
        "1 events are given up\n"
    );
    mood.store(200, Ordering::SeqCst);
    assert_eq!(done(&scene, "parked retry --reason BackOff").await, "2 events are sent again\n");
    assert_eq!(hook.has(5).await[3..], ["bad-3", "bad-1"]);
    let ended = failed(&scene, "parked discard").await;
    assert_eq!(
        ended.log,
        "error: it is not said which events are meant\nhint: give ids, a filter, or --all\n"
    );
    life.stops().await;
    let lane = json(&scene, "lanes").await.remove(0);
    let count = |key: &str| lane[key].as_u64().unwrap();
    assert_eq!((count("accepted"), count("delivered"), count("parked")), (6, 5, 0), "{lane}");
}

#[tokio::test]
async fn a_replay_sends_what_was_sent_once_more() {
    let cluster = Cluster::start().await;
    let (hook, _) = moody(200).await;
    let scene = to(&hook, &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for name in ["a", "b", "c"] {
        cluster.create(name);
    }
    hook.has(3).await;
    while json(&scene, "lanes").await[0]["delivered"] != 3 {}
    let sent = hook.taken();
    assert_like(
        &done(&scene, "replay --receiver hook --since 1h").await,
        "3 events for hook are sent once more; the oldest event in the journal happened at *Z\n",
    );
    hook.has(6).await;
    assert_eq!(hook.taken()[3..], sent, "the same documents");
    while json(&scene, "lanes").await[0]["delivered"] != 6 {}
    assert_eq!(json(&scene, "lanes").await[0]["replayed"], 3);
    // What was replayed is not replayed again, but what it came from is.
    assert_eq!(json(&scene, "replay --receiver hook --since 1h").await[0]["replayed"], 3);
    let none = "replay --receiver hook --since 2h --until 1h";
    assert_eq!(json(&scene, none).await[0]["replayed"], 0);
    life.stops().await;
    let ended = failed(&scene, "replay --receiver hook --since yesterday").await;
    assert!(ended.log.contains("write for example `2h`, which is two hours ago"), "{}", ended.log);
}

#[tokio::test]
async fn the_socket_refuses_what_it_does_not_understand() {
    let cluster = Cluster::start().await;
    let (hook, _) = moody(200).await;
    let scene = to(&hook, &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for (question, answer) in [
        (
            r#"{"version":2,"request":"lanes"}"#,
            r#"{"error":"this process speaks version 1 of the protocol, and was asked in version 2: use the `tidings` of the same release"}"#,
        ),
        ("who are you", r#"{"error":"the question is not understood: *"}"#),
        (r#"{"version":1,"request":"lanes"}"#, r#"{"item":{*"receiver":"hook"*}}"#),
    ] {
        let mut stream = UnixStream::connect(scene.path("state/tidings.sock")).await.unwrap();
        stream.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        let mut line = String::new();
        BufReader::new(stream).read_line(&mut line).await.unwrap();
        assert_like(line.trim_end(), answer);
    }
    life.stops().await;
}

#[tokio::test]
async fn a_folder_without_a_sound_journal_is_left_alone() {
    let scene = Scene::new("");
    std::fs::create_dir(scene.path("state")).unwrap();
    let ended = failed(&scene, "lanes").await;
    assert_eq!(ended.code, Some(4));
    assert_like(
        &ended.log,
        "error: there is no journal in `*state`\nhint: name another folder with --state\n",
    );
    let fixture = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let fixture = std::fs::read(fixture.join("../pipeline/fixtures/journal-schema-1.db")).unwrap();
    scene.write("state/journal.db", &fixture);
    let ended = failed(&scene, "parked list").await;
    assert_like(
        &ended.log,
        "error: the journal in `*state` is of an older version
hint: `tidings run` takes care of it at its start; ask again while it runs
",
    );
    assert!(std::fs::read(scene.path("state/journal.db")).unwrap() == fixture);
}
