//! How a person reads an event on one line:
//! `    4m Warning BackOff            Pod/api-7 in prod: Back-off restarting failed container ×14`.

use std::{ffi::OsStr, io::IsTerminal, os::fd::AsFd};

use event::Event;
use jiff::Timestamp;
use unicode_width::UnicodeWidthChar;

use crate::visible::visible;

/// How lines look where they are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours are understood and wanted.
    pub color: bool,
    /// Columns there are; `None` when lines may have any length.
    pub width: Option<usize>,
}

impl Style {
    /// The style for `output`, given the environment's `NO_COLOR` and `TERM`: colours and a width only
    /// on a terminal, and no colours where either variable says so.
    pub fn of(
        output: &(impl IsTerminal + AsFd),
        no_color: Option<&OsStr>,
        term: Option<&OsStr>,
    ) -> Self {
        if !output.is_terminal() {
            return Self::default();
        }
        let refused = no_color.is_some_and(|value| !value.is_empty());
        let dumb = term.is_none_or(|term| term == "dumb");
        Self {
            color: !refused && !dumb,
            width: terminal_size::terminal_size_of(output).map(|(width, _)| width.0.into()),
        }
    }
}

const PLAIN: &str = "";
const BOLD: &str = "\x1b[1m";
const DIM: &str = "\x1b[2m";
const GREEN: &str = "\x1b[32m";
const YELLOW: &str = "\x1b[33m";
const MAGENTA: &str = "\x1b[35m";
const CYAN: &str = "\x1b[36m";
const RESET: &str = "\x1b[0m";

/// The line of `event`, without a newline, as seen at `now`.
///
/// Nothing in the event can break out of the line: newlines are folded and control characters shown.
pub fn line(event: &Event, now: Timestamp, style: Style) -> String {
    let repeats = match event.total() {
        1 => String::new(),
        total => format!(" ×{total}"),
    };
    let kind_color = match event.kind.as_str() {
        "Normal" => GREEN,
        "Warning" => YELLOW,
        _ => MAGENTA,
    };
    let mut line = Line::new(style, columns(&repeats));
    line.put(DIM, &format!("{:>6} ", age(event, now)));
    line.put(kind_color, &format!("{:<7} ", visible(&event.kind)));
    line.put(BOLD, &format!("{:<18} ", visible(&event.reason)));
    line.put(CYAN, &object(event));
    if !event.message.trim().is_empty() {
        line.put(PLAIN, &format!(": {}", visible(&event.message)));
    }
    line.finish(&repeats)
}

/// A line being built, at most so many columns wide.
struct Line {
    text: String,
    color: bool,
    /// Columns left; `None` for no limit.
    left: Option<usize>,
}

impl Line {
    /// A line that keeps `reserved` columns for its end.
    fn new(style: Style, reserved: usize) -> Self {
        Self {
            text: String::new(),
            color: style.color,
            left: style.width.map(|width| width.saturating_sub(reserved)),
        }
    }

    fn put(&mut self, color: &str, text: &str) {
        let shown = match self.left {
            None => text.to_owned(),
            Some(left) => cut(text, left),
        };
        if let Some(left) = &mut self.left {
            // A cut text ends the line: what follows it must not squeeze into a spare column.
            *left = if shown == text { *left - columns(&shown) } else { 0 };
        }
        self.paint(color, &shown);
    }

    fn paint(&mut self, color: &str, text: &str) {
        if self.color && !color.is_empty() && !text.is_empty() {
            self.text.extend([color, text, RESET]);
        } else {
            self.text.push_str(text);
        }
    }

    fn finish(mut self, repeats: &str) -> String {
        self.paint(MAGENTA, repeats);
        self.text
    }
}

/// `text`, or as much of it as fits with an ellipsis behind it.
fn cut(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut used = 1;
    let mut shown: String = text
        .chars()
        .take_while(|char| {
            used += char.width().unwrap_or(0);
            used <= width
        })
        .collect();
    if width > 0 {
        shown.push('…');
    }
    shown
}

fn columns(text: &str) -> usize {
    text.chars().filter_map(UnicodeWidthChar::width).sum()
}

/// `Pod/api-7 in prod`.
fn object(event: &Event) -> String {
    let reference = &event.involved.reference;
    let mut object = match (reference.kind.as_str(), reference.name.as_str()) {
        ("", "") => "-".to_owned(),
        ("", name) => visible(name),
        (kind, "") => visible(kind),
        (kind, name) => format!("{}/{}", visible(kind), visible(name)),
    };
    if !reference.namespace.is_empty() {
        object.push_str(" in ");
        object.push_str(&visible(&reference.namespace));
    }
    object
}

/// How long ago the event was, as kubectl prints ages.
fn age(event: &Event, now: Timestamp) -> String {
    let Some(time) = event.timestamp() else {
        return "-".to_owned();
    };
    // An event of the near future is a clock that is a little ahead.
    let seconds = now.duration_since(time).as_secs().max(0);
    let (minutes, hours, days) = (seconds / 60, seconds / 3600, seconds / 86_400);
    let two = |big: i64, unit: &str, small: i64, small_unit: &str| match small {
        0 => format!("{big}{unit}"),
        _ => format!("{big}{unit}{small}{small_unit}"),
    };
    match seconds {
        0..120 => format!("{seconds}s"),
        120..600 => two(minutes, "m", seconds % 60, "s"),
        600..10_800 => format!("{minutes}m"),
        10_800..28_800 => two(hours, "h", minutes % 60, "m"),
        28_800..172_800 => format!("{hours}h"),
        172_800..691_200 => two(days, "d", hours % 24, "h"),
        691_200..63_072_000 => format!("{days}d"),
        _ => two(days / 365, "y", days % 365, "d"),
    }
}

#[cfg(test)]
mod tests;
