//! `time.Time.Format` and `String`. Source: `time/format.go`.

use jiff::civil::DateTime;

use super::{
    Time, Zone,
    layout::{self, Part},
};

/// English names of months, as layouts print them.
pub(crate) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// English names of weekdays, as layouts print them; Sunday is first.
pub(crate) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

impl Time {
    /// Appends the time in this layout.
    pub fn write_format(&self, out: &mut Vec<u8>, layout: &[u8]) {
        let civil = self.civil();
        let mut rest = layout;
        loop {
            let (before, part, after) = layout::next(rest);
            out.extend_from_slice(before);
            let Some(part) = part else { return };
            self.write_part(out, civil, part);
            rest = after;
        }
    }

    /// The time in this layout, for example `2006-01-02`.
    pub fn format(&self, layout: &str) -> String {
        let mut out = Vec::with_capacity(layout.len() + 10);
        self.write_format(&mut out, layout.as_bytes());
        String::from_utf8(out).unwrap_or_default()
    }

    /// Appends what Go's `String` gives, for example `2024-06-01 10:00:00 +0000 UTC`.
    pub fn write_string(&self, out: &mut Vec<u8>) {
        self.write_format(out, b"2006-01-02 15:04:05.999999999 -0700 MST");
    }

    /// What Go's `GoString` gives: how the time would be written in a program.
    pub(crate) fn go_string(&self) -> String {
        let civil = self.civil();
        let month = MONTHS[usize::try_from(civil.month() - 1).unwrap_or_default()];
        let location = match &self.zone {
            Zone::Utc => "time.UTC".to_owned(),
            // The only zone with rules that is called so is the local one.
            Zone::Named(zone) => match zone.iana_name() {
                Some(name) if name != "UTC" => format!("time.Location({name:?})"),
                _ => "time.Local".to_owned(),
            },
            Zone::Fixed(_, name) => format!("time.Location({name:?})"),
        };
        format!(
            "time.Date({}, time.{month}, {}, {}, {}, {}, {}, {location})",
            civil.year(),
            civil.day(),
            civil.hour(),
            civil.minute(),
            civil.second(),
            self.nanosecond()
        )
    }

    fn write_part(&self, out: &mut Vec<u8>, civil: DateTime, part: Part) {
        let month = || MONTHS[usize::try_from(civil.month() - 1).unwrap_or_default()];
        let weekday = || {
            WEEKDAYS[usize::try_from(civil.weekday().to_sunday_zero_offset()).unwrap_or_default()]
        };
        let hour = i32::from(civil.hour());
        let hour12 = (hour + 11) % 12 + 1;
        match part {
            Part::LongMonth => out.extend_from_slice(month().as_bytes()),
            Part::Month => out.extend_from_slice(&month().as_bytes()[..3]),
            Part::NumMonth => number(out, civil.month().into(), 0, b'0'),
            Part::ZeroMonth => number(out, civil.month().into(), 2, b'0'),
            Part::LongWeekday => out.extend_from_slice(weekday().as_bytes()),
            Part::Weekday => out.extend_from_slice(&weekday().as_bytes()[..3]),
            Part::Day => number(out, civil.day().into(), 0, b'0'),
            Part::UnderDay => number(out, civil.day().into(), 2, b' '),
            Part::ZeroDay => number(out, civil.day().into(), 2, b'0'),
            Part::UnderYearDay => number(out, civil.day_of_year().into(), 3, b' '),
            Part::ZeroYearDay => number(out, civil.day_of_year().into(), 3, b'0'),
            Part::Hour => number(out, hour, 2, b'0'),
            Part::Hour12 => number(out, hour12, 0, b'0'),
            Part::ZeroHour12 => number(out, hour12, 2, b'0'),
            Part::Minute => number(out, civil.minute().into(), 0, b'0'),
            Part::ZeroMinute => number(out, civil.minute().into(), 2, b'0'),
            Part::Second => number(out, civil.second().into(), 0, b'0'),
            Part::ZeroSecond => number(out, civil.second().into(), 2, b'0'),
            Part::LongYear => number(out, civil.year().into(), 4, b'0'),
            Part::Year => number(out, i32::from(civil.year()).max(0) % 100, 2, b'0'),
            Part::Pm => out.extend_from_slice(if hour >= 12 { b"PM" } else { b"AM" }),
            Part::LowerPm => out.extend_from_slice(if hour >= 12 { b"pm" } else { b"am" }),
            Part::Zone => self.write_zone(out),
            Part::Offset { iso, colon, digits } => {
                write_offset(out, self.east().seconds(), iso, colon, digits);
            }
            Part::Fraction { separator, digits } => self.fraction(out, separator, digits, false),
            Part::TrimmedFraction { separator, digits } => {
                self.fraction(out, separator, digits, true);
            }
        }
    }

    fn write_zone(&self, out: &mut Vec<u8>) {
        let (seconds, name) = self.offset();
        if !name.is_empty() {
            out.extend_from_slice(name.as_bytes());
            return;
        }
        // No name: the offset, minutes only where there are any.
        out.push(if seconds < 0 { b'-' } else { b'+' });
        let minutes = seconds.abs() / 60;
        number(out, minutes / 60, 2, b'0');
        number(out, minutes % 60, 2, b'0');
    }

    fn fraction(&self, out: &mut Vec<u8>, separator: u8, digits: u8, trim: bool) {
        let mut text = format!("{:09}", self.nanosecond()).into_bytes();
        text.resize(usize::from(digits).min(9).max(usize::from(!trim)), b'0');
        text.resize(usize::from(digits).min(9), b'0');
        if trim {
            while text.last() == Some(&b'0') {
                text.pop();
            }
            if text.is_empty() {
                return;
            }
        }
        out.push(separator);
        out.extend_from_slice(&text);
        if !trim {
            out.resize(out.len() + usize::from(digits).saturating_sub(9), b'0');
        }
    }
}

fn write_offset(out: &mut Vec<u8>, seconds: i32, iso: bool, colon: bool, digits: u8) {
    if iso && seconds == 0 {
        out.push(b'Z');
        return;
    }
    out.push(if seconds < 0 { b'-' } else { b'+' });
    let seconds = seconds.abs();
    let parts = [seconds / 3600, seconds / 60 % 60, seconds % 60];
    for (index, part) in parts.into_iter().take(usize::from(digits / 2)).enumerate() {
        if colon && index > 0 {
            out.push(b':');
        }
        number(out, part, 2, b'0');
    }
}

/// A number with at least so many digits.
fn number(out: &mut Vec<u8>, number: i32, width: usize, fill: u8) {
    if number < 0 {
        out.push(b'-');
    }
    let mut digits = [0; 10];
    let (mut rest, mut start) = (number.unsigned_abs(), digits.len());
    loop {
        start -= 1;
        digits[start] = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let digits = &digits[start..];
    out.resize(out.len() + width.saturating_sub(digits.len()), fill);
    out.extend_from_slice(digits);
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use crate::time::{Time, Zone};

    fn time() -> Time {
        Time::utc("2009-02-04T21:00:57.012345678Z".parse().unwrap())
    }

    #[test]
    fn layouts_print_as_in_go() {
        for (layout, text) in [
            ("Mon Jan _2 15:04:05 2006", "Wed Feb  4 21:00:57 2009"),
            ("Monday, 02-Jan-06 15:04:05 MST", "Wednesday, 04-Feb-09 21:00:57 UTC"),
            ("2006-01-02T15:04:05.999999999Z07:00", "2009-02-04T21:00:57.012345678Z"),
            ("3:04PM", "9:00PM"),
            ("Jan _2 15:04:05.000000", "Feb  4 21:00:57.012345"),
            ("January Janet", "February Janet"),
            ("002 __2 _2006", "035  35 _2009"),
            ("05,000 5.0 .9 .09 .00x", "57,012 57.0  .09 .01x"),
            ("-07 -0700 -07:00:00 Z0700", "+00 +0000 +00:00:00 Z"),
            ("Plain text", "Plain text"),
        ] {
            assert_eq!(time().format(layout), text, "{layout}");
        }
    }

    #[test]
    fn a_time_prints_its_zone() {
        let mut out = Vec::new();
        time().in_zone(Zone::Fixed(-19_800, Rc::from(""))).write_string(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "2009-02-04 15:30:57.012345678 -0530 -0530");
        let mut out = Vec::new();
        Time::zero().write_string(&mut out);
        assert_eq!(String::from_utf8(out).unwrap(), "0001-01-01 00:00:00 +0000 UTC");
    }
}
