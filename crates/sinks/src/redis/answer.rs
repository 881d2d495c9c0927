//! What an answer of Redis means to a lane: wait, stop and probe, or park.
//!
//! An error begins with a word in capitals, by which it is told; where that is only `ERR`, by its text.

use event::SendError;
use redis::{ServerError, Value};

use crate::{answer::excerpt, stream::Place, visible::visible};

/// What becomes of an event that was answered so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Unavailable,
    Blocked,
    Rejected,
}

/// Success, or the error of a payload with so many events, whose answers are the first of `said`.
pub(super) fn judge(said: &[Value], events: usize, place: &Place) -> Result<(), SendError> {
    let errors: Vec<_> = said.iter().take(events).enumerate().filter_map(error).collect();
    let Some((_, first)) = errors.first() else {
        return if said.len() < events {
            let reason = format!("{place} has not answered everything");
            Err(SendError::Unavailable { reason, retry_after: None })
        } else {
            Ok(())
        };
    };
    let rejected = |error: &&ServerError| kind(error) == Kind::Rejected;
    let none_passed = errors.len() == events;
    if none_passed && (events == 1 || !errors.iter().any(|(_, error)| rejected(error))) {
        return Err(refusal(first, place));
    }
    let failed =
        errors.into_iter().map(|(index, error)| (index, rejected(&error).then(|| text(error))));
    Err(SendError::Partial { failed: failed.collect() })
}

/// Success, or the error of what is said first on a connection: that is never an event's fault.
pub(super) fn greeted(said: &[Value], place: &Place) -> Result<(), SendError> {
    match said.iter().enumerate().find_map(error) {
        None => Ok(()),
        Some((_, error)) => Err(match refusal(error, place) {
            SendError::Rejected { reason } => SendError::Blocked { reason },
            refusal => refusal,
        }),
    }
}

fn error((index, value): (usize, &Value)) -> Option<(usize, &ServerError)> {
    match value {
        Value::ServerError(error) => Some((index, error)),
        _ => None,
    }
}

fn refusal(error: &ServerError, place: &Place) -> SendError {
    let reason = format!("{place} answered {}", text(error));
    match kind(error) {
        Kind::Unavailable => SendError::Unavailable { reason, retry_after: None },
        Kind::Blocked => SendError::Blocked { reason },
        Kind::Rejected => SendError::Rejected { reason },
    }
}

fn text(error: &ServerError) -> String {
    let details = error.details().unwrap_or_default();
    let mut text = excerpt(&visible(&format!("{} {details}", error.code())));
    if matches!(error.code(), "MOVED" | "ASK") {
        text.push_str("; this is a node of a cluster: write the address that it names");
    }
    text
}

fn kind(error: &ServerError) -> Kind {
    let details = error.details().unwrap_or_default();
    match error.code() {
        "OOM" | "LOADING" | "READONLY" | "CLUSTERDOWN" | "MASTERDOWN" | "TRYAGAIN" | "BUSY"
        | "MISCONF" | "NOREPLICAS" | "UNKILLABLE" | "UNBLOCKED" => Kind::Unavailable,
        // What is under the key is not what events can be added to.
        "NOAUTH" | "WRONGPASS" | "NOPERM" | "DENIED" | "WRONGTYPE" | "MOVED" | "ASK"
        | "CROSSSLOT" => Kind::Blocked,
        _ if details.starts_with("max number of clients") => Kind::Unavailable,
        _ if ["unknown command", "AUTH", "invalid password", "Client sent AUTH", "DB index"]
            .iter()
            .any(|start| details.starts_with(start)) =>
        {
            Kind::Blocked
        }
        _ => Kind::Rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(lines: &[&str]) -> Vec<Value> {
        lines
            .iter()
            .map(|line| redis::parse_redis_value(format!("{line}\r\n").as_bytes()).unwrap())
            .collect()
    }

    fn outcome(lines: &[&str]) -> Result<(), SendError> {
        judge(&said(lines), lines.len(), &Place::tcp("redis:6379", None).unwrap())
    }

    #[test]
    fn each_refusal_has_its_consequence() {
        let word = |line: &str| match outcome(&[line]) {
            Ok(()) => "ok",
            Err(SendError::Unavailable { .. }) => "unavailable",
            Err(SendError::Blocked { .. }) => "blocked",
            Err(SendError::Rejected { .. }) => "rejected",
            Err(SendError::Partial { .. }) => "partial",
        };
        for (lines, expected) in [
            (&["+OK", ":1", "$3\r\n1-1"][..], "ok"),
            (
                &[
                    "-OOM command not allowed when used memory > 'maxmemory'.",
                    "-LOADING Redis is loading the dataset in memory",
                    "-READONLY You can't write against a read only replica.",
                    "-MISCONF Redis is configured to save RDB snapshots",
                    "-ERR max number of clients reached",
                ],
                "unavailable",
            ),
            (
                &[
                    "-NOAUTH Authentication required.",
                    "-WRONGPASS invalid username-password pair or user is disabled.",
                    "-NOPERM this user has no permissions to run the 'xadd' command",
                    "-WRONGTYPE Operation against a key holding the wrong kind of value",
                    "-MOVED 3999 127.0.0.1:6381",
                    "-ERR unknown command 'XADD', with args beginning with: 'events'",
                    "-ERR Client sent AUTH, but no password is set",
                    "-ERR DB index is out of range",
                ],
                "blocked",
            ),
            (&["-ERR string exceeds maximum allowed size"], "rejected"),
        ] {
            for line in lines {
                assert_eq!(word(line), expected, "{line}");
            }
        }
    }

    #[test]
    fn of_a_batch_only_what_failed_is_told() {
        assert_eq!(
            outcome(&[":1", "-ERR string exceeds maximum allowed size", "-OOM full"]),
            Err(SendError::Partial {
                failed: vec![
                    (1, Some("ERR string exceeds maximum allowed size".to_owned())),
                    (2, None)
                ]
            })
        );
        assert_eq!(
            outcome(&["-OOM full", "-OOM full"]),
            Err(SendError::Unavailable {
                reason: "redis:6379 answered OOM full".to_owned(),
                retry_after: None
            })
        );
    }

    #[test]
    fn a_node_of_a_cluster_says_where_the_key_is() {
        assert_eq!(
            outcome(&["-MOVED 3999 10.0.0.7:6379"]).unwrap_err().to_string(),
            "blocked: redis:6379 answered MOVED 3999 10.0.0.7:6379; this is a node of a cluster: write the \
             address that it names"
        );
    }
}
