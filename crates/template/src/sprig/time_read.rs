//! Times as Go's `time.Parse` reads them, with its errors.
//!
//! Source: `time/format.go` of Go 1.26.

use std::rc::Rc;

use jiff::{Timestamp, civil::Date, tz::TimeZone};

use super::{duration_read::quoted, zone_read::zone_length};
use crate::{
    function::CallError,
    time::{
        MONTHS, Time, WEEKDAYS, Zone,
        layout::{self, Part},
    },
};

/// What a part of the layout could not make of the text.
enum Wrong {
    /// It is not there.
    Missing,
    /// A number is too large or too small.
    Range(&'static str),
}

/// What has been read so far; a month or a day of 0 is none.
#[derive(Debug, Default)]
struct Reader {
    year: i32,
    month: i32,
    day: i32,
    year_day: Option<i32>,
    hour: i32,
    minute: i32,
    second: i32,
    nanosecond: i32,
    afternoon: Option<bool>,
    utc: bool,
    offset: Option<i32>,
    zone_name: Vec<u8>,
}

/// Reads a time in this layout. What has no zone is in `local`.
pub(super) fn parse_time(layout: &[u8], text: &[u8], local: &TimeZone) -> Result<Time, CallError> {
    let mut reader = Reader::default();
    let (mut layout_left, mut left) = (layout, text);
    let cannot = |left: &[u8], part: &[u8]| {
        CallError::new(format!(
            "parsing time {} as {}: cannot parse {} as {}",
            quoted(text),
            quoted(layout),
            quoted(left),
            quoted(part)
        ))
    };
    let whole = |why: &str| CallError::new(format!("parsing time {}: {why}", quoted(text)));
    loop {
        let (before, part, after) = layout::next(layout_left);
        let word = &layout_left[before.len()..layout_left.len() - after.len()];
        left = skip(left, before).map_err(|left| cannot(left, before))?;
        let Some(part) = part else { break };
        layout_left = after;
        left = match reader.part(part, left, after) {
            Ok(left) => left,
            Err(Wrong::Missing) => return Err(cannot(left, word)),
            Err(Wrong::Range(what)) => return Err(whole(&format!("{what} out of range"))),
        };
    }
    if !left.is_empty() {
        return Err(whole(&format!("extra text: {}", quoted(left))));
    }
    let date = reader.date().map_err(whole)?;
    reader.time(date, local).ok_or_else(|| whole("year out of range"))
}

/// Skips what the layout has literally; a space stands for any number of them, also none at the end.
fn skip<'t>(mut text: &'t [u8], mut literal: &[u8]) -> Result<&'t [u8], &'t [u8]> {
    let spaces = |text: &[u8]| text.iter().take_while(|byte| **byte == b' ').count();
    while let Some(first) = literal.first() {
        if *first == b' ' {
            if text.first().is_some_and(|byte| *byte != b' ') {
                return Err(text);
            }
            literal = &literal[spaces(literal)..];
            text = &text[spaces(text)..];
            continue;
        }
        if text.first() != Some(first) {
            return Err(text);
        }
        literal = &literal[1..];
        text = &text[1..];
    }
    Ok(text)
}

fn is_digit(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(u8::is_ascii_digit)
}

fn digits(text: &[u8]) -> i32 {
    text.iter().fold(0, |number, digit| number * 10 + i32::from(digit - b'0'))
}

/// One or two digits; with `fixed`, two.
fn number(text: &[u8], fixed: bool) -> Result<(i32, &[u8]), Wrong> {
    let length = 1 + usize::from(is_digit(text, 1));
    if !is_digit(text, 0) || fixed && length < 2 {
        return Err(Wrong::Missing);
    }
    Ok((digits(&text[..length]), &text[length..]))
}

/// The place of the first name that the text begins with, in whatever case.
fn name(text: &[u8], names: impl Iterator<Item = &'static str>) -> Result<(i32, &[u8]), Wrong> {
    for (at, name) in (0..).zip(names) {
        if let Some(start) = text.get(..name.len())
            && start.eq_ignore_ascii_case(name.as_bytes())
        {
            return Ok((at, &text[name.len()..]));
        }
    }
    Err(Wrong::Missing)
}

fn within(number: i32, range: std::ops::Range<i32>, what: &'static str) -> Result<i32, Wrong> {
    if range.contains(&number) { Ok(number) } else { Err(Wrong::Range(what)) }
}

fn comma_or_period(text: &[u8]) -> bool {
    matches!(text.first(), Some(b'.' | b','))
}

/// The fraction of a second in the first `length` bytes, in nanoseconds.
fn fraction(text: &[u8], length: usize) -> Result<i32, Wrong> {
    let digits_only = text.get(1..length).ok_or(Wrong::Missing)?;
    if !comma_or_period(text)
        || !digits_only.iter().all(u8::is_ascii_digit)
        || digits_only.is_empty()
    {
        return Err(Wrong::Missing);
    }
    let kept = &digits_only[..digits_only.len().min(9)];
    Ok((kept.len()..9).fold(digits(kept), |number, _| number * 10))
}

impl Reader {
    /// Reads one part: what is left of the text.
    fn part<'t>(&mut self, part: Part, text: &'t [u8], next: &[u8]) -> Result<&'t [u8], Wrong> {
        let left;
        match part {
            Part::Year => {
                let (year, rest) = text.split_at_checked(2).ok_or(Wrong::Missing)?;
                if !year.iter().all(u8::is_ascii_digit) {
                    return Err(Wrong::Missing);
                }
                let year = digits(year);
                self.year = year + if year >= 69 { 1900 } else { 2000 };
                left = rest;
            }
            Part::LongYear => {
                let (year, rest) = text.split_at_checked(4).ok_or(Wrong::Missing)?;
                if !year.iter().all(u8::is_ascii_digit) {
                    return Err(Wrong::Missing);
                }
                (self.year, left) = (digits(year), rest);
            }
            Part::Month => {
                let (month, rest) = name(text, MONTHS.iter().map(|name| &name[..3]))?;
                (self.month, left) = (month + 1, rest);
            }
            Part::LongMonth => {
                let (month, rest) = name(text, MONTHS.into_iter())?;
                (self.month, left) = (month + 1, rest);
            }
            Part::NumMonth | Part::ZeroMonth => {
                let (month, rest) = number(text, part == Part::ZeroMonth)?;
                (self.month, left) = (within(month, 1..13, "month")?, rest);
            }
            Part::Weekday => (_, left) = name(text, WEEKDAYS.iter().map(|name| &name[..3]))?,
            Part::LongWeekday => (_, left) = name(text, WEEKDAYS.into_iter())?,
            Part::Day | Part::UnderDay | Part::ZeroDay => {
                let padded = part == Part::UnderDay && text.starts_with(b" ");
                (self.day, left) = number(&text[usize::from(padded)..], part == Part::ZeroDay)?;
                // No day at all is told from day 0.
                self.day = if self.day == 0 { -1 } else { self.day };
            }
            Part::UnderYearDay | Part::ZeroYearDay => left = self.year_day(part, text)?,
            _ => return self.clock(part, text, next),
        }
        Ok(left)
    }

    fn year_day<'t>(&mut self, part: Part, mut text: &'t [u8]) -> Result<&'t [u8], Wrong> {
        for _ in 0..2 {
            if part == Part::UnderYearDay && text.starts_with(b" ") {
                text = &text[1..];
            }
        }
        let length = text.iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        if length == 0 || part == Part::ZeroYearDay && length < 3 {
            return Err(Wrong::Missing);
        }
        self.year_day = Some(digits(&text[..length]));
        Ok(&text[length..])
    }

    fn clock<'t>(&mut self, part: Part, text: &'t [u8], next: &[u8]) -> Result<&'t [u8], Wrong> {
        let mut left;
        match part {
            Part::Hour => {
                (self.hour, left) = number(text, false)?;
                within(self.hour, 0..24, "hour")?;
            }
            Part::Hour12 | Part::ZeroHour12 => {
                (self.hour, left) = number(text, part == Part::ZeroHour12)?;
                within(self.hour, 0..13, "hour")?;
            }
            Part::Minute | Part::ZeroMinute => {
                (self.minute, left) = number(text, part == Part::ZeroMinute)?;
                within(self.minute, 0..60, "minute")?;
            }
            Part::Second | Part::ZeroSecond => {
                (self.second, left) = number(text, part == Part::ZeroSecond)?;
                within(self.second, 0..60, "second")?;
                let expected = matches!(
                    layout::next(next).1,
                    Some(Part::Fraction { .. } | Part::TrimmedFraction { .. })
                );
                // A fraction may follow that the layout does not have.
                if comma_or_period(left) && is_digit(left, 1) && !expected {
                    left = self.fraction(left)?;
                }
            }
            Part::Pm | Part::LowerPm => {
                let (half, rest) = text.split_at_checked(2).ok_or(Wrong::Missing)?;
                self.afternoon = Some(match (half, part) {
                    (b"PM", Part::Pm) | (b"pm", Part::LowerPm) => true,
                    (b"AM", Part::Pm) | (b"am", Part::LowerPm) => false,
                    _ => return Err(Wrong::Missing),
                });
                left = rest;
            }
            Part::Offset { iso: true, .. } if text.starts_with(b"Z") => {
                self.utc = true;
                left = &text[1..];
            }
            Part::Offset { colon, digits, .. } => left = self.offset(text, colon, digits)?,
            Part::Zone if text.starts_with(b"UTC") => {
                self.utc = true;
                left = &text[3..];
            }
            Part::Zone => {
                let length = zone_length(text).ok_or(Wrong::Missing)?;
                self.zone_name = text[..length].to_vec();
                left = &text[length..];
            }
            Part::Fraction { digits, .. } => {
                let length = 1 + usize::from(digits);
                self.nanosecond = fraction(text, length)?;
                left = &text[length..];
            }
            // Here the fraction may be missing.
            Part::TrimmedFraction { .. } if !comma_or_period(text) || !is_digit(text, 1) => {
                left = text;
            }
            _ => left = self.fraction(text)?,
        }
        Ok(left)
    }

    /// As many digits as there are.
    fn fraction<'t>(&mut self, text: &'t [u8]) -> Result<&'t [u8], Wrong> {
        let length = 1 + text.iter().skip(1).take_while(|byte| byte.is_ascii_digit()).count();
        self.nanosecond = fraction(text, length)?;
        Ok(&text[length..])
    }

    fn offset<'t>(&mut self, text: &'t [u8], colon: bool, wanted: u8) -> Result<&'t [u8], Wrong> {
        let (sign, mut left) = text.split_first().ok_or(Wrong::Missing)?;
        let mut parts = [0; 3];
        let count = usize::from(wanted / 2);
        let length = count * 2 + if colon { count - 1 } else { 0 };
        if left.len() < length {
            return Err(Wrong::Missing);
        }
        let mut bad = false;
        for (at, part) in parts.iter_mut().enumerate().take(count) {
            if colon && at > 0 {
                left = left.strip_prefix(b":").ok_or(Wrong::Missing)?;
            }
            let (pair, rest) = left.split_at_checked(2).ok_or(Wrong::Missing)?;
            // After a part that is no number, the others do not count.
            match number(pair, true) {
                Ok((number, _)) if !bad => *part = number,
                _ => bad = true,
            }
            left = rest;
        }
        let [hours, minutes, seconds] = parts;
        within(seconds, 0..61, "time zone offset second")?;
        within(minutes, 0..61, "time zone offset minute")?;
        within(hours, 0..25, "time zone offset hour")?;
        let offset = (hours * 60 + minutes) * 60 + seconds;
        self.offset = Some(match sign {
            b'+' if !bad => offset,
            b'-' if !bad => -offset,
            _ => return Err(Wrong::Missing),
        });
        Ok(left)
    }

    /// The date, checked against itself.
    fn date(&self) -> Result<Date, &'static str> {
        let year = i16::try_from(self.year).map_err(|_| "year out of range")?;
        let first = Date::new(year, 1, 1).map_err(|_| "year out of range")?;
        if let Some(year_day) = self.year_day {
            let days = i32::from(first.days_in_year());
            if !(1..=days).contains(&year_day) {
                return Err("day-of-year out of range");
            }
            let date = first
                .checked_add(jiff::Span::new().days(year_day - 1))
                .map_err(|_| "day-of-year out of range")?;
            if self.month != 0 && self.month != i32::from(date.month()) {
                return Err("day-of-year does not match month");
            }
            if self.day != 0 && self.day != i32::from(date.day()) {
                return Err("day-of-year does not match day");
            }
            return Ok(date);
        }
        let month = i8::try_from(self.month.max(1)).map_err(|_| "month out of range")?;
        let day = if self.day == 0 { 1 } else { self.day };
        let day = i8::try_from(day).map_err(|_| "day out of range")?;
        Date::new(year, month, day).map_err(|_| "day out of range")
    }

    /// The instant and its zone; nothing if it is too far away.
    fn time(&self, date: Date, local: &TimeZone) -> Option<Time> {
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let small = |number: i32| i8::try_from(number).ok();
        let clock =
            date.at(small(hour)?, small(self.minute)?, small(self.second)?, self.nanosecond);
        let utc = clock.to_zoned(TimeZone::UTC).ok()?.timestamp();
        let earlier = |seconds: i32| {
            Timestamp::from_nanosecond(utc.as_nanosecond() - i128::from(seconds) * 1_000_000_000)
                .ok()
        };
        let here = |instant| Time { instant, zone: Zone::Named(local.clone()) };
        if self.utc {
            return Some(Time::utc(utc));
        }
        if let Some(offset) = self.offset {
            let instant = earlier(offset)?;
            let (local_offset, local_name) = here(instant).offset();
            let named = self.zone_name.is_empty() || local_name.as_bytes() == self.zone_name;
            if local_offset == offset && named {
                return Some(here(instant));
            }
            return Some(Time { instant, zone: Zone::Fixed(offset, self.zone_name()) });
        }
        if !self.zone_name.is_empty() {
            return self.in_named_zone(utc, local, earlier);
        }
        // A clock that jumps: Go takes the offset before the jump in a gap, and the first of two.
        let instant = local.to_ambiguous_zoned(clock).compatible().ok()?.timestamp();
        Some(here(instant))
    }

    /// A zone by abbreviation: that of the local zone if it is one of its own, else unknown.
    fn in_named_zone(
        &self,
        utc: Timestamp,
        local: &TimeZone,
        earlier: impl Fn(i32) -> Option<Timestamp>,
    ) -> Option<Time> {
        let here = |instant| Time { instant, zone: Zone::Named(local.clone()) };
        let half_year = jiff::SignedDuration::from_hours(24 * 183);
        for probe in [Some(utc), utc.checked_add(half_year).ok(), utc.checked_sub(half_year).ok()] {
            let (offset, name) = here(probe?).offset();
            if name.as_bytes() == self.zone_name {
                return Some(here(earlier(offset)?));
            }
        }
        let hours = self.zone_name.strip_prefix(b"GMT").filter(|hours| !hours.is_empty());
        let hours = hours.and_then(|hours| str::from_utf8(hours).ok()?.parse::<i32>().ok());
        let offset = hours.unwrap_or(0) * 3600;
        // Go keeps the clock as it was read and only names it.
        let shown = Time { instant: utc, zone: Zone::Fixed(offset, self.zone_name()) };
        Some(shown)
    }

    fn zone_name(&self) -> Rc<str> {
        crate::value::lossy(&self.zone_name).into()
    }
}
