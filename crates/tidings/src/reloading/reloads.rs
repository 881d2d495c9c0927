//! How reloads went, for metrics.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

/// See the module. Clones are the same.
#[derive(Debug, Clone)]
pub(crate) struct Reloads(Arc<Mutex<Told>>);

/// What there is to tell.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// Reloads after which another config was obeyed.
    pub(crate) applied: u64,
    /// Reloads that found what is obeyed already.
    pub(crate) unchanged: u64,
    /// Reloads that found a config that cannot be obeyed.
    pub(crate) refused: u64,
    /// The newest one found what is obeyed now.
    pub(crate) is_current: bool,
    /// When what is obeyed was read.
    pub(crate) read: Timestamp,
    /// Of the files that it was read from.
    pub(crate) hash: u32,
}

impl Reloads {
    /// None yet; the config of the start was read now.
    pub(super) fn new(hash: u32, now: Timestamp) -> Self {
        let (applied, unchanged, refused) = (0, 0, 0);
        let told = Told { applied, unchanged, refused, is_current: true, read: now, hash };
        Self(Arc::new(Mutex::new(told)))
    }

    /// How they went so far.
    pub(crate) fn told(&self) -> Told {
        *self.lock()
    }

    pub(super) fn applied(&self, hash: u32, now: Timestamp) {
        let mut told = self.lock();
        told.applied += 1;
        (told.is_current, told.hash, told.read) = (true, hash, now);
    }

    pub(super) fn unchanged(&self, hash: u32, now: Timestamp) {
        let mut told = self.lock();
        told.unchanged += 1;
        (told.is_current, told.hash, told.read) = (true, hash, now);
    }

    pub(super) fn refused(&self) {
        let mut told = self.lock();
        told.refused += 1;
        told.is_current = false;
    }

    fn lock(&self) -> MutexGuard<'_, Told> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
