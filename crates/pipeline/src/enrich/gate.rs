//! The gate between *collect* and the rest of the way: an event passes when its object is known, or has
//! been waited for long enough.
//!
//! A decision is taken once, so it must not race with metadata. An event whose object is watched and not
//! known yet waits for the watch, at most [`WAIT`]; then one GET is made, and then it passes as
//! incomplete. An event whose object no watch covers waits for its GET.

use std::{sync::Arc, time::Duration};

use event::{Event, EventKey, counting::Arrival, time};
use tokio::time::{Instant, sleep_until};

use super::{
    hold::{Held, Hold, Serial},
    knowledge::{Inbox, Knowledge, Missing, Patience},
};

/// How long an event waits for a watch to show its object, and then for a GET.
pub const WAIT: Duration = Duration::from_secs(2);

/// So many events wait, and so many bytes of them; beyond, the first passes as it is.
const MOST: usize = 10_000;
const MOST_BYTES: usize = 32 << 20;

/// An event of a list that last happened so many seconds ago is not about something brand new.
const OLD: u32 = 60;

/// One look at an Event object, before it is judged.
#[derive(Debug)]
pub struct Sight {
    /// The Event.
    pub event: Box<Event>,
    /// How it came, or nothing for its end.
    pub arrival: Option<Arrival>,
    /// When it came, in seconds since 1970.
    pub now: u32,
}

/// What is remembered of the Event at its coming, as far as the gate must know.
#[derive(Debug, Clone, Copy)]
pub struct Standing {
    /// It would be routed.
    pub happened: bool,
    /// The revision of the Event that is remembered.
    pub known: Option<u64>,
}

/// See the module. One for each collector.
#[derive(Debug, Default)]
pub struct Gate {
    knowledge: Option<Arc<Knowledge>>,
    hold: Hold<Sight>,
    inbox: Arc<Inbox>,
}

impl Gate {
    /// A gate that looks everything up in `knowledge`. The default one lets everything pass as it is.
    pub fn new(knowledge: Arc<Knowledge>) -> Self {
        Self { knowledge: Some(knowledge), ..Self::default() }
    }

    /// Gives the event back if it can go on now, with what is known of its object; else keeps it.
    pub fn admit(&mut self, mut sight: Sight, standing: Standing) -> Option<Sight> {
        let Some(knowledge) = &self.knowledge else { return Some(sight) };
        let name = EventKey::of(&sight.event).name();
        let follows = !self.hold.is_empty() && self.hold.follows(name);
        let Some(arrival) = sight.arrival else {
            let oldest = self.hold.oldest();
            let blocked = standing.known.zip(oldest).is_some_and(|(known, oldest)| oldest <= known);
            if !follows && !blocked {
                return Some(sight);
            }
            // What it follows is not remembered yet, but may come again all the same.
            let after = if follows { sight.event.revision() } else { standing.known };
            self.keep(Held { after, ..held(sight, name) });
            return None;
        };
        if !follows && !standing.happened {
            return Some(sight);
        }
        let patience = patience(&sight.event, arrival, sight.now);
        let missing = knowledge.complete(&mut sight.event, patience, &self.inbox);
        let missing = missing.and_then(|missing| wait(knowledge, &mut sight, missing, &self.inbox));
        let Some(missing) = missing else {
            if !follows {
                return Some(sight);
            }
            self.keep(Held { revision: Some(revision(&sight)), ..held(sight, name) });
            return None;
        };
        knowledge.stats.held_total.count();
        let revision = Some(revision(&sight));
        let (asked, wants) = (!missing.watched, Some(missing.target.spot));
        self.keep(Held { revision, wants, asked, ..held(sight, name) });
        None
    }

    /// The position must stay below this revision.
    pub fn oldest(&self) -> Option<u64> {
        self.hold.oldest()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.hold.is_empty()
    }

    /// Waits until [`Gate::release`] may give something; for ever when nothing waits.
    pub fn woken(&self) -> impl Future<Output = ()> + Send + use<> {
        let (inbox, due, empty) =
            (Arc::clone(&self.inbox), self.hold.next_due(), self.hold.is_empty());
        async move {
            if empty {
                return std::future::pending().await;
            }
            tokio::select! {
                () = inbox.filled() => {}
                () = sleep_until(due.unwrap_or_else(Instant::now)) => {}
            }
        }
    }

    /// Everything that has waited long enough, in order. It is to be judged, and passes.
    pub fn release(&mut self) -> Vec<Sight> {
        let now = Instant::now();
        for spot in self.inbox.take() {
            for serial in self.hold.waiting_for(&spot) {
                self.look_again(serial, now);
            }
        }
        for serial in self.hold.due(now) {
            self.is_due(serial, now);
        }
        let mut released = Vec::new();
        while let Some(held) = self.hold.pop() {
            if let Some(knowledge) = &self.knowledge {
                knowledge.waits.observe((now - held.since).as_secs_f64());
            }
            released.push(held.what);
        }
        if let Some(knowledge) = &self.knowledge {
            knowledge.stats.held.subtract(released.len());
        }
        released
    }

    /// Something may be known now.
    fn look_again(&mut self, serial: Serial, now: Instant) {
        let (Some(knowledge), Some(held)) = (&self.knowledge, self.hold.get_mut(serial)) else {
            return;
        };
        let sight = &mut held.what;
        let Some(arrival) = sight.arrival else { return };
        let patience = patience(&sight.event, arrival, sight.now);
        let Some(missing) = knowledge.complete(&mut sight.event, patience, &self.inbox) else {
            self.settle(serial);
            return;
        };
        let same = held.wants.as_ref() == Some(&missing.target.spot);
        let (asked, due) = (held.asked && same, held.due);
        if asked || missing.watched {
            held.asked = asked;
            self.hold.wait(serial, missing.target.spot, due);
        } else if knowledge.ask(&missing.target) {
            held.asked = true;
            self.hold.wait(serial, missing.target.spot, due.max(now));
        } else {
            self.finish(serial);
        }
    }

    /// It has waited for a watch long enough: one GET. Or for the answer: it goes as it is.
    fn is_due(&mut self, serial: Serial, now: Instant) {
        let (Some(knowledge), Some(held)) = (&self.knowledge, self.hold.get_mut(serial)) else {
            return;
        };
        if !held.asked {
            let sight = &mut held.what;
            match knowledge.complete(&mut sight.event, Patience::Some, &self.inbox) {
                None => return self.settle(serial),
                Some(missing) if knowledge.ask(&missing.target) => {
                    held.asked = true;
                    return self.hold.wait(serial, missing.target.spot, now + WAIT);
                }
                Some(missing) if held.wants.as_ref() != Some(&missing.target.spot) => {
                    knowledge.give_up(&missing.target.spot, &self.inbox);
                }
                Some(_) => {}
            }
        }
        self.finish(serial);
    }

    /// It goes with what is known.
    fn finish(&mut self, serial: Serial) {
        if let (Some(knowledge), Some(held)) = (&self.knowledge, self.hold.get_mut(serial)) {
            knowledge.complete(&mut held.what.event, Patience::None, &self.inbox);
        }
        self.settle(serial);
    }

    fn settle(&mut self, serial: Serial) {
        let unwanted = self.hold.settle(serial);
        if let (Some(knowledge), Some(spot)) = (&self.knowledge, unwanted) {
            knowledge.give_up(&spot, &self.inbox);
        }
    }

    fn keep(&mut self, held: Held<Sight>) {
        self.hold.push(held);
        if let Some(knowledge) = &self.knowledge {
            knowledge.stats.held.count();
        }
        while let (waiting, bytes) = self.hold.waiting()
            && (waiting > MOST || bytes > MOST_BYTES)
            && let Some(first) = self.hold.first_waiting()
        {
            if let Some(knowledge) = &self.knowledge {
                knowledge.stats.crowded_out.count();
            }
            self.finish(first);
        }
    }
}

/// What has no number must not be passed by the position either.
fn revision(sight: &Sight) -> u64 {
    sight.event.revision().unwrap_or(0)
}

/// What is to be waited for; nothing when it cannot be asked for, and the event goes as it is.
fn wait(
    knowledge: &Knowledge,
    sight: &mut Sight,
    missing: Missing,
    inbox: &Arc<Inbox>,
) -> Option<Missing> {
    if missing.watched || knowledge.ask(&missing.target) {
        return Some(missing);
    }
    knowledge.give_up(&missing.target.spot, inbox);
    knowledge.complete(&mut sight.event, Patience::None, inbox)
}

fn patience(event: &Event, arrival: Arrival, now: u32) -> Patience {
    let last = time::to_u32(event.timestamp());
    let old = arrival != Arrival::Live && last != 0 && now.saturating_sub(last) > OLD;
    if old { Patience::Old } else { Patience::Some }
}

fn held(sight: Sight, name: event::identity::NameKey) -> Held<Sight> {
    let bytes = size_of::<Held<Sight>>() + sight.event.message.len() + 512;
    let since = Instant::now();
    Held {
        what: sight,
        revision: None,
        name,
        wants: None,
        after: None,
        since,
        due: since + WAIT,
        asked: false,
        bytes,
    }
}

#[cfg(test)]
mod tests;
