//! Every function of sprig answers as in Go. The table is made by `e2e/oracle/sprig`.

use std::{cell::Cell, collections::BTreeMap, fs, rc::Rc};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;
use template::{Context, Environment, IntType, List, Map, Str, Template, Time, UintType, Value};

/// The same values as `e2e/oracle/sprig/data.go`.
fn data<'a>() -> Value<'a> {
    let text = |text: &'static str| Value::from(text);
    let map = |entries: Vec<(&'static str, Value<'a>)>| {
        Value::Map(Map::dict(entries.into_iter().map(|(key, value)| (Str::from(key), value))))
    };
    let time = |text: &str| Value::Time(Time::utc(text.parse().expect("a time")));
    let labels = [("app", "api"), ("env", "prod")];
    let labels = labels.map(|(key, value)| (Str::from(key), Value::from(value)));
    let deep = map(vec![("d", map(vec![("e", text("deep"))]))]);
    let ints = [3, 1, 2, 3].map(Value::int);
    map(vec![
        ("word", text("hello")),
        ("text", text("The quick brown fox jumps over the lazy dog")),
        ("camel", text("HTTPServer2xxOk")),
        ("lines", text("one\ntwo\n\nthree")),
        ("uni", text("Grüße, Jürgen ❤ 世界")),
        ("blank", text(" \t x  y \n")),
        ("html", text("<a href=\"x\">&'</a>")),
        ("emptystr", text("")),
        ("num", text("42")),
        ("yes", true.into()),
        ("no", false.into()),
        ("nil", Value::Nil),
        ("int", Value::int(7)),
        ("neg", Value::int(-3)),
        ("zeroint", Value::int(0)),
        ("big", Value::int(i64::MAX)),
        ("i32", Value::Int(IntType::Int32, 41)),
        ("i64", Value::int64(1_717_236_000)),
        ("u", Value::Uint(UintType::Uint, 5)),
        ("u8", Value::Uint(UintType::Uint8, 200)),
        ("u64", Value::Uint(UintType::Uint64, u64::MAX)),
        ("f", 3.75.into()),
        ("nf", (-2.5).into()),
        ("ef", 1e21.into()),
        ("nan", f64::NAN.into()),
        ("inf", f64::INFINITY.into()),
        ("bytes", Value::Bytes(Rc::from(&b"abc"[..]))),
        (
            "list",
            Value::list([
                Value::int(1),
                text("two"),
                3.5.into(),
                Value::Nil,
                true.into(),
                text("two"),
                text(""),
            ]),
        ),
        (
            "nested",
            Value::list([
                Value::list([Value::int(1), Value::int(2)]),
                Value::list([]),
                map(vec![("k", text("v"))]),
            ]),
        ),
        ("emptylist", Value::list([])),
        ("strs", Value::strings(["banana", "apple", "", "cherry", "apple"].map(Str::from))),
        ("ints", List::of("[]int", ints).into()),
        (
            "dict",
            map(vec![
                ("a", Value::int(1)),
                ("b", text("two")),
                ("c", deep),
                ("n", Value::Nil),
                ("z", text("")),
            ]),
        ),
        ("one", map(vec![("k", text("v"))])),
        ("emptydict", map(vec![])),
        ("labels", Map::of(Map::STRINGS, labels).into()),
        ("nolabels", Map::Nil(Map::STRINGS).into()),
        ("time", time("2024-06-01T10:04:05.123456789Z")),
        ("winter", time("2023-01-09T23:59:59Z")),
        ("zerotime", Value::Time(Time::zero())),
        ("dur", Value::Int(IntType::Duration, 90 * 60 * 1_000_000_000)),
    ])
}

/// The variables of `e2e/oracle/sprig`, addresses that need no network, and chance that repeats.
#[derive(Default)]
pub(crate) struct Process {
    state: Cell<u64>,
}

impl Environment for Process {
    fn variable(&self, name: &str) -> Option<String> {
        let known = [("TZ", "UTC"), ("GREETING", "hello"), ("EMPTY", ""), ("UNI_1", "grüße")];
        known.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned())
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        host.parse::<std::net::IpAddr>().iter().map(ToString::to_string).collect()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for byte in bytes {
            // Knuth's generator; its high bits are good enough for a test.
            let next = self
                .state
                .get()
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407);
            self.state.set(next);
            *byte = next.to_be_bytes()[0];
        }
    }
}

pub(crate) fn run(text: &str) -> Result<String, String> {
    let process = Process::default();
    let now: Timestamp = "2026-11-20T09:00:00.5Z".parse().expect("a time");
    let context = Context { now, zone: &TimeZone::UTC, environment: &process };
    let template = Template::parse("t", text).map_err(|error| error.to_string())?;
    let mut out = Vec::new();
    template.write(&mut out, &data(), &context).map_err(|error| error.to_string())?;
    // Like the table, which is JSON.
    Ok(Str::from(out).to_str().into_owned())
}

#[test]
fn every_function_answers_as_in_go() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/sprig.ndjson");
    let mut rows = BTreeMap::<String, usize>::new();
    let mut different = Vec::new();
    for line in fs::read_to_string(table).unwrap().lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let text = |key: &str| row[key].as_str().map(str::to_owned);
        let template = text("t").unwrap();
        let go = match text("err") {
            Some(error) => Err(error),
            None => Ok(text("out").unwrap()),
        };
        let ours = run(&template);
        if ours != go {
            different.push(format!("{template}\n  ours {ours:?}\n  go   {go:?}"));
        }
        *rows.entry(text("f").unwrap()).or_default() += 1;
    }
    let total: usize = rows.values().sum();
    assert!(different.is_empty(), "{} of {total}:\n{}", different.len(), different.join("\n"));
    for (function, rows) in rows {
        assert!(rows >= 20, "only {rows} rows for {function}");
    }
}
