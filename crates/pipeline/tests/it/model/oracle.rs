//! The perfect client: it has the same disconnections as the real one, sees every frame that was
//! served to it, never forgets anything and never crashes. It shares with the real one only the pure
//! counting rule.

use std::collections::HashMap;

use event::{
    Event, Occurrences,
    counting::{Arrival, Known, Sighting, Verdict, count},
    time,
};

use super::routes::{FIRST, Routes};

/// One thing that happened: its id, the occurrences, and the receivers that get it.
#[derive(Debug, Clone)]
pub(super) struct Delivered {
    pub(super) id: String,
    pub(super) before: u32,
    pub(super) after: u32,
    /// As bits.
    pub(super) lanes: u8,
    /// Of these receivers nobody can say whether they get it: they were gone for a while, and whether it is
    /// remembered what they got before depends on whether the process was started anew since.
    pub(super) unsure: u8,
}

impl PartialEq for Delivered {
    fn eq(&self, other: &Self) -> bool {
        let sure = !(self.unsure | other.unsure);
        (&self.id, self.before, self.after, self.lanes & sure)
            == (&other.id, other.before, other.after, other.lanes & sure)
    }
}

/// By which config an event was decided.
#[derive(Debug, Clone, Copy)]
pub(super) struct Decided {
    pub(super) routes: Routes,
    /// The receiver of first revisions has been there ever since.
    pub(super) kept: bool,
}

/// What it knows and what it would have delivered.
#[derive(Debug, Clone, Default)]
pub(super) struct Oracle {
    known: HashMap<String, Known>,
    /// Last counters of deleted Events by namespace and name; only where they had repeated, because
    /// that is all that is promised.
    tombstones: HashMap<String, u32>,
    names: HashMap<String, String>,
    /// What the running list pass has shown.
    shown: Vec<String>,
    /// Living Events of which the receiver of first revisions got something; with no, where it was gone since.
    reached: HashMap<String, bool>,
    /// Everything that happened, in the order of arrival.
    pub(super) delivered: Vec<Delivered>,
    /// Storage that was set back: ids begin anew.
    pub(super) epoch: u32,
}

impl Oracle {
    pub(super) fn begin_pass(&mut self) {
        self.shown.clear();
    }

    pub(super) fn begin_epoch(&mut self, epoch: u32) {
        self.epoch = epoch;
        for known in self.known.values_mut() {
            known.revision = 0;
        }
    }

    /// What would happen if it saw this now: the id, and the occurrences.
    pub(super) fn look(
        &self,
        event: &Event,
        arrival: Arrival,
        now: u32,
    ) -> (String, Option<Occurrences>) {
        let seen = sighting(event);
        let known = self.known.get(&*event.metadata.uid).copied();
        let tombstone = self.tombstones.get(&name_of(event)).copied();
        let id = format!("{}/{}/{}", self.epoch, event.metadata.uid, seen.revision);
        let happened = match count(known, tombstone, seen, arrival) {
            Verdict::Counted { occurrences, .. } => Some(occurrences),
            // On a first look, what happened this very second is young enough to be sent.
            Verdict::Baseline => (seen.last_seen >= now).then(Occurrences::default),
            Verdict::Noop => None,
        };
        (id, happened)
    }

    /// Another config is obeyed.
    pub(super) fn obey(&mut self, routes: Routes) {
        if !routes.first {
            self.reached.values_mut().for_each(|sure| *sure = false);
        }
    }

    pub(super) fn see(&mut self, event: &Event, arrival: Arrival, now: u32, decided: Decided) {
        let Decided { routes, kept } = decided;
        let (id, happened) = self.look(event, arrival, now);
        let (uid, name, seen) = (event.metadata.uid.to_string(), name_of(event), sighting(event));
        let known = self.known.get(&uid).copied();
        if let Some(Occurrences { before, after }) = happened {
            let mut lanes = routes.always(event);
            let mut unsure = 0;
            if routes.first {
                match self.reached.insert(uid.clone(), kept) {
                    None => lanes |= FIRST,
                    Some(false) => unsure = FIRST,
                    Some(true) => {}
                }
            }
            self.delivered.push(Delivered { id, before, after, lanes, unsure });
        }
        let forgotten = known.is_none()
            && matches!(arrival, Arrival::CatchUp(since) if seen.revision <= since.revision);
        if !forgotten && known.is_none_or(|known| seen.revision >= known.revision) {
            let Sighting { revision, total, last_seen, .. } = seen;
            self.known.insert(uid.clone(), Known { revision, total, last_seen });
        }
        self.names.insert(uid.clone(), name);
        self.shown.push(uid);
    }

    pub(super) fn see_deleted(&mut self, event: &Event) {
        let uid = event.metadata.uid.to_string();
        let known = self.known.remove(&uid).map_or(0, |known| known.total);
        self.names.remove(&uid);
        self.reached.remove(&uid);
        self.bury(name_of(event), event.total().max(known));
    }

    /// A pass was consistent and complete: what it did not show is gone.
    pub(super) fn end_pass(&mut self, revision: u64) {
        let shown = std::mem::take(&mut self.shown);
        let mut gone: Vec<(u64, u32, u32, String)> = self
            .known
            .iter()
            .filter(|(uid, known)| !shown.contains(uid) && known.revision <= revision)
            .map(|(uid, known)| (known.revision, known.last_seen, known.total, uid.clone()))
            .collect();
        // Of several objects of one name, the newest is the one whose recorder may go on. After the storage was set
        // back no revision tells which that is.
        gone.sort_unstable();
        for (.., uid) in gone {
            let known = self.known.remove(&uid).expect("it was known");
            self.reached.remove(&uid);
            let name = self.names.remove(&uid).expect("it was known");
            self.bury(name, known.total);
        }
    }

    fn bury(&mut self, name: String, total: u32) {
        if total >= 2 {
            self.tombstones.insert(name, total);
        }
    }

    /// What it believes to be the counter of a living object.
    pub(super) fn total(&self, uid: &str) -> Option<u32> {
        self.known.get(uid).map(|known| known.total)
    }
}

/// What names an Event, living or not.
pub(super) fn name_of(event: &Event) -> String {
    format!("{}/{}", event.metadata.namespace, event.metadata.name)
}

fn sighting(event: &Event) -> Sighting {
    Sighting {
        revision: event.revision().expect("a number"),
        total: event.total(),
        first_seen: time::to_u32(event.first_seen()),
        last_seen: time::to_u32(event.last_seen()),
        created: time::to_u32(event.metadata.creation_timestamp),
    }
}
