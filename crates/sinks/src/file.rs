//! A file: one JSON line per event, rotated by size, in the manner of lumberjack, which
//! kubernetes-event-exporter uses.
//!
//! Before `send` returns, the bytes are with the operating system: a crash of Tidings loses none. They
//! are forced to the disk when the file is rotated or closed, so a power loss can lose what the
//! system had not written yet, usually the last 30 seconds.

use std::{
    path::PathBuf,
    sync::{Arc, Mutex, PoisonError},
};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    lines,
    rotate::{RotatingFile, Rotation},
    shape::{Shape, Shaped},
};

/// What stands under `file`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    path: PathBuf,
    maxsize: u64,
    maxage: u32,
    maxbackups: usize,
}

/// Writes events to a file.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    shape: Shape,
    rotating: Arc<Mutex<RotatingFile>>,
}

impl Sink for File {
    const KIND: &'static str = "file";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let path = if settings.path.as_os_str().is_empty() {
            std::env::temp_dir().join("tidings-events.log")
        } else {
            settings.path
        };
        if path.file_name().is_none() {
            return Err(ConnectError::new(format!(
                "`file`: `path` names no file: `{}`",
                path.display()
            )));
        }
        let rotation = Rotation::new(settings.maxsize, settings.maxage, settings.maxbackups);
        let file = RotatingFile::new(path.clone(), rotation, ctx.clock);
        Ok(Self { path, shape, rotating: Arc::new(Mutex::new(file)) })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        lines::payloads(events, |body, index, event| self.shape.write(body, event, now, index))
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let (file, body) = (Arc::clone(&self.rotating), payload.body.clone());
        let name = self.path.display().to_string();
        lines::write_blocking(payload.events, name, move || {
            let mut file = file.lock().unwrap_or_else(PoisonError::into_inner);
            file.write(&body)
        })
        .await
    }

    async fn close(&self) {
        let file = Arc::clone(&self.rotating);
        let closed = tokio::task::spawn_blocking(move || {
            // A write that hangs, into a pipe nobody empties, must not hang the stop too.
            if let Ok(mut file) = file.try_lock() {
                file.close();
            }
        });
        // The bytes are with the system already; nobody is left to be told that closing failed.
        drop(closed.await);
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
