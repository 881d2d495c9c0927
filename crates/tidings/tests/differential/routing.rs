//! Which receivers each event reaches.
//!
//! Conditions that only Tidings has are taken out of the tree before it is compared: the original ignores
//! them, and with nothing else different both must decide the same (D03). What they change is compared
//! on its own, with the tree as it is written.

use std::collections::BTreeSet;

use anyhow::ensure;
use event::{Event, Text};
use pipeline::route::Router;
use serde::Deserialize;

use super::{
    events::Events,
    loading::Understood,
    oracle::{Answer, Oracle},
    tally::{Subject, Table},
};

/// Their answer: each event points to what it reached.
#[derive(Deserialize)]
struct Theirs {
    reached: Vec<Vec<String>>,
    events: Vec<i64>,
}

/// Compares every config on every event.
pub(crate) fn compare(
    oracle: &mut Oracle,
    loaded: &[Understood<'_>],
    events: &Events,
    table: &mut Table,
) -> anyhow::Result<()> {
    table.found("configs are routed with", loaded.len());
    let mut subject = Subject::new("receivers reached");
    let mut additions = Subject::new("with the conditions of D03");
    for config in loaded {
        let Answer::Ok { result } = oracle.config("route", &config.config.text)? else {
            subject.wrong(|| format!("{}: the oracle does not route", config.config.name));
            continue;
        };
        let theirs: Theirs = serde_json::from_value(result)?;
        ensure!(theirs.events.len() == events.len(), "the oracle answered for other events");
        let known: BTreeSet<_> = config.names.iter().map(Text::as_str).collect();
        let wanted: Vec<_> =
            theirs.reached.iter().map(|names| Wanted::new(names, &known)).collect();
        for (number, reached) in theirs.events.iter().enumerate() {
            let Ok(reached) = usize::try_from(*reached) else {
                // Its client would not have read the event.
                subject.allowed("D26");
                continue;
            };
            let wanted = &wanted[reached];
            let ours = reached_by(&config.router, config, &events.ours[number]);
            if let Some(whole) = &config.whole {
                if reached_by(whole, config, &events.ours[number]) == ours {
                    additions.equal();
                } else {
                    additions.allowed("D03");
                }
            }
            if ours == wanted.names {
                match wanted.because {
                    Some(id) => subject.allowed(id),
                    None => subject.equal(),
                }
            } else if let Some(id) = &config.meant {
                subject.allowed(id);
            } else if events.ours[number].count < 0 {
                subject.allowed("D27");
            } else {
                subject.wrong(|| {
                    let theirs = &theirs.reached[reached];
                    let event = &events.ours[number];
                    format!(
                        "{}, event {number} ({} {}): theirs {theirs:?}, ours {ours:?}",
                        config.config.name, event.metadata.namespace, event.reason
                    )
                });
            }
        }
    }
    table.add(subject);
    table.add(additions);
    Ok(())
}

fn reached_by<'c>(router: &Router, config: &'c Understood<'_>, event: &Event) -> BTreeSet<&'c str> {
    let lanes = router.decide(event).lanes();
    lanes.iter().map(|lane| config.names[usize::from(lane.0)].as_str()).collect()
}

/// What their answer comes to where the documented differences are taken away.
struct Wanted<'t> {
    names: BTreeSet<&'t str>,
    because: Option<&'static str>,
}

impl<'t> Wanted<'t> {
    fn new(reached: &'t [String], known: &BTreeSet<&str>) -> Self {
        let all: BTreeSet<_> = reached.iter().map(String::as_str).collect();
        let names: BTreeSet<_> = all.iter().copied().filter(|name| known.contains(name)).collect();
        let because = match (names.len() < all.len(), all.len() < reached.len()) {
            (true, _) => Some("D21"),
            (_, true) => Some("D20"),
            _ => None,
        };
        Self { names, because }
    }
}
