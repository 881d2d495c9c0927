//! What becomes of an event on its way into a payload: the whole document, a layout, or a text of the user's own.
//!
//! Every kind of destination that sends documents takes the same four keys for it: `layout`, `deDot`, and, of ours,
//! `omitEmpty` and `rawBody`.

use std::{borrow::Cow, fmt, sync::Arc};

use event::{
    Clock, ConnectError, Event, Rejected, SinkContext, document,
    written::{self, Decoded, FlawKind},
};
use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use template::{Context, Read, Template};

use crate::{environment::Process, layout::Layout, template_data};

/// Settings of a kind, and the keys that shape what it sends.
#[derive(Debug, Default)]
pub struct Shaped<S> {
    shape: ShapeSettings,
    own: S,
}

/// The keys that shape a payload.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct ShapeSettings {
    layout: Option<serde_json::Value>,
    de_dot: bool,
    omit_empty: bool,
    raw_body: Option<String>,
}

/// The keys of [`ShapeSettings`].
const KEYS: [&str; 4] = ["layout", "deDot", "omitEmpty", "rawBody"];

impl<S: DeserializeOwned> Shaped<S> {
    /// Reads what stands at `at`: each part its own keys.
    pub fn read(settings: &Value, at: &str) -> Decoded<Self> {
        let mut own = settings.clone();
        let mut shape = Map::new();
        for key in KEYS {
            let value = own.as_object_mut().and_then(|own| own.remove_entry(key));
            shape.extend(value);
        }
        let dangling = shape.get("layout").is_some_and(written::is_dangling);
        let mut shape = written::decode::<ShapeSettings>(&shape.into(), at);
        if dangling {
            let message =
                "a mapping is expected, and this is a reference to something that is not there";
            let kind = FlawKind::Mistake { message: message.into(), hint: None };
            shape.flaws.push(written::Flaw { path: format!("{at}.layout"), kind });
        }
        let own = written::decode::<S>(&own, at);
        let mut flaws = own.flaws;
        for flaw in &mut flaws {
            if let FlawKind::Unknown { known } = &mut flaw.kind {
                known.extend(KEYS);
            }
        }
        flaws.extend(shape.flaws);
        let value = shape.value.zip(own.value).map(|(shape, own)| Self { shape, own });
        Decoded { value, flaws }
    }
}

impl<S> Shaped<S> {
    /// The settings of the kind, and the shape, compiled.
    pub fn compile(self, kind: &str, ctx: &SinkContext) -> Result<(S, Shape), ConnectError> {
        let settings = self.shape;
        let wrong = |text: String| ConnectError::new(format!("`{kind}`: {text}"));
        let body = match (settings.layout.filter(|layout| !layout.is_null()), settings.raw_body) {
            (Some(_), Some(_)) => {
                let text = "`layout` and `rawBody` are both set; keep the one that gives the body";
                return Err(wrong(text.to_owned()));
            }
            (None, None) if settings.omit_empty => {
                let text = "`omitEmpty` drops keys of a `layout`, and there is none";
                return Err(wrong(text.to_owned()));
            }
            (None, None) => Body::Document,
            (Some(layout), None) => {
                Body::Layout(Layout::compile(&layout, settings.omit_empty).map_err(wrong)?)
            }
            (None, Some(text)) => {
                let template = Template::parse("template", &text);
                Body::Raw(template.map_err(|error| wrong(format!("rawBody: {error}")))?)
            }
        };
        let (de_dot, clock) = (settings.de_dot, Arc::clone(&ctx.clock));
        let shape = Shape { body, de_dot, clock, process: Process::default() };
        Ok((self.own, shape))
    }
}

/// How an event becomes a body.
pub struct Shape {
    body: Body,
    de_dot: bool,
    clock: Arc<dyn Clock>,
    process: Process,
}

enum Body {
    Document,
    Layout(Layout),
    Raw(Template),
}

impl Shape {
    /// The whole document, as it is.
    pub(crate) fn document(clock: Arc<dyn Clock>) -> Self {
        Self { body: Body::Document, de_dot: false, clock, process: Process::default() }
    }

    /// What templates may ask of the process.
    pub(crate) fn process(&self) -> &Process {
        &self.process
    }

    /// Refuses keys that have no effect, because of `why`.
    pub(crate) fn must_be_plain(&self, why: &str) -> Result<(), ConnectError> {
        let key = match self.body {
            Body::Document if self.de_dot => "deDot",
            Body::Document => return Ok(()),
            Body::Layout(_) => "layout",
            Body::Raw(_) => "rawBody",
        };
        Err(ConnectError::new(format!("{why}; remove it, or `{key}`")))
    }

    /// Whether the body is the whole document.
    pub fn is_whole(&self) -> bool {
        matches!(self.body, Body::Document)
    }

    /// Whether the body is a text of the user's own, and may be no JSON.
    pub(crate) fn is_raw(&self) -> bool {
        matches!(self.body, Body::Raw(_))
    }

    /// The time that templates take for now: one for all events that are encoded together.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The event as a body shows it: without dots in the keys of its maps, if that was asked for.
    pub(crate) fn seen<'e>(&self, event: &'e Event) -> Cow<'e, Event> {
        if self.de_dot { without_dots(event) } else { Cow::Borrowed(event) }
    }

    /// Appends the body of `event`, the one at `index` of those that are encoded.
    pub fn write(
        &self,
        out: &mut Vec<u8>,
        event: &Event,
        now: Timestamp,
        index: usize,
    ) -> Result<(), Rejected> {
        let event = self.seen(event);
        let written = match &self.body {
            Body::Document => {
                document::write(out, &event);
                Ok(())
            }
            Body::Layout(layout) => {
                layout.write(out, &template_data::of(&event), &context(&self.process, now))
            }
            Body::Raw(template) => template
                .write(out, &template_data::of(&event), &context(&self.process, now))
                .map_err(|error| format!("rawBody: {error}")),
        };
        written.map_err(|reason| Rejected { index, reason })
    }

    /// Whether it can show what was looked up of the involved object.
    pub fn needs_lookup(&self) -> bool {
        match &self.body {
            Body::Document => true,
            Body::Layout(layout) => layout.any(&needs_lookup),
            Body::Raw(template) => needs_lookup(template),
        }
    }

    /// Whether a template names one of these fields.
    pub fn names(&self, fields: &[&str]) -> bool {
        match &self.body {
            Body::Document => false,
            Body::Layout(layout) => layout.any(&|template| names(template, fields)),
            Body::Raw(template) => names(template, fields),
        }
    }
}

/// What templates may ask of the world: what those of the original may ask. Times are shown in UTC, wherever this runs.
pub(crate) fn context(process: &Process, now: Timestamp) -> Context<'_> {
    static UTC: TimeZone = TimeZone::UTC;
    Context { now, zone: &UTC, environment: process }
}

/// Whether a template can show what was looked up of the involved object.
pub(crate) fn needs_lookup(template: &Template) -> bool {
    const LOOKED_UP: &[&str] = &[
        "Labels",
        "Annotations",
        "OwnerReferences",
        "Deleted",
        "OwnerChain",
        "RootOwner",
        "NamespaceLabels",
        "Enrichment",
    ];
    template.reads(&|read| match read {
        Read::Whole => true,
        Read::Path([first, ..]) if matches!(&**first, "ToJSON" | "DeDot") => true,
        // What it reads of the object; all of it when it names no field.
        Read::Path([first, rest @ ..]) if **first == *"InvolvedObject" => {
            rest.first().is_none_or(|name| LOOKED_UP.contains(&&**name))
        }
        Read::Path(_) => false,
    })
}

/// Whether a template names one of these fields, of whatever it may be: `with` and variables hide what of.
pub(crate) fn names(template: &Template, fields: &[&str]) -> bool {
    template.reads(&|read| match read {
        Read::Whole => false,
        Read::Path(path) => path.iter().any(|name| fields.contains(&&**name)),
    })
}

/// The event without dots in its keys; itself where there are none.
fn without_dots(event: &Event) -> Cow<'_, Event> {
    let maps = [
        &event.metadata.labels,
        &event.metadata.annotations,
        &event.involved.labels,
        &event.involved.annotations,
    ];
    if maps.into_iter().flat_map(|map| map.keys()).any(|key| key.contains('.')) {
        Cow::Owned(template_data::without_dots(event))
    } else {
        Cow::Borrowed(event)
    }
}

impl fmt::Debug for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match self.body {
            Body::Document => "document",
            Body::Layout(_) => "layout",
            Body::Raw(_) => "raw",
        };
        f.debug_struct("Shape")
            .field("body", &body)
            .field("de_dot", &self.de_dot)
            .finish_non_exhaustive()
    }
}
