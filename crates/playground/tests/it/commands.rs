//! What a process outside commands and asks.

use jiff::Timestamp;
use playground::{
    Options,
    day::{Cluster as Like, DayOptions},
};
use serde_json::{Value, json};

use crate::client::{EVENTS, cluster, cluster_with, core_event};

#[tokio::test]
async fn faults_are_scheduled_listed_and_called_off() {
    let cluster = cluster().await;
    let fault = json!({"fault": "serverError", "on": "list", "times": 5});
    let scheduled = cluster.ask("POST", "/playground/faults").body(&fault).send().await.json();
    assert_eq!(scheduled, json!([fault]));
    assert_eq!(cluster.get(EVENTS).await.status, 500);
    assert_eq!(cluster.get("/playground/faults").await.json()[0]["times"], 4);
    cluster.ask("DELETE", "/playground/faults").send().await;
    assert_eq!(cluster.get(EVENTS).await.status, 200);
    let wrong =
        cluster.ask("POST", "/playground/faults").body(r#"{"fault":"sunburn"}"#).send().await;
    assert_eq!(wrong.status, 400);
}

#[tokio::test]
async fn requests_and_writes_are_counted() {
    let cluster = cluster().await;
    for name in ["a", "b"] {
        cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
    }
    cluster.get(EVENTS).await;
    cluster.get("/version").await;
    let mut watch =
        cluster.ask("GET", "/api/v1/events?watch=true&resourceVersion=1005").open().await;
    watch.message().await.unwrap();
    let stats = cluster.get("/playground/stats").await.json();
    let expected =
        json!({"create events": 2, "list events": 1, "watch events": 1, "discover api": 1});
    assert_eq!(stats["requests"], expected);
    assert_eq!((&stats["totalRequests"], &stats["watchMessages"]), (&json!(5), &json!(1)));
    assert_eq!(
        (&stats["written"]["created"], &stats["live"], &stats["revision"]),
        (&json!(2), &json!(2), &json!(1006))
    );
}

#[tokio::test]
async fn the_ledger_knows_every_revision_even_those_a_restore_took_back() {
    let mut options = Options::default();
    options.store.ledger = 100;
    let cluster = cluster_with(options).await;
    let mut uids = Vec::new();
    for (name, command) in [("a", "snapshot"), ("b", "restore"), ("c", "compact")] {
        let created = cluster.ask("POST", EVENTS).body(&core_event(name)).send().await.json();
        uids.push(created["metadata"]["uid"].clone());
        let answer = cluster.ask("POST", &format!("/playground/{command}")).send().await;
        assert_eq!(answer.status, 200, "{command}");
    }
    let ledger = cluster.get("/playground/ledger").await.messages();
    let line = |place: usize, epoch, version| json!({"epoch": epoch, "uid": uids[place], "resourceVersion": version, "total": 1});
    let all: [Value; 3] = [line(0, 0, "1005"), line(1, 0, "1006"), line(2, 1, "1006")];
    assert_eq!(ledger, all);
    assert_eq!(cluster.get("/playground/ledger?from=2").await.messages(), all[2..]);
}

#[tokio::test]
async fn a_day_is_played_and_an_incident_begins_on_command() {
    let start = Timestamp::now() - jiff::SignedDuration::from_mins(10);
    let day = DayOptions::new(Like::Stable, start);
    let cluster = cluster_with(Options { day: Some(day), ..Options::default() }).await;
    let mut watch = cluster.ask("GET", "/api/v1/events?watch=true").open().await;
    let first = watch.message().await.unwrap();
    assert_eq!(first["type"], "ADDED");
    let begun = cluster.ask("POST", "/playground/incidents").body("\"badImage\"").send().await;
    assert_eq!((begun.status, begun.json()), (200, json!("badImage")));
    let is_rollout = |message: &Value| {
        message["object"]["message"].as_str().is_some_and(|text| text.ends_with("from 0 to 2"))
    };
    while !is_rollout(&watch.message().await.unwrap()) {}
    let pods = cluster.get("/api/v1/pods").await.json();
    assert!(pods["items"].as_array().unwrap().len() > 20);
}
