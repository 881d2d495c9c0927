//! What goes over the socket: one line of JSON asks, lines of JSON answer.
//!
//! The question is an [`Envelope`]. Each line of the answer is an [`Answer`]: any number of items, then the end, or
//! an error in their place. A version that the other side does not know is an error.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// The version of the words below.
pub(super) const VERSION: u32 = 1;

/// A question and the version of its words.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Envelope {
    pub(super) version: u32,
    pub(super) request: Request,
}

/// What is asked.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) enum Request {
    /// Every lane.
    Lanes,
    /// Send nothing to this receiver until it is resumed.
    Pause { receiver: String },
    /// Go on, at once.
    Resume { receiver: String },
    /// Park the oldest events that wait.
    Skip { receiver: String, events: u64 },
    /// Give up everything that waits.
    Drop { receiver: String },
    /// What is parked; `whole` with the documents.
    Parked { which: Which, whole: bool },
    /// Send parked events again.
    Retry { which: Which },
    /// Give parked events up.
    Discard { which: Which },
    /// Send once more what was sent.
    Replay {
        receiver: String,
        /// In microseconds since 1970.
        since: i64,
        until: Option<i64>,
    },
}

/// Which parked events.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Which {
    /// Each as `RECEIVER/ROW`; any when empty.
    pub(crate) ids: Vec<String>,
    pub(crate) receiver: Option<String>,
    pub(crate) namespace: Option<String>,
    pub(crate) reason: Option<String>,
    /// Parked then or later, in microseconds since 1970.
    pub(crate) since: Option<i64>,
}

/// A line of the answer.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Answer {
    /// One of several things.
    Item(Value),
    /// What was done.
    End(Value),
    /// Why it was not.
    Error(String),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_on_the_socket_stay_as_they_are() {
        let which = Which { receiver: Some("alerts".into()), ..Which::default() };
        let envelope = Envelope { version: VERSION, request: Request::Retry { which } };
        assert_eq!(
            serde_json::to_string(&envelope).unwrap(),
            r#"{"version":1,"request":{"retry":{"which":{"ids":[],"receiver":"alerts","namespace":null,"reason":null,"since":null}}}}"#
        );
        let lanes = Envelope { version: VERSION, request: Request::Lanes };
        let text = r#"{"version":1,"request":"lanes"}"#;
        assert_eq!(serde_json::to_string(&lanes).unwrap(), text);
        let end = Answer::End(serde_json::json!({"events": 3}));
        assert_eq!(serde_json::to_string(&end).unwrap(), r#"{"end":{"events":3}}"#);
    }
}
