//! Microsoft Teams: the text that kubernetes-event-exporter posts to a connector, byte for byte, or, with `format: card`, an
//! Adaptive Card for people, which is what the webhooks of today's Workflows show.
//!
//! Sources: "Create and send messages" and "Rate limiting for connectors" of Microsoft's documentation of webhooks in Teams,
//! and the schema of Adaptive Cards.

use std::{collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use jiff::Timestamp;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use template::Template;

use crate::{
    answer::{self, Answer},
    go_object::{self, Object},
    headers::{self, Header},
    http::{Http, HttpSettings, JSON, Request},
    ids,
    message::{self, Message},
    shape::{self, Shape, Shaped},
    tls::TlsSettings,
};

/// Most events that one card tells of.
const EVENTS: usize = 100;

/// What the original makes of a document, with the verbs of Go's `fmt`: an object is `map[…]`, nothing is `%!s(<nil>)`.
const TEXT: &str = "{{ $it := fromJson . }}{{ printf \"Event: %s \\nStatus: %s \\nMetadata: %s\" \
                    (index $it \"message\") (index $it \"reason\") (index $it \"metadata\") }}";

/// A connector says so inside of a 200; a status follows.
const FAILED: &str = "Microsoft Teams endpoint returned HTTP error ";

/// A workflow that somebody turned off answers 400.
const TURNED_OFF: &str = "WorkflowTriggerIsNotEnabled";

/// What stands under `teams`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    endpoint: String,
    headers: BTreeMap<String, String>,
    format: Format,
    timeout: Option<String>,
    tls: Option<TlsSettings>,
}

/// What is posted.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The text of the original.
    #[default]
    Text,
    /// An Adaptive Card.
    Card,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The address is the password.
        f.debug_struct("Settings").field("format", &self.format).finish_non_exhaustive()
    }
}

/// Posts messages to Teams.
#[derive(Debug)]
pub struct Teams {
    http: Http,
    shape: Shape,
    headers: Vec<Header>,
    format: Format,
    text: Template,
}

impl Sink for Teams {
    const KIND: &'static str = "teams";
    const FOR_PEOPLE: bool = true;
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        if settings.format == Format::Card {
            shape.must_be_plain("`teams`: `format: card` has a text of its own")?;
        }
        let http = HttpSettings {
            kind: Self::KIND,
            key: "endpoint",
            url: &settings.endpoint,
            headers: &settings.headers,
            tls: &settings.tls.unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: JSON,
        };
        let headers = headers::templates(&settings.headers);
        let text = Template::parse("template", TEXT);
        let text = text.map_err(|error| ConnectError::new(error.to_string()))?;
        Ok(Self { http: Http::new(&http, ctx)?, shape, headers, format: settings.format, text })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let mut index = 0;
        let payloads = message::parts(events, self.batch_limit(), message::together).map(|part| {
            let body = match self.format {
                Format::Card => card(&Message::of(part), &part[0].kind),
                Format::Text => self.text(&part[0], now, index)?,
            };
            let mut headers = ids::headers(part);
            for header in &self.headers {
                let value = header.render(&part[0], self.shape.process(), now);
                let value = value.map_err(|reason| Rejected { index, reason })?;
                headers.push((header.name.clone(), value));
            }
            index += part.len();
            Ok(Payload { events: part.len(), headers, body: body.into() })
        });
        payloads.collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        judge(self.http.exchange(Request::post(payload)).await?)
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.http.probe().await.map(Some)
    }

    fn batch_limit(&self) -> usize {
        match self.format {
            Format::Text => 1,
            Format::Card => EVENTS,
        }
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup() || self.headers.iter().any(Header::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        let ours = self.format == Format::Card && fields.contains(&"OwnerChain");
        let header = |header: &Header| header.names(fields);
        ours || self.shape.names(fields) || self.headers.iter().any(header)
    }
}

impl Teams {
    /// The body that the original posts; with `rawBody`, what the user wrote.
    fn text(&self, event: &Event, now: Timestamp, index: usize) -> Result<Vec<u8>, Rejected> {
        let mut document = Vec::with_capacity(1536);
        self.shape.write(&mut document, event, now, index)?;
        if self.shape.is_raw() {
            return Ok(document);
        }
        let document = String::from_utf8_lossy(&document);
        let context = shape::context(self.shape.process(), now);
        let text = self.text.execute(&template::Value::str(&*document), &context);
        let text = text.map_err(|error| Rejected { index, reason: error.to_string() })?;
        Ok(Object::new().text("summary", "event").text("text", &text).end())
    }
}

/// A card with our message. Its texts are runs, which show what is in them: a block of text would obey its Markdown.
fn card(message: &Message, kind: &str) -> Vec<u8> {
    let color = if kind == "Warning" { "attention" } else { "default" };
    let headline = Object::new()
        .text("type", "TextRun")
        .text("text", &message.headline)
        .text("weight", "bolder")
        .text("color", color);
    let lines = message.lines.iter().map(|line| {
        let run = Object::new().text("type", "TextRun").text("text", line);
        block(&run.end())
    });
    let body = std::iter::once(block(&headline.end())).chain(lines);
    let content = Object::new()
        .text("$schema", "http://adaptivecards.io/schemas/adaptive-card.json")
        .text("type", "AdaptiveCard")
        .text("version", "1.2")
        .text("fallbackText", &message.headline)
        .json("msteams", br#"{"width":"Full"}"#)
        .json("body", &go_object::list(body));
    let attachment = Object::new()
        .text("contentType", "application/vnd.microsoft.card.adaptive")
        .json("contentUrl", b"null")
        .json("content", &content.end());
    let attachments = go_object::list([attachment.end()]);
    Object::new().text("type", "message").json("attachments", &attachments).end()
}

/// A line of its own.
fn block(run: &[u8]) -> Vec<u8> {
    let block = Object::new().text("type", "RichTextBlock").text("spacing", "small");
    block.json("inlines", &go_object::list([run])).end()
}

/// What an answer means: a connector says yes and puts its error into the body.
fn judge(answer: Answer) -> Result<(), SendError> {
    if answer.status == StatusCode::BAD_REQUEST && answer.says(TURNED_OFF) {
        return Err(answer.blocked("turn the workflow on"));
    }
    if answer.status.is_success() {
        let said = String::from_utf8_lossy(&answer.body);
        if let Some((_, failed)) = said.split_once(FAILED) {
            let status = failed.get(..3).and_then(|digits| digits.parse().ok());
            let status = status.unwrap_or(StatusCode::BAD_GATEWAY);
            return answer::judge(status, answer.wait, answer.reason);
        }
    }
    answer.judge().map(drop)
}
