//! Abbreviations of time zones in a text, as Go's `time.Parse` finds their end.

/// How much of the text looks like the abbreviation of a zone.
pub(super) fn zone_length(text: &[u8]) -> Option<usize> {
    if text.len() < 3 {
        return None;
    }
    if text.starts_with(b"ChST") || text.starts_with(b"MeST") {
        return Some(4);
    }
    if let Some(offset) = text.strip_prefix(b"GMT") {
        return Some(3 + signed_offset(offset));
    }
    if matches!(text[0], b'+' | b'-') {
        return Some(signed_offset(text)).filter(|length| *length > 0);
    }
    match text.iter().take(6).take_while(|byte| byte.is_ascii_uppercase()).count() {
        3 => Some(3),
        4 if text[3] == b'T' || text.starts_with(b"WITA") => Some(4),
        5 if text[4] == b'T' => Some(5),
        _ => None,
    }
}

fn signed_offset(text: &[u8]) -> usize {
    let Some((b'+' | b'-', rest)) = text.split_first() else { return 0 };
    let length = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let hours = str::from_utf8(&rest[..length]).ok().and_then(|hours| hours.parse::<u64>().ok());
    if hours.is_some_and(|hours| hours <= 23) { 1 + length } else { 0 }
}
