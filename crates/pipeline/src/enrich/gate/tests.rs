use std::collections::BTreeMap;

use event::{Clock, Enrichment, ManualClock, ObjectRef, OwnerReference};
use jiff::Timestamp;
use proptest::prelude::*;
use tokio::{
    sync::mpsc,
    time::{advance, sleep},
};

use super::*;
use crate::enrich::{
    answers::{Answer, Target},
    kinds::KindId,
    knowledge::{Coverage, Needs},
    objects::{Metadata, Pass, Place},
};

const NOON: u32 = 1_700_000_000;

/// A gate, what it looks things up in, and what it asks for.
struct Scene {
    gate: Gate,
    knowledge: Arc<Knowledge>,
    asks: mpsc::Receiver<Target>,
    pass: Pass,
}

impl Scene {
    fn new(needs: Needs) -> Self {
        let start = Timestamp::from_second(NOON.into()).unwrap();
        let clock: Arc<dyn Clock> = Arc::new(ManualClock::new(start));
        let (knowledge, asks) = Knowledge::new(needs, Vec::new(), (16, 4), clock);
        for (kind, _) in KindId::all_watched() {
            knowledge.cover(kind, Coverage::Watched);
        }
        let pass = knowledge.begin_pass();
        Self { gate: Gate::new(Arc::clone(&knowledge)), knowledge, asks, pass }
    }

    fn shows(&self, name: &str, uid: &str) {
        let place = Place { kind: KindId::POD, namespace: "shop", name };
        self.knowledge.put(place, pod(name, uid), self.pass);
    }

    fn admit(&mut self, event: Event) -> Option<Event> {
        let sight = Sight { event: Box::new(event), arrival: Some(Arrival::Live), now: NOON };
        let standing = Standing { happened: true, known: None };
        self.gate.admit(sight, standing).map(|sight| *sight.event)
    }

    /// Everything that comes out without anything else happening, and how long that takes.
    async fn rest(&mut self) -> (Vec<Event>, Duration) {
        let (began, mut released) = (Instant::now(), Vec::new());
        loop {
            released.extend(self.gate.release().into_iter().map(|sight| *sight.event));
            if self.gate.is_empty() {
                return (released, began.elapsed());
            }
            self.gate.woken().await;
        }
    }
}

fn pod(name: &str, uid: &str) -> Metadata {
    Metadata {
        uid: uid.into(),
        labels: [("app".into(), name.into()), ("uid".into(), uid.into())].into(),
        ..Metadata::default()
    }
}

fn about(name: &str, uid: &str, revision: u64) -> Event {
    let mut event = Event::default();
    event.metadata.namespace = "shop".into();
    event.metadata.name = format!("{name}.1").into();
    event.metadata.uid = format!("e-{name}").into();
    event.metadata.resource_version = revision.to_string().into();
    event.involved.reference = ObjectRef {
        kind: "Pod".into(),
        api_version: "v1".into(),
        namespace: "shop".into(),
        name: name.into(),
        uid: uid.into(),
        ..ObjectRef::default()
    };
    event
}

fn outcome(event: &Event) -> (Option<&str>, bool, Enrichment) {
    let involved = &event.involved;
    (involved.labels.get("uid").map(|uid| &**uid), involved.deleted, involved.enrichment)
}

#[tokio::test(start_paused = true)]
async fn what_is_known_passes_at_once_and_the_rest_when_the_watch_shows_it() {
    let mut scene = Scene::new(Needs::default());
    scene.shows("web", "u1");
    let passed = scene.admit(about("web", "u1", 10)).unwrap();
    assert_eq!(outcome(&passed), (Some("u1"), false, Enrichment::Complete));
    assert!(scene.admit(about("api", "u2", 11)).is_none());
    assert_eq!(scene.gate.oldest(), Some(11));
    assert!(scene.admit(about("web", "u1", 12)).is_some(), "others pass");
    scene.shows("api", "u2");
    let (released, took) = scene.rest().await;
    assert_eq!(outcome(&released[0]), (Some("u2"), false, Enrichment::Complete));
    assert_eq!((took, scene.gate.oldest()), (Duration::ZERO, None));
    assert!(scene.asks.try_recv().is_err(), "no request was made");
}

#[tokio::test(start_paused = true)]
async fn after_two_seconds_one_get_is_made_and_after_two_more_it_passes_incomplete() {
    let mut scene = Scene::new(Needs::default());
    scene.admit(about("web", "u1", 10));
    scene.admit(about("web", "u1", 11));
    let (released, took) = scene.rest().await;
    assert_eq!((released.len(), took), (2, WAIT * 2));
    assert_eq!(outcome(&released[0]), (None, false, Enrichment::Incomplete));
    assert_eq!(scene.asks.try_recv().unwrap().spot.name, "web");
    assert!(scene.asks.try_recv().is_err(), "one GET for one object");
    let stats = &scene.knowledge.stats;
    assert_eq!((stats.incomplete.get(), stats.held_total.get()), (2, 2));
    assert_eq!(stats.held.get(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_new_pod_of_an_old_name_waits_for_its_own_labels() {
    let mut scene = Scene::new(Needs::default());
    scene.shows("web", "old");
    assert!(scene.admit(about("web", "new", 10)).is_none());
    scene.shows("web", "new");
    let (released, _) = scene.rest().await;
    assert_eq!(outcome(&released[0]), (Some("new"), false, Enrichment::Complete));
    let late = scene.admit(about("web", "old", 11)).unwrap();
    assert_eq!(outcome(&late), (Some("old"), true, Enrichment::Complete));
}

#[tokio::test(start_paused = true)]
async fn what_no_watch_covers_is_asked_for_at_once_and_once() {
    let mut scene = Scene::new(Needs::default());
    let widget = |revision| {
        let mut event = about("w", "u1", revision);
        event.involved.reference.kind = "Widget".into();
        event.involved.reference.api_version = "example.com/v1".into();
        event
    };
    assert!(scene.admit(widget(10)).is_none());
    assert!(scene.admit(widget(11)).is_none());
    let target = scene.asks.try_recv().unwrap();
    assert_eq!((&*target.api_version, &*target.spot.name), ("example.com/v1", "w"));
    scene.knowledge.answer(target, Answer::Found(Box::new(pod("w", "u1"))));
    let (released, took) = scene.rest().await;
    assert_eq!((released.len(), took), (2, Duration::ZERO));
    assert_eq!(outcome(&released[1]), (Some("u1"), false, Enrichment::Complete));
    assert!(scene.admit(widget(12)).is_some(), "the answer is kept");
    assert!(scene.asks.try_recv().is_err());
}

#[tokio::test(start_paused = true)]
async fn not_found_is_deleted_and_a_refusal_is_unknown() {
    for (answer, deleted) in [(Answer::Gone, true), (Answer::Refused, false)] {
        let mut scene = Scene::new(Needs::default());
        scene.knowledge.cover(KindId::POD, Coverage::Denied);
        scene.admit(about("web", "u1", 10));
        let target = scene.asks.try_recv().unwrap();
        scene.knowledge.answer(target, answer);
        let (released, _) = scene.rest().await;
        assert_eq!(outcome(&released[0]), (None, deleted, Enrichment::Incomplete));
    }
}

#[tokio::test(start_paused = true)]
async fn too_many_questions_are_not_asked_and_nobody_waits_for_them() {
    let mut scene = Scene::new(Needs::default());
    scene.knowledge.cover(KindId::POD, Coverage::Denied);
    for number in 0..6 {
        let passed = scene.admit(about(&format!("p{number}"), "u1", 10 + number));
        assert_eq!(passed.is_some(), number >= 4, "four fit into the queue");
    }
    assert_eq!(scene.knowledge.stats.throttled.get(), 2);
}

#[tokio::test(start_paused = true)]
async fn an_old_event_of_a_list_does_not_wait_for_a_watch_that_would_have_shown_its_object() {
    let mut scene = Scene::new(Needs::default());
    let admit = |scene: &mut Scene, age: u32| {
        let mut event = about("web", "u1", 10);
        event.last_timestamp = Timestamp::from_second((NOON - age).into()).ok();
        let arrival = Some(Arrival::CatchUp(event::counting::Since { revision: 1, time: 1 }));
        let sight = Sight { event: Box::new(event), arrival, now: NOON };
        scene.gate.admit(sight, Standing { happened: true, known: None })
    };
    let passed = admit(&mut scene, OLD + 1).unwrap().event;
    assert_eq!(outcome(&passed), (None, true, Enrichment::Incomplete));
    assert!(admit(&mut scene, OLD - 1).is_none());
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_event_waits_behind_it_and_before_what_may_come_again() {
    let mut scene = Scene::new(Needs::default());
    scene.admit(about("web", "u1", 10));
    let end = |name, known| {
        let sight = Sight { event: Box::new(about(name, "u", 20)), arrival: None, now: NOON };
        (sight, Standing { happened: false, known })
    };
    let mut admit = |(sight, standing)| scene.gate.admit(sight, standing).is_some();
    assert!(admit(end("older", Some(9))), "nothing of it comes again");
    assert!(!admit(end("newer", Some(15))), "a crash now would show its beginning again");
    assert!(!admit(end("web", None)), "it is the end of what waits");
    scene.shows("web", "u1");
    let (released, _) = scene.rest().await;
    let names: Vec<_> = released.iter().map(|event| &*event.metadata.name).collect();
    assert_eq!(names, ["web.1", "newer.1", "web.1"]);
}

#[tokio::test(start_paused = true)]
async fn the_end_of_an_event_that_waited_waits_for_everything_older() {
    let mut scene = Scene::new(Needs::default());
    scene.admit(about("api", "u1", 9));
    scene.admit(about("web", "u2", 10));
    let end = Sight { event: Box::new(about("web", "u2", 20)), arrival: None, now: NOON };
    assert!(scene.gate.admit(end, Standing { happened: false, known: None }).is_none());
    scene.shows("web", "u2");
    assert_eq!(scene.gate.release().len(), 1, "the position is still before its beginning");
    scene.shows("api", "u1");
    assert_eq!(scene.gate.release().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn the_number_of_those_who_wait_is_bounded() {
    let mut scene = Scene::new(Needs::default());
    for number in 0..MOST + 3 {
        scene.admit(about(&format!("p{number}"), "u1", 10 + number as u64));
    }
    let released: Vec<_> =
        scene.gate.release().iter().map(|sight| sight.event.revision().unwrap()).collect();
    assert_eq!(released, [10, 11, 12]);
    assert_eq!(scene.knowledge.stats.crowded_out.get(), 3);
}

fn owned(by: (&str, &str, &str)) -> Vec<OwnerReference> {
    let (kind, name, uid) = by;
    let text = |text: &str| text.into();
    let api_version = if kind == "Widget" { "example.com/v1" } else { "apps/v1" };
    vec![OwnerReference {
        api_version: text(api_version),
        kind: text(kind),
        name: text(name),
        uid: text(uid),
        controller: Some(true),
        block_owner_deletion: None,
    }]
}

fn put_owned(scene: &Scene, kind: &str, name: &str, uid: &str, by: Option<(&str, &str, &str)>) {
    let (kind, _) = KindId::all_watched().find(|(_, row)| row.kind == kind).unwrap();
    let owners = by.map(owned).unwrap_or_default();
    let metadata = Metadata { owners, ..pod(name, uid) };
    scene.knowledge.put(Place { kind, namespace: "shop", name }, metadata, scene.pass);
}

fn chain(event: &Event) -> Vec<&str> {
    event.involved.owner_chain.iter().map(|owner| &*owner.name).collect()
}

#[tokio::test(start_paused = true)]
async fn the_owners_are_followed_to_the_root_and_a_missing_one_is_waited_for() {
    let mut scene = Scene::new(Needs { owner_chain: true, ..Needs::default() });
    put_owned(&scene, "Pod", "web-1-a", "u1", Some(("ReplicaSet", "web-1", "u2")));
    assert!(scene.admit(about("web-1-a", "u1", 10)).is_none());
    put_owned(&scene, "ReplicaSet", "web-1", "u2", Some(("Deployment", "web", "u3")));
    assert!(scene.gate.release().is_empty(), "now the next one is missing");
    put_owned(&scene, "Deployment", "web", "u3", None);
    let (released, _) = scene.rest().await;
    assert_eq!(chain(&released[0]), ["web-1", "web"]);
    assert_eq!(released[0].involved.enrichment, Enrichment::Complete);
    assert_eq!(released[0].involved.owner_references[0].name, "web-1");
}

#[tokio::test(start_paused = true)]
async fn a_ring_of_owners_ends_and_nobody_waits_for_owners_that_nobody_asked_for() {
    let mut scene = Scene::new(Needs::default());
    put_owned(&scene, "Pod", "a", "u1", Some(("ReplicaSet", "b", "u2")));
    put_owned(&scene, "ReplicaSet", "b", "u2", Some(("Deployment", "c", "u3")));
    put_owned(&scene, "Deployment", "c", "u3", Some(("ReplicaSet", "b", "u2")));
    let passed = scene.admit(about("a", "u1", 10)).unwrap();
    assert_eq!(chain(&passed), ["b", "c"]);
    put_owned(&scene, "Pod", "d", "u4", Some(("Widget", "w", "u5")));
    let passed = scene.admit(about("d", "u4", 11)).unwrap();
    assert_eq!((chain(&passed), passed.involved.enrichment), (vec!["w"], Enrichment::Complete));
}

#[tokio::test(start_paused = true)]
async fn labels_of_the_namespace_are_added_where_they_are_asked_for() {
    let mut scene = Scene::new(Needs { namespace_labels: true, ..Needs::default() });
    scene.shows("web", "u1");
    let place = Place { kind: KindId::NAMESPACE, namespace: "", name: "shop" };
    assert!(scene.admit(about("web", "u1", 10)).is_none());
    scene.knowledge.put(place, pod("shop", "u9"), scene.pass);
    let (released, _) = scene.rest().await;
    assert_eq!(released[0].involved.namespace_labels["uid"], "u9");
}

/// What arrives, and when in milliseconds: an event about a pod, or the pod itself.
#[derive(Debug, Clone)]
struct Story {
    /// For each pod: when its watch shows it.
    pods: Vec<u64>,
    /// Of which pod, when.
    events: Vec<(usize, u64)>,
}

fn story() -> impl Strategy<Value = Story> {
    let pods = prop::collection::vec(0u64..8000, 1..5);
    let events = prop::collection::vec((0usize..5, 0u64..6000), 1..20);
    (pods, events).prop_map(|(pods, mut events)| {
        for event in &mut events {
            event.0 %= pods.len();
        }
        events.sort_by_key(|event| event.1);
        Story { pods, events }
    })
}

/// Lives through it, with GETs that answer after half a second; gives the events as they came out.
async fn live(story: &Story) -> Vec<Event> {
    let mut scene = Scene::new(Needs::default());
    let mut timeline: BTreeMap<(u64, usize), Option<usize>> = BTreeMap::new();
    for (number, at) in story.pods.iter().enumerate() {
        timeline.insert((*at, number), None);
    }
    for (number, (_, at)) in story.events.iter().enumerate() {
        timeline.insert((*at, 100 + number), Some(number));
    }
    let began = Instant::now();
    let (mut out, mut answers) = (Vec::new(), BTreeMap::new());
    for at in 0..20_000u64 {
        while began + Duration::from_millis(at) > Instant::now() {
            advance(Duration::from_millis(1)).await;
        }
        for ((_, number), event) in timeline.range((at, 0)..(at + 1, 0)) {
            match event {
                None => scene.shows(&format!("p{number}"), &format!("u{number}")),
                Some(event) => {
                    let pod = story.events[*event].0;
                    let about = about(&format!("p{pod}"), &format!("u{pod}"), 100 + *event as u64);
                    out.extend(scene.admit(about));
                }
            }
        }
        if let Ok(target) = scene.asks.try_recv() {
            answers.insert(at + 500, target);
        }
        if let Some(target) = answers.remove(&at) {
            let found = pod(&target.spot.name, &target.uid);
            scene.knowledge.answer(target, Answer::Found(Box::new(found)));
        }
        out.extend(scene.gate.release().into_iter().map(|sight| *sight.event));
        if at > 8000 && scene.gate.is_empty() {
            break;
        }
    }
    sleep(Duration::ZERO).await;
    out
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
    #[test]
    fn however_the_watches_interleave_the_decision_is_the_same(story in story()) {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time().start_paused(true).build().unwrap();
        let out = runtime.block_on(live(&story));
        prop_assert_eq!(out.len(), story.events.len());
        let mut last = BTreeMap::new();
        for event in &out {
            let uid = event.involved.reference.uid.as_str();
            prop_assert_eq!(outcome(event), (Some(uid), false, Enrichment::Complete));
            let before = last.insert(event.metadata.name.clone(), event.revision());
            prop_assert!(before.flatten() < event.revision(), "one Event's revisions keep their order");
        }
    }
}
