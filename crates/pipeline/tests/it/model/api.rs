//! The API server, as far as it answers lists and watches.

use std::sync::Arc;

use event::Event;
use futures::{StreamExt, stream::BoxStream};
use pipeline::collect::{
    api::{ApiError, EventsApi, Page, WatchFrom},
    frames::Frame,
};
use playground::store::{ListQuery, ReadError, Selection};

use super::{
    faults::Fault,
    watch::{Serve, Watch},
    world::{LATENCY, State, World},
};

impl EventsApi for World {
    type Frames = BoxStream<'static, Result<Vec<Frame>, ApiError>>;

    async fn probe(&self) -> Result<u64, ApiError> {
        tokio::time::sleep(LATENCY).await;
        let mut state = self.state();
        state.request()?;
        Ok(state.store.revision())
    }

    async fn list(&self, page: Page) -> Result<Self::Frames, ApiError> {
        tokio::time::sleep(LATENCY).await;
        let mut state = self.state();
        state.request()?;
        if state.next_fault(|fault| *fault == Fault::CompactBeforePage).is_some() {
            let newest = state.store.revision();
            state.store.compact(newest);
        }
        if page.token.is_none() {
            state.begin_list();
        }
        let arrival = state.listing.unwrap();
        let query = ListQuery {
            limit: 3,
            continue_token: page.token.unwrap_or_default(),
            ..ListQuery::default()
        };
        let answer = match state.store.list(&query) {
            Ok(answer) => answer,
            Err(ReadError::ContinueExpired { go_on }) => {
                state.consistent = false;
                let withheld = state.next_fault(|fault| *fault == Fault::WithholdToken).is_some();
                return Err(ApiError::Expired {
                    message: "too old".into(),
                    inconsistent: (!withheld).then_some(go_on),
                });
            }
            Err(error) => {
                return Err(ApiError::Failed { status: 504, message: error.to_string() });
            }
        };
        let torn = state.next_fault(|fault| *fault == Fault::TearPage).is_some();
        let next = (!answer.continue_token.is_empty()).then_some(answer.continue_token);
        drop(state);
        let world = self.clone();
        let items: Vec<_> = answer.items.iter().map(|item| Event::clone(item)).collect();
        let (kept, revision) = (if torn { items.len() / 2 } else { items.len() }, answer.revision);
        let mut reads: Vec<Result<Vec<Frame>, ApiError>> = Vec::new();
        for item in items.into_iter().take(kept) {
            reads.push(Ok(vec![Frame::Item(Box::new(item))]));
        }
        if torn {
            reads.push(Err(ApiError::Connection("torn on purpose".into())));
        } else {
            reads.push(Ok(vec![Frame::PageEnd { revision: Some(revision), next }]));
        }
        Ok(futures::stream::iter(reads)
            .inspect(move |read| {
                let Ok(frames) = read else { return };
                let mut state = world.state();
                for frame in frames {
                    match frame {
                        Frame::Item(event) => state.serve(event, arrival),
                        Frame::PageEnd { next: None, revision: Some(revision) } => {
                            state.end_pass(*revision);
                        }
                        _ => {}
                    }
                }
            })
            .boxed())
    }

    async fn watch(&self, from: WatchFrom) -> Result<Self::Frames, ApiError> {
        tokio::time::sleep(LATENCY).await;
        let mut state = self.state();
        state.request()?;
        let revision = match from {
            WatchFrom::Revision(revision) | WatchFrom::Glance(revision, _) => revision,
            WatchFrom::InitialEvents if !state.streams_lists => {
                return Err(ApiError::NotUnderstood { status: 422, message: "no".into() });
            }
            WatchFrom::InitialEvents => state.store.revision(),
        };
        let glance = matches!(from, WatchFrom::Glance(..));
        if let WatchFrom::Revision(revision) = from
            && !state.is_set_back()
        {
            assert!(
                revision <= state.saved,
                "a watch from {revision}, but only what is up to {} was served and saved",
                state.saved
            );
        }
        match state.store.changes(revision, &Selection::default()).map(|_| ()) {
            Ok(()) => {}
            Err(ReadError::Compacted { .. }) if state.stale_trap => {
                return Ok(futures::stream::empty().boxed());
            }
            Err(_) => {
                return Err(ApiError::Expired { message: "too old".into(), inconsistent: None });
            }
        }
        let mut first = Vec::new();
        if from == WatchFrom::InitialEvents {
            let arrival = state.begin_list();
            let items = state.store.list(&ListQuery::default()).unwrap().items;
            first.extend(
                items.iter().map(|item| Serve::Initial(Box::new(Event::clone(item)), arrival)),
            );
            first.push(Serve::InitialEnd(revision));
        }
        if !glance {
            state.watches += 1;
        }
        let number = if glance { u64::MAX } else { state.watches };
        let changed = Arc::clone(&state.changed);
        drop(state);
        let watch = Watch { world: self.clone(), number, revision, first, changed, over: false };
        Ok(watch.frames().boxed())
    }
}

impl State {
    /// A list is complete; it says what is gone only if no page of it was of a newer state, and all
    /// of it not of an older one.
    pub(super) fn end_pass(&mut self, revision: u64) {
        let position = self.position.map_or(0, |position| position.revision);
        if self.consistent && revision >= position {
            self.ending = Some(revision);
        }
    }
}
