//! `!int`, `!bool` and `!json`: what a template printed, as something else than text.

use serde::de::IgnoredAny;

/// What the text becomes.
#[derive(Debug, Clone, Copy)]
pub(super) enum Tag {
    /// A whole number.
    Int,
    /// `true` or `false`.
    Bool,
    /// Whatever JSON it is.
    Json,
}

impl Tag {
    pub(super) fn of(tag: &str) -> Option<Self> {
        match tag {
            "!int" => Some(Self::Int),
            "!bool" => Some(Self::Bool),
            "!json" => Some(Self::Json),
            _ => None,
        }
    }

    /// Appends the JSON; nothing, and what Go prints for a label that is not there, is `null`.
    pub(super) fn write(self, out: &mut Vec<u8>, text: &str) -> Result<(), String> {
        let text = text.trim();
        if text.is_empty() || text == "<no value>" {
            out.extend_from_slice(b"null");
            return Ok(());
        }
        match self {
            Self::Int => {
                let number: i128 = text
                    .parse()
                    .map_err(|_| format!("`!int`: {} is no whole number", shown(text)))?;
                out.extend_from_slice(number.to_string().as_bytes());
            }
            Self::Bool => {
                let bool: bool = text
                    .parse()
                    .map_err(|_| format!("`!bool`: {} is neither true nor false", shown(text)))?;
                out.extend_from_slice(bool.to_string().as_bytes());
            }
            Self::Json => {
                serde_json::from_str::<IgnoredAny>(text)
                    .map_err(|error| format!("`!json`: {} is no JSON: {error}", shown(text)))?;
                compact(out, text);
            }
        }
        Ok(())
    }
}

/// A text in an error: its beginning.
fn shown(text: &str) -> String {
    const LENGTH: usize = 60;
    let short: String = text.chars().take(LENGTH).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("`{}{more}`", short.escape_debug())
}

/// JSON without the space between its parts, HTML escaped as everywhere in a layout.
fn compact(out: &mut Vec<u8>, json: &str) {
    let (mut inside, mut escaped) = (false, false);
    for char in json.chars() {
        if !inside && char.is_ascii_whitespace() {
            continue;
        }
        match char {
            '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(char)).as_bytes());
            }
            char => out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
        }
        match char {
            '"' if !escaped => inside = !inside,
            '\\' => {
                escaped = !escaped;
                continue;
            }
            _ => {}
        }
        escaped = false;
    }
}
