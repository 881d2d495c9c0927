//! Sizes and times as people write them: `10Gi`, `500Mi`, `10GB`, a number of bytes; `30d`, `12h`.

use std::{fmt, time::Duration};

use serde::{Serialize, Serializer};
use serde_json::Value;

/// Units of sizes, as Kubernetes writes them, with and without `B`.
const SIZES: [(&str, u64); 13] = [
    ("Ki", 1 << 10),
    ("Mi", 1 << 20),
    ("Gi", 1 << 30),
    ("Ti", 1 << 40),
    ("k", 1000),
    ("K", 1000),
    ("M", 1_000_000),
    ("G", 1_000_000_000),
    ("T", 1_000_000_000_000),
    ("kb", 1000),
    ("mb", 1_000_000),
    ("gb", 1_000_000_000),
    ("", 1),
];

/// Units of times, in seconds.
const TIMES: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3600), ("d", 86_400)];

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

/// A length of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Age(pub Duration);

impl Size {
    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        let plain = text.strip_suffix('B').unwrap_or(text);
        amount(plain, &SIZES).or_else(|| amount(text, &SIZES)).map(Self)
    }
}

impl Age {
    /// Reads it.
    pub fn parse(text: &str) -> Option<Self> {
        amount(text, &TIMES).map(|seconds| Self(Duration::from_secs(seconds)))
    }
}

/// A whole or decimal number and its unit.
#[expect(
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a decimal number of a unit, and not negative"
)]
fn amount(text: &str, units: &[(&str, u64)]) -> Option<u64> {
    let digits = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let (_, times) = units.iter().find(|(name, _)| *name == unit.trim())?;
    if let Ok(number) = number.parse::<u64>() {
        return number.checked_mul(*times);
    }
    let product = number.parse::<f64>().ok()? * *times as f64;
    (product < u64::MAX as f64).then_some(product as u64)
}

/// In the largest unit that needs no decimals.
impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = SIZES[..4]
            .iter()
            .rev()
            .find(|(_, unit)| self.0 >= *unit && self.0.is_multiple_of(*unit));
        match unit {
            Some((name, unit)) => write!(f, "{}{name}", self.0 / unit),
            None => write!(f, "{}", self.0),
        }
    }
}

impl fmt::Display for Age {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let unit =
            TIMES.iter().rev().find(|(_, unit)| seconds >= *unit && seconds.is_multiple_of(*unit));
        let (name, unit) = unit.unwrap_or(&TIMES[0]);
        write!(f, "{}{name}", seconds / unit)
    }
}

/// A value of the file; nothing when it is not there.
pub(super) fn read<T>(
    value: &Value,
    parse: fn(&str) -> Option<T>,
    expected: &str,
) -> Result<Option<T>, String> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => text.trim().to_owned(),
        Value::Number(number) => number.to_string(),
        _ => return Err(expected.to_owned()),
    };
    parse(&text).map(Some).ok_or_else(|| format!("`{text}`: {expected}"))
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

impl Serialize for Age {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let size = |text| Size::parse(text).map(|size| size.0);
        for (text, bytes) in [
            ("10Gi", 10 << 30),
            ("10GiB", 10 << 30),
            ("500Mi", 500 << 20),
            ("10GB", 10_000_000_000),
            ("10G", 10_000_000_000),
            ("1.5Ki", 1536),
            ("4096", 4096),
            ("7 MB", 7_000_000),
        ] {
            assert_eq!(size(text), Some(bytes), "{text}");
        }
        for text in ["", "Gi", "-1", "10Zi", "much", "1e3", "99999999999Ti"] {
            assert_eq!(size(text), None, "{text}");
        }
    }

    #[test]
    fn times_are_read_and_printed() {
        assert_eq!(Age::parse("30d").unwrap().to_string(), "30d");
        assert_eq!(Age::parse("36h").unwrap().to_string(), "36h");
        assert_eq!(Age::parse("90").map(|age| age.0), None);
        assert_eq!(Size(10 << 30).to_string(), "10Gi");
        assert_eq!(Size(1001).to_string(), "1001");
    }
}
