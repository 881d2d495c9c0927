//! Every template of the table prints, or fails, as in Go. The table is made by `e2e/oracle/template`.

use std::{fs, rc::Rc};

use jiff::{Timestamp, tz::TimeZone};
use serde_json::Value as Json;
use template::{
    Context, IntType, List, Map, NilPointer, Sealed, Str, Template, Time, UintType, Value,
};

/// The same values as `e2e/oracle/template/language.go`.
fn language<'a>() -> Value<'a> {
    let time: Timestamp = "2024-06-01T10:02:03.045Z".parse().expect("a time");
    let text = |text: &'static str| Value::from(text);
    let map = |entries: Vec<(&'static str, Value<'a>)>| {
        Map::dict(entries.into_iter().map(|(key, value)| (Str::from(key), value)))
    };
    let list = |items: Vec<Value<'a>>| Value::list(items);
    let nest = map(vec![("x", text("deep")), ("list", list(vec![text("p"), text("q")]))]);
    let labels = [("k", "v"), ("z", "y")];
    let labels = labels.map(|(key, value)| (Str::from(key), Value::from(value)));
    Value::Map(map(vec![
        ("s", text("hello")),
        ("empty", text("")),
        ("html", text("<a href=\"x\">&'</a>")),
        ("utf", text("häß日本")),
        ("n", Value::int(42)),
        ("neg", Value::int(-7)),
        ("zero", Value::int(0)),
        ("i64", Value::int64(1 << 40)),
        ("u8", Value::Uint(UintType::Uint8, 200)),
        ("u64", Value::Uint(UintType::Uint64, u64::MAX)),
        ("i32", Value::Int(IntType::Int32, 5)),
        ("f", Value::Float(3.25)),
        ("bigf", Value::Float(1e21)),
        ("small", Value::Float(1e-7)),
        ("whole", Value::Float(2.0)),
        ("million", Value::Float(1e6)),
        ("tenmillion", Value::Float(12_345_678.0)),
        ("negf", Value::Float(-1.5)),
        ("t", Value::Bool(true)),
        ("fa", Value::Bool(false)),
        ("nil", Value::Nil),
        (
            "list",
            list(vec![
                Value::int(1),
                text("two"),
                Value::Float(3.0),
                Value::Nil,
                Value::Bool(true),
            ]),
        ),
        ("strs", Value::strings(["b".into(), "a".into()])),
        ("emptylist", list(vec![])),
        ("nillist", Value::List(List::nil(List::STRINGS))),
        (
            "m",
            Value::Map(map(vec![
                ("a", Value::int(1)),
                ("b", text("x")),
                ("nil", Value::Nil),
                ("nest", Value::Map(nest)),
            ])),
        ),
        ("ms", Value::Map(Map::of(Map::STRINGS, labels))),
        ("nilmap", Value::Map(Map::Nil(Map::STRINGS))),
        ("bytes", Value::Bytes(Rc::from(&b"hi"[..]))),
        ("time", Value::Time(Time::utc(time))),
        ("ztime", Value::Time(Time::zero())),
        ("d", Value::Int(IntType::Duration, 90_000_000_000)),
        ("month", Value::Int(IntType::Month, 3)),
        ("weekday", Value::Int(IntType::Weekday, 2)),
        ("pb", Value::Pointer(Rc::new(Value::Bool(true)))),
        ("nilpb", Value::NilPointer(NilPointer::Plain("*bool"))),
    ]))
}

fn run(text: &str) -> Result<String, String> {
    let context =
        Context { now: Timestamp::UNIX_EPOCH, zone: &TimeZone::UTC, environment: &Sealed };
    let template = Template::parse("t", text).map_err(|error| error.to_string())?;
    template.execute(&language(), &context).map_err(|error| error.to_string())
}

#[test]
fn every_template_of_the_table_does_as_in_go() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/fixtures/language.ndjson");
    let (mut rows, mut different) = (0, Vec::new());
    for line in fs::read_to_string(table).unwrap().lines() {
        let row: Json = serde_json::from_str(line).unwrap();
        let text = row["template"].as_str().unwrap();
        let go = match row["error"].as_str() {
            Some(error) => Err(error.to_owned()),
            None => Ok(row["output"].as_str().unwrap_or_default().to_owned()),
        };
        let ours = run(text);
        if ours != go {
            different.push(format!("{text}\n  ours {ours:?}\n  go   {go:?}"));
        }
        rows += 1;
    }
    assert!(different.is_empty(), "{} of {rows}:\n{}", different.len(), different.join("\n"));
    assert!(rows >= 300, "only {rows} rows");
}
