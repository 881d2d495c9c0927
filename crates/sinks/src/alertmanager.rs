//! Alertmanager: each event is an alert, told to every instance of a cluster, as Prometheus does.
//!
//! Source: the `OpenAPI` description of Alertmanager's API v2, and "Sending alerts" of its documentation. An instance puts alerts
//! with the same labels together, so a repeat is no news to it.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext,
    written::{self, Decoded},
};
use jiff::SignedDuration;
use reqwest::Method;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    go_object::{self, Object},
    http::{Http, HttpSettings, JSON, Request},
    ids,
    message::{self, Message},
    one_or_many,
    phrase::{Phrase, Speaker, Speech},
    tls::TlsSettings,
};

/// Most alerts in a request.
const EVENTS: usize = 200;

/// Where alerts are posted to, below the address of an instance.
const ALERTS: &str = "/api/v2/alerts";

/// What stands under `alertmanager`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    url: Vec<String>,
    labels: BTreeMap<String, String>,
    annotations: BTreeMap<String, String>,
    #[serde(rename = "generatorURL")]
    generator_url: String,
    ends_after: Option<String>,
    headers: BTreeMap<String, String>,
    timeout: Option<String>,
    tls: Option<TlsSettings>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Addresses and headers hold secrets.
        f.debug_struct("Settings").field("labels", &self.labels).finish_non_exhaustive()
    }
}

/// Posts alerts to Alertmanager.
#[derive(Debug)]
pub struct Alertmanager {
    instances: Vec<Http>,
    labels: Vec<(String, Phrase)>,
    annotations: Vec<(String, Phrase)>,
    generator_url: Option<Phrase>,
    /// Without one the instance decides (`resolve_timeout`).
    ends_after: Option<SignedDuration>,
    speaker: Speaker,
}

impl Sink for Alertmanager {
    const KIND: &'static str = "alertmanager";
    const FOR_PEOPLE: bool = true;
    type Settings = Settings;

    fn read(settings: &Value, at: &str) -> Decoded<Settings> {
        written::decode(&one_or_many::as_list(settings, "url"), at)
    }

    async fn connect(settings: Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        if settings.url.is_empty() {
            let text = "`alertmanager.url`: is missing; give the address of each instance";
            return Err(ConnectError::new(text));
        }
        let instances = settings.url.iter().map(|url| {
            let http = HttpSettings {
                kind: Self::KIND,
                key: "url",
                url: &address(url),
                headers: &settings.headers,
                tls: &settings.tls.clone().unwrap_or_default(),
                timeout: settings.timeout.as_deref(),
                follow_redirects: false,
                content_type: JSON,
            };
            Http::new(&http, ctx.clone())
        });
        Ok(Self {
            instances: instances.collect::<Result<_, _>>()?,
            labels: named("labels", &settings.labels)?,
            annotations: named("annotations", &settings.annotations)?,
            generator_url: Phrase::unless_empty(
                Self::KIND,
                "generatorURL",
                &settings.generator_url,
            )?,
            ends_after: settings.ends_after.as_deref().map(duration).transpose()?,
            speaker: Speaker::new(ctx.clock),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let speech = self.speaker.begin();
        let mut index = 0;
        let payloads = events.chunks(EVENTS).map(|events| {
            let mut alerts = Vec::with_capacity(events.len());
            for event in events {
                alerts.push(self.alert(&speech, event, index)?);
                index += 1;
            }
            let body = go_object::list(alerts).into();
            Ok(Payload { events: events.len(), headers: ids::headers(events), body })
        });
        payloads.collect()
    }

    /// Tells every instance: they share what was notified, not what was told. One that knows is enough.
    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let mut worst = None;
        let mut told = false;
        for instance in &self.instances {
            match instance.post(payload).await {
                Ok(_) => told = true,
                Err(error) => worst = Some(worse(worst, error)),
            }
        }
        match worst {
            Some(error) if !told => Err(error),
            _ => Ok(()),
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let mut said = Vec::new();
        for instance in &self.instances {
            let status = Request { method: Method::GET, path: "status", ..Request::default() };
            let answer = instance.exchange(status).await?;
            said.push(format!("{} answered {}", answer.place, answer.status));
            answer.judge()?;
        }
        Ok(Some(said.join(", ")))
    }

    fn batch_limit(&self) -> usize {
        EVENTS
    }

    fn needs_lookup(&self) -> bool {
        true
    }

    fn names(&self, fields: &[&str]) -> bool {
        fields.contains(&"OwnerChain") || self.phrases().any(|phrase| phrase.names(fields))
    }
}

impl Alertmanager {
    /// The alert of `event`, the one at `index`.
    fn alert(
        &self,
        speech: &Speech<'_>,
        event: &Arc<Event>,
        index: usize,
    ) -> Result<Vec<u8>, Rejected> {
        let mut labels = labels(event);
        let message = Message::of(std::slice::from_ref(event));
        let mut annotations = BTreeMap::from([
            ("summary".to_owned(), message.headline.clone()),
            ("description".to_owned(), message.rest()),
            ("event_id".to_owned(), ids::key(event)),
            ("count".to_owned(), event.total().to_string()),
        ]);
        for (own, written) in [(&mut labels, &self.labels), (&mut annotations, &self.annotations)] {
            for (name, value) in written {
                own.insert(name.clone(), speech.say(value, event, index)?);
            }
            // An empty label is none.
            own.retain(|_, value| !value.is_empty());
        }
        let mut alert =
            Object::new().json("labels", &texts(&labels)).json("annotations", &texts(&annotations));
        let starts = event.first_seen();
        if let Some(starts) = starts {
            alert = alert.text("startsAt", &starts.to_string());
        }
        if let Some(after) = self.ends_after {
            let ends = speech.now.checked_add(after).unwrap_or(speech.now);
            // It must not end before it starts: the cluster's clock may be ahead of ours.
            alert = alert.text("endsAt", &ends.max(starts.unwrap_or(ends)).to_string());
        }
        let generator = speech.say_any(self.generator_url.as_ref(), event, index)?;
        Ok(alert.text_if_any("generatorURL", &generator.unwrap_or_default()).end())
    }

    fn phrases(&self) -> impl Iterator<Item = &Phrase> {
        let named = self.labels.iter().chain(&self.annotations).map(|(_, value)| value);
        named.chain(&self.generator_url)
    }
}

/// What makes an alert this one and no other: nothing that changes from one revision of an Event to the next.
fn labels(event: &Event) -> BTreeMap<String, String> {
    let object = &event.involved.reference;
    let severity = if event.kind == "Normal" { "info" } else { "warning" };
    let owner = message::owner(event);
    let mut labels = BTreeMap::new();
    for (name, value) in [
        ("alertname", message::what(event)),
        ("cluster", event.cluster_name.as_str()),
        ("namespace", object.namespace.as_str()),
        ("kind", object.kind.as_str()),
        ("name", object.name.as_str()),
        ("owner_kind", owner.map_or("", |owner| &owner.kind)),
        ("owner_name", owner.map_or("", |owner| &owner.name)),
        ("severity", severity),
    ] {
        labels.insert(name.to_owned(), value.to_owned());
    }
    labels
}

fn texts(texts: &BTreeMap<String, String>) -> Vec<u8> {
    let object = |object: Object, (name, text): (&String, &String)| object.text(name, text);
    texts.iter().fold(Object::new(), object).end()
}

/// The texts of the user's that stand at `key`, by the name that each is to have.
fn named(
    key: &str,
    written: &BTreeMap<String, String>,
) -> Result<Vec<(String, Phrase)>, ConnectError> {
    let named = written.iter().map(|(name, value)| {
        let mut bytes = name.bytes();
        let first = bytes.next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'_');
        if !first || !bytes.all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            return Err(ConnectError::new(format!(
                "`alertmanager`: `{key}`: `{name}` is no name of a label; write letters, digits and `_`"
            )));
        }
        let value = Phrase::parse(Alertmanager::KIND, format!("{key}.{name}"), value)?;
        Ok((name.clone(), value))
    });
    named.collect()
}

/// Where alerts are posted to, of an instance at `url`.
fn address(url: &str) -> String {
    let url = url.trim();
    if url.is_empty() || url.ends_with(ALERTS) {
        return url.to_owned();
    }
    format!("{}{ALERTS}", url.trim_end_matches('/'))
}

fn duration(text: &str) -> Result<SignedDuration, ConnectError> {
    let parsed = text.parse::<SignedDuration>().ok();
    let parsed = parsed.filter(|it| Duration::try_from(*it).is_ok_and(|it| !it.is_zero()));
    parsed.ok_or_else(|| {
        let text =
            format!("`alertmanager`: `endsAfter`: `{text}` is no duration above 0; write `15m`");
        ConnectError::new(text)
    })
}

/// Of two errors the one to act on: while one instance may come back, nothing is refused.
fn worse(one: Option<SendError>, other: SendError) -> SendError {
    let rank = |error: &SendError| match error {
        SendError::Unavailable { .. } => 2,
        SendError::Blocked { .. } => 1,
        SendError::Rejected { .. } | SendError::Partial { .. } => 0,
    };
    match one {
        Some(one) if rank(&one) >= rank(&other) => one,
        _ => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_of_the_api_is_added_to_an_address_that_lacks_it() {
        assert_eq!(address("http://am:9093"), "http://am:9093/api/v2/alerts");
        assert_eq!(address("http://am:9093/prefix/"), "http://am:9093/prefix/api/v2/alerts");
        assert_eq!(address("http://am:9093/api/v2/alerts"), "http://am:9093/api/v2/alerts");
        assert_eq!(address(" "), "");
    }

    #[test]
    fn while_one_instance_may_come_back_nothing_is_refused() {
        let unavailable = || SendError::Unavailable { reason: String::new(), retry_after: None };
        let blocked = || SendError::Blocked { reason: String::new() };
        let rejected = || SendError::Rejected { reason: String::new() };
        assert_eq!(worse(None, rejected()), rejected());
        assert_eq!(worse(Some(rejected()), blocked()), blocked());
        assert_eq!(worse(Some(blocked()), unavailable()), unavailable());
        assert_eq!(worse(Some(unavailable()), rejected()), unavailable());
    }
}
