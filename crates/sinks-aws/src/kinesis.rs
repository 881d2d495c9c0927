//! Kinesis Data Streams: `PutRecords`, one record an event. The partition key is the Event's uid, so all revisions of one Event
//! are in one shard.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;
use sinks::{
    batch::Limits,
    ids,
    shape::{Shape, Shaped},
};

use crate::{
    account::{self, Account, Service},
    entries::{Frame, quoted},
    refusal::{self, Failed},
    regional::Regional,
};

const SERVICE: Service = Service {
    kind: "kinesis",
    name: "kinesis",
    content_type: account::JSON,
    target: "Kinesis_20131202",
};

/// 5 MiB of data and keys; the data is a quarter shorter than its base64 form.
const LIMITS: Limits = Limits { events: 500, bytes: 6 * 1024 * 1024 };

/// What stands under `kinesis`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    stream_name: String,
}

/// Puts records into a data stream.
#[derive(Debug)]
pub struct Kinesis {
    account: Account,
    shape: Shape,
    frame: Frame,
    place: String,
}

impl Sink for Kinesis {
    const KIND: &'static str = "kinesis";
    type Settings = Regional<Shaped<Settings>>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        Regional::read_shaped(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.own.compile(Self::KIND, &ctx)?;
        if own.stream_name.is_empty() {
            return Err(ConnectError::new("`kinesis`: `streamName` is missing"));
        }
        let account = Account::new(SERVICE, &settings.account, "", &ctx).await?;
        let name = quoted(&own.stream_name);
        let head = format!(r#"{{"StreamName":{name},"Records":["#);
        let frame = Frame { head, tail: "]}", numbered: false };
        Ok(Self { account, shape, frame, place: format!("stream `{}`", own.stream_name) })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let record = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            let (data, key) = (BASE64.encode(document), quoted(&partition(event)));
            Ok(format!(r#""Data":"{data}","PartitionKey":{key}}}"#).into_bytes())
        };
        let records: Result<Vec<_>, Rejected> = events.iter().enumerate().map(record).collect();
        Ok(self.frame.payloads(LIMITS, &records?))
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let answer = self.account.call("PutRecords", payload.body.clone()).await?;
        let failed = results(&answer, "Records", "ErrorCode", "ErrorMessage");
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

/// The uid, as in the original; a hand-made event without one is spread by its id.
fn partition(event: &Event) -> String {
    let uid = &event.metadata.uid;
    if (1..=256).contains(&uid.chars().count()) { uid.to_string() } else { ids::key(event) }
}

/// The entries that have an error, in an answer with one result for each of them.
pub(crate) fn results(answer: &[u8], list: &str, code: &str, message: &str) -> Vec<Failed> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let results = answer[list].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |result: &Value, key: &str| result[key].as_str().unwrap_or_default().to_owned();
    let failed = results.iter().enumerate().map(|(index, result)| Failed {
        index,
        code: text(result, code),
        message: text(result, message),
    });
    failed.filter(|failed| !failed.code.is_empty()).collect()
}
