//! A place inside of a text: where in the file a character of a scalar stands.

/// The offset in `raw`, which is a scalar as it is written, of the character at `offset` of the text that it means.
///
/// Between the two only whitespace differs (folded lines, indentation), and quotes do; so what counts are the other
/// characters before it.
pub(super) fn place(raw: &str, text: &str, offset: usize) -> usize {
    let before = text.get(..offset).unwrap_or(text);
    let mut left = before.chars().filter(|char| !char.is_whitespace()).count();
    let quote = raw.chars().next().filter(|char| matches!(char, '"' | '\''));
    let mut at = match raw.chars().next() {
        Some('"' | '\'') => 1,
        // The line behind `|` or `>` says how the block is to be read.
        Some('|' | '>') => raw.find('\n').map_or(raw.len(), |end| end + 1),
        _ => 0,
    };
    while let Some(char) = raw[at..].chars().next() {
        let rest = &raw[at + char.len_utf8()..];
        let (length, is_space) = match (quote, char, rest.chars().next()) {
            (Some('"'), '\\', Some(escaped)) => (1 + escape(escaped), is_white(escaped)),
            (Some('\''), '\'', Some('\'')) => (2, false),
            _ => (char.len_utf8(), char.is_whitespace()),
        };
        if left == 0 && !is_space {
            return at;
        }
        left -= usize::from(!is_space);
        at = (at + length).min(raw.len());
        while !raw.is_char_boundary(at) {
            at += 1;
        }
    }
    raw.len()
}

/// How long an escape is behind its backslash.
fn escape(char: char) -> usize {
    match char {
        'x' => 3,
        'u' => 5,
        'U' => 9,
        char => char.len_utf8(),
    }
}

/// Whether an escape is whitespace: what it means is, or it only breaks the line.
fn is_white(escaped: char) -> bool {
    matches!(
        escaped,
        'n' | 'r' | 't' | ' ' | '\t' | '\n' | '\r' | 'v' | 'f' | 'N' | '_' | 'L' | 'P'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_character_is_found_however_the_text_is_written() {
        let text = "a == \"b\" && größe\n";
        for raw in [
            "a == \"b\" && größe",
            "'a == \"b\" && größe'",
            "\"a == \\\"b\\\" && größe\"",
            "a ==\n      \"b\"\n      && größe",
            "|\n    a == \"b\" && größe\n",
            ">-\n    a == \"b\"\n    && größe",
            "\"a\\t==\\n\\\"b\\\" \\\n   && größe\"",
        ] {
            for part in ["a", "b", "&&", "größe", "ße"] {
                let at = place(raw, text, text.find(part).expect("it is there"));
                assert!(raw[at..].starts_with(part), "{part} in {raw:?}: {:?}", &raw[at..]);
            }
        }
    }

    #[test]
    fn a_place_behind_the_text_is_its_end() {
        assert_eq!(place("abc", "abc", 3), 3);
        assert_eq!(place("", "", 9), 0);
        assert_eq!(place("\"\\u00", "x", 1), 5);
    }
}
