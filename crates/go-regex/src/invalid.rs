//! Why a pattern is not valid, in Go's words, and what to write instead.

use crate::Pattern;

/// A pattern that Go rejects, or that we cannot compile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{mistake}: `{part}`")]
pub struct Invalid {
    mistake: Mistake,
    part: String,
}

/// The kinds of mistakes, worded as Go words them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Mistake {
    #[error("missing argument to repetition operator")]
    NothingToRepeat,
    #[error("invalid nested repetition operator")]
    NestedRepetition,
    #[error("invalid repeat count")]
    RepeatSize,
    #[error("missing closing )")]
    MissingParen,
    #[error("unexpected )")]
    UnexpectedParen,
    #[error("missing closing ]")]
    MissingBracket,
    #[error("invalid character class range")]
    CharRange,
    #[error("invalid escape sequence")]
    Escape,
    #[error("trailing backslash at end of expression")]
    TrailingBackslash,
    #[error("invalid named capture")]
    NamedCapture,
    #[error("invalid or unsupported Perl syntax")]
    PerlSyntax,
    /// Ours alone: Go's limits are higher.
    #[error("too large or too deeply nested")]
    TooLarge,
}

impl Invalid {
    pub(crate) fn new(mistake: Mistake, part: &str) -> Self {
        Self { mistake, part: part.into() }
    }

    /// The mistake is what stands in `from` before `rest`, which is the end of it.
    pub(crate) fn up_to(mistake: Mistake, from: &str, rest: &str) -> Self {
        Self::new(mistake, &from[..from.len() - rest.len()])
    }

    /// What to write instead of `pattern`, when that can be guessed.
    pub fn hint(&self, pattern: &str) -> Option<String> {
        let part = self.part.as_str();
        let fixed = match self.mistake {
            Mistake::NothingToRepeat => return glob(pattern),
            Mistake::NestedRepetition => {
                "write one repetition operator, or put the first into \
                                          parentheses"
            }
            Mistake::RepeatSize => {
                "a repetition is `{min,max}`, at most 1000, nested ones \
                                    multiplied"
            }
            Mistake::MissingParen => r"close the parenthesis, or write `\(` for the character",
            Mistake::UnexpectedParen => r"write `\)` for the character",
            Mistake::MissingBracket => r"close the bracket, or write `\[` for the character",
            Mistake::CharRange if part.starts_with('\\') => {
                r"name a Unicode category or script, such as `\p{L}` or `\p{Greek}`"
            }
            Mistake::CharRange if part.starts_with('[') => "name a class such as `[:alpha:]`",
            Mistake::CharRange => "write the lower end of the range first",
            Mistake::Escape => escape(part)?,
            Mistake::TrailingBackslash => r"write `\\` for the character",
            Mistake::NamedCapture | Mistake::PerlSyntax => extension(part),
            Mistake::TooLarge => "split the pattern over several rules",
        };
        Some(fixed.into())
    }
}

fn escape(part: &str) -> Option<&'static str> {
    match part.chars().nth(1)? {
        '1'..='9' => Some("there are no back-references; write out what must repeat"),
        'u' | 'U' | 'N' => Some(r"write a code point as `\x{e9}`"),
        'x' => Some(r"write two hexadecimal digits, or `\x{e9}`"),
        'Z' => Some(r"write `$` for the end of the text"),
        'b' | 'd' | 'D' | 's' | 'S' | 'w' | 'W' => {
            Some("inside of brackets this has no meaning, or no place in a range")
        }
        c if c.is_alphabetic() => Some("leave out the backslash to match the letter"),
        _ => None,
    }
}

fn extension(part: &str) -> &'static str {
    let looks = ["(?=", "(?!", "(?<=", "(?<!"];
    if looks.iter().any(|look| part.starts_with(look)) {
        "there is no look-around; to exclude something, write a `drop` rule"
    } else if part.starts_with("(?P<") || part.starts_with("(?<") {
        "a name is made of letters, digits and `_`, as in `(?P<name>…)`"
    } else {
        "groups are `(…)`, `(?:…)`, `(?P<name>…)` and `(?i)` with the flags i, m, s, U"
    }
}

/// Reads `*test*` as the glob that was probably meant.
fn glob(pattern: &str) -> Option<String> {
    let open_start = pattern.starts_with('*');
    let open_end = pattern.ends_with('*');
    let core = pattern.trim_matches('*');
    let literal = |c: char| c.is_alphanumeric() || "-_./: *".contains(c);
    if core.is_empty() {
        return Some("write `.*`, or leave the condition out, to match everything".into());
    }
    if !open_start || !core.chars().all(literal) {
        return Some(
            r"write what is to be repeated before the operator, or `\*` for the character".into(),
        );
    }
    let core = core.replace('.', r"\.").replace('*', ".*");
    let end = if open_end { "" } else { "$" };
    let any = if open_end { ".*" } else { "" };
    let (long, short) = (format!(".*{core}{any}{end}"), format!("{core}{end}"));
    Pattern::compile(&long).and(Pattern::compile(&short)).ok()?;
    Some(format!("this is a regex and no glob: write `{long}`, or just `{short}`"))
}
