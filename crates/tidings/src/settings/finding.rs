//! Something that is wrong with a config, and how a person and a program read it.

use std::{fmt, sync::Arc};

use super::shown::Shown;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The config cannot be used.
    Mistake,
    /// It can, and surely something else is meant.
    Warning,
}

/// Something that is wrong with a config. Texts hold no secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The file, as the user called it.
    pub file: Arc<str>,
    /// Where in the file; nothing when it could not be read at all.
    pub place: Option<Place>,
    /// The keys that lead there: `receivers[0].webhook.endpoint`; empty for what is no setting.
    pub path: String,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// The line, without secrets.
    pub(super) shown: Option<Shown>,
}

/// A place in a file; both begin with 1, and a column is a character.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The character in it.
    pub column: usize,
}

impl Finding {
    /// About a file as a whole.
    pub(crate) fn of_file(file: &str, message: String, hint: Option<String>) -> Self {
        Self {
            severity: Severity::Mistake,
            file: file.into(),
            place: None,
            path: String::new(),
            message,
            hint,
            shown: None,
        }
    }

    /// Whether the config cannot be used.
    pub fn is_mistake(&self) -> bool {
        self.severity == Severity::Mistake
    }

    /// On one line, for a log.
    pub fn line(&self) -> String {
        let path = if self.path.is_empty() { String::new() } else { format!("{}: ", self.path) };
        let hint = self.hint.as_ref().map_or_else(String::new, |hint| format!("; {hint}"));
        format!("{}: {path}{}{hint}", self.location(), self.message)
    }

    fn location(&self) -> String {
        match self.place {
            Some(Place { line, column }) => format!("{}:{line}:{column}", self.file),
            None => self.file.to_string(),
        }
    }
}

/// Several lines, for a person.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = match self.severity {
            Severity::Mistake => "mistake",
            Severity::Warning => "warning",
        };
        write!(f, "{}: {severity}: ", self.location())?;
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        writeln!(f, "{}", self.message)?;
        if let Some((shown, place)) = self.shown.as_ref().zip(self.place) {
            let number = place.line.to_string();
            writeln!(f, " {number} | {}", shown.line)?;
            let margin = " ".repeat(number.len());
            writeln!(f, " {margin} | {}{}", " ".repeat(shown.from), "^".repeat(shown.length))?;
        }
        if let Some(hint) = &self.hint {
            writeln!(f, "   hint: {hint}")?;
        }
        Ok(())
    }
}
