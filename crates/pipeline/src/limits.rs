//! Noisy neighbours: how much of one namespace receivers are sent, so that it delays no other.
//!
//! A token bucket for each namespace. What comes live and would be sent, beyond what the bucket holds, is
//! counted and remembered like any event, and is filtered; once a minute one event, `EventsSampled`,
//! tells how many these were, of which reasons, about which objects.
//!
//! A bucket fills by the time that the events tell, as far as that can be believed: what is made up for
//! after a downtime is limited as it would have been without it. Lists and files are not limited.

use event::{Event, Text, time};
use hashbrown::HashMap;

pub use self::settings::{LimitsSettings, Most, PerNamespace, Rate};

use self::sample::Sample;
use crate::{Save, Way};

mod sample;

mod settings;

/// How often the excess of one namespace is told, in seconds.
const TELL: u32 = 60;
/// How often full buckets are looked for, in seconds: a namespace without one begins with a full one.
const SWEEP: u32 = 60;
/// Times of events are believed so far back, in seconds: the life of an Event in most clusters. It also
/// bounds for how long a recorder whose clock stands still is given nothing.
const BELIEVED: u32 = 3600;

/// What is left of each namespace's share.
#[derive(Debug, Default)]
pub struct Limits {
    most: Option<Most>,
    buckets: HashMap<Text, Bucket>,
    /// When full buckets were last looked for.
    swept: u32,
    /// When the next statement is due.
    due: Option<u32>,
}

#[derive(Debug)]
struct Bucket {
    /// In parts of an event, of which there are as many as the rate has seconds.
    level: u64,
    time: u32,
    excess: Option<Box<Sample>>,
}

impl Limits {
    /// These limits, with every bucket full.
    pub fn new(settings: &LimitsSettings) -> Self {
        let most = match settings.per_namespace {
            PerNamespace::Off => None,
            PerNamespace::Most(most) => Some(most),
        };
        Self { most, ..Self::default() }
    }

    /// Whether an event that came live at `now`, in seconds since 1970, may be sent; else it is added
    /// to what is told.
    pub(crate) fn admits(&mut self, event: &Event, now: u32) -> bool {
        let Some(most) = self.most else { return true };
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.buckets.retain(|_, bucket| bucket.excess.is_some() || !bucket.is_full(most, now));
        }
        let told = time::to_u32(event.last_seen().max(event.metadata.creation_timestamp));
        let time = told.clamp(now.saturating_sub(BELIEVED), now);
        let namespace = &event.metadata.namespace;
        let bucket = match self.buckets.get_mut(namespace) {
            Some(bucket) => bucket,
            None => self.buckets.entry(namespace.clone()).or_insert(Bucket {
                level: capacity(most),
                time,
                excess: None,
            }),
        };
        bucket.fill(most, time);
        if let Some(left) = bucket.level.checked_sub(most.rate.per.into()) {
            bucket.level = left;
            return true;
        }
        bucket.excess.get_or_insert_with(|| Box::new(Sample::new(now))).add(event, now);
        self.due.get_or_insert(now.saturating_add(TELL));
        false
    }

    /// What is to be told at `now`: of each namespace, what was held back in a minute.
    fn due(&mut self, now: u32) -> Vec<Event> {
        let (Some(most), Some(due)) = (self.most, self.due) else { return Vec::new() };
        if now < due {
            return Vec::new();
        }
        let mut told = Vec::new();
        self.due = None;
        for (namespace, bucket) in &mut self.buckets {
            let Some(excess) = bucket.excess.take() else { continue };
            let due = excess.first.saturating_add(TELL);
            if now < due {
                bucket.excess = Some(excess);
                self.due = Some(self.due.map_or(due, |other| other.min(due)));
            } else {
                told.push(excess.to_event(namespace, most));
            }
        }
        told.sort_unstable_by(|one, other| one.metadata.namespace.cmp(&other.metadata.namespace));
        told
    }
}

impl Bucket {
    fn fill(&mut self, most: Most, time: u32) {
        self.level = self.level_at(most, time);
        self.time = self.time.max(time);
    }

    fn level_at(&self, most: Most, time: u32) -> u64 {
        let more = u64::from(time.saturating_sub(self.time)) * u64::from(most.rate.events.get());
        self.level.saturating_add(more).min(capacity(most))
    }

    fn is_full(&self, most: Most, now: u32) -> bool {
        self.level_at(most, now) == capacity(most)
    }
}

fn capacity(most: Most) -> u64 {
    u64::from(most.burst.get()) * u64::from(most.rate.per)
}

impl<S: Save> Way<S> {
    /// Takes the statements that are due at `now`, in seconds since 1970; at the end of time all.
    pub(crate) fn tell_excess(&mut self, now: u32) {
        for event in self.limits.due(now) {
            tracing::warn!(message = %event.message, "a namespace is noisy");
            self.take_own(event);
        }
    }
}

#[cfg(test)]
mod tests;
