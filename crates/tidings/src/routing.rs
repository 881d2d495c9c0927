//! `tidings route`: which receivers an event reaches, and which rules led there.

use event::{Event, LaneId};
use pipeline::route::{Explanation, Open};
use serde::Serialize;

use crate::{offline::Offline, output::visible};

/// One event, for programs. Fields are added, never renamed or removed.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Line<'l> {
    uid: &'l str,
    name: &'l str,
    /// As if nothing that is not in the event were there.
    receivers: Vec<&'l str>,
    /// Of each receiver the rule that sends to it.
    path: Vec<&'l str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    dropped: &'l [String],
    /// Only where nobody gets the event.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    unmatched: &'l [String],
    /// `unknown` where rules ask for what the input does not tell; then the three below are there.
    #[serde(skip_serializing_if = "Option::is_none")]
    labels: Option<&'static str>,
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    depends_on: &'l [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    if_match: Option<Vec<&'l str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    if_not: Option<Vec<&'l str>>,
}

/// One JSON object, and a line end.
pub(crate) fn json(offline: &Offline, event: &Event, why: &Explanation) -> String {
    let name = |lane: &LaneId| offline.name(*lane).as_str();
    let names = |lanes: &'_ [LaneId]| lanes.iter().map(name).collect::<Vec<_>>();
    let open = why.open.as_ref();
    let line = Line {
        uid: &event.metadata.uid,
        name: &event.metadata.name,
        receivers: why.walk.reached.iter().map(|(lane, _)| name(lane)).collect(),
        path: why.walk.reached.iter().map(|(_, rule)| &**rule).collect(),
        dropped: &why.walk.dropped,
        unmatched: if why.walk.reached.is_empty() { &why.walk.unmatched } else { &[] },
        labels: open.map(|_| "unknown"),
        depends_on: open.map_or(&[], |open| &open.conditions),
        if_match: open.map(|open| names(&open.if_match)),
        if_not: open.map(|open| names(&open.if_not)),
    };
    serde_json::to_string(&line).expect("texts are JSON") + "\n"
}

/// A few lines for a person.
pub(crate) fn text(offline: &Offline, event: &Event, why: &Explanation) -> String {
    let about = &event.involved.reference;
    let mut lines = vec![visible(&format!(
        "{}/{} {} {} {}/{}",
        event.metadata.namespace,
        event.metadata.name,
        event.kind,
        event.reason,
        about.kind,
        about.name
    ))];
    let width = why.walk.reached.iter().map(|(lane, _)| offline.name(*lane).chars().count()).max();
    let width = width.unwrap_or_default();
    for (lane, rule) in &why.walk.reached {
        lines.push(format!("  {:width$}  {rule}", offline.name(*lane).as_str()));
    }
    let is_lost = why.walk.reached.is_empty();
    if is_lost {
        lines.push("  nobody".to_owned());
    }
    lines.extend(why.walk.dropped.iter().map(|rule| format!("  dropped by {rule}")));
    if is_lost {
        lines.extend(why.walk.unmatched.iter().map(|at| format!("  not matched: {at}")));
    }
    if let Some(Open { conditions, if_match, if_not }) = &why.open {
        let names = |lanes: &[LaneId]| match lanes {
            [] => "nobody".to_owned(),
            _ => {
                lanes.iter().map(|lane| offline.name(*lane).as_str()).collect::<Vec<_>>().join(", ")
            }
        };
        lines.push(format!("  unknown: {}", conditions.join(", ")));
        lines.push(format!("    if it matches: {}", names(if_match)));
        lines.push(format!("    if it does not: {}", names(if_not)));
    }
    lines.join("\n") + "\n"
}
