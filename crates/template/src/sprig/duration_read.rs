//! Durations as Go's `time.ParseDuration` reads them, with its errors.

use std::fmt::Write as _;

use crate::function::CallError;

/// Nanoseconds of `1h30m`.
pub(super) fn parse_duration(text: &str) -> Result<i64, CallError> {
    let error = |why: &str| CallError::new(format!("time: {why} {}", quoted(text.as_bytes())));
    let invalid = || error("invalid duration");
    let (negative, mut rest) = match text.as_bytes() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    if rest == b"0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total = 0_u128;
    while !rest.is_empty() {
        let count = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (whole, after) = rest.split_at(count(rest));
        let (fraction, after) = match after.strip_prefix(b".") {
            Some(after) => after.split_at(count(after)),
            None => (&b""[..], after),
        };
        if whole.is_empty() && fraction.is_empty() {
            return Err(invalid());
        }
        let digit = |byte: &u8| byte.is_ascii_digit() || *byte == b'.';
        let end = after.iter().position(digit).unwrap_or(after.len());
        let (unit, after) = after.split_at(end);
        let nanoseconds: u64 = match unit {
            b"" => return Err(error("missing unit in duration")),
            b"ns" => 1,
            b"us" => 1_000,
            b"ms" => 1_000_000,
            b"s" => 1_000_000_000,
            b"m" => 60_000_000_000,
            b"h" => 3_600_000_000_000,
            // Both signs that stand for micro.
            unit if unit == "µs".as_bytes() || unit == "μs".as_bytes() => 1_000,
            unit => {
                return Err(error(&format!("unknown unit {} in duration", quoted(unit))));
            }
        };
        let whole = str::from_utf8(whole).unwrap_or_default();
        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().map_err(|_| invalid())? };
        total += u128::from(whole) * u128::from(nanoseconds) + part_of(fraction, nanoseconds);
        if total > 1 << 63 {
            return Err(invalid());
        }
        rest = after;
    }
    let signed = i128::try_from(total).map_err(|_| invalid())?;
    i64::try_from(if negative { -signed } else { signed }).map_err(|_| invalid())
}

/// A fraction of a unit, computed in floats as Go does.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "the digits of a fraction, at most one unit"
)]
fn part_of(fraction: &[u8], unit: u64) -> u128 {
    let (mut number, mut scale) = (0_u64, 1.0_f64);
    for digit in fraction {
        if number > (i64::MAX as u64) / 10 {
            break;
        }
        number = number * 10 + u64::from(digit - b'0');
        scale *= 10.0;
    }
    (number as f64 * (unit as f64 / scale)) as u128
}

/// How `time` quotes in its errors: bytes that are no ASCII in hexadecimal.
pub(super) fn quoted(text: &[u8]) -> String {
    let mut out = String::from("\"");
    for byte in text {
        match byte {
            b'"' | b'\\' => out.extend(['\\', char::from(*byte)]),
            b' '..=0x7f => out.push(char::from(*byte)),
            // Writing to a string cannot fail.
            byte => drop(write!(out, "\\x{byte:02x}")),
        }
    }
    out.push('"');
    out
}
