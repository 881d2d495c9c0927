//! Data Firehose: `PutRecordBatch`, one record an event.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;
use sinks::{
    batch::Limits,
    shape::{Shape, Shaped},
};

use crate::{
    account::{self, Account, Service},
    entries::{Frame, quoted},
    kinesis, refusal,
    regional::Regional,
};

const SERVICE: Service = Service {
    kind: "firehose",
    name: "firehose",
    content_type: account::JSON,
    target: "Firehose_20150804",
};

/// 4 MiB of data, which is a quarter shorter than its base64 form.
const LIMITS: Limits = Limits { events: 500, bytes: 5 * 1024 * 1024 };

/// What stands under `firehose`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    delivery_stream_name: String,
    /// Of ours: each document ends with one, so that those in one object are apart.
    newline: bool,
}

/// Puts records into a delivery stream.
#[derive(Debug)]
pub struct Firehose {
    account: Account,
    shape: Shape,
    frame: Frame,
    newline: bool,
    place: String,
}

impl Sink for Firehose {
    const KIND: &'static str = "firehose";
    type Settings = Regional<Shaped<Settings>>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        Regional::read_shaped(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.own.compile(Self::KIND, &ctx)?;
        let name = &own.delivery_stream_name;
        if name.is_empty() {
            return Err(ConnectError::new("`firehose`: `deliveryStreamName` is missing"));
        }
        let account = Account::new(SERVICE, &settings.account, "", &ctx).await?;
        let head = format!(r#"{{"DeliveryStreamName":{},"Records":["#, quoted(name));
        let frame = Frame { head, tail: "]}", numbered: false };
        let place = format!("delivery stream `{name}`");
        Ok(Self { account, shape, frame, newline: own.newline, place })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let record = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            if self.newline {
                document.push(b'\n');
            }
            Ok(format!(r#""Data":"{}"}}"#, BASE64.encode(document)).into_bytes())
        };
        let records: Result<Vec<_>, Rejected> = events.iter().enumerate().map(record).collect();
        Ok(self.frame.payloads(LIMITS, &records?))
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let answer = self.account.call("PutRecordBatch", payload.body.clone()).await?;
        let failed = kinesis::results(&answer, "RequestResponses", "ErrorCode", "ErrorMessage");
        refusal::partial(&failed, payload.events, &self.place)
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.account.who().await
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
