//! A text of the user's own, with templates in it, that stands at a key of the settings.

use std::{fmt, sync::Arc};

use event::{Clock, ConnectError, Event, Rejected};
use jiff::Timestamp;
use template::Template;

use crate::{environment::Process, shape, template_data};

/// A text of the user's own.
pub struct Phrase {
    /// Where it stands, for errors: `fields.Reason`.
    key: String,
    template: Template,
}

impl Phrase {
    /// Reads the text at `key` of a `kind` of receiver.
    pub fn parse(kind: &str, key: impl Into<String>, text: &str) -> Result<Self, ConnectError> {
        let key = key.into();
        match Template::parse("template", text) {
            Ok(template) => Ok(Self { key, template }),
            Err(error) => Err(ConnectError::new(format!("`{kind}`: {key}: {error}"))),
        }
    }

    /// Nothing where nothing is written.
    pub fn unless_empty(kind: &str, key: &str, text: &str) -> Result<Option<Self>, ConnectError> {
        if text.is_empty() { Ok(None) } else { Self::parse(kind, key, text).map(Some) }
    }

    /// The same text for every event.
    pub(crate) fn is_fixed(&self) -> bool {
        self.template.plain().is_some()
    }

    /// Whether it can show what was looked up of the involved object.
    pub fn needs_lookup(&self) -> bool {
        shape::needs_lookup(&self.template)
    }

    /// Whether it names one of these fields.
    pub fn names(&self, fields: &[&str]) -> bool {
        shape::names(&self.template, fields)
    }
}

impl fmt::Debug for Phrase {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.key)
    }
}

/// What phrases are rendered with.
#[derive(Debug)]
pub struct Speaker {
    process: Process,
    clock: Arc<dyn Clock>,
}

impl Speaker {
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { process: Process::default(), clock }
    }

    /// Begins to speak of events that are encoded together: one time for all of them.
    pub fn begin(&self) -> Speech<'_> {
        Speech { process: &self.process, now: self.clock.now() }
    }
}

/// Phrases about events that are encoded together.
#[derive(Debug)]
pub struct Speech<'s> {
    process: &'s Process,
    pub(crate) now: Timestamp,
}

impl Speech<'_> {
    /// What `phrase` says of `event`, the one at `index`.
    pub fn say(&self, phrase: &Phrase, event: &Event, index: usize) -> Result<String, Rejected> {
        let context = shape::context(self.process, self.now);
        phrase.template.execute(&template_data::of(event), &context).map_err(|error| {
            let reason = format!("{}: {error}", phrase.key);
            Rejected { index, reason }
        })
    }

    /// What `phrase` says, if there is one.
    pub(crate) fn say_any(
        &self,
        phrase: Option<&Phrase>,
        event: &Event,
        index: usize,
    ) -> Result<Option<String>, Rejected> {
        phrase.map(|phrase| self.say(phrase, event, index)).transpose()
    }
}
