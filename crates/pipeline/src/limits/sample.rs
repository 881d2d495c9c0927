//! What was held back of one namespace, and the event that tells people.

use event::{Event, Text};
use hashbrown::HashMap;

use super::settings::Most;
use crate::collect::missed::{statement, timestamp};

/// So many reasons, and so many objects, are counted by name at once.
const COUNTED: usize = 64;
/// So many of them are told.
const TOLD: usize = 5;
/// Bytes of a name that are kept; whoever writes events chooses their names.
const NAME: usize = 256;

/// What was held back since it was last told.
#[derive(Debug)]
pub(super) struct Sample {
    /// When the first and the newest came, in seconds since 1970.
    pub(super) first: u32,
    last: u32,
    events: u64,
    occurrences: u64,
    reasons: Frequent,
    objects: Frequent,
}

impl Sample {
    pub(super) fn new(now: u32) -> Self {
        Self {
            first: now,
            last: now,
            events: 0,
            occurrences: 0,
            reasons: Frequent::default(),
            objects: Frequent::default(),
        }
    }

    pub(super) fn add(&mut self, event: &Event, now: u32) {
        self.last = self.last.max(now);
        self.events += 1;
        let occurrences = event.occurrences;
        self.occurrences += u64::from(occurrences.after.saturating_sub(occurrences.before));
        self.reasons.add(shortened(&event.reason));
        let object = &event.involved.reference;
        let mut name = Text::from(shortened(&object.kind));
        name.push('/');
        name.push_str(shortened(&object.name));
        self.objects.add(&name);
    }

    /// The event that tells of all of them; it goes the same way as any other.
    pub(super) fn to_event(&self, namespace: &Text, most: Most) -> Event {
        let (start, end) = (timestamp(self.first), timestamp(self.last));
        let Most { rate, burst } = most;
        let message = format!(
            "{} events of namespace {namespace} between {start} and {end} ({} occurrences) are counted, and not sent one by one: more came than {rate} after {burst} at once (limits.perNamespace); reasons: {}; objects: {}",
            self.events,
            self.occurrences,
            self.reasons.told(),
            self.objects.told(),
        );
        let id = format!("sampled-{namespace}-{}", self.first);
        let mut event = statement(message, &id, 0, end, &Text::default());
        event.reason = "EventsSampled".into();
        if !namespace.is_empty() {
            event.metadata.namespace.clone_from(namespace);
        }
        let object = &mut event.involved.reference;
        object.api_version = "v1".into();
        object.kind = "Namespace".into();
        object.name.clone_from(namespace);
        object.namespace.clone_from(namespace);
        event
    }
}

fn shortened(name: &str) -> &str {
    let end = (0..=NAME.min(name.len())).rev().find(|at| name.is_char_boundary(*at));
    &name[..end.unwrap_or_default()]
}

/// The most frequent of any number of names, in bounded memory ("Space-Saving", Metwally et al. 2005):
/// when there is no room, the new name takes the place, and the count, of the rarest one. What is
/// frequent is never crowded out, and by how much a count may be too high is known.
#[derive(Debug, Default)]
struct Frequent {
    names: HashMap<Text, Seen>,
    /// Some names were crowded out.
    is_crowded: bool,
}

#[derive(Debug, Clone, Copy, Default)]
struct Seen {
    count: u64,
    /// So many of them may have been of another name.
    doubtful: u64,
}

impl Frequent {
    fn add(&mut self, name: &str) {
        if let Some(seen) = self.names.get_mut(name) {
            seen.count += 1;
            return;
        }
        let mut doubtful = 0;
        if self.names.len() >= COUNTED {
            let rarest = self.names.iter().min_by_key(|(_, seen)| seen.count);
            if let Some(rarest) = rarest.map(|(name, _)| name.clone()) {
                doubtful = self.names.remove(&rarest).unwrap_or_default().count;
                self.is_crowded = true;
            }
        }
        self.names.insert(name.into(), Seen { count: doubtful + 1, doubtful });
    }

    /// Of how many there are at least so many.
    fn most(&self) -> Vec<(&Text, u64)> {
        let mut all: Vec<_> =
            self.names.iter().map(|(name, seen)| (name, seen.count - seen.doubtful)).collect();
        all.sort_unstable_by(|one, other| other.1.cmp(&one.1).then_with(|| one.0.cmp(other.0)));
        all
    }

    /// For example `BackOff 900, Unhealthy 3`.
    fn told(&self) -> String {
        let most = self.most();
        let told: Vec<_> =
            most.iter().take(TOLD).map(|(name, count)| format!("{name} {count}")).collect();
        let others = match most.len() - told.len() {
            0 => String::new(),
            _ if self.is_crowded => ", and others; at least so many each".into(),
            others => format!(", and {others} others"),
        };
        told.join(", ") + &others
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(reason: &str, name: &str, occurrences: u32) -> Event {
        let mut event = Event { reason: reason.into(), ..Event::default() };
        event.involved.reference.kind = "Pod".into();
        event.involved.reference.name = name.into();
        event.occurrences.after = occurrences;
        event
    }

    #[test]
    fn the_statement_says_how_many_of_what_and_about_whom() {
        let mut sample = Sample::new(1_700_000_000);
        for number in 0..1000u32 {
            let reason = if number % 4 == 0 { "Unhealthy" } else { "BackOff" };
            sample.add(&event(reason, &format!("api-{}", number % 7), 2), 1_700_000_000 + number);
        }
        let event = sample.to_event(&"noisy".into(), Most::default());
        assert_eq!(
            event.message,
            "1000 events of namespace noisy between 2023-11-14T22:13:20Z and \
             2023-11-14T22:29:59Z (2000 occurrences) are counted, and not sent one by one: more came \
             than 200/s after 10000 at once (limits.perNamespace); reasons: BackOff 750, \
             Unhealthy 250; objects: Pod/api-0 143, Pod/api-1 143, Pod/api-2 143, Pod/api-3 143, \
             Pod/api-4 143, and 2 others"
        );
        assert_eq!((&*event.reason, &*event.kind), ("EventsSampled", "Warning"));
        assert_eq!(event.metadata.namespace, "noisy");
        let about = &event.involved.reference;
        assert_eq!((&*about.kind, &*about.name), ("Namespace", "noisy"));
        assert_eq!(event.id().to_string(), "sampled-noisy-1700000000/0");
    }

    #[test]
    fn the_most_frequent_objects_are_found_among_any_number_in_bounded_memory() {
        let mut sample = Sample::new(0);
        for number in 0..100_000u32 {
            let name = match number % 10 {
                0..4 => "loud".to_owned(),
                4..6 => "louder".repeat(50),
                _ => format!("once-{number}"),
            };
            sample.add(&event("BackOff", &name, 1), 0);
        }
        assert_eq!(sample.objects.names.len(), COUNTED);
        let message = sample.to_event(&"noisy".into(), Most::default()).message;
        let (_, objects) = message.split_once("objects: ").unwrap();
        assert!(objects.starts_with("Pod/loud 40000, Pod/louderlouder"), "{objects}");
        assert!(objects.ends_with(", and others; at least so many each"), "{objects}");
        assert!(message.len() < 2000, "{}", message.len());
    }

    #[test]
    fn a_name_is_cut_between_characters() {
        let name = "ü".repeat(200);
        assert_eq!(shortened(&name).len(), NAME);
        assert_eq!(shortened(&format!("a{name}")).len(), NAME - 1);
    }
}
