//! Logstash, and whatever else takes one JSON document a line: over TCP or TLS to its `tcp` input, or as HTTP requests to its
//! `http` input.
//!
//! A document has `@timestamp`, the time of the event, which Logstash would else set to its own, and the id of the event in
//! `@metadata`, which a pipeline can use (`document_id => "%{[@metadata][id]}"`) and which is not stored.

use std::{collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, time, written::Decoded,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    http::{Http, HttpSettings, parse_timeout},
    lines,
    shape::{Shape, Shaped},
    stream::{self, Place, Stream},
    tls::TlsSettings,
    webhook,
};

/// What stands under `logstash`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    address: String,
    headers: BTreeMap<String, String>,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
    confirm: Option<bool>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // An address that is a URL, and headers, hold secrets.
        f.debug_struct("Settings").field("confirm", &self.confirm).finish_non_exhaustive()
    }
}

/// Sends events as JSON lines.
#[derive(Debug)]
pub struct Logstash {
    shape: Shape,
    way: Way,
}

#[derive(Debug)]
enum Way {
    Lines(Stream),
    Http(Box<Http>),
}

impl Sink for Logstash {
    const KIND: &'static str = "logstash";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let address = settings.address.trim();
        let way = if address.starts_with("http://") || address.starts_with("https://") {
            Way::Http(Box::new(settings.http(ctx)?))
        } else {
            Way::Lines(settings.stream(address)?)
        };
        Ok(Self { shape, way })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        match &self.way {
            Way::Lines(_) => {
                lines::payloads(events, |out, index, event| self.write(out, event, now, index))
            }
            // A text of the user's own need be no JSON, and has no place in an array.
            Way::Http(_) if self.shape.is_raw() => {
                let each = events.iter().enumerate().map(|(index, event)| {
                    webhook::batches(&[Arc::clone(event)], |out, _, event| {
                        self.write(out, event, now, index)
                    })
                    .map(|mut batch| batch.remove(0))
                    .map(without_brackets)
                });
                each.collect()
            }
            Way::Http(_) => {
                webhook::batches(events, |out, index, event| self.write(out, event, now, index))
            }
        }
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        match &self.way {
            Way::Lines(stream) => stream.deliver(&payload.body).await,
            Way::Http(http) => http.post(payload).await.map(drop),
        }
    }

    async fn close(&self) {
        if let Way::Lines(stream) = &self.way {
            stream.close().await;
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        match &self.way {
            Way::Lines(stream) => stream.probe().await.map(Some),
            Way::Http(http) => http.probe().await.map(Some),
        }
    }

    fn batch_limit(&self) -> usize {
        match &self.way {
            Way::Lines(_) => lines::EVENTS,
            Way::Http(_) if self.shape.is_raw() => 1,
            Way::Http(_) => webhook::EVENTS,
        }
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl Logstash {
    /// Appends one document, on one line.
    fn write(
        &self,
        out: &mut Vec<u8>,
        event: &Event,
        now: Timestamp,
        index: usize,
    ) -> Result<(), Rejected> {
        let from = out.len();
        self.shape.write(out, event, now, index)?;
        if self.shape.is_whole() {
            let mut ours = b"{\"@timestamp\":\"".to_vec();
            time::write_micros(&mut ours, event.timestamp().unwrap_or(now));
            ours.extend_from_slice(b"\",\"@metadata\":{\"id\":");
            ours.extend(serde_json::to_vec(&event.id().to_string()).expect("a text is JSON"));
            ours.extend_from_slice(b"},");
            out.splice(from..=from, ours);
        } else if matches!(self.way, Way::Lines(_)) {
            // A text of the user's own with line ends would be several records.
            for byte in out[from..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r')) {
                *byte = b' ';
            }
        }
        Ok(())
    }
}

impl Settings {
    fn http(&self, ctx: SinkContext) -> Result<Http, ConnectError> {
        let tls = self.tls.clone().unwrap_or_default();
        let settings = HttpSettings {
            kind: Logstash::KIND,
            key: "address",
            url: &self.address,
            headers: &self.headers,
            tls: &tls,
            timeout: self.timeout.as_deref(),
            follow_redirects: false,
            content_type: "application/json",
        };
        Http::new(&settings, ctx)
    }

    fn stream(&self, address: &str) -> Result<Stream, ConnectError> {
        let wrong = |what: String| ConnectError::new(format!("`logstash`: {what}"));
        if !self.headers.is_empty() {
            let text = "`headers` are for an `address` that begins with `http://` or `https://`";
            return Err(wrong(format!("{text}; remove them")));
        }
        stream::host_and_port(address)
            .map_err(|error| ConnectError::new(format!("`logstash.address`: {}", error.message)))?;
        let place = Place::tcp(address, self.tls.as_ref()).map_err(|error| wrong(error.message))?;
        let timeout = match &self.timeout {
            None => stream::PATIENCE,
            timeout => parse_timeout(timeout.as_deref()).map_err(|error| wrong(error.message))?,
        };
        Ok(Stream::new(place, timeout, self.confirm.unwrap_or(true)))
    }
}

/// The one document of an array.
fn without_brackets(payload: Payload) -> Payload {
    let body = payload.body.slice(1..payload.body.len() - 1);
    Payload { body, ..payload }
}
