//! Opsgenie: one alert per event, with the request of kubernetes-event-exporter; without a `message` of the user's, with ours.
//!
//! Source: "Create Alert" of Opsgenie's documentation of its Alert API.

use std::{collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext,
    written::{self, Decoded},
};
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    go_object::{self, Object},
    http::{Http, HttpSettings, Request},
    ids, incident,
    message::Message,
    phrase::{Phrase, Speaker, Speech},
    tls::TlsSettings,
};

/// Where the API is, unless the account is somewhere else.
const HOST: &str = "api.opsgenie.com";

/// What stands under `opsgenie`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    api_key: String,
    #[serde(rename = "URL")]
    url: String,
    priority: String,
    message: String,
    alias: String,
    description: String,
    tags: Option<Vec<String>>,
    details: Option<BTreeMap<String, String>>,
    timeout: Option<String>,
    tls: Option<TlsSettings>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The key is a secret.
        f.debug_struct("Settings").field("url", &self.url).finish_non_exhaustive()
    }
}

/// Creates alerts in Opsgenie.
#[derive(Debug)]
pub struct Opsgenie {
    http: Http,
    priority: String,
    /// Without one the message is ours.
    message: Option<Phrase>,
    alias: Option<Phrase>,
    description: Option<Phrase>,
    tags: Vec<Phrase>,
    details: Vec<(String, Phrase)>,
    speaker: Speaker,
}

impl Sink for Opsgenie {
    const KIND: &'static str = "opsgenie";
    const FOR_PEOPLE: bool = true;
    type Settings = Settings;

    fn read(settings: &Value, at: &str) -> Decoded<Settings> {
        written::decode(settings, at)
    }

    async fn connect(settings: Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        if settings.api_key.trim().is_empty() {
            let text = "`opsgenie`: `apiKey` is missing; give the key of an API integration";
            return Err(ConnectError::new(text));
        }
        let any = |key, text| Phrase::unless_empty(Self::KIND, key, text);
        let tags = settings.tags.iter().flatten().enumerate();
        let tags = tags.map(|(at, tag)| Phrase::parse(Self::KIND, format!("tags[{at}]"), tag));
        let details = settings.details.iter().flatten().map(|(name, value)| {
            let value = Phrase::parse(Self::KIND, format!("details.{name}"), value)?;
            Ok((name.clone(), value))
        });
        let key = format!("GenieKey {}", settings.api_key.trim());
        let http = HttpSettings {
            kind: Self::KIND,
            key: "URL",
            url: &address(&settings.url),
            headers: &BTreeMap::from([("Authorization".to_owned(), key)]),
            tls: &settings.tls.clone().unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: "application/json; charset=utf-8",
        };
        Ok(Self {
            message: any("message", &settings.message)?,
            alias: any("alias", &settings.alias)?,
            description: any("description", &settings.description)?,
            tags: tags.collect::<Result<_, _>>()?,
            details: details.collect::<Result<_, ConnectError>>()?,
            priority: if settings.priority.is_empty() { "P3".into() } else { settings.priority },
            speaker: Speaker::new(Arc::clone(&ctx.clock)),
            http: Http::new(&http, ctx)?,
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let speech = self.speaker.begin();
        let payloads = events.chunks(1).enumerate();
        payloads.map(|(index, event)| self.payload(&speech, event, index)).collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        self.http.post(payload).await.map(drop)
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        // The cheapest question that wants the right key.
        let query = &[("limit", "1")];
        let list = Request { method: Method::GET, query, ..Request::default() };
        let answer = self.http.exchange(list).await?;
        let said = format!("{} answered {} to a list of alerts", answer.place, answer.status);
        answer.judge()?;
        Ok(Some(said))
    }

    fn needs_lookup(&self) -> bool {
        self.message.is_none() || self.phrases().any(Phrase::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        let ours = self.message.is_none() && fields.contains(&"OwnerChain");
        ours || self.phrases().any(|phrase| phrase.names(fields))
    }
}

impl Opsgenie {
    /// The alert about the one event of `events`, the one at `index`.
    fn payload(
        &self,
        speech: &Speech<'_>,
        events: &[Arc<Event>],
        index: usize,
    ) -> Result<Payload, Rejected> {
        let event = &*events[0];
        let say = |phrase: &Phrase| speech.say(phrase, event, index);
        let any = |phrase: &Option<Phrase>| speech.say_any(phrase.as_ref(), event, index);
        let ours = self.message.is_none().then(|| Message::of(events));
        let (headline, rest) =
            ours.map_or_else(Default::default, |it| (it.headline.clone(), it.rest()));
        let message = any(&self.message)?.unwrap_or(headline);
        if message.is_empty() {
            let reason = "message: it came out empty, and Opsgenie wants one".to_owned();
            return Err(Rejected { index, reason });
        }
        let alias = any(&self.alias)?.unwrap_or_else(|| match self.message {
            // A repeat of this event is no other alert.
            Some(_) => ids::of(events),
            None => incident::key(event, &event.reason),
        });
        let description = any(&self.description)?.unwrap_or(rest);
        // The members in the order of the library that the original uses, and its newline.
        let mut body = Object::new()
            .text("message", &message)
            .text_if_any("alias", &alias)
            .text_if_any("description", &description);
        if !self.tags.is_empty() {
            let tags = self.tags.iter().map(|tag| say(tag).map(|tag| go_object::text(&tag)));
            body = body.json("tags", &go_object::list(tags.collect::<Result<Vec<_>, _>>()?));
        }
        if !self.details.is_empty() {
            let mut details = Object::new();
            for (name, value) in &self.details {
                details = details.text(name, &say(value)?);
            }
            body = body.json("details", &details.end());
        }
        let mut body = body.text("priority", &self.priority).end();
        body.push(b'\n');
        Ok(Payload { events: 1, headers: ids::headers(events), body: body.into() })
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        let one = [&self.message, &self.alias, &self.description].into_iter().flatten();
        one.chain(&self.tags).chain(self.details.iter().map(|(_, value)| value))
    }
}

/// The address of the API of a host. The original calls hosts without `api` in their names without TLS; a scheme says so here.
fn address(host: &str) -> String {
    let host = if host.is_empty() { HOST } else { host.trim_end_matches('/') };
    let scheme = if host.contains("://") { "" } else { "https://" };
    format!("{scheme}{host}/v2/alerts")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_called_with_tls_unless_a_scheme_says_otherwise() {
        assert_eq!(address(""), "https://api.opsgenie.com/v2/alerts");
        assert_eq!(address("api.eu.opsgenie.com"), "https://api.eu.opsgenie.com/v2/alerts");
        assert_eq!(address("http://127.0.0.1:80/"), "http://127.0.0.1:80/v2/alerts");
    }
}
