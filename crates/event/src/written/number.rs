//! Numbers as Go's `fmt` prints them.

use serde_json::Number;

/// What a number is as a text.
pub(super) fn text(number: &Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() => self::float(float),
        _ => number.to_string(),
    }
}

/// As `%v` prints a float64: the shortest digits that read back the same, with an exponent where it is
/// below -4 or above 5.
fn float(value: f64) -> String {
    // `1.5e300`: the shortest digits, with an exponent.
    let scientific = format!("{value:e}");
    let exponent = scientific.split_once('e').and_then(|(_, exponent)| exponent.parse().ok());
    let exponent: i32 = exponent.unwrap_or_default();
    if (-4..6).contains(&exponent) {
        return value.to_string();
    }
    let digits = scientific.split_once('e').map_or(&*scientific, |(digits, _)| digits);
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn floats_are_printed_as_go_prints_them() {
        for (value, printed) in [
            (1.0, "1"),
            (1.5, "1.5"),
            (-0.5, "-0.5"),
            (1.5e300, "1.5e+300"),
            (1.5e-7, "1.5e-07"),
            (0.00001, "1e-05"),
            (0.0001, "0.0001"),
            (123_456.5, "123456.5"),
            (1e20, "1e+20"),
            (1_234_567.5, "1.2345675e+06"),
            (0.0, "0"),
        ] {
            assert_eq!(float(value), printed);
        }
    }
}
