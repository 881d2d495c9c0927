//! The `route` part of the configuration file, as the user wrote it.
//!
//! The keys are those of kubernetes-event-exporter. [`event::written`] reads them as leniently: nothing
//! is an absent key, and a number or a boolean where a pattern is expected is a text.

use std::collections::BTreeMap;

use event::Text;
use serde::{Deserialize, Serialize};

/// One node of the routing tree.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default)]
pub struct RouteSettings {
    /// An event that any of these rules matches goes no further here.
    pub drop: Vec<RuleSettings>,
    /// Every rule sends to its own receiver; all of them together open the way to `routes`.
    #[serde(rename = "match")]
    pub matches: Vec<RuleSettings>,
    /// The nodes below, all of them visited.
    pub routes: Vec<Self>,
}

/// One rule: conditions that must all hold, and who gets the event then.
///
/// Texts are regular expressions as Go understands them; an empty one is no condition.
#[derive(Debug, Clone, Default, PartialEq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuleSettings {
    /// The Event's message.
    pub message: Text,
    /// The involved object's `apiVersion`, for example `apps/v1`.
    #[serde(alias = "apiversion")]
    pub api_version: Text,
    /// The involved object's kind.
    pub kind: Text,
    /// The Event's own namespace.
    pub namespace: Text,
    /// The Event's reason.
    pub reason: Text,
    /// The Event's type, in practice `Normal` or `Warning`.
    #[serde(rename = "type")]
    pub event_type: Text,
    /// The Event's `source.component`.
    pub component: Text,
    /// The Event's `source.host`.
    pub host: Text,
    /// Labels that the involved object must have; an empty pattern asks only for the key.
    pub labels: BTreeMap<Text, Text>,
    /// Annotations that the involved object must have; an empty pattern asks only for the key.
    pub annotations: BTreeMap<Text, Text>,
    /// The least value of the Event's `count`; 0 is no condition.
    #[serde(alias = "mincount")]
    pub min_count: i32,
    /// The greatest value of the Event's `count`; 0 is no condition. An addition, as all that follow.
    pub max_count: i32,
    /// The involved object's name.
    pub name: Text,
    /// Kind of an owner of the involved object, anywhere from its controller up to the root. With
    /// `owner_name`, both must hold for the same owner.
    pub owner_kind: Text,
    /// Name of an owner of the involved object.
    pub owner_name: Text,
    /// Labels that the Event's namespace must have; an empty pattern asks only for the key.
    pub namespace_labels: BTreeMap<Text, Text>,
    /// The Event's action.
    pub action: Text,
    /// The Event's `reportingComponent`, which newer recorders set instead of `source.component`.
    pub reporting_component: Text,
    /// Whether the involved object is gone or going; nothing is no condition.
    pub deleted: Option<bool>,
    /// An expression of the Common Expression Language that must be true of the `event`.
    pub cel: Text,
    /// Rules of which none may match. Their `receiver` means nothing.
    pub not: Vec<Self>,
    /// Name of the receiver; without one the rule only decides about the nodes below.
    pub receiver: Text,
}

#[cfg(test)]
mod tests {
    use event::written::{self, Flaw};
    use serde::de::DeserializeOwned;

    use super::*;

    fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, Flaw> {
        written::strictly(&serde_saphyr::from_str(yaml).unwrap(), "")
    }

    fn rule(yaml: &str) -> RuleSettings {
        read(yaml).unwrap()
    }

    #[test]
    fn every_key_of_a_rule_is_read() {
        let read = rule(
            "{message: a, apiVersion: b, kind: c, namespace: d, reason: e, type: f, component: g, \
             host: h, labels: {i: j}, annotations: {k: l}, minCount: 5, receiver: m}",
        );
        let written = RuleSettings {
            message: "a".into(),
            api_version: "b".into(),
            kind: "c".into(),
            namespace: "d".into(),
            reason: "e".into(),
            event_type: "f".into(),
            component: "g".into(),
            host: "h".into(),
            labels: [("i".into(), "j".into())].into(),
            annotations: [("k".into(), "l".into())].into(),
            min_count: 5,
            receiver: "m".into(),
            ..RuleSettings::default()
        };
        assert_eq!(read, written);
    }

    #[test]
    fn every_addition_is_read() {
        let read = rule(
            "{maxCount: 9, name: a, ownerKind: b, ownerName: c, namespaceLabels: {d: e}, action: f, \
             reportingComponent: g, deleted: false, not: [{kind: h}], cel: i}",
        );
        let written = RuleSettings {
            max_count: 9,
            name: "a".into(),
            owner_kind: "b".into(),
            owner_name: "c".into(),
            namespace_labels: [("d".into(), "e".into())].into(),
            action: "f".into(),
            reporting_component: "g".into(),
            deleted: Some(false),
            not: vec![RuleSettings { kind: "h".into(), ..RuleSettings::default() }],
            cel: "i".into(),
            ..RuleSettings::default()
        };
        assert_eq!(read, written);
    }

    #[test]
    fn the_older_spellings_are_read_too() {
        let older = rule("{apiversion: b, mincount: 5}");
        assert_eq!(older, rule("{apiVersion: b, minCount: 5}"));
    }

    #[test]
    fn null_is_absent_everywhere() {
        let nothing = "{message: , labels: , annotations: ~, minCount: null, receiver: }";
        assert_eq!(rule(nothing), RuleSettings::default());
        let route: RouteSettings = read("{drop: , match: ~, routes: }").unwrap();
        assert_eq!(route, RouteSettings::default());
        let route: RouteSettings = read("match: [~]").unwrap();
        assert_eq!(route.matches, [RuleSettings::default()]);
        assert_eq!(rule("labels: {app: }").labels["app"], "");
    }

    #[test]
    fn scalars_of_other_types_become_text_as_in_the_original() {
        let read = rule("{kind: true, reason: 7, labels: {version: 1.0, 2: 'x', quoted: '1.0'}}");
        assert_eq!((&*read.kind, &*read.reason), ("true", "7"));
        assert_eq!(read.labels["version"], "1");
        assert_eq!(read.labels["quoted"], "1.0");
        assert_eq!(read.labels["2"], "x");
        assert_eq!(rule("minCount: 5.9").min_count, 5);
    }

    #[test]
    fn what_is_neither_list_nor_mapping_is_a_mistake() {
        let error = read::<RouteSettings>("match: all").unwrap_err();
        assert_eq!(error.to_string(), "match: a list is expected, and this is a text");
        assert!(read::<RuleSettings>("minCount: '5'").is_err());
        assert!(read::<RuleSettings>("minCount: 99999999999").is_err());
        assert!(read::<RuleSettings>("kind: [Pod]").is_err());
    }
}
