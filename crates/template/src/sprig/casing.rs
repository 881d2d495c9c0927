//! Capitals and small letters, and names that are written with them: `camelCase`, `snake_case`.

use super::{
    arguments::text,
    limits,
    unicode::{
        is_digit, is_letter, is_lower, is_number, is_punct, is_space, is_title, is_upper, runes,
        to_lower, to_title, to_upper,
    },
};
use crate::{
    context::Context,
    function::CallError,
    value::{Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn upper<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(mapped(text(args, 0), to_upper).into())
}

pub(super) fn lower<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(mapped(text(args, 0), to_lower).into())
}

/// Each character mapped; the text itself when none changes.
fn mapped<'a>(text: &Str<'a>, mut map: impl FnMut(char) -> char) -> Str<'a> {
    let before = text.to_str();
    let after: String = before.chars().map(&mut map).collect();
    if after == before && !matches!(text, Str::Bytes(_)) { text.clone() } else { after.into() }
}

/// `strings.Title`: the first letter of each word in the case of titles; an apostrophe ends a word.
pub(super) fn title<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut before = ' ';
    let title = mapped(text(args, 0), |c| {
        let starts = separates(before);
        before = c;
        if starts { to_title(c) } else { c }
    });
    Ok(title.into())
}

fn separates(c: char) -> bool {
    if c.is_ascii() {
        return !(c.is_ascii_alphanumeric() || c == '_');
    }
    !is_letter(c) && !is_digit(c) && is_space(c)
}

pub(super) fn untitle<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut starts = true;
    let untitled = mapped(text(args, 0), |c| {
        let small = if starts { to_lower(c) } else { c };
        starts = is_space(c);
        small
    });
    Ok(untitled.into())
}

pub(super) fn swapcase<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut starts = true;
    let swapped = mapped(text(args, 0), |c| {
        if is_upper(c) || is_title(c) {
            starts = false;
            to_lower(c)
        } else if is_lower(c) {
            let swapped = if starts { to_title(c) } else { to_upper(c) };
            starts = false;
            swapped
        } else {
            starts = is_space(c);
            c
        }
    });
    Ok(swapped.into())
}

/// `xstrings.ToCamelCase`.
pub(super) fn camelcase<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0).to_str();
    let mut chars = text.chars();
    let mut out = String::with_capacity(text.len());
    let mut now = None;
    // Connectors at the start stay.
    for c in chars.by_ref() {
        if !connects(c) {
            now = Some(to_upper(c));
            break;
        }
        out.push(c);
        now = Some(c);
    }
    let Some(mut now) = now else { return Ok(out.into()) };
    if chars.as_str().is_empty() {
        // A text of connectors alone has its last one twice, in the original too.
        out.push(now);
        return Ok(out.into());
    }
    for c in chars {
        let before = now;
        now = c;
        if connects(now) && connects(before) {
            out.push(before);
        } else if connects(before) {
            now = to_upper(now);
        } else {
            now = to_lower(now);
            out.push(before);
        }
    }
    out.push(now);
    Ok(out.into())
}

pub(super) fn snakecase<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    connected(text(args, 0), '_')
}

pub(super) fn kebabcase<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    connected(text(args, 0), '-')
}

fn connects(c: char) -> bool {
    c == '-' || c == '_' || is_space(c)
}

fn alphabetic(c: char) -> bool {
    if !is_letter(c) {
        return false;
    }
    // xstrings leaves out Chinese characters.
    !matches!(u32::from(c), 0x3400..=0x4D85 | 0x4E00..=0x9FCC | 0x20000..=0x2B81D)
}

/// What a run of characters is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Run {
    Nothing,
    Number,
    Upper,
    Alphabet,
    Connector,
    Punct,
    Other,
}

/// `xstrings.ToSnakeCase` and `ToKebabCase`. The order of steps is the original's.
fn connected<'a>(text: &Str<'a>, connector: char) -> Answer<'a> {
    let whole: String = runes(text.as_bytes()).map(|(c, _)| c).collect();
    if whole.is_empty() {
        return Ok(text.clone().into());
    }
    let mut out = Out { text: String::with_capacity(whole.len() + 8), connector };
    let (mut run, mut word, mut rest) = next_run(&whole);
    while !rest.is_empty() {
        if run != Run::Connector {
            out.lower(run, word);
        }
        let (before, last) = (run, word);
        (run, word, rest) = next_run(rest);
        match before {
            Run::Number => {
                (run, word, rest) = out.take_letters(run, word, rest);
                out.connect_unless(run, &[Run::Nothing, Run::Punct, Run::Connector]);
            }
            Run::Connector => out.lower(before, last),
            Run::Punct => {}
            _ if run != Run::Number => out.connect_unless(run, &[Run::Connector, Run::Punct]),
            _ if rest.is_empty() => {}
            _ => {
                let number = word;
                (run, word, rest) = next_run(rest);
                if run == Run::Alphabet {
                    // Small letters follow the number: it begins a word.
                    out.text.push(connector);
                    out.lower(Run::Number, number);
                    (run, word, rest) = out.take_letters(run, word, rest);
                    out.connect_unless(run, &[Run::Nothing, Run::Connector, Run::Punct]);
                } else {
                    // The number belongs to the word before it.
                    out.lower(Run::Number, number);
                    out.connect_unless(run, &[Run::Connector, Run::Punct]);
                }
            }
        }
        limits::bytes(out.text.len())?;
    }
    out.lower(run, word);
    Ok(out.text.into())
}

struct Out {
    text: String,
    connector: char,
}

impl Out {
    fn lower(&mut self, run: Run, word: &str) {
        if run != Run::Upper && run != Run::Connector {
            self.text.push_str(word);
            return;
        }
        for c in word.chars() {
            self.text.push(match c {
                c if connects(c) => self.connector,
                c if is_upper(c) => to_lower(c),
                c => c,
            });
        }
    }

    /// Writes the letters and numbers that follow at once.
    fn take_letters<'t>(
        &mut self,
        mut run: Run,
        mut word: &'t str,
        mut rest: &'t str,
    ) -> (Run, &'t str, &'t str) {
        while run == Run::Alphabet || run == Run::Number {
            self.lower(run, word);
            (run, word, rest) = next_run(rest);
        }
        (run, word, rest)
    }

    fn connect_unless(&mut self, run: Run, not: &[Run]) {
        if !not.contains(&run) {
            self.text.push(self.connector);
        }
    }
}

/// Splits off the first run of characters of one sort.
fn next_run(text: &str) -> (Run, &str, &str) {
    let mut chars = text.chars();
    let Some(first) = chars.next() else { return (Run::Nothing, "", "") };
    let after = chars.as_str();
    let taken = |part_of: &dyn Fn(char) -> bool| {
        let left = after.trim_start_matches(part_of);
        text.len() - left.len()
    };
    let small = |c: char| alphabetic(c) && !is_upper(c);
    let (run, end) = if connects(first) {
        (Run::Connector, taken(&connects))
    } else if is_punct(first) {
        (Run::Punct, taken(&is_punct))
    } else if is_upper(first) {
        (Run::Upper, upper_end(text, first, after, &small))
    } else if alphabetic(first) {
        (Run::Alphabet, taken(&small))
    } else if is_number(first) {
        (Run::Number, taken(&is_number))
    } else {
        let other = |c: char| !(connects(c) || alphabetic(c) || is_number(c) || is_punct(c));
        (Run::Other, taken(&other))
    };
    let (word, rest) = text.split_at(end);
    (run, word, rest)
}

/// `HTTP` of `HTTPStatus`, `Status` of `StatusCode`.
fn upper_end(text: &str, first: char, after: &str, small: &dyn Fn(char) -> bool) -> usize {
    match after.chars().next() {
        Some(second) if is_upper(second) => {
            let left = after.trim_start_matches(is_upper);
            let end = text.len() - left.len();
            match left.chars().next() {
                // The last capital belongs to the word that follows.
                Some(next) if alphabetic(next) => {
                    let last = text[..end].chars().next_back().map_or(0, char::len_utf8);
                    end - last
                }
                _ => end,
            }
        }
        Some(second) if alphabetic(second) => text.len() - after.trim_start_matches(small).len(),
        _ => first.len_utf8(),
    }
}
