//! What a command prints: data to standard output, and a reader that went away is the end of it.

use std::io::{self, IsTerminal, Write};

use event::Payload;
use sinks::pretty::Style;

use crate::exit::Failure;

/// Whether somebody wants to see more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Next {
    /// Yes.
    More,
    /// The reader went away, which is no failure of ours.
    Enough,
}

/// Prints `bytes` to standard output.
pub(crate) fn print(bytes: impl AsRef<[u8]>) -> Result<Next, Failure> {
    let mut out = io::stdout();
    match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
        Ok(()) => Ok(Next::More),
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(Next::Enough),
        Err(error) => Err(Failure::failed(error)),
    }
}

/// Prints to standard error, where people look and programs do not.
pub(crate) fn tell(text: &str) {
    // Nobody may be there to read it.
    drop(io::stderr().write_all(text.as_bytes()));
}

/// Whether standard output shows colours.
pub(crate) fn has_colors() -> bool {
    let (no_color, term) = (std::env::var_os("NO_COLOR"), std::env::var_os("TERM"));
    Style::of(&io::stdout(), no_color.as_deref(), term.as_deref()).color
}

/// Text of strangers, on one line and without control characters.
pub(crate) fn visible(text: &str) -> String {
    text.replace(char::is_control, "\u{fffd}")
}

/// Prints bodies exactly as they are; only those without a line end are told apart by one.
#[derive(Debug, Default)]
pub(crate) struct Bodies {
    /// The last one had no line end.
    open: bool,
}

impl Bodies {
    pub(crate) fn print(&mut self, payload: &Payload) -> Result<Next, Failure> {
        if std::mem::replace(&mut self.open, !payload.body.ends_with(b"\n")) {
            print("\n")?;
        }
        print(&payload.body)
    }

    /// A person's next prompt begins on a line of its own.
    pub(crate) fn end(self) -> Result<(), Failure> {
        let is_wanted = self.open && io::stdout().is_terminal();
        if is_wanted { print("\n").map(drop) } else { Ok(()) }
    }
}
