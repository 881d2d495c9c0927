use super::*;

fn records(lines: &[&str]) -> Vec<Record> {
    lines.iter().zip(1..).map(|(line, number)| Record::new(line, number)).collect()
}

/// The report without diffs.
#[track_caller]
fn check(theirs: &[&str], ours: &[&str], expected: &[&str]) {
    let found = Comparison::of(records(theirs), records(ours));
    let text = report::text(&found, report::Skipped::default(), 9, false);
    let is_kept =
        |line: &&str| !line.starts_with("  ") || line.starts_with("  D") || line.contains(": ");
    let is_diff = |line: &&str| ["  -", "  +", "  @", "   "].iter().any(|it| line.starts_with(it));
    let lines: Vec<_> = text.lines().filter(is_kept).filter(|line| !is_diff(line)).collect();
    assert_eq!(lines, expected, "{text}");
}

const A: &str =
    r#"{"metadata":{"name":"a","uid":"u1","resourceVersion":"5"},"reason":"R","count":1}"#;

#[test]
fn the_same_bytes_are_equal_whatever_their_order() {
    let b = r#"{"metadata":{"name":"b","uid":"u2","resourceVersion":"6"}}"#;
    check(&[A, b], &[b, A], &["2 equal, 0 different, 0 only theirs, 0 only ours"]);
    check(
        &["{\"text\":\"x\"}", "{\"text\":\"y\"}"],
        &["{\"text\":\"y\"}", "{\"text\":\"x\"}"],
        &["2 equal, 0 different, 0 only theirs, 0 only ours"],
    );
}

#[test]
fn what_was_sent_twice_and_what_came_later_has_its_row() {
    let later =
        r#"{"metadata":{"name":"a","uid":"u1","resourceVersion":"9"},"reason":"R","count":2}"#;
    check(
        &[A, A],
        &[A, later],
        &[
            "only theirs: line 2: a R",
            "  D20: the original sends an event as often as the tree reaches the receiver, and again after a restart (D50)",
            "only ours: line 2: a R",
            "  D22: the original looks only at an Event's creation; this is another revision of an Event that it has sent",
            "1 equal, 0 different, 1 only theirs, 1 only ours",
            "reasons: D20 1, D22 1 (docs/reference/differences.md)",
        ],
    );
}

#[test]
fn a_layout_that_was_sent_twice_is_known_by_its_bytes() {
    let text = "{\"text\":\"BackOff in prod\"}";
    check(
        &[text, text],
        &[text],
        &[
            "only theirs: line 2: {\"text\":\"BackOff in prod\"}",
            "  D20: the original sends an event as often as the tree reaches the receiver, and again after a restart (D50)",
            "1 equal, 0 different, 1 only theirs, 0 only ours",
            "reasons: D20 1 (docs/reference/differences.md)",
        ],
    );
}

#[test]
fn what_nobody_can_explain_is_unknown() {
    let at = |uid: &str, time: &str| {
        format!(
            r#"{{"metadata":{{"uid":"{uid}","name":"{uid}","resourceVersion":"1"}},"lastTimestamp":"{time}","involvedObject":{{}}}}"#
        )
    };
    let (early, first) = (at("e", "2026-01-01T00:00:00Z"), at("f", "2026-01-02T00:00:00Z"));
    let (middle, last) = (at("m", "2026-01-03T00:00:00Z"), at("l", "2026-01-04T00:00:00Z"));
    let timeless = r#"{"metadata":{"uid":"t","name":"t","resourceVersion":"1"},"lastTimestamp":null,"eventTime":null,"involvedObject":{}}"#;
    check(
        &[&first, &last],
        &[&early, &first, &middle, timeless, &last],
        &[
            "only ours: line 1: e",
            "  time: it happened before the first or after the last event of the other side",
            "only ours: line 3: m",
            "  unknown: no difference that is known explains it",
            "only ours: line 4: t",
            "  D51: the original drops Events with neither lastTimestamp nor eventTime",
            "2 equal, 0 different, 0 only theirs, 3 only ours",
            "reasons: D51 1, time 1, unknown 1 (docs/reference/differences.md)",
        ],
    );
}

/// The reasons for which two payloads differ, with their places.
#[track_caller]
fn reasons(theirs: &str, ours: &str, expected: &[&str]) {
    let found = reason::different(&Record::new(theirs, 1), &Record::new(ours, 1));
    let found: Vec<_> = found.iter().map(|it| format!("{}{}", it.id, it.path)).collect();
    assert_eq!(found, expected, "{theirs} {ours}");
}

#[test]
fn each_known_difference_of_bytes_has_its_row() {
    reasons(r#"{"a":1,"b":2}"#, r#"{"b":2,"a":1}"#, &["order"]);
    reasons(r#"{"a":null,"b":null}"#, r#"{"a":7,"b":true}"#, &["D30.a"]);
    reasons(r#"{"t":"2026-01-02T05:04:05+02:00"}"#, r#"{"t":"2026-01-02T03:04:05Z"}"#, &["D39.t"]);
    reasons(r#"{"t":"2026-01-02T05:34:05Z"}"#, r#"{"t":"2026-01-02T00:04:05Z"}"#, &["D39.t"]);
    reasons(r#"{"t":"2026-01-02T05:34:05Z"}"#, r#"{"t":"2026-01-02T05:34:06Z"}"#, &["unknown.t"]);
    reasons(r#"{"k":["b","a"]}"#, r#"{"k":["a","b"]}"#, &["D37.k"]);
    reasons(
        r#"{"involvedObject":{"labels":{"a":"1"},"deleted":false}}"#,
        r#"{"involvedObject":{"deleted":true}}"#,
        &["D23.involvedObject.deleted"],
    );
    reasons(
        r#"{"metadata":{"labels":{"a":"1"}}}"#,
        r#"{"metadata":{}}"#,
        &["unknown.metadata.labels"],
    );
    reasons(r#"{"d":"{x 0xc000123450 y}"}"#, r#"{"d":"{x 0xc000000000 y}"}"#, &["D71.d"]);
    reasons(r#"{"clusterName":"a"}"#, r#"{"clusterName":"b"}"#, &["config.clusterName"]);
    reasons(r#"{"a":null,"z":"1"}"#, r#"{"a":7,"z":"2"}"#, &["D30.a", "unknown.z"]);
    reasons(
        r#"{"metadata":{"managedFields":[]},"involvedObject":{}}"#,
        r#"{"metadata":{},"eventTime":null,"clusterName":"","involvedObject":{"deleted":false}}"#,
        &["version.involvedObject.deleted"],
    );
    reasons("no json", "{}", &["unknown"]);
}

#[test]
fn layouts_without_an_identity_are_paired_by_what_they_share() {
    let theirs = [
        r#"{"text":"BackOff in prod","pod":"web-1","n":null}"#,
        r#"{"text":"Pulled in test","pod":"web-2","n":null}"#,
    ];
    let ours = [
        r#"{"n":2,"pod":"web-2","text":"Pulled in test"}"#,
        r#"{"n":1,"pod":"web-1","text":"BackOff in prod"}"#,
        r#"{"n":3,"pod":"web-3","text":"Killing in prod"}"#,
    ];
    let found = Comparison::of(records(&theirs), records(&ours));
    let pairs: Vec<_> = found.different.iter().map(|it| (it.theirs.line, it.ours.line)).collect();
    assert_eq!(pairs, [(1, 2), (2, 1)]);
    assert_eq!(found.only_ours.len(), 1);
    assert_eq!(found.reasons(), [("D30", 2), ("unknown", 1)]);
}

#[test]
fn an_event_that_knows_itself_is_no_other_event() {
    let other = A.replace("u1", "u9");
    check(
        &[A],
        &[&other],
        &[
            "only theirs: line 1: a R",
            "  unknown: no difference that is known explains it",
            "only ours: line 1: a R",
            "  unknown: no difference that is known explains it",
            "0 equal, 0 different, 1 only theirs, 1 only ours",
            "reasons: unknown 2 (docs/reference/differences.md)",
        ],
    );
}
