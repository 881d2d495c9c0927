//! The methods of `time.Time`, `time.Duration`, `time.Month` and `time.Weekday` that a template can call:
//! those that take what a template can have, and give one value.

use super::{Time, Zone, duration};
use crate::{
    function::{CallError, Function, Type},
    value::{IntType, Value},
};

/// The method of a value, if it has it.
pub(crate) fn find(receiver: &Value<'_>, name: &str) -> Option<&'static Function> {
    let methods = match receiver {
        Value::Time(_) => TIME,
        Value::Int(IntType::Duration, _) => DURATION,
        Value::Int(IntType::Month | IntType::Weekday, _) => NAMED,
        _ => return None,
    };
    methods.iter().find(|method| method.name == name)
}

const DURATION_TYPE: Type = Type::Int(IntType::Duration);
const INT: Type = Type::Int(IntType::Int);

/// The time that a method was called on.
fn time<'v>(args: &'v [Value<'_>], index: usize) -> Result<&'v Time, CallError> {
    match args.get(index) {
        Some(Value::Time(time)) => Ok(time),
        _ => Err(CallError::new("not a time")),
    }
}

fn number(args: &[Value<'_>], index: usize) -> i64 {
    args.get(index).and_then(Value::as_int).unwrap_or_default()
}

macro_rules! of_time {
    ($name:literal, |$time:ident| $value:expr) => {
        Function::new($name, &[Type::Time], |_, args| {
            let $time = time(args, 0)?;
            Ok($value)
        })
    };
}

macro_rules! of_two {
    ($name:literal, |$one:ident, $other:ident| $value:expr) => {
        Function::new($name, &[Type::Time, Type::Time], |_, args| {
            let ($one, $other) = (time(args, 0)?, time(args, 1)?);
            Ok($value)
        })
    };
}

static TIME: &[Function] = &[
    Function::new("Format", &[Type::Time, Type::String], |_, args| {
        let layout = args[1].as_str().map(|layout| layout.to_str().into_owned());
        Ok(Value::from(time(args, 0)?.format(&layout.unwrap_or_default())))
    }),
    of_time!("String", |time| {
        let mut out = Vec::new();
        time.write_string(&mut out);
        Value::Str(out.into())
    }),
    of_time!("IsZero", |time| Value::Bool(time.is_zero())),
    of_time!("Unix", |time| Value::int64(time.unix())),
    of_time!("UnixMilli", |time| Value::int64(
        time.unix() * 1_000 + i64::from(time.nanosecond() / 1_000_000)
    )),
    of_time!("UnixMicro", |time| Value::int64(
        time.unix() * 1_000_000 + i64::from(time.nanosecond() / 1_000)
    )),
    // Years that do not fit wrap around, as in Go.
    of_time!("UnixNano", |time| Value::int64(
        time.unix().wrapping_mul(1_000_000_000).wrapping_add(i64::from(time.nanosecond()))
    )),
    of_time!("UTC", |time| Value::Time(time.in_zone(Zone::Utc))),
    Function::new("Local", &[Type::Time], |context, args| {
        Ok(Value::Time(time(args, 0)?.in_zone(Zone::local(context.zone))))
    }),
    of_time!("Year", |time| Value::int(time.civil().year().into())),
    of_time!("Month", |time| Value::Int(IntType::Month, time.civil().month().into())),
    of_time!("Day", |time| Value::int(time.civil().day().into())),
    of_time!("Hour", |time| Value::int(time.civil().hour().into())),
    of_time!("Minute", |time| Value::int(time.civil().minute().into())),
    of_time!("Second", |time| Value::int(time.civil().second().into())),
    of_time!("Nanosecond", |time| Value::int(time.nanosecond().into())),
    of_time!("YearDay", |time| Value::int(time.civil().day_of_year().into())),
    of_time!("Weekday", |time| {
        let day = time.civil().weekday().to_sunday_zero_offset();
        Value::Int(IntType::Weekday, day.into())
    }),
    of_two!("Before", |one, other| Value::Bool(one.instant < other.instant)),
    of_two!("After", |one, other| Value::Bool(one.instant > other.instant)),
    of_two!("Equal", |one, other| Value::Bool(one.instant == other.instant)),
    of_two!("Compare", |one, other| Value::int(one.instant.cmp(&other.instant) as i64)),
    of_two!("Sub", |one, other| {
        let nanoseconds = one.instant.as_nanosecond() - other.instant.as_nanosecond();
        let edge = if nanoseconds < 0 { i64::MIN } else { i64::MAX };
        Value::Int(IntType::Duration, i64::try_from(nanoseconds).unwrap_or(edge))
    }),
    Function::new("Add", &[Type::Time, DURATION_TYPE], |_, args| {
        let (time, by) = (time(args, 0)?, number(args, 1));
        let moved = time.instant.checked_add(jiff::SignedDuration::from_nanos(by));
        let instant = moved.map_err(|_| CallError::new("the year is out of range"))?;
        Ok(Value::Time(Time { instant, zone: time.zone.clone() }))
    }),
    Function::new("AddDate", &[Type::Time, INT, INT, INT], |_, args| {
        add_date(time(args, 0)?, number(args, 1), number(args, 2), number(args, 3))
    }),
    Function::new("Truncate", &[Type::Time, DURATION_TYPE], |_, args| {
        rounded(time(args, 0)?, number(args, 1), false)
    }),
    Function::new("Round", &[Type::Time, DURATION_TYPE], |_, args| {
        rounded(time(args, 0)?, number(args, 1), true)
    }),
];

/// Days and months beyond their end run into the next, as in Go.
fn add_date<'a>(time: &Time, years: i64, months: i64, days: i64) -> Result<Value<'a>, CallError> {
    let out_of_range = || CallError::new("the year is out of range");
    let zoned = time.zoned();
    let month = i64::from(zoned.month()) - 1;
    let total = i64::from(zoned.year())
        .checked_add(years)
        .and_then(|year| year.checked_mul(12)?.checked_add(month)?.checked_add(months))
        .ok_or_else(out_of_range)?;
    let year = i16::try_from(total.div_euclid(12)).map_err(|_| out_of_range())?;
    let month = i8::try_from(total.rem_euclid(12) + 1).map_err(|_| out_of_range())?;
    let first = zoned.datetime().with().year(year).month(month).day(1).build();
    let days = days.checked_add(i64::from(zoned.day()) - 1).ok_or_else(out_of_range)?;
    let days = jiff::Span::new().try_days(days).map_err(|_| out_of_range())?;
    let moved = first.and_then(|first| first.checked_add(days)).map_err(|_| out_of_range())?;
    let zone = match &time.zone {
        Zone::Named(zone) => zone.clone(),
        _ => zoned.time_zone().clone(),
    };
    let moved = zone.to_timestamp(moved).map_err(|_| out_of_range())?;
    Ok(Value::Time(Time { instant: moved, zone: time.zone.clone() }))
}

/// To a multiple of `unit` since the zero time.
fn rounded<'a>(time: &Time, unit: i64, half_up: bool) -> Result<Value<'a>, CallError> {
    if unit <= 0 {
        return Ok(Value::Time(time.clone()));
    }
    let zero = i128::from(Time::ZERO_SECOND) * 1_000_000_000;
    let since = time.instant.as_nanosecond() - zero;
    let unit = i128::from(unit);
    let rest = since.rem_euclid(unit);
    let up = half_up && rest * 2 >= unit;
    let nanoseconds = zero + since - rest + if up { unit } else { 0 };
    let instant = jiff::Timestamp::from_nanosecond(nanoseconds)
        .map_err(|_| CallError::new("the year is out of range"))?;
    Ok(Value::Time(Time { instant, zone: time.zone.clone() }))
}

macro_rules! of_duration {
    ($name:literal, |$nanoseconds:ident| $value:expr) => {
        Function::new($name, &[DURATION_TYPE], |_, args| {
            let $nanoseconds = number(args, 0);
            Ok($value)
        })
    };
}

static DURATION: &[Function] = &[
    of_duration!("String", |nanoseconds| Value::from(duration::string(nanoseconds))),
    of_duration!("Nanoseconds", |nanoseconds| Value::int64(nanoseconds)),
    of_duration!("Microseconds", |nanoseconds| Value::int64(nanoseconds / 1_000)),
    of_duration!("Milliseconds", |nanoseconds| Value::int64(nanoseconds / 1_000_000)),
    of_duration!("Seconds", |nanoseconds| Value::Float(parts(nanoseconds, 1_000_000_000, 1e9))),
    of_duration!("Minutes", |nanoseconds| Value::Float(parts(nanoseconds, 60_000_000_000, 60e9))),
    of_duration!("Hours", |nanoseconds| Value::Float(parts(
        nanoseconds,
        3_600_000_000_000,
        3600e9
    ))),
    of_duration!("Abs", |nanoseconds| Value::Int(IntType::Duration, nanoseconds.saturating_abs())),
    Function::new("Truncate", &[DURATION_TYPE, DURATION_TYPE], |_, args| {
        let (length, unit) = (number(args, 0), number(args, 1));
        let rest = if unit > 0 { length % unit } else { 0 };
        Ok(Value::Int(IntType::Duration, length - rest))
    }),
    Function::new("Round", &[DURATION_TYPE, DURATION_TYPE], |_, args| {
        Ok(Value::Int(IntType::Duration, round(number(args, 0), number(args, 1))))
    }),
];

/// Halves away from zero, as Go rounds lengths.
pub(crate) fn round(length: i64, unit: i64) -> i64 {
    if unit <= 0 {
        return length;
    }
    let rest = length % unit;
    let half = i128::from(rest.unsigned_abs()) * 2 >= i128::from(unit);
    let base = length - rest;
    match (half, length < 0) {
        (false, _) => base,
        (true, false) => base.saturating_add(unit),
        (true, true) => base.saturating_sub(unit),
    }
}

/// Whole units and a fraction, added as Go adds them.
#[expect(clippy::cast_precision_loss, reason = "Go converts the same way")]
fn parts(nanoseconds: i64, unit: i64, float: f64) -> f64 {
    (nanoseconds / unit) as f64 + (nanoseconds % unit) as f64 / float
}

static NAMED: &[Function] = &[Function::new("String", &[Type::Any], |_, args| {
    Ok(Value::from(crate::fmt::string(&args[0])))
})];
