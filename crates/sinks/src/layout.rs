//! `layout`: a document whose texts are templates. Bytes are those of kubernetes-event-exporter (Go's `encoding/json`: keys
//! sorted, HTML escaped), where it had any: numbers, booleans and `null` of the layout stay what they are, and not `null`.

/// What a template may become besides text.
mod typed;

use event::document;
use serde_json::Value as Json;
use template::{Context, Template, Value};

use self::typed::Tag;

/// A layout, compiled.
#[derive(Debug)]
pub(crate) struct Layout {
    root: Node,
    omit_empty: bool,
}

#[derive(Debug)]
enum Node {
    /// JSON that needs no event.
    Fixed(Box<[u8]>),
    /// A template, and where it stands.
    Text(Box<str>, Template),
    /// A template whose text becomes something else.
    Typed(Box<str>, Tag, Template),
    /// Keys as JSON with their colon, sorted.
    Object(Vec<(Box<[u8]>, Self)>),
    List(Vec<Self>),
}

/// What marks an object of one key as a tagged text: `{"\u0000!int": "…"}`.
const TAGGED: char = '\0';

impl Layout {
    /// Compiles the templates of a layout; says about all that are wrong where they stand.
    pub(crate) fn compile(layout: &Json, omit_empty: bool) -> Result<Self, String> {
        if !layout.is_object() {
            return Err(
                "`layout` must be a mapping; for a body that is something else use `rawBody`"
                    .to_owned(),
            );
        }
        let mut wrong = Vec::new();
        let root = compile("layout", layout, &mut wrong);
        if wrong.is_empty() { Ok(Self { root, omit_empty }) } else { Err(wrong.join("\n")) }
    }

    /// Appends the document for this data; an error says where it stands.
    pub(crate) fn write<'a>(
        &'a self,
        out: &mut Vec<u8>,
        data: &Value<'a>,
        context: &Context<'_>,
    ) -> Result<(), String> {
        let mut writer =
            Writer { out, data, context, text: Vec::new(), omit_empty: self.omit_empty };
        writer.node(&self.root)
    }

    /// Whether any of its templates is `wanted`.
    pub(crate) fn any(&self, wanted: &dyn Fn(&Template) -> bool) -> bool {
        any(&self.root, wanted)
    }
}

fn any(node: &Node, wanted: &dyn Fn(&Template) -> bool) -> bool {
    match node {
        Node::Fixed(_) => false,
        Node::Text(_, template) | Node::Typed(_, _, template) => wanted(template),
        Node::Object(entries) => entries.iter().any(|(_, node)| any(node, wanted)),
        Node::List(items) => items.iter().any(|node| any(node, wanted)),
    }
}

/// Compiles what stands at `path`.
fn compile(path: &str, value: &Json, wrong: &mut Vec<String>) -> Node {
    match value {
        Json::String(text) => text_node(path, text, wrong),
        Json::Object(entries) => {
            let mut all = entries.iter();
            if let (Some((key, value)), None) = (all.next(), all.next())
                && let Some(tag) = key.strip_prefix(TAGGED)
            {
                return tagged(path, tag, value, wrong);
            }
            let mut entries: Vec<_> = entries.iter().collect();
            entries.sort_unstable_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| {
                let mut json = Vec::with_capacity(key.len() + 3);
                document::write_text(&mut json, key);
                json.push(b':');
                (json.into(), compile(&format!("{path}.{key}"), value, wrong))
            });
            Node::Object(entries.collect())
        }
        Json::Array(items) => {
            let items = items.iter().enumerate();
            let items =
                items.map(|(index, item)| compile(&format!("{path}[{index}]"), item, wrong));
            Node::List(items.collect())
        }
        // The original writes null for all of these.
        scalar => Node::Fixed(scalar.to_string().into_bytes().into()),
    }
}

fn text_node(path: &str, text: &str, wrong: &mut Vec<String>) -> Node {
    match Template::parse("template", text) {
        Err(error) => {
            wrong.push(format!("{path}: {error}"));
            Node::Fixed(Box::default())
        }
        Ok(template) => match template.plain() {
            Some(plain) => {
                let mut json = Vec::new();
                document::write_text(&mut json, plain);
                Node::Fixed(json.into())
            }
            None => Node::Text(path.into(), template),
        },
    }
}

fn tagged(path: &str, tag: &str, value: &Json, wrong: &mut Vec<String>) -> Node {
    let Some(tag) = Tag::of(tag) else {
        wrong.push(format!("{path}: unknown tag `{tag}`; there are `!int`, `!bool` and `!json`"));
        return Node::Fixed(Box::default());
    };
    let text = match value {
        Json::String(text) => text.clone(),
        // `!int 5` needs no tag, and does no harm.
        value => value.to_string(),
    };
    match Template::parse("template", &text) {
        Ok(template) => Node::Typed(path.into(), tag, template),
        Err(error) => {
            wrong.push(format!("{path}: {error}"));
            Node::Fixed(Box::default())
        }
    }
}

struct Writer<'w, 'a, 'c> {
    out: &'w mut Vec<u8>,
    data: &'w Value<'a>,
    context: &'w Context<'c>,
    /// What a template printed; kept for the next.
    text: Vec<u8>,
    omit_empty: bool,
}

impl<'a> Writer<'_, 'a, '_> {
    fn node(&mut self, node: &'a Node) -> Result<(), String> {
        match node {
            Node::Fixed(json) => self.out.extend_from_slice(json),
            Node::Text(path, template) => {
                self.execute(path, template)?;
                write_bytes(self.out, &self.text);
            }
            Node::Typed(path, tag, template) => {
                self.execute(path, template)?;
                let text = String::from_utf8_lossy(&self.text);
                tag.write(self.out, &text).map_err(|wrong| format!("{path}: {wrong}"))?;
            }
            Node::Object(entries) => self.object(entries)?,
            Node::List(items) => {
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    if index > 0 {
                        self.out.push(b',');
                    }
                    self.node(item)?;
                }
                self.out.push(b']');
            }
        }
        Ok(())
    }

    fn execute(&mut self, path: &str, template: &'a Template) -> Result<(), String> {
        self.text.clear();
        let done = template.write(&mut self.text, self.data, self.context);
        done.map_err(|error| format!("{path}: {error}"))
    }

    fn object(&mut self, entries: &'a [(Box<[u8]>, Node)]) -> Result<(), String> {
        self.out.push(b'{');
        let mut first = true;
        for (key, node) in entries {
            let before = self.out.len();
            if !first {
                self.out.push(b',');
            }
            self.out.extend_from_slice(key);
            let start = self.out.len();
            self.node(node)?;
            if self.omit_empty && is_empty(&self.out[start..]) {
                self.out.truncate(before);
            } else {
                first = false;
            }
        }
        self.out.push(b'}');
        Ok(())
    }
}

/// What `omitEmpty` drops: nothing, in any form, and what Go prints for a label that is not there.
fn is_empty(json: &[u8]) -> bool {
    matches!(json, b"\"\"" | b"null" | b"{}" | b"[]" | b"\"\\u003cno value\\u003e\"")
}

/// Text as JSON; bytes that belong to no character as Go writes them.
fn write_bytes(out: &mut Vec<u8>, bytes: &[u8]) {
    if let Ok(text) = str::from_utf8(bytes) {
        document::write_text(out, text);
        return;
    }
    out.push(b'"');
    let mut part = Vec::new();
    for chunk in bytes.utf8_chunks() {
        part.clear();
        document::write_text(&mut part, chunk.valid());
        out.extend_from_slice(&part[1..part.len() - 1]);
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

#[cfg(test)]
mod tests;
