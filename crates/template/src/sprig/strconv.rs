//! Numbers as Go's `strconv` reads them, with its errors.

use num_bigint::BigUint;

/// Reads an integer of 64 bits; base 0 takes the base from a prefix and allows `_` between digits.
pub(super) fn parse_int(text: &str, base: u32) -> Option<i64> {
    let (negative, digits) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    let number = i128::from(parse_uint(digits, base)?);
    i64::try_from(if negative { -number } else { number }).ok()
}

fn parse_uint(text: &str, base: u32) -> Option<u64> {
    if base != 0 {
        let valid = !text.is_empty() && text.chars().all(|c| c.is_digit(base));
        return valid.then(|| u64::from_str_radix(text, base).ok()).flatten();
    }
    if text.contains('_') && !underscores_are_in_place(text) {
        return None;
    }
    let lower = text.to_ascii_lowercase();
    let (base, digits) = match lower.as_bytes() {
        [b'0', b'x', _, ..] => (16, &lower[2..]),
        [b'0', b'o', _, ..] => (8, &lower[2..]),
        [b'0', b'b', _, ..] => (2, &lower[2..]),
        [b'0', ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if digits.is_empty() {
        // Nothing at all, or a zero alone.
        return (base == 8 && lower == "0").then_some(0);
    }
    let digits: String = digits.chars().filter(|c| *c != '_').collect();
    let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(base));
    valid.then(|| u64::from_str_radix(&digits, base).ok()).flatten()
}

/// An underscore stands between digits, or between the prefix of the base and a digit.
fn underscores_are_in_place(text: &str) -> bool {
    let text = text.strip_prefix(['-', '+']).unwrap_or(text).to_ascii_lowercase();
    let prefixed = ["0b", "0o", "0x"].iter().any(|prefix| text.starts_with(prefix));
    let hex = text.starts_with("0x");
    let (mut digit, mut underscore) = (prefixed, false);
    for c in text[if prefixed { 2 } else { 0 }..].chars() {
        let is_digit = c.is_ascii_digit() || hex && c.is_ascii_hexdigit();
        if c == '_' && !digit || !is_digit && c != '_' && underscore {
            return false;
        }
        underscore = c == '_';
        digit = is_digit;
    }
    !underscore
}

/// Reads a `float64`: decimal or hexadecimal, infinities, `NaN`; what is too large is refused.
pub(super) fn parse_float(text: &str) -> Option<f64> {
    let (sign, bare) = match text.as_bytes().first() {
        Some(b'-') => (-1.0, &text[1..]),
        Some(b'+') => (1.0, &text[1..]),
        _ => (1.0, text),
    };
    match bare.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => return Some(sign * f64::INFINITY),
        // Without a sign only.
        "nan" => return (bare.len() == text.len()).then_some(f64::NAN),
        _ => {}
    }
    if bare.starts_with(['+', '-']) || bare.contains('_') && !underscores_are_in_place(bare) {
        return None;
    }
    let plain: String = bare.chars().filter(|c| *c != '_').collect();
    let prefixed = plain.strip_prefix("0x").or_else(|| plain.strip_prefix("0X"));
    let number = if let Some(digits) = prefixed.filter(|digits| !digits.is_empty()) {
        hexadecimal(digits)?
    } else {
        // The same syntax as Go's once signs and words are gone.
        let syntax = plain
            .bytes()
            .all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'e' | b'E' | b'+' | b'-'));
        syntax.then(|| plain.parse::<f64>().ok()).flatten()?
    };
    number.is_finite().then_some(sign * number)
}

/// `1.8p3`: hexadecimal digits, then a power of two that must be there.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, power) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let all = format!("{whole}{fraction}");
    let valid = !all.is_empty() && all.bytes().all(|byte| byte.is_ascii_hexdigit());
    let unsigned = power.strip_prefix(['+', '-']).unwrap_or(power);
    if !valid || unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let power: i64 =
        power.parse().unwrap_or(if power.starts_with('-') { -100_000 } else { 100_000 });
    let bits = i64::try_from(fraction.len()).ok()? * 4;
    let mantissa = BigUint::parse_bytes(all.as_bytes(), 16)?;
    Some(scaled(mantissa, power.clamp(-100_000, 100_000) - bits))
}

/// `mantissa * 2^power`, rounded once.
fn scaled(mantissa: BigUint, power: i64) -> f64 {
    let Ok(length) = i64::try_from(mantissa.bits()) else { return f64::INFINITY };
    if length == 0 {
        return 0.0;
    }
    if length + power > 1100 {
        return f64::INFINITY;
    }
    if length + power < -1100 {
        return 0.0;
    }
    // Exactly, in decimal: a power of two below one is a power of five with the point moved.
    if power >= 0 {
        return (mantissa << power.unsigned_abs()).to_string().parse().unwrap_or(f64::INFINITY);
    }
    let places = power.unsigned_abs();
    let five = BigUint::from(5_u8).pow(u32::try_from(places).unwrap_or(u32::MAX));
    format!("{}e-{places}", mantissa * five).parse().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_read_as_in_go() {
        for (text, base, number) in [
            ("12", 0, Some(12)),
            ("-0x1F", 0, Some(-31)),
            ("0b11", 0, Some(3)),
            ("017", 0, Some(15)),
            ("0o17", 0, Some(15)),
            ("1_000", 0, Some(1000)),
            ("0x_1F", 0, Some(31)),
            ("0_7", 0, Some(7)),
            ("1__0", 0, None),
            ("_1", 0, None),
            ("1_", 0, None),
            ("08", 0, None),
            ("0x", 0, None),
            ("", 0, None),
            ("-", 0, None),
            ("0", 0, Some(0)),
            ("-0", 0, Some(0)),
            (" 1", 0, None),
            ("+4", 10, Some(4)),
            ("1_0", 10, None),
            ("9223372036854775807", 10, Some(i64::MAX)),
            ("9223372036854775808", 10, None),
            ("-9223372036854775808", 10, Some(i64::MIN)),
        ] {
            assert_eq!(parse_int(text, base), number, "{text}");
        }
    }

    #[test]
    fn floats_are_read_as_in_go() {
        for (text, number) in [
            ("2.5", Some(2.5)),
            (".5", Some(0.5)),
            ("5.", Some(5.0)),
            ("1e3", Some(1000.0)),
            ("0x1p-2", Some(0.25)),
            ("0x1.8p3", Some(12.0)),
            ("-0X.8P1", Some(-1.0)),
            ("1_0.5", Some(10.5)),
            ("1_.5", None),
            ("0x1", None),
            ("1e400", None),
            ("0x1p2000", None),
            ("0x1p-2000", Some(0.0)),
            ("-Infinity", Some(f64::NEG_INFINITY)),
            ("+nan", None),
            (".", None),
            ("e5", None),
            ("+-1", None),
            ("infinit", None),
        ] {
            assert_eq!(parse_float(text), number, "{text}");
        }
        assert!(parse_float("NaN").is_some_and(f64::is_nan));
    }
}
