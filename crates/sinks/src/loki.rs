//! Loki: one push for many events, grouped by stream, packed, at the time of each event.
//!
//! Written after <https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs>. What Loki finds too late
//! for its stream is pushed at the time of sending instead; see [`late`].

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text, written::Decoded,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    batch::Limits,
    headers::{self, Header},
    http::{self, Http, HttpSettings, JSON, Request},
    ids,
    shape::{Shape, Shaped},
    tls::TlsSettings,
};

use labels::Labels;

/// Which stream an event goes into.
mod labels;

/// What Loki does not take at its own time.
mod late;

/// What one push holds: inside of Loki a message of 4 MiB is too large, unpacked.
const LIMITS: Limits = Limits { events: 1000, bytes: 1024 * 1024 };

/// What stands under `loki`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    url: String,
    stream_labels: BTreeMap<String, String>,
    unbounded_labels: bool,
    headers: BTreeMap<String, String>,
    #[serde(rename = "tenantID")]
    tenant_id: String,
    username: String,
    password: String,
    bearer_token: String,
    timestamp: Time,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most of the others hold secrets.
        f.debug_struct("Settings")
            .field("stream_labels", &self.stream_labels)
            .finish_non_exhaustive()
    }
}

/// The time at which a line stands in its stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Time {
    /// The event's, so that a repeat is the same line.
    #[default]
    Event,
    /// That of encoding, nearly as in the original.
    Now,
}

/// Pushes events to Loki.
#[derive(Debug)]
pub struct Loki {
    http: Http,
    shape: Shape,
    labels: Labels,
    headers: Vec<Header>,
    timestamp: Time,
}

/// The body of a push.
#[derive(Serialize, Deserialize)]
struct Push {
    streams: Vec<Stream>,
}

/// Lines with the same labels: nanoseconds since 1970, and the line.
#[derive(Serialize, Deserialize)]
struct Stream {
    stream: BTreeMap<String, String>,
    values: Vec<(String, String)>,
}

/// An event on its way into a push.
struct Line {
    labels: BTreeMap<String, String>,
    headers: Vec<(Text, String)>,
    time: i128,
    text: String,
}

impl Sink for Loki {
    const KIND: &'static str = "loki";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let wrong = |text| ConnectError::new(format!("`{}`: {text}", Self::KIND));
        let labels =
            Labels::compile(&settings.stream_labels, settings.unbounded_labels).map_err(wrong)?;
        let mut configured = settings.headers;
        if !settings.tenant_id.is_empty() {
            http::add_header(&mut configured, "X-Scope-OrgID", settings.tenant_id);
        }
        if !settings.bearer_token.is_empty() {
            if !settings.username.is_empty() {
                let text = "`username` and `bearerToken` are both set; keep one of them";
                return Err(wrong(text.to_owned()));
            }
            let bearer = format!("Bearer {}", settings.bearer_token.trim());
            http::add_header(&mut configured, "Authorization", bearer);
        } else if !settings.username.is_empty() {
            let basic = http::basic(&settings.username, &settings.password);
            http::add_header(&mut configured, "Authorization", basic);
        }
        let http = HttpSettings {
            kind: Self::KIND,
            key: "url",
            url: &settings.url,
            headers: &configured,
            tls: &settings.tls.unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: JSON,
        };
        let (headers, timestamp) = (headers::templates(&configured), settings.timestamp);
        Ok(Self { http: Http::new(&http, ctx)?, shape, labels, headers, timestamp })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let lines = events.iter().enumerate().map(|(index, event)| self.line(event, now, index));
        let lines = lines.collect::<Result<Vec<_>, _>>()?;
        // Headers are of the whole push: events that want other ones go in another.
        let together = |before: &Line, line: &Line| before.headers == line.headers;
        let groups = LIMITS.groups(&lines, |line| line.text.len(), together);
        let payload = |group: Range<usize>| {
            let lines = &lines[group.clone()];
            let mut headers = vec![(Text::const_new("Idempotency-Key"), ids::of(&events[group]))];
            headers.extend(lines[0].headers.iter().cloned());
            Payload { events: lines.len(), headers, body: push(lines).bytes() }
        };
        Ok(groups.into_iter().map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let request = Request { gzip: true, ..Request::post(payload) };
        let answer = self.http.exchange(request.clone()).await?;
        let Some(bounds) = late::bounds(&answer, self.shape.now()) else {
            return answer.judge().map(drop);
        };
        // What was in time is stored by now, and is the same line when it comes once more.
        match late::moved(&payload.body, bounds, !self.shape.is_whole()) {
            Some(body) => self.http.exchange(Request { body, ..request }).await?.judge().map(drop),
            None => answer.judge().map(drop),
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.http.probe().await.map(Some)
    }

    fn batch_limit(&self) -> usize {
        LIMITS.events
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
            || self.labels.needs_lookup()
            || self.headers.iter().any(Header::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
            || self.labels.names(fields)
            || self.headers.iter().any(|header| header.names(fields))
    }
}

impl Loki {
    fn line(&self, event: &Event, now: Timestamp, index: usize) -> Result<Line, Rejected> {
        let wrong = |reason| Rejected { index, reason };
        let process = self.shape.process();
        let labels = self.labels.of(event, process, now).map_err(wrong)?;
        let mut headers = Vec::with_capacity(self.headers.len());
        for header in &self.headers {
            let value = header.render(event, process, now).map_err(wrong)?;
            headers.push((header.name.clone(), value));
        }
        let mut text = Vec::with_capacity(1536);
        self.shape.write(&mut text, event, now, index)?;
        let text = String::from_utf8(text)
            .unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned());
        let time = match self.timestamp {
            Time::Event => event.timestamp().unwrap_or(now),
            Time::Now => now,
        };
        Ok(Line { labels, headers, time: time.as_nanosecond(), text })
    }
}

/// The lines by stream: streams in the order in which they first come, their lines by time.
fn push(lines: &[Line]) -> Push {
    let mut places = BTreeMap::new();
    let mut streams: Vec<Vec<&Line>> = Vec::new();
    for line in lines {
        let place = *places.entry(&line.labels).or_insert(streams.len());
        if place == streams.len() {
            streams.push(Vec::new());
        }
        streams[place].push(line);
    }
    let streams = streams.into_iter().map(|mut lines| {
        lines.sort_by_key(|line| line.time);
        let values = lines.iter().map(|line| (line.time.to_string(), line.text.clone()));
        Stream { stream: lines[0].labels.clone(), values: values.collect() }
    });
    Push { streams: streams.collect() }
}

impl Push {
    fn bytes(&self) -> bytes::Bytes {
        serde_json::to_vec(self).expect("texts are JSON").into()
    }
}
