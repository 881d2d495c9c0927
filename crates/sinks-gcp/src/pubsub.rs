//! Pub/Sub: `publish`, one message an event, whose attributes say which event it is.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use bytes::Bytes;
use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;
use sinks::{
    batch::Limits,
    http::Method,
    ids,
    shape::{Shape, Shaped},
    tls::TlsSettings,
};

use crate::api::{self, Api, ApiSettings, part};

const API: &str = "https://pubsub.googleapis.com";

const SCOPE: &str = "https://www.googleapis.com/auth/pubsub";

/// Where tests have theirs; every client of Pub/Sub looks there.
const EMULATOR: &str = "PUBSUB_EMULATOR_HOST";

/// What one request holds at the most: 1000 messages, 10 MB.
const LIMITS: Limits = Limits { events: 1000, bytes: 9_000_000 };

/// What stands under `pubsub`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    gcloud_project_id: String,
    topic: String,
    create_topic: bool,
    /// Of ours.
    endpoint: String,
    /// Of ours.
    credentials_path: String,
    /// Of ours.
    timeout: Option<String>,
    /// Of ours.
    tls: Option<TlsSettings>,
}

/// Publishes to a topic.
#[derive(Debug)]
pub struct PubSub {
    api: Api,
    shape: Shape,
    /// `/v1/projects/…/topics/…`
    topic: String,
    create: bool,
}

impl Sink for PubSub {
    const KIND: &'static str = "pubsub";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.compile(Self::KIND, &ctx)?;
        for (key, text) in [("gcloud_project_id", &own.gcloud_project_id), ("topic", &own.topic)] {
            if text.is_empty() {
                return Err(ConnectError::new(format!("`pubsub`: `{key}` is missing")));
            }
        }
        let emulator = std::env::var(EMULATOR).ok().filter(|host| !host.is_empty());
        let emulator = emulator.map(|host| format!("http://{host}"));
        let endpoint = match (own.endpoint.as_str(), emulator) {
            ("", Some(emulator)) => emulator,
            (endpoint, _) => endpoint.to_owned(),
        };
        let settings = ApiSettings {
            kind: Self::KIND,
            usual: API,
            endpoint: &endpoint,
            credentials: &own.credentials_path,
            content_type: "application/json",
            scope: SCOPE,
            timeout: own.timeout.as_deref(),
            tls: own.tls.as_ref(),
        };
        let api = Api::new(&settings, &ctx)?;
        let (project, topic) = (part(&own.gcloud_project_id), part(&own.topic));
        let topic = format!("/v1/projects/{project}/topics/{topic}");
        Ok(Self { api, shape, topic, create: own.create_topic })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let message = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            let (data, id) = (BASE64.encode(document), Value::from(ids::key(event)));
            Ok(format!(r#"{{"data":"{data}","attributes":{{"Idempotency-Key":{id}}}}}"#))
        };
        let messages: Result<Vec<_>, Rejected> = events.iter().enumerate().map(message).collect();
        let messages = messages?;
        let groups = LIMITS.groups(&messages, |message| message.len() + 1, |_, _| true);
        let payload = |group: std::ops::Range<usize>| {
            let body = format!(r#"{{"messages":[{}]}}"#, messages[group.clone()].join(","));
            Payload { events: group.len(), headers: Vec::new(), body: body.into() }
        };
        Ok(groups.into_iter().map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let path = format!("{}:publish", self.topic);
        let publish = || self.api.ask(Method::POST, &path, &[], payload.body.clone());
        let mut answer = publish().await?;
        if self.create && answer.status.as_u16() == 404 {
            let made =
                self.api.ask(Method::PUT, &self.topic, &[], Bytes::from_static(b"{}")).await?;
            // Somebody else may have made it meanwhile.
            if made.status.as_u16() != 409 {
                api::judge(made)?;
            }
            answer = publish().await?;
        }
        let missing = answer.status.as_u16() == 404;
        if missing && !self.create {
            return Err(answer.blocked("create the topic, or set `create_topic: true`"));
        }
        api::judge(answer).map(drop)
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let answer = self.api.ask(Method::GET, &self.topic, &[], Bytes::new()).await?;
        let said = format!("{} answered {} for the topic", answer.place, answer.status);
        // Who may publish need not be allowed to look.
        match answer.status.as_u16() {
            403 => Ok(None),
            404 if self.create => Ok(Some(said)),
            _ => api::judge(answer).map(|_| Some(said)),
        }
    }

    fn batch_limit(&self) -> usize {
        LIMITS.events
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}
