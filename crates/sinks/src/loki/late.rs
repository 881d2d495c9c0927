//! Lines that Loki does not take at the time of their event: a stream takes nothing that is much older than its newest
//! line, and no stream takes what is older than a week or of the future. Such lines go to the time of sending, and say
//! their own.
//!
//! The answers are those of `pkg/validation/validate.go` and `pkg/ingester/stream.go` of Loki.

use std::ops::RangeInclusive;

use bytes::Bytes;
use event::time;
use jiff::{SignedDuration, Timestamp};

use super::Push;
use crate::answer::Answer;

/// What an answer says of lines that are too old or too new.
const SAID: &[&str] = &["too far behind", "too old", "out of order", "too new"];

/// What comes before the time from which on lines are taken.
const OLDEST: &str = "oldest acceptable timestamp is: ";

/// What was taken, when `answer` says that something came at a wrong time.
pub(super) fn bounds(answer: &Answer, now: Timestamp) -> Option<RangeInclusive<Timestamp>> {
    if answer.status.as_u16() != 400 || !SAID.iter().any(|said| answer.says(said)) {
        return None;
    }
    let text = String::from_utf8_lossy(&answer.body);
    let oldest = text.split(OLDEST).skip(1).filter_map(|rest| {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "-:.+".contains(c)));
        time::parse(rest[..end.unwrap_or(rest.len())].trim_end_matches('.'))
    });
    // It is told in whole seconds. Old versions tell none: then nothing but now will do.
    let second = SignedDuration::from_secs(1);
    let oldest = oldest.max().and_then(|time| time.checked_add(second).ok());
    let too_new = answer.says("too new");
    let oldest = oldest.unwrap_or(if too_new { Timestamp::MIN } else { now });
    Some(oldest.min(now)..=now)
}

/// The push in `body` with what is out of `bounds` at their end; nothing when nothing is. Unless they say it
/// themselves, lines that move get their time written into them.
pub(super) fn moved(
    body: &[u8],
    bounds: RangeInclusive<Timestamp>,
    write_time: bool,
) -> Option<Bytes> {
    let mut push: Push = serde_json::from_slice(body).ok()?;
    let end = bounds.end().as_nanosecond();
    let mut moved = 0;
    for (time, line) in push.streams.iter_mut().flat_map(|stream| &mut stream.values) {
        let at = Timestamp::from_nanosecond(time.parse().ok()?).ok()?;
        if bounds.contains(&at) {
            continue;
        }
        // One after the other, in the order in which they were.
        *time = (end + moved).to_string();
        moved += 1;
        if write_time {
            *line = with_time(line, at);
        }
    }
    (moved > 0).then(|| push.bytes())
}

fn with_time(line: &str, at: Timestamp) -> String {
    match line.strip_prefix('{') {
        Some(rest) if rest.trim_start().starts_with('"') => {
            format!("{{\"eventTimestamp\":\"{at}\",{rest}")
        }
        _ => format!("{at} {line}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_moves_says_its_time() {
        let at = "2024-06-01T10:00:00Z".parse().unwrap();
        for (line, expected) in [
            (r#"{"a":1}"#, r#"{"eventTimestamp":"2024-06-01T10:00:00Z","a":1}"#),
            ("{}", "2024-06-01T10:00:00Z {}"),
            ("BackOff", "2024-06-01T10:00:00Z BackOff"),
        ] {
            assert_eq!(with_time(line, at), expected);
        }
    }

    #[test]
    fn only_what_is_out_of_bounds_moves_and_keeps_its_order() {
        let second = |at: i64| Timestamp::from_second(at).unwrap();
        let body = br#"{"streams":[{"stream":{"a":"b"},"values":[
            ["1000000000","one"],["2000000000","two"],["50000000000","fine"],["900000000000","new"]]}]}"#;
        let text = moved(body, second(50)..=second(100), true).unwrap();
        let expected = r#"{"streams":[{"stream":{"a":"b"},"values":[["100000000000","1970-01-01T00:00:01Z one"],["100000000001","1970-01-01T00:00:02Z two"],["50000000000","fine"],["100000000002","1970-01-01T00:15:00Z new"]]}]}"#;
        assert_eq!(text, expected);
        assert_eq!(moved(body, second(0)..=second(1000), true), None);
        assert_eq!(moved(b"nonsense", second(0)..=second(1), true), None);
    }
}
