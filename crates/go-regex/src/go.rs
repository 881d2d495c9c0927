//! Go's regular expressions, written in the syntax of the `regex` crate.
//!
//! A port of the parser in Go's `regexp/syntax`, with the flags that `regexp.Compile` sets. It
//! accepts and rejects what Go does, with Go's words, and instead of a tree it writes a pattern in
//! which nothing is left to interpretation: every escape, class and flag is spelled out. Groups and
//! greediness decide only where a text matches; they are dropped where nobody asks for that.

use crate::{
    class,
    escape::{self, NOTHING, write_point},
    invalid::{Invalid, Mistake},
};

/// The most copies that Go lets a repetition ask for, nested ones multiplied.
const MAX_COPIES: u32 = 1000;

/// What a translation has to preserve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keep {
    /// Whether a text matches.
    Matches,
    /// Where it matches, and what its groups match.
    Positions,
}

/// A pattern in Rust's syntax.
#[derive(Debug)]
pub(crate) struct Translated {
    pub(crate) regex: String,
    /// The names of its groups, from the first on; empty where a group has none. Rust would refuse
    /// the same name twice, so none is in the pattern. Nothing when only matches are kept.
    pub(crate) names: Vec<String>,
}

/// Writes `pattern` in Rust's syntax, or says why Go rejects it.
pub(crate) fn translate(pattern: &str, keep: Keep) -> Result<Translated, Invalid> {
    let mut parser = Parser::new(pattern, keep);
    parser.run()?;
    Ok(Translated { regex: parser.out, names: parser.names })
}

/// The flags that change what matches.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "Go has these four flags")]
struct Flags {
    /// `i`
    fold: bool,
    /// `m`
    lines: bool,
    /// `s`
    dot_all: bool,
    /// `U`
    lazy: bool,
}

/// The part of the output that a repetition operator would repeat.
#[derive(Debug, Clone, Copy)]
struct Atom {
    /// Where it starts in the output.
    start: usize,
    /// Copies of its innermost part, by the repetitions in it.
    copies: u32,
}

/// A parenthesis that is still open, or the pattern as a whole.
#[derive(Debug, Default)]
struct Group {
    /// Where it starts in the output.
    start: usize,
    /// The flags to go back to.
    flags: Flags,
    /// The most copies asked for by an atom in it.
    copies: u32,
}

struct Parser<'p> {
    whole: &'p str,
    rest: &'p str,
    flags: Flags,
    open: Vec<Group>,
    group: Group,
    /// What `*` would repeat; nothing at the start, after `(` and after `|`.
    atom: Option<Atom>,
    keep: Keep,
    names: Vec<String>,
    out: String,
}

impl<'p> Parser<'p> {
    fn new(whole: &'p str, keep: Keep) -> Self {
        Self {
            whole,
            rest: whole,
            flags: Flags::default(),
            open: Vec::new(),
            group: Group::default(),
            atom: None,
            keep,
            names: Vec::new(),
            out: String::with_capacity(whole.len() * 2),
        }
    }

    fn run(&mut self) -> Result<(), Invalid> {
        // The repetition operator just read, with all that follows it: a second one is an error.
        let mut operator = None;
        while let Some(first) = self.rest.chars().next() {
            let before = self.rest;
            let after = &before[first.len_utf8()..];
            let repetition = match first {
                '*' => Some((0, None, after)),
                '+' => Some((1, None, after)),
                '?' => Some((0, Some(1), after)),
                '{' => counted(before)?,
                _ => None,
            };
            self.rest = after;
            if let Some((min, max, after)) = repetition {
                self.repeat(min, max, before, after, operator)?;
                operator = Some(before);
                continue;
            }
            operator = None;
            match first {
                '(' => self.open(before)?,
                ')' => self.close()?,
                '|' => {
                    self.settle();
                    self.out.push('|');
                }
                '^' if self.flags.lines => self.push("(?m:^)"),
                '^' => self.push(r"\A"),
                '$' if self.flags.lines => self.push("(?m:$)"),
                '$' => self.push(r"\z"),
                '.' if self.flags.dot_all => self.push("(?s:.)"),
                '.' => self.push(r"[^\n]"),
                '[' => {
                    let (class, rest) = class::bracketed(before)?;
                    self.push_class(&class);
                    self.rest = rest;
                }
                '\\' => self.escape(before)?,
                _ => self.literal(first.into()),
            }
        }
        if self.open.is_empty() {
            Ok(())
        } else {
            Err(Invalid::new(Mistake::MissingParen, self.whole))
        }
    }

    /// Ends the current atom: no operator can reach it any more.
    fn settle(&mut self) {
        if let Some(atom) = self.atom.take() {
            self.group.copies = self.group.copies.max(atom.copies);
        }
    }

    fn push(&mut self, text: &str) {
        self.settle();
        self.atom = Some(Atom { start: self.out.len(), copies: 1 });
        self.out.push_str(text);
    }

    fn push_class(&mut self, class: &str) {
        if self.flags.fold {
            self.push(&format!("(?i:{class})"));
        } else {
            self.push(class);
        }
    }

    /// One code point. Go allows surrogates here, which no text contains.
    fn literal(&mut self, point: u32) {
        if char::from_u32(point).is_none() {
            return self.push(NOTHING);
        }
        let mut text = String::new();
        write_point(&mut text, point);
        self.push_class(&text);
    }

    fn repeat(
        &mut self,
        min: u32,
        max: Option<u32>,
        before: &'p str,
        after: &'p str,
        operator: Option<&'p str>,
    ) -> Result<(), Invalid> {
        let (after, marked) = match after.strip_prefix('?') {
            Some(after) => (after, true),
            None => (after, false),
        };
        if let Some(operator) = operator {
            return Err(Invalid::up_to(Mistake::NestedRepetition, operator, after));
        }
        let Some(atom) = &mut self.atom else {
            return Err(Invalid::up_to(Mistake::NothingToRepeat, before, after));
        };
        // Go counts only what is written in braces, and nothing inside of `{0}`.
        if before.starts_with('{') {
            atom.copies = match max.unwrap_or(min) {
                0 if max.is_some() => 1,
                times => atom.copies * times.max(1),
            };
            if atom.copies > MAX_COPIES {
                return Err(Invalid::up_to(Mistake::RepeatSize, before, after));
            }
        }
        self.out.insert_str(atom.start, "(?:");
        let max = max.map(|max| max.to_string()).unwrap_or_default();
        let times = format!("){{{min},{max}}}");
        self.out.push_str(&times);
        if self.keep == Keep::Positions && marked != self.flags.lazy {
            self.out.push('?');
        }
        self.rest = after;
        Ok(())
    }

    fn open(&mut self, before: &'p str) -> Result<(), Invalid> {
        let Some(after) = before.strip_prefix("(?") else {
            self.open_group(Some(""));
            return Ok(());
        };
        let named = after.strip_prefix("P<").or_else(|| after.strip_prefix('<'));
        if let Some(named) = named.filter(|named| !named.is_empty()) {
            let Some((name, rest)) = named.split_once('>') else {
                return Err(Invalid::new(Mistake::NamedCapture, before));
            };
            let valid = |c: char| c == '_' || c.is_ascii_alphanumeric();
            if name.is_empty() || !name.chars().all(valid) {
                return Err(Invalid::up_to(Mistake::NamedCapture, before, rest));
            }
            self.open_group(Some(name));
            self.rest = rest;
            return Ok(());
        }
        let (flags, opens, rest) = read_flags(self.flags, before)?;
        if opens {
            self.open_group(None);
        }
        self.flags = flags;
        self.rest = rest;
        Ok(())
    }

    /// Opens a group; one that captures has a name, maybe an empty one.
    fn open_group(&mut self, name: Option<&str>) {
        self.settle();
        let group = Group { start: self.out.len(), flags: self.flags, copies: 1 };
        self.open.push(std::mem::replace(&mut self.group, group));
        match name {
            Some(name) if self.keep == Keep::Positions => {
                self.names.push(name.into());
                self.out.push('(');
            }
            _ => self.out.push_str("(?:"),
        }
    }

    fn close(&mut self) -> Result<(), Invalid> {
        let Some(outer) = self.open.pop() else {
            return Err(Invalid::new(Mistake::UnexpectedParen, self.whole));
        };
        self.settle();
        let group = std::mem::replace(&mut self.group, outer);
        self.out.push(')');
        self.flags = group.flags;
        self.atom = Some(Atom { start: group.start, copies: group.copies });
        Ok(())
    }

    fn escape(&mut self, before: &'p str) -> Result<(), Invalid> {
        let mut chars = before[1..].chars();
        let rest = match chars.next() {
            Some('A') => {
                self.push(r"\A");
                chars.as_str()
            }
            Some('z') => {
                self.push(r"\z");
                chars.as_str()
            }
            Some('b') => {
                self.push(r"(?-u:\b)");
                chars.as_str()
            }
            Some('B') => {
                self.push(r"(?-u:\B)");
                chars.as_str()
            }
            Some('Q') => {
                let quoted = chars.as_str();
                let (quoted, rest) = quoted.split_once(r"\E").unwrap_or((quoted, ""));
                for point in quoted.chars() {
                    self.literal(point.into());
                }
                rest
            }
            _ => {
                if let Some((class, rest)) = class::escaped(before)? {
                    self.push_class(&format!("[{class}]"));
                    rest
                } else {
                    let (point, rest) = escape::single(before)?;
                    self.literal(point);
                    rest
                }
            }
        };
        self.rest = rest;
        Ok(())
    }
}

/// Reads `(?flags)` or `(?flags:`; says also whether a group opens.
fn read_flags(mut flags: Flags, before: &str) -> Result<(Flags, bool, &str), Invalid> {
    let mut chars = before["(?".len()..].chars();
    let mut on = true;
    let mut seen = false;
    loop {
        let flag = chars.next();
        match flag {
            Some('i') => flags.fold = on,
            Some('m') => flags.lines = on,
            Some('s') => flags.dot_all = on,
            Some('U') => flags.lazy = on,
            Some('-') if on => {
                on = false;
                seen = false;
                continue;
            }
            Some(':' | ')') if on || seen => return Ok((flags, flag == Some(':'), chars.as_str())),
            _ => return Err(Invalid::up_to(Mistake::PerlSyntax, before, chars.as_str())),
        }
        seen = true;
    }
}

/// A repetition: least, most (`None` is no limit), and what follows it.
type Repetition<'p> = (u32, Option<u32>, &'p str);

/// Reads `{2}`, `{2,}` or `{2,3}`; any other `{` is an ordinary character.
fn counted(before: &str) -> Result<Option<Repetition<'_>>, Invalid> {
    let Some((min, max, after)) = braces(before) else {
        return Ok(None);
    };
    let fits = min <= MAX_COPIES && max.is_none_or(|max| min <= max && max <= MAX_COPIES);
    if fits {
        Ok(Some((min, max, after)))
    } else {
        Err(Invalid::up_to(Mistake::RepeatSize, before, after))
    }
}

fn braces(before: &str) -> Option<Repetition<'_>> {
    let (min, rest) = number(before.strip_prefix('{')?)?;
    let (max, rest) = match rest.strip_prefix(',') {
        None => (Some(min), rest),
        Some(rest) if rest.starts_with('}') => (None, rest),
        Some(rest) => number(rest).map(|(max, rest)| (Some(max), rest))?,
    };
    Some((min, max, rest.strip_prefix('}')?))
}

/// Reads a decimal number without leading zeros; one too big to hold is the biggest.
fn number(text: &str) -> Option<(u32, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (digits, rest) = text.split_at(end);
    let leading_zero = digits.len() > 1 && digits.starts_with('0');
    let valid = !digits.is_empty() && !leading_zero;
    valid.then(|| (digits.parse().unwrap_or(u32::MAX), rest))
}
