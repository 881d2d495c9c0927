#![expect(clippy::ref_option, reason = "the struct is the option: readers get it as it lies there")]

use std::any::Any;

use event::time;
use jiff::Timestamp;
use template::{CallError, Function, Struct, Time, Type, Value};

use super::go_struct::{self, GoStruct};

/// `v1.Time`: whole seconds, the zero time when unset.
pub(super) static TIME: GoStruct<Option<Timestamp>> = GoStruct {
    embedded: Some(go),
    string: Some((print, false)),
    json: Some(|time, out| json(*time, out, time::write_seconds)),
    methods: METHODS,
    ..GoStruct::new("v1.Time", &[("Time", go)])
};

/// `v1.MicroTime`: microseconds, the zero time when unset.
pub(super) static MICRO_TIME: GoStruct<Option<Timestamp>> = GoStruct {
    embedded: Some(go),
    string: Some((print, false)),
    json: Some(|time, out| json(*time, out, time::write_micros)),
    methods: MICRO_METHODS,
    ..GoStruct::new("v1.MicroTime", &[("Time", go)])
};

/// A time of whole seconds.
pub(super) fn seconds(time: &Option<Timestamp>) -> Value<'_> {
    go_struct::part(&TIME, time)
}

/// A time of microseconds.
pub(super) fn micros(time: &Option<Timestamp>) -> Value<'_> {
    go_struct::part(&MICRO_TIME, time)
}

/// The Go time in it, in UTC.
fn go(time: &Option<Timestamp>) -> Value<'_> {
    Value::Time(instant(*time))
}

/// The Go time of ours.
pub(super) fn instant(time: Option<Timestamp>) -> Time {
    time.map_or_else(Time::zero, Time::utc)
}

fn print(time: &Option<Timestamp>, out: &mut Vec<u8>) {
    instant(*time).write_string(out);
}

fn json(time: Option<Timestamp>, out: &mut Vec<u8>, write: impl FnOnce(&mut Vec<u8>, Timestamp)) {
    match time {
        None => out.extend_from_slice(b"null"),
        Some(time) => {
            out.push(b'"');
            write(out, time);
            out.push(b'"');
        }
    }
}

/// The time of ours behind an argument.
fn argument(value: Option<&Value<'_>>) -> Result<Option<Timestamp>, CallError> {
    let data: Option<&dyn Any> = match value {
        Some(Value::Struct(object)) => Some(Struct::data(object)),
        _ => None,
    };
    let time = data.and_then(|data| data.downcast_ref::<Option<Timestamp>>());
    time.copied().ok_or_else(|| CallError::new("invalid memory address or nil pointer dereference"))
}

/// The zero time is before all others.
fn order(args: &[Value<'_>]) -> Result<std::cmp::Ordering, CallError> {
    let [one, other] = [argument(args.first())?, argument(args.get(1))?];
    Ok(instant(one).instant.cmp(&instant(other).instant))
}

static METHODS: &[Function] = &[
    Function::new("Before", &[Type::Any, Type::Other("*v1.Time")], |_, args| {
        Ok(Value::Bool(order(args)?.is_lt()))
    }),
    Function::new("Equal", &[Type::Any, Type::Other("*v1.Time")], |_, args| {
        Ok(Value::Bool(order(args)?.is_eq()))
    }),
    Function::new("Rfc3339Copy", &[Type::Any], |_, args| {
        Ok(args.first().cloned().unwrap_or_default())
    }),
];

static MICRO_METHODS: &[Function] = &[
    Function::new("Before", &[Type::Any, Type::Other("*v1.MicroTime")], |_, args| {
        Ok(Value::Bool(order(args)?.is_lt()))
    }),
    Function::new("Equal", &[Type::Any, Type::Other("*v1.MicroTime")], |_, args| {
        Ok(Value::Bool(order(args)?.is_eq()))
    }),
    Function::new("BeforeTime", &[Type::Any, Type::Other("*v1.Time")], |_, args| {
        Ok(Value::Bool(order(args)?.is_lt()))
    }),
    Function::new("EqualTime", &[Type::Any, Type::Other("*v1.Time")], |_, args| {
        Ok(Value::Bool(order(args)?.is_eq()))
    }),
];
