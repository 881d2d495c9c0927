//! What happened, counted for metrics: occurrences by type, reason, kind, namespace and reporter, and
//! how the counting rule came to them. Moves when the events are saved, never before.
//!
//! A cluster decides how many reasons and namespaces there are, so series are bounded: Normal events get
//! at most half of them, and what is too much is counted under `__other__`.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use event::{Event, Text, counting::Basis};
use hashbrown::HashMap;
use prometheus::{HistogramVec, core::Collector};

use crate::{
    canary,
    collect::judge::{Fate, Judged},
    measures::{self, MetricFamily},
};

/// The label value of what has no series of its own.
pub const OTHER: &str = "__other__";

/// Upper bounds of the buckets of [`Counted::lag`], in seconds.
pub use crate::measures::LAG as LAG_BOUNDS;

/// Series that are not counted in for this long are forgotten, in seconds.
const IDLE: u32 = 24 * 3600;

/// So many noisy namespaces have a series of their own.
const NOISY: usize = 100;

/// What tells one series from another.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Series {
    /// `Normal`, `Warning` or `other`.
    pub kind: &'static str,
    /// The Event's reason, or `other` where it is no word.
    pub reason: Text,
    /// Kind of the involved object.
    pub object_kind: Text,
    /// The Event's own namespace.
    pub namespace: Text,
    /// Who reported it.
    pub reporter: Text,
}

/// Everything counted since the start.
#[derive(Debug, Clone, Default)]
pub struct Counted {
    /// Occurrences.
    pub occurrences: HashMap<Series, Count>,
    /// Object revisions by what they were.
    pub writes: Writes,
    /// How often the counting rule had to guess.
    pub adjustments: Adjustments,
    /// How long after their last-seen time events were received: one count a bucket, the last without
    /// bound.
    pub lag: [u64; LAG_BOUNDS.len() + 1],
    /// The sum of these delays, in seconds.
    pub lag_sum: f64,
    /// Events that found no series of their own.
    pub limited: u64,
    /// Events that are not sent because their namespace is noisy, of which [`OTHER`] holds what is too
    /// much; their occurrences count like all others.
    pub sampled: HashMap<Text, u64>,
}

/// One series.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// Occurrences since the start.
    pub sum: u64,
    /// When it was last counted in, in seconds since 1970.
    pub touched: u32,
}

/// See [`Counted::writes`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Writes {
    /// A new Event.
    pub created: u64,
    /// A known Event that happened again.
    pub updated: u64,
    /// Nothing had happened.
    pub noop: u64,
    /// It is gone.
    pub deleted: u64,
}

/// See [`Counted::adjustments`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Adjustments {
    /// There before the first look: counted nowhere.
    pub baseline: u64,
    /// The counter began anew.
    pub reset: u64,
    /// Older occurrences could not be told from new ones.
    pub unattributed: u64,
    /// The recorder went on with an expired Event's counter.
    pub recreated: u64,
}

/// Counts what is taken, and shows it once it is saved.
#[derive(Debug)]
pub struct Counts {
    shared: Arc<Mutex<Counted>>,
    pending: Pending,
    limit: usize,
    lists: HistogramVec,
}

/// What is taken and not saved yet. Only what happened, of which a commit holds a bounded number, is
/// kept one by one: a list shows a million Events that tell nothing new, and nothing of them is saved.
#[derive(Debug, Default)]
struct Pending {
    happened: Vec<Happened>,
    writes: Writes,
    adjustments: Adjustments,
    sampled: HashMap<Text, u64>,
}

#[derive(Debug)]
struct Happened {
    series: Series,
    occurrences: u32,
    lag: u32,
    now: u32,
}

/// Looks at the counts from outside.
#[derive(Debug, Clone)]
pub struct CountsWatch(Arc<Mutex<Counted>>, HistogramVec);

impl CountsWatch {
    /// Everything counted so far.
    pub fn counted(&self) -> Counted {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How long the lists of Events took.
    pub fn measured(&self) -> Vec<MetricFamily> {
        self.1.collect()
    }
}

impl Default for Counts {
    fn default() -> Self {
        Self::new(2000)
    }
}

impl Counts {
    /// At most so many series.
    pub fn new(limit: usize) -> Self {
        let lists = measures::lists();
        Self { shared: Arc::default(), pending: Pending::default(), limit, lists }
    }

    /// The counts, for others.
    pub fn watch(&self) -> CountsWatch {
        CountsWatch(Arc::clone(&self.shared), self.lists.clone())
    }

    /// Everything was listed once.
    pub(crate) fn listed(&self, took: Duration) {
        self.lists.with_label_values(&["events"]).observe(took.as_secs_f64());
    }

    /// Notes what was taken; `now` is in seconds since 1970.
    pub(crate) fn note(&mut self, judged: &Judged, now: u32) {
        let (event, pending) = (&judged.event, &mut self.pending);
        if canary::is_marked(event) {
            return;
        }
        let basis = match judged.fate {
            // Sent because it is young, though in no sum.
            Fate::Happened(_) if event.occurrences.after == 0 => {
                pending.adjustments.baseline += 1;
                return;
            }
            Fate::Baseline => {
                pending.adjustments.baseline += 1;
                return;
            }
            Fate::Noop if judged.change.is_some_and(|change| change.gone) => {
                pending.writes.deleted += 1;
                return;
            }
            Fate::Noop => {
                pending.writes.noop += 1;
                return;
            }
            Fate::Happened(basis) => basis,
        };
        match basis {
            Basis::Exact => {}
            Basis::Reset => pending.adjustments.reset += 1,
            Basis::Unattributed => pending.adjustments.unattributed += 1,
            Basis::Recreated => pending.adjustments.recreated += 1,
        }
        if event.occurrences.before == 0 {
            pending.writes.created += 1;
        } else {
            pending.writes.updated += 1;
        }
        pending.happened.push(Happened {
            series: Series::of(event),
            occurrences: event.occurrences.after.saturating_sub(event.occurrences.before),
            lag: now.saturating_sub(event::time::to_u32(event.last_seen())),
            now,
        });
    }

    /// Notes an event that is not sent because its namespace is noisy.
    pub(crate) fn sample(&mut self, namespace: &Text) {
        match self.pending.sampled.get_mut(namespace) {
            Some(count) => *count += 1,
            None => drop(self.pending.sampled.insert(namespace.clone(), 1)),
        }
    }

    /// What was noted is saved now.
    pub(crate) fn saved(&mut self) {
        let mut counted = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        for happened in self.pending.happened.drain(..) {
            counted.take(happened, self.limit);
        }
        counted.writes.add(std::mem::take(&mut self.pending.writes));
        counted.adjustments.add(std::mem::take(&mut self.pending.adjustments));
        for (namespace, count) in self.pending.sampled.drain() {
            let own = counted.sampled.len() < NOISY || counted.sampled.contains_key(&namespace);
            let namespace = if own { namespace } else { OTHER.into() };
            *counted.sampled.entry(namespace).or_default() += count;
        }
    }
}

impl Writes {
    fn add(&mut self, other: Self) {
        self.created += other.created;
        self.updated += other.updated;
        self.noop += other.noop;
        self.deleted += other.deleted;
    }
}

impl Adjustments {
    fn add(&mut self, other: Self) {
        self.baseline += other.baseline;
        self.reset += other.reset;
        self.unattributed += other.unattributed;
        self.recreated += other.recreated;
    }
}

impl Counted {
    fn take(&mut self, happened: Happened, limit: usize) {
        let Happened { series, occurrences, lag, now } = happened;
        let lag = f64::from(lag);
        let bucket = LAG_BOUNDS.iter().position(|bound| lag <= *bound);
        self.lag[bucket.unwrap_or(LAG_BOUNDS.len())] += 1;
        self.lag_sum += lag;
        let count = match self.occurrences.get_mut(&series) {
            Some(count) => count,
            None => self.new_series(series, limit, now),
        };
        count.sum += u64::from(occurrences);
        count.touched = now;
    }

    fn new_series(&mut self, series: Series, limit: usize, now: u32) -> &mut Count {
        // Half of the series is kept for Warnings.
        let own = if series.kind == "Warning" { limit } else { limit / 2 };
        if self.occurrences.len() >= own {
            self.occurrences.retain(|_, count| now.saturating_sub(count.touched) < IDLE);
        }
        let known = self.occurrences.len();
        if known < own {
            return self.occurrences.entry(series).or_default();
        }
        self.limited += 1;
        // Without its namespace first, which most clusters have the most of; then only its type is left.
        let wider = Series { namespace: OTHER.into(), ..series.clone() };
        if self.occurrences.contains_key(&wider) || known < limit + limit / 4 {
            return self.occurrences.entry(wider).or_default();
        }
        let other = || Text::from(OTHER);
        let widest = Series {
            kind: series.kind,
            reason: other(),
            object_kind: other(),
            namespace: other(),
            reporter: other(),
        };
        self.occurrences.entry(widest).or_default()
    }
}

impl Series {
    fn of(event: &Event) -> Self {
        let reporter = if event.reporting_component.is_empty() {
            &event.source.component
        } else {
            &event.reporting_component
        };
        Self {
            kind: match &*event.kind {
                "Normal" => "Normal",
                "Warning" => "Warning",
                _ => "other",
            },
            reason: if is_word(&event.reason) { event.reason.clone() } else { "other".into() },
            object_kind: event.involved.reference.kind.clone(),
            namespace: event.metadata.namespace.clone(),
            // Some controllers add the id of a process after a space or a `_`.
            reporter: reporter.split([' ', '_']).next().unwrap_or_default().into(),
        }
    }
}

/// `[A-Za-z][A-Za-z0-9]{0,63}`: what recorders write, and no sentence.
fn is_word(reason: &str) -> bool {
    reason.len() <= 64
        && reason.starts_with(|first: char| first.is_ascii_alphabetic())
        && reason.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use event::{EventKey, Occurrences};

    use super::*;

    fn judged(kind: &str, reason: &str, namespace: &str) -> Judged {
        let mut event = Event { kind: kind.into(), reason: reason.into(), ..Event::default() };
        event.metadata.namespace = namespace.into();
        event.reporting_component = "kubelet".into();
        event.occurrences = Occurrences { before: 0, after: 3 };
        let key = EventKey::of(&event);
        Judged { event: Box::new(event), key, change: None, fate: Fate::Happened(Basis::Recreated) }
    }

    fn sums(counts: &Counts) -> Vec<String> {
        let counted = counts.watch().counted();
        let mut sums: Vec<_> = counted
            .occurrences
            .iter()
            .map(|(series, count)| {
                format!("{} {} {} {}", series.kind, series.reason, series.namespace, count.sum)
            })
            .collect();
        sums.sort_unstable();
        sums
    }

    #[test]
    fn a_list_that_tells_nothing_new_takes_no_memory() {
        let mut counts = Counts::default();
        for _ in 0..10_000 {
            counts.note(&Judged { fate: Fate::Noop, ..judged("Normal", "Pulled", "shop") }, 100);
        }
        assert_eq!(counts.pending.happened.capacity(), 0);
        counts.saved();
        assert_eq!(counts.watch().counted().writes.noop, 10_000);
    }

    #[test]
    fn occurrences_are_counted_when_they_are_saved() {
        let mut counts = Counts::default();
        counts.note(&judged("Warning", "BackOff", "shop"), 100);
        counts.note(&judged("Warning", "BackOff", "shop"), 100);
        assert!(sums(&counts).is_empty());
        counts.saved();
        counts.saved();
        assert_eq!(sums(&counts), ["Warning BackOff shop 6"]);
        assert_eq!(counts.watch().counted().adjustments.recreated, 2);
    }

    #[test]
    fn a_sentence_is_no_reason_and_an_unknown_type_is_other() {
        let mut counts = Counts::default();
        counts.note(&judged("Scary", "it broke again", "shop"), 100);
        counts.saved();
        assert_eq!(sums(&counts), ["other other shop 3"]);
    }

    #[test]
    fn warnings_still_get_series_when_normal_events_have_taken_their_half() {
        let mut counts = Counts::new(8);
        for namespace in 0..20 {
            counts.note(&judged("Normal", "Pulled", &format!("ns-{namespace:02}")), 100);
        }
        counts.note(&judged("Warning", "BackOff", "shop"), 100);
        counts.saved();
        let sums = sums(&counts);
        assert_eq!(sums.len(), 6, "{sums:?}");
        assert!(sums.contains(&"Normal Pulled __other__ 48".to_owned()), "{sums:?}");
        assert!(sums.contains(&"Warning BackOff shop 3".to_owned()), "{sums:?}");
        assert_eq!(counts.watch().counted().limited, 16);
    }

    #[test]
    fn the_number_of_series_is_bounded_whatever_comes() {
        let mut counts = Counts::new(8);
        for number in 0..1000u32 {
            let kind = if number % 2 == 0 { "Normal" } else { "Warning" };
            let reason = format!("Reason{number}");
            counts.note(&judged(kind, &reason, &reason), 100);
        }
        counts.saved();
        let counted = counts.watch().counted();
        assert!(counted.occurrences.len() <= 8 + 2 + 2, "{}", counted.occurrences.len());
        assert_eq!(counted.occurrences.values().map(|count| count.sum).sum::<u64>(), 3000);
    }

    #[test]
    fn an_idle_series_makes_room_for_a_new_one() {
        let mut counts = Counts::new(2);
        counts.note(&judged("Warning", "A", "shop"), 100);
        counts.note(&judged("Warning", "B", "shop"), 100 + IDLE / 2);
        counts.note(&judged("Warning", "C", "shop"), 100 + IDLE);
        counts.saved();
        assert_eq!(sums(&counts), ["Warning B shop 3", "Warning C shop 3"]);
    }
}
