//! What a destination must be able to do, and nothing more.
//!
//! A sink encodes and sends. It does not queue, batch, retry, limit, count, park or log failures: its
//! lane does all of that, the same way for every kind.

use std::{fmt, future::Future, pin::Pin, sync::Arc, time::Duration};

use bytes::Bytes;
use thiserror::Error;

use crate::{
    Batch, Clock, Event, Text,
    written::{Decoded, Flaw},
};

/// A destination of one kind.
pub trait Sink: Sized + Send + Sync + 'static {
    /// The word in the config file, for example `webhook`.
    const KIND: &'static str;

    /// Whether people read what arrives there, at once: then what is too late is not sent, but told of in one digest.
    const FOR_PEOPLE: bool = false;

    /// What the user writes under that word.
    type Settings: Send;

    /// Reads the settings, which stand at the path `at` of their file, and says all that is wrong.
    /// For a type that derives `Deserialize` it is [`written::decode`](crate::written::decode).
    fn read(settings: &serde_json::Value, at: &str) -> Decoded<Self::Settings>;

    /// Checks the settings and prepares. Fails only for settings that can never work; a destination
    /// that is down is [`SendError::Unavailable`] at the first send.
    fn connect(
        settings: Self::Settings,
        ctx: SinkContext,
    ) -> impl Future<Output = Result<Self, ConnectError>> + Send;

    /// Turns events into requests. Pure; limits of the destination's request size live here. Every
    /// event is in exactly one payload, in order.
    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected>;

    /// Delivers one payload, once.
    fn send(&self, payload: &Payload) -> impl Future<Output = Result<(), SendError>> + Send;

    /// Flushes and lets go. Called once per stop; a second call does no harm.
    fn close(&self) -> impl Future<Output = ()> + Send {
        async {}
    }

    /// Asks the destination whether it would take something from us, without giving it anything, and
    /// says what it answered. `None`: nothing can be asked without sending.
    fn probe(&self) -> impl Future<Output = Result<Option<String>, SendError>> + Send {
        async { Ok(None) }
    }

    /// The most events one payload can hold; 1 for destinations that take one at a time.
    fn batch_limit(&self) -> usize {
        1
    }

    /// Whether what is sent can show what was looked up of the involved object, for example its labels.
    /// Where nobody asks, nothing is looked up.
    fn needs_lookup(&self) -> bool {
        true
    }

    /// Whether a template names one of these fields of the involved object; for those that no document has, such as
    /// `OwnerChain`.
    fn names(&self, fields: &[&str]) -> bool {
        let _ = fields;
        false
    }
}

/// What every sink is given beside its settings.
#[derive(Debug, Clone)]
pub struct SinkContext {
    /// Name of the receiver in the config.
    pub receiver: Text,
    /// For example `tidings/0.1.0`; HTTP sinks send it.
    pub user_agent: Text,
    /// Tells the time.
    pub clock: Arc<dyn Clock>,
}

/// One request to a destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Payload {
    /// How many of the encoded events, in order, this payload holds.
    pub events: usize,
    /// Headers that depend on the events, for example an idempotency key.
    pub headers: Vec<(Text, String)>,
    /// The bytes.
    pub body: Bytes,
}

/// Settings that can never work.
#[derive(Debug, Error)]
#[error("{message}")]
pub struct ConnectError {
    /// What is wrong and what to do.
    pub message: String,
}

impl ConnectError {
    /// An error with this text.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

/// One event that can never be delivered to this destination as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("event {index} cannot be encoded: {reason}")]
pub struct Rejected {
    /// Position among the encoded events.
    pub index: usize,
    /// Why, without secrets.
    pub reason: String,
}

/// Why a payload was not accepted. Texts carry no secrets.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SendError {
    /// The destination is down or busy: try again, for ever.
    #[error("unavailable: {reason}")]
    Unavailable {
        /// What it said.
        reason: String,
        /// How long it asked to be left alone.
        retry_after: Option<Duration>,
    },
    /// The destination refuses *us* (token, address, permission): wait and probe, park nothing.
    #[error("blocked: {reason}")]
    Blocked {
        /// What it said.
        reason: String,
    },
    /// The destination refuses *this payload*, now and for ever.
    #[error("rejected: {reason}")]
    Rejected {
        /// What it said.
        reason: String,
    },
    /// Some events of the payload were accepted; the others are listed with their own error.
    #[error("{} of the payload's events failed", failed.len())]
    Partial {
        /// Position within the payload, and whether that event was refused for good (`Some(why)`) or
        /// should be sent again (`None`).
        failed: Vec<(usize, Option<String>)>,
    },
}

/// A connected sink of any kind.
pub type AnySink = Arc<dyn DynSink>;

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// [`Sink`] without its associated types, so that lanes need not know the kinds.
pub trait DynSink: Send + Sync {
    /// See [`Sink::KIND`].
    fn kind(&self) -> &'static str;
    /// See [`Sink::encode`].
    fn encode(&self, events: &Batch) -> Result<Vec<Payload>, Rejected>;
    /// See [`Sink::send`].
    fn send<'a>(&'a self, payload: &'a Payload) -> Boxed<'a, Result<(), SendError>>;
    /// See [`Sink::close`].
    fn close(&self) -> Boxed<'_, ()>;
    /// See [`Sink::probe`].
    fn probe(&self) -> Boxed<'_, Result<Option<String>, SendError>>;
    /// See [`Sink::batch_limit`].
    fn batch_limit(&self) -> usize;
    /// See [`Sink::needs_lookup`].
    fn needs_lookup(&self) -> bool;
    /// See [`Sink::names`].
    fn names(&self, fields: &[&str]) -> bool;
}

impl<S: Sink> DynSink for S {
    fn kind(&self) -> &'static str {
        S::KIND
    }

    fn encode(&self, events: &Batch) -> Result<Vec<Payload>, Rejected> {
        Sink::encode(self, events)
    }

    fn send<'a>(&'a self, payload: &'a Payload) -> Boxed<'a, Result<(), SendError>> {
        Box::pin(Sink::send(self, payload))
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(Sink::close(self))
    }

    fn probe(&self) -> Boxed<'_, Result<Option<String>, SendError>> {
        Box::pin(Sink::probe(self))
    }

    fn batch_limit(&self) -> usize {
        Sink::batch_limit(self)
    }

    fn needs_lookup(&self) -> bool {
        Sink::needs_lookup(self)
    }

    fn names(&self, fields: &[&str]) -> bool {
        Sink::names(self, fields)
    }
}

impl fmt::Debug for dyn DynSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sink({})", self.kind())
    }
}

/// One row of the table of kinds: the word in the config and how to connect.
#[derive(Clone, Copy)]
pub struct SinkKind {
    /// See [`Sink::KIND`].
    pub name: &'static str,
    /// See [`Sink::FOR_PEOPLE`].
    pub for_people: bool,
    /// Reads the settings and connects.
    pub connect:
        fn(serde_json::Value, SinkContext) -> Boxed<'static, Result<AnySink, ConnectError>>,
    /// Reads the settings, which stand at this path of their file, and says what is wrong in them.
    pub check: fn(&serde_json::Value, &str) -> Vec<Flaw>,
}

impl SinkKind {
    /// The row of `S`.
    pub const fn of<S: Sink>() -> Self {
        Self {
            name: S::KIND,
            for_people: S::FOR_PEOPLE,
            connect: |settings, ctx| Box::pin(connect::<S>(settings, ctx)),
            check: |settings, at| S::read(settings, at).flaws,
        }
    }
}

async fn connect<S: Sink>(
    settings: serde_json::Value,
    ctx: SinkContext,
) -> Result<AnySink, ConnectError> {
    let settings = S::read(&settings, S::KIND)
        .strictly()
        .map_err(|flaw| ConnectError::new(flaw.to_string()))?;
    Ok(Arc::new(S::connect(settings, ctx).await?))
}

impl fmt::Debug for SinkKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SinkKind({})", self.name)
    }
}
