use event::{Involved, ObjectRef, Series};

use super::*;

fn time(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// An event of a cluster that has a name, seen once.
fn event(kind: &str, reason: &str, object: (&str, &str, &str), message: &str) -> Event {
    let (kind_of_object, namespace, name) = object;
    let mut event = Event {
        cluster_name: "production".into(),
        kind: kind.into(),
        reason: reason.into(),
        message: message.into(),
        count: 1,
        first_timestamp: Some(time("2024-06-01T10:00:00Z")),
        last_timestamp: Some(time("2024-06-01T10:00:00Z")),
        involved: Involved {
            reference: ObjectRef {
                kind: kind_of_object.into(),
                namespace: namespace.into(),
                name: name.into(),
                ..ObjectRef::default()
            },
            ..Involved::default()
        },
        ..Event::default()
    };
    event.metadata.uid = format!("{reason}-{name}").into();
    event.metadata.namespace = namespace.into();
    event.source.component = "kubelet".into();
    event.source.host = "node-a".into();
    event
}

fn warning(reason: &str, object: (&str, &str, &str), message: &str) -> Event {
    event("Warning", reason, object, message)
}

fn owned(mut event: Event, kind: &str, name: &str) -> Event {
    event.involved.owner_chain =
        vec![OwnerReference { kind: kind.into(), name: name.into(), ..OwnerReference::default() }];
    event
}

fn repeated(mut event: Event, count: i32, last: &str) -> Event {
    event.count = count;
    event.last_timestamp = Some(time(last));
    event
}

#[track_caller]
fn check(events: impl IntoIterator<Item = Event>, expected: &str) {
    let events: Vec<_> = events.into_iter().map(Arc::new).collect();
    let message = Message::of(&events);
    assert_eq!(message.text(), expected);
    assert!(message.headline.chars().count() <= HEADLINE, "{}", message.headline);
    assert!(message.lines.len() <= 4);
}

#[test]
fn a_container_that_crashes_again_and_again() {
    let pod = |name, count, last| {
        let said = "Back-off restarting failed container app in pod api";
        repeated(
            owned(warning("BackOff", ("Pod", "prod", name), said), "Deployment", "api"),
            count,
            last,
        )
    };
    check(
        [
            pod("api-7d4b9c6f5-x2x7z", 9, "2024-06-01T10:04:05Z"),
            pod("api-7d4b9c6f5-k8s2p", 4, "2024-06-01T10:03:00Z"),
            pod("api-7d4b9c6f5-qq1rt", 1, "2024-06-01T10:02:00Z"),
        ],
        "[production] prod/Deployment api: BackOff ×14 on 3 Pods\n\
         Back-off restarting failed container app in pod api\n\
         since 2024-06-01 10:00:00 UTC, last at 10:04:05 UTC\n\
         on Pod api-7d4b9c6f5-x2x7z ×9, Pod api-7d4b9c6f5-k8s2p ×4, Pod api-7d4b9c6f5-qq1rt\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn a_pod_that_fits_nowhere() {
    let said =
        "0/12 nodes are available: 12 Insufficient cpu. preemption: 0/12 nodes are available";
    let mut event = warning("FailedScheduling", ("Pod", "batch", "report-28-abcde"), said);
    event.source = event::event::Source::default();
    event.first_timestamp = None;
    event.last_timestamp = None;
    event.count = 0;
    event.event_time = Some(time("2024-06-01T10:00:00.5Z"));
    event.series =
        Some(Series { count: 5, last_observed_time: Some(time("2024-06-01T10:09:00Z")) });
    event.reporting_component = "default-scheduler".into();
    check(
        [owned(event, "CronJob", "report")],
        "[production] batch/CronJob report: FailedScheduling ×5 on 1 Pod\n\
         0/12 nodes are available: 12 Insufficient cpu. preemption: 0/12 nodes are available\n\
         since 2024-06-01 10:00:00 UTC, last at 10:09:00 UTC\n\
         on Pod report-28-abcde\n\
         Warning from default-scheduler",
    );
}

#[test]
fn a_probe_that_fails() {
    let said =
        "Readiness probe failed:\n\u{1b}[31mHTTP probe failed with statuscode: 503\u{1b}[0m\n";
    let event = warning("Unhealthy", ("Pod", "prod", "web-0"), said);
    check(
        [repeated(owned(event, "StatefulSet", "web"), 3, "2024-06-02T00:00:10Z")],
        "[production] prod/StatefulSet web: Unhealthy ×3 on 1 Pod\n\
         Readiness probe failed: ⏎ ␛[31mHTTP probe failed with statuscode: 503␛[0m\n\
         since 2024-06-01 10:00:00 UTC, last at 2024-06-02 00:00:10 UTC\n\
         on Pod web-0\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn a_node_that_is_gone() {
    let mut event = event("Normal", "NodeNotReady", ("Node", "", "ip-10-0-3-17"), "");
    event.message = "Node ip-10-0-3-17 status is now: NodeNotReady".into();
    event.source.component = "node-controller".into();
    event.source.host = Text::default();
    check(
        [event],
        "[production] Node ip-10-0-3-17: NodeNotReady once\n\
         Node ip-10-0-3-17 status is now: NodeNotReady\n\
         at 2024-06-01 10:00:00 UTC\n\
         Normal from node-controller",
    );
}

#[test]
fn a_node_out_of_memory() {
    let said = "System OOM encountered, victim process: java, pid: 4711";
    check(
        [warning("SystemOOM", ("Node", "", "node-a"), said)],
        "[production] Node node-a: SystemOOM once\n\
         System OOM encountered, victim process: java, pid: 4711\n\
         at 2024-06-01 10:00:00 UTC\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn pods_that_are_evicted() {
    let pod = |name| {
        let said = "The node was low on resource: ephemeral-storage.";
        warning("Evicted", ("Pod", "prod", name), said)
    };
    check(
        ["a", "b", "c", "d", "e"].map(pod),
        "[production] prod: Evicted ×5 on 5 Pods\n\
         The node was low on resource: ephemeral-storage.\n\
         at 2024-06-01 10:00:00 UTC\n\
         on Pod a, Pod b, Pod c and 2 more\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn a_volume_that_does_not_come() {
    let said = "MountVolume.SetUp failed for volume \"certs\" : secret \"tls\" not found";
    check(
        [repeated(
            warning("FailedMount", ("Pod", "prod", "edge"), said),
            12,
            "2024-06-01T10:15:00Z",
        )],
        "[production] prod/Pod edge: FailedMount ×12\n\
         MountVolume.SetUp failed for volume \"certs\" : secret \"tls\" not found\n\
         since 2024-06-01 10:00:00 UTC, last at 10:15:00 UTC\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn an_image_that_cannot_be_pulled() {
    let said = "Failed to pull image \"registry.example.com/api:v9\": not found";
    let event = warning("Failed", ("Pod", "prod", "api-1"), said);
    check(
        [owned(event, "Deployment", "api")],
        "[production] prod/Deployment api: Failed once on 1 Pod\n\
         Failed to pull image \"registry.example.com/api:v9\": not found\n\
         at 2024-06-01 10:00:00 UTC\n\
         on Pod api-1\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn a_job_that_gave_up() {
    let mut event =
        warning("BackoffLimitExceeded", ("Job", "batch", "import"), "Job has reached the limit");
    event.source.component = "job-controller".into();
    event.source.host = Text::default();
    check(
        [event],
        "[production] batch/Job import: BackoffLimitExceeded once\n\
         Job has reached the limit\n\
         at 2024-06-01 10:00:00 UTC\n\
         Warning from job-controller",
    );
}

#[test]
fn a_quota_that_is_used_up() {
    let said = "Error creating: pods \"api-x\" is forbidden: exceeded quota: compute";
    let event = warning("FailedCreate", ("ReplicaSet", "prod", "api-7d4b9c6f5"), said);
    check(
        [repeated(owned(event, "Deployment", "api"), 40, "2024-06-01T11:00:00Z")],
        "[production] prod/Deployment api: FailedCreate ×40 on 1 ReplicaSet\n\
         Error creating: pods \"api-x\" is forbidden: exceeded quota: compute\n\
         since 2024-06-01 10:00:00 UTC, last at 11:00:00 UTC\n\
         on ReplicaSet api-7d4b9c6f5\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn a_rollout() {
    let said = "Scaled up replica set api-7d4b9c6f5 to 3";
    let mut event = event("Normal", "ScalingReplicaSet", ("Deployment", "prod", "api"), said);
    event.source.component = "deployment-controller".into();
    event.source.host = Text::default();
    check(
        [event],
        "[production] prod/Deployment api: ScalingReplicaSet once\n\
         Scaled up replica set api-7d4b9c6f5 to 3\n\
         at 2024-06-01 10:00:00 UTC\n\
         Normal from deployment-controller",
    );
}

#[test]
fn what_tidings_itself_has_to_tell() {
    let said =
        "events between 10:00 and 10:05 may be missing: the API server had forgotten where we were";
    let mut event = warning("EventsMissed", ("EventStream", "", "production"), said);
    event.source.component = "tidings".into();
    event.source.host = Text::default();
    check(
        [event],
        "[production] EventStream production: EventsMissed once\n\
         events between 10:00 and 10:05 may be missing: the API server had forgotten where we were\n\
         at 2024-06-01 10:00:00 UTC\n\
         Warning from tidings",
    );
}

#[test]
fn what_a_recorder_says_is_cut_and_what_tidings_says_is_not() {
    let event = warning("EventsNotShown", ("EventStream", "", "production"), &"x".repeat(1000));
    let said = |event: &Event| Message::of(&[Arc::new(event.clone())]).lines[0].chars().count();
    assert_eq!(said(&event), SAID);
    assert_eq!(said(&Event { origin: Origin::Tidings, ..event }), 1000);
}

#[test]
fn what_is_not_known_is_left_out() {
    check([Event::default()], "event once");
    check([Event { reason: "Odd".into(), ..Event::default() }], "Odd once");
    let named = Event { action: "Binding".into(), kind: "Normal".into(), ..Event::default() };
    check([named], "Binding once\nNormal");
    let mut event = warning("Odd", ("", "prod", ""), "");
    event.cluster_name = Text::default();
    check([event], "prod: Odd once\nat 2024-06-01 10:00:00 UTC\nWarning from kubelet on node-a");
    let mut event = warning("Odd", ("", "", "x"), "");
    event.cluster_name = Text::default();
    event.source.component = Text::default();
    check([event], "x: Odd once\nat 2024-06-01 10:00:00 UTC\nWarning");
}

#[test]
fn long_names_leave_room_for_the_count_and_stand_in_full_below() {
    let namespace = "payments-and-settlements-europe-production";
    let owner = "reconciliation-worker-for-card-transactions";
    let event = warning("FailedScheduling", ("Pod", namespace, "reconciliation-1"), "no node");
    check(
        [repeated(owned(event, "Deployment", owner), 1234, "2024-06-01T10:15:00Z")],
        "[production] payments…tion/Deployment reconcil…ions: FailedS…ling ×1234 on 1 Pod\n\
         no node\n\
         since 2024-06-01 10:00:00 UTC, last at 10:15:00 UTC\n\
         on Pod reconciliation-1, of Deployment reconciliation-worker-for-card-transactions, in \
         payments-and-settlements-europe-production\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn no_first_line_is_too_long_and_each_says_how_many() {
    for length in [0, 1, 5, 20, 63, 253, 2000] {
        let name = "ä".repeat(length);
        let mut event = warning(&name, (&name, &name, &name), &name);
        event.cluster_name = name.as_str().into();
        event.count = i32::MAX;
        let owned = owned(event.clone(), &name, &name);
        let mut other = owned.clone();
        other.involved.reference.name = "other".into();
        other.metadata.uid = "other".into();
        for events in [vec![event], vec![owned.clone()], vec![owned, other]] {
            let events: Vec<_> = events.into_iter().map(Arc::new).collect();
            let message = Message::of(&events);
            let line = &message.headline;
            assert!(line.chars().count() <= HEADLINE, "{line}");
            let count = if events.len() == 2 { "×4294967294 on 2 " } else { "×2147483647" };
            assert!(line.contains(count), "{line}");
            assert!(message.lines.len() <= 4 && !message.text().contains("<no value>"));
        }
    }
}

#[test]
fn revisions_of_one_event_count_once() {
    let at = |count| {
        let event = warning("BackOff", ("Pod", "prod", "api"), "again");
        repeated(event, count, "2024-06-01T10:04:00Z")
    };
    check(
        [at(12), at(13), at(14)],
        "[production] prod/Pod api: BackOff ×14\n\
         again\n\
         since 2024-06-01 10:00:00 UTC, last at 10:04:00 UTC\n\
         Warning from kubelet on node-a",
    );
}

#[test]
fn no_text_of_a_stranger_breaks_a_line() {
    let mut event = warning("A\nB", ("P\nod", "n\ns", "x\ny"), "said\nmore");
    event.cluster_name = "c\nd".into();
    event.source.component = "e\nf".into();
    let message = Message::of(&[Arc::new(owned(event, "g\nh", "i\nj"))]);
    assert_eq!(message.text().lines().count(), 5);
}

#[test]
fn only_neighbours_that_are_about_the_same_go_together() {
    let pod = |reason, name| Arc::new(warning(reason, ("Pod", "prod", name), ""));
    let events = [
        pod("BackOff", "a"),
        pod("BackOff", "b"),
        pod("BackOff", "c"),
        pod("Unhealthy", "a"),
        pod("BackOff", "a"),
    ];
    let sizes = |most| parts(&events, most, together).map(<[_]>::len).collect::<Vec<_>>();
    assert_eq!(sizes(10), [3, 1, 1]);
    assert_eq!(sizes(2), [2, 1, 1, 1]);
    let other = |change: fn(&mut Event)| {
        let mut event = Event::clone(&events[0]);
        change(&mut event);
        !together(&events[0], &event)
    };
    assert!(other(|event| event.cluster_name = "other".into()));
    assert!(other(|event| event.kind = "Normal".into()));
    assert!(other(|event| event.involved.reference.kind = "Job".into()));
    assert!(other(|event| event.involved.reference.namespace = "other".into()));
    assert!(other(|event| *event = owned(event.clone(), "Deployment", "api")));
}

#[test]
fn many_objects_are_called_as_people_call_them() {
    for (kind, expected) in [
        ("Pod", "Pods"),
        ("Ingress", "Ingresses"),
        ("Endpoints", "Endpoints"),
        ("NetworkPolicy", "NetworkPolicies"),
        ("Gateway", "Gateways"),
        ("", "objects"),
        ("VerticalPodAutoscalerCheckpoint", "objects"),
    ] {
        assert_eq!(kinds(kind, 2), expected);
    }
    assert_eq!(kinds("Pod", 1), "Pod");
    assert_eq!(kinds("y", 2), "ys");
}
