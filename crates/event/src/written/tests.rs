use std::collections::BTreeMap;

use proptest::prelude::*;
use serde::Deserialize;
use serde_json::json;

use super::*;

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Sample {
    text: String,
    count: i32,
    limit: Option<u64>,
    rate: f32,
    on: bool,
    texts: Vec<String>,
    headers: BTreeMap<String, String>,
    rules: Vec<Self>,
    mode: Mode,
    layout: Option<Value>,
    tls: Option<Box<Self>>,
}

#[derive(Debug, Default, PartialEq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Mode {
    #[default]
    First,
    Every(String),
}

fn good(written: &Value) -> Sample {
    let Decoded { value, flaws } = decode(written, "");
    assert_eq!(flaws, []);
    value.unwrap()
}

fn flaws(written: &Value) -> Vec<String> {
    decode::<Sample>(written, "at").flaws.iter().map(ToString::to_string).collect()
}

#[test]
fn scalars_become_texts_as_go_prints_them() {
    for (written, text) in [
        (json!("a"), "a"),
        (json!(83), "83"),
        (json!(18_446_744_073_709_551_615_u64), "18446744073709551615"),
        (json!(1.0), "1"),
        (json!(1_234_567.5), "1.2345675e+06"),
        (json!(true), "true"),
        (json!(null), ""),
    ] {
        assert_eq!(good(&json!({ "text": written })).text, text);
        assert_eq!(good(&json!({ "texts": [written] })).texts, [text]);
        assert_eq!(good(&json!({"headers": {"a": written}})).headers["a"], text);
    }
}

#[test]
fn fractions_are_cut_off_where_a_whole_number_is_wanted() {
    assert_eq!(good(&json!({"count": 5.9, "limit": 1.5})).count, 5);
    assert_eq!(good(&json!({"count": -1.9})).count, -1);
    assert!((good(&json!({"rate": 5})).rate - 5.0).abs() < f32::EPSILON);
}

#[test]
fn nothing_is_absent() {
    let nothing = json!({"text": null, "count": null, "limit": null, "on": null, "texts": null,
        "headers": null, "rules": null, "mode": null, "layout": null, "tls": null});
    assert_eq!(good(&nothing), Sample::default());
    assert_eq!(good(&Value::Null), Sample::default());
    assert_eq!(good(&json!({"rules": [null]})).rules, [Sample::default()]);
    assert_eq!(good(&json!({"tls": {}})).tls, Some(Box::default()));
}

#[test]
fn every_mistake_is_told_with_its_path_and_none_with_its_value() {
    let all = json!({
        "text": ["s3cret"], "count": "5", "limit": -1, "rate": true, "on": "yes", "texts": "s3cret",
        "headers": {"X-Api.Key": {"a": "s3cret"}}, "rules": [{"count": 99_999_999_999_i64}, "x"],
        "mode": "often", "tls": [],
    });
    assert_eq!(
        flaws(&all),
        [
            "at.count: a whole number is expected, and this is a text",
            "at.headers[\"X-Api.Key\"]: a text is expected, and this is a mapping",
            "at.limit: 0 or more is expected",
            "at.mode: `often` is none of `first`, `every`",
            "at.on: `true` or `false` is expected, and this is a text",
            "at.rate: a number is expected, and this is a boolean",
            "at.rules[0].count: this number is too large",
            "at.rules[1]: a mapping is expected, and this is a text",
            "at.text: a text is expected, and this is a list",
            "at.texts: a list is expected, and this is a text",
            "at.tls: a mapping is expected, and this is a list",
        ]
    );
}

#[test]
fn unknown_keys_are_told_and_ignored() {
    assert_eq!(
        flaws(&json!({"txt": 1, "rules": [{"a.b": null}], "layout": {"any": 1}})),
        [
            "at.rules[0][\"a.b\"]: this key is not known, so it is ignored",
            "at.txt: this key is not known, so it is ignored",
        ]
    );
}

#[test]
fn one_mapping_is_a_list_of_one_and_an_empty_one_is_an_empty_list() {
    let one = decode::<Sample>(&json!({"rules": {"text": "a"}}), "");
    assert_eq!(one.value.unwrap().rules[0].text, "a");
    assert_eq!(one.flaws[0].kind, FlawKind::OneForMany);
    assert_eq!(decode::<Sample>(&json!({"rules": {}}), "").value.unwrap().rules, []);
}

#[test]
fn a_variant_can_have_settings() {
    assert_eq!(good(&json!({"mode": "first"})).mode, Mode::First);
    assert_eq!(good(&json!({"mode": {"every": 5}})).mode, Mode::Every("5".into()));
    assert_eq!(flaws(&json!({"mode": {"first": 1}})), ["at.mode: `first` takes no settings"]);
}

#[test]
fn what_is_left_of_a_mistake_in_code_has_its_path() {
    #[derive(Debug, Deserialize)]
    struct Strict {
        #[expect(dead_code, reason = "it is never there")]
        needed: String,
    }
    let error = strictly::<Vec<Strict>>(&json!([{}]), "list").unwrap_err();
    assert_eq!(error.to_string(), "list[0]: missing field `needed`");
}

proptest! {
    #[test]
    fn any_value_is_decoded_without_a_panic(
        text in any::<String>(), number in any::<f64>(), key in "[a-z]{0,6}|text|count|rules|mode|tls",
    ) {
        let leaf = json!([text, number, null, true, {&key: text}]);
        for written in [json!({&key: leaf}), json!({"rules": {&key: leaf}}), leaf.clone()] {
            let Decoded { value, flaws } = decode::<Sample>(&written, "");
            prop_assert!(value.is_some() || flaws.iter().any(Flaw::is_mistake));
        }
    }
}
