//! SQS: `SendMessageBatch`, one message an event. The queue is looked for at the first send, so one that is not there yet is
//! waited for.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
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
    entries::{self, Frame, quoted},
    fifo,
    refusal::{self, Failed},
    regional::Regional,
};

const SERVICE: Service =
    Service { kind: "sqs", name: "sqs", content_type: account::JSON_1_0, target: "AmazonSQS" };

/// What every queue takes at once, however it is set up.
const LIMITS: Limits = Limits { events: 10, bytes: 256 * 1000 };

/// What stands under `sqs`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    queue_name: String,
}

/// Sends messages to a queue.
#[derive(Debug)]
pub struct Sqs {
    account: Account,
    shape: Shape,
    frame: Frame,
    queue: String,
    url: Mutex<Option<String>>,
}

impl Sink for Sqs {
    const KIND: &'static str = "sqs";
    type Settings = Regional<Shaped<Settings>>;

    fn read(settings: &Value, at: &str) -> Decoded<Self::Settings> {
        Regional::read_shaped(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.own.compile(Self::KIND, &ctx)?;
        if own.queue_name.is_empty() {
            return Err(ConnectError::new("`sqs`: `queueName` is missing"));
        }
        let account = Account::new(SERVICE, &settings.account, "", &ctx).await?;
        let frame = Frame { head: r#"{"Entries":["#.into(), tail: "]}", numbered: true };
        Ok(Self { account, shape, frame, queue: own.queue_name, url: Mutex::default() })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let message = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            let (body, key) = (entries::text(&document), quoted(&ids::key(event)));
            let order = if fifo::is(&self.queue) {
                let (group, id) = (quoted(&fifo::group(event)), quoted(&fifo::id(event)));
                format!(r#","MessageGroupId":{group},"MessageDeduplicationId":{id}"#)
            } else {
                String::new()
            };
            let attributes =
                format!(r#"{{"Idempotency-Key":{{"DataType":"String","StringValue":{key}}}}}"#);
            let entry =
                format!(r#""MessageBody":{body},"MessageAttributes":{attributes}{order}}}"#);
            Ok(entry.into_bytes())
        };
        let messages: Result<Vec<_>, Rejected> = events.iter().enumerate().map(message).collect();
        Ok(self.frame.payloads(LIMITS, &messages?))
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let url = self.queue_url().await?;
        let mut body = format!(r#"{{"QueueUrl":{},"#, quoted(&url)).into_bytes();
        // Behind the brace that opens it.
        body.extend_from_slice(&payload.body[1..]);
        let answer = self.account.call("SendMessageBatch", Bytes::from(body)).await;
        let answer = answer.inspect_err(|_| {
            // The queue may have been made anew.
            *self.url.lock().unwrap_or_else(PoisonError::into_inner) = None;
        })?;
        refusal::partial(&failed(&answer), payload.events, &self.place())
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let url = self.queue_url().await?;
        Ok(Some(format!("{} is there: {url}", self.place())))
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

impl Sqs {
    fn place(&self) -> String {
        format!("queue `{}`", self.queue)
    }

    async fn queue_url(&self) -> Result<String, SendError> {
        let known = self.url.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(url) = known {
            return Ok(url);
        }
        let body = format!(r#"{{"QueueName":{}}}"#, quoted(&self.queue));
        let answer = self.account.call("GetQueueUrl", body.into()).await?;
        let answer: Value = serde_json::from_slice(&answer).unwrap_or_default();
        let Some(url) = answer["QueueUrl"].as_str() else {
            return Err(SendError::Unavailable {
                reason: format!("{}: the answer names no address", self.place()),
                retry_after: None,
            });
        };
        *self.url.lock().unwrap_or_else(PoisonError::into_inner) = Some(url.to_owned());
        Ok(url.to_owned())
    }
}

/// The entries that SQS says it did not take, and whether that was our fault.
fn failed(answer: &[u8]) -> Vec<Failed> {
    let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
    let failed = answer["Failed"].as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |it: &Value, key: &str| it[key].as_str().unwrap_or_default().to_owned();
    let failed = failed.iter().filter_map(|it| {
        let index = it["Id"].as_str()?.parse().ok()?;
        let ours = it["SenderFault"].as_bool().unwrap_or_default();
        Some(blamed(index, ours, text(it, "Code"), text(it, "Message")))
    });
    failed.collect()
}

/// A code that we do not know is a refusal if the service says that it is the sender's fault.
pub(crate) fn blamed(index: usize, ours: bool, code: String, message: String) -> Failed {
    if ours && refusal::meaning(&code).is_none() {
        let message = format!("{code}: {message}");
        return Failed { index, code: "InvalidParameterValue".to_owned(), message };
    }
    Failed { index, code, message }
}
