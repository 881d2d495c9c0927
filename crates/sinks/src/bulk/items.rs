//! What a store's answer to a bulk request means for each of its documents.

use std::collections::BTreeMap;

use event::SendError;
use serde::Deserialize;
use serde_json::Value;

use crate::answer::Answer;

/// The answer to a bulk request that was carried out.
#[derive(Deserialize)]
struct Items {
    errors: bool,
    #[serde(default)]
    items: Vec<BTreeMap<String, Item>>,
}

/// What became of one document.
#[derive(Deserialize)]
struct Item {
    #[serde(default)]
    status: u16,
    #[serde(default)]
    error: Value,
}

/// What the lane is to do about a document.
#[derive(Debug, PartialEq, Eq)]
enum Outcome {
    Taken,
    Again(String),
    Blocked(String),
    Refused(String),
}

/// What an answer to `events` documents means.
pub(crate) fn judge(kind: &str, answer: Answer, events: usize) -> Result<(), SendError> {
    if !answer.status.is_success() {
        return match hint(&answer) {
            Some(hint) => Err(answer.blocked(&hint.replace("KIND", kind))),
            None => answer.judge().map(drop),
        };
    }
    let Items { errors, items } = match serde_json::from_slice(&answer.body) {
        Ok(items) => items,
        Err(error) if error.is_eof() => return Err(answer.unavailable()),
        Err(_) => return Err(answer.blocked(&format!("this is no bulk API of {kind}"))),
    };
    if !errors {
        return Ok(());
    }
    let mut outcomes: Vec<_> = items.iter().map(|item| outcome(item, &answer)).collect();
    outcomes.resize_with(events, || Outcome::Again("it was not answered".into()));
    combine(&answer.place, outcomes)
}

/// What to do about an answer that refuses all documents, and not for their sake.
fn hint(answer: &Answer) -> Option<&'static str> {
    const HINTS: &[(&str, &str)] = &[
        ("type is missing", "versions before 7 want a type: set `KIND.type`"),
        ("unknown parameter [_type]", "this version knows no types: remove `KIND.type`"),
    ];
    let hint = HINTS.iter().find(|(said, _)| answer.says(said));
    hint.filter(|_| answer.status.as_u16() == 400).map(|(_, hint)| *hint)
}

fn outcome(item: &BTreeMap<String, Item>, answer: &Answer) -> Outcome {
    let Some((action, item)) = item.first_key_value() else {
        return Outcome::Again("it was not answered".into());
    };
    let why = || answer.shown(&why(item));
    match item.status {
        200..300 => Outcome::Taken,
        // The id is the event's: it was stored before, and its answer was lost.
        409 if action == "create" => Outcome::Taken,
        409 | 408 | 429 | 500.. => Outcome::Again(why()),
        401 | 403 | 404 => Outcome::Blocked(why()),
        _ => match refuses_all(&item.error.to_string()) {
            Some("") => Outcome::Blocked(why()),
            Some(hint) => Outcome::Blocked(format!("{}; {hint}", why())),
            None => Outcome::Refused(why()),
        },
    }
}

/// Whether an error says that no document is taken there, and what to do.
fn refuses_all(error: &str) -> Option<&'static str> {
    const ERRORS: &[(&str, &str)] = &[
        // Elasticsearch and OpenSearch, each in its words.
        ("single-valued timestamp field", "the index is a data stream: set `dataStream: true`"),
        ("data stream timestamp field", "the index is a data stream: set `dataStream: true`"),
        ("op_type of create are allowed", "the index is a data stream: set `dataStream: true`"),
        ("invalid_index_name_exception", ""),
        ("index_closed_exception", ""),
        ("no write index is defined", ""),
        ("maximum shards open", ""),
        ("maximum normal shards open", ""),
        ("pipeline with id", ""),
    ];
    ERRORS.iter().find(|(part, _)| error.contains(part)).map(|(_, hint)| *hint)
}

/// `mapper_parsing_exception: failed to parse: …`
fn why(item: &Item) -> String {
    let mut text = item.status.to_string();
    let mut error = &item.error;
    while let Some(kind) = error["type"].as_str() {
        text.push_str(": ");
        text.push_str(kind);
        if let Some(reason) = error["reason"].as_str() {
            text.push_str(": ");
            text.push_str(reason);
        }
        error = &error["caused_by"];
    }
    if let Some(error) = item.error.as_str() {
        text.push_str(": ");
        text.push_str(error);
    }
    text
}

fn combine(place: &str, outcomes: Vec<Outcome>) -> Result<(), SendError> {
    let all = outcomes.len();
    let mut failed = Vec::new();
    let (mut taken, mut refused) = (0, 0);
    let (mut blocked, mut again) = (None, None);
    for (index, outcome) in outcomes.into_iter().enumerate() {
        match outcome {
            Outcome::Taken => taken += 1,
            Outcome::Refused(why) => {
                refused += 1;
                failed.push((index, Some(why)));
            }
            Outcome::Blocked(why) => {
                blocked.get_or_insert(why);
                failed.push((index, None));
            }
            Outcome::Again(why) => {
                again.get_or_insert(why);
                failed.push((index, None));
            }
        }
    }
    // What is blocked comes alone in the end, when all others are taken or parked.
    match (blocked, again) {
        (None, None) if refused == 0 => Ok(()),
        (Some(why), None) if taken + refused == 0 => {
            Err(SendError::Blocked { reason: format!("{place}: {why}") })
        }
        (blocked, Some(why)) if taken + refused == 0 => {
            let why = blocked.unwrap_or(why);
            let reason = format!("{place}: none of {all} documents was taken: {why}");
            Err(SendError::Unavailable { reason, retry_after: None })
        }
        (None, None) if all == 1 => {
            let why = failed.pop().and_then(|(_, why)| why).unwrap_or_default();
            Err(SendError::Rejected { reason: format!("{place}: {why}") })
        }
        _ => Err(SendError::Partial { failed }),
    }
}
