//! Enrichment at a pretend cluster: watches, GETs and discovery over loopback.

use std::{sync::Arc, time::Duration};

use event::{
    Clock, Enrichment, Event, ObjectRef, Stop, SystemClock, Tasks, Text, counting::Arrival,
};
use pipeline::enrich::{
    gate::{Gate, Sight, Standing},
    kinds::KindId,
    knowledge::{Coverage, Knowledge, Needs},
    lookup::{self, Rate},
    watches,
};
use playground::{
    Options, Playground,
    faults::{Fault, FaultKind},
    stats::Verb,
    store::Object,
};
use serde_json::{Value, json};

/// A pretend cluster, and everything that looks at its objects.
struct Scene {
    playground: Playground,
    knowledge: Arc<Knowledge>,
    gate: Gate,
    tasks: Tasks,
    stop: Stop,
}

const POD: &str = "11111111-0000-4000-8000-000000000001";
const LIMIT: Duration = Duration::from_secs(20);

impl Scene {
    /// `prepare` is done before anybody looks.
    async fn new(needs: Needs, namespaces: &[Text], prepare: impl FnOnce(&Playground)) -> Self {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let playground = Playground::start(Options::default(), &tasks, stop.clone()).await.unwrap();
        prepare(&playground);
        let config = kube::Config::new(playground.url().parse().unwrap());
        let client = kube::Client::try_from(config).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let (knowledge, asks) = Knowledge::new(needs, namespaces.to_vec(), (64, 64), clock);
        watches::start(&client, &knowledge, namespaces, &tasks, &stop);
        let rate = Rate { per_second: 0.0, burst: 0 };
        let answers = lookup::answer(client, Arc::clone(&knowledge), asks, rate, stop.clone());
        tasks.spawn("lookups", answers);
        assert!(watches::synced(&knowledge, LIMIT).await, "the watches have shown everything");
        Self { gate: Gate::new(Arc::clone(&knowledge)), playground, knowledge, tasks, stop }
    }

    /// What comes out of the gate for an event about this object.
    async fn enriched(&mut self, reference: ObjectRef) -> Event {
        let mut event = Event::default();
        event.metadata.namespace = "shop".into();
        event.metadata.name = "e".into();
        event.involved.reference = reference;
        let sight = Sight { event: Box::new(event), arrival: Some(Arrival::Live), now: 0 };
        let standing = Standing { happened: true, known: None };
        if let Some(passed) = self.gate.admit(sight, standing) {
            return *passed.event;
        }
        loop {
            tokio::time::timeout(LIMIT, self.gate.woken()).await.expect("it passes some day");
            if let Some(released) = self.gate.release().pop() {
                return *released.event;
            }
        }
    }

    /// What comes out of the gate for events about these objects, which come all at once.
    async fn all_enriched(&mut self, references: Vec<ObjectRef>) -> Vec<Event> {
        let number = references.len();
        let mut passed = Vec::new();
        for reference in references {
            let mut event = Event::default();
            event.metadata.namespace = "shop".into();
            event.metadata.name.clone_from(&reference.name);
            event.involved.reference = reference;
            let sight = Sight { event: Box::new(event), arrival: Some(Arrival::Live), now: 0 };
            passed.extend(self.gate.admit(sight, Standing { happened: true, known: None }));
        }
        while passed.len() < number {
            tokio::time::timeout(LIMIT, self.gate.woken()).await.expect("they pass some day");
            passed.extend(self.gate.release());
        }
        passed.into_iter().map(|sight| *sight.event).collect()
    }

    async fn end(self) {
        self.stop.fire();
        self.tasks.ended().await;
    }
}

fn create(playground: &Playground, resource: &str, metadata: &Value) {
    let object = Object(json!({"metadata": metadata}));
    let now = playground.clock().now();
    playground.storage().write(|store| store.create_object(resource, object, now)).unwrap();
}

fn about(api_version: &str, kind: &str, name: &str, uid: &str) -> ObjectRef {
    ObjectRef {
        api_version: api_version.into(),
        kind: kind.into(),
        namespace: "shop".into(),
        name: name.into(),
        uid: uid.into(),
        ..ObjectRef::default()
    }
}

/// A pod of a `ReplicaSet` of a Deployment.
fn rollout(playground: &Playground) {
    let owner = |kind: &str, name: &str, uid: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": true}]);
    create(
        playground,
        "deployments",
        &json!({"namespace": "shop", "name": "web", "uid": "u3", "labels": {"app": "web"}}),
    );
    create(
        playground,
        "replicasets",
        &json!({"namespace": "shop", "name": "web-1", "uid": "u2",
            "ownerReferences": owner("Deployment", "web", "u3")}),
    );
    create(
        playground,
        "pods",
        &json!({"namespace": "shop", "name": "web-1-a", "uid": POD, "labels": {"app": "web"},
            "annotations": {"note": "x"}, "ownerReferences": owner("ReplicaSet", "web-1", "u2")}),
    );
}

fn asked(scene: &Scene) -> (u64, u64) {
    let stats = &scene.knowledge.stats;
    (stats.asked.get(), stats.discoveries.get())
}

#[tokio::test]
async fn objects_are_known_by_watching_them_up_to_the_root() {
    let needs = Needs { annotations: true, owner_chain: true, namespace_labels: false };
    let mut scene = Scene::new(needs, &[], rollout).await;
    let event = scene.enriched(about("v1", "Pod", "web-1-a", POD)).await;
    let involved = &event.involved;
    assert_eq!((&*involved.labels["app"], &*involved.annotations["note"]), ("web", "x"));
    assert_eq!((involved.deleted, involved.enrichment), (false, Enrichment::Complete));
    let chain: Vec<_> = involved.owner_chain.iter().map(|owner| &*owner.name).collect();
    assert_eq!(chain, ["web-1", "web"]);

    // What is created and deleted later is shown by the watch.
    create(&scene.playground, "pods", &json!({"namespace": "shop", "name": "b", "uid": "u9"}));
    let event = scene.enriched(about("v1", "Pod", "b", "u9")).await;
    assert_eq!(event.involved.enrichment, Enrichment::Complete);
    let gone = |store: &mut playground::store::Store| store.delete_object("pods", "shop", "b");
    scene.playground.storage().write(gone).unwrap();
    while !scene.enriched(about("v1", "Pod", "b", "u9")).await.involved.deleted {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked(&scene), (0, 0));
    scene.end().await;
}

#[tokio::test]
async fn a_kind_that_may_not_be_watched_is_asked_for() {
    let denied = |playground: &Playground| {
        rollout(playground);
        let forbidden = Fault::new(FaultKind::Forbidden).on(Verb::List).of("pods");
        playground.faults().schedule(forbidden.times(1000));
    };
    let mut scene = Scene::new(Needs::default(), &[], denied).await;
    let coverage = *scene.knowledge.coverage().borrow();
    assert_eq!(coverage[KindId::POD.watched_at().unwrap()], Coverage::Denied);
    for _ in 0..3 {
        let event = scene.enriched(about("v1", "Pod", "web-1-a", POD)).await;
        assert_eq!(&*event.involved.labels["app"], "web");
        assert_eq!(event.involved.enrichment, Enrichment::Complete);
    }
    let event = scene.enriched(about("v1", "Pod", "web-1-a", "another")).await;
    assert!(event.involved.deleted && event.involved.labels.is_empty());
    assert_eq!(asked(&scene), (2, 0), "one GET an object");
    scene.end().await;
}

#[tokio::test]
async fn what_no_watch_covers_is_found_by_discovery_and_one_get() {
    let budget = |playground: &Playground| {
        create(
            playground,
            "poddisruptionbudgets",
            &json!({"namespace": "shop", "name": "web", "uid": "u1", "labels": {"app": "web"}}),
        );
    };
    let mut scene = Scene::new(Needs::default(), &[], budget).await;
    let reference = |name| about("policy/v1beta1", "PodDisruptionBudget", name, "u1");
    let event = scene.enriched(reference("web")).await;
    assert_eq!(&*event.involved.labels["app"], "web", "whatever the version of the reference");
    let event = scene.enriched(reference("gone")).await;
    assert_eq!((event.involved.deleted, event.involved.enrichment), (true, Enrichment::Incomplete));
    let event = scene.enriched(about("example.com/v1", "Widget", "w", "u1")).await;
    assert_eq!(
        (event.involved.deleted, event.involved.enrichment),
        (false, Enrichment::Incomplete)
    );
    assert_eq!(asked(&scene), (3, 2), "discovery takes two requests, once");
    let stats = &scene.knowledge.stats;
    assert_eq!((stats.not_found.get(), stats.forbidden.get()), (2, 0));
    scene.end().await;
}

#[tokio::test]
async fn a_kind_that_may_not_be_read_is_asked_for_once_whatever_the_number_of_objects() {
    let denied = |playground: &Playground| {
        for verb in [Verb::List, Verb::Get] {
            let forbidden = Fault::new(FaultKind::Forbidden).on(verb).of("pods");
            playground.faults().schedule(forbidden.times(1000));
        }
        create(playground, "nodes", &json!({"name": "a", "uid": "n1", "labels": {"zone": "z"}}));
    };
    let mut scene = Scene::new(Needs::default(), &[], denied).await;
    let pods = (0..50).map(|pod| about("v1", "Pod", &format!("p{pod}"), "u1"));
    for event in scene.all_enriched(pods.collect()).await {
        assert_eq!(
            (event.involved.deleted, event.involved.enrichment),
            (false, Enrichment::Incomplete)
        );
    }
    let later = scene.enriched(about("v1", "Pod", "later", "u1")).await;
    assert_eq!(later.involved.enrichment, Enrichment::Incomplete);
    let node = scene.enriched(about("v1", "Node", "a", "n1")).await;
    assert_eq!(&*node.involved.labels["zone"], "z", "other kinds are known");
    let stats = &scene.knowledge.stats;
    assert_eq!((stats.forbidden.get(), stats.refused.get()), (1, 51), "one answer tells it");
    assert_eq!(scene.playground.stats().counts().requests("get pods"), 1);
    assert_eq!(scene.knowledge.refused_kinds(), 1);
    scene.end().await;
}

#[tokio::test]
async fn only_what_is_in_the_configured_namespaces_is_watched() {
    let both = |playground: &Playground| {
        rollout(playground);
        create(playground, "pods", &json!({"namespace": "search", "name": "s", "uid": "u5"}));
    };
    let namespaces = ["shop".into(), "empty".into()];
    let mut scene = Scene::new(Needs::default(), &namespaces, both).await;
    let event = scene.enriched(about("v1", "Pod", "web-1-a", POD)).await;
    assert_eq!((event.involved.enrichment, asked(&scene)), (Enrichment::Complete, (0, 0)));
    let elsewhere = ObjectRef { namespace: "search".into(), ..about("v1", "Pod", "s", "u5") };
    let event = scene.enriched(elsewhere).await;
    assert_eq!((event.involved.enrichment, asked(&scene)), (Enrichment::Complete, (1, 0)));
    scene.end().await;
}

#[tokio::test]
async fn a_watch_that_breaks_is_made_up_for() {
    let mut scene = Scene::new(Needs::default(), &[], rollout).await;
    let faults = scene.playground.faults();
    faults.schedule(Fault::new(FaultKind::EndWatch).on(Verb::Watch).of("pods"));
    faults.schedule(Fault::new(FaultKind::ServerError).on(Verb::Watch).of("pods"));
    create(&scene.playground, "pods", &json!({"namespace": "shop", "name": "b", "uid": "u9"}));
    let event = scene.enriched(about("v1", "Pod", "b", "u9")).await;
    assert_eq!(event.involved.enrichment, Enrichment::Complete);
    scene.end().await;
}
