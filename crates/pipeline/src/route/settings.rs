//! The `route` part of the configuration file, as the user wrote it.
//!
//! The keys and their leniency are those of kubernetes-event-exporter: an empty value is an absent
//! one, and a number or a boolean where a pattern is expected is read as text.

use std::{collections::BTreeMap, fmt, marker::PhantomData};

use event::Text;
use serde::{
    Deserialize, Deserializer,
    de::{self, value::MapAccessDeserializer},
};

/// One node of the routing tree.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct RouteSettings {
    /// An event that any of these rules matches goes no further here.
    #[serde(deserialize_with = "one_or_many")]
    pub drop: Vec<RuleSettings>,
    /// Every rule sends to its own receiver; all of them together open the way to `routes`.
    #[serde(rename = "match", deserialize_with = "one_or_many")]
    pub matches: Vec<RuleSettings>,
    /// The nodes below, all of them visited.
    #[serde(deserialize_with = "one_or_many")]
    pub routes: Vec<Self>,
}

/// One rule: conditions that must all hold, and who gets the event then.
///
/// Texts are regular expressions as Go understands them; an empty one is no condition.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct RuleSettings {
    /// The Event's message.
    #[serde(deserialize_with = "text")]
    pub message: Text,
    /// The involved object's `apiVersion`, for example `apps/v1`.
    #[serde(alias = "apiversion", deserialize_with = "text")]
    pub api_version: Text,
    /// The involved object's kind.
    #[serde(deserialize_with = "text")]
    pub kind: Text,
    /// The Event's own namespace.
    #[serde(deserialize_with = "text")]
    pub namespace: Text,
    /// The Event's reason.
    #[serde(deserialize_with = "text")]
    pub reason: Text,
    /// The Event's type, in practice `Normal` or `Warning`.
    #[serde(rename = "type", deserialize_with = "text")]
    pub event_type: Text,
    /// The Event's `source.component`.
    #[serde(deserialize_with = "text")]
    pub component: Text,
    /// The Event's `source.host`.
    #[serde(deserialize_with = "text")]
    pub host: Text,
    /// Labels that the involved object must have; an empty pattern asks only for the key.
    #[serde(deserialize_with = "texts")]
    pub labels: BTreeMap<Text, Text>,
    /// Annotations that the involved object must have; an empty pattern asks only for the key.
    #[serde(deserialize_with = "texts")]
    pub annotations: BTreeMap<Text, Text>,
    /// The least value of the Event's `count`; 0 is no condition.
    #[serde(alias = "mincount", deserialize_with = "whole_number")]
    pub min_count: i64,
    /// Name of the receiver; without one the rule only decides about the nodes below.
    #[serde(deserialize_with = "text")]
    pub receiver: Text,
}

/// What a receiver gets of an Event object that keeps changing.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Repeats {
    /// The first revision that is routed to it, and no later one.
    #[default]
    First,
    /// Each revision that adds occurrences.
    Every,
}

/// A list; one mapping stands for a list of one, nothing for an empty list.
fn one_or_many<'de, D, T>(from: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de> + Default,
{
    struct OneOrMany<T>(PhantomData<T>);

    impl<'de, T: Deserialize<'de> + Default> de::Visitor<'de> for OneOrMany<T> {
        type Value = Vec<T>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a list, or one mapping")
        }

        fn visit_seq<A: de::SeqAccess<'de>>(self, mut seq: A) -> Result<Vec<T>, A::Error> {
            let mut items = Vec::new();
            while let Some(item) = seq.next_element::<Option<T>>()? {
                items.push(item.unwrap_or_default());
            }
            Ok(items)
        }

        fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<Vec<T>, A::Error> {
            Ok(vec![T::deserialize(MapAccessDeserializer::new(map))?])
        }

        fn visit_unit<E>(self) -> Result<Vec<T>, E> {
            Ok(Vec::new())
        }
    }

    from.deserialize_any(OneOrMany(PhantomData))
}

fn text<'de, D: Deserializer<'de>>(from: D) -> Result<Text, D::Error> {
    Ok(Scalar::deserialize(from)?.0)
}

fn texts<'de, D: Deserializer<'de>>(from: D) -> Result<BTreeMap<Text, Text>, D::Error> {
    let map: Option<BTreeMap<Scalar, Scalar>> = Option::deserialize(from)?;
    let pairs = map.unwrap_or_default().into_iter();
    Ok(pairs.map(|(key, value)| (key.0, value.0)).collect())
}

/// Any scalar as text. Numbers lose their spelling (`1.0` becomes `1`), as in the original.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Scalar(Text);

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct ScalarVisitor;

        impl de::Visitor<'_> for ScalarVisitor {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text")
            }

            fn visit_str<E>(self, value: &str) -> Result<Scalar, E> {
                Ok(Scalar(value.into()))
            }

            fn visit_bool<E>(self, value: bool) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_i64<E>(self, value: i64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_u64<E>(self, value: u64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_f64<E>(self, value: f64) -> Result<Scalar, E> {
                Ok(Scalar(value.to_string().into()))
            }

            fn visit_unit<E>(self) -> Result<Scalar, E> {
                Ok(Scalar(Text::default()))
            }
        }

        from.deserialize_any(ScalarVisitor)
    }
}

/// A whole number; a fraction is cut off and nothing is 0, as in the original.
fn whole_number<'de, D: Deserializer<'de>>(from: D) -> Result<i64, D::Error> {
    struct WholeNumber;

    impl de::Visitor<'_> for WholeNumber {
        type Value = i64;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a whole number")
        }

        fn visit_i64<E>(self, value: i64) -> Result<i64, E> {
            Ok(value)
        }

        fn visit_u64<E>(self, value: u64) -> Result<i64, E> {
            Ok(i64::try_from(value).unwrap_or(i64::MAX))
        }

        fn visit_f64<E>(self, value: f64) -> Result<i64, E> {
            #[expect(clippy::cast_possible_truncation, reason = "cutting off is what is asked for")]
            Ok(value as i64)
        }

        fn visit_unit<E>(self) -> Result<i64, E> {
            Ok(0)
        }
    }

    from.deserialize_any(WholeNumber)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(yaml: &str) -> RuleSettings {
        serde_saphyr::from_str(yaml).unwrap()
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
        let route: RouteSettings = serde_saphyr::from_str("{drop: , match: ~, routes: }").unwrap();
        assert_eq!(route, RouteSettings::default());
        let route: RouteSettings = serde_saphyr::from_str("match: [~]").unwrap();
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
        let error = serde_saphyr::from_str::<RouteSettings>("match: all").unwrap_err();
        assert!(error.to_string().contains("a list, or one mapping"), "{error}");
        assert!(serde_saphyr::from_str::<RuleSettings>("minCount: '5'").is_err());
        assert!(serde_saphyr::from_str::<RuleSettings>("kind: [Pod]").is_err());
    }

    #[test]
    fn repeats_are_first_unless_said_otherwise() {
        assert_eq!(Repeats::default(), Repeats::First);
        assert_eq!(serde_saphyr::from_str::<Repeats>("every").unwrap(), Repeats::Every);
    }
}
