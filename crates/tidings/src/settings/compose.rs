//! The events of the YAML parser, put together into a tree; what YAML leaves open is decided here as
//! goccy/go-yaml decides it: of two equal keys the last counts, and so does a merge (`<<`) that stands
//! after a key; only the first document is read.

use std::{collections::HashMap, ops::Range, sync::Arc};

use granit_parser::{Event, Marker, Parser, ScalarStyle, Span, StrInput, Tag, options};

use super::node::{Entry, Kind, Node, Scalar};

/// So many nodes may a document have; more come only from aliases of aliases.
const WEIGHT: usize = 200_000;

/// So many levels may it have.
const DEPTH: usize = 100;

/// A document, and what is to be said about it.
#[derive(Debug)]
pub(super) struct Document {
    /// Nothing when it is empty or broken.
    pub(super) root: Option<Arc<Node>>,
    pub(super) remarks: Vec<Remark>,
    /// Of each alias of nothing: to be said where nothing worse is, once it is known what was expected there.
    pub(super) dangling: Vec<Remark>,
}

/// Something to be said about a range of the text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Remark {
    pub(super) at: Range<usize>,
    pub(super) is_mistake: bool,
    pub(super) message: String,
    pub(super) hint: Option<String>,
}

/// Reads the first document of `text`.
pub(super) fn compose(text: &str) -> Document {
    let options = options! { emit_comments: false, emit_unresolved_aliases: true };
    let composer = Composer {
        text,
        parser: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        remarks: Vec::new(),
        dangling: Vec::new(),
    };
    composer.document()
}

struct Composer<'t> {
    text: &'t str,
    parser: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Arc<Node>>,
    remarks: Vec<Remark>,
    dangling: Vec<Remark>,
}

/// A collection whose end has not come yet.
struct Open {
    start: usize,
    anchor: usize,
    tag: Option<String>,
    children: Vec<Arc<Node>>,
    is_mapping: bool,
}

impl Composer<'_> {
    fn document(mut self) -> Document {
        let mut open: Vec<Open> = Vec::new();
        let mut root = None;
        while let Some(next) = self.parser.next_event() {
            let (event, span) = match next {
                Ok(next) => next,
                Err(error) => {
                    self.broken(&error);
                    return self.end(None);
                }
            };
            let range = self.range(span);
            let node = match event {
                Event::DocumentEnd => {
                    self.look_behind();
                    break;
                }
                Event::SequenceStart(_, anchor, ref tag)
                | Event::MappingStart(_, anchor, ref tag) => {
                    let is_mapping = matches!(event, Event::MappingStart(..));
                    let tag = tag.as_deref().map(Tag::original);
                    let start = range.start;
                    open.push(Open { start, anchor, tag, children: Vec::new(), is_mapping });
                    if open.len() > DEPTH {
                        self.mistake(range, "this is nested too deeply", None);
                        return self.end(None);
                    }
                    continue;
                }
                Event::SequenceEnd | Event::MappingEnd => {
                    let Some(closed) = open.pop() else { continue };
                    self.close(closed, range.start)
                }
                Event::Scalar(text, style, anchor, tag) => {
                    let node = self.scalar(&text, style, tag.as_deref(), range);
                    if anchor > 0 {
                        self.anchors.insert(anchor, Arc::clone(&node));
                    }
                    node
                }
                Event::Alias(anchor) => match self.anchors.get(&anchor) {
                    Some(node) => Arc::new(Node { at: range, ..Node::clone(node) }),
                    None => self.no_anchor(range),
                },
                Event::UnresolvedAlias(_) => self.no_anchor(range),
                _ => continue,
            };
            if node.weight > WEIGHT || node.depth > DEPTH {
                let hint = Some("write it out without aliases of aliases");
                self.mistake(node.at.clone(), "with its aliases this is too large", hint);
                return self.end(None);
            }
            match open.last_mut() {
                Some(parent) => parent.children.push(node),
                None => root = Some(node),
            }
        }
        self.end(root)
    }

    fn end(self, root: Option<Arc<Node>>) -> Document {
        Document { root, remarks: self.remarks, dangling: self.dangling }
    }

    fn scalar(
        &mut self,
        text: &str,
        style: ScalarStyle,
        tag: Option<&Tag>,
        at: Range<usize>,
    ) -> Arc<Node> {
        let plain = style == ScalarStyle::Plain;
        let scalar = Scalar { text: text.to_owned(), plain, tag: tag.map(Tag::original) };
        if !scalar.is_tag_known() {
            let tag = scalar.tag.as_deref().unwrap_or_default();
            let message =
                format!("the tag `{tag}` means nothing here, so the value is read as nothing");
            self.warning(at.clone(), message, Some("remove the tag"));
        }
        Arc::new(Node::new(at, Kind::Scalar(scalar)))
    }

    /// An alias to an anchor that is not there: `*test*` without quotes, meant as a glob.
    fn no_anchor(&mut self, at: Range<usize>) -> Arc<Node> {
        let name = self.text.get(at.clone()).unwrap_or_default();
        let message = format!(
            "without quotes `{name}` is a reference to something called `{}`, which is not there, so this is read as nothing",
            name.trim_start_matches('*')
        );
        let hint = "put a text that begins with `*` in quotes; a regex cannot begin with it";
        let (is_mistake, hint) = (false, Some(hint.to_owned()));
        self.dangling.push(Remark { at: at.clone(), is_mistake, message, hint });
        Arc::new(Node::dangling(at, name.trim_start_matches('*')))
    }

    fn close(&mut self, closed: Open, end: usize) -> Arc<Node> {
        let Open { start, anchor, tag, children, is_mapping } = closed;
        let end = children.last().map_or(end, |last| last.at.end).max(start);
        if let Some(tag) = tag
            && !matches!(&*tag, "!!map" | "!!seq")
        {
            let message = format!("the tag `{tag}` means nothing here");
            self.mistake(start..end, &message, Some("remove the tag"));
        }
        let kind =
            if is_mapping { Kind::Mapping(self.entries(&children)) } else { Kind::List(children) };
        let node = Arc::new(Node::new(start..end, kind));
        if anchor > 0 {
            self.anchors.insert(anchor, Arc::clone(&node));
        }
        node
    }

    fn entries(&mut self, children: &[Arc<Node>]) -> Vec<Entry> {
        let mut entries = Entries::default();
        for pair in children.chunks(2) {
            let [key, value] = pair else { continue };
            let Kind::Scalar(scalar) = &key.kind else {
                let message = "a key is expected, and this is a list or a mapping";
                let hint = "put a template in quotes: \"{{ … }}\"";
                self.mistake(key.at.clone(), message, Some(hint));
                continue;
            };
            if scalar.plain && scalar.text == "<<" {
                self.merge(&mut entries, value);
                continue;
            }
            let name = match scalar.value() {
                serde_json::Value::String(text) => text,
                _ if key.is_dangling() => "null".to_owned(),
                other => other.to_string(),
            };
            let entry = Entry { key: Arc::clone(key), name, value: Arc::clone(value) };
            if let Some(earlier) = entries.put(entry) {
                let line = 1 + self.text[..earlier.key.at.start].matches('\n').count();
                let message = format!(
                    "`{}` stands here twice; the last counts, and the one in line {line} is ignored",
                    earlier.name
                );
                self.warning(key.at.clone(), message, Some("keep one of them"));
            }
        }
        entries.all
    }

    /// `<<: *anchor`.
    fn merge(&mut self, entries: &mut Entries, value: &Node) {
        match &value.kind {
            Kind::Mapping(merged) => {
                for entry in merged {
                    entries.put(entry.clone());
                }
            }
            Kind::Scalar(scalar) if scalar.value().is_null() => {}
            // Of several, the first that has a key counts.
            Kind::List(several) => several.iter().rev().for_each(|one| self.merge(entries, one)),
            Kind::Scalar(_) => {
                let hint = Some("merge one alias of a mapping: `<<: *name`");
                self.mistake(value.at.clone(), "`<<` merges a mapping, and this is none", hint);
            }
        }
    }

    fn broken(&mut self, error: &granit_parser::ScanError) {
        let at = self.offset(error.marker());
        let line = self.text[..at].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line..].lines().next().unwrap_or_default();
        let hint = if line.contains("{{") {
            Some("put the template in quotes: \"{{ … }}\"")
        } else if line.contains('\t') {
            Some("indent with spaces; YAML takes no tabs")
        } else if self.text[at..].starts_with(['@', '`', '%']) {
            Some("put the text in quotes")
        } else {
            None
        };
        self.mistake(at..at, &format!("this is no YAML: {}", error.info()), hint);
    }

    /// Whether there is a second document, which nobody reads.
    fn look_behind(&mut self) {
        while let Some(Ok((event, span))) = self.parser.next_event() {
            if matches!(event, Event::DocumentStart(..)) {
                let at = self.range(span);
                let message = "a second document begins here; only the first is read";
                self.warning(at, message.into(), Some("put it into a file of its own"));
                break;
            }
        }
    }

    fn range(&self, span: Span) -> Range<usize> {
        let start = self.offset(&span.start);
        start..self.offset(&span.end).max(start)
    }

    fn offset(&self, marker: &Marker) -> usize {
        let bytes = marker
            .byte_offset()
            .or_else(|| self.text.char_indices().nth(marker.index()).map(|(offset, _)| offset));
        let mut offset = bytes.unwrap_or(self.text.len()).min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    }

    fn mistake(&mut self, at: Range<usize>, message: &str, hint: Option<&str>) {
        let (message, hint) = (message.to_owned(), hint.map(str::to_owned));
        self.remarks.push(Remark { at, is_mistake: true, message, hint });
    }

    fn warning(&mut self, at: Range<usize>, message: String, hint: Option<&str>) {
        let hint = hint.map(str::to_owned);
        self.remarks.push(Remark { at, is_mistake: false, message, hint });
    }
}

/// The entries of a mapping so far.
#[derive(Default)]
struct Entries {
    all: Vec<Entry>,
    places: HashMap<String, usize>,
}

impl Entries {
    /// Puts an entry in, and gives back the one with the same key that had been there.
    fn put(&mut self, entry: Entry) -> Option<Entry> {
        if let Some(place) = self.places.get(&entry.name) {
            return Some(std::mem::replace(&mut self.all[*place], entry));
        }
        self.places.insert(entry.name.clone(), self.all.len());
        self.all.push(entry);
        None
    }
}
