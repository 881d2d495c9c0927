//! A named pipe: one JSON line per event for the program that reads it.
//!
//! A pipe without a reader is a receiver that is down, and one whose reader is slow is waited for, without a thread that
//! hangs. What was written lies in the pipe until it is read, and is lost when the last program lets go of the
//! pipe: it is the reader that must not go before it has read.
//!
//! The path may also name a plain file or a device, as in kubernetes-event-exporter; it is appended to.

use std::{
    fs::File,
    io,
    os::unix::fs::FileTypeExt,
    path::{Path, PathBuf},
    sync::{Arc, Mutex as Blocking, PoisonError},
    time::Duration,
};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use rustix::{fs::OFlags, io::Errno};
use serde::Deserialize;
use serde_json::Value;
use tokio::{net::unix::pipe::Sender, sync::Mutex, time::timeout};

use crate::{
    lines::{self, Cut},
    rotate::{self, RotatingFile, Rotation},
    shape::{Shape, Shaped},
};

/// A reader that takes nothing for so long is stuck. Shorter than what a lane allows a request, so that the lines that it
/// took are known.
const PATIENCE: Duration = Duration::from_secs(10);

/// What stands under `pipe`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    path: PathBuf,
}

/// Writes events into a pipe.
#[derive(Debug)]
pub struct Pipe {
    path: PathBuf,
    shape: Shape,
    fifo: Mutex<Fifo>,
    /// What is no pipe.
    other: Arc<Blocking<RotatingFile>>,
}

/// The end of a pipe that is written to.
#[derive(Debug, Default)]
struct Fifo {
    /// Kept open, so that what a reader has not read yet is there for the next one.
    open: Option<File>,
    /// The last write ended inside a line.
    torn: bool,
}

impl Sink for Pipe {
    const KIND: &'static str = "pipe";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (Settings { path }, shape) = settings.compile(Self::KIND, &ctx)?;
        if path.file_name().is_none() {
            return Err(ConnectError::new(if path.as_os_str().is_empty() {
                "`pipe.path`: is missing; give the path of the pipe".to_owned()
            } else {
                format!("`pipe.path`: names no pipe: `{}`", path.display())
            }));
        }
        let other = RotatingFile::new(path.clone(), Rotation::NEVER, ctx.clock);
        Ok(Self { path, shape, fifo: Mutex::default(), other: Arc::new(Blocking::new(other)) })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        lines::payloads(events, |body, index, event| self.shape.write(body, event, now, index))
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let name = self.path.display().to_string();
        if is_fifo(&self.path) {
            let written = self.fifo.lock().await.write(&self.path, &payload.body).await;
            return written.map_err(|cut| lines::failure(&name, payload.events, &cut));
        }
        let (file, body) = (Arc::clone(&self.other), payload.body.clone());
        lines::write_blocking(payload.events, name, move || {
            file.lock().unwrap_or_else(PoisonError::into_inner).write(&body)
        })
        .await
    }

    async fn close(&self) {
        // A write that hangs must not hang the stop too.
        if let Ok(mut fifo) = self.fifo.try_lock() {
            fifo.open = None;
        }
        if let Ok(mut other) = self.other.try_lock() {
            other.close();
        }
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

/// Whether `path` is a pipe with a name; the process's own output, which may be one too, is written to as every other
/// receiver writes to it.
fn is_fifo(path: &Path) -> bool {
    let is_fifo = std::fs::metadata(path).is_ok_and(|metadata| metadata.file_type().is_fifo());
    is_fifo && !rotate::is_stream(path)
}

impl Fifo {
    /// Writes `body`, which is whole lines, as fast as the reader takes it.
    async fn write(&mut self, path: &Path, body: &[u8]) -> Result<(), Cut> {
        let at_start = |error| Cut { lines: 0, error };
        let sender = self.sender(path).map_err(at_start)?;
        if self.torn {
            write_all(&sender, b"\n").await.map_err(|(_, error)| at_start(error))?;
            self.torn = false;
        }
        write_all(&sender, body).await.map_err(|(written, error)| {
            let written = &body[..written];
            self.torn = !written.is_empty() && !written.ends_with(b"\n");
            Cut { lines: lines::count(written), error }
        })
    }

    /// The open end, made known to the runtime that asks.
    fn sender(&mut self, path: &Path) -> io::Result<Sender> {
        let file = match self.open.take() {
            Some(file) if rotate::is_under(&file.metadata()?, path) => file,
            _ => {
                self.torn = false;
                rotate::open(path, 0o644)?
            }
        };
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags | OFlags::NONBLOCK)?;
        let sender = Sender::from_file_unchecked(file.try_clone()?);
        self.open = Some(file);
        sender
    }
}

/// Writes everything, or says how far it came and why not farther.
async fn write_all(sender: &Sender, bytes: &[u8]) -> Result<(), (usize, io::Error)> {
    let mut written = 0;
    while written < bytes.len() {
        match sender.try_write(&bytes[written..]) {
            Ok(more) => written += more,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                match timeout(PATIENCE, sender.writable()).await {
                    Ok(Ok(())) => {}
                    Ok(Err(error)) => return Err((written, error)),
                    Err(_) => return Err((written, stuck())),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.raw_os_error() == Some(Errno::PIPE.raw_os_error()) => {
                return Err((written, rotate::no_reader()));
            }
            Err(error) => return Err((written, error)),
        }
    }
    Ok(())
}

fn stuck() -> io::Error {
    let text = format!("the reader of this pipe took nothing for {PATIENCE:?}");
    io::Error::new(io::ErrorKind::TimedOut, text)
}
