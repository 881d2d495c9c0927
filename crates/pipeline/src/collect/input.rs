//! `--source`: the same way for a stream or a file instead of an API server.
//!
//! Takes what `kubectl get events -o json` prints in all its forms: a list, one object a line, one
//! after the other, and watch envelopes; core/v1 and events.k8s.io/v1.

use event::{Event, counting::Arrival, json};
use serde::{Deserialize, de::IgnoredAny};
use serde_json::value::RawValue;

use super::{
    json_stream::{Piece, Splitter},
    judge::{judge, judge_deleted},
};
use crate::{Save, Way};

/// Cuts a stream into Events, as the bytes come.
#[derive(Debug)]
pub struct Reader {
    splitter: Splitter,
    decode: Decode,
}

/// How the JSON of one Event is read.
pub type Decode = fn(&[u8]) -> Result<Event, serde_json::Error>;

/// Reads a stream piece by piece into a [`Way`].
#[derive(Debug)]
pub struct Input {
    reader: Reader,
    /// What was read so far.
    pub count: Count,
    /// When the newest Event happened, and what that was when the last were forgotten; in seconds since 1970.
    newest: u32,
    swept: u32,
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

/// So many pieces that are no Event are shown: a log of something else must not fill ours.
const TOLD: u64 = 10;
const MORE: u64 = TOLD + 1;

/// An input need not say what is deleted: Events that happened so many seconds before the newest are forgotten. An API
/// server forgets them after an hour, and seldom later than this.
const REMEMBERED: u32 = 24 * 60 * 60;
/// And looked for so seldom.
const SWEEP_EVERY: u32 = 60 * 60;

/// What one piece of the input is.
#[derive(Debug)]
pub enum Item {
    /// An Event that is there.
    Living(Box<Event>),
    /// The last state of one that is gone.
    Deleted(Box<Event>),
    /// Nothing to do with Events, and nothing wrong: a bookmark, the head of a list.
    Nothing,
    /// Why it is no Event, with its first characters.
    Unreadable(String),
}

impl Reader {
    /// A reader that reads each Event so.
    pub fn new(decode: Decode) -> Self {
        Self { splitter: Splitter::default(), decode }
    }

    /// Takes bytes, and hands on everything that is complete now.
    pub fn push(&mut self, bytes: &[u8], mut found: impl FnMut(Item)) {
        let Self { splitter, decode } = self;
        splitter.push(bytes, |piece| {
            found(match piece {
                Piece::Item(bytes) | Piece::Value(bytes) => read(bytes, *decode),
                Piece::ListHead(_) => Item::Nothing,
            });
        });
    }

    /// Whether the input ended in the middle of something.
    pub fn is_torn(&self) -> bool {
        self.splitter.is_torn()
    }
}

impl Default for Input {
    fn default() -> Self {
        Self { reader: Reader::new(json::decode), count: Count::default(), newest: 0, swept: 0 }
    }
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
        let Self { reader, count, newest, swept } = self;
        reader.push(bytes, |item| match item {
            Item::Living(event) => {
                count.events += 1;
                let seen = event::time::to_u32(event.timestamp());
                *newest = seen.min(now).max(*newest);
                let old = max_age.is_some_and(|limit| now.saturating_sub(seen) > limit);
                let arrival = if old { Arrival::FirstList } else { Arrival::Live };
                let judged = judge(&way.live, event, arrival, now);
                way.take(judged, 0, None);
            }
            Item::Deleted(event) => {
                count.deleted += 1;
                let judged = judge_deleted(&way.live, event, now);
                way.take(judged, 0, None);
            }
            Item::Nothing => {}
            Item::Unreadable(why) => {
                count.unreadable += 1;
                match count.unreadable {
                    ..=TOLD => {
                        tracing::warn!(%why, "a piece of the input is no event; skipped");
                    }
                    MORE => {
                        tracing::warn!("more pieces are no events; they are only counted");
                    }
                    _ => {}
                }
            }
        });
        if *newest >= swept.saturating_add(SWEEP_EVERY) {
            *swept = *newest;
            way.live.expire(newest.saturating_sub(REMEMBERED));
        }
    }

    /// Whether the input ended in the middle of something.
    pub fn is_torn(&self) -> bool {
        self.reader.is_torn()
    }
}

/// What tells an Event, a message of a watch, and anything else apart.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", expecting = "an object")]
struct Outside<'a> {
    r#type: Option<String>,
    #[serde(borrow)]
    object: Option<&'a RawValue>,
    kind: Option<String>,
    involved_object: Option<IgnoredAny>,
    regarding: Option<IgnoredAny>,
}

impl Outside<'_> {
    /// Why it is no Event. The items of a list that the server itself has written name no kind.
    fn refusal(&self) -> Option<String> {
        match self.kind.as_deref() {
            Some("Event") => None,
            Some(kind) => Some(format!("an object of kind {kind}")),
            None if self.involved_object.is_some() || self.regarding.is_some() => None,
            None => Some("neither an Event nor a message of a watch".into()),
        }
    }
}

fn read(bytes: &[u8], decode: Decode) -> Item {
    let unreadable = |why: &dyn std::fmt::Display| {
        let start = String::from_utf8_lossy(&bytes[..bytes.len().min(120)]);
        // It goes to a log, perhaps to a terminal.
        let start = start.replace(char::is_control, "\u{fffd}");
        Item::Unreadable(format!("{why}: {start}"))
    };
    let living = |event| Item::Living(Box::new(event));
    let read = json::lossy(bytes, |bytes| {
        let outside: Outside<'_> = serde_json::from_slice(bytes)?;
        // An Event has a `type` too, but no `object`.
        let Some(object) = outside.object else {
            return match outside.refusal() {
                Some(why) => Ok(unreadable(&why)),
                None => decode(bytes).map(living),
            };
        };
        let (kind, object) = (outside.r#type.as_deref(), object.get().as_bytes());
        match kind {
            Some("BOOKMARK") => return Ok(Item::Nothing),
            Some("ERROR") => {
                return Ok(Item::Unreadable(String::from_utf8_lossy(object).into_owned()));
            }
            _ => {}
        }
        match (serde_json::from_slice::<Outside<'_>>(object)?.refusal(), kind) {
            (Some(why), _) => Ok(unreadable(&why)),
            (None, Some("DELETED")) => decode(object).map(|event| Item::Deleted(Box::new(event))),
            (None, _) => decode(object).map(living),
        }
    });
    read.unwrap_or_else(|error| unreadable(&error))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use event::journal::{Commit, Committed, JournalError};

    use super::*;
    use crate::{
        enrich::Enricher,
        route::{RouteSettings, Router},
        save::live::Live,
    };

    struct Nowhere;

    impl Save for Nowhere {
        async fn commit(&self, _: Commit) -> Result<Committed, JournalError> {
            Ok(Committed::default())
        }
    }

    /// An Event that happened in the `hour`th hour of a year.
    fn line(hour: u32) -> String {
        let (day, hour_of_day) = (1 + hour / 24, hour % 24);
        format!(
            r#"{{"kind":"Event","apiVersion":"v1","metadata":{{"name":"a.{hour}","namespace":"shop","uid":"{hour}","resourceVersion":"{}"}},"reason":"BackOff","count":1,"lastTimestamp":"2026-01-{day:02}T{hour_of_day:02}:30:00Z"}}"#,
            hour + 1
        )
    }

    #[test]
    fn of_an_input_that_tells_no_deletions_the_last_day_is_remembered() {
        let (router, _) = Router::new(&RouteSettings::default(), &[]);
        let mut way = Way::new(Live::new(), Enricher::default(), router, Nowhere);
        let mut input = Input::default();
        let mut most = 0;
        for hour in 0..720 {
            let mut text = String::new();
            writeln!(text, "{}", line(hour)).unwrap();
            // Once more, a day later, what is still remembered.
            writeln!(text, "{}", line(hour.saturating_sub(23))).unwrap();
            input.take(text.as_bytes(), &mut way, u32::MAX, None);
            most = most.max(way.live.len());
        }
        assert_eq!(input.count.events, 1440);
        assert_eq!(most, 25);
    }
}
