//! OTLP: events as log records of OpenTelemetry, over HTTP, in protobuf.
//!
//! Written after <https://opentelemetry.io/docs/specs/otlp/#otlphttp>. Attributes are named as the collector's
//! `k8s_events` receiver names them, so that what reads those reads these.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text, written::Decoded,
};
use jiff::Timestamp;
use prost::Message;
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    answer::Answer,
    batch::Limits,
    http::{Http, HttpSettings, Request},
    ids,
    shape::{Shape, Shaped},
    tls::TlsSettings,
};

use messages::{Exported, Logs, Partial, Refusal};
use records::Record;

/// The messages on the wire.
mod messages;

/// An event as a log record.
mod records;

/// A collector takes 4 MiB unless it is told otherwise; attributes are not counted.
const LIMITS: Limits = Limits { events: 1000, bytes: 1024 * 1024 };

/// Where logs are taken, unless the address says more than the host.
const PATH: &str = "/v1/logs";

/// What bodies of requests and answers are.
const PROTOBUF: &str = "application/x-protobuf";

/// What stands under `otlp`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    endpoint: String,
    headers: BTreeMap<String, String>,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Endpoint and headers hold secrets.
        f.debug_struct("Settings")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Exports events as log records.
#[derive(Debug)]
pub struct Otlp {
    http: Http,
    shape: Shape,
    scope: Text,
}

impl Sink for Otlp {
    const KIND: &'static str = "otlp";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let http = HttpSettings {
            kind: Self::KIND,
            key: "endpoint",
            url: &address(&settings.endpoint),
            headers: &settings.headers,
            tls: &settings.tls.unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: PROTOBUF,
        };
        let scope = ctx.user_agent.clone();
        Ok(Self { http: Http::new(&http, ctx)?, shape, scope })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let records =
            events.iter().enumerate().map(|(index, event)| self.record(event, now, index));
        let records = records.collect::<Result<Vec<_>, _>>()?;
        let groups = LIMITS.groups(&records, |record| record.size, |_, _| true).into_iter();
        let payload = |group: Range<usize>| Payload {
            events: group.len(),
            headers: vec![("Idempotency-Key".into(), ids::of(&events[group.clone()]))],
            body: Logs::of(&records[group], &self.scope).encode_to_vec().into(),
        };
        Ok(groups.map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let request = Request { gzip: true, ..Request::post(payload) };
        judge(self.http.exchange(request).await?, payload.events)
    }

    /// Exports nothing, which is a request like any other.
    async fn probe(&self) -> Result<Option<String>, SendError> {
        let request = Request { method: Method::POST, ..Request::default() };
        let answer = self.http.exchange(request).await?;
        let said = format!("{} answered {} to an empty request", answer.place, answer.status);
        judge(answer, 0).map(|()| Some(said))
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

impl Otlp {
    fn record(&self, event: &Event, now: Timestamp, index: usize) -> Result<Record, Rejected> {
        if self.shape.is_whole() {
            return Ok(Record::new(&self.shape.seen(event), None, now));
        }
        let mut body = Vec::new();
        self.shape.write(&mut body, event, now, index)?;
        Ok(Record::new(event, Some(&body), now))
    }
}

/// Where logs are taken; what is no URL stays as it is, to be refused as such.
fn address(endpoint: &str) -> String {
    match Url::parse(endpoint.trim()) {
        Ok(mut url) if url.path() == "/" => {
            url.set_path(PATH);
            url.into()
        }
        _ => endpoint.to_owned(),
    }
}

/// What an answer to so many records means.
///
/// A success can name how many were refused for good, but not which: then they are sent in smaller groups, until those
/// stand alone. What was taken before comes with the same id.
fn judge(mut answer: Answer, events: usize) -> Result<(), SendError> {
    if !answer.status.is_success() {
        if let Ok(Refusal { message, .. }) = Refusal::decode(&*answer.body)
            && !message.is_empty()
        {
            answer.reason =
                format!("{} answered {}: {}", answer.place, answer.status, answer.shown(&message));
        }
        return answer.judge().map(drop);
    }
    let Some(partial) = partial(&answer.body) else {
        return Err(answer.blocked("this is not how OTLP answers"));
    };
    if partial.rejected == 0 {
        return Ok(());
    }
    let why = answer.shown(&partial.message);
    let reason =
        format!("{} refused {} of {events} records: {why}", answer.place, partial.rejected);
    Err(SendError::Rejected { reason })
}

/// What of a success was none, in protobuf or, as some answer to either, in JSON.
fn partial(body: &[u8]) -> Option<Partial> {
    if let Ok(exported) = Exported::decode(body) {
        return Some(exported.partial.unwrap_or_default());
    }
    let said: Value = serde_json::from_slice(body).ok().filter(Value::is_object)?;
    let partial = &said["partialSuccess"];
    // JSON has no 64-bit integers: there they are texts, too.
    let rejected = &partial["rejectedLogRecords"];
    let rejected = rejected.as_i64().or_else(|| rejected.as_str()?.parse().ok());
    let message = partial["errorMessage"].as_str().unwrap_or_default().to_owned();
    Some(Partial { rejected: rejected.unwrap_or(0), message })
}
