//! Why two sides differ, as far as it can be told: mostly a row of `docs/reference/differences.md`.

use std::collections::HashSet;

use jiff::Timestamp;
use serde_json::Value;

use super::record::Record;

/// Why, with the row's id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Reason {
    /// `D30`, or a word.
    pub(crate) id: &'static str,
    /// What is known of it.
    pub(crate) text: &'static str,
    /// Where in the payload; empty for the whole of it.
    pub(crate) path: String,
}

impl Reason {
    const fn of(id: &'static str, text: &'static str) -> Self {
        Self { id, text, path: String::new() }
    }

    fn at(self, path: &str) -> Self {
        Self { path: path.to_owned(), ..self }
    }

    pub(crate) const TWICE: Self = Self::of(
        "D20",
        "the original sends an event as often as the tree reaches the receiver, and again after a restart (D50)",
    );
    const LATER: Self = Self::of(
        "D22",
        "the original looks only at an Event's creation; this is another revision of an Event that it has sent",
    );
    const FIRST: Self = Self::of(
        "D22",
        "of this Event ours has another revision: a receiver gets the first that a rule sends it, and each with `repeats: every`",
    );
    const TIMELESS: Self =
        Self::of("D51", "the original drops Events with neither lastTimestamp nor eventTime");
    const OUTSIDE: Self =
        Self::of("time", "it happened before the first or after the last event of the other side");
    const UNKNOWN: Self = Self::of("unknown", "no difference that is known explains it");
    const ORDER: Self = Self::of("order", "the same values; keys or white space stand otherwise");
    const NULL: Self =
        Self::of("D30", "the original writes null for numbers and booleans of a layout");
    const ZONE: Self =
        Self::of("D39", "the original prints times in the time zone of its container");
    const SORTED: Self =
        Self::of("D37", "the original gives `keys` and `values` in another order each time");
    const OBJECT: Self = Self::of(
        "D23",
        "labels, annotations, owners or deletion of the object were looked up at another time, or not at all",
    );
    const POINTER: Self = Self::of("D71", "the original prints an address of memory");
    const VERSION: Self = Self::of(
        "version",
        "older versions of the original write `managedFields`, and leave out `clusterName`, `eventTime` or `deleted`",
    );
    const CLUSTER: Self = Self::of("config", "the two configs differ in `clusterName`");
}

/// From the first event of a side to its last; nothing where payloads tell no time.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Times(Option<(Timestamp, Timestamp)>);

impl Times {
    pub(crate) fn of(records: &[Record]) -> Self {
        let times = records.iter().filter_map(|record| time(&record.value));
        Self(times.fold(None, |span, time| match span {
            None => Some((time, time)),
            Some((first, last)) => Some((time.min(first), time.max(last))),
        }))
    }

    fn excludes(self, record: &Record) -> bool {
        let Some((first, last)) = self.0 else { return false };
        time(&record.value).is_some_and(|time| time < first || time > last)
    }
}

/// When the event of a whole document happened.
fn time(value: &Value) -> Option<Timestamp> {
    let keys = ["lastTimestamp", "eventTime", "firstTimestamp"];
    keys.iter().find_map(|key| value.get(key)?.as_str()?.parse().ok())
}

/// Why only the original has it.
pub(crate) fn alone_theirs(record: &Record, ours: &HashSet<String>, times: &Times) -> Reason {
    if ours.contains(&record.uid) {
        Reason::FIRST
    } else if times.excludes(record) {
        Reason::OUTSIDE
    } else {
        Reason::UNKNOWN
    }
}

/// Why only Tidings has it.
pub(crate) fn alone_ours(record: &Record, theirs: &HashSet<String>, times: &Times) -> Reason {
    let value = &record.value;
    let is_timeless = value.get("involvedObject").is_some()
        && value["lastTimestamp"].is_null()
        && value["eventTime"].is_null();
    if theirs.contains(&record.uid) {
        Reason::LATER
    } else if is_timeless {
        Reason::TIMELESS
    } else if times.excludes(record) {
        Reason::OUTSIDE
    } else {
        Reason::UNKNOWN
    }
}

/// Why two payloads of the same event have other bytes: each reason once.
pub(crate) fn different(theirs: &Record, ours: &Record) -> Vec<Reason> {
    let mut reasons = Vec::new();
    if theirs.value.is_null() || ours.value.is_null() {
        return vec![Reason::UNKNOWN];
    }
    compare(&theirs.value, &ours.value, "", &mut reasons);
    if reasons.is_empty() {
        reasons.push(Reason::ORDER);
    }
    reasons
}

fn compare(theirs: &Value, ours: &Value, path: &str, reasons: &mut Vec<Reason>) {
    if theirs == ours {
        return;
    }
    let mut found = |reason: Reason| {
        if !reasons.iter().any(|known| known.id == reason.id) {
            reasons.push(reason.at(path));
        }
    };
    match (theirs, ours) {
        _ if path == ".clusterName" => found(Reason::CLUSTER),
        _ if is_looked_up(path) => found(Reason::OBJECT),
        (Value::Null, Value::Number(_) | Value::Bool(_)) => found(Reason::NULL),
        (Value::Object(theirs), Value::Object(ours)) => {
            let nothing = Value::Null;
            let more = ours.keys().filter(|key| !theirs.contains_key(*key));
            for key in theirs.keys().chain(more) {
                let (a, b) = (theirs.get(key), ours.get(key));
                let path = format!("{path}.{key}");
                if a.is_none() || b.is_none() {
                    missing(&path, a.is_none(), reasons);
                } else {
                    compare(a.unwrap_or(&nothing), b.unwrap_or(&nothing), &path, reasons);
                }
            }
        }
        (Value::Array(a), Value::Array(b)) if is_permuted(a, b) => found(Reason::SORTED),
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            for (at, (a, b)) in a.iter().zip(b).enumerate() {
                compare(a, b, &format!("{path}[{at}]"), reasons);
            }
        }
        (Value::String(a), Value::String(b)) if is_same_time(a, b) => found(Reason::ZONE),
        (Value::String(a), Value::String(b)) if is_pointer(a, b) => found(Reason::POINTER),
        _ => found(Reason::UNKNOWN),
    }
}

/// A key that one side does not have.
fn missing(path: &str, is_ours: bool, reasons: &mut Vec<Reason>) {
    let reason = match path {
        ".clusterName" | ".eventTime" | ".involvedObject.deleted" if is_ours => Reason::VERSION,
        ".metadata.managedFields" if !is_ours => Reason::VERSION,
        _ if is_looked_up(path) => Reason::OBJECT,
        _ => Reason::UNKNOWN,
    };
    if !reasons.iter().any(|known| known.id == reason.id) {
        reasons.push(reason.at(path));
    }
}

/// What stands there was looked up of the object; also where a layout calls it so.
fn is_looked_up(path: &str) -> bool {
    let in_object = path.to_ascii_lowercase();
    let words = ["labels", "annotations", "ownerreferences", "deleted"];
    let of_event = in_object.starts_with(".metadata.");
    !of_event && words.iter().any(|word| in_object.split(['.', '[']).any(|key| key == *word))
}

fn is_permuted(a: &[Value], b: &[Value]) -> bool {
    let sorted = |values: &[Value]| {
        let mut texts: Vec<_> = values.iter().map(ToString::to_string).collect();
        texts.sort();
        texts
    };
    a.len() == b.len() && sorted(a) == sorted(b)
}

/// The same time in another zone, also where both claim the same: a whole number of quarter hours apart.
fn is_same_time(a: &str, b: &str) -> bool {
    const QUARTER: i64 = 15 * 60;
    let (Ok(a), Ok(b)) = (a.parse::<Timestamp>(), b.parse::<Timestamp>()) else { return false };
    let apart = a.as_second() - b.as_second();
    a.subsec_nanosecond() == b.subsec_nanosecond()
        && apart % QUARTER == 0
        && apart.abs() <= 14 * 3600
}

/// Texts that are the same but for addresses.
fn is_pointer(a: &str, b: &str) -> bool {
    let without = |text: &str| {
        let mut parts = text.split("0xc0");
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |sum, part| {
            sum + "@" + part.trim_start_matches(|c: char| c.is_ascii_hexdigit())
        })
    };
    a.contains("0xc0") && without(a) == without(b)
}
