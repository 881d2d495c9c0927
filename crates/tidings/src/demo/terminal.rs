//! Where the demo prints: standard output, with colours where they are understood.

use std::io::{self, Write};

use event::Event;
use jiff::Timestamp;
use sinks::pretty::{self, Style};

use super::{show::End, texts::Paint};

/// Prints a line, or several.
pub(super) fn say(text: &str) -> Result<(), End> {
    let mut out = io::stdout().lock();
    // A reader that went away has seen enough.
    writeln!(out, "{text}").and_then(|()| out.flush()).map_err(|_| End::Stopped)
}

/// Prints an event, as seen at `now`.
pub(super) fn show(event: &Event, now: Timestamp) -> Result<(), End> {
    say(&pretty::line(event, now, style()))
}

/// Whether there are colours.
pub(super) fn paint() -> Paint {
    Paint(style().color)
}

/// Asked anew each time: people resize their terminals.
fn style() -> Style {
    let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
    Style::of(&io::stdout(), no_color.as_deref(), term.as_deref())
}
