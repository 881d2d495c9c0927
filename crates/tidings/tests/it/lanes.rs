//! Receivers that refuse us, come back late, get another name, or are new.

use std::sync::{
    Arc,
    atomic::{AtomicU16, Ordering},
};

use jiff::SignedDuration;
use serde_json::Value;

use crate::support::{Cluster, Hook, Scene, names};

const WATCH: &str = "run --config config.yaml --kubeconfig kubeconfig --state state";

/// One receiver, a webhook, with these keys.
fn config(name: &str, hook: &Hook, keys: &str) -> String {
    let url = hook.url();
    format!(
        "
omitLookup: true
route: {{match: [{{receiver: {name}}}]}}
receivers:
- {{name: {name}, repeats: every, webhook: {{endpoint: '{url}'}}, {keys}}}
"
    )
}

async fn lane(scene: &Scene, receiver: &str) -> Value {
    let ended = scene.run("lanes --format json --state state").await;
    assert_eq!(ended.code, Some(0), "{}", ended.log);
    let mut lanes = ended.out.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    lanes.rfind(|lane| lane["receiver"] == receiver).unwrap_or_default()
}

#[tokio::test]
async fn a_revoked_token_blocks_the_lane_parks_nothing_and_all_is_delivered_after() {
    let cluster = Cluster::start().await;
    let status = Arc::new(AtomicU16::new(200));
    let answer = Arc::clone(&status);
    let hook = Hook::start(move |_| answer.load(Ordering::SeqCst)).await;
    let scene = Scene::with_cluster(&config("hook", &hook, "probe: 1s"), &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    cluster.create("e-0");
    hook.has(1).await;
    status.store(401, Ordering::SeqCst);
    for number in 1..100 {
        cluster.create(&format!("e-{number}"));
    }
    life.says("receiver refuses us").await;
    while lane(&scene, "hook").await["waiting"] != 99 {}
    let blocked = lane(&scene, "hook").await;
    assert_eq!((&blocked["state"], &blocked["parked"]), (&"blocked".into(), &0.into()));
    status.store(200, Ordering::SeqCst);
    let expected: Vec<_> = (0..100).map(|number| format!("e-{number}")).collect();
    assert_eq!(hook.has(100).await, expected, "in order, once each");
    life.says("events flow again").await;
    let ended = life.stops().await;
    assert!(!ended.log.contains("parked"), "{}", ended.log);
}

#[tokio::test]
async fn what_is_too_late_is_told_in_one_digest_and_can_be_had_after_all() {
    let cluster = Cluster::start().await;
    let status = Arc::new(AtomicU16::new(503));
    let answer = Arc::clone(&status);
    let hook = Hook::start(move |_| answer.load(Ordering::SeqCst)).await;
    let scene = Scene::with_cluster(&config("hook", &hook, "maxDeliveryAge: 10m"), &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for number in 0..5 {
        cluster.create_old(&format!("old-{number}"), SignedDuration::from_mins(30));
    }
    cluster.create("young");
    while lane(&scene, "hook").await["dropped"]["expired"] != 5 {}
    // What it has to say survives.
    life.dies().await;
    status.store(200, Ordering::SeqCst);
    let life = scene.start(WATCH);
    hook.has(2).await;
    let taken = hook.taken();
    let digest: Value = serde_json::from_str(&taken[0]).unwrap();
    assert_eq!((&digest["reason"], &digest["type"]), (&"EventsNotShown".into(), &"Warning".into()));
    let message = digest["message"].as_str().unwrap();
    assert!(message.starts_with("5 events between "), "{message}");
    assert!(message.contains("Most were about: shop/Pod/web-0 5. "), "{message}");
    assert_eq!(names(&taken[1..]), ["young"]);
    while lane(&scene, "hook").await["delivered"] != 1 {}
    let (_, command) = message.split_once("tidings ").unwrap();
    let ended = scene.run(&format!("{command} --state state")).await;
    assert!(ended.out.starts_with("6 events for hook are sent once more"), "{}", ended.out);
    hook.has(8).await;
    life.stops().await;
    let lane = lane(&scene, "hook").await;
    assert_eq!((&lane["accepted"], &lane["delivered"]), (&12.into(), &7.into()), "{lane}");
}

#[tokio::test]
async fn a_receiver_with_another_name_gets_what_waited_under_the_old_one() {
    let cluster = Cluster::start().await;
    let status = Arc::new(AtomicU16::new(503));
    let answer = Arc::clone(&status);
    let hook = Hook::start(move |_| answer.load(Ordering::SeqCst)).await;
    let scene = Scene::with_cluster(&config("old", &hook, "concurrency: 1"), &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    for name in ["a", "b", "c"] {
        cluster.create(name);
    }
    while lane(&scene, "old").await["waiting"] != 3 {}
    life.dies().await;
    status.store(200, Ordering::SeqCst);
    scene.write("config.yaml", config("new", &hook, "renamedFrom: [older, old]"));
    let life = scene.start(WATCH);
    assert_eq!(hook.has(3).await, ["a", "b", "c"]);
    life.says("receiver new goes on where old was").await;
    life.stops().await;
    assert_eq!(lane(&scene, "new").await["delivered"], 3);
    assert_eq!(lane(&scene, "old").await, Value::Null);
}

#[tokio::test]
async fn a_new_receiver_is_given_what_came_in_before_it_was_there() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::with_cluster(&config("first", &hook, "concurrency: 1"), &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    cluster.create_old("too-old", SignedDuration::from_mins(50));
    for name in ["a", "b"] {
        cluster.create(name);
    }
    cluster.repeat("a");
    hook.has(4).await;
    life.stops().await;
    let second = Hook::start(|_| 200).await;
    let url = second.url();
    let config = config("first", &hook, "concurrency: 1")
        + &format!("- {{name: second, backfill: 30m, webhook: {{endpoint: '{url}'}}}}\n");
    let config = config.replace("{receiver: first}", "{receiver: first}, {receiver: second}");
    scene.write("config.yaml", config);
    let life = scene.start(WATCH);
    life.says("receiver second is given what came before it").await;
    cluster.create("c");
    assert_eq!(second.has(3).await, ["a", "b", "c"], "the first of each, as it wants");
    life.stops().await;
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    life.stops().await;
    assert_eq!((second.taken().len(), hook.taken().len()), (3, 5), "once is enough");
}

#[tokio::test]
async fn a_new_receiver_is_given_what_came_before_it_although_its_first_start_was_cut_short() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::with_cluster(&config("first", &hook, "concurrency: 1"), &cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    cluster.create("a");
    hook.has(1).await;
    life.stops().await;
    let second = Hook::start(|_| 200).await;
    let config = config("first", &hook, "concurrency: 1")
        .replace("{receiver: first}", "{receiver: first}, {receiver: second}");
    let with = |keys: &str| {
        format!("{config}- {{name: second, {keys}webhook: {{endpoint: '{}'}}}}\n", second.url())
    };
    // Its lane is there, and nobody has noted what it is to be given: as after a kill between the two.
    scene.write("config.yaml", with(""));
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    life.stops().await;
    scene.write("config.yaml", with("backfill: 30m, "));
    let life = scene.start(WATCH);
    assert_eq!(second.has(1).await, ["a"]);
    life.stops().await;
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    life.stops().await;
    assert_eq!(second.taken().len(), 1, "once is enough");
}
