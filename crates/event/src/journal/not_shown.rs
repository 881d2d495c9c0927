//! What a receiver is not shown: events that were too old when their turn came, counted for one digest.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::Seq;
use crate::{Event, Text};

/// Workloads that are counted one by one.
const WORKLOADS: usize = 64;

/// Events of a lane that were too old when their turn came, and of which its receiver was not told yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotShown {
    /// The first row of them; gives the digest its id.
    pub from: Seq,
    /// How many.
    pub rows: u64,
    /// When the oldest of them happened.
    pub first: Timestamp,
    /// When the newest of them happened.
    pub last: Timestamp,
    /// The name of the cluster, as the events have it.
    pub cluster: Text,
    /// What they were about, and how many of them.
    workloads: Vec<(Text, u64)>,
    /// There were more workloads than are counted: each number may be too high.
    pub is_rough: bool,
}

impl NotShown {
    /// None yet; `event`, in the row `from`, will be the first.
    pub fn new(from: Seq, event: &Event) -> Self {
        let time = event.timestamp().unwrap_or_default();
        Self {
            from,
            rows: 0,
            first: time,
            last: time,
            cluster: event.cluster_name.clone(),
            workloads: Vec::new(),
            is_rough: false,
        }
    }

    /// Counts an event.
    pub fn add(&mut self, event: &Event) {
        self.rows += 1;
        if let Some(time) = event.timestamp() {
            (self.first, self.last) = (self.first.min(time), self.last.max(time));
        }
        let workload = workload(event);
        if let Some((_, count)) = self.workloads.iter_mut().find(|(name, _)| *name == workload) {
            *count += 1;
        } else if self.workloads.len() < WORKLOADS {
            self.workloads.push((workload, 1));
        } else if let Some(least) = self.workloads.iter_mut().min_by_key(|(_, count)| *count) {
            // What comes often is among the counted in the end.
            *least = (workload, least.1 + 1);
            self.is_rough = true;
        }
    }

    /// The workloads with most events, at most so many.
    pub fn top(&self, most: usize) -> Vec<(&str, u64)> {
        let mut top: Vec<_> =
            self.workloads.iter().map(|(name, count)| (name.as_str(), *count)).collect();
        top.sort_by(|one, two| two.1.cmp(&one.1).then(one.0.cmp(two.0)));
        top.truncate(most);
        top
    }

    /// The form in the journal.
    pub fn to_bytes(&self) -> Vec<u8> {
        let workloads: Vec<_> =
            self.workloads.iter().map(|(name, count)| json!([**name, count])).collect();
        let text = json!({
            "from": self.from, "rows": self.rows, "first": self.first.as_microsecond(),
            "last": self.last.as_microsecond(), "cluster": *self.cluster, "workloads": workloads,
            "rough": self.is_rough,
        });
        text.to_string().into_bytes()
    }

    /// What [`NotShown::to_bytes`] wrote.
    pub fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(bytes).ok()?;
        let time = |key: &str| Timestamp::from_microsecond(value[key].as_i64()?).ok();
        let workload = |it: &Value| Some((Text::from(it.get(0)?.as_str()?), it.get(1)?.as_u64()?));
        Some(Self {
            from: value["from"].as_u64()?,
            rows: value["rows"].as_u64()?,
            first: time("first")?,
            last: time("last")?,
            cluster: value["cluster"].as_str()?.into(),
            workloads: value["workloads"].as_array()?.iter().filter_map(workload).collect(),
            is_rough: value["rough"].as_bool()?,
        })
    }
}

/// What an event is about in the end: the root of its owners where it is known, else the object itself.
fn workload(event: &Event) -> Text {
    let object = &event.involved.reference;
    let owners = &event.involved.owner_references;
    let owner = event.involved.owner_chain.last();
    let owner = owner.or_else(|| owners.iter().find(|owner| owner.controller == Some(true)));
    let (kind, name) = owner.map_or((&object.kind, &object.name), |it| (&it.kind, &it.name));
    let mut text = event.metadata.namespace.clone();
    for part in [kind, name] {
        if !text.is_empty() && !part.is_empty() {
            text.push('/');
        }
        text.push_str(part);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(name: &str, second: i64) -> Event {
        let mut event =
            Event { last_timestamp: Timestamp::from_second(second).ok(), ..Event::default() };
        event.metadata.namespace = "shop".into();
        event.involved.reference.kind = "Pod".into();
        event.involved.reference.name = name.into();
        event
    }

    #[test]
    fn the_busiest_workloads_are_known_with_their_bounds_and_survive_their_bytes() {
        let mut one = event("web-1", 50);
        one.involved.owner_chain.push(crate::OwnerReference {
            kind: "Deployment".into(),
            name: "web".into(),
            ..crate::OwnerReference::default()
        });
        let mut not_shown = NotShown::new(7, &one);
        for (event, times) in [(&one, 9), (&event("db-0", 40), 3), (&event("a", 90), 3)] {
            (0..times).for_each(|_| not_shown.add(event));
        }
        assert_eq!(not_shown.top(2), [("shop/Deployment/web", 9), ("shop/Pod/a", 3)]);
        let bounds = (not_shown.first.as_second(), not_shown.last.as_second(), not_shown.rows);
        assert_eq!(bounds, (40, 90, 15));
        assert_eq!(NotShown::from_bytes(&not_shown.to_bytes()), Some(not_shown));
        assert_eq!(NotShown::from_bytes(b"{}"), None);
    }

    #[test]
    fn a_late_but_busy_workload_is_among_the_first_however_many_there_are() {
        let mut not_shown = NotShown::new(1, &event("x", 0));
        for number in 0..1000 {
            not_shown.add(&event(&format!("pod-{number}"), 0));
        }
        (0..500).for_each(|_| not_shown.add(&event("busy", 0)));
        assert_eq!(not_shown.top(1)[0].0, "shop/Pod/busy");
        assert!(not_shown.is_rough);
        assert_eq!((not_shown.rows, not_shown.workloads.len()), (1500, WORKLOADS));
    }
}
