//! One file of a config: its text, and where things stand in it.

use std::{ops::Range, path::PathBuf, sync::Arc};

use super::{
    compose::{self, Remark},
    expand::{Environment, Expanded, NoteKind},
    finding::{Finding, Place, Severity},
    inside,
    node::{Kind, Node},
    shown,
};

/// A file that was read, expanded and parsed.
#[derive(Debug)]
pub(super) struct Source {
    /// As the user calls it.
    name: Arc<str>,
    /// As it was written.
    text: String,
    expanded: Expanded,
    /// Nothing when it is empty or broken.
    pub(super) root: Option<Arc<Node>>,
    /// Aliases of nothing.
    dangling: Vec<Remark>,
}

impl Source {
    /// Reads `bytes`, and says what is wrong with them.
    pub(super) fn new(
        name: &str,
        bytes: &[u8],
        environment: Environment<'_>,
    ) -> (Self, Vec<Finding>) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let expanded = Expanded::new(&text, wants_escapes(&text), environment);
        Self::read(name, bytes, text, expanded)
    }

    /// The same for a file in which a dollar sign is one.
    pub(super) fn verbatim(name: &str, bytes: &[u8]) -> (Self, Vec<Finding>) {
        let text = String::from_utf8_lossy(bytes).into_owned();
        let expanded = Expanded::verbatim(&text);
        Self::read(name, bytes, text, expanded)
    }

    fn read(name: &str, bytes: &[u8], text: String, expanded: Expanded) -> (Self, Vec<Finding>) {
        let document = compose::compose(&expanded.text);
        let (root, dangling) = (document.root, document.dangling);
        let source = Self { name: name.into(), text, expanded, root, dangling };
        let mut findings = Vec::new();
        if let Err(error) = std::str::from_utf8(bytes) {
            // The replacement of what comes first is as long as or longer than what it replaces.
            let at = error.valid_up_to();
            let message = "this is no UTF-8; what cannot be read became `\u{fffd}`";
            findings.push(source.finding(at..at, Severity::Warning, "", message.into(), None));
        }
        for note in &source.expanded.notes {
            findings.push(source.note(note.at.clone(), &note.kind));
        }
        findings.extend(document.remarks.into_iter().map(|remark| source.remarked(remark)));
        (source, findings)
    }

    /// What is to be said about aliases of nothing, but where they are mistakes already.
    pub(super) fn dangling(&self, findings: &[Finding]) -> Vec<Finding> {
        let told = |new: &Finding| {
            let mut mistakes = findings.iter().filter(|it| it.is_mistake() && self.is(&it.file));
            mistakes.any(|it| it.place == new.place)
        };
        let all = self.dangling.iter().map(|remark| self.remarked(remark.clone()));
        all.filter(|new| !told(new)).collect()
    }

    fn remarked(&self, remark: Remark) -> Finding {
        let Remark { at, is_mistake, message, hint } = remark;
        let severity = if is_mistake { Severity::Mistake } else { Severity::Warning };
        self.finding(self.expanded.original(at), severity, "", message, hint)
    }

    /// Takes out the files whose contents are values, with their bytes unless they cannot be read.
    pub(super) fn take_files(&mut self) -> Vec<(PathBuf, Option<Vec<u8>>)> {
        std::mem::take(&mut self.expanded.files)
    }

    /// The value of the whole document, with the contents of files in it.
    pub(super) fn value(&self) -> serde_json::Value {
        self.root.as_ref().map_or(serde_json::Value::Null, |root| root.value(&self.expanded))
    }

    /// Something about the place that `path` leads to; about the key itself if `on_key`.
    pub(super) fn about(
        &self,
        path: &str,
        on_key: bool,
        severity: Severity,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        let found = self.root.as_ref().map(|root| root.find(path));
        let key = found.and_then(|found| found.key).filter(|_| on_key);
        let at = match (key, found) {
            (Some(key), _) => key.at.clone(),
            (None, Some(found)) => found.at(),
            (None, None) => 0..0,
        };
        let finding = self.finding(self.expanded.original(at), severity, path, message, hint);
        // About what is not there: no line shows it.
        let is_absent = found.is_none_or(|found| !found.exact && found.key.is_none());
        if is_absent { Finding { shown: None, ..finding } } else { finding }
    }

    /// Something about what stands at the byte `inside` of the text that `path` leads to.
    pub(super) fn about_inside(
        &self,
        path: &str,
        inside: usize,
        severity: Severity,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        let found = self.root.as_ref().map(|root| root.find(path)).filter(|found| found.exact);
        let Some((Kind::Scalar(scalar), node)) = found.map(|found| (&found.node.kind, found.node))
        else {
            return self.about(path, false, severity, message, hint);
        };
        let raw = self.expanded.text.get(node.at.clone()).unwrap_or_default();
        let start = inside::place(raw, &scalar.text, inside);
        let is_word = |char: char| char.is_alphanumeric() || char == '_';
        let rest = &raw[start..];
        let length = rest.find(|char| !is_word(char)).unwrap_or(rest.len());
        let length = length.max(rest.chars().next().map_or(0, char::len_utf8));
        let at = node.at.start + start..node.at.start + start + length;
        self.finding(self.expanded.original(at), severity, path, message, hint)
    }

    /// Whether what `path` leads to was put in from outside.
    pub(super) fn is_replaced(&self, path: &str) -> bool {
        let found = self.root.as_ref().map(|root| root.find(path));
        found.is_some_and(|found| found.exact && self.expanded.is_replaced(&found.node.at))
    }

    /// Whether this is the file that the user calls so.
    pub(super) fn is(&self, name: &str) -> bool {
        &*self.name == name
    }

    /// Whether something stands at `path`.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.as_ref().is_some_and(|root| root.find(path).exact)
    }

    /// Whether the key at `path` is a text, as keys of settings are.
    pub(super) fn is_text_key(&self, path: &str) -> bool {
        let found = self.root.as_ref().map(|root| root.find(path));
        let key = found.filter(|found| found.exact).and_then(|found| found.key);
        key.is_none_or(|key| match &key.kind {
            Kind::Scalar(scalar) => scalar.value().is_string(),
            Kind::List(_) | Kind::Mapping(_) => false,
        })
    }

    /// What may be wrong with how the scalar at `path` is written.
    pub(super) fn spelling(&self, path: &str) -> Option<&'static str> {
        let found = self.root.as_ref()?.find(path);
        let Kind::Scalar(scalar) = &found.node.kind else { return None };
        match scalar.text.to_ascii_lowercase().as_str() {
            _ if !found.exact => None,
            "yes" | "on" | "y" => Some("write `true`"),
            "no" | "off" | "n" => Some("write `false`"),
            text if !scalar.plain && !super::scalar::resolve(text).is_string() => {
                Some("write it without quotes")
            }
            _ => None,
        }
    }

    fn note(&self, at: Range<usize>, kind: &NoteKind) -> Finding {
        let (severity, message, hint) = match kind {
            NoteKind::Unset { written } => (
                Severity::Warning,
                format!("`{written}` is an environment variable that is not set; it becomes empty"),
                "set it; for a dollar sign write `envEscape: true` at the top and `$$` here".into(),
            ),
            NoteKind::Open { lines } => (
                Severity::Warning,
                match lines {
                    None => "`${` without `}`; the two characters are removed".to_owned(),
                    Some(lines) => format!(
                        "`${{` is closed by the next `}}`, {lines} lines below, and all between them is gone"
                    ),
                },
                "write `${NAME}`".to_owned(),
            ),
            NoteKind::Unreadable { path, why } => (
                Severity::Mistake,
                format!("the file `{path}` cannot be read: {why}"),
                "mount the file, or give another path".into(),
            ),
        };
        self.finding(at, severity, "", message, Some(hint))
    }

    fn finding(
        &self,
        at: Range<usize>,
        severity: Severity,
        path: &str,
        message: String,
        hint: Option<String>,
    ) -> Finding {
        let at = at.start.min(self.text.len())..at.end.min(self.text.len());
        let line_start = self.text[..at.start].rfind('\n').map_or(0, |newline| newline + 1);
        let line = self.text[line_start..].lines().next().unwrap_or_default();
        let before = &self.text[line_start..at.start];
        let number = 1 + self.text[..line_start].matches('\n').count();
        let place = Place { line: number, column: 1 + before.chars().count() };
        let marked = before.len()..(before.len() + at.len()).min(line.len()).max(before.len());
        Finding {
            severity,
            file: Arc::clone(&self.name),
            place: Some(place),
            path: path.to_owned(),
            message,
            hint,
            shown: shown::line(line, marked),
        }
    }
}

/// Whether the file asks for `$$` as a dollar sign. This is needed before the file can be read.
fn wants_escapes(text: &str) -> bool {
    let value =
        |line: &str| line.strip_prefix("envEscape:").map(|value| value.trim_start().to_owned());
    text.lines().filter_map(value).any(|value| {
        let word = value.split([' ', '\t', '#']).next().unwrap_or_default();
        matches!(word, "true" | "True" | "TRUE")
    })
}
