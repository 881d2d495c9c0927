//! `kafka`: one record an event. Its key is the Event's uid, so all revisions of one Event are in one partition, in order;
//! its value is the document; its headers say which event it is.

use std::{
    fmt,
    future::pending,
    pin::pin,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use event::{
    Clock, ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use futures::future::join_all;
use rdkafka::{
    ClientConfig,
    error::{KafkaError, RDKafkaErrorCode},
    message::{Header, OwnedHeaders},
    producer::{FutureRecord, Producer as _},
};
use serde::Deserialize;
use serde_json::Value;
use sinks::{
    http,
    shape::{Shape, Shaped},
};
use tokio::sync::watch;

use crate::{
    avro::{Avro, AvroSettings},
    client::{self, Listener, Producer, SaslSettings, TlsSettings, Word},
    records::{self, Note},
    verdict::{self, Outcome},
};

/// What stands under `kafka`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    pub(crate) brokers: Vec<String>,
    pub(crate) topic: String,
    pub(crate) client_id: String,
    pub(crate) compression_codec: String,
    pub(crate) version: String,
    pub(crate) tls: TlsSettings,
    pub(crate) sasl: SaslSettings,
    avro: Option<AvroSettings>,
    /// Of ours: `all` (default) or `leader`.
    pub(crate) acks: String,
    /// Of ours: brokers tell the client's repeats from news.
    pub(crate) idempotent: Option<bool>,
    /// Of ours.
    timeout: Option<String>,
}

/// Produces events to a topic.
pub struct Kafka {
    topic: String,
    shape: Shape,
    avro: Option<Avro>,
    config: ClientConfig,
    sasl: SaslSettings,
    timeout: Duration,
    clock: Arc<dyn Clock>,
    /// Begun anew after a refusal, so that new permissions, certificates and topics are seen.
    client: Mutex<Option<Client>>,
}

/// A client, and what it hears.
#[derive(Clone)]
struct Client {
    producer: Producer,
    heard: watch::Receiver<Word>,
}

impl Sink for Kafka {
    const KIND: &'static str = "kafka";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let wrong = |text: String| ConnectError::new(format!("`kafka`: {text}"));
        let timeout = http::parse_timeout(settings.timeout.as_deref())
            .map_err(|error| wrong(error.message))?;
        let config = client::config(&settings, timeout).map_err(wrong)?;
        // As in the original, a layout goes before.
        let avro = settings.avro.filter(|_| shape.is_whole());
        let kafka = Self {
            topic: settings.topic,
            shape,
            avro: avro.as_ref().map(Avro::new).transpose().map_err(wrong)?,
            config,
            sasl: settings.sasl,
            timeout,
            clock: ctx.clock,
            client: Mutex::default(),
        };
        // What librdkafka itself refuses is told now.
        kafka.client().map_err(wrong)?;
        Ok(kafka)
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        records::payloads(events, |out, index, event| {
            let Some(avro) = &self.avro else {
                return self.shape.write(out, event, now, index);
            };
            let mut document = Vec::new();
            self.shape.write(&mut document, event, now, index)?;
            avro.write(out, &document).map_err(|reason| Rejected { index, reason })
        })
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let client = self.client().map_err(|reason| SendError::Blocked { reason })?;
        let reports =
            records::of(payload).map(|(note, value)| self.produce(&client, &note, &value));
        let mut reports = pin!(join_all(reports));
        let outcomes: Vec<Outcome> = tokio::select! {
            outcomes = &mut reports => outcomes,
            // Nobody will take them: no need to wait for the end of their time.
            () = refused(client.heard.clone()) => {
                client::give_up(&client.producer);
                reports.await
            }
        };
        let word = client.heard.borrow().clone();
        // An error that the client cannot get over: it gave the records up, and this says why.
        let fatal = client.producer.client().fatal_error().map(|(code, _)| code);
        let why = |outcome: Outcome| outcome.map_err(|code| fatal.unwrap_or(code));
        let outcomes: Vec<_> = outcomes.into_iter().map(why).collect();
        let verdict = verdict::judge(&outcomes, &word, &self.place());
        if fatal.is_some() || matches!(verdict, Err(SendError::Blocked { .. })) {
            drop(client);
            self.let_go().await;
        }
        verdict
    }

    async fn close(&self) {
        self.let_go().await;
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let client = self.client().map_err(|reason| SendError::Blocked { reason })?;
        let (topic, timeout) = (self.topic.clone(), self.timeout);
        let asked = client.clone();
        let asking = move || asked.producer.client().fetch_metadata(Some(&topic), timeout);
        let answer = tokio::task::spawn_blocking(asking).await;
        let outcome = match &answer {
            Ok(Ok(metadata)) => {
                match metadata.topics().first().map(rdkafka::metadata::MetadataTopic::error) {
                    Some(Some(error)) => Err(error.into()),
                    Some(None) => Ok(()),
                    None => Err(RDKafkaErrorCode::UnknownTopic),
                }
            }
            Ok(Err(error)) => Err(code(error)),
            Err(_) => Err(RDKafkaErrorCode::Fail),
        };
        let word = client.heard.borrow().clone();
        verdict::judge(&[outcome], &word, &self.place())?;
        Ok(Some(format!("{} is there, and takes records", self.place())))
    }

    fn batch_limit(&self) -> usize {
        records::EVENTS
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl Kafka {
    /// Where the records go, for errors.
    fn place(&self) -> String {
        format!("topic `{}`", self.topic)
    }

    /// The running client; a new one if there is none.
    fn client(&self) -> Result<Client, String> {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(client) = &*client {
            return Ok(client.clone());
        }
        let (listener, heard) = Listener::new(&self.sasl, Arc::clone(&self.clock));
        let producer = client::start(&self.config, listener)?;
        Ok(client.insert(Client { producer, heard }).clone())
    }

    /// Ends the client. It takes its time for that.
    async fn let_go(&self) {
        let client = self.client.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(client) = client {
            // Nobody waits for what it could still say.
            tokio::task::spawn_blocking(move || drop(client)).await.ok();
        }
    }

    /// Hands a record over, at once, and waits for what becomes of it.
    fn produce(
        &self,
        client: &Client,
        note: &Note,
        value: &[u8],
    ) -> impl Future<Output = Outcome> + use<> {
        let mut headers = OwnedHeaders::new()
            .insert(Header { key: "Idempotency-Key", value: Some(note.id.as_str()) });
        if note.replay {
            headers = headers.insert(Header { key: "Tidings-Replay", value: Some("1") });
        }
        let record = FutureRecord::to(&self.topic).key(&note.key).payload(value).headers(headers);
        let report = client.producer.send_result(record).map_err(|(error, _)| code(&error));
        async move {
            match report?.await {
                Ok(Ok(_)) => Ok(()),
                Ok(Err((error, _))) => Err(code(&error)),
                // The client ended.
                Err(_) => Err(RDKafkaErrorCode::DestroyBroker),
            }
        }
    }
}

/// Ends when a broker does not let us in.
async fn refused(mut heard: watch::Receiver<Word>) {
    if heard.wait_for(|word| word.refused).await.is_err() {
        // The client ended; there is nothing to hear any more.
        pending::<()>().await;
    }
}

fn code(error: &KafkaError) -> RDKafkaErrorCode {
    error.rdkafka_error_code().unwrap_or(RDKafkaErrorCode::Fail)
}

impl fmt::Debug for Kafka {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kafka")
            .field("topic", &self.topic)
            .field("shape", &self.shape)
            .field("avro", &self.avro)
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}
