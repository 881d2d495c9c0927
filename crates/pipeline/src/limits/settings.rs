//! `limits` of the config: how much of one namespace receivers are sent.

use std::{fmt, num::NonZeroU32};

use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, value::MapAccessDeserializer},
};

/// What `limits` holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, rename_all = "camelCase")]
pub struct LimitsSettings {
    /// For each namespace of its own.
    pub per_namespace: PerNamespace,
}

/// How many events of one namespace are sent one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PerNamespace {
    /// All of them.
    Off,
    /// At this rate in the long run, and so many at once.
    Most(Most),
}

/// A token bucket.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct Most {
    /// What comes back with time.
    pub rate: Rate,
    /// What is there after a quiet time.
    pub burst: NonZeroU32,
}

/// So many events in such a time, written `200/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Events.
    pub events: NonZeroU32,
    /// The time, in seconds: 1, 60 or 3600.
    pub per: u32,
}

const UNITS: [(&str, u32); 3] = [("s", 1), ("m", 60), ("h", 3600)];

impl Default for PerNamespace {
    fn default() -> Self {
        Self::Most(Most::default())
    }
}

impl Default for Most {
    /// More than a busy cluster writes as a whole, and the events of a large rollout at once.
    fn default() -> Self {
        let whole = |number| NonZeroU32::new(number).unwrap_or(NonZeroU32::MAX);
        Self { rate: Rate { events: whole(200), per: 1 }, burst: whole(10_000) }
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.iter().find(|(_, seconds)| *seconds == self.per);
        write!(f, "{}/{}", self.events, unit.map_or("s", |(unit, _)| unit))
    }
}

impl Rate {
    fn read(text: &str) -> Option<Self> {
        let (events, unit) = text.split_once('/')?;
        let (_, per) = UNITS.into_iter().find(|(known, _)| *known == unit.trim())?;
        Some(Self { events: events.trim().parse().ok()?, per })
    }
}

impl<'de> Deserialize<'de> for Rate {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        Self::read(&text).ok_or_else(|| {
            de::Error::custom(format!("`{text}` is no rate such as 200/s, 600/m or 1000/h"))
        })
    }
}

impl Serialize for Rate {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

const FORM: &str = "`{rate: 200/s, burst: 10000}`";

impl<'de> Deserialize<'de> for PerNamespace {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;

        impl<'de> de::Visitor<'de> for Words {
            type Value = PerNamespace;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "`off` or {FORM}")
            }

            fn visit_unit<E>(self) -> Result<PerNamespace, E> {
                Ok(PerNamespace::default())
            }

            fn visit_bool<E: de::Error>(self, on: bool) -> Result<PerNamespace, E> {
                // To some, `off` is a boolean.
                Ok(if on { PerNamespace::default() } else { PerNamespace::Off })
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<PerNamespace, E> {
                match word {
                    "off" => Ok(PerNamespace::Off),
                    "" | "on" => Ok(PerNamespace::default()),
                    other => Err(E::custom(format!("`{other}` is neither `off` nor {FORM}"))),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, map: A) -> Result<PerNamespace, A::Error> {
                Most::deserialize(MapAccessDeserializer::new(map)).map(PerNamespace::Most)
            }
        }

        from.deserialize_any(Words)
    }
}

impl Serialize for PerNamespace {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Off => to.serialize_str("off"),
            Self::Most(most) => most.serialize(to),
        }
    }
}

#[cfg(test)]
mod tests {
    use event::written;

    use super::*;

    fn read(yaml: &str) -> Result<PerNamespace, String> {
        let value = serde_saphyr::from_str(yaml).unwrap();
        written::strictly::<LimitsSettings>(&value, "limits")
            .map(|limits| limits.per_namespace)
            .map_err(|flaw| flaw.to_string())
    }

    fn most(events: u32, per: u32, burst: u32) -> PerNamespace {
        let whole = |number| NonZeroU32::new(number).unwrap();
        PerNamespace::Most(Most { rate: Rate { events: whole(events), per }, burst: whole(burst) })
    }

    #[test]
    fn what_is_not_written_is_two_hundred_a_second_after_ten_thousand_at_once() {
        let usual = most(200, 1, 10_000);
        for yaml in ["{}", "{perNamespace: }", "{perNamespace: {}}", "{perNamespace: on}"] {
            assert_eq!(read(yaml), Ok(usual), "{yaml}");
        }
        assert_eq!(read("{perNamespace: {rate: 90/m}}"), Ok(most(90, 60, 10_000)));
        assert_eq!(read("{perNamespace: {burst: 5}}"), Ok(most(200, 1, 5)));
        assert_eq!(read("{perNamespace: {rate: 7 / h, burst: 1}}"), Ok(most(7, 3600, 1)));
    }

    #[test]
    fn it_can_be_turned_off() {
        for yaml in ["{perNamespace: off}", "{perNamespace: 'off'}", "{perNamespace: false}"] {
            assert_eq!(read(yaml), Ok(PerNamespace::Off), "{yaml}");
        }
    }

    #[test]
    fn what_cannot_be_meant_says_what_can() {
        let wrong = |yaml: &str| read(yaml).unwrap_err();
        assert_eq!(
            wrong("{perNamespace: none}"),
            "limits.perNamespace: `none` is neither `off` nor `{rate: 200/s, burst: 10000}`"
        );
        for rate in ["200", "0/s", "-1/s", "fast", "200/d", "''"] {
            let text = rate.trim_matches('\'');
            assert_eq!(
                wrong(&format!("{{perNamespace: {{rate: {rate}}}}}")),
                format!(
                    "limits.perNamespace.rate: `{text}` is no rate such as 200/s, 600/m or 1000/h"
                )
            );
        }
        assert!(wrong("{perNamespace: {burst: 0}}").starts_with("limits.perNamespace.burst: "));
        assert!(wrong("{perNamespace: {brst: 1}}").contains("`brst`"));
        assert!(wrong("{perNamespace: 7}").starts_with("limits.perNamespace: "));
    }

    #[test]
    fn it_is_written_as_it_is_read() {
        let written = |it: PerNamespace| serde_json::to_string(&it).unwrap();
        assert_eq!(written(PerNamespace::Off), r#""off""#);
        assert_eq!(written(most(90, 60, 5)), r#"{"rate":"90/m","burst":5}"#);
    }
}
