//! Email: one mail for the events of a batch, over SMTP, with the client of the crate `lettre`.
//!
//! Answers are sorted by where in the dialogue they come (RFC 5321, RFC 4954): 4xx is later; 5xx to who we are, to the sender
//! or to a recipient refuses us, and 5xx to the mail itself refuses the mail.

use std::{fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext,
    written::{self, Decoded},
};
use lettre::message::{
    Mailbox,
    header::{ContentType, HeaderName, HeaderValue},
};
use serde::Deserialize;
use serde_json::Value;

use self::smtp::Smtp;
use crate::{
    ids::{self, Ids},
    message::{self, Message},
    one_or_many,
    phrase::{Phrase, Speaker, Speech},
    tls::TlsSettings,
    visible::visible,
};

/// The dialogue with the server.
mod smtp;

/// Most events that one mail tells of.
const EVENTS: usize = 200;

/// Longest subject, in characters.
const SUBJECT: usize = 200;

/// What stands under `email`.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    host: String,
    port: u16,
    from: String,
    to: Vec<String>,
    username: String,
    password: String,
    security: Option<Security>,
    subject: String,
    message: String,
    timeout: Option<String>,
    tls: Option<TlsSettings>,
}

/// How the connection is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// TLS from the first byte (port 465).
    Tls,
    /// TLS after a greeting (port 587); without it nothing is sent.
    Starttls,
    /// TLS after a greeting where the server has it (port 25).
    Opportunistic,
    /// None.
    None,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The password is a secret.
        f.debug_struct("Settings").field("host", &self.host).finish_non_exhaustive()
    }
}

/// Sends mails.
#[derive(Debug)]
pub struct Email {
    smtp: Smtp,
    from: Mailbox,
    to: Vec<Mailbox>,
    /// Without one it is the first line of our message.
    subject: Option<Phrase>,
    /// Without one it is ours.
    message: Option<Phrase>,
    speaker: Speaker,
}

impl Sink for Email {
    const KIND: &'static str = "email";
    const FOR_PEOPLE: bool = true;
    type Settings = Settings;

    fn read(settings: &Value, at: &str) -> Decoded<Settings> {
        written::decode(&one_or_many::as_list(settings, "to"), at)
    }

    async fn connect(settings: Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let wrong = |text: &str| ConnectError::new(format!("`email`: {text}"));
        if settings.to.is_empty() {
            return Err(wrong("`to` is missing; give an address, or a list of them"));
        }
        let mailbox = |key: &str, text: &str| {
            let parsed = text.parse::<Mailbox>();
            parsed.map_err(|_| {
                let text = format!("`{key}`: `{text}` is no address; write `ops@example.com`");
                wrong(&text)
            })
        };
        let to = settings.to.iter().map(|to| mailbox("to", to));
        let any = |key, text| Phrase::unless_empty(Self::KIND, key, text);
        Ok(Self {
            from: mailbox("from", &settings.from)?,
            to: to.collect::<Result<_, _>>()?,
            subject: any("subject", &settings.subject)?,
            message: any("message", &settings.message)?,
            smtp: Smtp::new(&settings)?,
            speaker: Speaker::new(ctx.clock),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let speech = self.speaker.begin();
        let mut index = 0;
        let payloads = events.chunks(self.batch_limit()).map(|events| {
            let payload = self.mail(&speech, events, index);
            index += events.len();
            payload
        });
        payloads.collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        self.smtp.send(&self.from, &self.to, &payload.body).await
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.smtp.greet().await.map(Some)
    }

    fn batch_limit(&self) -> usize {
        // A text of the user's own is about one event.
        if self.subject.is_some() || self.message.is_some() { 1 } else { EVENTS }
    }

    fn needs_lookup(&self) -> bool {
        self.is_ours() || self.phrases().any(Phrase::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        let ours = self.is_ours() && fields.contains(&"OwnerChain");
        ours || self.phrases().any(|phrase| phrase.names(fields))
    }
}

impl Email {
    /// The mail about `events`, of which the first is the one at `index`.
    fn mail(
        &self,
        speech: &Speech<'_>,
        events: &[Arc<Event>],
        index: usize,
    ) -> Result<Payload, Rejected> {
        let event = &*events[0];
        let any = |phrase: &Option<Phrase>| speech.say_any(phrase.as_ref(), event, index);
        let messages = message::parts(events, EVENTS, message::together).map(Message::of);
        let messages: Vec<_> = messages.collect();
        let subject = any(&self.subject)?.unwrap_or_else(|| subject(&messages));
        let text = any(&self.message)?.unwrap_or_else(|| text(&messages));
        let mut mail = lettre::Message::builder()
            .from(self.from.clone())
            .subject(message::cut(&visible(&subject), SUBJECT))
            .date(speech.now.into())
            .message_id(Some(format!("<{}@tidings>", message_id(events))))
            .raw_header(HeaderValue::new(
                // Nobody's absence is to be told to it (RFC 3834).
                HeaderName::new_from_ascii_str("Auto-Submitted"),
                "auto-generated".to_owned(),
            ))
            .header(ContentType::TEXT_PLAIN);
        for to in &self.to {
            mail = mail.to(to.clone());
        }
        let rejected = |error: lettre::error::Error| Rejected { index, reason: error.to_string() };
        let mail = mail.body(text).map_err(rejected)?;
        let headers = ids::headers(events);
        Ok(Payload { events: events.len(), headers, body: mail.formatted().into() })
    }

    /// Whether there is something of ours in a mail.
    fn is_ours(&self) -> bool {
        self.subject.is_none() || self.message.is_none()
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        self.subject.iter().chain(&self.message)
    }
}

/// The first line of the first message.
fn subject(messages: &[Message]) -> String {
    let first = messages.first().map_or("", |message| &message.headline);
    match messages.len() {
        0 | 1 => first.to_owned(),
        2 => format!("{first}, and 1 more"),
        all => format!("{first}, and {} more", all - 1),
    }
}

/// All messages, with a line between.
fn text(messages: &[Message]) -> String {
    messages.iter().map(Message::text).collect::<Vec<_>>().join("\n\n")
}

/// What stands before the `@`: the id of the events, where it has no other characters than RFC 5322 allows there.
fn message_id(events: &[Arc<Event>]) -> String {
    let id = ids::of(events);
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'/');
    if id.bytes().all(plain) {
        return id;
    }
    events.iter().fold(Ids::default(), |ids, event| ids.with(event)).key()
}
