//! What became of one test, and how a person reads it.

use std::{collections::BTreeSet, fmt::Write};

use crate::{output::visible, unified};

/// What became of one test.
#[derive(Debug)]
pub(crate) struct Outcome {
    pub(crate) name: String,
    /// Of the file.
    pub(crate) line: usize,
    pub(crate) failures: Vec<Failed>,
}

/// Something that is not as expected.
#[derive(Debug)]
pub(crate) enum Failed {
    Receivers { expected: BTreeSet<String>, found: BTreeSet<String>, reasons: Vec<String> },
    Payload { receiver: String, expected: String, found: String },
    Unrendered { receiver: String, why: String },
}

impl Outcome {
    pub(crate) fn is_ok(&self) -> bool {
        self.failures.is_empty()
    }

    /// One line, and below it what is not as expected.
    pub(crate) fn text(&self, file: &str, color: bool) -> String {
        let paint = |code: &str, text: &str| {
            if color { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
        };
        if self.is_ok() {
            return format!("{}      {}\n", paint("32", "ok"), self.name);
        }
        let failed = paint("31", "FAILED");
        let mut text = format!("{failed}  {} ({file}:{})\n", self.name, self.line);
        for line in self.failures.iter().flat_map(|it| it.lines(color)) {
            writeln!(text, "    {line}").expect("a string takes it");
        }
        text
    }
}

impl Failed {
    fn lines(&self, color: bool) -> Vec<String> {
        let diff = |what: &str, expected: &str, found: &str| {
            let (old, new) = (format!("{what}, expected"), format!("{what}, found"));
            let diff = unified::diff((&old, expected), (&new, found), color);
            diff.lines().map(str::to_owned).collect::<Vec<_>>()
        };
        match self {
            Self::Receivers { expected, found, reasons } => {
                let each = |names: &BTreeSet<String>| {
                    names.iter().flat_map(|name| [&**name, "\n"]).collect::<String>()
                };
                let mut lines = diff("receivers", &each(expected), &each(found));
                lines.extend(reasons.iter().cloned());
                lines
            }
            Self::Payload { receiver, expected, found } => {
                diff(&format!("payload of {receiver}"), expected, found)
            }
            Self::Unrendered { receiver, why } => {
                vec![format!("{receiver} cannot be rendered: {}", visible(why))]
            }
        }
    }
}
