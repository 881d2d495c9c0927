//! A day is like the days that were measured, and its stories hold together.

use std::collections::{BTreeMap, HashMap, HashSet};

use super::*;
use crate::store::{ListQuery, Selection, Store, StoreOptions};

fn start() -> Timestamp {
    Timestamp::from_second(1_800_000_000).unwrap()
}

fn events(options: &DayOptions, number: usize) -> Vec<(Timestamp, Event)> {
    let events = Day::new(options).filter_map(|timed| match timed.write {
        Write::Create(event) | Write::Update(event) => Some((timed.at, *event)),
        _ => None,
    });
    events.take(number).collect()
}

fn float(number: usize) -> f64 {
    f64::from(u32::try_from(number).unwrap())
}

fn shares(events: &[(Timestamp, Event)]) -> BTreeMap<String, f64> {
    let mut shares = BTreeMap::new();
    for (_, event) in events {
        *shares.entry(event.reason.to_string()).or_default() += 100.0 / float(events.len());
    }
    shares
}

fn check(cluster: Cluster, expected: &[(&str, f64)], within: f64, per_hour: f64) {
    let all = events(&DayOptions::new(cluster, start()), 100_000);
    // The first minutes have beginnings of stories only, and no recorder holds anything back yet.
    let late = &all[all.len() / 2..];
    let shares = shares(late);
    for (reason, share) in expected {
        let found = shares.get(*reason).copied().unwrap_or(0.0);
        let off = (found - share).abs();
        assert!(
            off <= within * share + 0.1,
            "{reason}: {found:.2} % and not {share} %\n{shares:#.2?}"
        );
    }
    let hours = late.last().unwrap().0.duration_since(late[0].0).as_secs_f64() / 3600.0;
    let rate = float(late.len()) / hours;
    assert!((rate / per_hour - 1.0).abs() < 0.2, "{rate} events an hour and not {per_hour}");
}

#[test]
fn a_stable_day_has_the_mix_that_was_measured() {
    let expected = [
        ("SuccessfulCreate", 21.0),
        ("Started", 17.9),
        ("Scheduled", 17.9),
        ("Created", 17.9),
        ("Pulled", 17.9),
        ("SawCompletedJob", 4.73),
        ("NoControllers", 2.17),
        ("SuccessfulDelete", 0.403),
    ];
    check(Cluster::Stable, &expected, 0.15, 2_000.0);
}

#[test]
fn a_busy_day_has_the_mix_that_was_measured() {
    let expected = [
        ("SuccessfulCreate", 4.25),
        ("Started", 7.72),
        ("Scheduled", 5.24),
        ("Created", 7.74),
        ("Pulled", 7.75),
        ("Pulling", 7.85),
        ("SuccessfulDelete", 2.18),
        ("ScalingReplicaSet", 4.06),
        ("Killing", 5.77),
        ("Unhealthy", 11.1),
        ("BackOff", 8.08),
        ("FailedScheduling", 5.54),
        ("FailedCreatePodSandBox", 1.24),
        ("SandboxChanged", 1.17),
        ("NotTriggerScaleUp", 1.01),
        ("Preempted", 0.775),
        ("TriggeredScaleUp", 0.640),
    ];
    check(Cluster::Busy, &expected, 0.3, 700_000.0);
    let reasons: HashSet<String> =
        shares(&events(&DayOptions::new(Cluster::Busy, start()), 60_000)).into_keys().collect();
    assert!(reasons.len() >= 65, "{} reasons", reasons.len());
}

#[test]
fn a_day_follows_from_its_seed_and_time_only_goes_forward() {
    let options = DayOptions::new(Cluster::Busy, start());
    let options = DayOptions { start: start() + Duration::from_nanos(1234), ..options };
    let (one, same) = (events(&options, 3000), events(&options, 3000));
    assert!(one.iter().all(|(at, _)| at.subsec_nanosecond() % 1000 == 0));
    assert_eq!(one, same);
    assert!(one.is_sorted_by_key(|(at, _)| *at));
    assert_ne!(one, events(&DayOptions { seed: 2, ..options }, 3000));
}

#[test]
fn a_pod_is_scheduled_before_it_is_pulled_created_and_started() {
    let order = ["Scheduled", "Pulling", "Pulled", "Created", "Started"];
    let mut stages: HashMap<String, Vec<usize>> = HashMap::new();
    for (_, event) in events(&DayOptions::new(Cluster::Busy, start()), 20_000) {
        let name = event.involved.reference.name.to_string();
        if name.starts_with("runner-")
            && let Some(stage) = order.iter().position(|r| *r == event.reason)
        {
            stages.entry(name).or_default().push(stage);
        }
    }
    assert!(stages.len() > 50);
    for (pod, stages) in stages {
        assert!(stages.starts_with(&[0]) && stages.is_sorted(), "{pod}: {stages:?}");
    }
}

#[test]
fn the_writes_of_a_day_fit_together_in_a_store() {
    let options = DayOptions::new(Cluster::Busy, start());
    let mut day = Day::new(&options);
    day.plan(start(), Incident::BadImage);
    day.plan(start(), Incident::NodeNotReady);
    day.plan(start(), Incident::OutOfMemory);
    let mut store =
        Store::new(&StoreOptions { ttl: Duration::from_secs(120), ..StoreOptions::default() });
    let mut now = start();
    for _ in 0..26 {
        now += Duration::from_secs(60);
        assert!(play(&mut store, &mut day, now) > 0);
        store.expire(now);
    }
    let written = store.written();
    assert!(written.updated > 20_000 && written.expired > 10_000, "{written:?}");
    let page = store.list(&ListQuery::default()).unwrap();
    assert!(page.items.iter().any(|event| event.count > 5));
    assert!(page.items.iter().all(|event| !event.metadata.namespace.is_empty()));
    // Every pod has an owner that is there, up to the Deployment.
    let pods = store
        .list_objects(
            "pods",
            &ListQuery { selection: Selection::default(), ..ListQuery::default() },
        )
        .unwrap();
    let owned = pods
        .items
        .iter()
        .filter(|pod| pod.0["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet");
    for pod in owned.clone() {
        let set = pod.0["metadata"]["ownerReferences"][0]["name"].as_str().unwrap();
        let set = store.object("replicasets", pod.metadata("namespace"), set).unwrap();
        let deployment = set.0["metadata"]["ownerReferences"][0]["name"].as_str().unwrap();
        assert!(store.object("deployments", pod.metadata("namespace"), deployment).is_some());
    }
    assert!(owned.count() > 500);
}

#[test]
fn a_bad_image_is_seen_in_the_events_of_the_pods() {
    let mut day = Day::new(&DayOptions::new(Cluster::Stable, start()));
    day.plan(start(), Incident::BadImage);
    let mut messages = HashSet::new();
    while let Some(timed) = day.due(start() + Duration::from_secs(800)) {
        if let Write::Create(event) | Write::Update(event) = timed.write
            && matches!(&*event.reason, "Failed" | "BackOff")
        {
            messages.insert(event.message.split(" \"").next().unwrap().to_owned());
        }
    }
    for message in [
        "Error: ErrImagePull",
        "Error: ImagePullBackOff",
        "Failed to pull image",
        "Back-off pulling image",
    ] {
        assert!(messages.contains(message), "{messages:?}");
    }
}
