//! Load without a story: so many Events a second, for benchmarks and endurance.

use std::{fmt::Write, sync::Arc, time::Duration};

use event::{Clock, Event, ObjectRef, Source, Stop, time::whole_seconds};
use jiff::Timestamp;
use tokio::time::{Instant, MissedTickBehavior};

use crate::{random::Random, storage::Storage, store::Store};

/// What one can choose of a [`Flood`].
#[derive(Debug, Clone)]
pub struct FloodOptions {
    /// Creations and updates a second. Deletions come on top.
    pub per_second: u32,
    /// The share of updates among them.
    pub updates: f64,
    /// So many of a hundred creations are deleted again soon, whatever the size of the live set.
    pub deletes: f64,
    /// So many Events are there at most; a creation beyond that deletes the oldest.
    pub live: usize,
    /// They are spread over so many namespaces, `flood-0` and so on.
    pub namespaces: usize,
    /// Everything follows from it.
    pub seed: u64,
}

impl Default for FloodOptions {
    fn default() -> Self {
        Self { per_second: 1000, updates: 0.3, deletes: 0.0, live: 50_000, namespaces: 20, seed: 1 }
    }
}

/// A source of writes that all look alike and are all different.
#[derive(Debug)]
pub struct Flood {
    options: FloodOptions,
    random: Random,
    /// The numbers of the Events that are there, by number modulo the size of the live set.
    slots: Vec<Option<u64>>,
    created: u64,
    updated: u64,
}

/// Reasons and messages, by turns; `{}` is a number.
const KINDS: [(&str, &str, &str); 6] = [
    ("Normal", "Scheduled", "Successfully assigned flood/web-{} to general-7xk2p"),
    (
        "Normal",
        "Pulled",
        "Container image \"registry.example.com/shop/web:4.{}.0\" already present on machine and can be accessed by the pod",
    ),
    ("Normal", "Created", "Container created"),
    ("Normal", "Started", "Container started"),
    (
        "Warning",
        "BackOff",
        "Back-off restarting failed container web in pod web-{}_flood(6d2fa0a2-1d1c-4c2e-8b1a-2f6f0e5b7c11)",
    ),
    ("Warning", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 5{}"),
];

impl Flood {
    /// A flood as chosen.
    pub fn new(options: FloodOptions) -> Self {
        Self {
            random: Random::new(options.seed),
            slots: vec![None; options.live.max(1)],
            options,
            created: 0,
            updated: 0,
        }
    }

    /// Creations and updates so far.
    pub fn written(&self) -> u64 {
        self.created + self.updated
    }

    /// Makes `number` writes, and the deletions that go with them.
    pub fn write(&mut self, store: &mut Store, number: u64, now: Timestamp) {
        for _ in 0..number {
            let update = self.created > 0 && self.random.chance(self.options.updates);
            if !(update && self.update(store, now)) {
                self.create(store, now);
            }
        }
    }

    fn create(&mut self, store: &mut Store, now: Timestamp) {
        let number = self.created;
        let slot = usize::try_from(number % self.slots.len() as u64).unwrap_or(0);
        if let Some(oldest) = self.slots[slot].take() {
            self.delete(store, oldest);
        }
        let event = self.event(number, now);
        store.create(event, now).expect("every number is used once");
        self.created += 1;
        if self.random.chance(self.options.deletes / 100.0) {
            self.delete(store, number);
        } else {
            self.slots[slot] = Some(number);
        }
    }

    fn delete(&self, store: &mut Store, number: u64) {
        // It may have expired.
        if store.delete(&self.namespace(number), &name(number)).is_err() {
            tracing::trace!(number, "a flooded event is gone already");
        }
    }

    /// Counts one more of an Event that is there; false when the one chosen is not.
    fn update(&mut self, store: &mut Store, now: Timestamp) -> bool {
        let slot = self.random.below(self.slots.len());
        let newest = usize::try_from(self.created).unwrap_or(usize::MAX).min(self.slots.len());
        let Some(number) = self.slots[slot % newest.max(1)] else {
            return false;
        };
        let Some(current) = store.get(&self.namespace(number), &name(number)) else {
            return false;
        };
        let mut event = Event::clone(current);
        event.count += 1;
        event.last_timestamp = Some(whole_seconds(now));
        let updated = store.update(event, now).is_ok();
        self.updated += u64::from(updated);
        updated
    }

    fn namespace(&self, number: u64) -> String {
        format!("flood-{}", number % self.options.namespaces.max(1) as u64)
    }

    fn event(&self, number: u64, now: Timestamp) -> Event {
        let (kind, reason, text) = KINDS[usize::try_from(number % 6).unwrap_or(0)];
        let (pod, second) = (number / 6, whole_seconds(now));
        let namespace = event::Text::from(self.namespace(number));
        let mut pod_name = event::Text::default();
        write!(pod_name, "web-5d78c9869d-{pod:x}").expect("a string takes every write");
        let mut event = Event {
            reason: reason.into(),
            kind: kind.into(),
            message: text.replace("{}", &number.to_string()).into(),
            source: Source { component: "kubelet".into(), host: "general-7xk2p".into() },
            reporting_component: "kubelet".into(),
            reporting_instance: "general-7xk2p".into(),
            first_timestamp: Some(second),
            last_timestamp: Some(second),
            count: 1,
            ..Event::default()
        };
        event.metadata.name = name(number).into();
        event.metadata.namespace.clone_from(&namespace);
        event.involved.reference = ObjectRef {
            kind: "Pod".into(),
            namespace,
            name: pod_name,
            uid: format!("0b5c7a6e-7a58-4c4c-9a39-{pod:012x}").into(),
            api_version: "v1".into(),
            resource_version: "4711".into(),
            field_path: "spec.containers{web}".into(),
        };
        event
    }
}

fn name(number: u64) -> String {
    format!("web-5d78c9869d-{:x}.{:x}", number / 6, 0x17d0_a3b4_0000_0000 + number)
}

/// Makes the writes of a flood at its rate until `stop` fires or, if that is given, after so many.
pub async fn drive(
    storage: Storage,
    mut flood: Flood,
    clock: Arc<dyn Clock>,
    stop: Stop,
    most: Option<u64>,
) {
    const TICK: Duration = Duration::from_millis(5);
    /// So many writes are made before others get the lock.
    const BATCH: u64 = 500;
    let begun = Instant::now();
    let mut tick = tokio::time::interval(TICK);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    while !stop.has_fired() {
        tokio::select! {
            () = stop.fired() => return,
            _ = tick.tick() => {}
        }
        let due = begun.elapsed().as_micros() * u128::from(flood.options.per_second) / 1_000_000;
        let due = u64::try_from(due).unwrap_or(u64::MAX).min(most.unwrap_or(u64::MAX));
        while flood.written() < due && !stop.has_fired() {
            let number = (due - flood.written()).min(BATCH);
            storage.write(|store| flood.write(store, number, clock.now()));
            tokio::task::yield_now().await;
        }
        if most.is_some_and(|most| flood.written() >= most) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use event::ManualClock;

    use super::*;
    use crate::store::StoreOptions;

    #[test]
    fn a_flood_has_its_shares_and_keeps_the_live_set() {
        let mut store = Store::new(&StoreOptions { history: 10_000, ..StoreOptions::default() });
        let options = FloodOptions { updates: 0.4, live: 500, ..FloodOptions::default() };
        let mut flood = Flood::new(options);
        flood.write(&mut store, 10_000, Timestamp::UNIX_EPOCH);
        let written = store.written();
        assert_eq!(written.created + written.updated, 10_000);
        assert!((3800..4200).contains(&written.updated), "{written:?}");
        assert_eq!(store.live(), 500);
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_comes_at_its_rate() {
        let storage = Storage::new(Store::default());
        let flood = Flood::new(FloodOptions { per_second: 2000, ..FloodOptions::default() });
        let clock = Arc::new(ManualClock::new(Timestamp::UNIX_EPOCH));
        let begun = Instant::now();
        drive(storage.clone(), flood, clock, Stop::new(), Some(5000)).await;
        let took = begun.elapsed().as_secs_f64();
        assert!((2.49..2.52).contains(&took), "{took}");
        let written = storage.read(Store::written);
        assert_eq!(written.created + written.updated, 5000);
    }
}
