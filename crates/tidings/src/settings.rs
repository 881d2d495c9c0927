//! The config file: kubernetes-event-exporter's, and what Tidings adds to it.
//!
//! What is written and what is obeyed are two things: `File` is the first, [`Settings`] the second.
//! Every mistake is reported at once.

use std::path::Path;

use event::{SinkKind, Text};
use pipeline::route::{Repeats, RouteSettings, RuleSettings};
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::kinds;

/// What Tidings obeys.
#[derive(Debug, Clone)]
pub struct Settings {
    /// For example `info`.
    pub log_level: String,
    /// How log lines look.
    pub log_format: LogFormat,
    /// On a start without a position, older events are not sent; in seconds.
    pub max_age: u32,
    /// `max_age` stands in the file.
    pub max_age_is_set: bool,
    /// Copied into every event; empty when not set.
    pub cluster_name: Text,
    /// The namespaces to watch; all when empty.
    pub namespaces: Vec<Text>,
    /// Nothing is looked up of what events are about.
    pub omit_lookup: bool,
    /// Requests a second for what no watch covers.
    pub kube_qps: f32,
    /// So many of them may follow one another at once.
    pub kube_burst: i64,
    /// So many of their answers are kept.
    pub cache_size: usize,
    /// The routing tree.
    pub route: RouteSettings,
    /// The receivers, in the order of the file.
    pub receivers: Vec<Receiver>,
    /// Where this was read, and a short hash of it; for the log.
    pub origin: String,
}

/// One receiver.
#[derive(Debug, Clone)]
pub struct Receiver {
    /// Its name, by which rules call it.
    pub name: Text,
    /// What it gets of an Event that keeps changing.
    pub repeats: Repeats,
    /// Its kind.
    pub kind: &'static SinkKind,
    /// What the kind is to be told.
    pub settings: Value,
}

/// How log lines look.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    #[default]
    Pretty,
    /// One JSON object a line.
    Json,
}

/// The file as it is written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct File {
    log_level: Option<String>,
    log_format: Option<String>,
    throttle_period: Option<i64>,
    max_event_age_seconds: Option<i64>,
    cluster_name: Option<Text>,
    namespace: Option<Text>,
    namespaces: Option<Namespaces>,
    omit_lookup: Option<bool>,
    kube_qps: Option<f32>,
    kube_burst: Option<i64>,
    cache_size: Option<usize>,
    route: Option<RouteSettings>,
    receivers: Option<Vec<Map<String, Value>>>,
}

/// Which namespaces to watch.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Namespaces {
    include: Vec<Text>,
}

/// Age limit where the file has none, in seconds; that of kubernetes-event-exporter.
const MAX_AGE: u32 = 5;
/// Limits of lookups where the file has none; those of kubernetes-event-exporter.
const LIMITS: (f32, i64, usize) = (5.0, 10, 1024);

impl Settings {
    /// Reads the file at `path`.
    pub fn load(path: &Path) -> Result<Self, String> {
        let text = std::fs::read_to_string(path)
            .map_err(|error| format!("the config `{}` cannot be read: {error}", path.display()))?;
        Self::parse(&text, &path.display().to_string())
    }

    /// Reads the text of a file called `name`.
    pub fn parse(text: &str, name: &str) -> Result<Self, String> {
        let file: Option<File> = if text.trim().is_empty() {
            None
        } else {
            serde_saphyr::from_str(text).map_err(|error| format!("{name}: {error}"))?
        };
        let file = file.unwrap_or_default();
        let mut mistakes = Vec::new();
        let log_format = match file.log_format.as_deref() {
            None | Some("" | "pretty") => LogFormat::Pretty,
            Some("json") => LogFormat::Json,
            Some(other) => {
                mistakes.push(format!("logFormat: `{other}` is neither `json` nor `pretty`"));
                LogFormat::Pretty
            }
        };
        let throttle = file.throttle_period.filter(|seconds| *seconds != 0);
        let age = file.max_event_age_seconds.filter(|seconds| *seconds != 0);
        if throttle.is_some() && age.is_some() {
            mistakes.push("maxEventAgeSeconds, throttlePeriod: set only the first".into());
        }
        let age = age.or(throttle);
        let one = file.namespace.filter(|name| !name.is_empty());
        let several = file.namespaces.unwrap_or_default().include;
        if one.is_some() && !several.is_empty() {
            mistakes.push("namespace, namespaces.include: set only the second".into());
        }
        let namespaces = one.map_or(several, |one| vec![one]);
        let mut receivers = Vec::new();
        for (index, receiver) in file.receivers.unwrap_or_default().into_iter().enumerate() {
            match Receiver::new(receiver) {
                Ok(receiver) => receivers.push(receiver),
                Err(mistake) => mistakes.push(format!("receivers[{index}]{mistake}")),
            }
        }
        if !mistakes.is_empty() {
            return Err(format!("{name}:\n  {}", mistakes.join("\n  ")));
        }
        let hash = xxhash_rust::xxh3::xxh3_64(text.as_bytes());
        Ok(Self {
            log_level: file.log_level.filter(|level| !level.is_empty()).unwrap_or("info".into()),
            log_format,
            max_age: age.map_or(MAX_AGE, |age| u32::try_from(age.max(0)).unwrap_or(u32::MAX)),
            max_age_is_set: age.is_some(),
            cluster_name: file.cluster_name.unwrap_or_default(),
            namespaces,
            omit_lookup: file.omit_lookup.unwrap_or_default(),
            kube_qps: file.kube_qps.filter(|it| *it != 0.0).unwrap_or(LIMITS.0),
            kube_burst: file.kube_burst.filter(|it| *it != 0).unwrap_or(LIMITS.1),
            cache_size: file.cache_size.filter(|it| *it != 0).unwrap_or(LIMITS.2),
            route: file.route.unwrap_or_default(),
            receivers,
            origin: format!("{name} ({:08x})", hash >> 32),
        })
    }

    /// What happens without a file: everything, as readable lines, on the terminal.
    pub fn for_terminal() -> Self {
        let kind = kinds::find("stdout").expect("stdout is always built in");
        let name = Text::from("terminal");
        let rule = RuleSettings { receiver: name.clone(), ..RuleSettings::default() };
        Self {
            log_level: "info".into(),
            log_format: LogFormat::Pretty,
            max_age: MAX_AGE,
            max_age_is_set: false,
            cluster_name: Text::default(),
            namespaces: Vec::new(),
            omit_lookup: false,
            kube_qps: LIMITS.0,
            kube_burst: LIMITS.1,
            cache_size: LIMITS.2,
            route: RouteSettings { matches: vec![rule], ..RouteSettings::default() },
            receivers: vec![Receiver {
                name,
                repeats: Repeats::Every,
                kind,
                settings: serde_json::json!({"format": "pretty"}),
            }],
            origin: "none (everything goes to the terminal)".into(),
        }
    }
}

impl Receiver {
    fn new(mut written: Map<String, Value>) -> Result<Self, String> {
        let name = match written.remove("name") {
            Some(Value::String(name)) if !name.is_empty() => name,
            _ => return Err(": `name` is missing; rules call a receiver by its name".into()),
        };
        let repeats = match written.remove("repeats") {
            None | Some(Value::Null) => Repeats::default(),
            Some(value) => serde_json::from_value(value)
                .map_err(|_| format!(" `{name}`: `repeats` is neither `first` nor `every`"))?,
        };
        // A sink that is null is not configured; of two, the first in the table counts.
        let kind = kinds::all().find(|kind| written.get(kind.name).is_some_and(|it| !it.is_null()));
        let Some(kind) = kind else {
            let found: Vec<_> = written.keys().map(|key| format!("`{key}`")).collect();
            let known: Vec<_> = kinds::all().map(|kind| format!("`{}`", kind.name)).collect();
            let found = if found.is_empty() { "nothing".into() } else { found.join(", ") };
            let known = known.join(", ");
            return Err(format!(
                " `{name}`: no kind of receiver that this version knows: found {found}; known are {known} (write `{{}}` for one without settings)"
            ));
        };
        let settings = written.remove(kind.name).unwrap_or_default();
        Ok(Self { name: name.into(), repeats, kind, settings })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_original_file_is_read() {
        let settings = Settings::parse(
            "logFormat: json\nclusterName: prod\nmaxEventAgeSeconds: 60\nroute:\n  routes:\n  - match:\n    - receiver: dump\nreceivers:\n- name: dump\n  stdout: {}\n- name: hook\n  repeats: every\n  webhook: {endpoint: 'http://x/'}\n",
            "config.yaml",
        )
        .unwrap();
        assert_eq!(settings.log_format, LogFormat::Json);
        assert_eq!((settings.max_age, settings.max_age_is_set), (60, true));
        let kinds: Vec<_> =
            settings.receivers.iter().map(|it| (it.kind.name, it.repeats)).collect();
        assert_eq!(kinds, [("stdout", Repeats::First), ("webhook", Repeats::Every)]);
    }

    #[test]
    fn an_empty_file_is_accepted() {
        let settings = Settings::parse("", "config.yaml").unwrap();
        assert_eq!((settings.max_age, settings.receivers.len()), (5, 0));
    }

    #[test]
    fn every_mistake_is_told_at_once() {
        let mistakes = Settings::parse(
            "logFormat: yaml\nmaxEventAgeSeconds: 1\nthrottlePeriod: 2\nreceivers:\n- stdout: {}\n- name: a\n  stdout:\n- name: b\n  kineis: {}\n- name: c\n  repeats: often\n  stdout: {}\n",
            "config.yaml",
        )
        .unwrap_err();
        assert_eq!(
            mistakes,
            "config.yaml:\n  logFormat: `yaml` is neither `json` nor `pretty`\n  \
             maxEventAgeSeconds, throttlePeriod: set only the first\n  \
             receivers[0]: `name` is missing; rules call a receiver by its name\n  \
             receivers[1] `a`: no kind of receiver that this version knows: found `stdout`; known are `stdout`, `file`, `webhook` (write `{}` for one without settings)\n  \
             receivers[2] `b`: no kind of receiver that this version knows: found `kineis`; known are `stdout`, `file`, `webhook` (write `{}` for one without settings)\n  \
             receivers[3] `c`: `repeats` is neither `first` nor `every`"
        );
    }
}
