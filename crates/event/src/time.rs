//! The two time formats of the Kubernetes API: `Time` (whole seconds) and `MicroTime` (six decimals).
//!
//! Source: `k8s.io/apimachinery/pkg/apis/meta/v1/{time,micro_time}.go`. Both print UTC with `Z`; the
//! zero time of Go (year 1) is printed as `null` and read as nothing.

use jiff::{
    Timestamp,
    fmt::temporal::{DateTimeParser, DateTimePrinter},
};

static PARSER: DateTimeParser = DateTimeParser::new();
static SECONDS: DateTimePrinter = DateTimePrinter::new().precision(Some(0));
static MICROS: DateTimePrinter = DateTimePrinter::new().precision(Some(6));

/// Seconds of Go's zero time, 0001-01-01T00:00:00Z, counted from 1970.
const GO_ZERO: i64 = -62_135_596_800;

/// Reads an RFC 3339 time with any offset and any number of decimals.
///
/// `None` for the zero time and for text that is no time: recorders write both, and a bad time must
/// never cost the event.
pub fn parse(text: &str) -> Option<Timestamp> {
    PARSER.parse_timestamp(text).ok().filter(|time| time.as_second() != GO_ZERO)
}

/// A time from seconds and nanoseconds since 1970, as protobuf carries it.
///
/// `None` for the zero time and for what no calendar holds.
pub fn from_parts(seconds: i64, nanos: i32) -> Option<Timestamp> {
    Timestamp::new(seconds, nanos).ok().filter(|time| time.as_second() != GO_ZERO)
}

/// A time cut to whole seconds, which is all that `Time` carries; before 1970 too it is an earlier one.
pub fn whole_seconds(time: Timestamp) -> Timestamp {
    let seconds = time.as_second() - i64::from(time.subsec_nanosecond() < 0);
    Timestamp::from_second(seconds).unwrap_or(time)
}

/// Appends `2024-06-01T10:00:00Z`.
pub fn write_seconds(out: &mut Vec<u8>, time: Timestamp) {
    SECONDS.print_timestamp(&time, Buffer(out)).expect("a vector takes every write");
}

/// Appends `2024-06-01T10:00:00.000000Z`.
pub fn write_micros(out: &mut Vec<u8>, time: Timestamp) {
    MICROS.print_timestamp(&time, Buffer(out)).expect("a vector takes every write");
}

/// Seconds since 1970 that fit the live table: what lies outside is moved to its edge.
pub fn to_u32(time: Option<Timestamp>) -> u32 {
    let seconds = time.map_or(0, Timestamp::as_second).max(0);
    u32::try_from(seconds).unwrap_or(u32::MAX)
}

struct Buffer<'a>(&'a mut Vec<u8>);

impl jiff::fmt::Write for Buffer<'_> {
    fn write_str(&mut self, text: &str) -> Result<(), jiff::Error> {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seconds(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write_seconds(&mut out, parse(text)?);
        String::from_utf8(out).ok()
    }

    fn micros(text: &str) -> Option<String> {
        let mut out = Vec::new();
        write_micros(&mut out, parse(text)?);
        String::from_utf8(out).ok()
    }

    #[test]
    fn a_time_before_1970_is_cut_to_an_earlier_one_too() {
        let cut = |text| whole_seconds(parse(text).unwrap()).as_second();
        assert_eq!(cut("1969-12-31T23:59:58.5Z"), -2);
        assert_eq!(cut("1969-12-31T23:59:58Z"), -2);
        assert_eq!(cut("1970-01-01T00:00:01.5Z"), 1);
    }

    #[test]
    fn times_print_as_the_api_server_prints_them() {
        assert_eq!(seconds("2024-06-01T10:00:00Z").as_deref(), Some("2024-06-01T10:00:00Z"));
        assert_eq!(seconds("2015-03-01T10:00:00-05:00").as_deref(), Some("2015-03-01T15:00:00Z"));
        assert_eq!(seconds("2024-06-01T10:00:00.999Z").as_deref(), Some("2024-06-01T10:00:00Z"));
        assert_eq!(micros("2024-06-01T10:00:00Z").as_deref(), Some("2024-06-01T10:00:00.000000Z"));
        assert_eq!(
            micros("2024-06-01T10:00:00.1234567Z").as_deref(),
            Some("2024-06-01T10:00:00.123456Z")
        );
    }

    #[test]
    fn the_zero_time_and_nonsense_are_no_time() {
        for text in ["0001-01-01T00:00:00Z", "", "yesterday", "2024-13-01T00:00:00Z"] {
            assert_eq!(parse(text), None, "{text}");
        }
        assert_eq!(from_parts(GO_ZERO, 0), None);
        assert_eq!(from_parts(i64::MAX, 0), None);
    }

    #[test]
    fn times_beyond_the_live_table_move_to_its_edge() {
        assert_eq!(to_u32(None), 0);
        assert_eq!(to_u32(parse("1960-01-01T00:00:00Z")), 0);
        assert_eq!(to_u32(parse("9000-01-01T00:00:00Z")), u32::MAX);
    }
}
