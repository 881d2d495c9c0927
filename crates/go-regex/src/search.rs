//! Where a text matches.

use std::borrow::Cow;

use regex::RegexBuilder;

use crate::{
    expand::expand,
    go,
    invalid::{Invalid, Mistake},
    pattern::SIZE_LIMIT,
};

/// A compiled pattern that finds, splits and replaces as Go's `regexp.Regexp` does.
#[derive(Debug, Clone)]
pub struct Regex {
    compiled: regex::Regex,
    /// The names of its groups, from the first on.
    names: Box<[String]>,
    /// The pattern has no character.
    empty: bool,
}

impl Regex {
    /// Compiles a pattern in Go's syntax.
    pub fn compile(pattern: &str) -> Result<Self, Invalid> {
        let translated = go::translate(pattern, go::Keep::Positions)?;
        let compiled = RegexBuilder::new(&translated.regex)
            .size_limit(SIZE_LIMIT)
            .build()
            .map_err(|_| Invalid::new(Mistake::TooLarge, pattern))?;
        Ok(Self { compiled, names: translated.names.into(), empty: pattern.is_empty() })
    }

    /// Whether the pattern is found in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        self.compiled.is_match(text)
    }

    /// The first match.
    pub fn find<'t>(&self, text: &'t str) -> Option<&'t str> {
        self.compiled.find(text).map(|found| found.as_str())
    }

    /// The first `limit` matches that do not overlap, all of them without a limit.
    pub fn find_all<'t>(
        &self,
        text: &'t str,
        limit: Option<usize>,
    ) -> impl Iterator<Item = &'t str> {
        self.compiled.find_iter(text).take(limit.unwrap_or(usize::MAX)).map(|found| found.as_str())
    }

    /// The parts between matches, at most `limit` of them; the last is the rest of the text. None
    /// when the limit is 0.
    pub fn split<'t>(&self, text: &'t str, limit: Option<usize>) -> Vec<&'t str> {
        if limit == Some(0) {
            return Vec::new();
        }
        if !self.empty && text.is_empty() {
            return vec![""];
        }
        let mut parts = Vec::new();
        let (mut begin, mut end) = (0, 0);
        for found in self.compiled.find_iter(text) {
            if limit.is_some_and(|limit| parts.len() + 1 >= limit) {
                break;
            }
            end = found.start();
            if found.end() != 0 {
                parts.push(&text[begin..end]);
            }
            begin = found.end();
        }
        if end != text.len() {
            parts.push(&text[begin..]);
        }
        parts
    }

    /// The text with each match replaced; in `replacement`, `$1` and `${name}` stand for groups.
    pub fn replace_all<'t>(&self, text: &'t str, replacement: &str) -> Cow<'t, str> {
        if !replacement.contains('$') {
            return self.replace_all_literal(text, replacement);
        }
        self.compiled.replace_all(text, |groups: &regex::Captures<'_>| {
            let mut out = String::new();
            expand(&mut out, replacement, &self.names, groups);
            out
        })
    }

    /// The text with each match replaced by exactly `replacement`.
    pub fn replace_all_literal<'t>(&self, text: &'t str, replacement: &str) -> Cow<'t, str> {
        self.compiled.replace_all(text, regex::NoExpand(replacement))
    }
}
