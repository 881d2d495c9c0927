//! Standard output: one line per event, as JSON or for people.
//!
//! The lines of one payload are written with one write, past every buffer, before `send` returns; what
//! a reader that went away did not get is told to the lane, and nothing sticks.

use std::{
    fs::File,
    io,
    os::fd::AsFd,
    sync::{Arc, Mutex, PoisonError},
};

use event::{
    Clock, ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    lines,
    pretty::{self, Style},
    shape::{Shape, Shaped},
};

/// What stands under `stdout`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    format: Format,
}

/// What a line looks like.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// The default document.
    #[default]
    Json,
    /// A line for people.
    Pretty,
}

/// Prints events to standard output.
#[derive(Debug)]
pub struct Stdout {
    format: Format,
    shape: Shape,
    file: Arc<File>,
    /// The last write ended inside a line. Held while writing.
    torn: Arc<Mutex<bool>>,
}

impl Stdout {
    /// Prints to `file` instead.
    pub fn to(file: File, format: Format, clock: Arc<dyn Clock>) -> Self {
        Self { format, shape: Shape::document(clock), file: Arc::new(file), torn: Arc::default() }
    }

    fn style(&self) -> Style {
        let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
        // Asked for every payload: people resize their terminals.
        Style::of(&*self.file, no_color.as_deref(), term.as_deref())
    }
}

impl Sink for Stdout {
    const KIND: &'static str = "stdout";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        if settings.format == Format::Pretty {
            shape.must_be_plain("`stdout`: `format: pretty` prints lines for people")?;
        }
        let file = standard_output().map_err(|error| {
            ConnectError::new(format!("`stdout`: standard output is closed: {error}"))
        })?;
        Ok(Self { shape, ..Self::to(file, settings.format, ctx.clock) })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let (style, now) = (self.style(), self.shape.now());
        lines::payloads(events, |body, index, event| match self.format {
            Format::Json => self.shape.write(body, event, now, index),
            Format::Pretty => {
                body.extend_from_slice(pretty::line(event, now, style).as_bytes());
                Ok(())
            }
        })
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let (file, torn) = (Arc::clone(&self.file), Arc::clone(&self.torn));
        let body = payload.body.clone();
        lines::write_blocking(payload.events, "standard output".to_owned(), move || {
            // Long writes into a pipe are not one piece: whoever else prints waits for the last line.
            let _whole = io::stdout().lock();
            let mut torn = torn.lock().unwrap_or_else(PoisonError::into_inner);
            lines::append(&mut &*file, &body, &mut torn)
        })
        .await
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

/// Standard output without the buffer of [`io::Stdout`], which would print a failed write later.
pub(crate) fn standard_output() -> io::Result<File> {
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}
