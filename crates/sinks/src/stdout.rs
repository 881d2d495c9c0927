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

use event::{Clock, ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext};
use jiff::Timestamp;
use serde::Deserialize;

use crate::{
    lines,
    pretty::{self, Style},
};

/// What stands under `stdout`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    format: Format,
    layout: Option<serde_json::Value>,
    #[serde(rename = "deDot")]
    de_dot: bool,
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
    clock: Arc<dyn Clock>,
    file: Arc<File>,
    /// The last write ended inside a line. Held while writing.
    torn: Arc<Mutex<bool>>,
}

impl Stdout {
    /// Prints to `file` instead.
    pub fn to(file: File, format: Format, clock: Arc<dyn Clock>) -> Self {
        Self { format, clock, file: Arc::new(file), torn: Arc::default() }
    }

    fn style(&self) -> Style {
        let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
        // Asked for every payload: people resize their terminals.
        Style::of(&*self.file, no_color.as_deref(), term.as_deref())
    }
}

impl Sink for Stdout {
    const KIND: &'static str = "stdout";
    type Settings = Settings;

    async fn connect(settings: Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        lines::refuse_shaping(Self::KIND, settings.layout.as_ref(), settings.de_dot)?;
        let file = standard_output().map_err(|error| {
            ConnectError::new(format!("`stdout`: standard output is closed: {error}"))
        })?;
        Ok(Self::to(file, settings.format, ctx.clock))
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let style = self.style();
        Ok(lines::payloads(events, |events| match self.format {
            Format::Json => lines::documents(events),
            Format::Pretty => pretty_lines(events, self.clock.now(), style),
        }))
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
}

fn pretty_lines(events: &[Arc<Event>], now: Timestamp, style: Style) -> Vec<u8> {
    let mut body = String::new();
    for event in events {
        body.push_str(&pretty::line(event, now, style));
        body.push('\n');
    }
    body.into_bytes()
}

/// Standard output without the buffer of [`io::Stdout`], which would print a failed write later.
pub(crate) fn standard_output() -> io::Result<File> {
    Ok(io::stdout().as_fd().try_clone_to_owned()?.into())
}
