//! A YAML file of another tool: taken as it is, without environment variables, and strictly, as that
//! tool takes it. No line of it is shown: it may hold passwords.

use event::written;
use serde::de::DeserializeOwned;

use super::{
    finding::{Finding, Severity},
    remark::Remark,
    source::Source,
};

/// The file, and what is wrong with it.
#[derive(Debug)]
pub(crate) struct Foreign {
    source: Source,
    pub(crate) findings: Vec<Finding>,
}

impl Foreign {
    /// Reads `bytes`, called `name`.
    pub(crate) fn open(name: &str, bytes: &[u8]) -> Self {
        let (source, mut findings) = Source::verbatim(name, bytes);
        for finding in &mut findings {
            finding.shown = None;
        }
        Self { source, findings }
    }

    /// Its settings, as far as they can be read.
    pub(crate) fn decode<T: DeserializeOwned + Default>(&mut self) -> T {
        let decoded = written::decode::<T>(&self.source.value(), "");
        for flaw in decoded.flaws {
            let unknown = matches!(flaw.kind, written::FlawKind::Unknown { .. });
            let remark = Remark::from(flaw);
            self.say(if unknown {
                let (severity, message) = (Severity::Mistake, "this key is not known".into());
                Remark { severity, message, ..remark }
            } else {
                remark
            });
        }
        decoded.value.unwrap_or_default()
    }

    /// Something about what stands at `path`, and what to do.
    pub(crate) fn mistake(&mut self, path: &str, message: impl Into<String>, hint: &str) {
        self.say(Remark::mistake(path, message).hint(hint));
    }

    /// The same, and it can be lived with.
    pub(crate) fn warning(&mut self, path: &str, message: impl Into<String>, hint: &str) {
        self.say(Remark::warning(path, message).hint(hint));
    }

    fn say(&mut self, remark: Remark) {
        let Remark { path, on_key, severity, message, hint, .. } = remark;
        let found = self.source.about(&path, on_key, severity, message, hint);
        self.findings.push(Finding { shown: None, ..found });
    }
}
