//! Go's replacement texts, in which `$1`, `$name` and `${name}` stand for what groups matched.

use std::sync::LazyLock;

use regex::{Captures, Regex};

/// The characters that can be in the name of a group, as many as there are.
static NAME: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"\A[\p{L}\p{Nd}_]+").ok());

/// Writes `template` with the groups of one match put in. A port of `regexp.Regexp.Expand`.
pub(crate) fn expand(out: &mut String, template: &str, names: &[String], groups: &Captures<'_>) {
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('$') {
        out.push_str(before);
        rest = after;
        if let Some(after) = rest.strip_prefix('$') {
            out.push('$');
            rest = after;
            continue;
        }
        let Some((name, after)) = reference(rest) else {
            // Not the name of a group: the sign stands for itself.
            out.push('$');
            continue;
        };
        rest = after;
        let group = match number(name) {
            Some(number) => groups.get(number),
            // Go allows a name twice; the first group of that name that matched counts.
            None => (names.iter().enumerate())
                .filter(|(_, known)| known.as_str() == name)
                .find_map(|(index, _)| groups.get(index + 1)),
        };
        out.push_str(group.map_or("", |group| group.as_str()));
    }
    out.push_str(rest);
}

/// The name at the start of `text`, with or without braces, and what follows it.
fn reference(text: &str) -> Option<(&str, &str)> {
    let (inner, braces) = match text.strip_prefix('{') {
        Some(inner) => (inner, true),
        None => (text, false),
    };
    let name = NAME.as_ref()?.find(inner)?.as_str();
    let rest = &inner[name.len()..];
    let rest = if braces { rest.strip_prefix('}')? } else { rest };
    Some((name, rest))
}

/// The number of a group; a name with a leading zero is no number.
fn number(name: &str) -> Option<usize> {
    let leading_zero = name.len() > 1 && name.starts_with('0');
    let digits = name.bytes().all(|byte| byte.is_ascii_digit());
    // Go reads at most nine digits as a number.
    (digits && !leading_zero && name.len() <= 9).then(|| name.parse().ok()).flatten()
}
