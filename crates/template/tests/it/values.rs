//! Values know their Go types, and let go of anything.

use std::rc::Rc;

use template::{IntType, List, Map, NilPointer, Str, Time, Value};

#[test]
fn values_name_their_go_types_and_kinds() {
    for (value, type_name, kind) in [
        (Value::Nil, "interface {}", "interface"),
        (Value::int(1), "int", "int"),
        (Value::Int(IntType::Duration, 1), "time.Duration", "int64"),
        (Value::Float(1.0), "float64", "float64"),
        (Value::from("x"), "string", "string"),
        (Value::Named("types.UID", "x".into()), "types.UID", "string"),
        (Value::Bytes(Rc::from([1])), "[]uint8", "slice"),
        (Value::strings([]), "[]string", "slice"),
        (Value::Map(Map::dict([])), "map[string]interface {}", "map"),
        (Value::Time(Time::zero()), "time.Time", "struct"),
        (Value::Pointer(Rc::new(Value::Bool(true))), "*bool", "ptr"),
        (Value::NilPointer(NilPointer::Plain("*bool")), "*bool", "ptr"),
    ] {
        assert_eq!(value.type_name(), Str::from(type_name));
        assert_eq!(value.kind().name(), kind);
    }
}

#[test]
fn zero_values_are_false_and_structs_are_true() {
    for value in [
        Value::Invalid,
        Value::Nil,
        Value::int(0),
        Value::from(""),
        Value::List(List::nil(List::ANY)),
        Value::Map(Map::dict([])),
        Value::NilPointer(NilPointer::Plain("*bool")),
    ] {
        assert!(!value.truth(), "{value:?}");
    }
    assert!(Value::Time(Time::zero()).truth());
    assert!(Value::Pointer(Rc::new(Value::Bool(false))).truth());
}

#[test]
fn a_value_nested_deeper_than_a_stack_is_dropped_in_peace() {
    let mut list = Value::Nil;
    for _ in 0..1_000_000 {
        list = Value::list([list]);
    }
    drop(list);
    let mut maps = Value::Nil;
    for _ in 0..1_000_000 {
        maps = Value::Map(Map::dict([("x".into(), maps)]));
    }
    drop(maps);
}

#[test]
fn a_shared_map_shows_what_was_set_and_never_holds_itself() {
    let map = Map::dict([]);
    let seen = map.clone();
    map.insert("a".into(), Value::int(1)).unwrap();
    assert_eq!(seen.get(b"a").and_then(|value| value.as_int()), Some(1));
    let error = map.insert("b".into(), Value::list([Value::Map(seen)])).unwrap_err();
    assert_eq!(error.to_string(), "a map cannot hold itself");
}

#[test]
fn half_a_character_prints_as_go_prints_it() {
    let text = Str::from("aäb").slice(0, 2);
    assert_eq!((text.len(), &*text.to_str()), (2, "a\u{fffd}"));
}
