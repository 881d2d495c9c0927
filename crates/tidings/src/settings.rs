//! The config file: kubernetes-event-exporter's, and what Tidings adds to it.
//!
//! Bytes → `expand` (variables) → `compose` (a tree in which everything knows its place) → `file` (the
//! keys, read as the original reads them) → `load` (what is obeyed) → `review` (what is surely not
//! meant). Everything that is wrong is told at once, each with its place, by [`Loaded`].

use std::path::Path;

use event::Text;
use pipeline::{
    limits::LimitsSettings,
    route::{Repeats, RouteSettings, RuleSettings},
};
use serde::{Deserialize, Serialize};

use crate::kinds;

mod amount;

mod compose;

pub(crate) mod document;

mod election;

mod expand;

mod file;

mod finding;

mod footprint;

mod foreign;

mod inside;

mod level;

mod load;

mod node;

mod older;

mod receiver;

mod remark;

mod review;

mod scalar;

mod sending;

mod shown;

mod simple;

mod source;

pub use amount::{Age, Size};
pub use election::LeaderElection;
pub use expand::{Environment, process};
pub use finding::{Finding, Place, Severity};
pub use footprint::Footprint;
pub(crate) use foreign::Foreign;
pub use load::{Loaded, Reading};
pub use receiver::{Origin, Overflow, Receiver};
pub use sending::Sending;
pub(crate) use shown::is_secret;

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
    /// Whether only one of several replicas watches.
    pub leader_election: LeaderElection,
    /// Most requests a second to the API server; without limit when negative.
    pub kube_qps: f32,
    /// Most requests at once.
    pub kube_burst: i64,
    /// How many objects are remembered.
    pub cache_size: usize,
    /// What the old metrics' names begin with.
    pub metrics_name_prefix: String,
    /// Metrics.
    pub metrics: MetricsSettings,
    /// How much the journal may take.
    pub journal: JournalSettings,
    /// How much of one namespace receivers are sent.
    pub limits: LimitsSettings,
    /// Who is asked whether events arrive.
    pub canary: CanarySettings,
    /// Never look up the involved object.
    pub omit_lookup: bool,
    /// The routing tree.
    pub route: RouteSettings,
    /// The receivers, in the order of the file.
    pub receivers: Vec<Receiver>,
    /// Where this was read, and a short hash of it; for the log.
    pub origin: String,
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

/// `metrics`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct MetricsSettings {
    /// Where they are served, for example `:2112`.
    pub address: Option<String>,
    /// Older sets of names to serve beside ours.
    pub legacy: Vec<String>,
    /// The most series.
    pub max_series: Option<u64>,
}

/// `canary`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct CanarySettings {
    /// How often; every five minutes when not set.
    pub every: Option<Age>,
    /// Through which it has to come back; without any none is written.
    pub receivers: Vec<Text>,
}

/// `journal`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JournalSettings {
    /// Of everything in the file; the smaller of 10 GiB and half the volume when not set.
    pub max_bytes: Option<Size>,
    /// Of parked events.
    pub parked: ParkedSettings,
}

/// `journal.parked`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ParkedSettings {
    /// The most that they take; the smaller of 1 GiB and a tenth of the journal when not set.
    pub max_bytes: Option<Size>,
    /// How long they are kept; 30 days when not set.
    pub max_age: Option<Age>,
}

impl Settings {
    /// Reads the file at `path`, with the environment of this process.
    pub fn load(path: &Path) -> Result<Self, String> {
        let reading = Reading { strict: false, environment: &process };
        Loaded::from_file(path, reading).into_settings()
    }

    /// Reads the text of a file called `name`, with the environment of this process.
    pub fn parse(text: &str, name: &str) -> Result<Self, String> {
        let reading = Reading { strict: false, environment: &process };
        Loaded::from_bytes(text.as_bytes(), name, Path::new(""), reading).into_settings()
    }

    /// What happens without a file: everything, as readable lines, on the terminal.
    pub fn for_terminal() -> Self {
        let kind = kinds::find("stdout").expect("stdout is always built in");
        let name = Text::from("terminal");
        let rule = RuleSettings { receiver: name.clone(), ..RuleSettings::default() };
        Self {
            log_level: "info".into(),
            log_format: LogFormat::Pretty,
            max_age: load::MAX_AGE,
            max_age_is_set: false,
            cluster_name: Text::default(),
            namespaces: Vec::new(),
            leader_election: LeaderElection::default(),
            kube_qps: load::KUBE_QPS,
            kube_burst: load::KUBE_BURST,
            cache_size: load::CACHE_SIZE,
            metrics_name_prefix: String::new(),
            metrics: MetricsSettings::default(),
            journal: JournalSettings::default(),
            limits: LimitsSettings::default(),
            canary: CanarySettings::default(),
            omit_lookup: false,
            route: RouteSettings { matches: vec![rule], ..RouteSettings::default() },
            receivers: vec![Receiver {
                name,
                repeats: Repeats::Every,
                sending: Sending::default(),
                kind,
                settings: serde_json::json!({"format": "pretty"}),
                overflow: Overflow::Drop,
                origin: Origin::default(),
            }],
            origin: "none (everything goes to the terminal)".into(),
        }
    }
}

#[cfg(test)]
mod tests;
