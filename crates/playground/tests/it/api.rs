//! Lists, watches and writes.

use serde_json::{Value, json};

use crate::client::cluster;

const EVENTS: &str = "/api/v1/namespaces/default/events";

fn event(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web-0"},
        "reason": "Started", "message": "Started container web", "type": "Normal", "count": 1,
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-01-02T03:04:05Z", "lastTimestamp": "2026-01-02T03:04:05Z",
    })
}

#[tokio::test]
async fn what_is_created_is_listed_watched_and_gone_after_deletion() {
    let cluster = cluster().await;
    let created = cluster.ask("POST", EVENTS).body(&event("a")).send().await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    let first = created.json()["metadata"]["resourceVersion"].as_str().unwrap().to_owned();

    let mut watch =
        cluster.ask("GET", &format!("{EVENTS}?watch=true&resourceVersion={first}")).open().await;
    let patch = cluster
        .ask("PATCH", &format!("{EVENTS}/a"))
        .header("content-type", "application/strategic-merge-patch+json")
        .body(r#"{"count":2}"#)
        .send()
        .await;
    assert_eq!(patch.json()["count"], 2);
    assert_eq!(cluster.ask("DELETE", &format!("{EVENTS}/a")).send().await.status, 200);

    let modified = watch.message().await.unwrap();
    assert_eq!((&modified["type"], &modified["object"]["count"]), (&json!("MODIFIED"), &json!(2)));
    let deleted = watch.message().await.unwrap();
    assert_eq!(deleted["type"], "DELETED");
    assert_ne!(
        deleted["object"]["metadata"]["resourceVersion"],
        modified["object"]["metadata"]["resourceVersion"]
    );
    assert_eq!(cluster.get(EVENTS).await.json()["items"], json!([]));
    assert_eq!(cluster.get(&format!("{EVENTS}/a")).await.json()["reason"], "NotFound");
}
