//! Whether a text matches, and nothing else.

use regex::RegexBuilder;
use regex_syntax::hir::{Hir, HirKind, Look, literal::Extractor};

use crate::{
    go,
    invalid::{Invalid, Mistake},
};

/// The most memory a compiled pattern may take, in bytes.
pub(crate) const SIZE_LIMIT: usize = 32 << 20;

/// More words than this are left to the `regex` crate, which then looks for all of them at once.
const MAX_WORDS: usize = 8;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub enum Pattern {
    /// Matches nothing; what an invalid pattern becomes.
    Never,
    /// One of a few words at a certain place: what most rules are made of.
    Words(Place, Box<[Box<str>]>),
    /// Everything else.
    Regex(regex::Regex),
}

/// Where in the text a word has to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// `word`
    Anywhere,
    /// `^word`
    Start,
    /// `word$`
    End,
    /// `^word$`
    Whole,
}

impl Pattern {
    /// Compiles a pattern in Go's syntax.
    pub fn compile(pattern: &str) -> Result<Self, Invalid> {
        let mut translated = go::translate(pattern, go::Keep::Matches)?.regex;
        let too_large = || Invalid::new(Mistake::TooLarge, pattern);
        let hir = regex_syntax::parse(&translated).map_err(|_| too_large())?;
        if let Some((place, words)) = words(&hir) {
            return Ok(Self::Words(place, words));
        }
        if hir.properties().look_set().contains(Look::WordAsciiNegate) {
            // Between the bytes of one character `\B` holds too, and a match found there makes the
            // `regex` crate overlook others. Walking by characters never gets there.
            translated = format!(r"\A(?s:.)*?(?:{translated})");
        }
        RegexBuilder::new(&translated)
            .size_limit(SIZE_LIMIT)
            .build()
            .map(Self::Regex)
            .map_err(|_| too_large())
    }

    /// Whether the pattern is found in `text`.
    pub fn is_match(&self, text: &str) -> bool {
        match self {
            Self::Never => false,
            Self::Words(place, words) => words.iter().any(|word| place.has(text, word)),
            Self::Regex(regex) => regex.is_match(text),
        }
    }
}

impl Place {
    fn has(self, text: &str, word: &str) -> bool {
        match self {
            Self::Anywhere => text.contains(word),
            Self::Start => text.starts_with(word),
            Self::End => text.ends_with(word),
            Self::Whole => text == word,
        }
    }
}

/// The words that a pattern stands for, when it is nothing but words.
fn words(hir: &Hir) -> Option<(Place, Box<[Box<str>]>)> {
    let mut parts = match hir.kind() {
        HirKind::Concat(parts) => parts.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    // A search starts and ends anywhere, so what may also match nothing changes nothing there.
    while let [first, rest @ ..] = parts
        && is_optional(first)
    {
        parts = rest;
    }
    while let [rest @ .., last] = parts
        && is_optional(last)
    {
        parts = rest;
    }
    let mut at_start = false;
    let mut at_end = false;
    if let [first, rest @ ..] = parts
        && matches!(first.kind(), HirKind::Look(Look::Start))
    {
        at_start = true;
        parts = rest;
    }
    if let [rest @ .., last] = parts
        && matches!(last.kind(), HirKind::Look(Look::End))
    {
        at_end = true;
        parts = rest;
    }
    let core = Hir::concat(parts.to_vec());
    if !core.properties().look_set().is_empty() {
        return None;
    }
    let found = Extractor::new().extract(&core);
    if !found.is_exact() || found.len()? > MAX_WORDS {
        return None;
    }
    let place = match (at_start, at_end) {
        (false, false) => Place::Anywhere,
        (true, false) => Place::Start,
        (false, true) => Place::End,
        (true, true) => Place::Whole,
    };
    let texts = found.literals()?.iter().map(|literal| {
        let text = std::str::from_utf8(literal.as_bytes()).ok()?;
        Some(text.into())
    });
    Some((place, texts.collect::<Option<_>>()?))
}

fn is_optional(hir: &Hir) -> bool {
    matches!(hir.kind(), HirKind::Repetition(repetition) if repetition.min == 0)
}
