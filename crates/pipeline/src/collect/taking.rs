//! One object at a time: let through the gate, judged, and given to the way.

use event::{Event, EventKey, Occurrences, Stop, counting::Arrival, time};

use super::{
    CollectError, Collector,
    api::EventsApi,
    judge::{Fate, Judged, judge, judge_deleted},
};
use crate::{
    Save, Way,
    enrich::gate::{Sight, Standing},
};

impl<A: EventsApi, S: Save> Collector<A, S> {
    /// Takes a living object; says what became of it, or nothing when it waits for what it is about.
    pub(super) fn take(
        &mut self,
        way: &mut Way<S>,
        event: Box<Event>,
        arrival: Arrival,
    ) -> Option<Fate> {
        if !self.scope.takes(&event) {
            return Some(Fate::Noop);
        }
        let now = self.now();
        let Judged { event, key, change, fate } = self.judge(way, event, arrival, now);
        let standing = Standing { happened: matches!(fate, Fate::Happened(_)), known: None };
        let sight = Sight { event, arrival: Some(arrival), now };
        let Sight { event, .. } = self.gate.admit(sight, standing)?;
        let judged = Judged { event, key, change, fate };
        way.counts.note(&judged, now);
        way.take(judged, self.epoch(), (arrival == Arrival::Live).then_some(now));
        Some(fate)
    }

    fn judge(&self, way: &Way<S>, event: Box<Event>, arrival: Arrival, now: u32) -> Judged {
        let mut judged = judge(&way.live, event, arrival, now);
        if judged.fate == Fate::Baseline && self.is_young(&judged, now) {
            // The age limit of a first start: what is fresh is sent, though in no sum.
            judged.fate = Fate::Happened(event::counting::Basis::Unattributed);
        }
        judged
    }

    fn is_young(&self, judged: &Judged, now: u32) -> bool {
        let event = &judged.event;
        let seen = time::to_u32(event.last_seen().or(event.metadata.creation_timestamp));
        match self.settings.max_age {
            None => true,
            Some(limit) => seen != 0 && now.saturating_sub(seen) <= limit,
        }
    }

    pub(super) fn take_deleted(&mut self, way: &mut Way<S>, event: Box<Event>) {
        if !self.scope.takes(&event) {
            return;
        }
        let now = self.now();
        let entry = way.live.get(EventKey::of(&event));
        let age = entry.as_ref().map(|entry| now.saturating_sub(entry.touched));
        let known = entry.map(|entry| entry.known.revision);
        let ttl = self.expiry.deleted(event.revision().unwrap_or(0), age);
        if let (Some(position), Some(ttl)) = (&mut self.position, ttl) {
            position.ttl = if position.ttl == 0 { ttl } else { position.ttl.min(ttl) };
        }
        let sight = Sight { event, arrival: None, now };
        if let Some(sight) = self.gate.admit(sight, Standing { happened: false, known }) {
            self.take_sight(way, sight);
        }
    }

    /// Takes what has waited long enough. It is judged only now: what it waited behind comes first.
    pub(super) fn take_released(&mut self, way: &mut Way<S>) {
        if self.gate.is_empty() {
            return;
        }
        for sight in self.gate.release() {
            self.take_sight(way, sight);
        }
    }

    fn take_sight(&self, way: &mut Way<S>, sight: Sight) {
        let Sight { mut event, arrival, now } = sight;
        event.occurrences = Occurrences::default();
        let judged = match arrival {
            Some(arrival) => self.judge(way, event, arrival, now),
            None => judge_deleted(&way.live, event, now),
        };
        let (key, living) = (judged.key, arrival.is_some());
        let live = (arrival == Some(Arrival::Live)).then_some(now);
        way.counts.note(&judged, now);
        way.take(judged, self.epoch(), live);
        if living {
            way.live.mark(key);
        }
    }

    /// Waits until nothing waits at the gate any more, and saves it; false when the stop comes first.
    ///
    /// A list begins and ends with nothing at the gate, so that its position can be trusted. After a
    /// watch the position moves with what is saved, up to what is `complete`: an end that is saved while
    /// the position is before its beginning would make news of it after a crash.
    pub(super) async fn settle(
        &mut self,
        complete: Option<u64>,
        stop: &Stop,
    ) -> Result<bool, CollectError> {
        while !self.gate.is_empty() {
            tokio::select! {
                () = stop.fired() => return Ok(false),
                () = self.gate.woken() => {}
            }
            let mut way = self.enter().await;
            self.take_released(&mut way);
            match complete {
                Some(complete) => self.move_to(&mut way, complete, false).await?,
                None => self.save(&mut way, None).await?,
            }
        }
        Ok(true)
    }
}
