//! The dead man's switch: an Event of our own that has to come back through every receiver that asks for it.
//!
//! It is written to the API server like anybody's, comes in by the watch, is saved, and is sent: the only
//! proof that all of it works. It is marked. No rule and no limit is asked about it, and it is no event of
//! the cluster: nothing counts it as one.

use std::collections::VecDeque;

use event::{Event, LaneSet, Text};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::collect::{api::ApiError, client::Client};

/// What marks it: its `reportingComponent`.
pub const MARK: &str = "tidings.dev/canary";

/// So many are waited for; older ones are late by more than anybody wants to know.
const AWAITED: usize = 8;

/// Whether an event is a canary, of this Tidings or of another.
pub fn is_marked(event: &Event) -> bool {
    event.reporting_component == MARK
}

/// Where canaries go, and which of them are ours.
#[derive(Debug, Default)]
pub struct Canaries {
    lanes: LaneSet,
    awaited: VecDeque<Text>,
}

impl Canaries {
    /// They go to these lanes.
    pub fn send_to(&mut self, lanes: LaneSet) {
        self.lanes = lanes;
    }

    /// One of this name is about to be written.
    pub fn expect(&mut self, name: Text) {
        self.awaited.push_back(name);
        if self.awaited.len() > AWAITED {
            self.awaited.pop_front();
        }
    }

    /// Where a marked event goes: nowhere unless it is ours, or anybody could go around the rules.
    pub(crate) fn lanes_of(&self, event: &Event) -> LaneSet {
        let is_ours = self.awaited.contains(&event.metadata.name);
        if is_ours { self.lanes.clone() } else { LaneSet::new() }
    }
}

/// What a canary is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Perch {
    /// For example `v1`.
    pub api_version: &'static str,
    /// For example `Pod`.
    pub kind: &'static str,
    /// Its name.
    pub name: String,
    /// The namespace of the object and of the canary.
    pub namespace: String,
}

impl Perch {
    /// The canary of this name, as the API server takes it.
    fn to_event(&self, name: &str, now: Timestamp) -> Value {
        let Self { api_version, kind, name: object, namespace } = self;
        let now = event::time::whole_seconds(now).to_string();
        json!({
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name, "namespace": namespace},
            "involvedObject": {
                "apiVersion": api_version, "kind": kind, "name": object, "namespace": namespace,
            },
            "type": "Normal",
            "reason": "Canary",
            "message": format!("written by Tidings at {now} to see that events arrive; nothing happened"),
            "source": {"component": "tidings"},
            "reportingComponent": MARK,
            "reportingInstance": "tidings",
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        })
    }
}

impl Client {
    /// The namespace in which this process runs, or that of the kubeconfig's context.
    pub fn own_namespace(&self) -> String {
        self.kube().default_namespace().to_owned()
    }

    /// Writes a canary.
    pub async fn write_canary(
        &self,
        perch: &Perch,
        name: &str,
        now: Timestamp,
    ) -> Result<(), ApiError> {
        let path = format!("/api/v1/namespaces/{}/events", perch.namespace);
        self.post(&path, &perch.to_event(name, now)).await
    }
}

#[cfg(test)]
mod tests {
    use event::LaneId;

    use super::*;

    #[test]
    fn only_a_canary_of_ours_goes_anywhere() {
        let mut canaries = Canaries::default();
        let lanes: LaneSet = [LaneId(3)].into_iter().collect();
        canaries.send_to(lanes.clone());
        let mut event = Event { reporting_component: MARK.into(), ..Event::default() };
        event.metadata.name = "canary-0".into();
        assert!(is_marked(&event) && !is_marked(&Event::default()));
        assert_eq!(canaries.lanes_of(&event), LaneSet::new());
        canaries.expect("canary-0".into());
        assert_eq!(canaries.lanes_of(&event), lanes);
        for number in 1..=AWAITED {
            canaries.expect(format!("canary-{number}").into());
        }
        assert_eq!(canaries.lanes_of(&event), LaneSet::new());
    }

    #[test]
    fn a_canary_is_an_event_that_says_what_it_is() {
        let perch = Perch {
            api_version: "v1",
            kind: "Pod",
            name: "tidings-0".into(),
            namespace: "ops".into(),
        };
        let now = Timestamp::from_second(1_700_000_000).unwrap();
        let written = perch.to_event("tidings-canary.1", now).to_string();
        let event: Event = event::json::decode(written.as_bytes()).unwrap();
        assert!(is_marked(&event));
        assert_eq!(
            event.message,
            "written by Tidings at 2023-11-14T22:13:20Z to see that events arrive; nothing happened"
        );
        assert_eq!(event.involved.reference.namespace, event.metadata.namespace);
        assert_eq!(event.timestamp(), Some(now));
    }
}
