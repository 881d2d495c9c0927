//! A number in a template is all the Go types that can hold it: which one counts is decided by use.

use crate::quote;

/// A number and the types that can hold it.
#[derive(Debug, Clone)]
pub(crate) struct Number {
    /// As it was written.
    pub(crate) text: Box<str>,
    /// As a signed integer.
    pub(crate) int: Option<i64>,
    /// As an unsigned integer.
    pub(crate) uint: Option<u64>,
    /// As a float.
    pub(crate) float: Option<f64>,
}

impl Number {
    /// A character constant such as `'a'`.
    pub(super) fn of_char(text: &str) -> Result<Self, String> {
        let number = quote::unquote_char(text).map_err(|error| match error {
            "invalid syntax" => error.to_owned(),
            _ => format!("{error}: {text}"),
        })?;
        #[expect(clippy::cast_precision_loss, reason = "characters are below 2^21")]
        let float = number as f64;
        let uint = u64::try_from(number).ok();
        Ok(Self { text: text.into(), int: Some(number), uint, float: Some(float) })
    }

    /// A number that is no character constant.
    pub(super) fn of_digits(text: &str) -> Result<Self, String> {
        let illegal = || format!("illegal number syntax: {}", quote::quote(text.as_bytes(), false));
        if text.ends_with('i') {
            return Err(format!("complex numbers are not supported: {text}"));
        }
        let (negative, digits) = match text.as_bytes().first() {
            Some(b'-') => (true, &text[1..]),
            Some(b'+') => (false, &text[1..]),
            _ => (false, text),
        };
        let signed = digits.len() < text.len();
        let magnitude = integer(digits);
        let int = magnitude.and_then(|magnitude| {
            if negative {
                0_i64.checked_sub_unsigned(magnitude)
            } else {
                i64::try_from(magnitude).ok()
            }
        });
        // A sign makes it no unsigned number, but for -0.
        let uint = if signed { (int == Some(0)).then_some(0) } else { magnitude };
        #[expect(clippy::cast_precision_loss, reason = "Go rounds the same way")]
        let float = int.map(|int| int as f64).or(uint.map(|uint| uint as f64));
        if float.is_some() {
            return Ok(Self { text: text.into(), int, uint, float });
        }
        let float = float_literal(digits).map(|float| if negative { -float } else { float });
        let float = float.ok_or_else(illegal)?;
        if !text.contains(['.', 'e', 'E', 'p', 'P']) {
            return Err(format!("integer overflow: {}", quote::quote(text.as_bytes(), false)));
        }
        if float.is_infinite() {
            return Err(illegal());
        }
        let (int, uint) = whole(float);
        Ok(Self { text: text.into(), int, uint, float: Some(float) })
    }
}

/// A float as the integers that equal it.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "compared with what comes back"
)]
#[expect(clippy::float_cmp, reason = "the question is whether it is exactly whole")]
fn whole(float: f64) -> (Option<i64>, Option<u64>) {
    let (int, uint) = (float as i64, float as u64);
    let in_int = float < i64::MAX as f64 && int as f64 == float;
    let in_uint = float >= 0.0 && float < u64::MAX as f64 && uint as f64 == float;
    (in_int.then_some(int), in_uint.then_some(uint))
}

/// `strconv.ParseUint` with base 0: prefixes, and underscores between digits.
fn integer(text: &str) -> Option<u64> {
    let lower = text.to_ascii_lowercase();
    let (radix, digits, prefixed) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..], true),
        [b'0', b'o', ..] => (8, &lower[2..], true),
        [b'0', b'b', ..] => (2, &lower[2..], true),
        [b'0', _, ..] => (8, &lower[1..], true),
        _ => (10, &lower[..], false),
    };
    let plain = without_underscores(digits, prefixed)?;
    if plain.is_empty() || plain.starts_with(['+', '-']) {
        return None;
    }
    u64::from_str_radix(&plain, radix).ok()
}

/// Underscores may only stand between digits, or behind a prefix.
fn without_underscores(digits: &str, prefixed: bool) -> Option<String> {
    let bad =
        digits.contains("__") || digits.ends_with('_') || (digits.starts_with('_') && !prefixed);
    (!bad).then(|| digits.replace('_', ""))
}

/// `strconv.ParseFloat`, decimal or hexadecimal.
fn float_literal(text: &str) -> Option<f64> {
    let lower = text.to_ascii_lowercase();
    if let Some(hex) = lower.strip_prefix("0x") {
        return hex_float(&without_underscores(hex, true)?);
    }
    // Underscores are only for literals with a base prefix.
    if lower.contains('_')
        || !lower.starts_with(|first: char| first.is_ascii_digit() || first == '.')
    {
        return None;
    }
    lower.parse().ok()
}

fn hex_float(text: &str) -> Option<f64> {
    let (mantissa, exponent) = text.split_once('p')?;
    let exponent: i32 = exponent.parse().ok()?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    // Longer ones would have to be rounded; nobody writes them.
    let number = u64::from_str_radix(&digits, 16).ok().filter(|number| *number < 1 << 53)?;
    let shift = exponent.checked_sub(i32::try_from(fraction.len()).ok()?.checked_mul(4)?)?;
    #[expect(clippy::cast_precision_loss, reason = "below 2^53")]
    let float = number as f64;
    Some(float * 2_f64.powi(shift))
}

#[cfg(test)]
mod tests {
    use super::Number;

    fn read(text: &str) -> (Option<i64>, Option<u64>, Option<f64>) {
        let number = Number::of_digits(text).unwrap();
        (number.int, number.uint, number.float)
    }

    #[test]
    fn numbers_are_every_type_that_can_hold_them() {
        assert_eq!(read("1"), (Some(1), Some(1), Some(1.0)));
        assert_eq!(read("-1"), (Some(-1), None, Some(-1.0)));
        assert_eq!(read("0x1F"), (Some(31), Some(31), Some(31.0)));
        assert_eq!(read("017"), (Some(15), Some(15), Some(15.0)));
        assert_eq!(read("1_000"), (Some(1000), Some(1000), Some(1000.0)));
        assert_eq!(read("1e3"), (Some(1000), Some(1000), Some(1000.0)));
        assert_eq!(read("1.5"), (None, None, Some(1.5)));
        assert_eq!(read("0x1p-2"), (None, None, Some(0.25)));
        assert_eq!(read("-0"), (Some(0), Some(0), Some(0.0)));
        assert_eq!(read("18446744073709551615").0, None);
    }

    #[test]
    fn what_is_no_number_says_so() {
        for (text, error) in [
            ("08", "integer overflow: \"08\""),
            ("1__0", "illegal number syntax: \"1__0\""),
            ("99999999999999999999", "integer overflow: \"99999999999999999999\""),
            ("+", "illegal number syntax: \"+\""),
            ("1i", "complex numbers are not supported: 1i"),
        ] {
            assert_eq!(Number::of_digits(text).unwrap_err(), error);
        }
    }
}
