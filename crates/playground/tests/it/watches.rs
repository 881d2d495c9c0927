//! Watches.

use std::{sync::Arc, time::Duration};

use event::{Clock, ManualClock, protobuf};
use jiff::Timestamp;
use playground::Options;
use serde_json::json;

use crate::client::{EVENTS, cluster, cluster_with, core_event, message_of};

#[tokio::test]
async fn what_happens_is_told_and_every_deletion_has_a_revision_of_its_own() {
    let cluster = cluster().await;
    let created = cluster.ask("POST", EVENTS).body(&core_event("a")).send().await.json();
    let first = created["metadata"]["resourceVersion"].as_str().unwrap();
    let mut watch =
        cluster.ask("GET", &format!("{EVENTS}?watch=true&resourceVersion={first}")).open().await;
    let path = format!("{EVENTS}/a");
    let patch = cluster
        .ask("PATCH", &path)
        .header("content-type", "application/strategic-merge-patch+json");
    assert_eq!(patch.body(r#"{"count":2}"#).send().await.json()["count"], 2);
    assert_eq!(cluster.ask("DELETE", &path).send().await.status, 200);

    let modified = watch.message().await.unwrap();
    assert_eq!((&modified["type"], &modified["object"]["count"]), (&json!("MODIFIED"), &json!(2)));
    let deleted = watch.message().await.unwrap();
    assert_eq!((&deleted["type"], &deleted["object"]["count"]), (&json!("DELETED"), &json!(2)));
    let version =
        |message: &serde_json::Value| message["object"]["metadata"]["resourceVersion"].clone();
    assert_ne!(version(&deleted), version(&modified));
}

#[tokio::test]
async fn the_initial_events_end_with_a_bookmark_and_then_changes_come() {
    let cluster = cluster().await;
    for name in ["a", "b"] {
        cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
    }
    let path = "/api/v1/events?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true";
    let mut watch = cluster.ask("GET", path).open().await;
    for name in ["a", "b"] {
        assert_eq!(watch.message().await.unwrap()["object"]["metadata"]["name"], name);
    }
    let bookmark = watch.message().await.unwrap();
    assert_eq!(bookmark["type"], "BOOKMARK");
    assert_eq!(bookmark["object"]["metadata"]["annotations"]["k8s.io/initial-events-end"], "true");
    cluster.ask("POST", EVENTS).body(&core_event("c")).send().await;
    assert_eq!(watch.message().await.unwrap()["object"]["metadata"]["name"], "c");
}

#[tokio::test]
async fn protobuf_comes_in_frames_with_their_length() {
    let cluster = cluster().await;
    cluster.ask("POST", EVENTS).body(&core_event("a")).send().await;
    let ask = cluster.ask("GET", "/api/v1/events?watch=true");
    let mut watch =
        ask.header("accept", "application/vnd.kubernetes.protobuf;stream=watch").open().await;
    let frame = watch.chunk().await.unwrap();
    let length = u32::from_be_bytes(frame[..4].try_into().unwrap());
    assert_eq!(frame.len(), 4 + length as usize);
    let fields: Vec<_> = protobuf::Fields(&frame[4..]).map(Result::unwrap).collect();
    assert_eq!(fields[0].value.bytes(), b"ADDED");
    let raw = protobuf::Fields(fields[1].value.bytes()).next().unwrap().unwrap();
    let event = protobuf::decode(message_of(raw.value.bytes())).unwrap();
    assert_eq!((&*event.metadata.name, event.count), ("a", 1));
}

#[tokio::test]
async fn a_compacted_revision_is_an_error_in_the_stream() {
    let cluster = cluster().await;
    for name in ["a", "b", "c"] {
        cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
    }
    cluster.playground.compact();
    let watch = cluster.get(&format!("{EVENTS}?watch=true&resourceVersion=1")).await;
    assert!(watch.status == 200 && watch.whole);
    let messages = watch.messages();
    assert_eq!(
        (&messages[0]["type"], &messages[0]["object"]["code"]),
        (&json!("ERROR"), &json!(410))
    );
    assert_eq!(messages.len(), 1);
}

#[tokio::test]
async fn a_watch_of_the_future_waits_until_it_is_there() {
    let cluster = cluster().await;
    let now = cluster.playground.storage().read(playground::store::Store::revision);
    let path = format!("{EVENTS}?watch=true&resourceVersion={}", now + 1);
    let mut watch = cluster.ask("GET", &path).open().await;
    for name in ["a", "b"] {
        cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
    }
    assert_eq!(watch.message().await.unwrap()["object"]["metadata"]["name"], "b");
}

#[tokio::test]
async fn events_expire_together_by_the_cluster_s_clock() {
    let clock = Arc::new(ManualClock::new(Timestamp::from_second(1_800_000_000).unwrap()));
    let cluster =
        cluster_with(Options { clock: Arc::clone(&clock) as Arc<dyn Clock>, ..Options::default() })
            .await;
    for name in ["a", "b"] {
        cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
    }
    let now = cluster.playground.storage().read(playground::store::Store::revision);
    let mut watch =
        cluster.ask("GET", &format!("{EVENTS}?watch=true&resourceVersion={now}")).open().await;
    clock.advance(Duration::from_secs(3660));
    for name in ["a", "b"] {
        let message = watch.message().await.unwrap();
        assert_eq!(
            (&message["type"], &message["object"]["metadata"]["name"]),
            (&json!("DELETED"), &json!(name))
        );
        assert_eq!(message["object"]["metadata"]["resourceVersion"], (now + 1).to_string());
    }
}

#[tokio::test]
async fn an_open_watch_ends_when_the_playground_stops() {
    let cluster = cluster().await;
    let mut watch =
        cluster.ask("GET", "/api/v1/events?watch=true&resourceVersion=1000").open().await;
    cluster.stop();
    assert_eq!(watch.message().await, None);
    cluster.ended().await;
}

#[tokio::test]
async fn a_watch_ends_when_its_client_is_gone() {
    let cluster = cluster().await;
    let watch = cluster.ask("GET", "/api/v1/events?watch=true&resourceVersion=1004").open().await;
    let open_watches = || cluster.playground.stats().counts().open_watches;
    assert_eq!(open_watches(), 1);
    drop(watch);
    cluster.until(|| open_watches() == 0).await;
}
