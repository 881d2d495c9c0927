//! Syslog: one message per event, over TCP, TLS, UDP, or to the socket of this host.
//!
//! The bytes are those of Go's `log/syslog`, which kubernetes-event-exporter uses, but for the time, which is the event's.

use std::{fmt, path::PathBuf, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    http::parse_timeout,
    lines,
    shape::{Shape, Shaped},
    stream::{self, Place, Stream},
    tls::TlsSettings,
};
use datagram::Datagrams;
use message::{Facility, Format, Head, Severity};

/// One message a datagram.
mod datagram;

/// One event as a message.
mod message;

/// Sockets of this host that the original tries, in its order.
const LOCAL: [&str; 3] = ["/dev/log", "/var/run/syslog", "/var/run/log"];

/// What stands under `syslog`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    network: String,
    address: String,
    tag: String,
    facility: String,
    severity: String,
    format: Format,
    framing: Framing,
    hostname: String,
    proc_id: String,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
    confirm: Option<bool>,
}

/// How a message ends in a stream.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Framing {
    /// With a line end.
    #[default]
    Newline,
    /// Its length stands in front of it.
    OctetCounting,
}

/// Sends events to a syslog server.
#[derive(Debug)]
pub struct Syslog {
    head: Head,
    framing: Framing,
    shape: Shape,
    way: Way,
}

/// How messages travel.
enum Way {
    Stream(Stream),
    Datagrams(Datagrams),
    /// The first of these that is there.
    Local(Vec<Self>),
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Stream(stream) => write!(f, "{:?}", stream.place),
            Self::Datagrams(datagrams) => write!(f, "{datagrams:?}"),
            Self::Local(_) => f.write_str("Local"),
        }
    }
}

impl Sink for Syslog {
    const KIND: &'static str = "syslog";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        Ok(Self { way: settings.way()?, head: settings.head()?, framing: settings.framing, shape })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let mut payloads = Vec::new();
        for (number, chunk) in events.chunks(self.batch_limit()).enumerate() {
            let mut body = Vec::with_capacity(chunk.len() * 1536);
            for (place, event) in chunk.iter().enumerate() {
                let index = number * self.batch_limit() + place;
                let from = body.len();
                self.head.write(&mut body, event, now);
                let document = body.len();
                self.shape.write(&mut body, event, now, index)?;
                self.frame(&mut body, from, document);
                self.fits(body.len() - from, index)?;
            }
            payloads.push(Payload { events: chunk.len(), headers: Vec::new(), body: body.into() });
        }
        Ok(payloads)
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        self.way.deliver(payload).await
    }

    async fn close(&self) {
        if let Way::Stream(stream) = &self.way {
            stream.close().await;
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.way.probe().await
    }

    fn batch_limit(&self) -> usize {
        if matches!(self.way, Way::Stream(_)) { lines::EVENTS } else { datagram::BATCH }
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl Syslog {
    /// Ends the message that begins at `from`, whose text begins at `text`.
    fn frame(&self, body: &mut Vec<u8>, from: usize, text: usize) {
        match self.framing {
            Framing::Newline => {
                if self.shape.is_raw() {
                    message::on_one_line(body, text);
                }
                body.push(b'\n');
            }
            Framing::OctetCounting => {
                let length = format!("{} ", body.len() - from);
                body.splice(from..from, length.into_bytes());
            }
        }
    }

    /// Refuses what no datagram carries.
    fn fits(&self, length: usize, index: usize) -> Result<(), Rejected> {
        let udp = matches!(self.way, Way::Datagrams(Datagrams::Udp(_)));
        if udp && length > datagram::LARGEST {
            let reason = format!(
                "{length} bytes are too many for a UDP datagram, which carries {}",
                datagram::LARGEST
            );
            return Err(Rejected { index, reason });
        }
        Ok(())
    }
}

impl Settings {
    fn head(&self) -> Result<Head, ConnectError> {
        let facility = Facility::read(&self.facility).ok_or_else(|| {
            wrong("facility", "is none; write for example `local0`, `daemon` or `user`")
        })?;
        let severity = Severity::read(&self.severity, self.format).ok_or_else(|| {
            wrong(
                "severity",
                "is none; write `event` for that of each event, or for example `info`",
            )
        })?;
        // Where the original names no host, to a socket of its own host, neither do we.
        let named = !matches!(&*self.network, "" | "unix" | "unixgram");
        let hostname = named || self.format == Format::Rfc5424;
        let own = || rustix::system::uname().nodename().to_string_lossy().into_owned();
        let or = |set: &String, default: &dyn Fn() -> String| {
            if set.is_empty() { default() } else { set.clone() }
        };
        Ok(Head {
            format: self.format,
            facility,
            severity,
            hostname: hostname.then(|| or(&self.hostname, &own)),
            tag: or(&self.tag, &|| "tidings".to_owned()),
            proc_id: or(&self.proc_id, &|| std::process::id().to_string()),
        })
    }

    fn way(&self) -> Result<Way, ConnectError> {
        let stream = matches!(&*self.network, "tcp" | "tcp4" | "tcp6" | "unix");
        if !stream && self.framing == Framing::OctetCounting {
            return Err(wrong("framing", "`octet-counting` is for `network: tcp`; remove it"));
        }
        if self.tls.is_some() && !self.network.starts_with("tcp") {
            return Err(wrong("tls", "is for `network: tcp`; remove it, or write that"));
        }
        let at = |error: ConnectError| wrong("address", &error.message);
        Ok(match &*self.network {
            "" => Way::Local(local()),
            "tcp" | "tcp4" | "tcp6" => {
                let tls = self.tls.as_ref();
                stream::host_and_port(&self.address).map_err(at)?;
                let place = Place::tcp(&self.address, tls)
                    .map_err(|error| ConnectError::new(format!("`syslog`: {}", error.message)))?;
                Way::Stream(self.stream(place)?)
            }
            "udp" | "udp4" | "udp6" => {
                let (host, port) = stream::host_and_port(&self.address).map_err(at)?;
                Way::Datagrams(Datagrams::Udp(format!("{host}:{port}")))
            }
            "unix" | "unixgram" if self.address.is_empty() => {
                return Err(wrong("address", "is missing; write the path of the socket"));
            }
            "unix" => Way::Stream(self.stream(Place::Unix(self.address.clone().into()))?),
            "unixgram" => Way::Datagrams(Datagrams::Unix(self.address.clone().into())),
            _ => {
                return Err(wrong(
                    "network",
                    "is none; write `tcp` (with `tls` for TLS), `udp`, `unix`, `unixgram`, or nothing \
                     for the socket of this host",
                ));
            }
        })
    }

    fn stream(&self, place: Place) -> Result<Stream, ConnectError> {
        let timeout = match &self.timeout {
            None => stream::PATIENCE,
            timeout => parse_timeout(timeout.as_deref())
                .map_err(|error| ConnectError::new(format!("`syslog`: {}", error.message)))?,
        };
        Ok(Stream::new(place, timeout, self.confirm.unwrap_or(true)))
    }
}

fn wrong(key: &str, what: &str) -> ConnectError {
    ConnectError::new(format!("`syslog.{key}`: {what}"))
}

/// The sockets of this host: those for datagrams first.
fn local() -> Vec<Way> {
    let datagrams = LOCAL.map(|path| Way::Datagrams(Datagrams::Unix(path.into())));
    let streams = LOCAL.map(|path| {
        Way::Stream(Stream::new(Place::Unix(PathBuf::from(path)), stream::PATIENCE, true))
    });
    datagrams.into_iter().chain(streams).collect()
}

impl Way {
    async fn deliver(&self, payload: &Payload) -> Result<(), SendError> {
        match self {
            Self::Stream(stream) => stream.deliver(&payload.body).await,
            Self::Datagrams(datagrams) => datagrams.deliver(payload.events, &payload.body).await,
            Self::Local(ways) => {
                for way in ways {
                    let said = Box::pin(way.deliver(payload)).await;
                    // Whoever took a part of it is the one who is there.
                    if !matches!(said, Err(SendError::Unavailable { .. })) {
                        return said;
                    }
                }
                Err(nobody())
            }
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        match self {
            Self::Stream(stream) => stream.probe().await.map(Some),
            Self::Datagrams(datagrams) => datagrams.probe().await,
            Self::Local(ways) => {
                for way in ways {
                    if let Ok(said) = Box::pin(way.probe()).await {
                        return Ok(said);
                    }
                }
                Err(nobody())
            }
        }
    }
}

fn nobody() -> SendError {
    let reason = format!(
        "no syslog daemon takes messages at {}; name one with `network` and `address`",
        LOCAL.join(", ")
    );
    SendError::Unavailable { reason, retry_after: None }
}
