//! `PagerDuty`: one event of its Events API v2 per Event: it opens an incident, goes into the one that is open, or resolves it.
//!
//! Source: "Events API v2" of `PagerDuty`'s documentation. The routing key is added when an event is sent, so that no payload
//! shows it.

use std::{collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext,
    written::{self, Decoded},
};
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    go_object::{self, Object},
    http::{Http, HttpSettings, JSON, Request},
    ids, incident,
    message::{self, Message},
    phrase::{Phrase, Speaker, Speech},
    tls::TlsSettings,
};

/// Where the Events API is.
const API: &str = "https://events.pagerduty.com";

/// Most characters of a summary.
const SUMMARY: usize = 1024;

/// Most characters of a key.
const KEY: usize = 255;

/// The severities there are.
const SEVERITIES: [&str; 4] = ["critical", "error", "warning", "info"];

/// What stands under `pagerduty`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    routing_key: String,
    endpoint: String,
    summary: String,
    severity: String,
    dedup_key: String,
    resolves: BTreeMap<String, String>,
    details: BTreeMap<String, String>,
    timeout: Option<String>,
    tls: Option<TlsSettings>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret.
        f.debug_struct("Settings").field("resolves", &self.resolves).finish_non_exhaustive()
    }
}

/// Sends events to `PagerDuty`.
#[derive(Debug)]
pub struct Pagerduty {
    http: Http,
    routing_key: RoutingKey,
    /// Without one it is ours.
    summary: Option<Phrase>,
    severity: Option<Phrase>,
    dedup_key: Option<Phrase>,
    details: Vec<(String, Phrase)>,
    /// The incidents that a reason ends, by their reason.
    resolves: BTreeMap<String, String>,
    speaker: Speaker,
}

struct RoutingKey(String);

impl fmt::Debug for RoutingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("…")
    }
}

impl Sink for Pagerduty {
    const KIND: &'static str = "pagerduty";
    const FOR_PEOPLE: bool = true;
    type Settings = Settings;

    fn read(settings: &Value, at: &str) -> Decoded<Settings> {
        written::decode(settings, at)
    }

    async fn connect(settings: Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let wrong = |text: String| ConnectError::new(format!("`pagerduty`: {text}"));
        let routing_key = settings.routing_key.trim().to_owned();
        if routing_key.is_empty() {
            let text = "`routingKey` is missing; give the key of an Events API v2 integration";
            return Err(wrong(text.to_owned()));
        }
        let any = |key, text| Phrase::unless_empty(Self::KIND, key, text);
        let severity = any("severity", &settings.severity)?;
        if severity.as_ref().is_some_and(Phrase::is_fixed) {
            known_severity(&settings.severity).map_err(&wrong)?;
        }
        let details = settings.details.iter().map(|(name, value)| {
            let value = Phrase::parse(Self::KIND, format!("details.{name}"), value)?;
            Ok((name.clone(), value))
        });
        let api = match settings.endpoint.trim_end_matches('/') {
            "" => API,
            endpoint => endpoint,
        };
        let http = HttpSettings {
            kind: Self::KIND,
            key: "endpoint",
            url: &format!("{api}/v2/enqueue"),
            headers: &BTreeMap::new(),
            tls: &settings.tls.clone().unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: JSON,
        };
        Ok(Self {
            summary: any("summary", &settings.summary)?,
            severity,
            dedup_key: any("dedupKey", &settings.dedup_key)?,
            details: details.collect::<Result<_, ConnectError>>()?,
            resolves: settings.resolves,
            speaker: Speaker::new(Arc::clone(&ctx.clock)),
            http: Http::new(&http, ctx)?.hiding(&routing_key),
            routing_key: RoutingKey(routing_key),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let speech = self.speaker.begin();
        let payloads = events.chunks(1).enumerate();
        payloads.map(|(index, event)| self.payload(&speech, event, index)).collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let mut body = Object::new().text("routing_key", &self.routing_key.0).end();
        body.pop();
        body.push(b',');
        body.extend_from_slice(payload.body.get(1..).unwrap_or_default());
        let request = Request { body: body.into(), ..Request::post(payload) };
        let answer = self.http.exchange(request).await?;
        if answer.status == StatusCode::BAD_REQUEST && refuses_key(&answer.body) {
            return Err(answer.blocked("check `routingKey`"));
        }
        answer.judge().map(drop)
    }

    fn needs_lookup(&self) -> bool {
        self.summary.is_none() || self.phrases().any(Phrase::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        let ours = self.summary.is_none() && fields.contains(&"OwnerChain");
        ours || self.phrases().any(|phrase| phrase.names(fields))
    }
}

impl Pagerduty {
    /// What is sent of the one event of `events`, the one at `index`.
    fn payload(
        &self,
        speech: &Speech<'_>,
        events: &[Arc<Event>],
        index: usize,
    ) -> Result<Payload, Rejected> {
        let event = &*events[0];
        let any = |phrase: &Option<Phrase>| speech.say_any(phrase.as_ref(), event, index);
        let resolves = self.resolves.get(event.reason.as_str());
        let reason = resolves.map_or(event.reason.as_str(), String::as_str);
        let key = any(&self.dedup_key)?.unwrap_or_else(|| incident::key(event, reason));
        let action = if resolves.is_some() { "resolve" } else { "trigger" };
        let message = Message::of(events);
        let summary = any(&self.summary)?.unwrap_or_else(|| message.headline.clone());
        let severity = any(&self.severity)?.unwrap_or_else(|| severity(event).to_owned());
        known_severity(&severity).map_err(|reason| Rejected { index, reason })?;
        let mut payload = Object::new()
            .text("summary", &message::cut(&summary, SUMMARY))
            .text("source", &source(event))
            .text("severity", &severity);
        if let Some(time) = event.timestamp() {
            payload = payload.text("timestamp", &time.to_string());
        }
        let component = message::owner(event).map(|owner| format!("{}/{}", owner.kind, owner.name));
        let payload = payload
            .text_if_any("component", &component.unwrap_or_default())
            .text_if_any("group", &event.involved.reference.namespace)
            .text_if_any("class", message::what(event))
            .json("custom_details", &self.details(speech, events, index, &message)?);
        let body = Object::new()
            .text("event_action", action)
            .text("dedup_key", &message::cut(&key, KEY))
            .text("client", "tidings")
            .json("payload", &payload.end())
            .end();
        Ok(Payload { events: 1, headers: ids::headers(events), body: body.into() })
    }

    /// What the incident tells beside its summary.
    fn details(
        &self,
        speech: &Speech<'_>,
        events: &[Arc<Event>],
        index: usize,
        message: &Message,
    ) -> Result<Vec<u8>, Rejected> {
        let event = &*events[0];
        let mut details = Object::new().text("id", &ids::of(events));
        if !self.details.is_empty() {
            for (name, value) in &self.details {
                details = details.text(name, &speech.say(value, event, index)?);
            }
            return Ok(details.end());
        }
        let lines = message.lines.iter().map(|line| go_object::text(line));
        let details = details
            .text_if_any("cluster", &event.cluster_name)
            .text("object", &incident::object(event))
            .text("count", &event.total().to_string())
            .json("lines", &go_object::list(lines));
        Ok(details.end())
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        let one = [&self.summary, &self.severity, &self.dedup_key].into_iter().flatten();
        one.chain(self.details.iter().map(|(_, value)| value))
    }
}

/// Whether an answer finds fault with our key, and not with what we say.
fn refuses_key(body: &[u8]) -> bool {
    let said: Said = serde_json::from_slice(body).unwrap_or_default();
    said.errors.iter().any(|error| error.contains("routing key") || error.contains("routing_key"))
}

/// What a refusal says.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Said {
    errors: Vec<String>,
}

/// How bad it is, as far as the type of an Event says.
fn severity(event: &Event) -> &'static str {
    match event.kind.as_str() {
        "Normal" => "info",
        _ => "warning",
    }
}

fn known_severity(severity: &str) -> Result<(), String> {
    if SEVERITIES.contains(&severity) {
        return Ok(());
    }
    Err("`severity` must be `critical`, `error`, `warning` or `info`".to_owned())
}

/// Where it is: `PagerDuty` wants something here always.
fn source(event: &Event) -> String {
    let object = incident::object(event);
    let parts = [event.cluster_name.as_str(), &object];
    let parts = parts.into_iter().filter(|part| !part.is_empty());
    let source = parts.collect::<Vec<_>>().join("/");
    if source.is_empty() { "kubernetes".to_owned() } else { source }
}
