//! The store, shared: a lock, and word of every write to whoever watches.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use crate::store::Store;

/// A [`Store`] that tasks share. Clones share the same one.
#[derive(Debug, Clone)]
pub struct Storage {
    store: Arc<Mutex<Store>>,
    place: Arc<watch::Sender<Place>>,
}

/// How far a store has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The newest revision.
    pub revision: u64,
    /// How often it was restored; a watch does not survive that.
    pub restores: u32,
}

impl Storage {
    /// Shares `store`.
    pub fn new(store: Store) -> Self {
        let place = Place::of(&store);
        Self { store: Arc::new(Mutex::new(store)), place: Arc::new(watch::Sender::new(place)) }
    }

    /// Reads.
    pub fn read<R>(&self, read: impl FnOnce(&Store) -> R) -> R {
        read(&self.lock())
    }

    /// Writes, and wakes whoever watches once the lock is free.
    pub fn write<R>(&self, write: impl FnOnce(&mut Store) -> R) -> R {
        let mut store = self.lock();
        let result = write(&mut store);
        let place = Place::of(&store);
        drop(store);
        self.place.send_if_modified(|known| std::mem::replace(known, place) != place);
        result
    }

    /// Where the store is, now and after each write.
    pub fn watch(&self) -> watch::Receiver<Place> {
        self.place.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Store> {
        // A reader that panicked has changed nothing; a panicked test should show its own panic.
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    fn of(store: &Store) -> Self {
        Self { revision: store.revision(), restores: store.restores() }
    }
}
