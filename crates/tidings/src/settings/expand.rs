//! Environment variables in the text of a config file, expanded as Go's `os.ExpandEnv` does it: over
//! the raw text, before anybody knows what is YAML.
//!
//! Two things differ. Within `{{ … }}` a variable that is not set stays as it is written, because there
//! it is a variable of the template. And `${file:/path}` is the content of a file; it is put in after
//! the YAML is read, so that no secret can change the structure or show up in an error.

use std::{fs, ops::Range, path::PathBuf};

/// Stands before and behind the number of a secret in the expanded text. Unicode has no characters here.
const SECRET: (char, char) = ('\u{fdd0}', '\u{fdd1}');

/// Where variables come from: their value, or nothing when they are not set.
pub type Environment<'e> = &'e dyn Fn(&str) -> Option<String>;

/// The variables of this process.
pub fn process(name: &str) -> Option<String> {
    // A name that no system can have is not asked for.
    if name.is_empty() || name.contains(['=', '\0']) {
        return None;
    }
    std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
}

/// A text after expansion, and how to get back.
#[derive(Debug, Default)]
pub(super) struct Expanded {
    pub(super) text: String,
    /// What was replaced, in order.
    pieces: Vec<Piece>,
    /// Contents of files.
    secrets: Vec<String>,
    /// The files that were asked for, and their bytes unless they cannot be read.
    pub(super) files: Vec<(PathBuf, Option<Vec<u8>>)>,
    /// What is to be said about it.
    pub(super) notes: Vec<Note>,
}

/// One replaced reference.
#[derive(Debug)]
struct Piece {
    original: Range<usize>,
    expanded: Range<usize>,
}

/// Something to be said about one reference.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    /// Where, in the original text.
    pub(super) at: Range<usize>,
    pub(super) kind: NoteKind,
}

/// What is to be said.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum NoteKind {
    /// The variable is not set; the text becomes empty.
    Unset { written: String },
    /// `${` without an end, or with one so many lines below: what is between becomes nothing.
    Open { lines: Option<usize> },
    /// The file cannot be read.
    Unreadable { path: String, why: String },
}

impl Expanded {
    /// Expands `text`; with `escape`, `$$` is a dollar sign.
    pub(super) fn new(text: &str, escape: bool, environment: Environment<'_>) -> Self {
        let mut expanded = Self { text: String::with_capacity(text.len()), ..Self::default() };
        let mut from = 0;
        // The end of the template that the next dollar sign may be in.
        let mut template_end = 0;
        let mut template_from = 0;
        while let Some(dollar) = text[from..].find('$').map(|at| from + at) {
            expanded.text.push_str(&text[from..dollar]);
            while template_end <= dollar {
                let start = text[template_from..dollar].find("{{").map(|at| template_from + at);
                let end = start.and_then(|at| text[at..].find("}}").map(|to| at + to + 2));
                let (Some(_), Some(end)) = (start, end) else { break };
                (template_from, template_end) = (end, end);
            }
            let in_template = dollar < template_end;
            from = expanded.reference(text, dollar, in_template, escape, environment);
        }
        expanded.text.push_str(&text[from..]);
        expanded
    }

    /// `text` as it is.
    pub(super) fn verbatim(text: &str) -> Self {
        Self { text: text.to_owned(), ..Self::default() }
    }

    /// Expands what begins at the dollar sign, and says where the rest begins.
    fn reference(
        &mut self,
        text: &str,
        dollar: usize,
        in_template: bool,
        escape: bool,
        environment: Environment<'_>,
    ) -> usize {
        let rest = &text[dollar + 1..];
        if escape && rest.starts_with('$') {
            self.replace(dollar..dollar + 2, "$");
            return dollar + 2;
        }
        let (name, length) = name(rest);
        let range = dollar..dollar + 1 + length;
        let value = name.filter(|name| !name.is_empty()).map(|name| (name, environment(name)));
        match value {
            // Not followed by anything that could be a name.
            None if length == 0 => self.text.push('$'),
            _ if in_template && !matches!(value, Some((_, Some(_)))) => {
                self.text.push('$');
                return dollar + 1;
            }
            None => {
                if rest.starts_with('{') && length == 1 {
                    self.notes
                        .push(Note { at: range.clone(), kind: NoteKind::Open { lines: None } });
                }
                self.replace(range.clone(), "");
            }
            Some((_, Some(value))) => self.replace(range.clone(), &value),
            Some((name, None)) if name.starts_with("file:") => {
                self.file(range.clone(), name["file:".len()..].trim());
            }
            Some((_, None)) => {
                if !in_comment(text, dollar) {
                    let written = text[range.clone()].to_owned();
                    let kind = match written.matches('\n').count() {
                        0 => NoteKind::Unset { written },
                        lines => NoteKind::Open { lines: Some(lines) },
                    };
                    self.notes.push(Note { at: range.clone(), kind });
                }
                self.replace(range.clone(), "");
            }
        }
        range.end
    }

    fn file(&mut self, range: Range<usize>, path: &str) {
        let read = fs::read(path);
        self.files.push((path.into(), read.as_ref().ok().cloned()));
        match read {
            Ok(content) => {
                let placeholder = format!("{}{}{}", SECRET.0, self.secrets.len(), SECRET.1);
                self.secrets.push(String::from_utf8_lossy(&content).trim().to_owned());
                self.replace(range, &placeholder);
            }
            Err(error) => {
                let kind = NoteKind::Unreadable { path: path.into(), why: error.to_string() };
                self.notes.push(Note { at: range.clone(), kind });
                self.replace(range, "");
            }
        }
    }

    fn replace(&mut self, original: Range<usize>, value: &str) {
        let start = self.text.len();
        self.text.push_str(value);
        self.pieces.push(Piece { original, expanded: start..self.text.len() });
    }

    /// A range of the expanded text in the original one: of what was replaced, the whole reference.
    pub(super) fn original(&self, range: Range<usize>) -> Range<usize> {
        let start = self.start(range.start);
        start..self.end(range.end).max(start)
    }

    fn start(&self, at: usize) -> usize {
        let before = self.pieces.partition_point(|piece| piece.expanded.end <= at);
        match self.pieces.get(before) {
            Some(piece) if piece.expanded.start <= at => piece.original.start,
            _ => behind(&self.pieces[..before], at),
        }
    }

    /// What became empty right before the end does not belong to the range.
    fn end(&self, at: usize) -> usize {
        let before = self.pieces.partition_point(|piece| piece.expanded.end < at);
        match self.pieces.get(before) {
            Some(piece) if piece.expanded.start < at => piece.original.end,
            _ => behind(&self.pieces[..before], at),
        }
    }

    /// Whether a part of this range was replaced.
    pub(super) fn is_replaced(&self, range: &Range<usize>) -> bool {
        self.pieces
            .iter()
            .any(|piece| piece.expanded.start < range.end && range.start < piece.expanded.end)
    }

    /// `text` with the contents of files in it; nothing when there are none.
    pub(super) fn reveal(&self, text: &str) -> Option<String> {
        if self.secrets.is_empty() || !text.contains(SECRET.0) {
            return None;
        }
        let mut revealed = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once(SECRET.0) {
            revealed.push_str(before);
            rest = after;
            let secret = after.split_once(SECRET.1).and_then(|(number, after)| {
                let number: usize = number.parse().ok()?;
                Some((self.secrets.get(number)?, after))
            });
            match secret {
                Some((secret, after)) => {
                    revealed.push_str(secret);
                    rest = after;
                }
                None => revealed.push(SECRET.0),
            }
        }
        revealed.push_str(rest);
        Some(revealed)
    }
}

/// A place behind these pieces, in text that was not replaced.
fn behind(pieces: &[Piece], at: usize) -> usize {
    pieces.last().map_or(at, |piece| piece.original.end + (at - piece.expanded.end))
}

/// The name behind a dollar sign and how many bytes it takes, as in Go's `os.Expand`. No name: the
/// bytes are invalid and eaten, or, when they are none, the dollar sign stands for itself.
fn name(rest: &str) -> (Option<&str>, usize) {
    let bytes = rest.as_bytes();
    match bytes.first() {
        Some(b'{') => {
            if bytes.get(1).is_some_and(|it| is_special(*it)) && bytes.get(2) == Some(&b'}') {
                return (Some(&rest[1..2]), 3);
            }
            match rest.find('}') {
                Some(1) => (None, 2),
                Some(end) => (Some(&rest[1..end]), end + 1),
                None => (None, 1),
            }
        }
        Some(first) if is_special(*first) => (Some(&rest[..1]), 1),
        _ => {
            let is_name = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
            let length = bytes.iter().take_while(|byte| is_name(byte)).count();
            ((length > 0).then(|| &rest[..length]), length)
        }
    }
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'*' | b'#' | b'$' | b'@' | b'!' | b'?' | b'-' | b'0'..=b'9')
}

/// Whether a comment surely began before this place in its line; what is expanded there does not matter.
fn in_comment(text: &str, at: usize) -> bool {
    let line = text[..at].rfind('\n').map_or(&text[..at], |newline| &text[newline + 1..at]);
    line.trim_start().starts_with('#') || line.contains(" #")
}

#[cfg(test)]
mod tests;
