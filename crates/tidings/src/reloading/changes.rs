//! What differs between two configs, in words: which receivers, which rules, never which values.

use std::fmt;

use event::Text;
use serde_json::{Map, Value};

use crate::settings::{Receiver, Settings};

/// So many places of one thing are named.
const NAMED: usize = 5;

/// What differs.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Changes {
    added: Vec<Text>,
    removed: Vec<Text>,
    /// With the keys that differ.
    changed: Vec<(Text, Vec<String>)>,
    rules: Vec<String>,
    limits: bool,
    /// Keys that are read at a start only.
    pub(super) at_start: Vec<&'static str>,
}

impl Changes {
    pub(super) fn between(old: &Settings, new: &Settings) -> Self {
        let find = |all: &[Receiver], name: &Text| all.iter().position(|it| it.name == *name);
        let mut changes = Self::default();
        for receiver in &new.receivers {
            let name = receiver.name.clone();
            match find(&old.receivers, &name) {
                None => changes.added.push(name),
                Some(at) => {
                    let places = differing(&value(&old.receivers[at]), &value(receiver));
                    changes.changed.extend((!places.is_empty()).then_some((name, places)));
                }
            }
        }
        let gone = old.receivers.iter().filter(|it| find(&new.receivers, &it.name).is_none());
        changes.removed = gone.map(|it| it.name.clone()).collect();
        if old.route != new.route {
            let route = |it: &Settings| {
                let route = serde_json::to_value(&it.route).unwrap_or_default();
                Value::Object(Map::from_iter([("route".to_owned(), route)]))
            };
            changes.rules = differing(&route(old), &route(new));
        }
        changes.limits = old.limits != new.limits;
        changes.at_start = at_start(old, new);
        changes
    }

    /// Whether nothing of it can be obeyed now.
    pub(super) fn is_empty(&self) -> bool {
        let Self { added, removed, changed, rules, limits, at_start: _ } = self;
        added.is_empty() && removed.is_empty() && changed.is_empty() && rules.is_empty() && !limits
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        let list = |names: &[Text]| names.join(", ");
        if !self.added.is_empty() {
            parts.push(format!("receivers added: {}", list(&self.added)));
        }
        if !self.removed.is_empty() {
            let what = "what waits for them is kept for a day";
            parts.push(format!("receivers removed: {} ({what})", list(&self.removed)));
        }
        if !self.changed.is_empty() {
            let each = self.changed.iter().map(|(name, keys)| format!("{name} ({})", some(keys)));
            parts.push(format!("receivers changed: {}", each.collect::<Vec<_>>().join(", ")));
        }
        if !self.rules.is_empty() {
            parts.push(format!("rules changed: {}", some(&self.rules)));
        }
        if self.limits {
            parts.push("limits changed".into());
        }
        if parts.is_empty() {
            parts.push("nothing changed".into());
        }
        f.write_str(&parts.join("; "))
    }
}

/// The first of them, and how many more there are.
fn some(places: &[String]) -> String {
    let named = places[..places.len().min(NAMED)].join(", ");
    match places.len().saturating_sub(NAMED) {
        0 => named,
        others => format!("{named} and {others} more"),
    }
}

/// A receiver as it would be written.
fn value(receiver: &Receiver) -> Value {
    let mut pairs = Map::new();
    pairs.insert("repeats".into(), serde_json::to_value(receiver.repeats).unwrap_or_default());
    pairs.insert("overflow".into(), serde_json::to_value(receiver.overflow).unwrap_or_default());
    pairs.extend(receiver.sending.shown().into_iter().map(|(key, it)| (key.to_owned(), it)));
    pairs.insert(receiver.kind.name.to_owned(), receiver.settings.clone());
    Value::Object(pairs)
}

/// The places at which two values differ, as paths of keys.
fn differing(old: &Value, new: &Value) -> Vec<String> {
    let mut places = Vec::new();
    compare(old, new, "", &mut places);
    places
}

fn compare(old: &Value, new: &Value, path: &str, places: &mut Vec<String>) {
    match (old, new) {
        (Value::Object(old), Value::Object(new)) => {
            let added = new.keys().filter(|key| !old.contains_key(*key));
            for key in old.keys().chain(added) {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                inner(old.get(key), new.get(key), path, places);
            }
        }
        (Value::Array(old), Value::Array(new)) => {
            for at in 0..old.len().max(new.len()) {
                inner(old.get(at), new.get(at), format!("{path}[{at}]"), places);
            }
        }
        _ if old == new => {}
        _ => places.push(path.to_owned()),
    }
}

fn inner(old: Option<&Value>, new: Option<&Value>, path: String, places: &mut Vec<String>) {
    match (old, new) {
        (Some(old), Some(new)) => compare(old, new, &path, places),
        _ => places.push(path),
    }
}

/// The keys that differ and are read at a start only.
fn at_start(old: &Settings, new: &Settings) -> Vec<&'static str> {
    let max_age = |it: &Settings| it.max_age_is_set.then_some(it.max_age);
    let all = [
        ("clusterName", old.cluster_name != new.cluster_name),
        ("namespaces", old.namespaces != new.namespaces),
        ("leaderElection", old.leader_election != new.leader_election),
        ("maxEventAgeSeconds", max_age(old) != max_age(new)),
        ("kubeQPS", old.kube_qps.to_bits() != new.kube_qps.to_bits()),
        ("kubeBurst", old.kube_burst != new.kube_burst),
        ("cacheSize", old.cache_size != new.cache_size),
        ("omitLookup", old.omit_lookup != new.omit_lookup),
        ("metricsNamePrefix", old.metrics_name_prefix != new.metrics_name_prefix),
        ("metrics", old.metrics != new.metrics),
        ("journal", old.journal != new.journal),
        ("canary", old.canary != new.canary),
        ("logLevel", old.log_level != new.log_level),
        ("logFormat", old.log_format != new.log_format),
    ];
    all.into_iter().filter(|(_, differs)| *differs).map(|(key, _)| key).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn changes(old: &str, new: &str) -> Changes {
        let read = |text: &str| Settings::parse(text, "config.yaml").unwrap();
        Changes::between(&read(old), &read(new))
    }

    const OLD: &str = "
clusterName: one
route: {match: [{receiver: a, kind: Pod}, {receiver: b}, {receiver: c}]}
receivers:
- {name: a, webhook: {endpoint: 'https://user:word@host/old', headers: {X-Token: abc}}}
- {name: b, file: {path: /tmp/b}}
- {name: c, stdout: {}}
";

    #[test]
    fn a_change_is_told_by_its_place_never_by_its_value() {
        let new = "
clusterName: two
limits: {perNamespace: off}
route: {match: [{receiver: a, kind: Node}, {receiver: b}, {receiver: d}]}
receivers:
- {name: a, webhook: {endpoint: 'https://user:word@host/new', headers: {X-Token: def}}, concurrency: 2}
- {name: b, repeats: every, stdout: {}}
- {name: d, stdout: {}}
";
        let changes = changes(OLD, new);
        assert_eq!(
            changes.to_string(),
            "receivers added: d; \
             receivers removed: c (what waits for them is kept for a day); \
             receivers changed: a (webhook.endpoint, webhook.headers.X-Token, concurrency), \
             b (file, repeats, stdout); \
             rules changed: route.match[0].kind, route.match[2].receiver; \
             limits changed"
        );
        assert_eq!(changes.at_start, ["clusterName"]);
        assert!(!changes.is_empty());
    }

    #[test]
    fn the_same_in_other_words_is_no_change() {
        let new = OLD.replace("kind: Pod", "kind: 'Pod'").replace("one", "one # first");
        let changes = changes(OLD, &new);
        assert!(changes.is_empty());
        assert_eq!(changes.to_string(), "nothing changed");
    }

    #[test]
    fn of_many_changes_some_are_named() {
        let rules = |kind: &str| {
            let rule = format!("{{receiver: a, kind: {kind}}}");
            format!(
                "route: {{match: [{}]}}\nreceivers: [{{name: a, stdout: {{}}}}]",
                [&*rule; 8].join(", ")
            )
        };
        let changes = changes(&rules("Pod"), &rules("Node")).to_string();
        assert!(changes.ends_with("route.match[4].kind and 3 more"), "{changes}");
    }
}
