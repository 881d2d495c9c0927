//! The config file as it is written: every key, and what it is when it is not there.

use std::fmt;

use event::Text;
use pipeline::{limits::LimitsSettings, route::RouteSettings};
use serde::{
    Deserialize, Deserializer,
    de::{SeqAccess, Visitor},
};
use serde_json::Value;

use super::{MetricsSettings, election};

/// The keys of the file. Nothing is the zero value, as in the original.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct File {
    pub(super) log_level: String,
    pub(super) log_format: String,
    pub(super) throttle_period: i64,
    pub(super) max_event_age_seconds: i64,
    pub(super) cluster_name: Text,
    pub(super) namespace: Text,
    pub(super) namespaces: Namespaces,
    pub(super) leader_election: election::Written,
    pub(super) route: RouteSettings,
    pub(super) receivers: Vec<Value>,
    #[serde(rename = "kubeQPS")]
    pub(super) kube_qps: f32,
    pub(super) kube_burst: i64,
    pub(super) metrics_name_prefix: String,
    pub(super) omit_lookup: bool,
    pub(super) cache_size: i64,
    pub(super) include: OneOrMany,
    pub(super) metrics: MetricsSettings,
    pub(super) journal: Journal,
    pub(super) limits: LimitsSettings,
    pub(super) canary: Canary,
    /// Read before the file is expanded; here only so that it is known.
    #[serde(rename = "envEscape")]
    _env_escape: bool,
}

/// The keys of an included file.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Included {
    pub(super) route: RouteSettings,
    pub(super) routes: Vec<RouteSettings>,
    pub(super) receivers: Vec<Value>,
}

/// How much the journal may take: sizes and times as they are written.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Journal {
    pub(super) max_bytes: Value,
    pub(super) parked: Parked,
}

/// How much parked events may take.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(super) struct Parked {
    pub(super) max_bytes: Value,
    pub(super) max_age: Value,
}

/// Who is asked whether events arrive.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Canary {
    pub(super) every: Value,
    pub(super) receivers: Vec<Text>,
}

/// Which namespaces are watched.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Namespaces {
    pub(super) include: Vec<Text>,
}

/// A text, or several.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct OneOrMany(pub(super) Vec<String>);

impl<'de> Deserialize<'de> for OneOrMany {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Texts;

        impl<'de> Visitor<'de> for Texts {
            type Value = OneOrMany;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, or a list of texts")
            }

            fn visit_str<E>(self, text: &str) -> Result<OneOrMany, E> {
                Ok(OneOrMany(vec![text.to_owned()]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<OneOrMany, A::Error> {
                let mut texts = Vec::new();
                while let Some(text) = seq.next_element()? {
                    texts.push(text);
                }
                Ok(OneOrMany(texts))
            }
        }

        from.deserialize_any(Texts)
    }
}
