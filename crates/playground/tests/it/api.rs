//! Lists and writes.

use std::io::Read;

use event::{Event, protobuf};
use serde_json::{Value, json};

use crate::client::{Cluster, EVENTS, cluster, core_event, message_of};

async fn filled(names: &[&str]) -> Cluster {
    let cluster = cluster().await;
    for name in names {
        let created = cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
        assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
    }
    cluster
}

fn names(list: &Value) -> Vec<&str> {
    let items = list["items"].as_array().into_iter().flatten();
    items.filter_map(|item| item["metadata"]["name"].as_str()).collect()
}

#[tokio::test]
async fn a_list_is_read_in_pages_and_goes_on_inconsistently_after_compaction() {
    let cluster = filled(&["a", "b", "c", "d", "e"]).await;
    let first = cluster.get(&format!("{EVENTS}?limit=2")).await.json();
    assert_eq!(
        (names(&first), &first["metadata"]["remainingItemCount"]),
        (vec!["a", "b"], &json!(3))
    );
    let token = first["metadata"]["continue"].as_str().unwrap();
    cluster.ask("DELETE", &format!("{EVENTS}/c")).send().await;
    let second = cluster.get(&format!("{EVENTS}?limit=2&continue={token}")).await.json();
    assert_eq!(names(&second), ["c", "d"]);
    assert_eq!(second["metadata"]["resourceVersion"], first["metadata"]["resourceVersion"]);

    cluster.playground.compact();
    let gone = cluster.get(&format!("{EVENTS}?limit=2&continue={token}")).await;
    assert_eq!((gone.status, &gone.json()["reason"]), (410, &json!("Expired")));
    let token = gone.json()["metadata"]["continue"].as_str().unwrap().to_owned();
    let rest = cluster.get(&format!("{EVENTS}?continue={token}")).await.json();
    assert_eq!(names(&rest), ["d", "e"]);
}

#[tokio::test]
async fn one_event_is_seen_through_both_apis_in_json_and_protobuf() {
    let cluster = filled(&["a"]).await;
    let newer = "/apis/events.k8s.io/v1/namespaces/default/events/a";
    let json = cluster.get(newer).await.json();
    assert_eq!(
        (&json["note"], &json["deprecatedCount"]),
        (&json!("Started container web"), &json!(1))
    );
    assert_eq!(json["metadata"]["managedFields"][0]["manager"], "kubelet");

    let ask = cluster.ask("GET", "/api/v1/namespaces/default/events/a");
    let bytes = ask.header("accept", "application/vnd.kubernetes.protobuf").send().await;
    assert_eq!(bytes.header("content-type"), "application/vnd.kubernetes.protobuf");
    let event = protobuf::decode(message_of(&bytes.body)).unwrap();
    assert_eq!(event, serde_json::from_value::<Event>(json).unwrap());
}

#[tokio::test]
async fn an_event_is_written_in_protobuf_too() {
    let cluster = cluster().await;
    let event: Event = serde_json::from_value(core_event("p")).unwrap();
    let mut envelope = b"k8s\0".to_vec();
    let mut out = protobuf::Writer::default();
    out.bytes(2, &protobuf::encode(&event));
    envelope.extend(out.0);
    let ask =
        cluster.ask("POST", EVENTS).header("content-type", "application/vnd.kubernetes.protobuf");
    let created = ask.bytes(envelope).send().await;
    assert_eq!((created.status, &created.json()["reason"]), (201, &json!("Started")));
}

#[tokio::test]
async fn a_lease_is_taken_by_whoever_knows_its_newest_version() {
    const LEASES: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases";
    let cluster = cluster().await;
    let lease = json!({"metadata": {"name": "l"}, "spec": {"holderIdentity": "a"}});
    let created = cluster.ask("POST", LEASES).body(&lease).send().await.json();
    let mut taken = created.clone();
    taken["spec"]["holderIdentity"] = "b".into();
    let path = format!("{LEASES}/l");
    let first = cluster.ask("PUT", &path).body(&taken).send().await;
    assert_eq!((first.status, &first.json()["spec"]["holderIdentity"]), (200, &json!("b")));
    let late = cluster.ask("PUT", &path).body(&taken).send().await;
    assert_eq!((late.status, &late.json()["reason"]), (409, &json!("Conflict")));
    assert_eq!(late.json()["details"]["group"], "coordination.k8s.io");
}

#[tokio::test]
async fn pods_come_in_protobuf_as_metadata_only() {
    let cluster = cluster().await;
    let pod = json!({"metadata": {"name": "p", "labels": {"a": "b"}}, "spec": {"nodeName": "n"}});
    cluster.ask("POST", "/api/v1/namespaces/default/pods").body(&pod).send().await;
    let ask = |accept| cluster.ask("GET", "/api/v1/pods").header("accept", accept).send();
    let whole = ask("application/vnd.kubernetes.protobuf,application/json").await;
    assert_eq!(whole.json()["items"][0]["spec"]["nodeName"], "n");
    assert_eq!(ask("application/vnd.kubernetes.protobuf").await.status, 406);
    let metadata =
        ask("application/vnd.kubernetes.protobuf;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1")
            .await;
    assert_eq!(metadata.header("content-type"), "application/vnd.kubernetes.protobuf");
    let list = message_of(&metadata.body);
    assert!(list.windows(3).any(|bytes| bytes == b"\x0a\x01p"), "{list:?}");
}

#[tokio::test]
async fn kube_system_has_the_uid_by_which_a_cluster_is_known() {
    let cluster = cluster().await;
    let namespace = cluster.get("/api/v1/namespaces/kube-system").await.json();
    assert_eq!(namespace["metadata"]["uid"], playground::CLUSTER_UID);
}

#[tokio::test]
async fn a_deleted_namespace_takes_its_events_along() {
    let cluster = filled(&["a", "b"]).await;
    assert_eq!(cluster.ask("DELETE", "/api/v1/namespaces/default").send().await.status, 200);
    assert!(names(&cluster.get("/api/v1/events").await.json()).is_empty());
    let refused = cluster.ask("POST", EVENTS).body(&core_event("c")).send().await;
    assert_eq!(refused.json()["message"], "namespaces \"default\" not found");
}

#[tokio::test]
async fn a_large_list_is_compressed_for_who_takes_it() {
    let many: Vec<String> = (0..300).map(|number| format!("e{number:03}")).collect();
    let cluster = filled(&many.iter().map(|name| &**name).collect::<Vec<_>>()).await;
    let answer = cluster.ask("GET", EVENTS).header("accept-encoding", "gzip").send().await;
    assert_eq!(answer.header("content-encoding"), "gzip");
    let mut text = String::new();
    flate2::read::GzDecoder::new(&*answer.body).read_to_string(&mut text).unwrap();
    assert_eq!(names(&serde_json::from_str(&text).unwrap()).len(), 300);
    assert_eq!(cluster.get(EVENTS).await.header("content-encoding"), "");
}

#[tokio::test]
async fn kubectl_gets_a_table_and_metadata_clients_get_metadata() {
    let cluster = filled(&["a"]).await;
    let accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json";
    let table = cluster.ask("GET", EVENTS).header("accept", accept).send().await.json();
    assert_eq!(table["rows"][0]["cells"][2], "Started");
    let accept = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io";
    let list = cluster.ask("GET", EVENTS).header("accept", accept).send().await.json();
    assert_eq!(
        (names(&list), &list["items"][0]["kind"]),
        (vec!["a"], &json!("PartialObjectMetadata"))
    );
    assert_eq!(list["items"][0]["reason"], Value::Null);
}

#[tokio::test]
async fn discovery_tells_everything_at_once_to_those_who_ask_for_it() {
    let cluster = cluster().await;
    let all = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList";
    let get = |path, accept| cluster.ask("GET", path).header("accept", accept).send();
    let either = format!("{all},application/json");
    let apis = get("/apis", &either).await;
    assert_eq!(apis.header("content-type"), all);
    let groups = apis.json();
    let apps = groups["items"].as_array().unwrap().iter();
    let apps = apps.clone().find(|group| group["metadata"]["name"] == "apps").unwrap();
    let deployments = &apps["versions"][0]["resources"][0];
    assert_eq!(
        (&deployments["resource"], &deployments["scope"], &deployments["responseKind"]["kind"]),
        (&json!("deployments"), &json!("Namespaced"), &json!("Deployment"))
    );
    let core = get("/api", all).await.json();
    assert_eq!(core["items"][0]["versions"][0]["version"], "v1");
    // To everybody else, and in a version that is not served, as ever.
    let older = "application/json;g=apidiscovery.k8s.io;v=v2beta1;as=APIGroupDiscoveryList,application/json";
    assert_eq!(get("/apis", older).await.json()["kind"], "APIGroupList");
    assert_eq!(cluster.get("/api").await.json()["kind"], "APIVersions");
}
