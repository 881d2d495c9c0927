//! The file of `tidings test` as it is written.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use event::{Event, Stop, json};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    inputs,
    settings::{Settings, document::Document},
};

/// The whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct File {
    /// The config, relative to this file.
    pub(super) config: PathBuf,
    /// Variables that the config asks for, before those of the process.
    pub(super) env: BTreeMap<String, String>,
    /// What templates take for now; without it, the event's own time.
    now: String,
    pub(super) tests: Vec<Case>,
}

/// One test.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Case {
    pub(super) name: String,
    /// An Event as the API or kubernetes-event-exporter writes it.
    event: Option<Value>,
    /// A file with one, relative to this file.
    event_file: PathBuf,
    now: String,
    pub(super) expect: Expect,
}

/// What is expected of it.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Expect {
    /// Exactly these, in any order.
    pub(super) receivers: Option<Vec<String>>,
    /// Of a receiver what it is given: a text, byte for byte, or JSON, value for value.
    pub(super) payloads: BTreeMap<String, Value>,
    /// No receiver gets it.
    pub(super) dropped: bool,
}

/// Keys of an Event, in both of its forms.
const EVENT: [&str; 25] = [
    "apiVersion",
    "kind",
    "metadata",
    "involvedObject",
    "regarding",
    "reason",
    "message",
    "note",
    "source",
    "firstTimestamp",
    "lastTimestamp",
    "count",
    "type",
    "eventTime",
    "series",
    "action",
    "related",
    "reportingComponent",
    "reportingController",
    "reportingInstance",
    "clusterName",
    "deprecatedSource",
    "deprecatedCount",
    "deprecatedFirstTimestamp",
    "deprecatedLastTimestamp",
];

/// Keys of its `involvedObject`, with what is known of the object.
const OBJECT: [&str; 13] = [
    "kind",
    "namespace",
    "name",
    "uid",
    "apiVersion",
    "resourceVersion",
    "fieldPath",
    "labels",
    "annotations",
    "ownerReferences",
    "ownerChain",
    "namespaceLabels",
    "deleted",
];

/// Reads it, with everything that is wrong whatever the config says.
pub(super) fn read(path: &Path) -> (Document, File) {
    let (mut document, file) = Document::read::<File>(path);
    if !document.is_read() {
        return (document, file);
    }
    if file.config.as_os_str().is_empty() {
        let hint = "write `config: ` and its path, relative to this file";
        document.mistake("config", "there is no config to test", hint);
    }
    if file.tests.is_empty() {
        let hint = "write `tests:` and a list of `{name, event, expect}`";
        document.mistake("tests", "there are no tests", hint);
    }
    check_time(&file.now, "now", &mut document);
    for (index, case) in file.tests.iter().enumerate() {
        let at = format!("tests[{index}]");
        if case.name.is_empty() {
            document.mistake(&at, "this test has no `name`", "");
        }
        check_time(&case.now, &format!("{at}.now"), &mut document);
        let has_file = !case.event_file.as_os_str().is_empty();
        match (&case.event, has_file) {
            (None, false) => {
                document.mistake(&at, "this test has no event", "write `event:` or `eventFile:`");
            }
            (Some(_), true) => {
                let message = "`event` is there too";
                document.mistake(&format!("{at}.eventFile"), message, "keep one of them");
            }
            (Some(event), false) => check_keys(event, &format!("{at}.event"), &mut document),
            (None, true) => {}
        }
        check_expect(&case.expect, &format!("{at}.expect"), &mut document);
    }
    (document, file)
}

fn check_expect(expect: &Expect, at: &str, document: &mut Document) {
    let named = expect.receivers.as_ref().is_some_and(|names| !names.is_empty());
    if expect.dropped && (named || !expect.payloads.is_empty()) {
        let message = "an event that is dropped has neither receivers nor payloads";
        document.mistake(&format!("{at}.dropped"), message, "remove it, or them");
    }
    if expect.receivers.is_none() && expect.payloads.is_empty() && !expect.dropped {
        let hint = "write `receivers: [...]`, `payloads: {receiver: ...}` or `dropped: true`";
        document.mistake(at, "nothing is expected", hint);
    }
}

fn check_keys(event: &Value, at: &str, document: &mut Document) {
    let mut check = |value: &Value, at: &str, known: &[&'static str]| {
        for key in value.as_object().into_iter().flatten().map(|(key, _)| key) {
            if !known.contains(&&**key) {
                document.unknown(&format!("{at}.{key}"), known);
            }
        }
    };
    check(event, at, &EVENT);
    for key in ["involvedObject", "regarding"] {
        check(&event[key], &format!("{at}.{key}"), &OBJECT);
    }
}

fn check_time(time: &str, at: &str, document: &mut Document) {
    if !time.is_empty() && time.parse::<Timestamp>().is_err() {
        document.mistake(at, "this is no time", "write for example `2026-01-02T03:04:05Z`");
    }
}

/// Every receiver that the test names must be one of the config.
pub(super) fn check_names(case: &Case, at: &str, settings: &Settings, document: &mut Document) {
    let is_known = |name: &str| settings.receivers.iter().any(|it| it.name == name);
    let known: Vec<_> = settings.receivers.iter().map(|it| format!("`{}`", it.name)).collect();
    let hint = format!("the receivers of the config are {}", known.join(", "));
    let mut check = |name: &str, path: String| {
        if !is_known(name) {
            document.mistake(&path, format!("there is no receiver `{name}`"), &hint);
        }
    };
    for (index, name) in case.expect.receivers.iter().flatten().enumerate() {
        check(name, format!("{at}.expect.receivers[{index}]"));
    }
    for name in case.expect.payloads.keys() {
        check(name, format!("{at}.expect.payloads.{name}"));
    }
}

/// The event of a test; nothing when it cannot be read, which is noted.
pub(super) async fn event(
    case: &Case,
    at: &str,
    folder: &Path,
    document: &mut Document,
    stop: &Stop,
) -> Option<Event> {
    if let Some(event) = &case.event {
        let bytes = serde_json::to_vec(event).unwrap_or_default();
        return json::decode_exported(&bytes)
            .map_err(|error| {
                // The place is one in our own copy.
                let why = error.to_string();
                let why = why.split(" at line ").next().unwrap_or_default();
                let hint = "texts that look like numbers stand in quotes";
                document.mistake(&format!("{at}.event"), format!("this is no Event: {why}"), hint);
            })
            .ok();
    }
    let read = inputs::one(&folder.join(&case.event_file), stop).await;
    read.map_err(|failure| {
        let causes: Vec<_> = failure.error.chain().map(ToString::to_string).collect();
        document.mistake(&format!("{at}.eventFile"), causes.join(": "), "");
    })
    .ok()
}

/// What templates take for now.
pub(super) fn now(case: &Case, file: &File, event: &Event) -> Timestamp {
    let written = [&case.now, &file.now].into_iter().find_map(|time| time.parse().ok());
    written.or_else(|| event.timestamp()).unwrap_or(Timestamp::UNIX_EPOCH)
}
