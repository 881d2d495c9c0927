//! A line of a config as it may be shown: without what could be a secret.

use std::ops::Range;

/// The longest part of a line that is shown, in characters.
const WIDTH: usize = 120;

/// Words in a key whose value is not shown.
const SECRET: [&str; 13] = [
    "token",
    "password",
    "passwd",
    "secret",
    "apikey",
    "api_key",
    "api-key",
    "authorization",
    "auth",
    "credential",
    "cookie",
    "endpoint",
    "url",
];

/// A line, and what is marked in it, in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shown {
    pub(super) line: String,
    pub(super) from: usize,
    pub(super) length: usize,
}

/// Whether the value of this key is a secret, or may hold one.
pub(crate) fn is_secret(key: &str) -> bool {
    let key = key.to_ascii_lowercase();
    // Keys of files are paths.
    !key.ends_with("file") && SECRET.iter().any(|word| key.contains(word))
}

/// The line with `marked` in it; nothing for a line that has no key: it may be a part of a text.
pub(super) fn line(line: &str, marked: Range<usize>) -> Option<Shown> {
    let is_item = line.trim_start().starts_with("- ");
    if !is_item && !line.contains(':') {
        return None;
    }
    let mut shown = String::with_capacity(line.len());
    let mut from = None;
    let mut to = 0;
    let mut rest = line;
    loop {
        let (kept, hidden) = match secret(rest) {
            Some((start, end)) => (&rest[..start], start..end),
            None => (rest, rest.len()..rest.len()),
        };
        let at = line.len() - rest.len();
        for (offset, c) in kept.char_indices() {
            let place = at + offset;
            if place >= marked.start {
                from.get_or_insert(shown.chars().count());
            }
            // A tab is as wide as the mark under it.
            shown.push(if c.is_control() { ' ' } else { c });
            if place < marked.end {
                to = shown.chars().count();
            }
        }
        if hidden.is_empty() {
            break;
        }
        if at + hidden.end > marked.start {
            from.get_or_insert(shown.chars().count());
        }
        shown.push_str("***");
        if at + hidden.start < marked.end {
            to = shown.chars().count();
        }
        rest = &rest[hidden.end..];
    }
    let from = from.unwrap_or(shown.chars().count());
    let length = to.saturating_sub(from).max(1);
    let shown = if shown.chars().count() > WIDTH {
        // A mark beyond what is shown would point at nothing.
        if from + 1 > WIDTH {
            return None;
        }
        shown.chars().take(WIDTH).collect::<String>() + "…"
    } else {
        shown
    };
    let length = length.min(shown.chars().count().saturating_sub(from).max(1));
    Some(Shown { line: shown, from, length })
}

/// Where the first value of a secret key begins and ends.
fn secret(text: &str) -> Option<(usize, usize)> {
    let mut from = 0;
    while let Some(colon) = text[from..].find(':').map(|at| from + at) {
        let key = text[from..colon].trim_end().trim_end_matches(['"', '\'']);
        let key = key.rsplit([' ', '{', ',', '"', '\'']).next().unwrap_or_default();
        let value = text[colon + 1..].trim_start();
        let start = text.len() - value.len();
        if is_secret(key) && start > colon + 1 && !value.is_empty() {
            // In flow style other keys follow; quotes may hold anything.
            let end = match value.as_bytes()[0] {
                quote @ (b'"' | b'\'') => {
                    value[1..].find(char::from(quote)).map_or(value.len(), |at| at + 2)
                }
                _ if text[..colon].contains('{') => value.find([',', '}']).unwrap_or(value.len()),
                _ => value.len(),
            };
            let is_reference = value[..end].trim_matches(['"', '\'', ' ']).starts_with('$');
            if !is_reference {
                return Some((start, start + end));
            }
        }
        from = colon + 1;
        // `https://user:password@host`
        if let Some(rest) = text[from..].strip_prefix("//")
            && let Some(at) = rest.find('@')
            && !rest[..at].contains([' ', '/'])
        {
            return Some((from + 2, from + 2 + at));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn show(text: &str, part: &str) -> String {
        let start = text.find(part).unwrap();
        match line(text, start..start + part.len()) {
            Some(shown) => {
                format!("{}\n{}{}", shown.line, " ".repeat(shown.from), "^".repeat(shown.length))
            }
            None => "nothing".into(),
        }
    }

    #[test]
    fn what_is_wrong_is_marked() {
        assert_eq!(show("  kindd: Pod", "kindd"), "  kindd: Pod\n  ^^^^^");
        assert_eq!(show("\t- é: Pod", "Pod"), " - é: Pod\n      ^^^");
        assert_eq!(show("a: b", "b"), "a: b\n   ^");
        assert_eq!(line("a: b", 4..4).unwrap().from, 4);
    }

    #[test]
    fn secrets_are_not_shown() {
        assert_eq!(show("  token: s3cret", "s3cret"), "  token: ***\n         ^^^");
        assert_eq!(show("{apiKey: 's,}3', x: y}", "x"), "{apiKey: ***, x: y}\n              ^");
        assert_eq!(show("{X-Token: s3, x: y}", "x:"), "{X-Token: ***, x: y}\n               ^^");
        assert_eq!(
            show("- https://u:p@host/ a: b", "host"),
            "- https://***@host/ a: b\n              ^^^^"
        );
        assert_eq!(show("token: ${X}", "${X}"), "token: ${X}\n       ^^^^");
        assert_eq!(show("  s3cret of many lines", "s3cret"), "nothing");
        assert_eq!(show("caFile: /tmp/token", "/tmp"), "caFile: /tmp/token\n        ^^^^");
    }

    #[test]
    fn a_long_line_is_cut() {
        let long = format!("a: {}", "x".repeat(500));
        assert_eq!(show(&long, "a").lines().next().unwrap().chars().count(), WIDTH + 1);
        assert_eq!(line(&long, 400..401), None);
    }
}
