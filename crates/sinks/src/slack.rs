//! Slack: one message per event, as kubernetes-event-exporter posts it (`chat.postMessage`, form-encoded), or, where the
//! config has no text of its own, one message per [`Message`]. Also incoming webhooks, and a thread for each object.
//!
//! The token is added when a message is sent, so that no payload shows it.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text,
    written::{self, Decoded},
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use self::{answer::Answer, threads::Threads};
use crate::{
    form::{self, Form},
    go_object::{self, Object},
    http::{Http, HttpSettings, JSON, Request},
    ids,
    message::{self, Message},
    phrase::{Phrase, Speaker, Speech},
    tls::TlsSettings,
};

/// What Slack's answers mean.
mod answer;

/// Which message began the thread of an object.
mod threads;

/// Where the methods of Slack's API are.
const API: &str = "https://slack.com/api";

/// Most events that one message of ours tells of.
const EVENTS: usize = 100;

/// Says to which thread a payload belongs; Slack never sees it.
const THREAD: &str = "Tidings-Thread";

/// What stands under `slack`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    token: String,
    channel: String,
    message: String,
    fields: Option<BTreeMap<String, String>>,
    color: String,
    title: String,
    author_name: String,
    footer: String,
    endpoint: String,
    #[serde(rename = "webhookURL")]
    webhook_url: String,
    threads: ThreadsOf,
    timeout: Option<String>,
    tls: Option<TlsSettings>,
}

/// What has a thread of its own.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ThreadsOf {
    /// Nothing: every message stands for itself.
    #[default]
    None,
    /// Every object that events are about.
    Object,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Token and webhook are secrets.
        f.debug_struct("Settings").field("channel", &self.channel).finish_non_exhaustive()
    }
}

/// Posts messages to Slack.
#[derive(Debug)]
pub struct Slack {
    way: Way,
    channel: Option<Phrase>,
    /// Without one the message is ours.
    text: Option<OwnText>,
    speaker: Speaker,
    threads: Option<Threads>,
}

/// How a message gets to Slack.
enum Way {
    /// By the Web API, with a token.
    Api { http: Http, token: String },
    /// By an incoming webhook, whose address says all.
    Webhook(Http),
}

/// A message in the user's own words.
#[derive(Debug)]
struct OwnText {
    message: Phrase,
    attachment: Option<Attachment>,
}

/// What stands below the message.
#[derive(Debug)]
struct Attachment {
    color: Option<Phrase>,
    author_name: Option<Phrase>,
    title: Option<Phrase>,
    fields: Vec<(String, Phrase)>,
    footer: Option<Phrase>,
}

impl Sink for Slack {
    const KIND: &'static str = "slack";
    const FOR_PEOPLE: bool = true;
    type Settings = Settings;

    fn read(settings: &Value, at: &str) -> Decoded<Settings> {
        written::decode(settings, at)
    }

    async fn connect(settings: Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let way = Way::new(&settings, &ctx)?;
        let fixed = settings.fields.is_none() && settings.message.is_empty();
        let text = if fixed { None } else { Some(OwnText::parse(&settings)?) };
        Ok(Self {
            way,
            channel: Phrase::unless_empty(Self::KIND, "channel", &settings.channel)?,
            text,
            speaker: Speaker::new(ctx.clock),
            threads: (settings.threads == ThreadsOf::Object).then(Threads::default),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let speech = self.speaker.begin();
        let same = |one: &Event, other: &Event| {
            let name = |event: &Event| event.involved.reference.name.clone();
            message::together(one, other)
                && self.channel.as_ref().is_none_or(Phrase::is_fixed)
                && (self.threads.is_none() || name(one) == name(other))
        };
        let mut index = 0;
        let parts = message::parts(events, self.batch_limit(), same);
        let payloads = parts.map(|events| {
            let payload = self.payload(&speech, events, index);
            index += events.len();
            payload
        });
        payloads.collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let (http, token) = match &self.way {
            Way::Webhook(http) => return http.post(payload).await.map(drop),
            Way::Api { http, token } => (http, token),
        };
        let mut payload = payload.clone();
        let object = threads::take(&mut payload.headers);
        let thread = self.threads.as_ref().zip(object);
        let begun = thread.as_ref().and_then(|(threads, object)| threads.begun_by(object));
        let mut form = Form::from(payload.body.to_vec());
        if let Some(begun) = &begun {
            form = form.with("thread_ts", begun);
        }
        payload.body = form.with("token", token).end().into();
        let answer = Answer::read(&http.exchange(Request::post(&payload)).await?)?;
        let judged = answer.judge(self.channel.as_ref().is_none_or(Phrase::is_fixed));
        match (&judged, thread) {
            (Ok(()), Some((threads, object))) if begun.is_none() => {
                threads.begin(object, answer.ts);
            }
            (Err(_), Some((threads, object))) if begun.is_some() && answer.refuses_thread() => {
                // Somebody removed or locked it: the next try begins a new one.
                threads.forget(&object);
                return Err(answer.later());
            }
            _ => {}
        }
        judged
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let Way::Api { http, token } = &self.way else {
            return Ok(None);
        };
        let body = Form::default().with("token", token).end().into();
        let post = Request { method: Method::POST, path: "auth.test", body, ..Request::default() };
        let answer = Answer::read(&http.exchange(post).await?)?;
        answer.judge(true)?;
        Ok(Some(answer.who()))
    }

    fn batch_limit(&self) -> usize {
        if self.text.is_some() { 1 } else { EVENTS }
    }

    fn needs_lookup(&self) -> bool {
        self.text.is_none() || self.phrases().any(Phrase::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        let ours = self.text.is_none() && fields.contains(&"OwnerChain");
        ours || self.phrases().any(|phrase| phrase.names(fields))
    }
}

impl Slack {
    /// The message about `events`, of which the first is the one at `index`.
    fn payload(
        &self,
        speech: &Speech<'_>,
        events: &[Arc<Event>],
        index: usize,
    ) -> Result<Payload, Rejected> {
        let event = &events[0];
        let channel = speech.say_any(self.channel.as_ref(), event, index)?;
        let (text, attachments) = match &self.text {
            Some(own) => own.say(speech, event, index)?,
            None => (ours(&Message::of(events)), None),
        };
        let mut headers = ids::headers(events);
        let body = if matches!(self.way, Way::Webhook(_)) {
            let body = Object::new().text_if_any("channel", channel.as_deref().unwrap_or_default());
            let body = body.text("text", &text);
            match attachments {
                Some(attachments) => body.json("attachments", &attachments).end(),
                None => body.end(),
            }
        } else {
            let channel = channel.unwrap_or_default();
            if self.threads.is_some() {
                let thread = threads::of(&channel, event);
                headers.push((Text::const_new(THREAD), thread));
            }
            // In the order of Go's `url.Values`; thread and token follow.
            let attachments = attachments.as_deref().map(String::from_utf8_lossy);
            let form = Form::default().with_any("attachments", attachments);
            form.with("channel", &channel).with("text", &text).end()
        };
        Ok(Payload { events: events.len(), headers, body: body.into() })
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        let own = self.text.iter().flat_map(OwnText::phrases);
        self.channel.iter().chain(own)
    }
}

/// Our message, the first line in bold.
fn ours(message: &Message) -> String {
    let mut text = format!("*{}*", escape(&message.headline));
    for line in &message.lines {
        text.push('\n');
        text.push_str(&escape(line));
    }
    text
}

/// What Slack wants escaped; so no event can mention people or hide a link.
fn escape(text: &str) -> Cow<'_, str> {
    if text.contains(['&', '<', '>']) {
        Cow::Owned(text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;"))
    } else {
        Cow::Borrowed(text)
    }
}

impl OwnText {
    fn parse(settings: &Settings) -> Result<Self, ConnectError> {
        let any = |key, text| Phrase::unless_empty(Slack::KIND, key, text);
        let attachment = settings.fields.as_ref().map(|fields| {
            let fields = fields.iter().map(|(title, value)| {
                let value = Phrase::parse(Slack::KIND, format!("fields.{title}"), value)?;
                Ok((title.clone(), value))
            });
            Ok(Attachment {
                color: any("color", &settings.color)?,
                author_name: any("author_name", &settings.author_name)?,
                title: any("title", &settings.title)?,
                fields: fields.collect::<Result<_, ConnectError>>()?,
                footer: any("footer", &settings.footer)?,
            })
        });
        let message = Phrase::parse(Slack::KIND, "message", &settings.message)?;
        Ok(Self { message, attachment: attachment.transpose()? })
    }

    /// The text, and the attachments as JSON.
    fn say(
        &self,
        speech: &Speech<'_>,
        event: &Event,
        index: usize,
    ) -> Result<(String, Option<Vec<u8>>), Rejected> {
        let text = speech.say(&self.message, event, index)?;
        let attachment = self.attachment.as_ref();
        let attachment = attachment.map(|it| it.say(speech, event, index)).transpose()?;
        let attachments = attachment.map(|it| go_object::list([it]));
        Ok((escape(&text).into_owned(), attachments))
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        let attached = self.attachment.iter().flat_map(|it| {
            let one = [&it.color, &it.author_name, &it.title, &it.footer];
            one.into_iter().flatten().chain(it.fields.iter().map(|(_, value)| value))
        });
        std::iter::once(&self.message).chain(attached)
    }
}

impl Attachment {
    /// The members in the order of the library that the original uses; its `blocks` are never there.
    fn say(&self, speech: &Speech<'_>, event: &Event, index: usize) -> Result<Vec<u8>, Rejected> {
        let say = |phrase: &Option<Phrase>| {
            speech.say_any(phrase.as_ref(), event, index).map(Option::unwrap_or_default)
        };
        let mut fields = Vec::with_capacity(self.fields.len());
        for (title, value) in &self.fields {
            let value = speech.say(value, event, index)?;
            let field = Object::new().text("title", title).text("value", &value);
            fields.push(field.json("short", b"false").end());
        }
        let attachment = Object::new()
            .text_if_any("color", &say(&self.color)?)
            .text_if_any("author_name", &say(&self.author_name)?)
            .text_if_any("title", &say(&self.title)?);
        let attachment = match fields.as_slice() {
            [] => attachment,
            fields => attachment.json("fields", &go_object::list(fields)),
        };
        Ok(attachment.json("blocks", b"null").text_if_any("footer", &say(&self.footer)?).end())
    }
}

impl Way {
    fn new(settings: &Settings, ctx: &SinkContext) -> Result<Self, ConnectError> {
        let wrong = |text: &str| Err(ConnectError::new(format!("`slack`: {text}")));
        let http = |key, url: &str, content_type| {
            let http = HttpSettings {
                kind: Slack::KIND,
                key,
                url,
                headers: &BTreeMap::new(),
                tls: &settings.tls.clone().unwrap_or_default(),
                timeout: settings.timeout.as_deref(),
                follow_redirects: false,
                content_type,
            };
            Http::new(&http, ctx.clone())
        };
        if !settings.webhook_url.is_empty() {
            if !settings.token.is_empty() {
                return wrong("`token` and `webhookURL` are both set; keep the one to post with");
            }
            if settings.threads != ThreadsOf::None {
                return wrong("`threads` need a `token`: a webhook does not tell what it posted");
            }
            return Ok(Self::Webhook(http("webhookURL", &settings.webhook_url, JSON)?));
        }
        if settings.token.trim().is_empty() {
            return wrong("`token` is missing; give a bot's token (`xoxb-…`), or a `webhookURL`");
        }
        if settings.channel.is_empty() {
            return wrong("`channel` is missing; give a channel's name or id");
        }
        let api = match settings.endpoint.trim_end_matches('/') {
            "" => API,
            endpoint => endpoint,
        };
        let http = http("endpoint", &format!("{api}/chat.postMessage"), form::TYPE)?;
        let token = settings.token.trim().to_owned();
        Ok(Self::Api { http: http.hiding(&token).hiding(&form::encode(&token)), token })
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api { http, .. } => f.debug_tuple("Api").field(http).finish(),
            Self::Webhook(http) => f.debug_tuple("Webhook").field(http).finish(),
        }
    }
}

#[cfg(test)]
mod tests;
