//! Which message began the thread of an object. Kept in memory, for so many objects: a restart, or an object that was not
//! heard of for long, begins a new thread.

use std::{
    fmt,
    num::NonZeroUsize,
    sync::{Mutex, PoisonError},
};

use event::{Event, Text};
use lru::LruCache;
use xxhash_rust::xxh3::Xxh3Default;

use super::THREAD;

/// So many objects have a thread: about half a MiB.
const KEPT: NonZeroUsize = NonZeroUsize::new(4096).expect("not 0");

/// The first messages of threads, by what they are about.
pub(super) struct Threads(Mutex<LruCache<String, String>>);

impl Default for Threads {
    fn default() -> Self {
        Self(Mutex::new(LruCache::new(KEPT)))
    }
}

impl Threads {
    /// The message that began it.
    pub(super) fn begun_by(&self, object: &str) -> Option<String> {
        self.lock().get(object).cloned()
    }

    /// `ts` begins it.
    pub(super) fn begin(&self, object: String, ts: String) {
        if !ts.is_empty() {
            self.lock().put(object, ts);
        }
    }

    pub(super) fn forget(&self, object: &str) {
        self.lock().pop(object);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, LruCache<String, String>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Threads {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} threads", self.lock().len())
    }
}

/// What stands for the thread of an event's object in a channel.
pub(super) fn of(channel: &str, event: &Event) -> String {
    let object = &event.involved.reference;
    let mut hash = Xxh3Default::new();
    let parts = [channel, &event.cluster_name, &object.kind, &object.namespace, &object.name];
    for part in parts {
        hash.update(part.as_bytes());
        hash.update(b"\0");
    }
    format!("{:032x}", hash.digest128())
}

/// Takes what stands for the thread out of a payload's headers.
pub(super) fn take(headers: &mut Vec<(Text, String)>) -> Option<String> {
    let at = headers.iter().position(|(name, _)| name == THREAD)?;
    Some(headers.remove(at).1)
}
