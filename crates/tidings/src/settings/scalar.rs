//! What an unquoted scalar means, by the rules of goccy/go-yaml 1.11, which kubernetes-event-exporter
//! uses. They are nearly YAML 1.2: a leading zero makes a number octal, an exponent needs a dot, `yes`
//! is a text.

use serde_json::Value;

/// The value of an unquoted scalar.
pub(super) fn resolve(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => Value::Null,
        "true" | "True" | "TRUE" => Value::Bool(true),
        "false" | "False" | "FALSE" => Value::Bool(false),
        // JSON has no such numbers; as texts they are what Go prints.
        ".inf" | ".Inf" | ".INF" => "+Inf".into(),
        "-.inf" | "-.Inf" | "-.INF" => "-Inf".into(),
        ".nan" | ".NaN" | ".NAN" => "NaN".into(),
        _ => number(text).unwrap_or_else(|| text.into()),
    }
}

fn number(text: &str) -> Option<Value> {
    let negative = text.starts_with('-');
    let body = text.strip_prefix('-').unwrap_or(text);
    if matches!(text, "-" | "+" | ".") || text.starts_with('_') || !is_number(text, body) {
        return None;
    }
    if text.contains('.') {
        let float: f64 = text.replace('_', "").parse().unwrap_or(0.0);
        return Some(float.into());
    }
    let digits = body.strip_prefix('+').unwrap_or(body).replace('_', "");
    let (digits, radix) = match body.as_bytes() {
        [b'0', b'b', ..] => (&digits[2..], 2),
        [b'0', b'x', ..] => (&digits[2..], 16),
        [b'0', b'o', ..] => (&digits[2..], 8),
        [b'0', _, ..] => (&digits[1..], 8),
        _ => (&*digits, 10),
    };
    Some(whole(digits, radix, negative))
}

/// The number that Go makes of these digits: 0 where one of them is none, the largest that fits
/// instead of one that does not.
fn whole(digits: &str, radix: u32, negative: bool) -> Value {
    let digits: Option<Vec<u32>> = digits.chars().map(|it| it.to_digit(radix)).collect();
    let value = digits
        .unwrap_or_default()
        .into_iter()
        .try_fold(0u64, |value, digit| value.checked_mul(radix.into())?.checked_add(digit.into()));
    match (negative, value) {
        (false, value) => value.unwrap_or(u64::MAX).into(),
        (true, value) => {
            value.and_then(|it| 0i64.checked_sub_unsigned(it)).unwrap_or(i64::MIN).into()
        }
    }
}

/// Whether goccy takes this for a number, by its characters alone. `body` is without the minus.
fn is_number(text: &str, body: &str) -> bool {
    let hex = body.starts_with("0x") && body.len() > 2;
    let mut dot = false;
    let mut exponent = false;
    // The letter of a prefix stands second, whatever the first is.
    let second = text.len() - body.len() + 1;
    text.char_indices().all(|(at, c)| match c {
        '0'..='9' | '_' => true,
        'x' | 'o' | 'b' if at == second => true,
        'a'..='f' | 'A'..='F' if hex => true,
        'e' | 'E' if dot => {
            exponent = true;
            true
        }
        '.' => !std::mem::replace(&mut dot, true),
        '-' | '+' => at == 0 || exponent,
        _ => false,
    })
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// As goccy/go-yaml 1.11.0 decodes them.
    #[test]
    fn scalars_mean_what_they_mean_to_the_original() {
        for (text, value) in [
            ("", json!(null)),
            ("~", json!(null)),
            ("Null", json!(null)),
            ("True", json!(true)),
            ("tRue", json!("tRue")),
            ("yes", json!("yes")),
            ("on", json!("on")),
            ("0", json!(0)),
            ("00", json!(0)),
            ("-0", json!(0)),
            ("+5", json!(5)),
            ("0123", json!(83)),
            ("-017", json!(-15)),
            ("089", json!(0)),
            ("0o17", json!(15)),
            ("0o9", json!(0)),
            ("0x1F", json!(31)),
            ("-0x1F", json!(-31)),
            ("+0x1F", json!("+0x1F")),
            ("0x", json!(0)),
            ("0xZZ", json!("0xZZ")),
            ("0b11", json!(3)),
            ("0b2", json!(0)),
            ("1_000", json!(1000)),
            ("1_", json!(1)),
            ("_1", json!("_1")),
            ("0_1", json!(1)),
            ("1.0", json!(1.0)),
            ("1_0.5_0", json!(10.5)),
            (".5", json!(0.5)),
            ("5.", json!(5.0)),
            ("007.5", json!(7.5)),
            ("+1.5", json!(1.5)),
            ("1.5E5", json!(150_000.0)),
            ("1.5e-7", json!(1.5e-7)),
            ("1.e5", json!(100_000.0)),
            ("1e3", json!("1e3")),
            ("1e+5", json!("1e+5")),
            ("1.2.3", json!("1.2.3")),
            ("10.0.0.1", json!("10.0.0.1")),
            ("1:30", json!("1:30")),
            ("5-5", json!("5-5")),
            ("--5", json!("--5")),
            ("-", json!("-")),
            (".", json!(".")),
            (".inf", json!("+Inf")),
            ("-.inf", json!("-Inf")),
            ("+.inf", json!("+.inf")),
            (".nan", json!("NaN")),
            ("2024-01-01", json!("2024-01-01")),
            ("9223372036854775808", json!(9_223_372_036_854_775_808_u64)),
            ("-9223372036854775809", json!(i64::MIN)),
            ("123456789012345678901234567890", json!(u64::MAX)),
            ("1e400", json!("1e400")),
        ] {
            assert_eq!(resolve(text), value, "{text}");
        }
    }
}
