//! How recorders turn what happened into writes: ports of client-go's `tools/record`, which most
//! components use, and `tools/events`, which the scheduler uses.
//!
//! The older one counts in place: the same thing again is an update of `count` and `lastTimestamp`,
//! the eleventh message of a kind within ten minutes becomes "(combined from similar events)", and
//! after 25 writes about one object only one in five minutes gets through. What is held back is still
//! counted, so the count jumps when the next one gets through. The newer one keeps a series.

use std::{
    collections::{HashMap, HashSet},
    hash::{DefaultHasher, Hash, Hasher},
};

use event::{Event, ObjectRef, Series, Source, time::whole_seconds};
use jiff::{SignedDuration, Timestamp};

use super::{Reporter, Saying, Write};

/// So many keys are remembered by one component.
const REMEMBERED: usize = 4096;
/// So many different messages make a component combine them.
const SIMILAR: usize = 10;
/// Messages this far apart are not similar.
const SIMILAR_WITHIN: SignedDuration = SignedDuration::from_secs(600);
/// So many writes about one object go through at once.
const BURST: f64 = 25.0;
/// And then one in so many seconds.
const REFILL: f64 = 300.0;
/// A series that is silent for so long is over.
const SERIES_ENDS: SignedDuration = SignedDuration::from_mins(6);

fn hash(parts: &impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    parts.hash(&mut hasher);
    hasher.finish()
}

/// A map that forgets what was not used for long, once it is full.
#[derive(Debug)]
struct Memory<T>(HashMap<u64, (Timestamp, T)>);

impl<T> Default for Memory<T> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<T> Memory<T> {
    fn get_or(&mut self, key: u64, now: Timestamp, new: impl FnOnce() -> T) -> &mut T {
        if self.0.len() >= REMEMBERED && !self.0.contains_key(&key) {
            // Forgetting an eighth at a time is nearly the oldest and much cheaper than a list.
            let mut used: Vec<Timestamp> = self.0.values().map(|(at, _)| *at).collect();
            let (_, limit, _) = used.select_nth_unstable(REMEMBERED / 8);
            let limit = *limit;
            self.0.retain(|_, (at, _)| *at > limit);
        }
        let (at, value) = self.0.entry(key).or_insert_with(|| (now, new()));
        *at = now;
        value
    }
}

#[derive(Debug, Default)]
struct Similar {
    messages: HashSet<u64>,
    last: Option<Timestamp>,
}

#[derive(Debug, Clone)]
struct Seen {
    name: event::Text,
    count: i32,
    first: Timestamp,
}

#[derive(Debug)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

/// One component's memory of what it has said.
#[derive(Debug, Default)]
pub(super) struct Recorder {
    similar: Memory<Similar>,
    seen: Memory<Seen>,
    buckets: Memory<Bucket>,
    series: HashMap<u64, Event>,
    series_swept: Option<Timestamp>,
}

impl Recorder {
    /// What is written when this is said at `now`; `serial` keeps names apart.
    pub(super) fn say(&mut self, saying: &Saying, now: Timestamp, serial: u64) -> Option<Write> {
        match &saying.by {
            Reporter::Scheduler { instance } => self.in_series(saying, instance, now, serial),
            _ => self.in_place(saying, now, serial),
        }
    }

    fn in_place(&mut self, saying: &Saying, now: Timestamp, serial: u64) -> Option<Write> {
        let (component, host) = saying.by.source();
        let object = &saying.about;
        let who = (component, host, object);
        let kind = hash(&(who, &saying.kind, saying.reason));
        let combined = self.is_combined(kind, hash(&saying.message), now);
        let (key, message) = if combined {
            (kind, format!("(combined from similar events): {}", saying.message))
        } else {
            (hash(&(kind, &saying.message)), saying.message.clone())
        };

        let second = whole_seconds(now);
        let seen = self.seen.get_or(key, now, || Seen {
            name: event_name(object, now, serial),
            count: 0,
            first: second,
        });
        seen.count += 1;
        let seen = seen.clone();
        if !self.has_token(hash(&who), now) {
            return None;
        }
        let mut event = new_event(saying, seen.name);
        event.message = message.into();
        event.source = Source { component: component.into(), host: host.into() };
        event.reporting_component = component.into();
        event.reporting_instance = host.into();
        event.first_timestamp = Some(seen.first);
        event.last_timestamp = Some(second);
        event.count = seen.count;
        Some(if seen.count == 1 {
            Write::Create(Box::new(event))
        } else {
            Write::Update(Box::new(event))
        })
    }

    fn is_combined(&mut self, kind: u64, message: u64, now: Timestamp) -> bool {
        let similar = self.similar.get_or(kind, now, Similar::default);
        if similar.last.is_some_and(|last| now.duration_since(last) > SIMILAR_WITHIN) {
            similar.messages.clear();
        }
        similar.last = Some(now);
        similar.messages.insert(message);
        if similar.messages.len() < SIMILAR {
            return false;
        }
        // client-go forgets any one of them, so that the set stays full.
        let any = similar.messages.iter().next().copied();
        any.is_some_and(|any| similar.messages.remove(&any))
    }

    fn has_token(&mut self, who: u64, now: Timestamp) -> bool {
        let bucket = self.buckets.get_or(who, now, || Bucket { left: BURST, at: now });
        let passed = now.duration_since(bucket.at).as_secs_f64();
        bucket.left = (bucket.left + passed / REFILL).min(BURST);
        bucket.at = now;
        if bucket.left < 1.0 {
            return false;
        }
        bucket.left -= 1.0;
        true
    }

    fn in_series(
        &mut self,
        saying: &Saying,
        instance: &str,
        now: Timestamp,
        serial: u64,
    ) -> Option<Write> {
        let key = hash(&(&saying.about, &saying.kind, saying.reason, saying.action));
        let is_over = |event: &Event| {
            event.last_seen().is_none_or(|last| now.duration_since(last) >= SERIES_ENDS)
        };
        if self.series_swept.is_none_or(|swept| now.duration_since(swept) >= SERIES_ENDS) {
            self.series_swept = Some(now);
            self.series.retain(|_, event| !is_over(event));
        }
        if let Some(event) = self.series.get_mut(&key).filter(|event| !is_over(event)) {
            // The API hears of the second one; then the count grows in memory until the series ends.
            let had_series = event.series.is_some();
            let series = event.series.get_or_insert(Series { count: 1, last_observed_time: None });
            series.count += 1;
            series.last_observed_time = Some(now);
            return (!had_series).then(|| Write::Update(Box::new(event.clone())));
        }
        let mut event = new_event(saying, event_name(&saying.about, now, serial));
        event.message = saying.message.as_str().into();
        event.event_time = Some(now);
        event.reporting_component = "default-scheduler".into();
        event.reporting_instance = instance.into();
        event.action = saying.action.into();
        self.series.insert(key, event.clone());
        Some(Write::Create(Box::new(event)))
    }
}

fn new_event(saying: &Saying, name: event::Text) -> Event {
    let mut event =
        Event { reason: saying.reason.into(), kind: saying.kind.into(), ..Event::default() };
    event.metadata.name = name;
    event.metadata.namespace = match &*saying.about.namespace {
        "" => "default".into(),
        namespace => namespace.into(),
    };
    event.involved.reference = saying.about.clone();
    event.related.clone_from(&saying.related);
    event
}

/// The object's name and the nanosecond, in hexadecimal.
fn event_name(object: &ObjectRef, now: Timestamp, serial: u64) -> event::Text {
    // Simulated time goes by the microsecond; the serial number stands for what is below.
    let nanos = now.as_nanosecond() + i128::from(serial % 1000);
    format!("{}.{nanos:x}", object.name).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn saying(message: &str) -> Saying {
        Saying {
            by: Reporter::Kubelet { node: "node-1".into() },
            about: ObjectRef {
                kind: "Pod".into(),
                namespace: "shop".into(),
                name: "web-0".into(),
                ..ObjectRef::default()
            },
            related: None,
            kind: "Warning",
            reason: "Unhealthy",
            action: "",
            message: message.into(),
        }
    }

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn count(write: Option<Write>) -> Option<(bool, i32, String)> {
        match write? {
            Write::Create(event) => Some((true, event.count, event.message.to_string())),
            Write::Update(event) => Some((false, event.count, event.message.to_string())),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_same_again_counts_in_place_until_the_burst_is_spent() {
        let mut recorder = Recorder::default();
        for number in 1..=25 {
            let write = count(recorder.say(&saying("probe failed"), at(i64::from(number)), 0));
            assert_eq!(write, Some((number == 1, number, "probe failed".into())));
        }
        assert!(recorder.say(&saying("probe failed"), at(26), 0).is_none());
        // Five minutes later one gets through, and what was held back is in its count.
        assert_eq!(count(recorder.say(&saying("probe failed"), at(330), 0)).unwrap().1, 27);
    }

    #[test]
    fn the_tenth_message_of_a_kind_is_combined_with_those_before() {
        let mut recorder = Recorder::default();
        let mut written = Vec::new();
        for number in 0..12 {
            written.push(
                count(recorder.say(&saying(&format!("probe {number}")), at(number), 0)).unwrap(),
            );
        }
        assert_eq!(written[8], (true, 1, "probe 8".into()));
        assert_eq!(written[9], (true, 1, "(combined from similar events): probe 9".into()));
        assert_eq!(written[11], (false, 3, "(combined from similar events): probe 11".into()));
    }

    #[test]
    fn the_scheduler_writes_a_series_once() {
        let mut recorder = Recorder::default();
        let mut saying = saying("0/3 nodes are available");
        saying.by = Reporter::Scheduler { instance: "scheduler-0".into() };
        let mut counts = Vec::new();
        for second in 0..4 {
            counts.push(match recorder.say(&saying, at(second), 0) {
                Some(Write::Create(event) | Write::Update(event)) => event.series.map(|s| s.count),
                _ => Some(-1),
            });
        }
        assert_eq!(counts, [None, Some(2), Some(-1), Some(-1)]);
    }
}
