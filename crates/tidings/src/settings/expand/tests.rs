use proptest::prelude::*;

use super::*;

fn environment(name: &str) -> Option<String> {
    match name {
        "X" => Some("ex".into()),
        "LINES" => Some("a\nb".into()),
        "EMPTY" => Some(String::new()),
        _ => None,
    }
}

fn expand(text: &str) -> String {
    Expanded::new(text, false, &environment).text
}

#[test]
fn variables_are_expanded_as_go_does_it() {
    for (text, expanded) in [
        ("$X", "ex"),
        ("${X}", "ex"),
        ("a${X}b$X", "aexbex"),
        ("$Xy", ""),
        ("$X-y", "ex-y"),
        ("$NOPE.", "."),
        ("${X:-default}", ""),
        ("pa$$word", "paword"),
        ("$1$2", ""),
        ("${}", ""),
        ("${1}", ""),
        ("a ${X", "a X"),
        ("a ${X\nb: {c}", "a "),
        ("^foo$", "^foo$"),
        ("(a$|b$)", "(a$|b$)"),
        ("\"$\" '$' $\n$ $^", "\"$\" '$' $\n$ $^"),
        ("é$X→", "éex→"),
        ("$é", "$é"),
        ("$", "$"),
    ] {
        assert_eq!(expand(text), expanded, "{text}");
    }
}

#[test]
fn in_a_template_only_a_variable_that_is_set_is_expanded() {
    for text in [
        "{{ $t := .EventTime }}",
        "{{ range $k, $v := .Labels }}{{ $k }}{{ end }}",
        "{{ regexReplaceAll \"(a)\" .Reason \"$1\" }}",
        "{{ regexReplaceAll \"(a)\" .Reason \"${1}b\" }}",
        "{{ $$ }}",
    ] {
        assert_eq!(expand(text), text);
    }
    assert_eq!(expand("{{ $X }} $Y"), "{{ ex }} ");
    assert_eq!(expand("{{ a }} $Y {{ $Y }} $Y"), "{{ a }}  {{ $Y }} ");
    // A template without an end protects nothing.
    assert_eq!(expand("# {{ \n$Y"), "# {{ \n");
}

#[test]
fn with_escapes_two_dollar_signs_are_one() {
    assert_eq!(Expanded::new("pa$$word $X", true, &environment).text, "pa$word ex");
}

#[test]
fn what_became_empty_is_told() {
    let expanded = Expanded::new("a: $NOPE # $COMMENT\nb: ${", false, &environment);
    assert_eq!(
        expanded.notes,
        [
            Note { at: 3..8, kind: NoteKind::Unset { written: "$NOPE".into() } },
            Note { at: 23..25, kind: NoteKind::Open { lines: None } },
        ]
    );
}

#[test]
fn a_brace_that_is_closed_lines_below_is_told_as_such() {
    let expanded = Expanded::new("a: ${X\nb: 1\nc: {}", false, &environment);
    assert_eq!(expanded.text, "a: ");
    assert_eq!(expanded.notes, [Note { at: 3..17, kind: NoteKind::Open { lines: Some(2) } }]);
}

#[test]
fn the_content_of_a_file_is_put_in_after_the_yaml_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    fs::write(&path, "s3cret: [\n").unwrap();
    let text = format!("a: b${{file:{}}}c", path.display());
    let expanded = Expanded::new(&text, false, &environment);
    assert_eq!(expanded.text, "a: b\u{fdd0}0\u{fdd1}c");
    assert_eq!(expanded.reveal("b\u{fdd0}0\u{fdd1}c").unwrap(), "bs3cret: [c");
    let missing = Expanded::new("${file:/nowhere/token}", false, &environment);
    assert_eq!(missing.text, "");
    let why = "No such file or directory (os error 2)".into();
    assert_eq!(missing.notes[0].kind, NoteKind::Unreadable { path: "/nowhere/token".into(), why });
}

#[test]
fn places_lead_back_to_the_original() {
    let text = "a: $LINES\nb: $NOPE c\nd: e";
    let expanded = Expanded::new(text, false, &environment);
    assert_eq!(expanded.text, "a: a\nb\nb:  c\nd: e");
    let back = |part: &str| {
        let start = expanded.text.find(part).unwrap();
        &text[expanded.original(start..start + part.len())]
    };
    assert_eq!(back("a\nb\n"), "$LINES\n");
    assert_eq!(back("b\nb:"), "$LINES\nb:");
    assert_eq!(back("b:"), "b:");
    assert_eq!(back("c\n"), "c\n");
    assert_eq!(back("d: e"), "d: e");
}

proptest! {
    #[test]
    fn any_text_is_expanded_and_every_place_leads_back(
        text in r"([$XY{}\n é#1]|\{\{|\}\}|\$X|\$LINES|\$EMPTY|\$\{X\}){0,30}",
        places in prop::collection::vec((0usize..200, 0usize..20), 8),
    ) {
        let expanded = Expanded::new(&text, false, &environment);
        for (start, length) in places {
            let start = start.min(expanded.text.len());
            let end = (start + length).min(expanded.text.len());
            let original = expanded.original(start..end);
            prop_assert!(original.start <= original.end && original.end <= text.len());
            if expanded.text.is_char_boundary(start) && expanded.text.is_char_boundary(end) {
                prop_assert!(text.get(original).is_some());
            }
        }
    }
}
