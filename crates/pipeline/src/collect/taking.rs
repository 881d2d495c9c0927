//! One object at a time: judged, and given to the way.

use event::{Event, counting::Arrival, time};

use super::{
    Collector,
    api::EventsApi,
    judge::{Fate, Judged, judge, judge_deleted},
};
use crate::{Save, Way};

impl<A: EventsApi, S: Save> Collector<A, S> {
    /// Takes a living object; says what became of it.
    pub(super) fn take(&mut self, way: &mut Way<S>, event: Event, arrival: Arrival) -> Fate {
        if !self.scope.takes(&event) {
            return Fate::Noop;
        }
        let now = self.now();
        let mut judged = judge(&way.live, event, arrival, now);
        if judged.fate == Fate::Baseline && self.is_young(&judged, now) {
            // The age limit of a first start: what is fresh is sent, though in no sum.
            judged.fate = Fate::Happened(event::counting::Basis::Unattributed);
        }
        let fate = judged.fate;
        way.counts.note(&judged, now);
        way.take(judged, self.epoch());
        fate
    }

    fn is_young(&self, judged: &Judged, now: u32) -> bool {
        let event = &judged.event;
        let seen = time::to_u32(event.last_seen().or(event.metadata.creation_timestamp));
        match self.settings.max_age {
            None => true,
            Some(limit) => seen != 0 && now.saturating_sub(seen) <= limit,
        }
    }

    pub(super) fn take_deleted(&mut self, way: &mut Way<S>, event: Event) {
        if !self.scope.takes(&event) {
            return;
        }
        let now = self.now();
        let judged = judge_deleted(&way.live, event, now);
        let touched = way.live.get(judged.key).map(|entry| entry.touched);
        let age = touched.map(|touched| now.saturating_sub(touched));
        let revision = judged.event.revision().unwrap_or(0);
        let ttl = self.expiry.deleted(revision, age);
        if let (Some(position), Some(ttl)) = (&mut self.position, ttl) {
            position.ttl = if position.ttl == 0 { ttl } else { position.ttl.min(ttl) };
        }
        way.counts.note(&judged, now);
        way.take(judged, self.epoch());
    }
}
