//! Times. What is no `time.Time` and no `int` is *now*: also a `metav1.Time`, as everybody finds out who
//! writes `.FirstTimestamp | date "…"` without `.Time`.

use jiff::{Timestamp, tz::TimeZoneDatabase};

use super::{
    arguments::{any, nil_dereference, text},
    duration_read::parse_duration,
    strconv::parse_int,
    time_read::parse_time,
};
use crate::{
    context::Context,
    function::CallError,
    time::{Time, Zone, duration as length},
    value::{IntType, NilPointer, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

const SECOND: i64 = 1_000_000_000;

pub(super) fn now<'a>(context: &Context<'_>, _: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Time(Time { instant: context.now, zone: local(context) }))
}

fn local(context: &Context<'_>) -> Zone {
    Zone::Named(context.zone.clone())
}

/// The time that an argument means. `int32` counts where `with_int32` says so.
fn meant(context: &Context<'_>, value: &Value<'_>, with_int32: bool) -> Result<Time, CallError> {
    match value {
        Value::Time(time) => Ok(time.clone()),
        Value::Int(IntType::Int | IntType::Int64, seconds) => of_seconds(*seconds),
        Value::Int(IntType::Int32, seconds) if with_int32 => of_seconds(*seconds),
        Value::Pointer(inner) if with_int32 && matches!(**inner, Value::Time(_)) => {
            meant(context, inner, with_int32)
        }
        Value::NilPointer(NilPointer::Plain("*time.Time")) if with_int32 => Err(nil_dereference()),
        _ => Ok(Time::utc(context.now)),
    }
}

fn of_seconds(seconds: i64) -> Result<Time, CallError> {
    Timestamp::from_second(seconds).map(Time::utc).map_err(|_| out_of_years())
}

fn out_of_years() -> CallError {
    CallError::new("a time outside of the years -9999 to 9999")
}

/// Go's `time.LoadLocation`; UTC when there is no such zone. Names are exact.
fn zone(context: &Context<'_>, name: &str) -> Zone {
    match name {
        "" | "UTC" => Zone::Utc,
        "Local" => local(context),
        name => {
            let found = TimeZoneDatabase::bundled().get(name).ok();
            let exact = found.filter(|zone| zone.iana_name() == Some(name));
            exact.map_or(Zone::Utc, Zone::Named)
        }
    }
}

fn formatted<'a>(layout: &[u8], time: &Time, zone: Zone) -> Answer<'a> {
    let mut out = Vec::with_capacity(layout.len() + 10);
    time.in_zone(zone).write_format(&mut out, layout);
    super::limits::bytes(out.len())?;
    Ok(crate::Str::from(out).into())
}

const HTML: &[u8] = b"2006-01-02";

pub(super) fn date<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    formatted(text(args, 0).as_bytes(), &meant(context, any(args, 1), true)?, local(context))
}

pub(super) fn date_in_zone<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let zone = zone(context, &text(args, 2).to_str());
    formatted(text(args, 0).as_bytes(), &meant(context, any(args, 1), true)?, zone)
}

pub(super) fn html_date<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    formatted(HTML, &meant(context, any(args, 0), true)?, local(context))
}

pub(super) fn html_date_in_zone<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let zone = zone(context, &text(args, 1).to_str());
    formatted(HTML, &meant(context, any(args, 0), true)?, zone)
}

pub(super) fn date_modify<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    match parse_duration(&text(args, 0).to_str()) {
        Ok(by) => moved(any(args, 1), by),
        Err(_) => Ok(any(args, 1).clone()),
    }
}

pub(super) fn must_date_modify<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    moved(any(args, 1), parse_duration(&text(args, 0).to_str())?)
}

fn moved<'a>(time: &Value<'a>, by: i64) -> Answer<'a> {
    let Value::Time(time) = time else { return Ok(time.clone()) };
    let nanoseconds = time.instant.as_nanosecond() + i128::from(by);
    let instant = Timestamp::from_nanosecond(nanoseconds).map_err(|_| out_of_years())?;
    Ok(Value::Time(Time { instant, zone: time.zone.clone() }))
}

/// How long ago, in nanoseconds; what does not fit is the longest that does.
fn since(context: &Context<'_>, time: &Time) -> i64 {
    let passed = context.now.as_nanosecond() - time.instant.as_nanosecond();
    i64::try_from(passed).unwrap_or(if passed < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn ago<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let passed = since(context, &meant(context, any(args, 0), false)?);
    Ok(length::string(rounded(passed)).into())
}

/// To whole seconds, halves away from zero.
fn rounded(nanoseconds: i64) -> i64 {
    let over = nanoseconds % SECOND;
    let down = nanoseconds - over;
    let away = if over.abs() * 2 < SECOND { 0 } else { over.signum() * SECOND };
    down.checked_add(away).unwrap_or(if nanoseconds < 0 { i64::MIN } else { i64::MAX })
}

pub(super) fn duration<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let seconds = match any(args, 0) {
        Value::Str(text) => parse_int(&text.to_str(), 10).unwrap_or(0),
        Value::Int(IntType::Int64, seconds) => *seconds,
        _ => 0,
    };
    Ok(length::string(seconds.wrapping_mul(SECOND)).into())
}

/// One number and one unit.
pub(super) fn duration_round<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    const UNITS: [(u64, &str); 6] = [
        (365 * 24 * 3600, "y"),
        (30 * 24 * 3600, "mo"),
        (24 * 3600, "d"),
        (3600, "h"),
        (60, "m"),
        (1, "s"),
    ];
    let nanoseconds = match any(args, 0) {
        Value::Str(text) => parse_duration(&text.to_str()).unwrap_or(0),
        Value::Int(IntType::Int64, nanoseconds) => *nanoseconds,
        Value::Time(time) => since(context, time),
        _ => 0,
    };
    let size = nanoseconds.unsigned_abs();
    let unit = UNITS.map(|(seconds, name)| (seconds * SECOND.unsigned_abs(), name));
    let found = unit.into_iter().find(|(unit, _)| size > *unit);
    Ok(found
        .map_or_else(|| "0s".to_owned(), |(unit, name)| format!("{}{name}", size / unit))
        .into())
}

pub(super) fn to_date<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Time(read(context, args).unwrap_or_else(|_| Time::zero())))
}

pub(super) fn must_to_date<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::Time(read(context, args)?))
}

fn read(context: &Context<'_>, args: &[Value<'_>]) -> Result<Time, CallError> {
    parse_time(text(args, 0).as_bytes(), text(args, 1).as_bytes(), context.zone)
}

pub(super) fn unix_epoch<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    match any(args, 0) {
        Value::Time(time) => Ok(time.unix().to_string().into()),
        _ => Ok("0".into()),
    }
}
