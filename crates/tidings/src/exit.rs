//! Exit codes, and the one place that prints why.

use std::{io::Write, process::ExitCode};

/// Something failed while it ran.
pub const FAILED: u8 = 1;
/// Wrong usage; clap uses it too.
pub const USAGE: u8 = 2;
/// The config is wrong.
pub const CONFIG: u8 = 3;
/// Nothing could be started.
pub const START: u8 = 4;

/// Why the process ends, with the exit code and what to do about it.
#[derive(Debug)]
pub struct Failure {
    /// The exit code.
    pub code: u8,
    /// What happened, with its causes.
    pub error: anyhow::Error,
    /// What to do.
    pub hint: Option<String>,
}

impl Failure {
    /// Something failed while it ran.
    pub fn failed(error: impl Into<anyhow::Error>) -> Self {
        Self { code: FAILED, error: error.into(), hint: None }
    }

    /// What was asked for is not possible.
    pub fn usage(error: impl Into<anyhow::Error>) -> Self {
        Self { code: USAGE, error: error.into(), hint: None }
    }

    /// The config is wrong.
    pub fn config(error: impl Into<anyhow::Error>) -> Self {
        Self { code: CONFIG, error: error.into(), hint: None }
    }

    /// Nothing could be started.
    pub fn start(error: impl Into<anyhow::Error>) -> Self {
        Self { code: START, error: error.into(), hint: None }
    }

    /// With advice.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Prints `failure` and gives its exit code.
pub fn report(failure: &Failure) -> ExitCode {
    let mut lines = vec![format!("error: {}", failure.error)];
    lines.extend(failure.error.chain().skip(1).map(|cause| format!("  because: {cause}")));
    lines.extend(failure.hint.iter().map(|hint| format!("hint: {hint}")));
    let text = lines.join("\n") + "\n";
    // Standard error may be closed; there is nobody left to tell.
    drop(std::io::stderr().write_all(text.as_bytes()));
    ExitCode::from(failure.code)
}
