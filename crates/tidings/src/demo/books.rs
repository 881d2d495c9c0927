//! The demo's books: the truth on one side, what each of the two receivers got on the other.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use playground::store::{ReadError, Store};

use super::{
    tally::{Id, Numbers, Tally},
    truth::Truth,
};

/// Who got something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum To {
    /// What is shown here.
    Screen,
    /// The receiver that fails on purpose.
    Webhook,
}

/// See the module. Receivers and the show share them.
#[derive(Debug, Default)]
pub(super) struct Books {
    truth: Truth,
    /// Events written only to find out whether the worker is watching.
    signals: HashSet<Id>,
    since: Option<u64>,
    screen: Tally,
    webhook: Tally,
    /// Writes that tell nothing: removed, or written without happening again.
    quiet: u64,
    /// How long the way from the cluster to the webhook has been open.
    open: Duration,
}

impl Books {
    /// Reads on in the store.
    pub(super) fn follow(&mut self, store: &Store) -> Result<(), ReadError> {
        for written in self.truth.follow(store)? {
            if written.tells {
                self.screen.wrote(written.id);
                self.webhook.wrote(written.id);
            } else if self.since.is_some_and(|since| written.id.revision >= since) {
                self.quiet += 1;
            }
        }
        self.screen.knows(store.revision());
        self.webhook.knows(store.revision());
        Ok(())
    }

    /// The worker is watching, at the latest, when this arrives.
    pub(super) fn expect_signal(&mut self, id: Id) {
        self.signals.insert(id);
    }

    /// Some have arrived.
    pub(super) fn arrived(&mut self, to: To, ids: &[Id]) {
        if self.since.is_none()
            && let Some(signal) = ids.iter().filter(|id| self.signals.contains(id)).min()
        {
            self.since = Some(signal.revision);
            self.screen.begin(signal.revision);
            self.webhook.begin(signal.revision);
        }
        let (tally, open) = match to {
            To::Screen => (&mut self.screen, self.open),
            To::Webhook => (&mut self.webhook, self.open),
        };
        for id in ids {
            tally.arrived(*id, open);
        }
    }

    /// The way was open for so long.
    pub(super) fn was_open(&mut self, time: Duration) {
        self.open += time;
    }

    /// Whether everything that is written counts by now.
    pub(super) fn has_begun(&self) -> bool {
        self.since.is_some()
    }

    /// The numbers of one receiver.
    pub(super) fn numbers(&mut self, of: To) -> Numbers {
        match of {
            To::Screen => self.screen.numbers(self.open),
            To::Webhook => self.webhook.numbers(self.open),
        }
    }

    /// How many of those written up to `revision` the webhook has not got.
    pub(super) fn waiting_to(&self, revision: u64) -> u64 {
        self.webhook.waiting_to(revision)
    }

    /// How many writes told nothing.
    pub(super) fn quiet(&self) -> u64 {
        self.quiet
    }
}

/// What is shared, for a moment. A part that panicked stops the demo, which then says so.
pub(super) fn lock<T>(shared: &Arc<Mutex<T>>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use event::Event;
    use jiff::Timestamp;

    use super::*;

    fn write(store: &mut Store, name: &str) -> Id {
        let mut event = Event::default();
        event.metadata.name = name.into();
        let stored = store.create(event, Timestamp::UNIX_EPOCH).unwrap();
        Id::read(&stored.metadata.uid, &stored.metadata.resource_version).unwrap()
    }

    #[test]
    fn everything_counts_from_the_first_signal_that_arrives() {
        let (mut store, mut books) = (Store::default(), Books::default());
        let before = write(&mut store, "before");
        let missed = write(&mut store, "first-signal");
        books.expect_signal(missed);
        let heard = write(&mut store, "second-signal");
        books.expect_signal(heard);
        books.follow(&store).unwrap();

        // Fresh events from before the watch may be sent, too; they say nothing about the watch.
        books.arrived(To::Webhook, &[before]);
        assert!(!books.has_begun());
        books.arrived(To::Screen, &[heard]);
        assert!(books.has_begun());
        books.arrived(To::Webhook, &[missed]);

        let expected = Numbers { written: 1, waiting: 1, ..Numbers::default() };
        assert_eq!(books.numbers(To::Webhook), expected);
        let expected = Numbers { written: 1, delivered: 1, ..Numbers::default() };
        assert_eq!(books.numbers(To::Screen), expected);
    }
}
