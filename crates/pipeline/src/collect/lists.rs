//! Lists: the first look, and making up for a break.
//!
//! Each page is judged and saved as it comes; the position moves, and what is gone is removed, only
//! after a pass that showed one consistent state.

use event::{
    Event, EventKey, Stop,
    counting::Arrival,
    journal::{Change, Position},
};
use futures::StreamExt;
use tokio::time::Instant;

use super::{
    Cause, CollectError, Collector, End, Fate, Listed, Phase,
    api::{ApiError, EventsApi, Page, WatchFrom},
    frames::Frame,
    missed::{Found, left_early},
    watching::SILENCE,
};
use crate::{Save, Way};

/// Rows that are saved together.
pub(super) const BATCH: usize = 1000;

/// One list under way.
pub(super) struct Pass {
    arrival: Arrival,
    cause: Option<Cause>,
    started: Instant,
    listed: Listed,
    happened: u64,
}

/// How one attempt to list ended.
enum Outcome<F> {
    /// Consistent, at this resourceVersion; the stream goes on as a watch.
    Streamed(F, u64),
    /// The server does not know streamed lists.
    NotStreamed,
    /// Consistent, at this resourceVersion.
    Paged(u64),
    /// Broken off.
    Ended(End),
}

impl<A: EventsApi, S: Save> Collector<A, S> {
    /// Lists everything and judges it; goes on watching where the server allows it in one stream.
    pub(super) async fn list(
        &mut self,
        arrival: Arrival,
        cause: Option<Cause>,
        stop: &Stop,
    ) -> Result<End, CollectError> {
        self.tell(|status| status.phase = Phase::Listing);
        if !self.settle(None, stop).await? {
            return Ok(End::Stopped);
        }
        let started = Instant::now();
        let mut pass = Pass { arrival, cause, started, listed: Listed::default(), happened: 0 };
        if self.streams_lists {
            let outcome = self.stream(&mut pass, stop).await?;
            if !self.settle(None, stop).await? {
                return Ok(End::Stopped);
            }
            match outcome {
                Outcome::Streamed(_, revision) | Outcome::Paged(revision)
                    if self.is_set_back(revision) =>
                {
                    self.begin_epoch(revision).await?;
                    return Ok(End::Over);
                }
                Outcome::Streamed(_, revision) | Outcome::Paged(revision) if self.learns() => {
                    return self.learnt(pass.listed, revision).await;
                }
                Outcome::Streamed(frames, revision) => {
                    self.finish(&pass, revision).await?;
                    return self.follow_watch(frames, revision, stop).await;
                }
                Outcome::Ended(end) => return Ok(end),
                Outcome::NotStreamed | Outcome::Paged(_) => {
                    tracing::debug!("the API server does not stream lists; using pages");
                    self.streams_lists = false;
                }
            }
        }
        let outcome = self.pages(&mut pass, stop).await?;
        if !self.settle(None, stop).await? {
            return Ok(End::Stopped);
        }
        match outcome {
            Outcome::Paged(revision) if self.is_set_back(revision) => {
                self.begin_epoch(revision).await?;
                Ok(End::Over)
            }
            Outcome::Paged(revision) if self.learns() => self.learnt(pass.listed, revision).await,
            Outcome::Paged(revision) => {
                self.finish(&pass, revision).await?;
                Ok(End::Over)
            }
            Outcome::Ended(end) => Ok(end),
            Outcome::Streamed(..) | Outcome::NotStreamed => Ok(End::Over),
        }
    }

    /// A list from before the position: the storage was set back after it was last compared.
    fn is_set_back(&self, revision: u64) -> bool {
        self.position.is_some_and(|position| revision < position.revision)
    }

    async fn stream(
        &mut self,
        pass: &mut Pass,
        stop: &Stop,
    ) -> Result<Outcome<A::Frames>, CollectError> {
        self.enter().await.live.begin_pass(self.scope.place());
        let mut frames = match self.api.watch(WatchFrom::InitialEvents).await {
            Ok(frames) => frames,
            Err(ApiError::NotUnderstood { .. }) => return Ok(Outcome::NotStreamed),
            Err(error) => return Ok(Outcome::Ended(End::Trouble(error))),
        };
        pass.listed.pages = 1;
        loop {
            let read = tokio::select! {
                () = stop.fired() => return Ok(Outcome::Ended(End::Stopped)),
                read = frames.next() => read,
                // An old server ignores the request for the closing bookmark.
                () = tokio::time::sleep(SILENCE) => return Ok(Outcome::NotStreamed),
            };
            let Some(read) = read else {
                let closed = ApiError::Connection("the list ended before its end".into());
                return Ok(Outcome::Ended(End::Trouble(closed)));
            };
            let read = match read {
                Ok(read) => read,
                Err(error) => return Ok(Outcome::Ended(End::Trouble(error))),
            };
            let mut end = None;
            let mut way = self.enter().await;
            for frame in read {
                match frame {
                    Frame::Added(event) | Frame::Modified(event) => {
                        self.listed(&mut way, event, pass);
                    }
                    // The watch that goes on from the position tells it again.
                    Frame::Deleted(_) if self.learns() => {}
                    Frame::Deleted(event) => self.take_deleted(&mut way, event),
                    Frame::Bookmark { revision, initial_end: true } => end = Some(revision),
                    Frame::Error(ApiError::NotUnderstood { .. }) => {
                        return Ok(Outcome::NotStreamed);
                    }
                    Frame::Error(error) => return Ok(Outcome::Ended(End::Trouble(error))),
                    Frame::Unreadable(what) => self.unreadable(&mut way, &what),
                    Frame::Bookmark { .. } | Frame::Item(_) | Frame::PageEnd { .. } => {}
                }
            }
            self.take_released(&mut way);
            if way.pending() >= BATCH {
                self.save(&mut way, None).await?;
            }
            if let Some(revision) = end {
                return Ok(Outcome::Streamed(frames, revision));
            }
        }
    }

    async fn pages(
        &mut self,
        pass: &mut Pass,
        stop: &Stop,
    ) -> Result<Outcome<A::Frames>, CollectError> {
        self.enter().await.live.begin_pass(self.scope.place());
        let mut page = Page::default();
        let mut consistent = true;
        loop {
            let (revision, next) = match self.page(&page, pass, stop).await? {
                Ok(end) => end,
                Err(End::Trouble(ApiError::Expired { message, inconsistent: Some(token) })) => {
                    // The list took longer than the storage keeps old states. With the token that
                    // the server offers, the rest is of a newer state: nothing is lost by going on,
                    // but what is gone can only be told by another pass. Without a token the list
                    // ends as trouble does, and is begun anew after a pause.
                    tracing::warn!(%message, "the list was overtaken by compaction; one more pass");
                    consistent = false;
                    page.token = Some(token);
                    continue;
                }
                Err(end) => return Ok(Outcome::Ended(end)),
            };
            self.save(&mut *self.enter().await, None).await?;
            match (next, revision) {
                (Some(token), _) => page.token = Some(token),
                (None, Some(revision)) if consistent => return Ok(Outcome::Paged(revision)),
                (None, _) => {
                    if !self.settle(None, stop).await? {
                        return Ok(Outcome::Ended(End::Stopped));
                    }
                    self.enter().await.live.begin_pass(self.scope.place());
                    page = Page::default();
                    consistent = true;
                }
            }
        }
    }

    /// One page: the list's resourceVersion and the token of the next page, or why there is none.
    async fn page(
        &mut self,
        page: &Page,
        pass: &mut Pass,
        stop: &Stop,
    ) -> Result<Result<(Option<u64>, Option<String>), End>, CollectError> {
        let mut frames = match self.api.list(page.clone()).await {
            Ok(frames) => frames,
            Err(error) => return Ok(Err(End::Trouble(error))),
        };
        pass.listed.pages += 1;
        loop {
            let read = tokio::select! {
                () = stop.fired() => return Ok(Err(End::Stopped)),
                read = frames.next() => read,
            };
            let read = match read {
                Some(Ok(read)) => read,
                Some(Err(error)) => return Ok(Err(End::Trouble(error))),
                None => {
                    let torn = ApiError::Connection("a page ended before its end".into());
                    return Ok(Err(End::Trouble(torn)));
                }
            };
            let mut way = self.enter().await;
            for frame in read {
                match frame {
                    Frame::Item(event) => self.listed(&mut way, event, pass),
                    Frame::PageEnd { revision, next } => return Ok(Ok((revision, next))),
                    Frame::Error(error) => return Ok(Err(End::Trouble(error))),
                    Frame::Unreadable(what) => self.unreadable(&mut way, &what),
                    Frame::Added(_)
                    | Frame::Modified(_)
                    | Frame::Deleted(_)
                    | Frame::Bookmark { .. } => {}
                }
            }
            self.take_released(&mut way);
            if way.pending() >= BATCH {
                self.save(&mut way, None).await?;
            }
        }
    }

    fn listed(&mut self, way: &mut Way<S>, event: Box<Event>, pass: &mut Pass) {
        pass.listed.items += 1;
        let key = EventKey::of(&event);
        if self.learns() {
            self.learn_of(way, &event);
            return way.live.mark(key);
        }
        match self.take(way, event, pass.arrival) {
            // What waits will have happened.
            Some(Fate::Happened(_)) | None => pass.happened += 1,
            Some(Fate::Baseline) => pass.listed.baseline += 1,
            Some(Fate::Noop) => {}
        }
        way.live.mark(key);
    }

    /// Ends a consistent pass: what it did not show is gone, and the position is its revision.
    async fn finish(&mut self, pass: &Pass, revision: u64) -> Result<(), CollectError> {
        let now = self.now();
        let from = self.position.unwrap_or_default();
        let mut way = self.enter().await;
        let gone = way.live.unmarked(self.scope.place(), revision);
        let early = gone.iter().filter(|gone| left_early(now, gone.touched, from.ttl)).count();
        let to = Position { epoch: from.epoch, revision, time: now, ttl: from.ttl };
        // In one step with the position: forgotten earlier, an event that the old position still
        // shows would be news again after a crash.
        for gone in &gone {
            way.forget(Change { touched: now, ..*gone });
        }
        let quiet = pass.happened == 0 && gone.is_empty();
        let cause = match pass.cause {
            Some(Cause::Quiet) if quiet => None,
            Some(Cause::Quiet) => Some(Cause::Frozen),
            other => other,
        };
        if let Some(cause) = cause {
            // What a restored storage no longer has tells nothing of namespaces.
            let vanished_early = if cause == Cause::Restored { 0 } else { early as u64 };
            let from = self.before_epoch.take().unwrap_or(from);
            self.report(&mut way, Found { cause, from, to, vanished_early });
        }
        self.position = Some(to);
        self.list_because = None;
        self.pace.went_well();
        self.save(&mut way, Some(to)).await?;
        way.counts.listed(pass.started.elapsed());
        drop(way);
        let millis = u64::try_from(pass.started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let listed = Listed { millis, ..pass.listed };
        tracing::info!(
            events = listed.items,
            seconds = pass.started.elapsed().as_secs_f64(),
            requests = listed.pages,
            "list done"
        );
        if listed.baseline > 0 {
            tracing::info!(
                events = listed.baseline,
                "baseline: these were there before the first look and are not sent (maxEventAgeSeconds)"
            );
        }
        self.tell(|status| status.listed = Some(listed));
        Ok(())
    }

    /// Writes a break into the ledger, and tells people when something could have been missed.
    fn report(&self, way: &mut Way<S>, found: Found) {
        way.note(found.to_break(&*self.clock));
        if found.missed() {
            let event = found.to_event(&self.settings.cluster_name, &self.scope);
            tracing::warn!(message = %event.message, "events may have been missed");
            way.take_own(event);
        } else {
            tracing::info!(cause = found.cause.word(), "made up for a break; nothing was missed");
        }
    }

    /// Something came that cannot be read. Silence about it would be a loss.
    pub(super) fn unreadable(&self, way: &mut Way<S>, what: &str) {
        tracing::error!(what, "an object of the API server cannot be read");
        let from = self.position.unwrap_or_default();
        let to = Position { time: self.now(), ..from };
        self.report(way, Found { cause: Cause::Unreadable, from, to, vanished_early: 0 });
    }
}
