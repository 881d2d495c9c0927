//! Redis and what speaks like it: one entry of a stream, one element of a list, or one message of a channel for each event.
//!
//! A payload is the commands as they go over the wire, sent in one piece; each has its own answer.

use std::{fmt, io, pin::Pin, sync::Arc, time::Duration};

use ::redis::{
    AsyncConnectionConfig, Cmd, Pipeline, RedisConnectionInfo, RedisError,
    aio::MultiplexedConnection,
};
use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use percent_encoding::percent_decode_str;
use reqwest::Url;
use serde::Deserialize;
use serde_json::Value;
use tokio::{sync::Mutex, time::timeout};

use crate::{
    http::parse_timeout,
    lines,
    secrets::Secrets,
    shape::{Shape, Shaped},
    stream::{self, Place},
    tls::TlsSettings,
    visible::visible,
};
use answer::judge;

/// What an answer of Redis means to a lane.
mod answer;

/// Most bytes in a payload; a single event may be larger.
const BYTES: usize = 1024 * 1024;

/// What stands under `redis`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    url: String,
    stream: String,
    list: String,
    channel: String,
    max_length: u64,
    username: String,
    password: String,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL holds a password.
        f.debug_struct("Settings")
            .field("stream", &self.stream)
            .field("list", &self.list)
            .field("channel", &self.channel)
            .finish_non_exhaustive()
    }
}

/// Writes events into Redis.
pub struct Redis {
    shape: Shape,
    target: Target,
    place: Place,
    /// What is said first on a connection.
    greeting: Pipeline,
    secrets: Secrets,
    timeout: Duration,
    kept: Mutex<Option<Open>>,
}

/// Where in Redis events go.
#[derive(Debug)]
enum Target {
    /// The key, and about how many entries it may hold.
    Stream(String, u64),
    /// The key, and how many elements it may hold.
    List(String, u64),
    Channel(String),
}

/// An open connection.
struct Open {
    connection: MultiplexedConnection,
    /// What writes to it and reads its answers; only run while something is asked.
    driver: Pin<Box<dyn Future<Output = ()> + Send>>,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis")
            .field("place", &self.place)
            .field("target", &self.target)
            .field("shape", &self.shape)
            .finish_non_exhaustive()
    }
}

impl Sink for Redis {
    const KIND: &'static str = "redis";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let mut secrets = Secrets::default();
        let url = settings.url()?;
        let target = settings.target()?;
        let timeout = match &settings.timeout {
            None => stream::PATIENCE,
            timeout => parse_timeout(timeout.as_deref())
                .map_err(|error| ConnectError::new(format!("`redis`: {}", error.message)))?,
        };
        Ok(Self {
            greeting: settings.greeting(&url, &target, &mut secrets)?,
            place: settings.place(&url)?,
            shape,
            target,
            secrets,
            timeout,
            kept: Mutex::default(),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let (mut payloads, mut count, mut body) = (Vec::new(), 0, Vec::new());
        for (index, event) in events.iter().enumerate() {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            let command = self.target.command(event, &document).get_packed_command();
            if count == lines::EVENTS || (count > 0 && body.len() + command.len() > BYTES) {
                let body = std::mem::take(&mut body).into();
                payloads.push(Payload { events: count, headers: Vec::new(), body });
                count = 0;
            }
            body.extend_from_slice(&command);
            count += 1;
        }
        if count > 0 {
            payloads.push(Payload { events: count, headers: Vec::new(), body: body.into() });
        }
        Ok(payloads)
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let mut pipeline = commands(payload);
        if let Target::List(key, most @ 1..) = &self.target {
            // Whether we may was asked when the connection was opened.
            pipeline.cmd("LTRIM").arg(key).arg(format!("-{most}")).arg(-1);
        }
        let said = self.ask(&pipeline).await?;
        judge(&said, payload.events, &self.place).map_err(|error| self.hide(error))
    }

    async fn close(&self) {
        if let Ok(mut kept) = self.kept.try_lock() {
            *kept = None;
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let mut pipeline = Pipeline::new();
        pipeline.cmd("PING");
        let said = self.ask(&pipeline).await?;
        judge(&said, 1, &self.place).map_err(|error| self.hide(error))?;
        Ok(Some(format!("{} answered PONG", self.place)))
    }

    fn batch_limit(&self) -> usize {
        lines::EVENTS
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl Target {
    /// The command that writes one event.
    fn command(&self, event: &Event, document: &[u8]) -> Cmd {
        let mut command = Cmd::new();
        match self {
            Self::Stream(key, most) => {
                command.arg("XADD").arg(key);
                if *most > 0 {
                    command.arg("MAXLEN").arg("~").arg(*most);
                }
                command.arg("*").arg("id").arg(event.id().to_string()).arg("event").arg(document);
            }
            Self::List(key, _) => {
                command.arg("RPUSH").arg(key).arg(document);
            }
            Self::Channel(channel) => {
                command.arg("PUBLISH").arg(channel).arg(document);
            }
        }
        command
    }
}

/// The commands that [`Sink::encode`] has written.
fn commands(payload: &Payload) -> Pipeline {
    let mut pipeline = Pipeline::with_capacity(payload.events + 1);
    let (mut parser, mut body) = (::redis::Parser::new(), &*payload.body);
    for _ in 0..payload.events {
        // Only what we have written ourselves is read here.
        let Ok(::redis::Value::Array(words)) = parser.parse_value(&mut body) else { break };
        let command = pipeline.add_command(Cmd::new());
        for word in words {
            if let ::redis::Value::BulkString(word) = word {
                command.arg(word);
            }
        }
    }
    pipeline
}

impl Redis {
    /// Sends `pipeline` and gives back every answer.
    async fn ask(&self, pipeline: &Pipeline) -> Result<Vec<::redis::Value>, SendError> {
        let mut kept = self.kept.lock().await;
        // A connection that was idle may be gone by now, which says nothing about the destination.
        if let Some(mut open) = kept.take() {
            match self.exchange(&mut open, pipeline).await {
                Ok(said) => {
                    *kept = Some(open);
                    return Ok(said);
                }
                Err(Failure::Gone(_)) => {}
                Err(Failure::Other(error)) => return Err(error),
            }
        }
        let mut open = self.open().await?;
        match self.exchange(&mut open, pipeline).await {
            Ok(said) => {
                *kept = Some(open);
                Ok(said)
            }
            Err(Failure::Gone(error) | Failure::Other(error)) => Err(error),
        }
    }

    async fn exchange(
        &self,
        open: &mut Open,
        pipeline: &Pipeline,
    ) -> Result<Vec<::redis::Value>, Failure> {
        let Open { connection, driver } = open;
        let asked = connection.send_packed_commands(pipeline, 0, pipeline.len());
        let asked = async {
            tokio::select! {
                biased;
                said = asked => said,
                () = driver => Err(io::Error::from(io::ErrorKind::ConnectionAborted).into()),
            }
        };
        match timeout(self.timeout, asked).await {
            Ok(Ok(said)) => Ok(said),
            Ok(Err(error)) if error.is_connection_dropped() => {
                Err(Failure::Gone(self.refused(&error)))
            }
            Ok(Err(error)) => Err(Failure::Other(self.refused(&error))),
            Err(_) => Err(Failure::Other(self.late())),
        }
    }

    /// Opens a connection and says who we are.
    async fn open(&self) -> Result<Open, SendError> {
        // Each time limit but ours would only hide which one it was.
        let config =
            AsyncConnectionConfig::new().set_response_timeout(None).set_connection_timeout(None);
        let nobody = RedisConnectionInfo::default().set_skip_set_lib_name();
        let opened = async {
            let stream = self.place.open().await?;
            MultiplexedConnection::new_with_config(&nobody, stream, config).await
        };
        let opened = timeout(self.timeout, opened).await.map_err(|_| self.late())?;
        let (connection, driver) = opened.map_err(|error| self.refused(&error))?;
        let mut open = Open { connection, driver: Box::pin(driver) };
        if !self.greeting.is_empty() {
            let said = self.exchange(&mut open, &self.greeting).await;
            let said = said.map_err(|(Failure::Gone(error) | Failure::Other(error))| error)?;
            answer::greeted(&said, &self.place).map_err(|error| self.hide(error))?;
        }
        Ok(open)
    }

    fn late(&self) -> SendError {
        let reason = format!("{} did not answer within {:?}", self.place, self.timeout);
        SendError::Unavailable { reason, retry_after: None }
    }

    fn refused(&self, error: &RedisError) -> SendError {
        let cause = visible(&error.to_string());
        let reason = format!("{} cannot be reached: {cause}", self.place);
        self.hide(SendError::Unavailable { reason, retry_after: None })
    }

    /// The same error without our password, which a server may repeat.
    fn hide(&self, error: SendError) -> SendError {
        match error {
            SendError::Unavailable { reason, retry_after } => {
                SendError::Unavailable { reason: self.secrets.hide(&reason), retry_after }
            }
            SendError::Blocked { reason } => {
                SendError::Blocked { reason: self.secrets.hide(&reason) }
            }
            SendError::Rejected { reason } => {
                SendError::Rejected { reason: self.secrets.hide(&reason) }
            }
            SendError::Partial { failed } => SendError::Partial {
                failed: failed
                    .into_iter()
                    .map(|(index, why)| (index, why.map(|why| self.secrets.hide(&why))))
                    .collect(),
            },
        }
    }
}

enum Failure {
    /// The connection was not there any more.
    Gone(SendError),
    Other(SendError),
}

impl Settings {
    fn target(&self) -> Result<Target, ConnectError> {
        let Self { stream, list, channel, max_length, .. } = self;
        match (&**stream, &**list, &**channel) {
            (key, "", "") if !key.is_empty() => Ok(Target::Stream(key.to_owned(), *max_length)),
            ("", key, "") if !key.is_empty() => Ok(Target::List(key.to_owned(), *max_length)),
            ("", "", _) if *max_length > 0 => Err(ConnectError::new(
                "`redis.maxLength`: is for a `stream` or a `list`; remove it",
            )),
            ("", "", name) if !name.is_empty() => Ok(Target::Channel(name.to_owned())),
            _ => Err(ConnectError::new(
                "`redis`: one of `stream`, `list` and `channel` says where events go; write one of them",
            )),
        }
    }

    fn url(&self) -> Result<Url, ConnectError> {
        if self.url.trim().is_empty() {
            return Err(wrong("is missing; write `redis://host:6379`, or `rediss://` for TLS"));
        }
        // The address may hold a password, so it is not repeated.
        let url = Url::parse(self.url.trim()).map_err(|_| wrong("is no URL"))?;
        match url.scheme() {
            "redis" if self.tls.is_some() => {
                Err(wrong("must begin with `rediss://` where there is `tls`"))
            }
            "redis" | "rediss" => Ok(url),
            _ => Err(wrong("must begin with `redis://`, or `rediss://` for TLS")),
        }
    }

    fn place(&self, url: &Url) -> Result<Place, ConnectError> {
        let host = url.host_str().filter(|host| !host.is_empty()).unwrap_or("localhost");
        let address = format!("{host}:{}", url.port().unwrap_or(6379));
        let tls = (url.scheme() == "rediss").then(|| self.tls.clone().unwrap_or_default());
        Place::tcp(&address, tls.as_ref())
            .map_err(|error| ConnectError::new(format!("`redis`: {}", error.message)))
    }

    /// Who we are, which database is meant, and whether we may shorten the list.
    fn greeting(
        &self,
        url: &Url,
        target: &Target,
        secrets: &mut Secrets,
    ) -> Result<Pipeline, ConnectError> {
        let decode = |text: &str| {
            let decoded = percent_decode_str(text).decode_utf8();
            decoded.map(String::from).map_err(|_| wrong("user or password is no UTF-8"))
        };
        let or = |set: &String, written: String| if set.is_empty() { written } else { set.clone() };
        let username = or(&self.username, decode(url.username())?);
        let password = or(&self.password, decode(url.password().unwrap_or_default())?);
        secrets.add(url.password().unwrap_or_default());
        secrets.add(&password);
        let mut greeting = Pipeline::new();
        match (&*username, &*password) {
            (_, "") => {}
            ("", password) => drop(greeting.cmd("AUTH").arg(password)),
            (username, password) => drop(greeting.cmd("AUTH").arg(username).arg(password)),
        }
        match url.path().trim_matches('/') {
            "" | "0" => {}
            path => {
                let number: u32 = path.parse().map_err(|_| {
                    wrong("its path is the number of a database, for example `redis://host:6379/1`")
                })?;
                greeting.cmd("SELECT").arg(number);
            }
        }
        if let Target::List(key, 1..) = target {
            // All of it stays; but who may not, is told so before anything is written.
            greeting.cmd("LTRIM").arg(key).arg(0).arg(-1);
        }
        Ok(greeting)
    }
}

fn wrong(what: &str) -> ConnectError {
    ConnectError::new(format!("`redis.url`: {what}"))
}
