use event::{Event, OwnerReference, Series, Text};
use proptest::prelude::*;

use super::{
    Expression, Mistake,
    schema::{EVENT, Schema, Shape},
    view::Part,
};
use crate::route::{Known, RouteSettings, Router, RuleNeeds, RuleSettings};

fn event() -> Event {
    let mut event = Event {
        kind: "Warning".into(),
        reason: "BackOff".into(),
        message: "größer: back-off 5m0s".into(),
        count: 7,
        ..Event::default()
    };
    event.metadata.namespace = "prod".into();
    event.metadata.finalizers = vec!["a".into()];
    event.source.component = "kubelet".into();
    event.first_timestamp = "2024-06-01T10:00:00Z".parse().ok();
    event.series = Some(Series { count: 9, last_observed_time: None });
    event.related = Some(event::ObjectRef { kind: "Node".into(), ..Default::default() });
    let involved = &mut event.involved;
    involved.reference.kind = "Pod".into();
    involved.labels =
        [("app", "api-1"), ("a.b/c", "d")].map(|(k, v)| (Text::from(k), v.into())).into();
    involved.namespace_labels = [(Text::from("team"), "blue".into())].into();
    let owner = |kind: &str| OwnerReference {
        kind: kind.into(),
        name: "api".into(),
        controller: Some(true),
        block_owner_deletion: Some(false),
        ..OwnerReference::default()
    };
    involved.owner_references = vec![owner("ReplicaSet")];
    involved.owner_chain = vec![owner("ReplicaSet"), owner("Deployment")];
    event
}

fn compiled(text: &str) -> Expression {
    Expression::compile(text, "route.match[0].cel")
        .unwrap_or_else(|wrong| panic!("{text}: {wrong:?}"))
}

#[track_caller]
fn says(text: &str) -> String {
    let wrong = Expression::compile(text, "").err().unwrap_or_else(|| panic!("{text} is accepted"));
    let told = wrong.into_iter().map(|Mistake { at, message, hint }| {
        let hint = hint.map(|hint| format!(" ({hint})")).unwrap_or_default();
        format!("  {at}: {message}{hint}")
    });
    told.collect::<Vec<_>>().join("\n")
}

#[test]
fn what_holds() {
    for text in [
        r#"event.type == "Warning" && event.involvedObject.labels["app"].startsWith("api")"#,
        r#"event.involvedObject.labels.app.endsWith("-1")"#,
        r#"event.involvedObject.labels["a.b/c"] in ["x", "d"]"#,
        r#""app" in event.involvedObject.labels && !("b" in event.involvedObject.labels)"#,
        "has(event.involvedObject.labels.app) && !has(event.involvedObject.labels.nope)",
        r#"event.message.matches("back-off (\\d+m)?\\d+s$") && matches(event.reason, "^Back")"#,
        r#"event.count > 5 && event.count < 7.5 && event["count"] == 7"#,
        r#"event.metadata.namespace == "prod" ? event.source.component == "kubelet" : false"#,
        r#"event.involvedObject.ownerReferences.exists(o, o.kind == "ReplicaSet" && o.controller)"#,
        r#"event.involvedObject.ownerChain[1].kind == "Deployment""#,
        r#"event.involvedObject.ownerChain.filter(o, o.kind.startsWith("D")).size() == 1"#,
        r#"event.involvedObject.labels.exists(k, event.involvedObject.labels[k] == "d")"#,
        "event.involvedObject.labels.all(k, size(k) > 2) && event.involvedObject.labels.size() == 2",
        r#"["a", "b"].exists_one(x, event.metadata.finalizers.exists(f, f == x))"#,
        "has(event.series) && event.series.count == 9 && event.series.lastObservedTime == null",
        r#"event.firstTimestamp > "2024-05" && event.lastTimestamp == null"#,
        r#"event.involvedObject.namespaceLabels["team"] == "blue" && !event.involvedObject.deleted"#,
        r#"event.metadata.namespace + "/" + string(event.count + 1) == "prod/8""#,
        // What does not matter in the end may fail.
        r#"event.involvedObject.labels["nope"] == "x" || event.count == 7"#,
    ] {
        let expression = compiled(text);
        assert!(expression.holds(&event()), "{text}");
        assert_eq!(expression.failed(), 0, "{text}");
    }
}

#[test]
fn what_cannot_be_evaluated_does_not_hold_and_is_counted() {
    for text in [
        r#"event.involvedObject.labels["nope"] == "x""#,
        r#"!(event.involvedObject.labels["nope"] == "x")"#,
        "event.count / (event.count - 7) == 1",
        "event.count * 9223372036854775807 > 0",
        r#"event.involvedObject.ownerChain[9].kind == "Pod""#,
        r#"event.lastTimestamp < "2025""#,
        r#"event.involvedObject.annotations["a"].startsWith("b")"#,
        "int(event.reason) == 1",
    ] {
        let expression = compiled(text);
        assert!(!expression.holds(&event()), "{text}");
        assert_eq!(expression.failed(), 1, "{text}");
    }
}

#[test]
fn only_what_is_named_is_looked_up() {
    let needs = |text: &str| compiled(text).needs;
    let none = RuleNeeds::default();
    assert_eq!(
        needs(r#"event.involvedObject.name == "a" && event.metadata.labels["a"] == "b""#),
        none
    );
    let object = RuleNeeds { object: true, ..none };
    assert_eq!(needs(r#"event.involvedObject.labels["a"] == "b""#), object);
    assert_eq!(needs(r#"event["involvedObject"]["labels"]["a"] == "b""#), object);
    assert_eq!(needs("event.involvedObject.deleted"), object);
    assert_eq!(needs("event.involvedObject.ownerReferences.size() == 0"), object);
    assert_eq!(
        needs("has(event.involvedObject.annotations.a)"),
        RuleNeeds { annotations: true, ..object }
    );
    let chain = RuleNeeds { owner_chain: true, ..object };
    assert_eq!(needs(r#"event.involvedObject.ownerChain.exists(o, o.name == "a")"#), chain);
    let namespace = RuleNeeds { namespace_labels: true, ..none };
    assert_eq!(needs(r#""a" in event.involvedObject.namespaceLabels"#), namespace);
}

/// Every message, as people read it.
#[test]
fn names_and_types_are_checked_before_any_event() {
    let labels = "event.involvedObject.labels";
    let told: Vec<_> = [
        "evnt.type == \"a\"",
        "type == \"a\" || int == 1",
        "event.Reason == \"a\"",
        "event.source.pod == \"a\"",
        "event.reason.size == 1",
        "event.count",
        "event.count == \"5\"",
        "event.count && true",
        "event.reason < 5",
        "event.series < 5",
        "\"a\" in event.reason",
        "event.involvedObject == event.related",
        "event.reason.matches(\"(\")",
        "event.reason.matches(event.type)",
        "event.reason.startsWith(5)",
        "startsWith(event.reason, \"a\")",
        "event.reason.lowerAscii() == \"a\"",
        "event.metadata.finalizers.map(f, f) == []",
        "event.metadata.finalizers.exists(f == 1)",
        "event.reason.exists(f, f == 1)",
        "event.reason + event.count == \"a1\"",
        "-event.reason == 1 ? 1 : true",
        "event[0] == 1",
        "Event{reason: \"a\"} == 1",
        "a.b == 1 || c == 2",
        "event.type == \"ä\" && nope",
        "größe == 1 && ü",
        "event.type = \"a\"",
        "event.type == \"a\" &&\n  (event.count > 1",
        " ",
        "1 + 1",
        &format!("{}true{}", "(".repeat(200), ")".repeat(200)),
        &format!("1{} == 1", "-1".repeat(60)),
        &format!("\"{}\" == event.type", "a".repeat(5000)),
        &format!("event.message{} == \"\"", "+event.message".repeat(17)),
        &format!("{labels}.all(a, {labels}.all(b, a == b))"),
        "[1].all(a, [1].all(b, [1].all(c, true)))",
    ]
    .into_iter()
    .map(|text| format!("{text:.50}\n{}\n", says(text)))
    .collect();
    assert_eq!(told.concat(), include_str!("tests/messages.txt"));
}

#[test]
fn an_expression_on_what_is_not_known_is_open() {
    let rule = |cel: &str| RuleSettings { cel: cel.into(), ..RuleSettings::default() };
    let label = rule("event.involvedObject.labels[\"app\"] == \"api-1\"");
    let matches = vec![rule("event.count == 7"), label, rule("event.count == 8")];
    let settings = RouteSettings { matches, ..RouteSettings::default() };
    let (router, warnings) = Router::new(&settings, &[]);
    assert_eq!(warnings.iter().filter(|it| it.is_mistake).count(), 0);
    let known = router.explain(&event(), Known::ALL);
    assert_eq!((known.walk.unmatched, known.open), (vec!["route.match[2].cel".to_owned()], None));
    let open = router.explain(&Event::default(), Known { object: false, ..Known::ALL }).open;
    assert_eq!(open.map(|open| open.conditions), Some(vec!["route.match[1].cel".to_owned()]));
}

/// Every field of the schema is read, and nothing else.
#[test]
fn an_expression_sees_every_field_that_is_promised() {
    fn see(schema: &Schema, part: &dyn cel::common::value::Val, path: &str) {
        for (name, shape) in schema.fields {
            let path = format!("{path}.{name}");
            let key = cel::common::types::CelString::from(*name);
            let indexer = part.as_indexer().unwrap_or_else(|| panic!("{path}"));
            let value = indexer.get(&key).unwrap_or_else(|error| panic!("{path}: {error}"));
            let ty = value.get_type().name().to_owned();
            let fits = match shape {
                Shape::Text => ty == "string",
                Shape::Time => ty == "string" || ty == "null_type",
                Shape::Number => ty == "int",
                Shape::Bool => ty == "bool",
                Shape::Map => ty == "map",
                Shape::Texts | Shape::Objects(_) => ty == "list",
                Shape::Object(inner) | Shape::Maybe(inner) => {
                    see(inner, &*value, &path);
                    true
                }
            };
            assert!(fits, "{path} is a {ty}");
        }
    }
    let event = event();
    see(&EVENT, &Part::event(&event), "event");
    assert!(Part::event(&event).field("nope").is_none());
}

/// Pieces of expressions, right and wrong.
fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "event",
        ".",
        "type",
        "count",
        "involvedObject",
        "labels",
        "[",
        "]",
        "(",
        ")",
        "\"a\"",
        "'",
        "\"",
        "==",
        "<",
        "&&",
        "||",
        "!",
        "?",
        ":",
        "+",
        "-",
        "*",
        "/",
        "%",
        "1",
        "0",
        "9223372036854775807",
        "1.5",
        "1u",
        "null",
        "true",
        "in",
        "has",
        "size",
        "matches",
        ".all(x,",
        ".exists(x,",
        ".map(x,",
        ".filter(x,",
        "x",
        ",",
        "{",
        "}",
        "b\"a\"",
        "r\"\\\"",
        "\"\\x\"",
        "ä",
        "//",
        "\n",
        " ",
        "ownerReferences",
        "metadata",
        "annotations",
        "startsWith",
        "@",
        "`",
        "int",
        "string",
        "optional",
        ".?",
        "[?",
        "#",
        "\u{0}",
        "event.count",
        "event.message",
        "event.involvedObject.labels",
    ]);
    prop::collection::vec(pieces, 0..40).prop_map(|pieces| pieces.concat())
}

/// Expressions that are mostly right.
fn sensible() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(vec![
        "true",
        "event.count == 7",
        "event.reason == \"BackOff\"",
        "has(event.series)",
        "event.involvedObject.deleted",
        "event.involvedObject.labels[\"app\"] == \"x\"",
        "event.count / 0 == 1",
        "event.related.kind == \"Node\"",
        "event.message.matches(\"^b+\")",
        "event.metadata.labels.size() < 3",
        "event.series.count * 2 > event.count % 3",
        "event.involvedObject.labels.exists(k, k == \"app\")",
        "\"a\" in event.involvedObject.annotations",
        "event.involvedObject.ownerChain.all(o, o.kind != \"\")",
        "event.eventTime == null",
    ]);
    leaf.prop_map(str::to_owned).prop_recursive(5, 24, 3, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a} && {b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} || {b}")),
            (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            inner.clone().prop_map(|a| format!("!({a})")),
            inner.prop_map(|a| format!("event.metadata.finalizers.exists(f, {a})")),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn no_text_makes_it_panic(text in soup()) {
        if let Ok(expression) = Expression::compile(&text, "") {
            expression.holds(&event());
            expression.holds(&Event::default());
        }
    }

    #[test]
    fn no_bytes_make_it_panic(text in "\\PC{0,60}") {
        if let Ok(expression) = Expression::compile(&text, "") {
            expression.holds(&event());
        }
    }

    #[test]
    fn what_is_well_formed_is_read_and_answered(text in sensible()) {
        let expression = match Expression::compile(&text, "") {
            Ok(expression) => expression,
            Err(wrong) => {
                let is_long = |it: &Mistake| it.message.ends_with("can take too long");
                prop_assert!(wrong.iter().all(is_long), "{}: {:?}", text, wrong);
                return Ok(());
            }
        };
        for event in [event(), Event::default()] {
            let first = expression.holds(&event);
            prop_assert_eq!(first, expression.holds(&event));
        }
    }
}
