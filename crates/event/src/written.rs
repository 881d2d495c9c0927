//! Settings as the user wrote them, read the way Go reads YAML, with everything that is wrong.
//!
//! kubernetes-event-exporter decodes into Go structs, and its files lean on what that forgives: a
//! number or a boolean is taken for a text (`1.0` as `1`), nothing is the zero value, a fraction is cut
//! off where a whole number is wanted, an unknown key is ignored. [`decode`] forgives the same for any
//! type that derives `Deserialize`, goes on after a mistake, and lists them all with their paths.

use std::fmt;

use serde::de::DeserializeOwned;
use serde_json::Value;

use decode::{At, Flaws};
use path::Path;

mod decode;

mod number;

mod path;

pub use path::quoted;

/// The one key of what stands for an alias of an anchor that is not there: `{"\u0000*": "name"}`.
///
/// Where a text, a boolean or a fraction is expected the original reads nothing; where a list, a mapping or a whole
/// number is, it refuses. So a reader of YAML cannot decide it, and [`decode`] does.
pub const DANGLING: &str = "\0*";

/// Whether `value` stands for an alias of nothing.
pub fn is_dangling(value: &Value) -> bool {
    value.as_object().is_some_and(|it| it.len() == 1 && it.contains_key(DANGLING))
}

/// Puts nothing where aliases of nothing stand, in settings that were found good.
pub fn without_dangling(value: Value) -> Value {
    match value {
        dangling if is_dangling(&dangling) => Value::Null,
        Value::Array(items) => items.into_iter().map(without_dangling).collect(),
        Value::Object(entries) => {
            let entries = entries.into_iter().map(|(key, value)| (key, without_dangling(value)));
            Value::Object(entries.collect())
        }
        scalar => scalar,
    }
}

/// What became of settings.
#[derive(Debug)]
pub struct Decoded<T> {
    /// The settings; nothing when a mistake left nothing to go on with.
    pub value: Option<T>,
    /// What is wrong, in the order in which it was read.
    pub flaws: Vec<Flaw>,
}

/// Something wrong at one place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flaw {
    /// Where, as a path of keys: `receivers[0].webhook.headers["X-Api.Key"]`.
    pub path: String,
    /// What.
    pub kind: FlawKind,
}

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FlawKind {
    /// Settings with this cannot be used.
    Mistake {
        /// What is wrong, without the value, which may be a secret.
        message: String,
        /// What to write instead.
        hint: Option<String>,
    },
    /// Nobody knows this key; it is ignored.
    Unknown {
        /// The keys that are known there.
        known: Vec<&'static str>,
    },
    /// One element stands where a list is expected; it is read as a list of one.
    OneForMany,
}

impl Flaw {
    /// Whether the settings cannot be used.
    pub fn is_mistake(&self) -> bool {
        matches!(self.kind, FlawKind::Mistake { .. })
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        match &self.kind {
            FlawKind::Mistake { message, .. } => f.write_str(message),
            FlawKind::Unknown { .. } => f.write_str("this key is not known, so it is ignored"),
            FlawKind::OneForMany => {
                f.write_str("a list is expected; this is read as a list of one")
            }
        }
    }
}

/// Reads `written`, which stands at the path `at` of its file.
pub fn decode<T: DeserializeOwned>(written: &Value, at: &str) -> Decoded<T> {
    let flaws = Flaws::default();
    let value = T::deserialize(At { value: written, path: Path::Root(at), flaws: &flaws });
    let (value, fatal) = match value {
        Ok(value) => (Some(value), None),
        Err(error) => (None, Some(error.into_flaw(at))),
    };
    let mut flaws = flaws.into_inner();
    flaws.extend(fatal);
    Decoded { value, flaws }
}

/// Reads `written` and gives only what cannot be lived with.
pub fn strictly<T: DeserializeOwned>(written: &Value, at: &str) -> Result<T, Flaw> {
    decode(written, at).strictly()
}

impl<T> Decoded<T> {
    /// The settings, or the first mistake.
    pub fn strictly(self) -> Result<T, Flaw> {
        match (self.value, self.flaws.into_iter().find(Flaw::is_mistake)) {
            (Some(value), None) => Ok(value),
            (_, Some(flaw)) => Err(flaw),
            (None, None) => unreachable!("settings without a value have a mistake"),
        }
    }
}

#[cfg(test)]
mod tests;
