//! The events that are asked about: the corpus, made-up oddities, and a day of the playground; each with
//! and without what a lookup would have found.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
    sync::Arc,
};

use anyhow::Context;
use event::{Event, OwnerReference, Text, document, json};
use jiff::Timestamp;
use playground::{
    day::{Cluster, Day, DayOptions, Write},
    random::Random,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use super::{loading::Understood, oddities};

/// So many events of the playground, each asked about twice.
const PLAYED: usize = 10_000;

/// All of them, in the order in which both sides number them.
#[derive(Debug, Default)]
pub(crate) struct Events {
    /// As Tidings reads them.
    pub(crate) ours: Vec<Arc<Event>>,
    /// As the oracle reads them: a line of JSON each.
    lines: String,
    /// Those with a time that no API server sends, and that Tidings does not hold as it is written.
    pub(crate) odd_times: BTreeSet<usize>,
    /// The first that is of the playground; those before are fewer and odder.
    pub(crate) first_played: usize,
}

/// What a lookup of the involved object gave.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Found {
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) labels: BTreeMap<Text, Text>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) annotations: BTreeMap<Text, Text>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) owner_references: Vec<Owner>,
    pub(crate) deleted: bool,
}

/// An owner, as JSON has it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct Owner {
    pub(crate) api_version: Text,
    pub(crate) kind: Text,
    pub(crate) name: Text,
    pub(crate) uid: Text,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) controller: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) block_owner_deletion: Option<bool>,
}

#[derive(Serialize)]
struct Line<'a> {
    event: &'a RawValue,
    found: &'a Found,
}

impl Events {
    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.ours.len()
    }

    /// What the oracle reads.
    pub(crate) fn lines(&self) -> &str {
        &self.lines
    }

    /// One of them, with the name of its cluster.
    pub(crate) fn with_cluster(&self, number: usize, cluster: &str) -> Arc<Event> {
        Arc::new(Event { cluster_name: cluster.into(), ..(*self.ours[number]).clone() })
    }

    /// Adds one event, from the JSON that both sides read.
    pub(crate) fn add(&mut self, text: &str, found: &Found) -> anyhow::Result<()> {
        let mut event = json::decode(text.as_bytes()).with_context(|| text.to_owned())?;
        event.involved.labels.clone_from(&found.labels);
        event.involved.annotations.clone_from(&found.annotations);
        event.involved.owner_references = found.owner_references.iter().map(owner).collect();
        event.involved.deleted = found.deleted;
        self.ours.push(Arc::new(event));
        let event: &RawValue = serde_json::from_str(text)?;
        self.lines.push_str(&serde_json::to_string(&Line { event, found })?);
        self.lines.push('\n');
        Ok(())
    }
}

fn owner(owner: &Owner) -> OwnerReference {
    OwnerReference {
        api_version: owner.api_version.clone(),
        kind: owner.kind.clone(),
        name: owner.name.clone(),
        uid: owner.uid.clone(),
        controller: owner.controller,
        block_owner_deletion: owner.block_owner_deletion,
    }
}

/// Collects them. Labels are those that the configs ask for, so that their rules find something.
pub(crate) fn gather(
    corpus: &Path,
    loaded: &[Understood<'_>],
    seed: u64,
) -> anyhow::Result<Events> {
    let mut random = Random::new(seed);
    let asked = Asked::of(loaded);
    let mut events = Events::default();
    oddities::add(&mut events)?;
    let real = corpus.join("events/real-events.ndjson");
    if real.is_file() {
        for line in fs::read_to_string(&real)?.lines() {
            let text = as_core(line)?;
            events.add(&text, &Found::default())?;
            events.add(&text, &asked.found(&mut random))?;
        }
        let printed = corpus.join("events/exporter-outputs.ndjson");
        for line in fs::read_to_string(&printed)?.lines() {
            let value: Value = serde_json::from_str(line)?;
            let found: Found = serde_json::from_value(value["involvedObject"].clone())?;
            events.add(line, &found)?;
        }
    }
    events.first_played = events.len();
    for text in played(&mut random)? {
        events.add(&text, &Found::default())?;
        events.add(&text, &asked.found(&mut random))?;
    }
    Ok(events)
}

/// The original sees every event through core/v1; what was recorded in the newer form is brought there.
fn as_core(line: &str) -> anyhow::Result<String> {
    let value: Value = serde_json::from_str(line)?;
    let newer =
        ["regarding", "note", "reportingController"].iter().any(|key| !value[key].is_null());
    if !newer {
        return Ok(line.to_owned());
    }
    Ok(String::from_utf8(document_of(&json::decode(line.as_bytes())?))?)
}

fn document_of(event: &Event) -> Vec<u8> {
    let mut document = Vec::new();
    document::write(&mut document, event);
    document
}

/// A calm day and a busy one.
fn played(random: &mut Random) -> anyhow::Result<Vec<String>> {
    let mut texts = Vec::with_capacity(PLAYED);
    let start = Timestamp::from_second(1_717_236_000)?;
    for cluster in [Cluster::Stable, Cluster::Busy] {
        let mut options = DayOptions::new(cluster, start);
        options.seed = random.bits();
        options.objects = false;
        let mut revision = 1_000;
        let until = texts.len() + PLAYED / 2;
        let events = Day::new(&options).filter_map(|timed| match timed.write {
            Write::Create(event) | Write::Update(event) => Some(event),
            Write::Object { .. } | Write::Remove { .. } => None,
        });
        for mut event in events.take(until - texts.len()) {
            revision += random.between(1, 9);
            event.metadata.uid = random.uuid().into();
            event.metadata.resource_version = revision.to_string().into();
            texts.push(String::from_utf8(document_of(&event))?);
        }
    }
    Ok(texts)
}

/// The labels and annotations that the rules of all configs ask for, with values that they look for.
struct Asked {
    labels: Vec<(Text, Text)>,
    annotations: Vec<(Text, Text)>,
}

impl Asked {
    fn of(loaded: &[Understood<'_>]) -> Self {
        let mut asked = Self { labels: Vec::new(), annotations: Vec::new() };
        for config in loaded {
            asked.look_at(&config.theirs["route"]);
        }
        for pairs in [&mut asked.labels, &mut asked.annotations] {
            pairs.push(("app.kubernetes.io/name".into(), "web-<1>".into()));
            pairs.push(("größe".into(), "日本".into()));
            pairs.push(("empty".into(), "".into()));
        }
        asked
    }

    fn look_at(&mut self, node: &Value) {
        match node {
            Value::Array(items) => items.iter().for_each(|item| self.look_at(item)),
            Value::Object(members) => {
                for (key, value) in members {
                    match key.as_str() {
                        "labels" => pairs(value, &mut self.labels),
                        "annotations" => pairs(value, &mut self.annotations),
                        _ => self.look_at(value),
                    }
                }
            }
            _ => {}
        }
    }

    fn found(&self, random: &mut Random) -> Found {
        let mut some = |pairs: &[(Text, Text)]| {
            let number = random.below(5);
            (0..number).map(|_| random.pick(pairs).clone()).collect()
        };
        let (labels, annotations) = (some(&self.labels), some(&self.annotations));
        let owner = Owner {
            api_version: "apps/v1".into(),
            kind: "ReplicaSet".into(),
            name: format!("web-{}", random.suffix(5)).into(),
            uid: random.uuid().into(),
            controller: random.chance(0.7).then_some(true),
            block_owner_deletion: random.chance(0.5).then(|| random.chance(0.5)),
        };
        let owner_references = if random.chance(0.5) { vec![owner] } else { Vec::new() };
        Found { labels, annotations, owner_references, deleted: random.chance(0.1) }
    }
}

/// Keys with values that their patterns may find: the words of the pattern, and a longer one.
fn pairs(rules: &Value, pairs: &mut Vec<(Text, Text)>) {
    for (key, pattern) in rules.as_object().into_iter().flatten() {
        let pattern = pattern.as_str().unwrap_or_default();
        for word in pattern.split('|') {
            let word: String = word.chars().filter(|c| !"^$()*+?.[]\\".contains(*c)).collect();
            pairs.push((key.as_str().into(), word.as_str().into()));
            pairs.push((key.as_str().into(), format!("x{word}-3").into()));
        }
        pairs.push((key.as_str().into(), "something".into()));
    }
}
