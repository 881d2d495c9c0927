//! Points in time as people give them: `2h`, which is two hours ago, or `2026-11-20T02:10:00Z`.

use event::{Clock, SystemClock};
use jiff::{SignedDuration, Timestamp};

use crate::settings::Age;

/// Reads one, for clap: in microseconds since 1970.
pub(super) fn parse(text: &str) -> Result<i64, String> {
    read(text, SystemClock.now()).map(Timestamp::as_microsecond)
}

fn read(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Some(Age(age)) = Age::parse(text) {
        let ago = SignedDuration::try_from(age).ok().and_then(|age| now.checked_sub(age).ok());
        return ago.ok_or_else(|| "so long ago there was no time".into());
    }
    text.parse().map_err(|_| {
        "write for example `2h`, which is two hours ago, or `2026-11-20T02:10:00Z`".into()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_so_long_ago_or_a_time() {
        let now: Timestamp = "2026-11-20T15:00:00Z".parse().unwrap();
        assert_eq!(read("2h", now).unwrap().to_string(), "2026-11-20T13:00:00Z");
        let time = "2026-11-20T02:10:00Z";
        assert_eq!(read(time, now).unwrap().to_string(), time);
        assert_eq!(read("2026-11-20T04:10:00+02:00", now).unwrap().to_string(), time);
        for wrong in ["", "2", "yesterday", "-2h", "99999999999d"] {
            assert!(read(wrong, now).is_err(), "{wrong}");
        }
    }
}
