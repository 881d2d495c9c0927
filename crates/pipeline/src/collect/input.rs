//! `--source`: the same way for a stream or a file instead of an API server.
//!
//! Takes what `kubectl get events -o json` prints in all its forms: a list, one object a line, one
//! after the other, and watch envelopes; core/v1 and events.k8s.io/v1.

use event::{Event, counting::Arrival, json};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::{
    json_stream::{Piece, Splitter},
    judge::{judge, judge_deleted},
};
use crate::{Save, Way};

/// Reads a stream piece by piece.
#[derive(Debug, Default)]
pub struct Input {
    splitter: Splitter,
    /// What was read so far.
    pub count: Count,
}

/// What an input brought.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Event objects.
    pub events: u64,
    /// Deletions, which are never delivered.
    pub deleted: u64,
    /// Pieces that are no Event.
    pub unreadable: u64,
}

/// What one piece of the input is.
enum Item {
    Living(Event),
    Deleted(Event),
    Nothing,
    Unreadable(String),
}

impl Input {
    /// Takes bytes: every Event that is complete now goes into `way`. `now` is in seconds since 1970;
    /// Events older than `max_age` seconds are state, not news.
    pub fn take<S: Save>(
        &mut self,
        bytes: &[u8],
        way: &mut Way<S>,
        now: u32,
        max_age: Option<u32>,
    ) {
        let Self { splitter, count } = self;
        splitter.push(bytes, |piece| {
            let item = match piece {
                Piece::Item(bytes) | Piece::Value(bytes) => read(bytes),
                Piece::ListHead(_) => Item::Nothing,
            };
            match item {
                Item::Living(event) => {
                    count.events += 1;
                    let seen = event::time::to_u32(event.timestamp());
                    let old = max_age.is_some_and(|limit| now.saturating_sub(seen) > limit);
                    let arrival = if old { Arrival::FirstList } else { Arrival::Live };
                    let judged = judge(&way.live, event, arrival, now);
                    way.take(judged);
                }
                Item::Deleted(event) => {
                    count.deleted += 1;
                    let judged = judge_deleted(&way.live, event, now);
                    way.take(judged);
                }
                Item::Nothing => {}
                Item::Unreadable(why) => {
                    count.unreadable += 1;
                    tracing::warn!(%why, "a piece of the input is no event; skipped");
                }
            }
        });
    }

    /// Whether the input ended in the middle of something.
    pub fn is_torn(&self) -> bool {
        self.splitter.is_torn()
    }
}

#[derive(Deserialize)]
struct Envelope<'a> {
    r#type: Option<String>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    kind: Option<String>,
}

fn read(bytes: &[u8]) -> Item {
    let unreadable = |error: &dyn std::fmt::Display| {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]).into_owned();
        Item::Unreadable(format!("{error}: {start}"))
    };
    let read = json::lossy(bytes, |bytes| {
        let envelope: Envelope<'_> = serde_json::from_slice(bytes)?;
        // An Event has a `type` too, but no `object`.
        let Some(object) = envelope.object else {
            return match envelope.kind.as_deref() {
                None | Some("Event") => json::decode(bytes).map(Item::Living),
                Some(kind) => Ok(Item::Unreadable(format!("an object of kind {kind}"))),
            };
        };
        let object = object.get().as_bytes();
        match envelope.r#type.as_deref() {
            Some("DELETED") => json::decode(object).map(Item::Deleted),
            Some("BOOKMARK") => Ok(Item::Nothing),
            Some("ERROR") => Ok(Item::Unreadable(String::from_utf8_lossy(object).into_owned())),
            _ => json::decode(object).map(Item::Living),
        }
    });
    read.unwrap_or_else(|error| unreadable(&error))
}
