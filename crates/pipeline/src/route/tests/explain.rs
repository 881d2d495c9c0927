//! Why an event reaches whom.

use event::Enrichment;

use super::*;

fn lanes_of(reached: &[(LaneId, String)]) -> LaneSet {
    reached.iter().map(|(lane, _)| *lane).collect()
}

#[track_caller]
fn check_explained(
    route: &str,
    event: &Event,
    reached: &[&str],
    dropped: &[&str],
    unmatched: &[&str],
) {
    let walk = router(route).0.explain(event, Known::of(event)).walk;
    let named =
        |(lane, rule): &(LaneId, String)| format!("{} by {rule}", NAMES[usize::from(lane.0)]);
    assert_eq!(walk.reached.iter().map(named).collect::<Vec<_>>(), reached);
    assert_eq!((walk.dropped, walk.unmatched), (owned(dropped), owned(unmatched)));
}

fn owned(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

#[test]
fn a_decision_is_explained_by_the_rules_that_led_to_it() {
    let event = example("E1");
    let tree = "route: {match: [{receiver: all}, {kind: Pod}], routes: [{match: [{type: Warning, receiver: w}, \
         {receiver: all}]}, {drop: [{reason: X}, {reason: BackOff}], match: [{receiver: rest}]}]}";
    let reached = ["all by route.match[0]", "w by route.routes[0].match[0]"];
    check_explained(tree, &event, &reached, &["route.routes[1].drop[1]"], &[]);
    let tree = "route: {match: [{minCount: 99}, {kind: Pod, not: [{reason: Pulled}, {reason: BackOff}]}], \
         routes: [{match: [{receiver: all}]}]}";
    check_explained(tree, &event, &[], &[], &["route.match[0].minCount", "route.match[1].not[1]"]);
}

/// What stands open where nothing is known of the object: the conditions, and who gets it both ways.
#[track_caller]
fn check_open(route: &str, known: Known, expected: Option<(&[&str], &str, &str)>) {
    let (router, _) = router(route);
    let mut event = example("E2 unlabelled");
    event.involved.owner_references = vec![owner("ReplicaSet", "web-1")];
    let names = |lanes: &[LaneId]| names(&lanes.iter().copied().collect());
    let open = router.explain(&event, known).open;
    let open = open.map(|it| (it.conditions, names(&it.if_match), names(&it.if_not)));
    let expected = expected.map(|(conditions, if_match, if_not)| {
        (owned(conditions), if_match.to_owned(), if_not.to_owned())
    });
    assert_eq!(open, expected);
}

#[test]
fn where_labels_decide_and_are_not_known_the_outcome_is_told_both_ways() {
    let nothing = Known { object: false, owner_chain: false, namespace_labels: false };
    let tree = "route: {drop: [{labels: {app: job}}], match: [{receiver: s}]}";
    check_open(tree, nothing, Some((&["route.drop[0].labels[\"app\"]"], "", "s")));
    check_open(tree, Known::ALL, None);
    // Other conditions have decided already.
    check_open(
        "route: {drop: [{labels: {app: job}, kind: Node}], match: [{receiver: s}]}",
        nothing,
        None,
    );
    check_open("route: {match: [{labels: {app: '*x*'}, receiver: s}]}", nothing, None);
    let tree = "route: {match: [{deleted: false, receiver: a}, {not: [{namespaceLabels: {team: x}}], receiver: b}]}";
    let conditions = ["route.match[0].deleted", "route.match[1].not[0].namespaceLabels[\"team\"]"];
    check_open(tree, nothing, Some((&conditions, "a b", "")));
    let owners = "route: {match: [{ownerKind: Deployment, receiver: a}]}";
    let object = Known { object: true, ..nothing };
    check_open(owners, object, Some((&["route.match[0].ownerKind"], "a", "")));
    check_open("route: {match: [{ownerKind: ReplicaSet, receiver: a}]}", object, None);
    check_open(owners, Known { owner_chain: true, ..object }, None);
}

#[test]
fn an_exported_event_tells_what_is_known() {
    let mut event = example("E1");
    let known = |event: &Event| {
        let Known { object, owner_chain, namespace_labels } = Known::of(event);
        (object, owner_chain, namespace_labels)
    };
    assert_eq!(known(&event), (false, false, false));
    event.involved.enrichment = Enrichment::Complete;
    assert_eq!(known(&event), (true, true, false));
    event.involved.owner_references = vec![owner("ReplicaSet", "web-1")];
    assert_eq!(known(&event), (true, false, false));
    event.involved.owner_chain = event.involved.owner_references.clone();
    event.involved.namespace_labels.insert("team".into(), "a".into());
    assert_eq!(known(&event), (true, true, true));
}

proptest! {
    #[test]
    fn an_explanation_reaches_the_lanes_of_the_decision(
        route in some_route(),
        excluded in prop::collection::vec(some_rule(), 0..3),
        event in some_event(),
        labels in some_texts(some_text),
        annotations in some_texts(some_text),
        object in any::<bool>(),
    ) {
        let mut route = route;
        if let Some(rule) = route.matches.first_mut() {
            rule.not = excluded;
        }
        let (router, _) = Router::new(&route, &receivers(&["a", "b", "c"], Repeats::First));
        let known = Known { object, ..Known::ALL };
        let explained = router.explain(&event, known);
        prop_assert_eq!(lanes_of(&explained.walk.reached), router.decide(&event).lanes());
        prop_assert!(!object || explained.open.is_none());
        // What is not open does not depend on what is not known.
        if explained.open.is_none() && !object {
            let mut other = event;
            (other.involved.labels, other.involved.annotations) = (labels, annotations);
            prop_assert_eq!(lanes_of(&explained.walk.reached), router.decide(&other).lanes());
        }
    }
}
