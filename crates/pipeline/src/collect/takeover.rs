//! Going on from where another replica has come to, without what it remembered.
//!
//! A list shows what stood there unchanged since: that is remembered, and sent to nobody. Then the watch goes on
//! from the other's position, so that each revision after it comes, as if the other had gone on. What it tells of
//! Events that changed since is judged as a list after a break is: their past is not known.

use event::{
    Event, EventKey, Stop,
    counting::{Arrival, Since},
    journal::Position,
};

use super::{CollectError, Collector, End, Listed, api::EventsApi, judge};
use crate::{Save, Way};

/// How far taking over has come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Takeover {
    /// Nothing is taken over.
    #[default]
    None,
    /// What stands there has yet to be learnt.
    Learning,
    /// Up to this revision, Events may have a past since the position that nobody here knows.
    CatchingUp(Since, u64),
}

impl<A: EventsApi, S: Save> Collector<A, S> {
    /// The same, going on where another replica has come to.
    #[must_use]
    pub fn taking_over(self, from: Position) -> Self {
        // Of a storage that was set back, the list that begins the epoch tells all there is.
        let takeover = if from.revision == 0 { Takeover::None } else { Takeover::Learning };
        Self { position: Some(from), takeover, ..self }
    }

    /// Lists, to know what stands there.
    pub(super) async fn learn(&mut self, from: Position, stop: &Stop) -> Result<End, CollectError> {
        let since = Since { revision: from.revision, time: from.time };
        self.list(Arrival::CatchUp(since), None, stop).await
    }

    pub(super) fn learns(&self) -> bool {
        self.takeover == Takeover::Learning
    }

    /// Takes an Event of that list. What has changed since the position comes with the watch.
    pub(super) fn learn_of(&self, way: &mut Way<S>, event: &Event) {
        let from = self.position.unwrap_or_default().revision;
        let revision = event.revision().unwrap_or(0);
        if revision > from || !self.scope.takes(event) {
            return;
        }
        let key = EventKey::of(event);
        if way.live.get(key).is_none_or(|known| known.known.revision != revision) {
            way.remember(event, judge::standing(event, key, self.now()));
        }
    }

    /// The list was one consistent state, at this revision. The watch goes on from the position.
    pub(super) async fn learnt(
        &mut self,
        listed: Listed,
        revision: u64,
    ) -> Result<End, CollectError> {
        let from = self.position.unwrap_or_default();
        let mut way = self.enter().await;
        let gone = way.live.unmarked(self.scope.place(), revision);
        let now = self.now();
        for gone in gone {
            way.forget(event::journal::Change { touched: now, ..gone });
        }
        way.begin_snapshot();
        self.save(&mut way, Some(from)).await?;
        let live = way.live.len();
        drop(way);
        let since = Since { revision: from.revision, time: from.time };
        self.takeover = Takeover::CatchingUp(since, revision);
        self.pace.went_well();
        let (position, newest) = (from.revision, revision);
        tracing::info!(live, position, newest, "taken over from another replica");
        self.tell(|status| status.listed = Some(listed));
        Ok(End::Over)
    }

    /// How an object is judged that a watch shows at this revision.
    pub(super) fn arrival(&self, revision: u64) -> Arrival {
        match self.takeover {
            Takeover::CatchingUp(since, until) if revision <= until => Arrival::CatchUp(since),
            _ => Arrival::Live,
        }
    }
}
