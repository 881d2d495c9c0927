//! The receivers: each has a name and one kind.

use event::{SinkKind, Text};
use pipeline::route::Repeats;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{
    remark::{self, Remark},
    sending::{self, Sending},
};
use crate::kinds;

/// One receiver.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its name, by which rules call it.
    pub name: Text,
    /// What it gets of an Event that keeps changing.
    pub repeats: Repeats,
    /// How it is sent to.
    pub sending: Sending,
    /// Its kind.
    pub kind: &'static SinkKind,
    /// What the kind is to be told.
    pub settings: Value,
    /// What it loses when the journal is full.
    pub overflow: Overflow,
    /// Where it was written.
    pub origin: Origin,
}

/// What a receiver loses when the journal is full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// Its oldest events, if it has most to get.
    #[default]
    Drop,
    /// Nothing: the watch waits for it.
    Wait,
}

/// Where something was written.
#[derive(Debug, Clone, Default)]
pub struct Origin {
    /// Which file: the config itself, then what it includes.
    pub(super) source: usize,
    /// The keys that lead there: `receivers[0]`.
    pub(super) path: String,
}

impl Receiver {
    /// Reads the receiver at `path` of this file. Without a mistake among the remarks there is one, unless it has no
    /// name.
    pub(super) fn read(written: &Value, origin: Origin, remarks: &mut Vec<Remark>) -> Option<Self> {
        let path = &*origin.path;
        let nothing = Map::new();
        let written = match written {
            Value::Object(object) if !event::written::is_dangling(written) => object,
            Value::Null => &nothing,
            _ => {
                remarks
                    .push(Remark::mistake(path, "a mapping is expected, with `name` and a kind"));
                return None;
            }
        };
        let at = |key: &str| format!("{path}.{key}");
        let name: Text = part(written, "name", path, remarks);
        let repeats: Repeats = part(written, "repeats", path, remarks);
        let sending = Sending::read(written, path, remarks);
        let overflow: Overflow = part(written, "overflow", path, remarks);
        for key in written.keys().filter(|key| !is_known(key)) {
            let known = ["name", "repeats", "overflow"].into_iter().chain(sending::KEYS);
            let known = known.chain(kinds::names());
            let mut unknown = remark::unknown(at(key), known);
            if kinds::EMPTY.contains(&key.as_str()) {
                unknown.hint =
                    Some("this kind does nothing in kubernetes-event-exporter either".into());
            }
            remarks.push(unknown);
        }
        // A kind that is null is not there; of two, the first in the original's order counts.
        let is_there = |name: &&str| written.get(*name).is_some_and(|it| !it.is_null());
        let mut there = kinds::names().filter(is_there);
        let Some(first) = there.next() else {
            remarks.push(no_kind(written, path, &name));
            return None;
        };
        for other in there {
            let message =
                format!("one receiver has one kind; `{first}` counts, and this is ignored");
            let hint = "make it a receiver of its own, with another name";
            remarks.push(Remark::warning(at(other), message).on_key().hint(hint));
        }
        // The original decodes all of them, and refuses any that cannot be.
        for kind in kinds::all().filter(|kind| written.contains_key(kind.name)) {
            let flaws = (kind.check)(&written[kind.name], &at(kind.name));
            remarks.extend(flaws.into_iter().map(Remark::from));
        }
        let Some(kind) = kinds::find(first) else {
            if let Some(feature) = kinds::left_out(first) {
                let message = format!("this build has no `{first}`");
                let hint = format!(
                    "take a release, or build it in: cargo build --release -p tidings --features {feature}"
                );
                remarks.push(Remark::mistake(at(first), message).on_key().hint(hint));
                return None;
            }
            let message = format!("receivers of the kind `{first}` are not built yet");
            remarks.push(Remark::mistake(at(first), message).on_key().hint(KINDS));
            return None;
        };
        if name.is_empty() {
            let message = "without a `name` no rule can reach this receiver; it is left out";
            remarks.push(Remark::warning(path, message).hint("write `name: …`"));
            return None;
        }
        let settings = event::written::without_dangling(written[first].clone());
        Some(Self { name, repeats, sending, kind, settings, overflow, origin })
    }
}

/// The value under `key`; the zero value when it is not there, or a mistake.
pub(super) fn part<T: serde::de::DeserializeOwned + Default>(
    written: &Map<String, Value>,
    key: &str,
    path: &str,
    remarks: &mut Vec<Remark>,
) -> T {
    let value = written.get(key).filter(|value| !value.is_null());
    let Some(value) = value else { return T::default() };
    let decoded = event::written::decode(value, &format!("{path}.{key}"));
    remarks.extend(decoded.flaws.into_iter().map(Remark::from));
    decoded.value.unwrap_or_default()
}

fn is_known(key: &str) -> bool {
    matches!(key, "name" | "repeats" | "overflow")
        || sending::KEYS.contains(&key)
        || kinds::names().any(|kind| kind == key)
}

/// Where the kinds are: there are too many for a line.
const KINDS: &str = "docs/reference/receivers.md has the kinds of this version";

fn no_kind(written: &Map<String, Value>, path: &str, name: &str) -> Remark {
    let who = if name.is_empty() { "this receiver".into() } else { format!("`{name}`") };
    // With nothing under the word, the original sees no kind either.
    let empty = kinds::names().find(|kind| written.contains_key(*kind));
    if let Some(kind) = empty {
        let message =
            format!("{who} has nothing under `{kind}`, which is the same as no kind at all");
        let hint = format!("write `{kind}: {{}}` for one without settings");
        return Remark::mistake(format!("{path}.{kind}"), message).on_key().hint(hint);
    }
    let mut meant = written.keys().filter(|key| !is_known(key));
    let meant = meant.find_map(|key| remark::similar(key, kinds::names()));
    let hint = meant.map_or_else(|| KINDS.to_owned(), |meant| format!("did you mean `{meant}`?"));
    Remark::mistake(path, format!("{who} has no kind that is known")).hint(hint)
}
