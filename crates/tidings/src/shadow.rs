//! `tidings run --shadow`: everything but sending. What a receiver would be sent is written down instead.

use std::{
    fs::{File, OpenOptions},
    future::Future,
    io,
    os::fd::AsFd,
    path::{Path, PathBuf},
    pin::Pin,
    sync::Arc,
};

use bytes::Bytes;
use event::{AnySink, Batch, Payload, Rejected, SendError, Sink, SystemClock, Text, sink::DynSink};
use serde::{Deserialize, Serialize};
use sinks::stdout::{Format, Stdout};

use crate::exit::Failure;

/// Where everything is written down.
#[derive(Debug, Clone)]
pub struct Shadow {
    out: Arc<Stdout>,
    place: String,
}

/// A line of it. Fields are added, never renamed or removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Line {
    /// Who would be sent it.
    pub(crate) receiver: String,
    /// What it is known by: `uid/resourceVersion`.
    pub(crate) id: String,
    /// The Event's.
    pub(crate) uid: String,
    /// The Event's.
    pub(crate) resource_version: String,
    /// The Event's.
    pub(crate) name: String,
    /// What would be sent, exactly; U+FFFD stands for what is no UTF-8.
    pub(crate) body: String,
}

impl Shadow {
    /// Appends to the file at `path`; without one, prints to standard output.
    pub fn open(path: Option<&Path>) -> Result<Self, Failure> {
        let place = path.map_or("standard output".into(), |it| it.display().to_string());
        let file: io::Result<File> = match path {
            Some(path) => OpenOptions::new().append(true).create(true).open(path),
            None => io::stdout().as_fd().try_clone_to_owned().map(File::from),
        };
        let file = file.map_err(|error| {
            Failure::start(anyhow::Error::new(error).context(format!("{place} cannot be written")))
        })?;
        // It is written as the receiver `stdout` writes: whole lines, again when it failed.
        let out = Arc::new(Stdout::to(file, Format::Json, Arc::new(SystemClock)));
        Ok(Self { out, place })
    }

    /// Says that nothing is sent.
    pub(crate) fn tell(&self) {
        tracing::info!(
            "shadow: nothing is sent to any receiver; what would be is written to {}",
            self.place
        );
    }

    /// A shadow keeps its state beside that of the real one, never in it.
    pub(crate) fn state(real: &Path) -> PathBuf {
        real.join("shadow")
    }

    /// The receiver's double, which encodes as it does and sends nothing.
    pub(crate) fn of(&self, receiver: Text, sink: AnySink) -> AnySink {
        Arc::new(Double { receiver, sink, out: Arc::clone(&self.out) })
    }
}

/// Encodes like `sink`, and writes what it would send.
struct Double {
    receiver: Text,
    sink: AnySink,
    out: Arc<Stdout>,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl DynSink for Double {
    fn kind(&self) -> &'static str {
        self.sink.kind()
    }

    fn encode(&self, events: &Batch) -> Result<Vec<Payload>, Rejected> {
        let mut lines = Vec::new();
        for (index, event) in events.iter().enumerate() {
            // One by one, so that each line is one event.
            let alone = vec![Arc::clone(event)];
            let payloads =
                self.sink.encode(&alone).map_err(|rejected| Rejected { index, ..rejected })?;
            for payload in payloads {
                let line = Line {
                    receiver: self.receiver.to_string(),
                    id: event.id().to_string(),
                    uid: event.metadata.uid.to_string(),
                    resource_version: event.metadata.resource_version.to_string(),
                    name: event.metadata.name.to_string(),
                    body: String::from_utf8_lossy(&payload.body).into_owned(),
                };
                serde_json::to_writer(&mut lines, &line)
                    .map_err(|error| Rejected { index, reason: error.to_string() })?;
                lines.push(b'\n');
            }
        }
        let body = Bytes::from(lines);
        Ok(vec![Payload { events: events.len(), headers: Vec::new(), body }])
    }

    fn send<'a>(&'a self, payload: &'a Payload) -> Boxed<'a, Result<(), SendError>> {
        Box::pin(Sink::send(&*self.out, payload))
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }

    fn probe(&self) -> Boxed<'_, Result<Option<String>, SendError>> {
        Box::pin(async { Ok(None) })
    }

    fn batch_limit(&self) -> usize {
        Sink::batch_limit(&*self.out)
    }

    fn needs_lookup(&self) -> bool {
        self.sink.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.sink.names(fields)
    }
}
