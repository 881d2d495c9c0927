//! What a receiver gets of an Event object that keeps changing.
//!
//! Every kind is decided from the revision alone and what the live state remembers of the one before,
//! so the decision is the same after a crash: no receiver has a memory of its own.

use std::{fmt, time::Duration};

use event::{Event, LaneId, LaneSet, time};
use serde::{
    Deserialize, Deserializer, Serialize, Serializer,
    de::{self, Error as _},
};

/// Which revisions of one Event object a receiver gets, of those that are routed to it. The first one
/// always.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Repeats {
    /// No later one.
    #[default]
    First,
    /// Each that adds occurrences.
    Every,
    /// Those at which the count reaches another power of this number: 2 is called `exponential`.
    Factor(u32),
    /// Those that begin another stretch of this length, counted from the Event's first occurrence.
    Period(Duration),
}

/// How one revision follows the one before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Step {
    /// The Event's counter before and after.
    pub count: (u32, u32),
    /// When it was last seen, before and now, in seconds since 1970.
    pub seen: (u32, u32),
    /// When it was first seen, in seconds since 1970.
    pub first: u32,
}

impl Step {
    /// The step to this revision from one that was last seen then.
    pub fn of(event: &Event, seen_before: Option<u32>) -> Self {
        let seen = time::to_u32(event.last_seen());
        Self {
            count: (event.occurrences.before, event.occurrences.after),
            seen: (seen_before.unwrap_or(seen), seen),
            first: time::to_u32(event.first_seen()),
        }
    }
}

/// The lanes that a revision of an Event reaches, before repeats are held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Decision {
    pub(super) first: LaneSet,
    pub(super) every: LaneSet,
    /// Most receivers want the first or every one; these want some.
    pub(super) some: Vec<(LaneId, Repeats)>,
}

/// A decision, after repeats were held back.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sending {
    /// The lanes that get this revision.
    pub lanes: LaneSet,
    /// The lanes that got an earlier revision and do not want this one.
    pub suppressed: LaneSet,
}

impl Decision {
    pub(super) fn add(&mut self, lane: LaneId, repeats: Repeats) {
        match repeats {
            Repeats::First => {
                self.first.insert(lane);
            }
            Repeats::Every => {
                self.every.insert(lane);
            }
            Repeats::Factor(_) | Repeats::Period(_) => {
                // A receiver that two rules reach gets the event once.
                if !self.some.iter().any(|(known, _)| *known == lane) {
                    self.some.push((lane, repeats));
                }
            }
        }
    }

    /// Every lane that the tree reached.
    pub fn lanes(&self) -> LaneSet {
        let mut lanes = self.every.clone();
        lanes.extend(&self.first);
        for (lane, _) in &self.some {
            lanes.insert(*lane);
        }
        lanes
    }

    /// Whether no lane was reached: the event is counted as filtered.
    pub fn is_filtered(&self) -> bool {
        self.first.is_empty() && self.every.is_empty() && self.some.is_empty()
    }

    /// Holds back what the receivers do not want.
    ///
    /// `already` are the lanes that earlier revisions of the same Event object were sent to. Since
    /// every revision is decided anew, `minCount: 5` sends the revision at which the count first
    /// reaches 5, to every kind of receiver.
    pub fn apply_repeats(&self, already: &LaneSet, step: Step) -> Sending {
        let mut sending = Sending { lanes: self.every.clone(), suppressed: LaneSet::new() };
        let firsts = self.first.iter().map(|lane| (lane, Repeats::First));
        for (lane, repeats) in firsts.chain(self.some.iter().copied()) {
            if already.contains(lane) && !repeats.wants(step) {
                sending.suppressed.insert(lane);
            } else {
                sending.lanes.insert(lane);
            }
        }
        sending
    }
}

impl Repeats {
    /// Whether a later revision is wanted.
    fn wants(self, step: Step) -> bool {
        match self {
            Self::First => false,
            Self::Every => true,
            Self::Factor(base) => {
                let power = |count: u32| count.checked_ilog(base.max(2)).map_or(0, |it| it + 1);
                power(step.count.1) > power(step.count.0)
            }
            Self::Period(period) => {
                let period = u32::try_from(period.as_secs()).unwrap_or(u32::MAX).max(1);
                let stretch = |seen: u32| seen.saturating_sub(step.first) / period;
                stretch(step.seen.1) > stretch(step.seen.0)
            }
        }
    }
}

const WORDS: &str = "`first`, `every`, `exponential`, `{every: 5m}` or `{factor: 10}`";

impl<'de> Deserialize<'de> for Repeats {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        struct Words;

        impl<'de> de::Visitor<'de> for Words {
            type Value = Repeats;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(WORDS)
            }

            fn visit_unit<E>(self) -> Result<Repeats, E> {
                Ok(Repeats::default())
            }

            fn visit_str<E: de::Error>(self, word: &str) -> Result<Repeats, E> {
                match word {
                    "" | "first" => Ok(Repeats::First),
                    "every" => Ok(Repeats::Every),
                    "exponential" => Ok(Repeats::Factor(2)),
                    other => Err(E::custom(format!("`{other}` is not one of {WORDS}"))),
                }
            }

            fn visit_map<A: de::MapAccess<'de>>(self, mut map: A) -> Result<Repeats, A::Error> {
                let wrong = || A::Error::custom(format!("write {WORDS}"));
                let repeats = match map.next_key::<String>()?.as_deref() {
                    Some("every") => Repeats::Period(
                        period(&map.next_value::<String>()?).map_err(A::Error::custom)?,
                    ),
                    Some("factor") => match map.next_value()? {
                        0 | 1 => return Err(A::Error::custom("`factor` must be 2 or more")),
                        factor => Repeats::Factor(factor),
                    },
                    _ => return Err(wrong()),
                };
                if map.next_key::<String>()?.is_some() {
                    return Err(wrong());
                }
                Ok(repeats)
            }
        }

        from.deserialize_any(Words)
    }
}

impl Serialize for Repeats {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::First => to.serialize_str("first"),
            Self::Every => to.serialize_str("every"),
            Self::Factor(2) => to.serialize_str("exponential"),
            Self::Factor(factor) => to.collect_map([("factor", factor)]),
            Self::Period(period) => to.collect_map([("every", format!("{}s", period.as_secs()))]),
        }
    }
}

/// A time as people write it: a number and `s`, `m` or `h`; not zero.
fn period(text: &str) -> Result<Duration, String> {
    let units = [("s", 1), ("m", 60), ("h", 3600)];
    let seconds = units.into_iter().find_map(|(unit, seconds)| {
        text.strip_suffix(unit)?.parse::<u64>().ok()?.checked_mul(seconds)
    });
    seconds
        .filter(|seconds| *seconds > 0)
        .map(Duration::from_secs)
        .ok_or_else(|| format!("`{text}` is no time such as 30s, 5m or 2h"))
}

#[cfg(test)]
mod tests {
    use event::written;

    use super::*;

    fn read(yaml: &str) -> Result<Repeats, String> {
        written::strictly(&serde_saphyr::from_str(yaml).unwrap(), "repeats")
            .map_err(|flaw| flaw.to_string())
    }

    #[test]
    fn every_way_to_say_it_is_read() {
        assert_eq!(read("first"), Ok(Repeats::First));
        assert_eq!(read("every"), Ok(Repeats::Every));
        assert_eq!(read("exponential"), Ok(Repeats::Factor(2)));
        assert_eq!(read("{every: 5m}"), Ok(Repeats::Period(Duration::from_secs(300))));
        assert_eq!(read("{factor: 10}"), Ok(Repeats::Factor(10)));
    }

    #[test]
    fn what_cannot_be_meant_says_what_can() {
        let wrong = |yaml: &str| read(yaml).unwrap_err();
        assert_eq!(
            wrong("sometimes"),
            "repeats: `sometimes` is not one of `first`, `every`, `exponential`, `{every: 5m}` or `{factor: 10}`"
        );
        assert_eq!(
            wrong("{each: 5m}"),
            "repeats: write `first`, `every`, `exponential`, `{every: 5m}` or `{factor: 10}`"
        );
        assert!(
            wrong("{every: 5 minutes}").ends_with("`5 minutes` is no time such as 30s, 5m or 2h")
        );
        assert!(wrong("{every: 0s}").ends_with("`0s` is no time such as 30s, 5m or 2h"));
        assert!(wrong("{factor: 1}").ends_with("`factor` must be 2 or more"));
        assert!(wrong("{factor: 2, every: 5m}").contains("write `first`"));
        assert!(read("[every]").is_err() && read("7").is_err());
    }

    /// Which of these counts are sent, when the Event comes with each in turn.
    fn sent(repeats: Repeats, counts: &[u32]) -> Vec<u32> {
        let mut already = LaneSet::new();
        let mut before = 0;
        let mut sent = Vec::new();
        for count in counts {
            let mut decision = Decision::default();
            decision.add(LaneId(0), repeats);
            // Ten seconds an occurrence.
            let step = Step {
                count: (before, *count),
                seen: (1000 + before * 10, 1000 + count * 10),
                first: 1010,
            };
            let sending = decision.apply_repeats(&already, step);
            if sending.lanes.contains(LaneId(0)) {
                sent.push(*count);
            }
            already.extend(&sending.lanes);
            before = *count;
        }
        sent
    }

    #[test]
    fn exponential_sends_at_each_power_of_two_and_a_factor_at_each_of_its_powers() {
        let all: Vec<u32> = (1..=40).collect();
        assert_eq!(sent(Repeats::Factor(2), &all), [1, 2, 4, 8, 16, 32]);
        assert_eq!(sent(Repeats::Factor(10), &all), [1, 10]);
        // Counts that jump over a power are sent where they land.
        assert_eq!(sent(Repeats::Factor(2), &[3, 4, 5, 9, 15, 70]), [3, 4, 9, 70]);
    }

    #[test]
    fn a_period_sends_once_in_each_stretch_of_that_length() {
        let all: Vec<u32> = (1..=20).collect();
        assert_eq!(sent(Repeats::Period(Duration::from_secs(60)), &all), [1, 7, 13, 19]);
        assert_eq!(sent(Repeats::Period(Duration::from_secs(60)), &[1, 2, 30, 31]), [1, 30, 31]);
    }

    #[test]
    fn first_sends_one_and_every_sends_all() {
        assert_eq!(sent(Repeats::First, &[1, 2, 3]), [1]);
        assert_eq!(sent(Repeats::Every, &[1, 2, 3]), [1, 2, 3]);
    }
}
