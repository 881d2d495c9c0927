//! What an HTTP answer means to a lane: wait, stop and probe, or park.

use std::time::Duration;

use bytes::Bytes;
use event::SendError;
use jiff::{Timestamp, fmt::rfc2822::DateTimeParser};
use reqwest::{StatusCode, header::HeaderMap};

use crate::{secrets::Secrets, visible::visible};

static HTTP_DATE: DateTimeParser = DateTimeParser::new();

/// Longest part of an answer's body in an error, in characters.
const EXCERPT: usize = 300;

/// What a destination answered, for those who have to look into it before they judge.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    /// Its beginning, where it is very long.
    pub body: Bytes,
    /// What `Retry-After` asked for.
    pub wait: Option<Duration>,
    /// Who answered what, without secrets.
    pub(crate) reason: String,
    /// Who answered: scheme, host and port.
    pub place: String,
    pub(crate) secrets: Secrets,
}

impl Answer {
    /// What the status means: the body of a success, or the error.
    pub fn judge(self) -> Result<Bytes, SendError> {
        judge(self.status, self.wait, self.reason).map(|()| self.body)
    }

    /// Whatever the status says, it means: later.
    pub fn unavailable(self) -> SendError {
        SendError::Unavailable { reason: self.reason, retry_after: self.wait }
    }

    /// Whatever the status says, it means: not from us, or not there. `hint` says what to do; it may be empty.
    pub fn blocked(self, hint: &str) -> SendError {
        let reason = if hint.is_empty() { self.reason } else { format!("{}; {hint}", self.reason) };
        SendError::Blocked { reason }
    }

    /// Whatever the status says, it means: not this.
    pub(crate) fn rejected(self) -> SendError {
        SendError::Rejected { reason: self.reason }
    }

    /// A part of the answer as it may be shown: without secrets, on one line, short.
    pub fn shown(&self, text: &str) -> String {
        excerpt(&visible(&self.secrets.hide(text)))
    }

    /// Whether the body holds `text`.
    pub fn says(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

/// Success, or the error that the lane acts on.
///
/// 405 and 410 speak of the address, not of the record, so they block as 404 does: parking every event
/// would not help.
pub fn judge(
    status: StatusCode,
    retry_after: Option<Duration>,
    reason: String,
) -> Result<(), SendError> {
    match status.as_u16() {
        200..300 => Ok(()),
        408 | 425 | 429 | 500.. => Err(SendError::Unavailable { reason, retry_after }),
        ..=399 | 401 | 403 | 404 | 405 | 407 | 410 => Err(SendError::Blocked { reason }),
        _ => Err(SendError::Rejected { reason }),
    }
}

/// Reads `Retry-After`: seconds, or an HTTP date; one that is past means now.
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = HTTP_DATE.parse_timestamp(value).ok()?;
    Some(Duration::try_from(date.duration_since(now)).unwrap_or_default())
}

/// `text` short enough for an error.
pub(crate) fn excerpt(text: &str) -> String {
    let mut chars = text.chars();
    let mut excerpt: String = chars.by_ref().take(EXCERPT).collect();
    if chars.next().is_some() {
        excerpt.push('…');
    }
    excerpt
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(status: u16) -> &'static str {
        let status = StatusCode::from_u16(status).unwrap();
        match judge(status, None, String::new()) {
            Ok(()) => "ok",
            Err(SendError::Unavailable { .. }) => "unavailable",
            Err(SendError::Blocked { .. }) => "blocked",
            Err(SendError::Rejected { .. }) => "rejected",
            Err(SendError::Partial { .. }) => "partial",
        }
    }

    #[test]
    fn every_status_has_its_consequence() {
        for (statuses, expected) in [
            (&[200, 201, 202, 204, 299][..], "ok"),
            (&[408, 425, 429, 500, 502, 503, 504, 599], "unavailable"),
            (&[300, 301, 302, 304, 401, 403, 404, 405, 407, 410], "blocked"),
            (&[400, 402, 406, 409, 411, 413, 415, 422, 451], "rejected"),
        ] {
            for status in statuses {
                assert_eq!(word(*status), expected, "{status}");
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = "1994-11-06T08:49:00Z".parse().unwrap();
        let wait = |value| retry_after(value, now).map(|wait| wait.as_secs());
        assert_eq!(wait("120"), Some(120));
        assert_eq!(wait(" 0 "), Some(0));
        assert_eq!(wait("Sun, 06 Nov 1994 08:49:37 GMT"), Some(37));
        assert_eq!(wait("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        for nonsense in ["", "-1", "soon", "1.5"] {
            assert_eq!(wait(nonsense), None, "{nonsense}");
        }
    }

    #[test]
    fn a_long_answer_is_cut() {
        assert_eq!(excerpt("short"), "short");
        assert_eq!(excerpt(&"ä".repeat(1000)), "ä".repeat(EXCERPT) + "…");
    }
}
