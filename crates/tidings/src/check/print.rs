//! `tidings check --print-config`: what is obeyed, as a config, without secrets.

use event::Text;
use pipeline::{limits::LimitsSettings, route::RouteSettings};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::settings::{
    CanarySettings, JournalSettings, LeaderElection, LogFormat, MetricsSettings, Receiver,
    Settings, is_secret,
};

/// Stands for a secret.
pub(crate) const HIDDEN: &str = "***";

/// The file as it would be written with nothing left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct File<'s> {
    log_level: &'s str,
    log_format: &'static str,
    max_event_age_seconds: u32,
    cluster_name: &'s Text,
    namespaces: Value,
    leader_election: &'s LeaderElection,
    #[serde(rename = "kubeQPS")]
    kube_qps: f32,
    kube_burst: i64,
    cache_size: usize,
    omit_lookup: bool,
    metrics_name_prefix: &'s str,
    metrics: &'s MetricsSettings,
    journal: &'s JournalSettings,
    limits: &'s LimitsSettings,
    #[serde(skip_serializing_if = "Option::is_none")]
    canary: Option<&'s CanarySettings>,
    route: Value,
    receivers: Vec<Value>,
}

/// The settings as YAML. `is_replaced` says what of a receiver came from the environment or a file.
pub(crate) fn yaml(
    settings: &Settings,
    is_replaced: &dyn Fn(&Receiver, &str) -> bool,
) -> Result<String, serde_saphyr::ser::Error> {
    let receiver = |it: &Receiver| {
        let hidden = |path: &str| is_replaced(it, path);
        let inner = masked(&it.settings, it.kind.name, it.kind.name, &hidden);
        let repeats = serde_json::to_value(it.repeats).unwrap_or_default();
        let mut pairs = vec![("name", (*it.name).into()), ("repeats", repeats)];
        let overflow = serde_json::to_value(it.overflow).unwrap_or_default();
        pairs.push(("overflow", overflow));
        pairs.extend(it.sending.shown());
        pairs.push((it.kind.name, inner));
        let pairs = pairs.into_iter().map(|(key, value)| (key.to_owned(), value));
        Value::Object(pairs.collect())
    };
    serde_saphyr::to_string(&File {
        log_level: &settings.log_level,
        log_format: match settings.log_format {
            LogFormat::Pretty => "pretty",
            LogFormat::Json => "json",
        },
        max_event_age_seconds: settings.max_age,
        cluster_name: &settings.cluster_name,
        namespaces: serde_json::json!({"include": settings.namespaces}),
        leader_election: &settings.leader_election,
        kube_qps: settings.kube_qps,
        kube_burst: settings.kube_burst,
        cache_size: settings.cache_size,
        omit_lookup: settings.omit_lookup,
        metrics_name_prefix: &settings.metrics_name_prefix,
        metrics: &settings.metrics,
        journal: &settings.journal,
        limits: &settings.limits,
        canary: (!settings.canary.receivers.is_empty()).then_some(&settings.canary),
        route: route(&settings.route),
        receivers: settings.receivers.iter().map(receiver).collect(),
    })
}

/// The tree, without the keys that are not set.
fn route(settings: &RouteSettings) -> Value {
    let mut value = serde_json::to_value(settings).unwrap_or_default();
    prune(&mut value);
    value
}

fn prune(value: &mut Value) {
    match value {
        Value::Array(elements) => elements.iter_mut().for_each(prune),
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                // An empty pattern of a label asks for the label.
                if !matches!(&**key, "labels" | "annotations" | "namespaceLabels") {
                    prune(value);
                }
            }
            object.retain(|_, value| !is_zero(value));
        }
        _ => {}
    }
}

fn is_zero(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::Bool(it) => !it,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(elements) => elements.is_empty(),
        Value::Object(object) => object.is_empty(),
    }
}

/// A value of a receiver without what is a secret or may be one.
fn masked(value: &Value, key: &str, path: &str, hidden: &dyn Fn(&str) -> bool) -> Value {
    match value {
        Value::Array(elements) => {
            let each = elements.iter().enumerate();
            each.map(|(at, it)| masked(it, key, &format!("{path}[{at}]"), hidden)).collect()
        }
        Value::Object(object) => {
            let each = object.iter().map(|(inner, value)| {
                let path = format!("{path}.{inner}");
                // Each header may hold a token, whatever its name.
                let key = if key == "headers" { "token" } else { inner };
                (inner.clone(), masked(value, key, &path, hidden))
            });
            Value::Object(each.collect::<Map<_, _>>())
        }
        Value::String(text) if !text.is_empty() => {
            let secret = hidden(path) || is_secret(key);
            match place(text) {
                Some(place) if secret || text.contains('@') => format!("{place}/{HIDDEN}").into(),
                None if secret => HIDDEN.into(),
                _ => value.clone(),
            }
        }
        other => other.clone(),
    }
}

/// Scheme, host and port of a URL: all of it that may be shown.
pub(crate) fn place(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once("://")?;
    let host = rest.split(['/', '?', '#']).next()?;
    let host = host.rsplit('@').next()?;
    Some(format!("{scheme}://{host}"))
}
