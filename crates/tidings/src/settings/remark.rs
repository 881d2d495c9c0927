//! What is to be said about a place in the config, before the place is looked up.

use event::written::{Flaw, FlawKind};

use super::finding::Severity;

/// Something about what a path leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Remark {
    pub(crate) path: String,
    /// It is about the key, not about what stands under it.
    pub(crate) on_key: bool,
    /// It is about what stands at this byte of the text.
    pub(crate) inside: Option<usize>,
    /// Nobody knows the key.
    pub(crate) unknown: bool,
    pub(crate) severity: Severity,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl Remark {
    pub(crate) fn mistake(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Mistake, message)
    }

    pub(crate) fn warning(path: impl Into<String>, message: impl Into<String>) -> Self {
        Self::new(path, Severity::Warning, message)
    }

    fn new(path: impl Into<String>, severity: Severity, message: impl Into<String>) -> Self {
        let (path, message) = (path.into(), message.into());
        Self { path, on_key: false, inside: None, unknown: false, severity, message, hint: None }
    }

    pub(crate) fn on_key(self) -> Self {
        Self { on_key: true, ..self }
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        Self { hint: Some(hint.into()), ..self }
    }
}

impl From<Flaw> for Remark {
    fn from(flaw: Flaw) -> Self {
        match flaw.kind {
            FlawKind::Mistake { message, hint } => {
                Self { hint, ..Self::mistake(flaw.path, message) }
            }
            FlawKind::Unknown { known } => unknown(flaw.path, known.into_iter()),
            FlawKind::OneForMany => {
                Self::warning(flaw.path, "a list is expected; this is read as a list of one")
                    .hint("write `- ` before its first key")
            }
        }
    }
}

/// A key that nobody knows.
pub(super) fn unknown(path: String, known: impl Iterator<Item = &'static str>) -> Remark {
    let (parent, key) = match path.rsplit_once('.') {
        Some((parent, key)) => (parent, key),
        None => ("", &*path),
    };
    let is_rule = ["drop[", "match["]
        .iter()
        .any(|list| parent.rsplit_once('.').map_or(parent, |(_, last)| last).starts_with(list));
    let hint = match key {
        "routes" | "match" | "drop" if parent.is_empty() => {
            Some(format!("write `{key}` under `route`"))
        }
        "match" | "drop" | "routes" if is_rule => {
            Some(format!("`{key}` belongs beside `match`, into the route, not into a rule"))
        }
        _ => similar(key, known).map(|known| format!("did you mean `{known}`?")),
    };
    let message = if is_rule {
        "no condition has this name, so it is ignored"
    } else {
        "this key is not known, so it is ignored"
    };
    Remark { hint, unknown: true, ..Remark::warning(path, message).on_key() }
}

/// The known word that is surely meant.
pub(super) fn similar<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase();
    let distance = |it: &str| strsim::damerau_levenshtein(&word, &it.to_lowercase());
    let all = known.map(|it| (distance(it), it)).filter(|(distance, it)| {
        // One letter in three may be wrong.
        *distance <= word.len().min(it.len()) / 3
    });
    all.min().map(|(_, it)| it)
}
