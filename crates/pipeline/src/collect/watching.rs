//! Watching: takes what happens, moves the position, and mistrusts silence.

use std::time::Duration;

use event::{EventKey, Stop, journal::Position};
use futures::{FutureExt, StreamExt};
use tokio::time::{Instant, timeout};

use super::{
    Cause, CollectError, Collector, End, Phase,
    api::{ApiError, EventsApi, WatchFrom},
    frames::Frame,
    lists::BATCH,
};
use crate::{Save, Way};

/// After so long without a word a second watch looks whether there is something to hear.
pub(super) const SILENCE: Duration = Duration::from_secs(30);
/// What the second watch sees must arrive on the first one within this time.
const PATIENCE: Duration = Duration::from_secs(5);
/// After so long without a word the position is renewed by a list, before it is compacted away.
const RENEWAL: Duration = Duration::from_secs(180);
/// A watch that is closed within this time, without a word, was asked for a compacted revision: the
/// Events resource has no watch cache, and then answers 200 and nothing.
const STALE: Duration = Duration::from_secs(2);

/// The revisions of one watch. A revision is complete when a higher one, or a bookmark, has come:
/// when Events expire, many keys are deleted at one revision.
struct Progress {
    complete: u64,
    newest: u64,
}

impl Progress {
    fn saw(&mut self, revision: u64) {
        if revision > self.newest {
            self.complete = self.newest;
            self.newest = revision;
        }
    }

    fn bookmark(&mut self, revision: u64) {
        self.newest = self.newest.max(revision);
        self.complete = self.complete.max(revision);
    }
}

impl<A: EventsApi, S: Save> Collector<A, S> {
    /// Watches from `position` until the watch ends.
    pub(super) async fn watch(
        &mut self,
        position: Position,
        stop: &Stop,
    ) -> Result<End, CollectError> {
        match self.api.watch(WatchFrom::Revision(position.revision)).await {
            Ok(frames) => self.follow_watch(frames, position.revision, stop).await,
            Err(error) => Ok(error.into()),
        }
    }

    /// Takes what a watch from `revision` brings until it ends, and what waits at the gate then.
    pub(super) async fn follow_watch(
        &mut self,
        frames: A::Frames,
        revision: u64,
        stop: &Stop,
    ) -> Result<End, CollectError> {
        let mut progress = Progress { complete: revision, newest: revision };
        let end = self.follow_frames(frames, &mut progress, stop).await?;
        let settled = self.settle(Some(progress.complete), stop).await?;
        Ok(if settled { end } else { End::Stopped })
    }

    async fn follow_frames(
        &mut self,
        mut frames: A::Frames,
        progress: &mut Progress,
        stop: &Stop,
    ) -> Result<End, CollectError> {
        let revision = progress.newest;
        let opened = Instant::now();
        let mut heard = opened;
        let mut words = 0u64;
        self.tell(|status| {
            status.phase = Phase::Watching;
            status.trouble = None;
        });
        let live = self.enter().await.live.len();
        tracing::info!(revision, live, "watching");
        loop {
            let read = tokio::select! {
                biased;
                () = stop.fired() => return Ok(End::Stopped),
                read = frames.next() => read,
                () = self.gate.woken() => {
                    let mut way = self.enter().await;
                    self.take_released(&mut way);
                    self.move_to(&mut way, progress.complete, false).await?;
                    continue;
                }
                () = tokio::time::sleep_until(heard + RENEWAL) => {
                    return Ok(End::List(Cause::Quiet));
                }
                seen = self.glance(progress) => match seen {
                    Glance::Nothing => {
                        self.renew_time().await?;
                        continue;
                    }
                    Glance::Expired => return Ok(End::List(Cause::Quiet)),
                    Glance::NoAnswer => {
                        let dead = "the watch is silent, and nobody answers beside it";
                        return Ok(End::Trouble(ApiError::Connection(dead.into())));
                    }
                    Glance::Something => {
                        match timeout(PATIENCE, frames.next()).await {
                            Ok(read) => read,
                            Err(_) => return Ok(End::List(Cause::Frozen)),
                        }
                    }
                },
            };
            let Some(read) = read else {
                if words == 0 && opened.elapsed() < STALE {
                    tracing::info!(revision, "the watch was closed at once: the position is stale");
                    return Ok(End::List(Cause::Stale));
                }
                return Ok(End::Over);
            };
            heard = Instant::now();
            let newest = progress.newest;
            // Kept until what is taken is saved with the position: see `Way`.
            let mut way = self.enter().await;
            let mut end = self.take_frames(&mut way, read, progress, &mut words);
            // Take along what is there already: one commit, and one fsync, for all of it. What waits at
            // the gate is not pending, but has its bound too.
            let most = words + BATCH as u64;
            while end.is_none() && way.pending() < BATCH && words < most {
                match frames.next().now_or_never() {
                    Some(Some(read)) => {
                        end = self.take_frames(&mut way, read, progress, &mut words);
                    }
                    Some(None) => end = Some(End::Over),
                    None => break,
                }
            }
            self.take_released(&mut way);
            way.newest = if self.gate.is_empty() { progress.newest } else { 0 };
            if let Some(end) = end {
                // An error is no sign of life: how long the break is counts from the last one.
                let alive = progress.newest > newest;
                self.move_to(&mut way, progress.complete, alive).await?;
                return Ok(end);
            }
            self.move_to(&mut way, progress.complete, true).await?;
            self.pace.went_well();
        }
    }

    fn take_frames(
        &mut self,
        way: &mut Way<S>,
        read: Result<Vec<Frame>, ApiError>,
        progress: &mut Progress,
        words: &mut u64,
    ) -> Option<End> {
        let frames = match read {
            Ok(frames) => frames,
            Err(error) => return Some(error.into()),
        };
        way.live.warm(frames.iter().filter_map(Frame::event).map(EventKey::of));
        for frame in frames {
            *words += 1;
            match frame {
                Frame::Added(event) | Frame::Modified(event) => {
                    let revision = event.revision().unwrap_or(0);
                    progress.saw(revision);
                    self.take(way, event, self.arrival(revision));
                }
                Frame::Deleted(event) => {
                    progress.saw(event.revision().unwrap_or(0));
                    self.take_deleted(way, event);
                }
                Frame::Bookmark { revision, .. } => progress.bookmark(revision),
                Frame::Error(error) => return Some(error.into()),
                Frame::Unreadable(what) => self.unreadable(way, &what),
                Frame::Item(_) | Frame::PageEnd { .. } => {}
            }
        }
        None
    }

    pub(super) async fn move_to(
        &mut self,
        way: &mut Way<S>,
        complete: u64,
        alive: bool,
    ) -> Result<(), CollectError> {
        let now = self.now();
        // What waits at the gate comes again after a crash.
        let complete = match self.gate.oldest() {
            Some(oldest) => complete.min(oldest.saturating_sub(1)),
            None => complete,
        };
        if let Some(position) = &mut self.position {
            position.revision = position.revision.max(complete);
            position.time = if alive { now } else { position.time };
        }
        self.save(way, self.position).await
    }

    /// The watch is silent and trusted: the position is as good as new.
    async fn renew_time(&mut self) -> Result<(), CollectError> {
        let revision = self.position.map_or(0, |position| position.revision);
        self.move_to(&mut *self.enter().await, revision, true).await
    }

    /// After a silence: is there something that the watch should have shown?
    ///
    /// Takes only what it needs, so that the watch itself can be read meanwhile.
    fn glance(&self, progress: &Progress) -> impl Future<Output = Glance> + use<'_, A, S> {
        let (complete, newest) = (progress.complete, progress.newest);
        async move {
            tokio::time::sleep(SILENCE).await;
            match timeout(PATIENCE, self.api.probe()).await {
                Ok(Ok(revision)) if revision < complete => return Glance::Expired,
                // The storage has seen no write at all since the newest that was shown.
                Ok(Ok(revision)) if revision == newest => return Glance::Nothing,
                Ok(_) => {}
                Err(_) => return Glance::NoAnswer,
            }
            let glance = self.api.watch(WatchFrom::Glance(complete, PATIENCE));
            let mut frames = match timeout(PATIENCE, glance).await {
                Ok(Ok(frames)) => frames,
                Ok(Err(ApiError::Expired { .. })) => return Glance::Expired,
                Ok(Err(error)) => {
                    tracing::debug!(%error, "could not look whether the watch is alive");
                    return Glance::Nothing;
                }
                Err(_) => return Glance::NoAnswer,
            };
            let opened = Instant::now();
            while let Ok(read) = timeout(PATIENCE, frames.next()).await {
                let Some(Ok(read)) = read else { return Glance::closed_after(opened.elapsed()) };
                let found = read.iter().map(|frame| Glance::of(frame, newest));
                if let Some(found) = found.into_iter().find(|found| *found != Glance::Nothing) {
                    return found;
                }
            }
            Glance::Nothing
        }
    }
}

/// What a second look found.
#[derive(PartialEq)]
enum Glance {
    /// Nothing that the watch has not shown.
    Nothing,
    /// Something new.
    Something,
    /// The position is compacted away.
    Expired,
    /// The server, or the way to it, is as silent as the watch.
    NoAnswer,
}

impl Glance {
    /// It should have lasted; closed at once, it was asked for a compacted revision.
    fn closed_after(time: Duration) -> Self {
        if time < STALE { Self::Expired } else { Self::Nothing }
    }

    fn of(frame: &Frame, newest: u64) -> Self {
        match frame {
            Frame::Added(event) | Frame::Modified(event) | Frame::Deleted(event)
                if event.revision().is_some_and(|revision| revision > newest) =>
            {
                Self::Something
            }
            Frame::Error(ApiError::Expired { .. }) => Self::Expired,
            _ => Self::Nothing,
        }
    }
}
