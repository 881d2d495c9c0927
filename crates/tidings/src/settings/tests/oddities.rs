//! What files of the original lean on, and what becomes of it.

use std::fmt::Write;

use super::*;

#[test]
fn scalars_are_read_as_the_original_reads_them() {
    for (written, read) in [
        ("1.0", "1"),
        ("0123", "83"),
        ("1_000", "1000"),
        ("true", "true"),
        ("yes", "yes"),
        ("~", ""),
        ("", ""),
        ("'null'", "null"),
        ("1e3", "1e3"),
        (".inf", "+Inf"),
        ("!!str 5", "5"),
        ("!!str 010", "8"),
        ("!foo bar", ""),
        ("*nothing", ""),
        ("\"{{ .x }}\"", "{{ .x }}"),
        ("a#b", "a#b"),
        ("a # b", "a"),
        ("'it''s'", "it's"),
        ("|\n  a\n  b", "a\nb\n"),
        ("$NUMBER", "12"),
        ("${TOKEN}x$NOPE", "s3cretx"),
    ] {
        assert_eq!(settings(&format!("clusterName: {written}\n")).cluster_name, read, "{written}");
    }
    assert_eq!(settings("maxEventAgeSeconds: 1.9").max_age, 1);
    assert_eq!(settings("maxEventAgeSeconds: 010").max_age, 8);
    assert_eq!(settings("maxEventAgeSeconds: -5").max_age, 0);
    assert_eq!(settings("maxEventAgeSeconds: 0\nthrottlePeriod: 0").max_age, 5);
}

#[test]
fn what_the_original_refuses_is_refused() {
    for text in [
        "- a",
        "abc",
        "clusterName: [a]",
        "clusterName: {a: b}",
        "clusterName: a: b",
        "clusterName: {{ .x }}",
        "maxEventAgeSeconds: '5'",
        "maxEventAgeSeconds: 1e3",
        "maxEventAgeSeconds: 99999999999999999999",
        "maxEventAgeSeconds: 1\nthrottlePeriod: 1",
        "kubeQPS: '60'",
        "omitLookup: yes",
        "omitLookup: 1",
        "logLevel: Info",
        "logFormat: yaml",
        "metricsNamePrefix: event_exporter",
        "cacheSize: -1",
        "kubeBurst: -1",
        "receivers: a",
        "receivers: [a]",
        "receivers: [~]",
        "receivers: [{name: a}]",
        "receivers: [{name: a, stdout: }]",
        "receivers: [{name: a, stdout: ''}]",
        "receivers: [{name: a, stdout: []}]",
        "receivers: [{name: a, kineis: {}}]",
        "receivers: [{name: a, stdout: {}, webhook: {headers: x}}]",
        "receivers: [{name: a, webhook: {headers: {a: [x]}}}]",
        "receivers: [{name: [a], stdout: {}}]",
        "route: []",
        "route: x",
        "route: {match: x}",
        "route: {match: [x]}",
        "route: {match: [{minCount: 99999999999}]}",
        "route: {match: [{kind: [Pod]}]}",
        "route: {match: [{labels: [a]}]}",
        "route: !foo {match: []}",
        "5: x",
        "route: {true: x}",
        "route: {match: [{~: x}]}",
        "? [a]\n: b",
        "x: {<<: y}",
        "a: [",
        "a: \"b",
    ] {
        assert!(loaded(text).settings.is_none(), "{text}");
    }
}

#[test]
fn what_the_original_accepts_is_accepted() {
    for text in [
        "clusterName: a\nclusterName: b",
        "unknown: {anything: [1, {2: 3}]}",
        "route: ~\nreceivers: ",
        "route: {match: [~], drop: , routes: ~}",
        "route: {match: [{kind: true, message: 5, labels: {a: 1, b: , 5: x}}]}",
        "receivers: [{name: a, stdout: {}}, {name: a, file: {path: x}}]",
        "receivers: [{stdout: {}}]",
        "receivers: [{name: 5, stdout: {}, elasticsearch: {}}]",
        "receivers: [{name: a, elasticsearch: ~, stdout: {}}]",
        "receivers: [{name: a, stdout: {bogus: 1}, bogus: 2}]",
        "receivers: [{name: a, file: {maxsize: 1.5, path: 7, layout: {a: 1, 5: [~]}}}]",
        "---\nclusterName: a\n---\n[",
        "clusterName: a\n...\nrubbish: [",
        "x: &x {match: [{receiver: a}]}\nroute: *x",
        "x: &x [*x]",
        "x: *nothing",
        "\u{feff}clusterName: a",
        "clusterName: a\r\nnamespace: b\r\n",
        // Documented: D01, D02, D08.
        "route: {match: {kind: Pod}, routes: {drop: {type: Normal}}}",
        "route: {match: [{mincount: 5, apiversion: v1}]}",
        "a: &a {b: c}\nx: {<<: [*a, *a]}",
    ] {
        settings(text);
    }
}

#[test]
fn of_two_equal_keys_and_of_merges_the_last_counts() {
    assert_eq!(settings("clusterName: a\nclusterName: b").cluster_name, "b");
    assert_eq!(settings("clusterName: a\nclusterName:\n").cluster_name, "");
    let behind = "x: &x {clusterName: x}\nclusterName: a\n<<: *x\n";
    assert_eq!(settings(behind).cluster_name, "x");
    let before = "x: &x {clusterName: x}\n<<: *x\nclusterName: a\n";
    assert_eq!(settings(before).cluster_name, "a");
    let several = "x: &x {clusterName: x}\ny: &y {clusterName: y, namespace: y}\n<<: [*x, *y]\n";
    assert_eq!(settings(several).cluster_name, "x");
    assert_eq!(settings(several).namespaces, ["y"]);
}

#[test]
fn of_two_kinds_the_first_in_the_order_of_the_original_counts() {
    let kind = |text: &str| settings(text).receivers[0].kind.name;
    assert_eq!(kind("receivers: [{name: a, stdout: {}, file: {}}]"), "file");
    assert_eq!(kind("receivers: [{name: a, kafka: {}, stdout: {}, webhook: {}}]"), "webhook");
}

#[test]
fn of_two_receivers_with_one_name_the_later_counts() {
    let settings =
        settings("receivers: [{name: a, stdout: {}}, {name: b, stdout: {}}, {name: a, file: {}}]");
    let kinds: Vec<_> = settings.receivers.iter().map(|it| (&*it.name, it.kind.name)).collect();
    assert_eq!(kinds, [("b", "stdout"), ("a", "file")]);
}

#[test]
fn a_variable_can_hold_a_part_of_the_file() {
    let text = "route: $RULES\nreceivers: [{name: a, stdout: {}}]\n";
    assert_eq!(settings(text).route.matches[0].receiver, "a");
    // What is wrong inside of it is told where it was put in, and what is behind it where it stands.
    let text = "receivers: [{name: b, stdout: {}}]\nroute: $RULES\nbogus: 1\n";
    let places: Vec<_> = loaded(text).findings.iter().map(Finding::line).collect();
    assert_eq!(
        places,
        [
            "config.yaml:1:20: receivers[0].name: no rule sends to `b`, so it gets nothing; add `- receiver: b` to a `match`, or remove it",
            "config.yaml:2:8: route.match[0].receiver: there is no receiver `a`, so this rule sends nothing; the receivers are `b`",
            "config.yaml:3:1: bogus: this key is not known, so it is ignored",
        ]
    );
}

#[test]
fn tags_of_templates_are_handed_over() {
    let text =
        "receivers: [{name: a, stdout: {layout: {n: !int '{{ .Count }}', j: !json '{}', s: x}}}]";
    let layout = &settings(text).receivers[0].settings["layout"];
    assert_eq!(
        *layout,
        serde_json::json!({"n": {"\0!int": "{{ .Count }}"}, "j": {"\0!json": "{}"}, "s": "x"})
    );
}

#[test]
fn dollar_signs_can_be_escaped_when_the_file_says_so() {
    assert_eq!(settings("clusterName: pa$$word").cluster_name, "paword");
    assert_eq!(settings("envEscape: true\nclusterName: pa$$word").cluster_name, "pa$word");
}

#[test]
fn aliases_of_aliases_do_not_eat_the_memory() {
    let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let below = format!("*a{}, ", level - 1).repeat(10);
        writeln!(text, "a{level}: &a{level} [{below}]").unwrap();
    }
    let said = said(&text);
    assert!(
        said.contains("config.yaml:6:9: mistake: with its aliases this is too large\n"),
        "{said}"
    );
}

#[test]
fn a_file_of_many_levels_is_refused() {
    let text = format!("clusterName: {}{}", "[".repeat(120), "]".repeat(120));
    assert!(said(&text).contains("mistake: this is nested too deeply"));
}
