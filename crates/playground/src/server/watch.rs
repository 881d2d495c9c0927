//! Answers to watches: what is there, if asked for, then every change as it comes.

use std::{io, io::Write, sync::Arc, time::Duration};

use bytes::Bytes;
use flate2::{Compression, write::GzEncoder};
use http::{HeaderValue, header, request::Parts};
use tokio::{sync::watch, time::Instant};

use super::{
    Answer, Api, accept::accepts_gzip, form::Shape, kept::Kept, list_options::ListOptions,
    status::Status, stream_of, target::Target,
};
use crate::{
    faults::FaultKind,
    stats::Verb,
    storage::Place,
    store::{Change, ChangeKind, ListQuery, ReadError, Selection},
};

/// So many changes are read at a time, so that nobody waits long for the lock.
const BATCH: usize = 1000;
/// So many objects are read at a time for the initial state.
const PAGE: usize = 10_000;
/// How often a watch that allows bookmarks gets one, unless it is of Events: those have no watch cache.
const BOOKMARKS: Duration = Duration::from_secs(60);
/// How long a watch stays open at least, and how much longer at most, when the client does not say.
const OPEN: Duration = Duration::from_secs(30 * 60);

/// What comes next on a watch.
enum Stage {
    /// The objects that are there, from this token on; then perhaps the bookmark that says so.
    Initial { continue_token: String, revision: Option<u64>, bookmark: bool },
    /// Changes.
    Changes,
    /// Nothing, until the client is gone.
    Frozen,
    /// The end; cut if in the middle of a message.
    Over { cut: bool },
}

struct OpenWatch<T> {
    api: Arc<Api>,
    shape: Shape,
    selection: Selection,
    bookmarks: bool,
    gzip: bool,
    stage: Stage,
    /// Everything up to here was sent.
    revision: u64,
    restores: u32,
    deadline: Instant,
    /// When a bookmark is due of the server's own accord.
    next_bookmark: Option<Instant>,
    place: watch::Receiver<Place>,
    faults: watch::Receiver<u64>,
    kind: std::marker::PhantomData<fn() -> T>,
}

impl Api {
    pub(super) fn open_watch<T: Kept>(
        self: &Arc<Self>,
        parts: &Parts,
        target: &Target,
        shape: Shape,
    ) -> Result<Answer, Status> {
        let options = ListOptions::read(target)?;
        let asked =
            options.revision().map_err(|why| Status { reason: "", ..Status::internal(why) })?;
        let place = self.storage.watch();
        let now = *place.borrow();
        let initial = match options.send_initial_events {
            Some(wanted) => wanted,
            None => asked == 0,
        };
        let (stage, revision) = if initial {
            let bookmark = options.bookmarks && options.send_initial_events.is_some();
            let first = Stage::Initial { continue_token: String::new(), revision: None, bookmark };
            (first, now.revision)
        } else {
            (Stage::Changes, if asked == 0 { now.revision } else { asked })
        };
        let open = options.timeout_seconds.filter(|seconds| *seconds > 0);
        let open = open.map_or_else(|| self.some_while(), Duration::from_secs);
        let take = |kind| self.faults.take(kind, Verb::Watch, target.resource.plural);
        let gzip = accepts_gzip(&parts.headers) && take(FaultKind::Gzip).is_some();

        self.stats.change(|counts| counts.open_watches += 1);
        let open_watch = OpenWatch::<T> {
            api: Arc::clone(self),
            shape,
            selection: options.selection,
            bookmarks: options.bookmarks,
            gzip,
            stage,
            revision,
            restores: now.restores,
            deadline: Instant::now() + open,
            next_bookmark: (options.bookmarks && !target.resource.is_events())
                .then(|| Instant::now() + BOOKMARKS),
            place,
            faults: self.faults.watch(),
            kind: std::marker::PhantomData,
        };
        let chunks = futures::stream::unfold(open_watch, |mut open_watch| async move {
            let chunk = open_watch.next().await?;
            Some((chunk, open_watch))
        });
        let mut answer = stream_of(shape.accept.media.watch_content_type(), chunks);
        if gzip {
            let encoding = HeaderValue::from_static("gzip");
            answer.headers_mut().insert(header::CONTENT_ENCODING, encoding);
        }
        Ok(answer)
    }

    fn some_while(&self) -> Duration {
        let mut random = self.random.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        OPEN.mul_f64(1.0 + random.unit())
    }
}

impl<T> Drop for OpenWatch<T> {
    fn drop(&mut self) {
        self.api.stats.change(|counts| counts.open_watches -= 1);
    }
}

impl<T: Kept> OpenWatch<T> {
    /// The next bytes, or nothing at the end.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        loop {
            if let Stage::Over { cut } = self.stage {
                if !cut {
                    return None;
                }
                self.stage = Stage::Over { cut: false };
                return Some(Err(cut_after_flush().await));
            }
            if self.api.stop.has_fired() || Instant::now() >= self.deadline {
                return None;
            }
            if let Some(frames) = self.ready() {
                return Some(Ok(self.send(&frames)));
            }
            if !matches!(self.stage, Stage::Over { .. }) {
                self.wait().await;
            }
        }
    }

    async fn wait(&mut self) {
        let frozen = matches!(self.stage, Stage::Frozen);
        let wake = self.next_bookmark.map_or(self.deadline, |at| at.min(self.deadline));
        let wake = if frozen { self.deadline } else { wake };
        tokio::select! {
            () = self.api.stop.fired() => {}
            () = tokio::time::sleep_until(wake) => {}
            // The senders live as long as the API does.
            _ = self.place.changed(), if !frozen => {}
            _ = self.faults.changed(), if !frozen => {}
        }
    }

    /// The messages that can be sent now, each in its frame.
    fn ready(&mut self) -> Option<Vec<Vec<u8>>> {
        let place = *self.place.borrow_and_update();
        self.faults.mark_unchanged();
        if place.restores != self.restores {
            // The API server is restarted for a restore.
            self.stage = Stage::Over { cut: true };
            return None;
        }
        if self.take(FaultKind::Freeze) {
            self.stage = Stage::Frozen;
        }
        if self.take(FaultKind::EndWatch) {
            self.stage = Stage::Over { cut: false };
        }
        match &self.stage {
            Stage::Frozen | Stage::Over { .. } => None,
            Stage::Initial { .. } => Some(self.initial()),
            Stage::Changes if place.revision > self.revision => self.changes(),
            Stage::Changes => self.bookmark(),
        }
        .filter(|frames| !frames.is_empty())
    }

    fn take(&self, kind: FaultKind) -> bool {
        self.api.faults.take(kind, Verb::Watch, self.shape.resource.plural).is_some()
    }

    fn initial(&mut self) -> Vec<Vec<u8>> {
        let Stage::Initial { continue_token, revision, bookmark } = &mut self.stage else {
            return Vec::new();
        };
        let query = ListQuery {
            selection: self.selection.clone(),
            revision: *revision,
            limit: PAGE,
            continue_token: std::mem::take(continue_token),
        };
        let page = match self.api.storage.read(|s| T::list(s, self.shape.resource, &query)) {
            Ok(page) => page,
            Err(error) => return self.fail(&Status::read(error)),
        };
        *continue_token = page.continue_token;
        *revision = Some(page.revision);
        let (is_last, bookmark) = (continue_token.is_empty(), *bookmark);
        self.revision = page.revision;
        let shape = self.shape;
        let mut frames: Vec<Vec<u8>> =
            page.items.iter().map(|object| frame(&shape, "ADDED", &**object)).collect();
        if is_last {
            if bookmark {
                frames.push(self.bookmark_frame(true));
            }
            self.stage = Stage::Changes;
            if frames.is_empty() {
                // Nothing is there, but changes may be waiting already.
                return self.changes().unwrap_or_default();
            }
        }
        frames
    }

    fn changes(&mut self) -> Option<Vec<Vec<u8>>> {
        let read = self.api.storage.read(|store| {
            T::changes(store, self.shape.resource, self.revision, &self.selection, BATCH)
        });
        match read {
            Ok((changes, reached)) => {
                self.revision = reached;
                Some(changes.iter().map(|change| self.change_frame(change)).collect())
            }
            Err(ReadError::Future { .. }) => None,
            Err(_) => {
                let text = "The resourceVersion for the provided watch is too old.";
                Some(self.fail(&Status::expired(text)))
            }
        }
    }

    fn change_frame(&self, change: &Change<T>) -> Vec<u8> {
        let kind = match change.kind {
            ChangeKind::Added => "ADDED",
            ChangeKind::Modified => "MODIFIED",
            ChangeKind::Deleted => "DELETED",
        };
        frame(&self.shape, kind, &*change.object)
    }

    /// A bookmark, if one is due or was commanded.
    fn bookmark(&mut self) -> Option<Vec<Vec<u8>>> {
        let due = self.next_bookmark.is_some_and(|at| at <= Instant::now());
        if due {
            self.next_bookmark = Some(Instant::now() + BOOKMARKS);
        }
        let wanted = due || (self.bookmarks && self.take(FaultKind::Bookmark));
        wanted.then(|| vec![self.bookmark_frame(false)])
    }

    fn bookmark_frame(&self, ends_initial: bool) -> Vec<u8> {
        let mut empty = T::default();
        empty.stamp(self.revision);
        if ends_initial {
            empty.annotate("k8s.io/initial-events-end", "true");
        }
        frame(&self.shape, "BOOKMARK", &empty)
    }

    fn fail(&mut self, status: &Status) -> Vec<Vec<u8>> {
        self.stage = Stage::Over { cut: false };
        let mut out = Vec::new();
        self.shape.error_frame(status, &mut out);
        vec![out]
    }

    /// The frames as they go out, whole or spoilt.
    fn send(&mut self, frames: &[Vec<u8>]) -> Bytes {
        let mut sent = frames.len();
        let mut bytes = if self.gzip {
            frames.iter().flat_map(|frame| compressed(frame)).collect()
        } else {
            frames.concat()
        };
        if self.take(FaultKind::CutMidFrame) {
            let last = frames.last().map_or(0, Vec::len);
            bytes.truncate(bytes.len().saturating_sub(last.div_ceil(2)).max(1));
            self.stage = Stage::Over { cut: true };
            sent -= 1;
        }
        self.api.stats.change(|counts| {
            counts.watch_messages += sent as u64;
            counts.bytes += bytes.len() as u64;
        });
        Bytes::from(bytes)
    }
}

fn frame<T: Kept>(shape: &Shape, kind: &str, object: &T) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    shape.frame(kind, object, &mut out);
    out
}

/// What a body says to cut its connection, once what was said before is sent.
pub(super) async fn cut_after_flush() -> io::Error {
    // The server flushes when the body has nothing for it, and forgets its buffer on an error.
    tokio::task::yield_now().await;
    io::Error::other("cut on command")
}

/// One gzip member.
pub(super) fn compressed(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    let written = encoder.write_all(bytes).and_then(|()| encoder.finish());
    written.expect("a vector takes every write")
}
