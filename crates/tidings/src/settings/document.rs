//! Another YAML document of ours, read with the care that configs get: each mistake with its place. Nothing in
//! it is expanded, and a key that nobody knows is a mistake.

use std::path::Path;

use event::written::{self, FlawKind};
use serde::de::DeserializeOwned;

use super::{
    finding::{Finding, Severity},
    remark::Remark,
    source::Source,
};

/// A document, and what is wrong with it so far.
#[derive(Debug)]
pub(crate) struct Document {
    source: Option<Source>,
    name: String,
    /// In the order in which it was found.
    pub(crate) findings: Vec<Finding>,
}

impl Document {
    /// Reads the file at `path`; the default where there is nothing to go on with.
    pub(crate) fn read<T: DeserializeOwned + Default>(path: &Path) -> (Self, T) {
        let name = path.display().to_string();
        let bytes = match std::fs::read(path) {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("it cannot be read: {error}");
                let findings = vec![Finding::of_file(&name, message, None)];
                return (Self { source: None, name, findings }, T::default());
            }
        };
        let (source, findings) = Source::verbatim(&name, &bytes);
        let value = source.value();
        let mut document = Self { source: Some(source), name, findings };
        let decoded = written::decode::<T>(&value, "");
        for flaw in decoded.flaws {
            let is_unknown = matches!(flaw.kind, FlawKind::Unknown { .. });
            let mut remark = Remark::from(flaw);
            if is_unknown {
                remark.severity = Severity::Mistake;
                remark.message = "this key is not known".into();
            }
            document.add(remark);
        }
        (document, decoded.value.unwrap_or_default())
    }

    /// Something wrong with what `path` leads to.
    pub(crate) fn mistake(&mut self, path: &str, message: impl Into<String>, hint: &str) {
        let mut remark = Remark::mistake(path, message);
        if !hint.is_empty() {
            remark = remark.hint(hint);
        }
        self.add(remark);
    }

    /// A key at `path` that nobody knows, and those that somebody does.
    pub(crate) fn unknown(&mut self, path: &str, known: &[&'static str]) {
        let mut remark = super::remark::unknown(path.to_owned(), known.iter().copied());
        remark.severity = Severity::Mistake;
        remark.message = "this key is not known".into();
        self.add(remark);
    }

    /// The line of what `path` leads to; 0 where nothing does.
    pub(crate) fn line(&self, path: &str) -> usize {
        let source = self.source.as_ref();
        let found = source.map(|it| it.about(path, false, Severity::Mistake, String::new(), None));
        found.and_then(|it| it.place).map_or(0, |place| place.line)
    }

    /// Whether there is YAML to look at.
    pub(crate) fn is_read(&self) -> bool {
        self.source.as_ref().is_some_and(|source| source.root.is_some())
    }

    /// Whether it can be used.
    pub(crate) fn is_usable(&self) -> bool {
        !self.findings.iter().any(Finding::is_mistake)
    }

    fn add(&mut self, remark: Remark) {
        let Remark { path, on_key, severity, message, hint, .. } = remark;
        self.findings.push(match &self.source {
            Some(source) => source.about(&path, on_key, severity, message, hint),
            None => Finding::of_file(&self.name, message, hint),
        });
        self.findings.sort_by_key(|finding| finding.place);
    }
}
