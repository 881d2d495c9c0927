//! Text of strangers, made safe to show: events and answers of servers can hold anything.

use std::fmt::Write;

/// `text` on one line, with everything shown that a terminal would obey or hide.
pub(crate) fn visible(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for (index, part) in text.trim().split(['\n', '\r']).enumerate() {
        let part = if index == 0 { part } else { part.trim() };
        if part.is_empty() {
            continue;
        }
        if index > 0 {
            shown.push_str(" ⏎ ");
        }
        for char in part.chars() {
            push_visible(&mut shown, char);
        }
    }
    shown
}

fn push_visible(shown: &mut String, char: char) {
    match char {
        '\t' => shown.push(' '),
        // The pictures of the control characters stand in their own order.
        '\0'..='\x1f' => shown.extend(char::from_u32(0x2400 + u32::from(char))),
        '\x7f' => shown.push('␡'),
        // C1 controls, line separators, and the marks that turn the direction of text around.
        '\u{80}'..='\u{9f}'
        | '\u{2028}'..='\u{202e}'
        | '\u{200e}'
        | '\u{200f}'
        | '\u{061c}'
        | '\u{2066}'..='\u{2069}' => {
            write!(shown, "\\u{{{:x}}}", u32::from(char)).expect("a string takes every write");
        }
        _ => shown.push(char),
    }
}
