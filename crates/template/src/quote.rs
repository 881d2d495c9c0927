//! `strconv.Quote` and `strconv.Unquote`: Go's string literals, in templates and in what they print.

/// Whether Go prints a character as it is: letters, marks, numbers, punctuation, symbols and the space.
pub(crate) fn is_print(char: char) -> bool {
    if char.is_ascii() {
        return matches!(char, ' '..='~');
    }
    // The standard library knows the same classes, but only tells by escaping. What stands first is
    // escaped more strictly, hence the letter.
    let mut buffer = [b'a', 0, 0, 0, 0];
    let length = 1 + char.encode_utf8(&mut buffer[1..]).len();
    let text = str::from_utf8(&buffer[..length]).unwrap_or_default();
    text.escape_debug().nth(1) == Some(char)
}

/// A Go string literal. `ascii` escapes everything else, as `%+q` does.
pub(crate) fn quote(bytes: &[u8], ascii: bool) -> String {
    let mut out = String::with_capacity(bytes.len() + 2);
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for char in chunk.valid().chars() {
            escape(&mut out, char, '"', ascii);
        }
        for byte in chunk.invalid() {
            hex(&mut out, *byte);
        }
    }
    out.push('"');
    out
}

/// A Go character literal; what is no character becomes U+FFFD.
pub(crate) fn quote_char(number: i64, ascii: bool) -> String {
    let mut out = String::from("'");
    escape(&mut out, char_of(number), '\'', ascii);
    out.push('\'');
    out
}

/// The character of this number, or U+FFFD.
pub(crate) fn char_of(number: i64) -> char {
    let char = u32::try_from(number).ok().and_then(char::from_u32);
    char.unwrap_or(char::REPLACEMENT_CHARACTER)
}

fn escape(out: &mut String, char: char, quote: char, ascii: bool) {
    match char {
        '\\' => out.push_str("\\\\"),
        _ if char == quote => {
            out.push('\\');
            out.push(char);
        }
        _ if is_print(char) && (char.is_ascii() || !ascii) => out.push(char),
        '\x07' => out.push_str("\\a"),
        '\x08' => out.push_str("\\b"),
        '\x0c' => out.push_str("\\f"),
        '\n' => out.push_str("\\n"),
        '\r' => out.push_str("\\r"),
        '\t' => out.push_str("\\t"),
        '\x0b' => out.push_str("\\v"),
        '\0'..' ' | '\x7f' => hex(out, u8::try_from(char).unwrap_or_default()),
        _ if u32::from(char) < 0x1_0000 => {
            out.extend(format!("\\u{:04x}", u32::from(char)).chars());
        }
        _ => {
            out.extend(format!("\\U{:08x}", u32::from(char)).chars());
        }
    }
}

fn hex(out: &mut String, byte: u8) {
    out.extend(format!("\\x{byte:02x}").chars());
}

/// The value of a Go string literal, quoted or raw; `None` when it is none.
pub(crate) fn unquote(literal: &str) -> Option<Vec<u8>> {
    let quote = literal.chars().next()?;
    let inner = literal.get(1..literal.len().checked_sub(1)?)?;
    if literal.len() < 2 || !literal.ends_with(quote) {
        return None;
    }
    if quote == '`' {
        // Carriage returns do not count in raw strings.
        return (!inner.contains('`'))
            .then(|| inner.bytes().filter(|byte| *byte != b'\r').collect());
    }
    if quote != '"' || inner.contains('\n') {
        return None;
    }
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while !rest.is_empty() {
        let (unit, after) = unquote_unit(rest, '"')?;
        match unit {
            Unit::Char(char) => {
                out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Unit::Byte(byte) => out.push(byte),
        }
        rest = after;
    }
    Some(out)
}

/// The value of a Go character literal; `None` when it is none.
pub(crate) fn unquote_char(literal: &str) -> Result<i64, &'static str> {
    let inner = literal.get(1..).unwrap_or_default();
    let (unit, tail) = unquote_unit(inner, '\'').ok_or("invalid syntax")?;
    if tail != "'" {
        return Err("malformed character constant");
    }
    Ok(match unit {
        Unit::Char(char) => i64::from(u32::from(char)),
        Unit::Byte(byte) => i64::from(byte),
    })
}

enum Unit {
    Char(char),
    Byte(u8),
}

fn unquote_unit(text: &str, quote: char) -> Option<(Unit, &str)> {
    let mut chars = text.chars();
    let first = chars.next()?;
    if first == quote {
        return None;
    }
    if first != '\\' {
        return Some((Unit::Char(first), chars.as_str()));
    }
    let escaped = chars.next()?;
    let rest = chars.as_str();
    let digits = |length: usize, radix: u32| -> Option<(u32, &str)> {
        let digits = rest.get(..length)?;
        let plain = digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        let number = plain.then(|| u32::from_str_radix(digits, radix).ok())??;
        Some((number, &rest[length..]))
    };
    let plain = |char| Some((Unit::Char(char), rest));
    match escaped {
        'a' => plain('\x07'),
        'b' => plain('\x08'),
        'f' => plain('\x0c'),
        'n' => plain('\n'),
        'r' => plain('\r'),
        't' => plain('\t'),
        'v' => plain('\x0b'),
        '\\' => plain('\\'),
        '\'' | '"' if escaped == quote => plain(escaped),
        'x' => {
            let (number, rest) = digits(2, 16)?;
            Some((Unit::Byte(u8::try_from(number).ok()?), rest))
        }
        'u' | 'U' => {
            let (number, rest) = digits(if escaped == 'u' { 4 } else { 8 }, 16)?;
            Some((Unit::Char(char::from_u32(number)?), rest))
        }
        '0'..='7' => {
            let octal = text.get(1..4)?;
            let plain = octal.bytes().all(|byte| matches!(byte, b'0'..=b'7'));
            let number = plain.then(|| u8::from_str_radix(octal, 8).ok())??;
            Some((Unit::Byte(number), &text[4..]))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read_and_written_as_in_go() {
        for (literal, value) in [
            (r#""a\tb\x41\101\u00e4\"""#, "a\tbAAä\""),
            ("`raw\\n`", "raw\\n"),
            ("\"日本\"", "日本"),
        ] {
            assert_eq!(unquote(literal).unwrap(), value.as_bytes());
        }
        for literal in ["\"", "\"a", r#""\q""#, r#""\'""#, r#""\400""#, "'a'", ""] {
            assert_eq!(unquote(literal), None, "{literal}");
        }
        assert_eq!(unquote_char("'\\''"), Ok(39));
        assert_eq!(unquote_char("'ab'"), Err("malformed character constant"));
        assert_eq!(
            quote("a\"\\\n\u{7f}\u{a0}ä\u{301}😀\u{e000}".as_bytes(), false),
            "\"a\\\"\\\\\\n\\x7f\\u00a0ä\u{301}😀\\ue000\""
        );
        assert_eq!(quote("ä😀".as_bytes(), true), "\"\\u00e4\\U0001f600\"");
        assert_eq!(quote(b"\xff", false), "\"\\xff\"");
        assert_eq!(quote_char(39, false), "'\\''");
    }
}
