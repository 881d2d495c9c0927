//! A YAML document as a tree in which everything knows its place.

use std::{ops::Range, sync::Arc};

use event::written;
use serde_json::Value;

use super::{expand::Expanded, scalar};

/// A tag of ours on a template: the text that it renders to becomes a number, a boolean, or JSON.
const OURS: [&str; 3] = ["!int", "!bool", "!json"];

/// A node, and the range of the (expanded) text that it takes.
#[derive(Debug, Clone)]
pub(super) struct Node {
    pub(super) at: Range<usize>,
    pub(super) kind: Kind,
    /// How many nodes there are in it, counted again for each alias.
    pub(super) weight: usize,
    /// How many levels there are in it.
    pub(super) depth: usize,
}

#[derive(Debug, Clone)]
pub(super) enum Kind {
    Scalar(Scalar),
    List(Vec<Arc<Node>>),
    Mapping(Vec<Entry>),
}

/// A scalar as it is written.
#[derive(Debug, Clone, Default)]
pub(super) struct Scalar {
    pub(super) text: String,
    /// Neither quoted nor a block.
    pub(super) plain: bool,
    /// As it is written: `!int`, `!!str`.
    pub(super) tag: Option<String>,
}

/// One entry of a mapping. Of a key that stands there twice, the last entry.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) key: Arc<Node>,
    pub(super) name: String,
    pub(super) value: Arc<Node>,
}

/// What a path leads to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found<'n> {
    /// The key, where the path ends with one.
    pub(super) key: Option<&'n Node>,
    pub(super) node: &'n Node,
    /// The whole path was followed, not only a part of it.
    pub(super) exact: bool,
}

impl Node {
    pub(super) fn new(at: Range<usize>, kind: Kind) -> Self {
        let (weight, depth) = match &kind {
            Kind::Scalar(_) => (1, 1),
            Kind::List(elements) => sum(elements.iter()),
            Kind::Mapping(entries) => sum(entries.iter().map(|entry| &entry.value)),
        };
        Self { at, kind, weight, depth }
    }

    /// An alias of an anchor that is not there.
    pub(super) fn dangling(at: Range<usize>, name: &str) -> Self {
        let tag = Some(written::DANGLING.to_owned());
        Self::new(at, Kind::Scalar(Scalar { text: name.to_owned(), plain: true, tag }))
    }

    /// Whether this is an alias of an anchor that is not there.
    pub(super) fn is_dangling(&self) -> bool {
        matches!(&self.kind, Kind::Scalar(it) if it.tag.as_deref() == Some(written::DANGLING))
    }

    /// The value, with the contents of files in it.
    pub(super) fn value(&self, expanded: &Expanded) -> Value {
        match &self.kind {
            Kind::Scalar(scalar) => {
                let mut value = scalar.value();
                if let Some(revealed) = expanded.reveal(&scalar.text) {
                    match &mut value {
                        Value::Object(tagged) => {
                            tagged.values_mut().for_each(|text| *text = revealed.clone().into());
                        }
                        value => *value = revealed.into(),
                    }
                }
                value
            }
            Kind::List(elements) => elements.iter().map(|it| it.value(expanded)).collect(),
            Kind::Mapping(entries) => {
                let pair = |entry: &Entry| (entry.name.clone(), entry.value.value(expanded));
                Value::Object(entries.iter().map(pair).collect())
            }
        }
    }

    /// Follows a path such as `route.match[0].labels["app.kubernetes.io/name"]` as far as it leads.
    /// Keys with dots may also stand in it as they are.
    pub(super) fn find(&self, path: &str) -> Found<'_> {
        let mut found = Found { key: None, node: self, exact: true };
        let mut rest = path;
        while !rest.is_empty() {
            let Some((key, node, left)) = step(found.node, rest) else {
                found.exact = false;
                break;
            };
            found = Found { key, node, exact: true };
            rest = left;
        }
        found
    }
}

impl Found<'_> {
    /// Where to point: at the value, or at its key when there is nothing to point at.
    pub(super) fn at(&self) -> Range<usize> {
        match (&self.node.kind, self.key) {
            (Kind::Scalar(_), _) if !self.node.at.is_empty() => self.node.at.clone(),
            (_, Some(key)) => key.at.clone(),
            _ => self.node.at.clone(),
        }
    }
}

impl Scalar {
    pub(super) fn value(&self) -> Value {
        let plain =
            || if self.plain { scalar::resolve(&self.text) } else { self.text.clone().into() };
        let Some(tag) = self.tag.as_deref() else { return plain() };
        match tag {
            // As the original reads it: the tag does not undo what the scalar meant before.
            "!!str" => plain(),
            "!!int" => match plain() {
                Value::String(text) => text.parse().unwrap_or(0_i64).into(),
                Value::Number(number) if !number.is_f64() => number.into(),
                _ => 0.into(),
            },
            "!!float" => match plain() {
                Value::String(text) => text.parse().unwrap_or(0.0).into(),
                Value::Number(number) => number.as_f64().into(),
                _ => 0.0.into(),
            },
            written::DANGLING => {
                let marked = (written::DANGLING.to_owned(), self.text.clone().into());
                Value::Object([marked].into_iter().collect())
            }
            ours if OURS.contains(&ours) => {
                let marked = (format!("\0{ours}"), self.text.clone().into());
                Value::Object([marked].into_iter().collect())
            }
            _ => Value::Null,
        }
    }

    /// Whether the tag means something here.
    pub(super) fn is_tag_known(&self) -> bool {
        let known = |tag: &str| matches!(tag, "!!str" | "!!int" | "!!float" | "!!null");
        self.tag.as_deref().is_none_or(|tag| known(tag) || OURS.contains(&tag))
    }
}

/// One step along a path: the key, where it leads, and the rest of the path.
fn step<'n, 'p>(node: &'n Node, path: &'p str) -> Option<(Option<&'n Node>, &'n Node, &'p str)> {
    match &node.kind {
        Kind::Scalar(_) => None,
        Kind::List(elements) => {
            let (index, rest) = path.strip_prefix('[')?.split_once(']')?;
            Some((None, elements.get(index.parse::<usize>().ok()?)?, rest))
        }
        Kind::Mapping(entries) => {
            // One mapping that was read as a list of one.
            if let Some(rest) = path.strip_prefix("[0]") {
                return Some((None, node, rest));
            }
            let path = path.strip_prefix('.').unwrap_or(path);
            let same = |entry: &Entry| {
                let rest = path.strip_prefix(&*written::quoted(&entry.name));
                let rest = rest.or_else(|| path.strip_prefix(&*entry.name))?;
                (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
            };
            // An older spelling of the same key.
            let similar = |entry: &Entry| {
                let start = path.get(..entry.name.len())?;
                let rest = &path[entry.name.len()..];
                let ends = rest.is_empty() || rest.starts_with(['.', '[']);
                (ends && start.eq_ignore_ascii_case(&entry.name)).then_some(rest)
            };
            let best = |matches: &dyn Fn(&Entry) -> Option<&'p str>| {
                let all = entries.iter().filter_map(|entry| Some((entry, matches(entry)?)));
                all.min_by_key(|(_, rest)| rest.len())
            };
            let (entry, rest) = best(&same).or_else(|| best(&similar))?;
            Some((Some(&entry.key), &entry.value, rest))
        }
    }
}

fn sum<'n>(nodes: impl Iterator<Item = &'n Arc<Node>>) -> (usize, usize) {
    nodes.fold((1, 1), |(weight, depth): (usize, usize), node| {
        (weight.saturating_add(node.weight), depth.max(node.depth + 1))
    })
}
