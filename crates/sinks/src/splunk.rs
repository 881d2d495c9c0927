//! Splunk: events for the HTTP Event Collector, many in one request, each with its time and id.
//!
//! Written after <https://docs.splunk.com/Documentation/Splunk/latest/Data/FormateventsforHTTPEventCollector> and
//! <https://docs.splunk.com/Documentation/Splunk/latest/Data/TroubleshootHTTPEventCollector>.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use jiff::Timestamp;
use reqwest::{Method, Url};
use serde::{Deserialize, Serialize};
use serde_json::{Value, value::RawValue};

use crate::{
    answer::Answer,
    batch::Limits,
    http::{self, Http, HttpSettings, JSON, Request},
    ids,
    shape::{Shape, Shaped},
    tls::TlsSettings,
};

/// Splunk Cloud takes no more than a mebibyte.
const LIMITS: Limits = Limits { events: 1000, bytes: 1024 * 1000 };

/// Where a collector takes events, unless the address says more than the host.
const PATH: &str = "/services/collector/event";

/// What stands under `splunk`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    url: String,
    token: String,
    index: String,
    source: String,
    sourcetype: String,
    headers: BTreeMap<String, String>,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most of the others hold secrets.
        f.debug_struct("Settings").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Sends events to an HTTP Event Collector.
#[derive(Debug)]
pub struct Splunk {
    http: Http,
    shape: Shape,
    index: String,
    source: String,
    sourcetype: String,
}

/// An event as the collector reads it.
#[derive(Serialize)]
struct Envelope<'a> {
    /// Seconds since 1970.
    time: &'a RawValue,
    #[serde(skip_serializing_if = "str::is_empty")]
    host: &'a str,
    source: &'a str,
    sourcetype: &'a str,
    #[serde(skip_serializing_if = "str::is_empty")]
    index: &'a str,
    event: &'a RawValue,
    fields: Fields<'a>,
}

/// What is indexed beside the event.
#[derive(Serialize)]
struct Fields<'a> {
    event_id: &'a str,
}

/// What the collector answers.
#[derive(Deserialize)]
struct Said {
    code: i64,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
}

impl Sink for Splunk {
    const KIND: &'static str = "splunk";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let mut headers = settings.headers;
        let token = settings.token.trim();
        if !token.is_empty() {
            http::add_header(&mut headers, "Authorization", format!("Splunk {token}"));
        } else if !headers.keys().any(|name| name.eq_ignore_ascii_case("authorization")) {
            let text = "`splunk.token`: is missing; give the token of the collector";
            return Err(ConnectError::new(text));
        }
        let http = HttpSettings {
            kind: Self::KIND,
            key: "url",
            url: &address(&settings.url),
            headers: &headers,
            tls: &settings.tls.unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: JSON,
        };
        let or = |text: String, default: &str| {
            if text.is_empty() { default.to_owned() } else { text }
        };
        Ok(Self {
            http: Http::new(&http, ctx)?,
            shape,
            index: settings.index,
            source: or(settings.source, "kubernetes-events"),
            sourcetype: or(settings.sourcetype, "_json"),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let pieces = events.iter().enumerate().map(|(index, event)| self.piece(event, now, index));
        let pieces = pieces.collect::<Result<Vec<_>, _>>()?;
        let groups = LIMITS.groups(&pieces, Vec::len, |_, _| true).into_iter();
        let payload = |group: Range<usize>| Payload {
            events: group.len(),
            headers: Vec::new(),
            body: pieces[group].concat().into(),
        };
        Ok(groups.map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let answer = self.http.exchange(Request::post(payload)).await?;
        judge(answer, payload.events)
    }

    /// Sends nothing, which is refused as such when the token is good.
    async fn probe(&self) -> Result<Option<String>, SendError> {
        let request = Request { method: Method::POST, ..Request::default() };
        let answer = self.http.exchange(request).await?;
        let said = format!("{} answered {} to an empty request", answer.place, answer.status);
        let empty = matches!(serde_json::from_slice(&answer.body), Ok(Said { code: 5, .. }));
        if empty { Ok(Some(said)) } else { judge(answer, 0).map(|()| Some(said)) }
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

impl Splunk {
    fn piece(&self, event: &Event, now: Timestamp, index: usize) -> Result<Vec<u8>, Rejected> {
        let mut body = Vec::with_capacity(1536);
        self.shape.write(&mut body, event, now, index)?;
        let body = String::from_utf8_lossy(&body).into_owned();
        // A body of the user's own that is no JSON is a text.
        let body = match RawValue::from_string(body.clone()) {
            Ok(json) => json,
            Err(_) => serde_json::value::to_raw_value(&body).expect("a text is JSON"),
        };
        let micros = event.timestamp().unwrap_or(now).as_microsecond();
        let (seconds, rest) = (micros.div_euclid(1_000_000), micros.rem_euclid(1_000_000));
        let time = RawValue::from_string(format!("{seconds}.{rest:06}"));
        let envelope = Envelope {
            time: &time.expect("it is a number"),
            host: &event.source.host,
            source: &self.source,
            sourcetype: &self.sourcetype,
            index: &self.index,
            event: &body,
            fields: Fields { event_id: &ids::key(event) },
        };
        let mut piece = serde_json::to_vec(&envelope).expect("texts are JSON");
        piece.push(b'\n');
        Ok(piece)
    }
}

/// The address of the collector; what is no URL stays as it is, to be refused as such.
fn address(url: &str) -> String {
    match Url::parse(url.trim()) {
        Ok(mut whole) if whole.path() == "/" => {
            whole.set_path(PATH);
            whole.into()
        }
        _ => url.to_owned(),
    }
}

/// What an answer to so many events means, by the code in it.
///
/// What came before an invalid event may be stored by then, what comes behind it is not; sent once more, it has the same
/// `event_id`.
fn judge(answer: Answer, events: usize) -> Result<(), SendError> {
    let said = serde_json::from_slice::<Said>(&answer.body).ok();
    let code = said.as_ref().map(|said| said.code);
    if answer.status.is_success() {
        return match code {
            Some(0) => Ok(()),
            Some(_) => Err(answer.unavailable()),
            None => Err(answer.blocked("this is no HTTP Event Collector")),
        };
    }
    match (code, said.and_then(|said| said.invalid)) {
        // A token that is off, missing or unknown; an index that it may not write to; a channel that it wants.
        (Some(1..=4 | 7 | 10 | 11 | 14), _) => Err(answer.blocked("")),
        (Some(6 | 12 | 13 | 15), Some(invalid)) if invalid < events && events > 1 => {
            let why = |index| (index == invalid).then(|| answer.reason.clone());
            let failed = (0..events).map(|index| (index, why(index))).collect();
            Err(SendError::Partial { failed })
        }
        _ => answer.judge().map(drop),
    }
}
