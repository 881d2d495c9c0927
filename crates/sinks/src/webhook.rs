//! A webhook: one POST per event, or one per batch with a JSON array of documents.
//!
//! A configured `Content-Type` replaces ours; the original sends both lines, and servers refuse that.

use std::{collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text, written::Decoded,
};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;

use crate::{
    headers::{self, Header},
    http::{Http, HttpSettings, JSON},
    ids::{self, Ids},
    shape::{Shape, Shaped},
    tls::TlsSettings,
};

/// Most events in a batch.
pub(crate) const EVENTS: usize = 500;

/// Most bytes in a batch; a single event may be larger.
const BYTES: usize = 1024 * 1024;

/// What stands under `webhook`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    endpoint: String,
    headers: BTreeMap<String, String>,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
    batch: bool,
    follow_redirects: bool,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Endpoint and headers hold secrets.
        f.debug_struct("Settings")
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("batch", &self.batch)
            .finish_non_exhaustive()
    }
}

/// Posts events to an HTTP endpoint.
#[derive(Debug)]
pub struct Webhook {
    http: Http,
    shape: Shape,
    headers: Vec<Header>,
    batch: bool,
}

impl Sink for Webhook {
    const KIND: &'static str = "webhook";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let headers = headers::templates(&settings.headers);
        if settings.batch && (shape.is_raw() || !headers.is_empty()) {
            return Err(ConnectError::new(ONE_AT_A_TIME));
        }
        let http = HttpSettings {
            kind: Self::KIND,
            key: "endpoint",
            url: &settings.endpoint,
            headers: &settings.headers,
            tls: &settings.tls.unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: settings.follow_redirects,
            content_type: JSON,
        };
        Ok(Self { http: Http::new(&http, ctx)?, shape, headers, batch: settings.batch })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        if self.batch {
            return batches(events, |body, index, event| self.shape.write(body, event, now, index));
        }
        let payloads =
            events.iter().enumerate().map(|(index, event)| self.single(event, now, index));
        payloads.collect()
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        self.http.post(payload).await.map(drop)
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.http.probe().await.map(Some)
    }

    fn batch_limit(&self) -> usize {
        if self.batch { EVENTS } else { 1 }
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup() || self.headers.iter().any(Header::needs_lookup)
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields) || self.headers.iter().any(|header| header.names(fields))
    }
}

impl Webhook {
    fn single(&self, event: &Event, now: Timestamp, index: usize) -> Result<Payload, Rejected> {
        let mut body = Vec::with_capacity(1536);
        self.shape.write(&mut body, event, now, index)?;
        let mut payload = payload(1, ids::key(event), usize::from(event.replay), body);
        for header in &self.headers {
            let value = header.render(event, self.shape.process(), now);
            let value = value.map_err(|reason| Rejected { index, reason })?;
            payload.headers.push((header.name.clone(), value));
        }
        Ok(payload)
    }
}

/// As few arrays as the limits allow; `write` appends the document of an event.
pub(crate) fn batches(
    events: &[Arc<Event>],
    write: impl Fn(&mut Vec<u8>, usize, &Event) -> Result<(), Rejected>,
) -> Result<Vec<Payload>, Rejected> {
    let mut batches = Vec::new();
    let (mut count, mut ids, mut replays, mut body) = (0, Ids::default(), 0, Vec::new());
    let mut document = Vec::new();
    for (index, event) in events.iter().enumerate() {
        document.clear();
        write(&mut document, index, event)?;
        // One byte for the comma before, one for the bracket behind.
        if count == EVENTS || (count > 0 && body.len() + document.len() + 2 > BYTES) {
            body.push(b']');
            let full = (std::mem::take(&mut ids), std::mem::take(&mut body));
            let counts = (std::mem::take(&mut count), std::mem::take(&mut replays));
            batches.push(payload(counts.0, full.0.key(), counts.1, full.1));
        }
        body.push(if count == 0 { b'[' } else { b',' });
        body.extend_from_slice(&document);
        ids = ids.with(event);
        count += 1;
        replays += usize::from(event.replay);
    }
    if count > 0 {
        body.push(b']');
        batches.push(payload(count, ids.key(), replays, body));
    }
    Ok(batches)
}

const ONE_AT_A_TIME: &str = "`webhook`: `rawBody` and templates in `headers` are for one event each; \
    remove `batch`";

/// `replays` of the events are sent once more, because somebody asked for it.
fn payload(events: usize, key: String, replays: usize, body: Vec<u8>) -> Payload {
    let mut headers = vec![(Text::const_new("Idempotency-Key"), key)];
    if replays > 0 {
        headers.push((Text::const_new("Tidings-Replay"), replays.to_string()));
    }
    Payload { events, headers, body: body.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(index: usize, message: usize) -> Arc<Event> {
        let mut event = Event { message: "x".repeat(message).into(), ..Event::default() };
        event.metadata.uid = format!("uid-{index}").into();
        event.metadata.resource_version = "7".into();
        Arc::new(event)
    }

    fn batches(events: &[Arc<Event>]) -> Vec<Payload> {
        super::batches(events, |body, _, event| {
            event::document::write(body, event);
            Ok(())
        })
        .unwrap()
    }

    fn sizes(events: &[Arc<Event>]) -> Vec<usize> {
        batches(events).iter().map(|batch| batch.events).collect()
    }

    #[test]
    fn a_batch_holds_500_events_or_a_mebibyte() {
        let small: Vec<_> = (0..1001).map(|index| event(index, 10)).collect();
        assert_eq!(sizes(&small), [500, 500, 1]);
        let large: Vec<_> = (0..5).map(|index| event(index, 400_000)).collect();
        assert_eq!(sizes(&large), [2, 2, 1]);
        assert!(batches(&large).iter().all(|batch| batch.body.len() <= BYTES));
        let huge: Vec<_> = (0..2).map(|index| event(index, 2_000_000)).collect();
        assert_eq!(sizes(&huge), [1, 1]);
        assert_eq!(sizes(&[]), [0; 0]);
    }

    #[test]
    fn a_batch_is_a_json_array_in_order() {
        let events: Vec<_> = (0..3).map(|index| event(index, 1)).collect();
        let batch = &batches(&events)[0];
        let array: Vec<serde_json::Value> = serde_json::from_slice(&batch.body).unwrap();
        let uids: Vec<_> = array.iter().map(|event| &event["metadata"]["uid"]).collect();
        assert_eq!(uids, ["uid-0", "uid-1", "uid-2"]);
    }

    #[test]
    fn the_same_events_have_the_same_key_and_others_another() {
        let key = |range: std::ops::Range<usize>| {
            let events: Vec<_> = range.map(|index| event(index, 1)).collect();
            batches(&events)[0].headers[0].1.clone()
        };
        assert_eq!(key(0..3), key(0..3));
        assert_ne!(key(0..3), key(0..2));
        assert_eq!(ids::key(&event(4, 1)), "uid-4/7");
    }

    #[test]
    fn replays_are_counted_in_a_header_and_keep_their_key() {
        let mut again = event(1, 1);
        let key = batches(&[event(0, 1), Arc::clone(&again)])[0].headers[0].clone();
        Arc::make_mut(&mut again).replay = true;
        let batch = &batches(&[event(0, 1), again])[0];
        assert_eq!(batch.headers, [key, ("Tidings-Replay".into(), "1".into())]);
    }

    #[tokio::test]
    async fn neither_settings_nor_a_webhook_show_their_secrets() {
        let written = serde_json::json!({
            "endpoint": "https://ann:hunter22@example.com/T0/secretpath",
            "headers": {"X-Api-Key": "s3cret"},
            "tls": {"insecureSkipVerify": true},
        });
        let settings = Shaped::<Settings>::read(&written, "").strictly().unwrap();
        assert_eq!(
            format!("{settings:?}"),
            "Shaped { shape: ShapeSettings { layout: None, de_dot: false, omit_empty: false, raw_body: None }, \
             own: Settings { headers: [\"X-Api-Key\"], batch: false, .. } }"
        );
        let ctx = SinkContext {
            receiver: "test".into(),
            user_agent: "test".into(),
            clock: Arc::new(event::SystemClock),
        };
        let webhook = Webhook::connect(settings, ctx).await.unwrap();
        assert_eq!(
            format!("{webhook:?}"),
            "Webhook { http: Http { place: \"https://example.com\", \
             headers: [\"x-api-key\", \"authorization\", \"content-type\"], timeout: 30s, .. }, \
             shape: Shape { body: \"document\", de_dot: false, .. }, headers: [], batch: false }"
        );
    }
}
