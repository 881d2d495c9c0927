//! A new receiver is given what came in before it was there, as far as the journal still has it.
//!
//! The tree decides for each old event what it would have decided for this receiver; what leads to it is appended as a
//! new row for it alone. How far that has come is saved with the rows, so a restart goes on where it was.

use std::{collections::HashMap, sync::Arc, time::Duration};

use event::{
    Clock, EventKey, LaneSet, Stop, Tasks, Text,
    journal::{Commit, Filling, JournalError, Lane, LaneTally, Row},
};
use jiff::SignedDuration;
use pipeline::{
    route::{Receiver, Router, Step},
    save::Saver,
};

use crate::{settings::Settings, state::State};

/// Rows that are read at a time, and bytes of them.
const ROWS: usize = 500;
const BYTES: usize = 4 << 20;

/// Gives every new receiver that asks for it what it asks for.
pub(crate) fn begin(
    (settings, receivers): (&Settings, &[Receiver]),
    state: &State,
    clock: &Arc<dyn Clock>,
    (tasks, stop): (&Tasks, &Stop),
) {
    for (receiver, lane) in settings.receivers.iter().zip(&state.lanes) {
        let (Some(filling), Some(age)) = (lane.filling, receiver.sending.backfill()) else {
            continue;
        };
        let (router, _) = Router::new(&settings.route, receivers);
        let fill = Fill {
            router,
            lane: lane.clone(),
            saver: state.saver.clone(),
            clock: Arc::clone(clock),
        };
        let stop = stop.clone();
        tasks.spawn("backfill", async move {
            let name = fill.lane.name.clone();
            match fill.run(filling, age, &stop).await {
                Ok(events) => {
                    tracing::info!(events, "receiver {name} is given what came before it");
                }
                Err(error) => {
                    tracing::warn!(%error, "receiver {name} is not given all that came before it");
                }
            }
        });
    }
}

/// What is known of an Event whose revisions come by.
#[derive(Default)]
struct Known {
    revision: u64,
    last_seen: Option<u32>,
    reached: LaneSet,
}

struct Fill {
    router: Router,
    lane: Lane,
    saver: Saver,
    clock: Arc<dyn Clock>,
}

impl Fill {
    /// Says how many events were appended.
    async fn run(&self, filling: Filling, age: Duration, stop: &Stop) -> Result<u64, JournalError> {
        let Filling { mut after, upto } = filling;
        let age = SignedDuration::try_from(age).unwrap_or(SignedDuration::MAX);
        let since = self.clock.now().checked_sub(age).unwrap_or_default();
        let mut known: HashMap<EventKey, Known> = HashMap::new();
        let mut appended = 0;
        while after < upto && !stop.has_fired() {
            let rows = self.saver.scan(after, ROWS, BYTES).await?;
            after = rows.last().map_or(upto, |(_, row)| row.seq.min(upto));
            let rows = rows.into_iter().filter(|(_, row)| row.seq <= upto);
            let events = rows.filter_map(|(_, row)| row.event.ok());
            let events =
                events.filter(|it| !it.replay && it.timestamp().is_none_or(|time| time >= since));
            let rows: Vec<Row> = events
                .filter(|event| self.wants(event, &mut known))
                .map(|event| Row { change: None, lanes: self.lanes(), event: Some(event) })
                .collect();
            let accepted = rows.len() as u64;
            let tally = LaneTally { accepted, ..LaneTally::default() };
            let left = (after < upto).then_some(Filling { after, upto });
            let commit = Commit {
                rows,
                lane_tallies: vec![(self.lane.id, tally)],
                filling: vec![(self.lane.id, left)],
                ..Commit::default()
            };
            self.saver.commit(commit).await?;
            appended += accepted;
        }
        Ok(appended)
    }

    fn lanes(&self) -> LaneSet {
        LaneSet::from_iter([self.lane.id])
    }

    /// Whether the receiver would have been sent this event, had it been there.
    fn wants(&self, event: &event::Event, known: &mut HashMap<EventKey, Known>) -> bool {
        let known = known.entry(EventKey::of(event)).or_default();
        let revision = event.revision().unwrap_or_default();
        if revision > 0 && revision <= known.revision {
            // Somebody was sent it twice.
            return false;
        }
        let step = Step::of(event, known.last_seen);
        let sending = self.router.decide(event).apply_repeats(&known.reached, step);
        let is_wanted = sending.lanes.contains(self.lane.id);
        if is_wanted {
            known.reached.insert(self.lane.id);
        }
        known.revision = revision;
        known.last_seen = Some(step.seen.1);
        is_wanted
    }
}

/// Lanes that are there for the first time, and want what came before: what is to be looked at for them. A process that was
/// killed between opening a lane and noting this leaves one that was given nothing yet: it counts as new.
pub(crate) async fn note(
    settings: &Settings,
    (saver, lanes): (&Saver, &mut [Lane]),
    known: &[event::LaneId],
) -> Result<(), JournalError> {
    let upto = *saver.head().borrow();
    let mut filling = Vec::new();
    for (receiver, lane) in settings.receivers.iter().zip(lanes) {
        let untouched = lane.filling.is_none() && lane.tally == LaneTally::default();
        let is_new = !known.contains(&lane.id) || untouched;
        if receiver.sending.backfill().is_some() && is_new {
            lane.filling = Some(Filling { after: 0, upto });
            filling.push((lane.id, lane.filling));
        }
    }
    if !filling.is_empty() {
        saver.commit(Commit { filling, ..Commit::default() }).await?;
    }
    Ok(())
}

/// Receivers that have another name now keep their lanes.
pub(crate) fn rename(
    settings: &Settings,
    journal: &mut dyn event::Journal,
) -> Result<(), JournalError> {
    for receiver in &settings.receivers {
        let to: &Text = &receiver.name;
        for from in receiver.sending.renamed_from() {
            if journal.rename_lane(from, to)? {
                tracing::info!("receiver {to} goes on where {from} was");
                break;
            }
        }
    }
    Ok(())
}
