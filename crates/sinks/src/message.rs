//! What a person on call reads of one event, or of several that are about the same: at most five lines, and the first of
//! them is enough to decide whether to get up.
//!
//! ```text
//! [production] prod/Deployment api: BackOff ×14 on 3 Pods
//! Back-off restarting failed container app
//! since 2024-06-01 10:00:00 UTC, last at 10:04:05 UTC
//! on Pod api-7 ×9, Pod api-8 ×4, Pod api-9
//! Warning from kubelet on node-a
//! ```
//!
//! What is not known is left out. Everything in it comes from strangers, so nothing of it can break a line or hide another.

use std::{collections::BTreeMap, fmt::Write as _, sync::Arc};

use event::{Event, EventKey, Origin, OwnerReference, Text};
use jiff::Timestamp;

use crate::visible::visible;

/// Most characters of the first line: what a phone shows of it.
const HEADLINE: usize = 80;

/// Most characters of what the recorder wrote.
const SAID: usize = 300;

/// Most characters of what Tidings itself has to say: a digest ends with what to do.
const TOLD: usize = 2000;

/// So many objects are named.
const NAMED: usize = 3;

/// No name is cut to less than this.
const SHORTEST: usize = 6;

/// What a person reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Message {
    /// At most [`HEADLINE`] characters: cluster, namespace and owner, what, how often on how many objects.
    pub(crate) headline: String,
    /// At most four more lines: what was said, since when, on which objects, by whom.
    pub(crate) lines: Vec<String>,
}

impl Message {
    /// One message about `events`, which are [about the same](together).
    pub(crate) fn of(events: &[Arc<Event>]) -> Self {
        let Some(newest) = events.iter().max_by_key(|event| event.timestamp()) else {
            return Self { headline: String::new(), lines: Vec::new() };
        };
        let counts = Counts::of(events);
        let (headline, shortened) = Headline::of(newest, &counts).fit();
        let said = if newest.origin == Origin::Tidings { TOLD } else { SAID };
        let lines = [
            Some(cut(&visible(&newest.message), said)),
            times(events, counts.all),
            objects(newest, &counts, shortened),
            Some(whom(newest)),
        ];
        let lines = lines.into_iter().flatten().filter(|line| !line.is_empty()).collect();
        Self { headline, lines }
    }

    /// All lines but the first.
    pub(crate) fn rest(&self) -> String {
        self.lines.join("\n")
    }

    /// All of it.
    pub(crate) fn text(&self) -> String {
        let mut text = self.headline.clone();
        for line in &self.lines {
            text.push('\n');
            text.push_str(line);
        }
        text
    }
}

/// Whether two events are about the same: one message can tell of both.
pub(crate) fn together(one: &Event, other: &Event) -> bool {
    let owners = (owner(one), owner(other));
    let same_owner = match owners {
        (Some(one), Some(other)) => (&one.kind, &one.name) == (&other.kind, &other.name),
        (None, None) => true,
        _ => false,
    };
    let (involved, others) = (&one.involved.reference, &other.involved.reference);
    same_owner
        && one.cluster_name == other.cluster_name
        && one.kind == other.kind
        && one.reason == other.reason
        && involved.namespace == others.namespace
        && involved.kind == others.kind
}

/// `events` in order, in parts of which each can be one message of at most `most` events.
pub(crate) fn parts(
    events: &[Arc<Event>],
    most: usize,
    same: impl Fn(&Event, &Event) -> bool,
) -> impl Iterator<Item = &[Arc<Event>]> {
    events.chunk_by(move |one, other| same(one, other)).flat_map(move |run| run.chunks(most))
}

/// The workload that an object belongs to in the end, as far as it is known.
pub(crate) fn owner(event: &Event) -> Option<&OwnerReference> {
    let involved = &event.involved;
    let controller = || {
        let owners = &involved.owner_references;
        owners.iter().find(|owner| owner.controller == Some(true)).or(owners.first())
    };
    let owner = involved.owner_chain.last().or_else(controller)?;
    // The node that a static pod belongs to says less than the pod.
    (!owner.name.is_empty() && owner.kind != "Node").then_some(owner)
}

/// What happened, in one word.
pub(crate) fn what(event: &Event) -> &str {
    let words = [&event.reason, &event.action, &event.kind];
    words.into_iter().find(|word| !word.is_empty()).map_or("event", Text::as_str)
}

/// How often on what.
struct Counts {
    /// Occurrences of all Events: what each has counted so far, whichever of its revisions are here.
    all: u64,
    /// Kind and name of each object, with its occurrences.
    objects: BTreeMap<(Text, Text), u64>,
}

impl Counts {
    fn of(events: &[Arc<Event>]) -> Self {
        let mut totals = BTreeMap::new();
        for event in events {
            let total = totals.entry(EventKey::of(event)).or_insert((0, event));
            if event.total() >= total.0 {
                *total = (event.total(), event);
            }
        }
        let mut objects = BTreeMap::new();
        for (total, event) in totals.values() {
            let object = &event.involved.reference;
            *objects.entry((object.kind.clone(), object.name.clone())).or_default() +=
                u64::from(*total);
        }
        Self { all: totals.values().map(|(total, _)| u64::from(*total)).sum(), objects }
    }
}

/// The parts of the first line; those in front can be cut.
struct Headline {
    /// Cluster, namespace, kind, name, what.
    parts: [String; 5],
    count: String,
}

impl Headline {
    fn of(event: &Event, counts: &Counts) -> Self {
        let object = &event.involved.reference;
        let objects = counts.objects.len();
        let (kind, name) = match owner(event) {
            Some(owner) => (owner.kind.as_str(), owner.name.as_str()),
            None if objects == 1 => (object.kind.as_str(), object.name.as_str()),
            None => ("", ""),
        };
        let mut count = match counts.all {
            1 => " once".to_owned(),
            all => format!(" ×{all}"),
        };
        if objects > 1 || (owner(event).is_some() && !object.name.is_empty()) {
            write!(count, " on {objects} {}", kinds(&object.kind, objects))
                .expect("a string takes every write");
        }
        let parts = [&*event.cluster_name, &*object.namespace, kind, name, what(event)];
        Self { parts: parts.map(visible), count }
    }

    fn line(&self) -> String {
        let [cluster, namespace, kind, name, what] = &self.parts;
        let mut line = String::new();
        if !cluster.is_empty() {
            line = format!("[{cluster}] ");
        }
        let object = [kind.as_str(), name].into_iter().filter(|part| !part.is_empty());
        let object = object.collect::<Vec<_>>().join(" ");
        let place = [namespace.as_str(), &object].into_iter().filter(|part| !part.is_empty());
        let place = place.collect::<Vec<_>>().join("/");
        line.push_str(&place);
        if !place.is_empty() {
            line.push_str(": ");
        }
        line.push_str(what);
        line.push_str(&self.count);
        line
    }

    /// The line, cut to fit, and whether it had to be.
    fn fit(mut self) -> (String, bool) {
        let whole = self.line();
        let mut over = whole.chars().count().saturating_sub(HEADLINE);
        if over == 0 {
            return (whole, false);
        }
        let mut room = self.parts.each_ref().map(|part| part.chars().count());
        // The longest gives first: a long name is told from others by its beginning and its end.
        while over > 0
            && let Some(longest) = room.iter_mut().max().filter(|room| **room > SHORTEST)
        {
            *longest -= 1;
            over -= 1;
        }
        for (part, room) in self.parts.iter_mut().zip(room) {
            *part = shorten(part, room);
        }
        (cut(&self.line(), HEADLINE), true)
    }
}

/// `text` in `room` characters, with an ellipsis where something is missing.
fn shorten(text: &str, room: usize) -> String {
    let chars: Vec<_> = text.chars().collect();
    if chars.len() <= room {
        return text.to_owned();
    }
    let tail = if room >= 12 { 4 } else { 0 };
    let head = room.saturating_sub(tail + 1);
    let (head, tail) = (&chars[..head], &chars[chars.len() - tail..]);
    head.iter().chain(&['…']).chain(tail).collect()
}

/// The beginning of `text`, at most `most` characters.
pub(crate) fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut shown: String = text.chars().take(most.saturating_sub(1)).collect();
    shown.push('…');
    shown
}

/// `Pod`, or as many.
fn kinds(kind: &str, count: usize) -> String {
    let kind = if kind.is_empty() || kind.len() > 24 { "object".into() } else { visible(kind) };
    match kind.as_bytes() {
        _ if count == 1 => kind,
        [.., b's', b's'] | [.., b'x'] => format!("{kind}es"),
        // `Endpoints` are many already.
        [.., b's'] => kind,
        [.., before, b'y'] if !b"aeiou".contains(before) => {
            format!("{}ies", &kind[..kind.len() - 1])
        }
        _ => format!("{kind}s"),
    }
}

/// Since when, and when last.
fn times(events: &[Arc<Event>], all: u64) -> Option<String> {
    let last = events.iter().filter_map(|event| event.timestamp()).max()?;
    let first = events.iter().filter_map(|event| event.first_seen()).min().unwrap_or(last);
    if all == 1 || first.as_second() >= last.as_second() {
        return Some(format!("at {}", seconds(last)));
    }
    let day = |time: Timestamp| time.strftime("%Y-%m-%d").to_string();
    let last = if day(first) == day(last) {
        last.strftime("%H:%M:%S UTC").to_string()
    } else {
        seconds(last)
    };
    Some(format!("since {}, last at {last}", seconds(first)))
}

fn seconds(time: Timestamp) -> String {
    time.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

/// Which objects, unless the first line names the only one.
fn objects(event: &Event, counts: &Counts, shortened: bool) -> Option<String> {
    let owner = owner(event);
    let only = counts.objects.len() == 1;
    if only && owner.is_none() && !shortened {
        return None;
    }
    let mut objects: Vec<_> = counts.objects.iter().collect();
    objects.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let named = objects.iter().take(NAMED).filter_map(|((kind, name), count)| {
        let words = [visible(kind), visible(name)].into_iter().filter(|word| !word.is_empty());
        let object = words.collect::<Vec<_>>().join(" ");
        match count {
            _ if object.is_empty() => None,
            1 => Some(object),
            _ if only => Some(object),
            count => Some(format!("{object} ×{count}")),
        }
    });
    let mut named = named.collect::<Vec<_>>().join(", ");
    if named.is_empty() {
        return None;
    }
    if let more @ 1.. = objects.len().saturating_sub(NAMED) {
        write!(named, " and {more} more").expect("a string takes every write");
    }
    if shortened {
        if let Some(owner) = owner {
            write!(named, ", of {} {}", visible(&owner.kind), visible(&owner.name))
                .expect("a string takes every write");
        }
        let namespace = visible(&event.involved.reference.namespace);
        if !namespace.is_empty() {
            write!(named, ", in {namespace}").expect("a string takes every write");
        }
    }
    Some(cut(&format!("on {named}"), 2 * SAID))
}

/// What it is, and who says so.
fn whom(event: &Event) -> String {
    let component = [&event.source.component, &event.reporting_component];
    let component = component.into_iter().find(|it| !it.is_empty());
    let mut words = vec![visible(&event.kind)];
    words.extend(component.map(|it| format!("from {}", visible(it))));
    let host = Some(&event.source.host).filter(|host| component.is_some() && !host.is_empty());
    words.extend(host.map(|it| format!("on {}", visible(it))));
    words.retain(|word| !word.is_empty());
    cut(&words.join(" "), SAID)
}

#[cfg(test)]
mod tests;
