//! Whatever is written, nothing panics, runs for ever or eats the memory.

use jiff::{Timestamp, tz::TimeZone};
use proptest::prelude::*;
use template::{Context, Map, Sealed, Template, Value};

fn data<'a>() -> Value<'a> {
    Value::Map(Map::dict([
        ("s".into(), Value::from("text")),
        ("n".into(), Value::int(3)),
        ("f".into(), Value::Float(1.5)),
        ("l".into(), Value::list([Value::int(1), Value::Nil, Value::from("x")])),
        ("m".into(), Value::Map(Map::dict([("k".into(), Value::Nil)]))),
    ]))
}

fn run(text: &str) -> Result<String, String> {
    let context =
        Context { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, environment: &Sealed };
    let template = Template::parse("t", text).map_err(|error| error.to_string())?;
    template.execute(&data(), &context).map_err(|error| error.to_string())
}

/// Words of the language, so that many of the texts are templates.
fn word() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec![
        "{{", "}}", "{{-", "-}}", " ", "\n", "if", "else", "end", "range", "with", "define",
        "template", "block", "break", "continue", "\"t\"", "\"x\"", ".s", ".n", ".f", ".l", ".m",
        ".m.k", ".none", ".", "$", "$x", ":=", "=", ",", "|", "(", ")", "nil", "true", "1", "-1",
        "1.5", "0x", "'a'", "`", "\"", "\\", "%s", "%[9]*d", "printf", "print", "index", "slice",
        "len", "eq", "lt", "and", "or", "not", "html", "js", "urlquery", "call", "/*", "*/", "ä",
        "\u{0}",
    ])
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4096))]

    #[test]
    fn no_text_of_words_panics(words in proptest::collection::vec(word(), 0..40)) {
        drop(run(&words.join(" ").replace(" }}", "}}")));
    }

    #[test]
    fn no_expression_panics(words in proptest::collection::vec(word(), 0..12)) {
        drop(run(&format!("{{{{{}}}}}", words.join(" "))));
    }

    #[test]
    fn no_text_panics(text in any::<String>()) {
        drop(run(&text));
        drop(run(&format!("{{{{{text}}}}}")));
    }

    #[test]
    fn no_format_panics(format in "[%a-z0-9#+ .*\\[\\]-]{0,16}") {
        drop(run(&format!("{{{{printf {format:?} .n .f .s .l .m nil}}}}")));
    }
}

#[test]
fn a_template_that_calls_itself_ends_with_an_error() {
    let error = run("{{define \"x\"}}{{template \"x\" .}}{{end}}{{template \"x\" .}}").unwrap_err();
    assert_eq!(
        error,
        "template: t:1:25: executing \"x\" at <{{template \"x\" .}}>: \
         exceeded maximum template depth (250)"
    );
}

#[test]
fn a_template_that_prints_too_much_ends_with_an_error() {
    let error = run("{{range 999999}}{{printf \"%1000d\" 1}}{{end}}").unwrap_err();
    assert!(error.ends_with("prints more than 16777216 bytes"), "{error}");
    let error = run("{{printf \"%999999d%999999d%999999d%999999d%999999d%999999d%999999d%999999d\
        %999999d%999999d%999999d%999999d%999999d%999999d%999999d%999999d%999999d\" \
        1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17}}")
    .unwrap_err();
    assert!(error.ends_with("error calling printf: makes more than 16777216 bytes"), "{error}");
}

#[test]
fn a_template_that_runs_too_long_ends_with_an_error() {
    let error = run("{{range 9223372036854775807}}{{end}}").unwrap_err();
    assert!(error.ends_with("more than 10000000 steps"), "{error}");
}

#[test]
fn deep_nesting_is_refused_before_the_stack_ends() {
    let error = run(&format!("{{{{{}1{}}}}}", "(".repeat(5000), ")".repeat(5000))).unwrap_err();
    assert_eq!(error, "template: t:1: max expression depth exceeded");
    let error = run(&format!("{}{}", "{{if 1}}".repeat(5000), "{{end}}".repeat(5000))).unwrap_err();
    assert_eq!(error, "template: t:1: max expression depth exceeded");
    let deep = format!("{}x{}", "{{if 1}}".repeat(150), "{{end}}".repeat(150));
    assert_eq!(run(&deep).unwrap(), "x");
    let deep = format!("{{{{{}1{}}}}}", "(".repeat(150), ")".repeat(150));
    assert_eq!(run(&deep).unwrap(), "1");
    let chain = "{{if 0}}".to_owned() + &"{{else if 0}}".repeat(150) + "{{end}}";
    assert_eq!(run(&chain).unwrap(), "");
}
