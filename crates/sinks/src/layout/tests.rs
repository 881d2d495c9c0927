use event::Event;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::Layout;
use crate::{environment::Process, shape, template_data};

fn event() -> Event {
    let mut event = Event { message: "a <b> & \"c\"".into(), count: 3, ..Event::default() };
    event.involved.reference.name = "web-0".into();
    event.involved.labels.insert("app".into(), "web".into());
    event
}

fn with(layout: &Json, omit_empty: bool) -> Result<String, String> {
    let layout = Layout::compile(layout, omit_empty)?;
    let event = event();
    let mut out = Vec::new();
    let process = Process::default();
    let context = shape::context(&process, Timestamp::UNIX_EPOCH);
    layout.write(&mut out, &template_data::of(&event), &context)?;
    Ok(String::from_utf8(out).unwrap())
}

fn render(layout: &Json) -> Result<String, String> {
    with(layout, false)
}

#[test]
fn texts_are_templates_keys_are_sorted_and_html_is_escaped() {
    let layout = json!({
        "z": "{{ .Message }}",
        "a": {"<k>": "{{ .InvolvedObject.Name }}", "{{ .Kind }}": "plain & simple"},
        "list": ["{{ .Count }}", ["x"], {}],
    });
    assert_eq!(
        render(&layout).unwrap(),
        r#"{"a":{"\u003ck\u003e":"web-0","{{ .Kind }}":"plain \u0026 simple"},"list":["3",["x"],{}],"z":"a \u003cb\u003e \u0026 \"c\""}"#
    );
    assert_eq!(render(&json!({})).unwrap(), "{}");
}

#[test]
fn what_is_no_text_stays_what_it_is() {
    let layout = json!({"a": 5, "b": 1.5, "c": true, "d": null, "e": -1});
    assert_eq!(render(&layout).unwrap(), r#"{"a":5,"b":1.5,"c":true,"d":null,"e":-1}"#);
}

#[test]
fn tags_make_numbers_booleans_and_json_of_text() {
    let tagged = |tag: &str, text: &str| json!({ "k": { format!("\0{tag}"): text } });
    for (tag, text, expected) in [
        ("!int", "{{ .Count }}", r#"{"k":3}"#),
        ("!int", " -{{ .Count }} ", r#"{"k":-3}"#),
        ("!int", "{{ .InvolvedObject.Labels.none }}", r#"{"k":null}"#),
        ("!int", "", r#"{"k":null}"#),
        ("!bool", "{{ .InvolvedObject.Deleted }}", r#"{"k":false}"#),
        (
            "!json",
            "{\"b\": [1, 2],\n \"a\": \"x \\\" <\"}",
            r#"{"k":{"b":[1,2],"a":"x \" \u003c"}}"#,
        ),
        ("!json", r#""a\\" "#, r#"{"k":"a\\"}"#),
    ] {
        assert_eq!(render(&tagged(tag, text)).unwrap(), expected, "{tag} {text}");
    }
    for (tag, text, error) in [
        ("!int", "{{ .InvolvedObject.Name }}", "layout.k: `!int`: `web-0` is no whole number"),
        ("!bool", "yes", "layout.k: `!bool`: `yes` is neither true nor false"),
        (
            "!json",
            "{{ .Message }}",
            "layout.k: `!json`: `a <b> & \\\"c\\\"` is no JSON: expected value at line 1 column 1",
        ),
        ("!float", "1", "layout.k: unknown tag `!float`; there are `!int`, `!bool` and `!json`"),
        ("!int", "{{ .x", "layout.k: template: template:1: unclosed action"),
    ] {
        assert_eq!(render(&tagged(tag, text)).unwrap_err(), error, "{tag} {text}");
    }
}

#[test]
fn omit_empty_drops_keys_without_a_value() {
    let layout = json!({
        "a": "{{ .Action }}",
        "b": "{{ .InvolvedObject.Labels.none }}",
        "c": {"d": "{{ .Action }}", "e": null},
        "f": [],
        "g": "{{ .InvolvedObject.Labels.app }}",
        "h": ["", "x"],
        "i": {"\0!int": "{{ .Action }}"},
        "j": "0",
        "k": false,
    });
    assert_eq!(with(&layout, true).unwrap(), r#"{"g":"web","h":["","x"],"j":"0","k":false}"#);
    assert_eq!(with(&json!({"a": ""}), true).unwrap(), "{}");
}

#[test]
fn half_a_character_is_written_as_go_writes_it() {
    let layout = json!({"a": "{{ \"\\xe4\" }}b"});
    assert_eq!(render(&layout).unwrap(), r#"{"a":"\ufffdb"}"#);
}

#[test]
fn every_template_that_is_wrong_is_named() {
    let layout = json!({
        "labels": {"app": "{{ .InvolvedObject.Labels.app"},
        "list": ["x", "{{ nope }}"],
        "good": "{{ .Reason }}",
    });
    assert_eq!(
        render(&layout).unwrap_err(),
        "layout.labels.app: template: template:1: unclosed action\n\
         layout.list[1]: template: template:1: function \"nope\" not defined"
    );
    assert_eq!(
        render(&json!("{{ .Reason }}")).unwrap_err(),
        "`layout` must be a mapping; for a body that is something else use `rawBody`"
    );
}

#[test]
fn a_template_that_fails_says_where_it_stands() {
    let layout = json!({"series": {"count": "{{ .Series.Count }}"}});
    assert_eq!(
        render(&layout).unwrap_err(),
        "layout.series.count: template: template:1:10: executing \"template\" at <.Series.Count>: \
         nil pointer evaluating *v1.EventSeries.Count"
    );
}

#[test]
fn a_lookup_is_needed_where_a_template_can_show_it() {
    let needs = |text: &str| {
        let layout = Layout::compile(&json!({"a": "x", "b": ["{{ .Reason }}", text]}), false);
        layout.unwrap().any(&shape::needs_lookup)
    };
    let names = |text: &str| {
        let layout = Layout::compile(&json!({"a": "x", "b": ["{{ .Reason }}", text]}), false);
        let fields = ["OwnerChain", "RootOwner"];
        layout.unwrap().any(&|template| shape::names(template, &fields))
    };
    for text in [
        "{{ . }}",
        "{{ toJson . }}",
        "{{ $ }}",
        "{{ .InvolvedObject.Labels.app }}",
        "{{ with .InvolvedObject }}{{ .Name }}{{ end }}",
        "{{ if .InvolvedObject.Deleted }}x{{ end }}",
        "{{ $x := .InvolvedObject }}{{ $x.Labels }}",
        "{{ range .InvolvedObject.OwnerReferences }}{{ .Name }}{{ end }}",
        "{{ (.InvolvedObject).Labels }}",
        "{{ .DeDot.Reason }}",
        "{{ printf \"%s\" .ToJSON }}",
        "{{ with .Series }}{{ $.InvolvedObject.Annotations }}{{ end }}",
        "{{ define \"x\" }}{{ $.InvolvedObject.Labels }}{{ end }}{{ template \"x\" . }}",
        "{{ template \"x\" . }}{{ define \"x\" }}{{ end }}",
        "{{ index .InvolvedObject.Labels \"a/b\" | upper }}",
    ] {
        assert!(needs(text), "{text}");
    }
    for text in [
        "{{ .InvolvedObject.OwnerChain }}",
        "{{ with .InvolvedObject }}{{ range .OwnerChain }}{{ .Name }}{{ end }}{{ end }}",
        "{{ $x := .InvolvedObject }}{{ $x.RootOwner.Kind }}",
        "{{ (.InvolvedObject).RootOwner }}",
        "{{ (index (list .InvolvedObject) 0).OwnerChain }}",
    ] {
        assert!(needs(text), "{text}");
        assert!(names(text), "{text}");
    }
    for text in [
        "{{ . }}",
        "{{ .InvolvedObject.Labels.OwnerChains }}",
        "OwnerChain",
        "{{ \"OwnerChain\" }}",
    ] {
        assert!(!names(text), "{text}");
    }
    for text in [
        "{{ .Message }} {{ .Labels }} {{ .Annotations.x }}",
        "{{ .InvolvedObject.Name }}/{{ .InvolvedObject.Kind }}",
        "{{ with .Series }}{{ . }}{{ end }}",
        "{{ range $k, $v := .Labels }}{{ $k }}={{ $v }}{{ . }}{{ end }}",
        "{{ $x := .Reason }}{{ $x }}",
        "{{ now }}",
        "{{ define \"x\" }}{{ . }}{{ end }}{{ template \"x\" .Reason }}",
    ] {
        assert!(!needs(text), "{text}");
    }
}
