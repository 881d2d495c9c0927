//! A watch that can be cut, closed or frozen, or told that its revision is too old.

use std::sync::Arc;

use event::{Event, counting::Arrival};
use futures::Stream;
use pipeline::collect::{api::ApiError, frames::Frame};
use playground::store::{ChangeKind, Selection};

use super::world::{Served, State, World};

/// What a watch that begins with a list shows first.
pub(super) enum Serve {
    Initial(Box<Event>, Arrival),
    InitialEnd(u64),
}

/// An open watch.
pub(super) struct Watch {
    pub(super) world: World,
    pub(super) number: u64,
    pub(super) revision: u64,
    pub(super) first: Vec<Serve>,
    pub(super) changed: Arc<tokio::sync::Notify>,
    pub(super) over: bool,
}

impl Watch {
    pub(super) fn frames(self) -> impl Stream<Item = Result<Vec<Frame>, ApiError>> + Send {
        futures::stream::unfold(self, |mut watch| async move {
            loop {
                if watch.over {
                    return None;
                }
                let changed = Arc::clone(&watch.changed);
                let changed = changed.notified();
                tokio::pin!(changed);
                changed.as_mut().enable();
                if let Some(read) = watch.read() {
                    return read.map(|read| (read, watch));
                }
                changed.await;
            }
        })
    }

    /// What the next read brings; `None` while there is nothing, `Some(None)` at the end.
    #[expect(clippy::option_option, reason = "nothing yet and nothing ever are two things")]
    fn read(&mut self) -> Option<Option<Result<Vec<Frame>, ApiError>>> {
        let world = self.world.clone();
        let mut state = world.state();
        if self.number == u64::MAX {
            return self.glance(&state);
        }
        if state.closed.contains(&self.number) {
            return Some(None);
        }
        if state.frozen.contains(&self.number) {
            return None;
        }
        if let Some((number, left)) = state.cut
            && number == self.number
        {
            if left == 0 {
                self.over = true;
                return Some(Some(Err(ApiError::Connection("cut on purpose".into()))));
            }
            state.cut = Some((number, left - 1));
        }
        if !self.first.is_empty() {
            return Some(Some(Ok(vec![self.initial(&mut state)])));
        }
        if state.expired.contains(&self.number) {
            self.over = true;
            let expired = ApiError::Expired { message: "too old".into(), inconsistent: None };
            return Some(Some(Ok(vec![Frame::Error(expired)])));
        }
        let selection = Selection::default();
        let Ok(mut changes) = state.store.changes(self.revision, &selection) else {
            self.over = true;
            let expired = ApiError::Expired { message: "too old".into(), inconsistent: None };
            return Some(Some(Err(expired)));
        };
        let next = changes.next().map(|change| change.revision)?;
        drop(changes);
        self.serve_revision(&mut state, next)
    }

    /// Serves the changes of one revision, one read each: between them the connection can be cut.
    #[expect(clippy::option_option, reason = "as above")]
    fn serve_revision(
        &mut self,
        state: &mut State,
        revision: u64,
    ) -> Option<Option<Result<Vec<Frame>, ApiError>>> {
        let selection = Selection::default();
        let changes: Vec<_> = state
            .store
            .changes(self.revision, &selection)
            .ok()?
            .take_while(|change| change.revision == revision)
            .collect();
        let whole = state.cut.is_none_or(|(number, left)| {
            number != self.number || usize::from(left) + 1 >= changes.len()
        });
        let served = if whole { changes.len() } else { 1 };
        let mut frames = Vec::new();
        for change in &changes[..served] {
            let event = Event::clone(&change.object);
            frames.push(match change.kind {
                ChangeKind::Deleted => {
                    state.served.push_back(Served::Deleted(Box::new(event.clone())));
                    Frame::Deleted(Box::new(event))
                }
                kind => {
                    state.serve(&event, Arrival::Live);
                    if kind == ChangeKind::Added {
                        Frame::Added(Box::new(event))
                    } else {
                        Frame::Modified(Box::new(event))
                    }
                }
            });
        }
        if whole {
            self.revision = revision;
            state.covered = revision;
        } else {
            // The rest of the revision is never served on this connection.
            state.cut = Some((self.number, 0));
        }
        Some(Some(Ok(frames)))
    }

    fn initial(&mut self, state: &mut State) -> Frame {
        match self.first.remove(0) {
            Serve::Initial(event, arrival) => {
                state.serve(&event, arrival);
                Frame::Added(event)
            }
            Serve::InitialEnd(revision) => {
                state.end_pass(revision);
                Frame::Bookmark { revision, initial_end: true }
            }
        }
    }

    /// A second look beside the watch: served, but not taken.
    #[expect(clippy::option_option, reason = "as above")]
    fn glance(&mut self, state: &State) -> Option<Option<Result<Vec<Frame>, ApiError>>> {
        let selection = Selection::default();
        let Ok(changes) = state.store.changes(self.revision, &selection) else {
            return Some(None);
        };
        let changes: Vec<_> = changes.collect();
        self.revision = changes.last()?.revision;
        let frame = |object: &Arc<Event>| Frame::Modified(Box::new(Event::clone(object)));
        Some(Some(Ok(changes.iter().map(|change| frame(&change.object)).collect())))
    }
}
