//! Plays a day into a store, by the clock.

use event::{Clock, Stop};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};
use tokio::sync::mpsc;

use super::{Day, Incident, Timed, Write};
use crate::{
    storage::Storage,
    store::{Object, Store, WriteError},
};

/// So many writes are made before others get the lock.
const BATCH: usize = 256;
/// The clock is looked at this often at least; it may be a fast one.
const LOOK: Duration = Duration::from_millis(200);

/// Makes one write. Says nothing of what cannot be written, just as recorders do.
pub fn apply(store: &mut Store, timed: Timed) {
    let Timed { at, write } = timed;
    match write {
        Write::Create(event) => refused(store.create(*event, at).err()),
        Write::Update(mut event) => {
            event.metadata.resource_version = "".into();
            let (namespace, name) = (&event.metadata.namespace, &event.metadata.name);
            if store.get(namespace, name).is_some() {
                refused(store.update(*event, at).err());
            } else {
                // The recorder's answer to a 404: the same Event again, with the count it has by now.
                refused(store.create(*event, at).err());
            }
        }
        Write::Object { resource, object } => {
            let object = Object(object);
            let (namespace, name) = (object.metadata("namespace"), object.metadata("name"));
            if store.object(resource, namespace, name).is_some() {
                refused(store.update_object(resource, object).err());
            } else {
                refused(store.create_object(resource, object, at).err());
            }
        }
        Write::Remove { resource, namespace, name } => {
            refused(store.delete_object(resource, &namespace, &name).err());
        }
    }
}

fn refused(error: Option<WriteError>) {
    if let Some(error) = error {
        tracing::debug!(%error, "a write of the day was refused");
    }
}

/// Makes every write of `day` that is due by `until`, at once; gives their number.
pub fn play(store: &mut Store, day: &mut Day, until: Timestamp) -> usize {
    let mut written = 0;
    while let Some(timed) = day.due(until) {
        apply(store, timed);
        written += 1;
    }
    written
}

/// Lets incidents happen in a day that is being played. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub struct DayPlayer(mpsc::Sender<Incident>);

impl DayPlayer {
    /// A player of `day`, and the work to be done by a task: it writes each thing when `clock` says
    /// that it is time, until `stop` fires.
    pub fn new(
        storage: Storage,
        day: Day,
        clock: Arc<dyn Clock>,
        stop: Stop,
    ) -> (Self, impl Future<Output = ()> + Send) {
        let (sender, incidents) = mpsc::channel(16);
        (Self(sender), run(storage, day, clock, stop, incidents))
    }

    /// Lets an incident begin now; false when too many are waiting to begin, or the day is over.
    pub fn start(&self, incident: Incident) -> bool {
        self.0.try_send(incident).is_ok()
    }
}

async fn run(
    storage: Storage,
    mut day: Day,
    clock: Arc<dyn Clock>,
    stop: Stop,
    mut incidents: mpsc::Receiver<Incident>,
) {
    loop {
        let now = clock.now();
        while let Ok(incident) = incidents.try_recv() {
            day.plan(now, incident);
        }
        if day.next_at().is_none_or(|at| at > now) {
            let wait = day.next_at().map_or(LOOK, |at| {
                let wait = Duration::try_from(at.duration_since(now)).unwrap_or_default();
                wait.clamp(Duration::from_millis(1), LOOK)
            });
            tokio::select! {
                () = stop.fired() => return,
                () = tokio::time::sleep(wait) => {}
            }
            continue;
        }
        storage.write(|store| {
            for _ in 0..BATCH {
                let Some(timed) = day.due(now) else {
                    break;
                };
                apply(store, timed);
            }
        });
        if stop.has_fired() {
            return;
        }
        tokio::task::yield_now().await;
    }
}
