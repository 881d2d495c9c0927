//! A cluster and its receivers, on good days and on bad ones.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU16, Ordering::SeqCst},
    },
    time::Duration,
};

use jiff::SignedDuration;
use playground::{
    CLUSTER_UID,
    faults::{Fault, FaultKind},
    stats::Verb,
};
use serde_json::Value;

use crate::support::{
    Cluster, Hook, Life, Scene, TO_A_FILE, assert_like, happening, names, nowhere, until,
};

const WATCH: &str = "run --config config.yaml --kubeconfig kubeconfig --state state";

/// The binary on this cluster, once it watches.
async fn watching(config: &str, cluster: &Cluster) -> (Scene, Life) {
    let scene = Scene::with_cluster(config, cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    (scene, life)
}

/// Everything goes to a file and to this webhook.
fn to_a_file_and(url: &str) -> String {
    format!(
        "
omitLookup: true
route: {{match: [{{receiver: file}}, {{receiver: hook}}]}}
receivers:
- {{name: file, repeats: every, file: {{path: events.jsonl}}}}
- {{name: hook, repeats: every, webhook: {{endpoint: '{url}'}}}}
"
    )
}

#[tokio::test]
async fn the_first_lines_say_everything_about_the_start() {
    let cluster = Cluster::start().await;
    cluster.create_old("old", SignedDuration::from_mins(10));
    cluster.create_old("older", SignedDuration::from_mins(20));
    let (_scene, life) = watching(TO_A_FILE, &cluster).await;
    life.says("INFO room for ").await;
    let ended = life.stops().await;
    // Said beside the watch, a little before or after it opens.
    let (room, log): (Vec<_>, Vec<_>) =
        ended.log.split_inclusive('\n').partition(|line| line.contains("INFO room for "));
    assert_like(
        &room.concat(),
        "INFO room for * of outage at the rate of the listed events, 0.00/s\n",
    );
    assert_like(
        &log.concat(),
        &format!(
            "INFO tidings {}, config config.yaml (*)\n\
             INFO cluster {CLUSTER_UID} at {}/\n\
             INFO state folder FOLDER/state (*, * free): the journal may take *, room for * of outage at 100 events/s\n\
             INFO receiver file (file) ok waiting=0\n\
             INFO list done events=2 seconds=* requests=1\n\
             INFO baseline: these were there before the first look and are not sent (maxEventAgeSeconds) events=2\n\
             INFO watching revision=* live=2\n\
             INFO stopping; a second signal ends at once\n\
             INFO collecting stopped; emptying the lanes requests=*\n",
            env!("CARGO_PKG_VERSION"),
            cluster.playground.url(),
        ),
    );
}

#[tokio::test]
async fn a_first_start_sends_only_what_is_young_and_then_everything_new() {
    let cluster = Cluster::start().await;
    cluster.create_old("old", SignedDuration::from_mins(10));
    cluster.create_old("young", SignedDuration::from_secs(30));
    let (scene, life) = watching(&format!("maxEventAgeSeconds: 300\n{TO_A_FILE}"), &cluster).await;
    // By its own words it is old, but it comes now.
    cluster.create_old("late", SignedDuration::from_mins(10));
    cluster.repeat("old");
    scene.has(3).await;
    let ended = life.stops().await;
    assert_eq!(names(&scene.events()), ["young", "late", "old×2"]);
    assert!(ended.log.contains("INFO baseline: these were there before the first look and are not sent (maxEventAgeSeconds) events=1\n"), "{}", ended.log);
}

#[tokio::test]
async fn a_stop_delivers_everything_that_was_seen() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let (scene, life) = watching(&to_a_file_and(&hook.url()), &cluster).await;
    for number in 0..500 {
        cluster.create(&format!("event-{number}"));
    }
    scene.has(1).await;
    life.stops().await;
    let delivered = scene.events();
    // What came after the signal is the next start's.
    assert_eq!(hook.taken(), delivered);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    scene.has(500).await;
    hook.has(500).await;
    life.stops().await;
    let expected: Vec<_> = (0..500).map(|number| format!("event-{number}")).collect();
    assert_eq!(names(&scene.events()), expected);
    assert_eq!(names(&hook.taken()), expected);
}

#[tokio::test]
async fn a_namespace_and_the_name_of_the_cluster_come_from_the_config() {
    let cluster = Cluster::start().await;
    let config = format!("namespace: shop\nclusterName: prod\n{TO_A_FILE}");
    let (scene, life) = watching(&config, &cluster).await;
    let mut elsewhere = happening("elsewhere", SignedDuration::ZERO);
    elsewhere.metadata.namespace = "bank".into();
    cluster.store(elsewhere);
    cluster.create("here");
    assert_eq!(scene.has(1).await, ["here"]);
    let document: Value = serde_json::from_str(&scene.events()[0]).unwrap();
    assert_eq!(document["clusterName"], "prod");
    let ended = life.stops().await;
    assert!(ended.log.contains("INFO cluster prod at "), "{}", ended.log);
}

/// One Event in each of these namespaces.
fn create_in(cluster: &Cluster, name: &str, namespaces: &[&str]) {
    for namespace in namespaces {
        let mut event = happening(&format!("{name}-{namespace}"), SignedDuration::ZERO);
        event.metadata.namespace = (*namespace).into();
        cluster.store(event);
    }
}

fn sorted(mut names: Vec<String>) -> Vec<String> {
    names.sort_unstable();
    names
}

#[tokio::test]
async fn a_few_namespaces_are_watched_one_by_one_and_go_on_from_their_own_positions() {
    let cluster = Cluster::start().await;
    let config = format!("namespaces: {{include: [shop, bank]}}\n{TO_A_FILE}");
    let scene = Scene::with_cluster(&config, &cluster);
    let life = scene.start(WATCH);
    life.says("namespace=shop").await;
    life.says("namespace=bank").await;
    create_in(&cluster, "first", &["shop", "bank", "zoo"]);
    assert_eq!(sorted(scene.has(2).await), ["first-bank", "first-shop"]);
    life.stops().await;
    create_in(&cluster, "between", &["zoo", "shop", "bank"]);
    let life = scene.start(WATCH);
    life.says("namespace=shop").await;
    life.says("namespace=bank").await;
    assert_eq!(scene.has(4).await.len(), 4);
    // An Event that was seen before adds only what is new.
    create_in(&cluster, "last", &["bank", "zoo"]);
    scene.has(5).await;
    let ended = life.stops().await;
    let expected = ["between-bank", "between-shop", "first-bank", "first-shop", "last-bank"];
    assert_eq!(sorted(names(&scene.events())), expected);
    assert!(!ended.log.contains("list done"), "positions were lost: {}", ended.log);
}

#[tokio::test]
async fn a_list_of_one_namespace_does_not_end_the_events_of_another() {
    let cluster = Cluster::start().await;
    let config =
        format!("maxEventAgeSeconds: 300\nnamespaces: {{include: [shop, bank]}}\n{TO_A_FILE}");
    let scene = Scene::with_cluster(&config, &cluster);
    create_in(&cluster, "a", &["shop", "bank"]);
    let life = scene.start(WATCH);
    assert_eq!(scene.has(2).await.len(), 2);
    life.stops().await;
    // The positions are gone from the storage: both namespaces are listed anew.
    cluster.playground.storage().write(|store| store.compact(store.revision()));
    create_in(&cluster, "b", &["shop", "bank"]);
    cluster.playground.storage().write(|store| store.compact(store.revision()));
    let life = scene.start(WATCH);
    scene.has(4).await;
    let ended = life.stops().await;
    let expected = ["a-bank", "a-shop", "b-bank", "b-shop"];
    assert_eq!(sorted(names(&scene.events())), expected, "{}", ended.log);
    assert!(!ended.log.contains("may have been missed"), "{}", ended.log);
}

#[tokio::test]
async fn many_namespaces_share_one_watch() {
    let cluster = Cluster::start().await;
    let many: Vec<_> = (0..11).map(|number| format!("ns-{number}")).collect();
    let config = format!("namespaces: {{include: [{}]}}\n{TO_A_FILE}", many.join(", "));
    let (scene, life) = watching(&config, &cluster).await;
    create_in(&cluster, "a", &["ns-3", "zoo", "ns-10"]);
    assert_eq!(scene.has(2).await, ["a-ns-3", "a-ns-10"]);
    let ended = life.stops().await;
    assert_eq!(ended.lines_with("watching").len(), 1, "{}", ended.log);
}

#[tokio::test]
async fn a_namespace_that_was_watched_with_all_others_goes_on_from_there() {
    let cluster = Cluster::start().await;
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    create_in(&cluster, "a", &["shop", "zoo"]);
    scene.has(2).await;
    life.stops().await;
    create_in(&cluster, "b", &["shop", "zoo"]);
    scene.write("config.yaml", format!("namespaces: {{include: [shop]}}\n{TO_A_FILE}"));
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    scene.has(3).await;
    life.stops().await;
    assert_eq!(names(&scene.events()), ["a-shop", "a-zoo", "b-shop"]);
}

#[tokio::test]
async fn a_receiver_that_refuses_us_blocks_its_own_lane_only() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 401).await;
    let (scene, life) = watching(&to_a_file_and(&hook.url()), &cluster).await;
    cluster.create("a");
    life.says("WARN receiver refuses us; probing once a minute").await;
    cluster.create("b");
    scene.has(2).await;
    let ended = life.stops().await;
    assert_eq!(names(&scene.events()), ["a", "b"]);
    assert!(ended.log.contains("INFO 2 events for hook stay in the journal\n"), "{}", ended.log);
    let refused = ended.lines_with("receiver refuses us");
    assert_eq!(refused.len(), 1, "{}", ended.log);
    assert_like(
        refused[0],
        &format!(
            "WARN receiver refuses us; probing once a minute lane=\"hook\" sink=\"webhook\" reason=\"{} answered 401 Unauthorized: word\"*",
            hook.url().trim_end_matches('/')
        ),
    );
}

#[tokio::test]
async fn a_record_that_is_refused_is_parked_and_the_rest_flows() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|body| if body.contains("\"name\":\"bad\"") { 400 } else { 200 }).await;
    let (scene, life) = watching(&to_a_file_and(&hook.url()), &cluster).await;
    for name in ["a", "bad", "b"] {
        cluster.create(name);
    }
    assert_eq!(hook.has(2).await, ["a", "b"]);
    assert_eq!(scene.has(3).await, ["a", "bad", "b"]);
    let ended = life.stops().await;
    let parked = ended.lines_with("event parked");
    assert_eq!(parked.len(), 1, "{}", ended.log);
    assert_like(
        parked[0],
        "WARN event parked lane=\"hook\" sink=\"webhook\" row=* cause=Rejected reason=\"* answered 400 Bad Request: word\" unsaid=0*",
    );
}

#[tokio::test]
async fn a_webhook_that_was_down_gets_everything_when_it_is_back() {
    let cluster = Cluster::start().await;
    let address = nowhere();
    let (scene, life) = watching(&to_a_file_and(&format!("http://{address}/")), &cluster).await;
    let expected: Vec<_> = (0..20).map(|number| format!("event-{number}")).collect();
    for name in &expected {
        cluster.create(name);
    }
    scene.has(20).await;
    life.says("WARN events wait; trying again").await;
    let hook = Hook::start_at(address, |_| 200).await;
    assert_eq!(hook.has(20).await, expected);
    let ended = life.stops().await;
    assert!(ended.log.contains("INFO events flow again lane=\"hook\""), "{}", ended.log);
    assert_eq!(names(&hook.taken()), expected);
}

#[tokio::test]
async fn a_webhook_that_fails_now_and_then_gets_everything_once() {
    let cluster = Cluster::start().await;
    let requests = AtomicU16::new(0);
    let hook = Hook::start(move |_| match requests.fetch_add(1, SeqCst) % 4 {
        1 => 503,
        3 => 429,
        _ => 200,
    })
    .await;
    let (_scene, life) = watching(&to_a_file_and(&hook.url()), &cluster).await;
    let expected: Vec<_> = (0..6).map(|number| format!("event-{number}")).collect();
    for name in &expected {
        cluster.create(name);
    }
    hook.has(6).await;
    life.stops().await;
    assert_eq!(names(&hook.taken()), expected);
}

#[tokio::test]
async fn a_drop_rule_keeps_events_from_what_is_below_it() {
    let cluster = Cluster::start().await;
    let config = "
omitLookup: true
route:
  match: [{receiver: all}]
  routes:
  - drop: [{reason: Pulled}, {namespace: '^kube-'}]
    match: [{type: Warning, receiver: warnings}]
receivers:
- {name: all, file: {path: all.jsonl}}
- {name: warnings, file: {path: warnings.jsonl}}
";
    let (scene, life) = watching(config, &cluster).await;
    let event = |name: &str, reason: &str, kind: &str, namespace: &str| {
        let mut event = happening(name, SignedDuration::ZERO);
        event.reason = reason.into();
        event.kind = kind.into();
        event.metadata.namespace = namespace.into();
        cluster.store(event);
    };
    event("dropped-by-reason", "Pulled", "Warning", "shop");
    event("dropped-by-namespace", "BackOff", "Warning", "kube-system");
    event("not-a-warning", "BackOff", "Normal", "shop");
    event("warning", "BackOff", "Warning", "shop");
    let all = || scene.lines("all.jsonl");
    let warnings = || scene.lines("warnings.jsonl");
    until(|| all().len() == 4 && warnings().len() == 1, || life.log()).await;
    life.stops().await;
    assert_eq!(
        names(&all()),
        ["dropped-by-reason", "dropped-by-namespace", "not-a-warning", "warning"]
    );
    assert_eq!(names(&warnings()), ["warning"]);
}

#[tokio::test]
async fn a_rule_for_labels_matches_no_event_whose_object_nobody_looked_up() {
    let cluster = Cluster::start().await;
    let config = "
omitLookup: true
route:
  match: [{receiver: all}, {labels: {app: web}, receiver: labelled}]
  routes:
  - match: [{receiver: below}]
receivers:
- {name: all, file: {path: events.jsonl}}
- {name: labelled, file: {path: labelled.jsonl}}
- {name: below, file: {path: below.jsonl}}
";
    let (scene, life) = watching(config, &cluster).await;
    cluster.create("a");
    scene.has(1).await;
    life.stops().await;
    assert_eq!(names(&scene.events()), ["a"]);
    assert_eq!(scene.lines("labelled.jsonl").len(), 0);
    assert_eq!(scene.lines("below.jsonl").len(), 0, "a rule that does not match closes the way");
}

#[tokio::test]
async fn a_storage_that_was_set_back_is_told_once_and_events_go_on() {
    let cluster = Cluster::start().await;
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    cluster.create("kept");
    scene.has(1).await;
    cluster.playground.take_snapshot();
    cluster.create("forgotten");
    cluster.create("forgotten-too");
    scene.has(3).await;
    cluster.playground.restore();
    life.says("WARN events may have been missed").await;
    cluster.create("after");
    scene.has(5).await;
    let ended = life.stops().await;
    let delivered = scene.events();
    assert_eq!(names(&delivered)[..3], ["kept", "forgotten", "forgotten-too"]);
    assert_eq!(names(&delivered)[4..], ["after"]);
    let missed: Value = serde_json::from_str(&delivered[3]).unwrap();
    assert_eq!((&missed["reason"], &missed["type"]), (&"EventsMissed".into(), &"Warning".into()));
    assert_like(
        missed["message"].as_str().unwrap(),
        "events between * and * may have come and gone unseen: the cluster's storage was set back to an older state (resourceVersion * to *)*",
    );
    assert!(
        ended.log.contains(
            "WARN the cluster's storage was set back to an older state: a new epoch begins"
        ),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_watch_that_freezes_is_found_out_and_nothing_is_lost() {
    let cluster = Cluster::start().await;
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    cluster.create("before");
    scene.has(1).await;
    let faults = cluster.playground.faults();
    faults.schedule(Fault::new(FaultKind::Freeze).on(Verb::Watch).of("events"));
    until(|| faults.scheduled().is_empty(), String::new).await;
    cluster.create("during");
    scene.has(2).await;
    cluster.create("after");
    scene.has(3).await;
    let ended = life.stops().await;
    assert_eq!(names(&scene.events()), ["before", "during", "after"]);
    assert!(
        ended.log.contains("INFO made up for a break; nothing was missed cause=\"frozen\"\n"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_watch_that_closes_at_once_is_made_up_for_by_a_list() {
    let cluster = Cluster::start().await;
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    cluster.create("before");
    scene.has(1).await;
    let faults = cluster.playground.faults();
    faults.schedule(Fault::new(FaultKind::CloseAtOnce).on(Verb::Watch).of("events"));
    faults.schedule(Fault::new(FaultKind::EndWatch).on(Verb::Watch).of("events"));
    life.says("INFO the watch was closed at once: the position is stale").await;
    cluster.create("after");
    scene.has(2).await;
    let ended = life.stops().await;
    assert_eq!(names(&scene.events()), ["before", "after"]);
    assert!(
        ended.log.contains("INFO made up for a break; nothing was missed cause=\"stale\"\n"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn an_api_server_in_trouble_costs_time_and_no_event() {
    let cluster = Cluster::start().await;
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    let faults = cluster.playground.faults();
    let kinds = [
        FaultKind::CutMidFrame,
        FaultKind::EndWatch,
        FaultKind::ServerError,
        FaultKind::TooManyRequests,
        FaultKind::Drop,
        FaultKind::Forbidden,
    ];
    let mut expected = Vec::new();
    for (number, kind) in kinds.into_iter().enumerate() {
        if !matches!(kind, FaultKind::CutMidFrame | FaultKind::EndWatch) {
            faults.schedule(Fault::new(FaultKind::EndWatch).on(Verb::Watch).of("events"));
        }
        faults.schedule(Fault::new(kind).on(Verb::Watch).of("events"));
        expected.push(format!("event-{number}"));
        cluster.create(&expected[number]);
        scene.has(number + 1).await;
        until(|| faults.scheduled().is_empty(), || format!("{kind:?}")).await;
    }
    life.stops().await;
    assert_eq!(names(&scene.events()), expected);
}

#[tokio::test]
async fn a_namespace_that_is_deleted_takes_no_delivered_event_back() {
    let cluster = Cluster::start().await;
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    cluster.create("a");
    cluster.create("b");
    scene.has(2).await;
    cluster.playground.storage().write(|store| store.delete_namespace("shop"));
    // The same name again is a new Event.
    cluster.create("a");
    scene.has(3).await;
    life.stops().await;
    assert_eq!(names(&scene.events()), ["a", "b", "a"]);
}

#[tokio::test]
async fn a_user_who_may_not_see_kube_system_is_served_and_told() {
    let cluster = Cluster::start().await;
    let faults = cluster.playground.faults();
    faults.schedule(Fault::new(FaultKind::Forbidden).on(Verb::Get).of("namespaces"));
    let (scene, life) = watching(TO_A_FILE, &cluster).await;
    cluster.create("a");
    scene.has(1).await;
    let ended = life.stops().await;
    assert!(
        ended.log.contains("WARN not allowed to get the namespace kube-system: the server's address stands for the cluster\n"),
        "{}",
        ended.log
    );
}

#[tokio::test]
async fn a_second_signal_ends_at_once_and_what_waits_is_in_the_journal() {
    let cluster = Cluster::start().await;
    let status = Arc::new(AtomicU16::new(503));
    let judge = Arc::clone(&status);
    let hook = Hook::start(move |_| judge.load(SeqCst)).await;
    let (scene, life) = watching(&to_a_file_and(&hook.url()), &cluster).await;
    cluster.create("a");
    life.says("WARN events wait; trying again").await;
    life.terminate();
    life.says("INFO stopping; a second signal ends at once").await;
    life.terminate();
    let began = tokio::time::Instant::now();
    let ended = life.ends().await;
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    assert_eq!(ended.code, Some(1));
    assert!(
        ended.log.ends_with("WARN second signal: ended with work undone; it is in the journal\n"),
        "{}",
        ended.log
    );
    // And it is.
    status.store(200, SeqCst);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    assert_eq!(hook.has(1).await, ["a"]);
    life.stops().await;
    // The file had it before; what a lane did last is not always saved when it ends at once.
    let mut delivered = scene.events();
    delivered.dedup();
    assert_eq!(names(&delivered), ["a"]);
}
