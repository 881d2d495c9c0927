use event::{LaneSet, written};
use proptest::prelude::*;
use serde::Deserialize;

use super::{pattern::Pattern, *};

mod explain;

/// The part of a configuration file that is looked at here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct File {
    route: RouteSettings,
}

/// Receivers with these names, on the lanes 0, 1, 2 …
fn receivers(names: &[&str], repeats: Repeats) -> Vec<Receiver> {
    let lanes = (0..).map(LaneId).zip(names);
    lanes.map(|(lane, name)| Receiver { name: (*name).into(), lane, repeats }).collect()
}

const NAMES: [&str; 11] = ["a", "all", "b", "c", "crit", "dump", "pods", "rest", "s", "slack", "w"];

fn file(yaml: &str) -> File {
    written::strictly(&serde_saphyr::from_str(yaml).expect(yaml), "").expect(yaml)
}

fn router(yaml: &str) -> (Router, Vec<Warning>) {
    let file = file(yaml);
    Router::new(&file.route, &receivers(&NAMES, Repeats::Every))
}

fn names(lanes: &LaneSet) -> String {
    lanes.iter().map(|lane| NAMES[usize::from(lane.0)]).collect::<Vec<_>>().join(" ")
}

fn event(namespace: &str, kind: &str, api_version: &str, reason: &str, event_type: &str) -> Event {
    let mut event = Event::default();
    event.metadata.namespace = namespace.into();
    event.involved.reference.kind = kind.into();
    event.involved.reference.api_version = api_version.into();
    event.reason = reason.into();
    event.kind = event_type.into();
    event
}

/// The five events of the worked examples in `event-exporter.md`, and two variants of the second.
fn example(name: &str) -> Event {
    let mut event = match name {
        "E1" => event("prod", "Pod", "v1", "BackOff", "Warning"),
        "E2" | "E2 unlabelled" => event("my-test-1", "Pod", "v1", "Pulled", "Normal"),
        "E2 as a warning" => event("my-test-1", "Pod", "v1", "Pulled", "Warning"),
        "E3" => event("default", "Node", "", "NodeNotReady", "Normal"),
        "E4" => event("prod", "Pod", "v1", "FailedScheduling", "Warning"),
        "E5" => event("prod", "PodDisruptionBudget", "policy/v1", "NoPods", "Normal"),
        namespace => event(namespace, "Pod", "v1", "Pulled", "Normal"),
    };
    let (message, count, component, host, labels): (_, _, _, _, &[_]) = match name {
        "E1" => (
            "Back-off restarting failed container",
            7,
            "kubelet",
            "node-a",
            &[("app", "api"), ("version", "dev-3")],
        ),
        "E2 unlabelled" => ("Successfully pulled image nginx", 1, "kubelet", "node-b", &[]),
        "E3" => ("Node node-a is not ready", 1, "node-controller", "", &[]),
        "E4" => ("0/3 nodes are available", 0, "", "", &[("app", "web")]),
        "E5" => ("No matching pods found", 3, "controllermanager", "", &[]),
        _ => ("Successfully pulled image nginx", 1, "kubelet", "node-b", &[("app", "job")]),
    };
    event.message = message.into();
    event.count = count;
    event.source.component = component.into();
    event.source.host = host.into();
    event.involved.labels =
        labels.iter().map(|(key, value)| ((*key).into(), (*value).into())).collect();
    if name == "E4" {
        event.reporting_component = "default-scheduler".into();
    }
    event
}

/// Number of the example, the configuration, and what each event reaches.
type Example = (u8, &'static str, &'static [(&'static str, &'static str)]);

const EXAMPLES: [Example; 28] = [
    (1, "route: {}", &[("E1", ""), ("E2", ""), ("E3", ""), ("E4", ""), ("E5", "")]),
    (
        2,
        "route: {match: [{receiver: all}]}",
        &[("E1", "all"), ("E2", "all"), ("E3", "all"), ("E4", "all"), ("E5", "all")],
    ),
    (
        3,
        "route: {routes: [{match: [{receiver: all}]}, {match: [{kind: Pod, receiver: pods}]}]}",
        &[("E1", "all pods"), ("E3", "all"), ("E5", "all pods")],
    ),
    (
        4,
        "route: {routes: [{drop: [{namespace: \"*test*\"}, {type: Normal}], \
         match: [{receiver: crit}]}]}",
        &[("E1", "crit"), ("E4", "crit"), ("E2", ""), ("E2 as a warning", "crit")],
    ),
    (
        5,
        "route: {routes: [{drop: [{namespace: \".*test.*\"}, {type: Normal}], \
         match: [{receiver: crit}]}]}",
        &[("E1", "crit"), ("E2", ""), ("E2 as a warning", "")],
    ),
    (
        6,
        "route: {match: [{namespace: prod}, {receiver: slack}]}",
        &[("E1", "slack"), ("E2", "slack"), ("E3", "slack"), ("E4", "slack"), ("E5", "slack")],
    ),
    (
        7,
        "route: {match: [{namespace: prod, receiver: slack}]}",
        &[
            ("E1", "slack"),
            ("E2", ""),
            ("E3", ""),
            ("E4", "slack"),
            ("E5", "slack"),
            ("preprod", "slack"),
            ("prod-eu", "slack"),
        ],
    ),
    (
        8,
        "route: {match: [{receiver: a}, {kind: Deployment, receiver: b}], \
         routes: [{match: [{receiver: c}]}]}",
        &[("E1", "a")],
    ),
    (
        9,
        "route: {match: [{kind: Pod}], routes: [{match: [{type: Warning, receiver: w}]}, \
         {drop: [{reason: BackOff}], match: [{receiver: rest}]}]}",
        &[("E1", "w"), ("E2", "rest"), ("E4", "rest w"), ("E5", "rest"), ("E3", "")],
    ),
    (
        10,
        "route: {drop: [{type: Normal}], routes: [{match: [{receiver: a}]}]}",
        &[("E1", "a"), ("E4", "a"), ("E2", ""), ("E3", ""), ("E5", "")],
    ),
    (11, "route: {match: [{minCount: 5, receiver: a}]}", &[("E1", "a"), ("E5", "")]),
    (11, "route: {match: [{minCount: 1, receiver: a}]}", &[("E5", "a"), ("E4", "")]),
    (
        12,
        "route: {match: [{labels: {version: dev}, receiver: s}]}",
        &[("E1", "s"), ("E3", ""), ("E4", "")],
    ),
    (
        13,
        "route: {match: [{labels: {app: \"\"}, receiver: s}]}",
        &[("E1", "s"), ("E2", "s"), ("E4", "s"), ("E3", ""), ("E5", "")],
    ),
    (
        14,
        "route: {drop: [{labels: {app: job}}], match: [{receiver: s}]}",
        &[("E2", ""), ("E2 unlabelled", "s")],
    ),
    (15, "route: {match: [{component: default-scheduler, receiver: s}]}", &[("E4", "")]),
    (
        16,
        // `name` is a rule key here, which it is not in the original: there the second item is empty.
        "route: {drop: [{reason: PolicyApplied}, {nome: \"mqtt.*\"}], match: [{receiver: s}]}",
        &[("E1", ""), ("E2", ""), ("E3", ""), ("E4", ""), ("E5", "")],
    ),
    (
        17,
        "route: {routes: [{match: [{receiver: dump}, {drop: [{type: Normal}]}]}]}",
        &[("E1", "dump"), ("E2", "dump"), ("E3", "dump"), ("E4", "dump"), ("E5", "dump")],
    ),
    (18, "routes: [{match: [{receiver: a}]}]", &[("E1", ""), ("E2", "")]),
    (
        // Twice in the original.
        19,
        "route: {match: [{receiver: a}, {type: Warning, receiver: a}]}",
        &[("E1", "a"), ("E2", "a")],
    ),
    (
        20,
        "route: {match: [{receiver: nosuch}, {receiver: a}]}",
        &[("E1", "a"), ("E2", "a"), ("E3", "a"), ("E4", "a"), ("E5", "a")],
    ),
    (
        // An unknown receiver does not close the way to the routes below.
        20,
        "route: {match: [{receiver: nosuch}], routes: [{match: [{receiver: a}]}]}",
        &[("E1", "a")],
    ),
    (
        21,
        "route: {drop: [{type: Normal, minCount: 5, apiVersion: \"*beta*\"}], \
         match: [{receiver: a}]}",
        &[("E1", "a"), ("E2", "a"), ("E3", "a"), ("E4", "a"), ("E5", "a")],
    ),
    (22, "route: {match: [{type: warning, receiver: a}]}", &[("E1", ""), ("E4", "")]),
    (
        23,
        "route: {match: [{namespace: \"kube-*\", receiver: a}]}",
        &[("kube-system", "a"), ("mykube", "a"), ("default", "")],
    ),
    (
        24,
        "route: {match: [{apiVersion: \"^v1$\", kind: \"^(Pod|Node)$\", receiver: a}]}",
        &[("E1", "a"), ("E2", "a"), ("E4", "a"), ("E3", ""), ("E5", "")],
    ),
    (
        // Refused by the original.
        25,
        "route: {match: {receiver: a}}",
        &[("E1", "a"), ("E3", "a")],
    ),
    (
        // An empty field is searched like any other text.
        24,
        "route: {match: [{apiVersion: \".*\", receiver: a}]}",
        &[("E1", "a"), ("E3", "a")],
    ),
];

#[test]
fn every_worked_example_is_decided_as_the_original_decides_it() {
    for (number, yaml, expected) in EXAMPLES {
        let (router, _) = router(yaml);
        for (name, reached) in expected {
            let decision = router.decide(&example(name));
            assert_eq!(names(&decision.lanes()), *reached, "example {number}, {name}: {yaml}");
            assert_eq!(decision.is_filtered(), reached.is_empty());
        }
    }
}

#[test]
fn an_invalid_regex_is_reported_with_its_place_its_effect_and_a_proposal() {
    let yaml = "route: {routes: [{}, {drop: [{type: Normal}, {namespace: \"*test*\"}]}]}";
    assert_eq!(
        router(yaml).1.iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["route.routes[1].drop[1].namespace: `*test*` is not a valid regex, so this rule drops \
          nothing: missing argument to repetition operator: `*`\n\
          hint: this is a regex and no glob: write `.*test.*`, or just `test`"]
    );
    let yaml = "route: {match: [{labels: {\"app.io/name\": \"(\"}, annotations: {a: \"\\\\p\"}}]}";
    let warnings = router(yaml).1;
    assert_eq!(
        warnings[0].to_string(),
        "route.match[0].labels[\"app.io/name\"]: `(` is not a valid regex, so this rule matches \
         nothing, and the routes below are not visited: missing closing ): `(`\n\
         hint: close the parenthesis, or write `\\(` for the character"
    );
    assert_eq!(warnings[1].path, "route.match[0].annotations[\"a\"]");
}

#[test]
fn the_same_invalid_regex_is_reported_at_each_place() {
    let warnings = router("route: {match: [{kind: \"*\"}, {kind: \"*\"}]}").1;
    let paths: Vec<_> = warnings.iter().map(|warning| warning.path.as_str()).collect();
    assert_eq!(paths, ["route.match[0].kind", "route.match[1].kind"]);
}

#[test]
fn an_unknown_receiver_is_reported_and_the_known_ones_are_named() {
    let file = file("route: {match: {receiver: slak}}");
    let (_, warnings) = Router::new(&file.route, &receivers(&["slack", "dump"], Repeats::First));
    assert_eq!(
        warnings[0].to_string(),
        "route.match[0].receiver: there is no receiver `slak`, so this rule sends nothing\n\
         hint: the receivers are `dump`, `slack`"
    );
    let (_, warnings) = Router::new(&file.route, &[]);
    assert_eq!(warnings[0].hint, None);
}

#[test]
fn rules_that_say_nothing_are_reported() {
    let yaml = "route: {drop: [{nome: x}, {type: Normal, receiver: a}], match: [{drop: []}]}";
    let warnings = router(yaml).1;
    assert_eq!(
        warnings.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [
            "route.drop[0]: this rule has no condition, so it drops every event\n\
             hint: give it a condition, or remove it",
            "route.drop[1].receiver: a drop rule sends nothing, so its `receiver` is ignored\n\
             hint: move the rule to `match`, or remove the key",
            "route.match[0]: this rule has neither a condition nor a `receiver`, so it does \
             nothing\n\
             hint: remove it",
        ]
    );
}

#[test]
fn of_two_receivers_with_one_name_the_later_gets_the_events() {
    let file = file("route: {match: {receiver: a}}");
    let (router, _) = Router::new(&file.route, &receivers(&["a", "b", "a"], Repeats::First));
    let lanes: LaneSet = [LaneId(2)].into_iter().collect();
    assert_eq!(router.decide(&Event::default()).lanes(), lanes);
}

#[test]
fn a_lookup_is_needed_only_for_labels_and_annotations() {
    assert!(!router("route: {match: [{kind: Pod, message: x}]}").0.needs_lookup());
    assert!(router("route: {match: [{labels: {app: \"\"}}]}").0.needs_lookup());
    assert!(router("route: {routes: {drop: {annotations: {app: x}}}}").0.needs_lookup());
}

#[test]
fn first_sends_an_event_object_once_and_every_sends_each_revision() {
    let yaml = "route: {match: [{minCount: 5, receiver: once}, {receiver: always}]}";
    let file = file(yaml);
    let once = Receiver { name: "once".into(), lane: LaneId(3), repeats: Repeats::First };
    let always = Receiver { name: "always".into(), lane: LaneId(12), repeats: Repeats::Every };
    let (router, _) = Router::new(&file.route, &[once, always]);
    let mut already = LaneSet::new();
    let mut revision = |count| {
        let event = Event { count, ..Event::default() };
        let sending = router.decide(&event).apply_repeats(&already, Step::default());
        already.extend(&sending.lanes);
        (sending.lanes.iter().collect::<Vec<_>>(), sending.suppressed.iter().collect::<Vec<_>>())
    };
    let (once, always) = (LaneId(3), LaneId(12));
    assert_eq!(revision(1), (vec![always], vec![]));
    assert_eq!(revision(4), (vec![always], vec![]));
    assert_eq!(revision(6), (vec![once, always], vec![]), "the count reaches 5 here");
    assert_eq!(revision(7), (vec![always], vec![once]));
}

#[test]
fn trees_of_more_conditions_than_are_remembered_are_decided_too() {
    let rule = |at: u16| RuleSettings {
        reason: format!("^r{at}$").into(),
        receiver: "a".into(),
        ..RuleSettings::default()
    };
    let settings =
        RouteSettings { matches: (0..200).map(rule).collect(), ..RouteSettings::default() };
    let (router, _) = Router::new(&settings, &receivers(&["a"], Repeats::First));
    for (reason, filtered) in
        [("r0", false), ("r127", false), ("r128", false), ("r199", false), ("r200", true)]
    {
        let event = Event { reason: reason.into(), ..Event::default() };
        assert_eq!(router.decide(&event).is_filtered(), filtered, "{reason}");
    }
}

/// The algorithm of the original, line by line: each pattern compiled when it is needed.
fn original(route: &RouteSettings, event: &Event, reached: &mut Vec<Text>) {
    for rule in &route.drop {
        if original_matches(rule, event) {
            return;
        }
    }
    let mut all = true;
    for rule in &route.matches {
        if original_matches(rule, event) {
            if !rule.receiver.is_empty() {
                reached.push(rule.receiver.clone());
            }
        } else {
            all = false;
        }
    }
    if all {
        for child in &route.routes {
            original(child, event, reached);
        }
    }
}

fn original_matches(rule: &RuleSettings, event: &Event) -> bool {
    let found = |pattern: &str, text: &str| {
        Pattern::compile(pattern).is_ok_and(|pattern| pattern.is_match(text))
    };
    let object = &event.involved.reference;
    let scalars = [
        (&rule.message, &event.message),
        (&rule.api_version, &object.api_version),
        (&rule.kind, &object.kind),
        (&rule.namespace, &event.metadata.namespace),
        (&rule.reason, &event.reason),
        (&rule.event_type, &event.kind),
        (&rule.component, &event.source.component),
        (&rule.host, &event.source.host),
    ];
    for (pattern, text) in scalars {
        if !pattern.is_empty() && !found(pattern, text) {
            return false;
        }
    }
    let maps =
        [(&rule.labels, &event.involved.labels), (&rule.annotations, &event.involved.annotations)];
    for (patterns, texts) in maps {
        for (key, pattern) in patterns {
            if !texts.get(key).is_some_and(|text| found(pattern, text)) {
                return false;
            }
        }
    }
    rule.min_count == 0 || event.count >= rule.min_count
}

fn some_text() -> impl Strategy<Value = Text> {
    prop::sample::select(vec!["", "a", "b", "ab", "A", "a\n"]).prop_map(Text::from)
}

/// Mostly absent, so that rules with one or two conditions are common.
fn some_pattern() -> impl Strategy<Value = Text> {
    let patterns =
        vec!["a", "b", "^a$", "a|b", "^(a|ab)$", "b$", "*a*", "(?i)A", ".*", "\\Bb", "^$"];
    let pattern = prop::sample::select(patterns).prop_map(Text::from);
    prop_oneof![4 => Just(Text::default()), 1 => pattern]
}

fn some_texts<T: Strategy<Value = Text>>(
    text: impl Fn() -> T,
) -> impl Strategy<Value = std::collections::BTreeMap<Text, Text>> {
    let key = prop::sample::select(vec!["x", "y"]).prop_map(Text::from);
    prop::collection::btree_map(key, text(), 0..2)
}

fn some_rule() -> impl Strategy<Value = RuleSettings> {
    let receiver = prop::sample::select(vec!["", "", "a", "b", "c", "nosuch"]);
    let scalars = prop::collection::vec(some_pattern(), 8);
    let maps = (some_texts(some_pattern), some_texts(some_pattern));
    (scalars, maps, prop_oneof![3 => Just(0), 1 => -1i32..4], receiver).prop_map(
        |(scalars, (labels, annotations), min_count, receiver)| {
            let mut scalars = scalars.into_iter();
            let mut next = || scalars.next().expect("eight of them");
            RuleSettings {
                message: next(),
                api_version: next(),
                kind: next(),
                namespace: next(),
                reason: next(),
                event_type: next(),
                component: next(),
                host: next(),
                labels,
                annotations,
                min_count,
                receiver: receiver.into(),
                ..RuleSettings::default()
            }
        },
    )
}

fn some_route() -> impl Strategy<Value = RouteSettings> {
    let rules = |most| prop::collection::vec(some_rule(), 0..=most);
    let leaf = (rules(1), rules(3)).prop_map(|(drop, matches)| RouteSettings {
        drop,
        matches,
        routes: Vec::new(),
    });
    leaf.prop_recursive(3, 12, 3, move |inner| {
        let routes = prop::collection::vec(inner, 0..3);
        (rules(1), rules(2), routes).prop_map(|(drop, matches, routes)| RouteSettings {
            drop,
            matches,
            routes,
        })
    })
}

fn some_event() -> impl Strategy<Value = Event> {
    let scalars = prop::collection::vec(some_text(), 8);
    (scalars, some_texts(some_text), some_texts(some_text), -1i32..4).prop_map(
        |(scalars, labels, annotations, count)| {
            let mut scalars = scalars.into_iter();
            let mut next = || scalars.next().expect("eight of them");
            let mut event = event(&next(), &next(), &next(), &next(), &next());
            event.message = next();
            event.source.component = next();
            event.source.host = next();
            event.involved.labels = labels;
            event.involved.annotations = annotations;
            event.count = count;
            event
        },
    )
}

/// Which of these match rules, each with a receiver of its own, take the event.
fn taken(rules: &[&str], event: &Event) -> Vec<bool> {
    let rules: Vec<_> = rules
        .iter()
        .zip(NAMES)
        .map(|(rule, name)| format!("{{{rule}, receiver: {name}}}"))
        .collect();
    let (router, warnings) = router(&format!("route: {{match: [{}]}}", rules.join(", ")));
    assert!(warnings.is_empty(), "{warnings:?}");
    let lanes = router.decide(event).lanes();
    (0..).map(LaneId).zip(&rules).map(|(lane, _)| lanes.contains(lane)).collect()
}

fn owner(kind: &str, name: &str) -> event::OwnerReference {
    event::OwnerReference { kind: kind.into(), name: name.into(), ..Default::default() }
}

#[test]
fn a_rule_can_ask_for_the_name_the_action_and_the_reporting_component() {
    let mut event = example("E1");
    event.involved.reference.name = "api-7".into();
    event.action = "Binding".into();
    event.reporting_component = "default-scheduler".into();
    let rules = ["name: '^api-'", "name: web", "action: Bind", "reportingComponent: scheduler"];
    assert_eq!(taken(&rules, &event), [true, false, true, true]);
}

#[test]
fn a_rule_can_ask_for_an_owner_anywhere_up_to_the_root() {
    let mut event = example("E1");
    event.involved.owner_references = vec![owner("ReplicaSet", "api-5d78")];
    event.involved.owner_chain = vec![owner("ReplicaSet", "api-5d78"), owner("Deployment", "api")];
    let rules = [
        "ownerKind: Deployment",
        "ownerKind: ReplicaSet, ownerName: '^api-'",
        // Of two owners, not of one.
        "ownerKind: Deployment, ownerName: '^api-'",
        "ownerName: '^api$'",
        "ownerKind: Job",
    ];
    assert_eq!(taken(&rules, &event), [true, true, false, true, false]);
}

#[test]
fn a_rule_can_ask_for_labels_of_the_namespace_and_for_deletion() {
    let mut event = example("E1");
    event.involved.namespace_labels.insert("team".into(), "shop".into());
    event.involved.deleted = true;
    let rules = [
        "namespaceLabels: {team: shop}",
        "namespaceLabels: {env: ''}",
        "deleted: true",
        "deleted: false",
    ];
    assert_eq!(taken(&rules, &event), [true, false, true, false]);
}

#[test]
fn a_rule_can_ask_for_a_greatest_count() {
    let rules = ["maxCount: 7", "maxCount: 6", "minCount: 5, maxCount: 10"];
    assert_eq!(taken(&rules, &example("E1")), [true, false, true]);
}

#[test]
fn a_rule_can_say_what_must_not_be() {
    let rules = [
        "type: Warning, not: [{namespace: '^kube-'}]",
        "type: Warning, not: [{namespace: prod, reason: BackOff}]",
        "not: [{namespace: prod, reason: Pulled}, {kind: Node}]",
        "not: [{kind: Node}, {reason: BackOff}]",
        "not: [{not: [{kind: Pod}]}]",
    ];
    assert_eq!(taken(&rules, &example("E1")), [true, false, true, false, true]);
}

#[test]
fn a_pattern_that_is_invalid_under_not_matches_nothing_rather_than_everything() {
    let (router, warnings) =
        router("route: {drop: [{not: [{namespace: '*x*'}]}], match: [{receiver: a}]}");
    assert_eq!(names(&router.decide(&example("E1")).lanes()), "a");
    assert_eq!(warnings[0].path, "route.drop[0].not[0].namespace");
}

#[test]
fn what_rules_ask_for_is_known_before_the_first_event() {
    let needs = |rule: &str| router(&format!("route: {{match: [{{{rule}}}]}}")).0.needs();
    assert_eq!(needs("kind: Pod, name: x, action: y"), RuleNeeds::default());
    assert_eq!(needs("labels: {a: b}"), RuleNeeds { object: true, ..RuleNeeds::default() });
    assert_eq!(needs("deleted: false"), RuleNeeds { object: true, ..RuleNeeds::default() });
    let annotations = RuleNeeds { object: true, annotations: true, ..RuleNeeds::default() };
    assert_eq!(needs("not: [{annotations: {a: b}}]"), annotations);
    let owners = RuleNeeds { object: true, owner_chain: true, ..RuleNeeds::default() };
    assert_eq!(needs("ownerName: x"), owners);
    let namespaces = RuleNeeds { namespace_labels: true, ..RuleNeeds::default() };
    assert_eq!(needs("namespaceLabels: {a: b}"), namespaces);
    assert!(needs("namespaceLabels: {a: b}").any());
}

proptest! {
    #[test]
    fn a_compiled_tree_decides_as_the_algorithm_written_down(
        route in some_route(),
        events in prop::collection::vec(some_event(), 1..6),
    ) {
        let receivers = receivers(&["a", "b", "c"], Repeats::First);
        let (router, _) = Router::new(&route, &receivers);
        for event in events {
            let mut reached = Vec::new();
            original(&route, &event, &mut reached);
            let known = receivers.iter().filter(|receiver| reached.contains(&receiver.name));
            let expected: LaneSet = known.map(|receiver| receiver.lane).collect();
            prop_assert_eq!(router.decide(&event).lanes(), expected);
        }
    }

    #[test]
    fn nothing_is_lost_between_sent_and_suppressed(
        first in prop::collection::vec(0u16..20, 0..6),
        every in prop::collection::vec(0u16..20, 0..6),
        already in prop::collection::vec(0u16..20, 0..6),
    ) {
        let set = |lanes: &[u16]| lanes.iter().map(|lane| LaneId(*lane)).collect::<LaneSet>();
        // A receiver has one lane and one kind of repeats.
        let every: Vec<_> = every.into_iter().filter(|lane| !first.contains(lane)).collect();
        let decision = Decision { first: set(&first), every: set(&every), some: Vec::new() };
        let sending = decision.apply_repeats(&set(&already), Step::default());
        let mut both = sending.lanes.clone();
        both.extend(&sending.suppressed);
        prop_assert_eq!(both, decision.lanes());
        for lane in sending.suppressed.iter() {
            prop_assert!(first.contains(&lane.0) && already.contains(&lane.0));
            prop_assert!(!sending.lanes.contains(lane));
        }
        for lane in sending.lanes.iter() {
            prop_assert!(every.contains(&lane.0) || !already.contains(&lane.0));
        }
    }
}
