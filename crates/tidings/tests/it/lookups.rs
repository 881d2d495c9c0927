//! What is known of the objects that events are about: labels in rules and in documents.

use event::{Clock, SystemClock};
use jiff::SignedDuration;
use playground::{
    faults::{Fault, FaultKind},
    stats::Verb,
    store::Object,
};
use serde_json::{Value, json};

use crate::support::{Cluster, Scene, happening, names, until};

const WATCH: &str = "run --config config.yaml --kubeconfig kubeconfig --state state";

/// Everything goes to one file, and the events of one app's pods to another.
const BY_LABEL: &str = "
route:
  match: [{receiver: all}, {labels: {app: ^web$}, receiver: web}]
receivers:
- {name: all, file: {path: events.jsonl}}
- {name: web, file: {path: web.jsonl}}
";

fn create(cluster: &Cluster, resource: &str, metadata: &Value) {
    let object = Object(json!({"metadata": metadata}));
    let now = SystemClock.now();
    cluster.playground.storage().write(|store| store.create_object(resource, object, now)).unwrap();
}

fn pod(cluster: &Cluster, name: &str, app: &str) {
    let owner =
        json!([{"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-1", "uid": "r1"}]);
    create(
        cluster,
        "pods",
        &json!({"namespace": "shop", "name": name, "uid": format!("uid-{name}"),
            "labels": {"app": app}, "ownerReferences": owner}),
    );
}

fn happens_to(cluster: &Cluster, pod: &str) {
    let mut event = happening(&format!("{pod}.1"), SignedDuration::ZERO);
    event.involved.reference.api_version = "v1".into();
    event.involved.reference.name = pod.into();
    event.involved.reference.uid = format!("uid-{pod}").into();
    cluster.store(event);
}

async fn watching(config: &str, cluster: &Cluster) -> (Scene, crate::support::Life) {
    let scene = Scene::with_cluster(config, cluster);
    let life = scene.start(WATCH);
    life.says("INFO watching").await;
    (scene, life)
}

#[tokio::test]
async fn a_rule_for_labels_reaches_the_events_of_pods_that_have_them() {
    let cluster = Cluster::start().await;
    pod(&cluster, "web-1-a", "web");
    pod(&cluster, "api-1-a", "api");
    let (scene, life) = watching(BY_LABEL, &cluster).await;
    happens_to(&cluster, "web-1-a");
    happens_to(&cluster, "api-1-a");
    // The watch of events can be ahead of the watch of pods.
    happens_to(&cluster, "web-1-b");
    pod(&cluster, "web-1-b", "web");
    let web = || scene.lines("web.jsonl");
    until(|| scene.events().len() == 3 && web().len() == 2, || life.log()).await;
    assert_eq!(names(&web()), ["web-1-a.1", "web-1-b.1"]);
    let document: Value = serde_json::from_str(&web()[0]).unwrap();
    let involved = &document["involvedObject"];
    assert_eq!(
        (&involved["labels"], &involved["deleted"]),
        (&json!({"app": "web"}), &json!(false))
    );
    assert_eq!(involved["ownerReferences"][0]["name"], "web-1");
    let ended = life.stops().await;
    let known = "INFO labels and owners are known by watching metadata objects=";
    assert!(ended.log.contains(known), "{}", ended.log);
}

#[tokio::test]
async fn without_the_rights_events_come_without_labels_and_one_warning_a_kind_says_so() {
    let cluster = Cluster::start().await;
    pod(&cluster, "web-1-a", "web");
    let forbid =
        |verb, resource| Fault::new(FaultKind::Forbidden).on(verb).of(resource).times(10_000);
    for resource in ["pods", "nodes"] {
        cluster.playground.faults().schedule(forbid(Verb::List, resource));
        cluster.playground.faults().schedule(forbid(Verb::Get, resource));
    }
    let (scene, life) = watching(BY_LABEL, &cluster).await;
    happens_to(&cluster, "web-1-a");
    scene.has(1).await;
    assert_eq!(scene.lines("web.jsonl").len(), 0);
    let ended = life.stops().await;
    let warnings = ended.lines_with("no permission to list and watch");
    assert_eq!(warnings.len(), 2, "{}", ended.log);
    let pods = "WARN no permission to list and watch pods: labels and owners of pods are asked for one by one, or stay unknown (see deploy/rbac.yaml)";
    assert!(ended.log.contains(pods), "{}", ended.log);
}

#[tokio::test]
async fn with_omit_lookup_nothing_is_watched_or_asked_for_but_events() {
    let cluster = Cluster::start().await;
    pod(&cluster, "web-1-a", "web");
    let config = format!("omitLookup: true\n{BY_LABEL}");
    let (scene, life) = watching(&config, &cluster).await;
    happens_to(&cluster, "web-1-a");
    scene.has(1).await;
    let document: Value = serde_json::from_str(&scene.events()[0]).unwrap();
    assert_eq!(document["involvedObject"].get("labels"), None);
    let ended = life.stops().await;
    assert_eq!(cluster.playground.stats().counts().requests("list pods"), 0);
    let told = "WARN rules on labels, annotations, owners and namespaces' labels match nothing: `omitLookup` is true";
    assert!(ended.log.contains(told), "{}", ended.log);
}
