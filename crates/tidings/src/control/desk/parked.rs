//! Parked events: looking at them, sending them again, giving them up.

use std::collections::{HashMap, HashSet};

use event::{
    LaneId, LaneSet, Text, document,
    journal::{Commit, Parked, Row, Unparked},
};
use serde_json::{Value, json};

use super::{Desk, Items, ROWS};
use crate::control::Which;

/// A parked event with the name of its receiver.
struct Found {
    number: u64,
    receiver: Text,
    parked: Parked,
}

impl Found {
    /// What people call it by: no other event ever has it.
    fn id(&self) -> String {
        format!("{}/{}", self.receiver, self.parked.seq)
    }

    fn is(&self, which: &Which) -> bool {
        let event = self.parked.event.as_deref();
        let same = |asked: &Option<String>, has: Option<&str>| {
            asked.as_deref().is_none_or(|asked| has == Some(asked))
        };
        (which.ids.is_empty() || which.ids.contains(&self.id()))
            && same(&which.receiver, Some(&self.receiver))
            && same(&which.namespace, event.map(|event| &*event.metadata.namespace))
            && same(&which.reason, event.map(|event| &*event.reason))
            && which.since.is_none_or(|since| self.parked.at.as_microsecond() >= since)
    }

    fn shown(&self, whole: bool) -> Value {
        let Parked { seq, at, cause, reason, event, .. } = &self.parked;
        let mut shown = json!({
            "id": self.id(), "receiver": *self.receiver, "row": seq,
            "parkedAt": at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "cause": cause.word(), "reason": reason,
        });
        let Some(event) = event else { return shown };
        shown["event"] = if whole {
            let mut text = Vec::new();
            document::write(&mut text, event);
            serde_json::from_slice(&text).unwrap_or_default()
        } else {
            let object = &event.involved.reference;
            json!({
                "namespace": *event.metadata.namespace, "name": *event.metadata.name,
                "type": *event.kind, "reason": *event.reason,
                "object": format!("{}/{}", object.kind, object.name),
                "id": event.id().to_string(),
            })
        };
        shown
    }
}

impl Desk {
    pub(super) async fn parked(
        &self,
        which: &Which,
        whole: bool,
        items: Items,
    ) -> anyhow::Result<Value> {
        let mut count = 0u64;
        let mut after = 0;
        'all: while let Some((found, next)) = self.page(which, after).await? {
            after = next;
            for found in found {
                if items.send(found.shown(whole)).await.is_err() {
                    break 'all;
                }
                count += 1;
            }
        }
        Ok(json!({"parked": count}))
    }

    /// Each is appended once more for its receiver, in the step that takes it from the parked ones. Those that cannot
    /// be read, or whose receiver is gone, stay.
    pub(super) async fn retry(&self, which: &Which) -> anyhow::Result<Value> {
        let lanes = self.lanes().await?;
        let current: LaneSet =
            lanes.iter().filter(|lane| lane.orphaned.is_none()).map(|lane| lane.id).collect();
        let now = self.clock.now();
        let (mut retried, mut left) = (0u64, 0u64);
        let mut after = 0;
        while let Some((found, next)) = self.page(which, after).await? {
            after = next;
            let mut commit = Commit::default();
            // What a receiver refuses again meanwhile is parked anew, and not tried for ever.
            for Found { number, parked, .. } in found.into_iter().filter(|it| it.parked.at <= now) {
                let Parked { lane, seq, event, .. } = parked;
                let Some(event) = event.filter(|_| current.contains(lane)) else {
                    left += 1;
                    continue;
                };
                let lanes = LaneSet::from_iter([lane]);
                commit.rows.push(Row { change: None, lanes, event: Some(event) });
                commit.unparked.push(Unparked { number, lane, seq, again: true });
                retried += 1;
            }
            if !commit.is_empty() {
                self.saver.commit(commit).await?;
            }
        }
        Ok(json!({"retried": retried, "left": left}))
    }

    pub(super) async fn discard(&self, which: &Which) -> anyhow::Result<Value> {
        let mut discarded = 0u64;
        let mut after = 0;
        let now = self.clock.now();
        while let Some((found, next)) = self.page(which, after).await? {
            after = next;
            let of = |Found { number, parked, .. }: Found| {
                let Parked { lane, seq, .. } = parked;
                Unparked { number, lane, seq, again: false }
            };
            let found = found.into_iter().filter(|it| it.parked.at <= now);
            let unparked: Vec<_> = found.map(of).collect();
            discarded += unparked.len() as u64;
            if !unparked.is_empty() {
                self.saver.commit(Commit { unparked, ..Commit::default() }).await?;
            }
        }
        Ok(json!({"discarded": discarded}))
    }

    /// Those of the next parked rows after `after` that are meant, and where to go on; nothing at the end.
    async fn page(&self, which: &Which, after: u64) -> anyhow::Result<Option<(Vec<Found>, u64)>> {
        let rows = self.saver.parked_after(after, ROWS).await?;
        let Some((last, _)) = rows.last() else { return Ok(None) };
        let last = *last;
        let lanes = self.saver.ledger().await?.lanes;
        let names: HashMap<LaneId, Text> =
            lanes.into_iter().map(|(lane, _)| (lane.id, lane.name)).collect();
        let found = rows.into_iter().map(|(number, parked)| {
            let receiver = names.get(&parked.lane).cloned().unwrap_or_default();
            Found { number, receiver, parked }
        });
        Ok(Some((found.filter(|found| found.is(which)).collect(), last)))
    }

    /// The rows of a lane that are parked.
    pub(super) async fn parked_rows(&self, lane: LaneId) -> anyhow::Result<HashSet<u64>> {
        let mut rows = HashSet::new();
        let mut after = 0;
        loop {
            let page = self.saver.parked_after(after, ROWS).await?;
            let Some((last, _)) = page.last() else { return Ok(rows) };
            after = *last;
            rows.extend(
                page.iter().filter(|(_, it)| it.lane == lane).map(|(_, it): &(u64, Parked)| it.seq),
            );
        }
    }
}
