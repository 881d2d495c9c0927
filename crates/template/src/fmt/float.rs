//! Floats as `strconv.FormatFloat` prints them: the shortest digits that read back, or as many as asked.

use super::Printer;
use crate::value::Value;

impl Printer<'_> {
    pub(super) fn float(&mut self, value: &Value<'_>, number: f64, verb: char) {
        let (format, default) = match verb {
            'v' => ('g', None),
            'e' | 'E' | 'f' => (verb, Some(6)),
            'F' => ('f', Some(6)),
            'g' | 'G' | 'x' | 'X' | 'b' => (verb, None),
            _ => {
                self.bad_verb(value, verb);
                return;
            }
        };
        let precision = self.flags.precision.or(default);
        let text = format_float(number.abs(), format, precision);
        let negative = number.is_sign_negative() && !number.is_nan();
        let sign = match (negative, self.flags.plus, self.flags.space) {
            (true, ..) => "-",
            (_, true, _) => "+",
            (_, _, true) => " ",
            _ => "",
        };
        if !number.is_finite() {
            let zero = std::mem::take(&mut self.flags.zero);
            let sign = if sign.is_empty() && number.is_infinite() { "+" } else { sign };
            self.pad(format!("{sign}{text}").as_bytes());
            self.flags.zero = zero;
            return;
        }
        let text = if self.flags.sharp { with_point(&text, format, precision) } else { text };
        let width = self.flags.width.unwrap_or_default();
        let length = text.len() + sign.len();
        if self.flags.zero && !self.flags.minus && width > length && !sign.is_empty() {
            self.push(sign.as_bytes());
            self.padding(width - length);
            self.push(text.as_bytes());
        } else {
            self.pad(format!("{sign}{text}").as_bytes());
        }
    }
}

/// A float that is not negative. Without a precision: the shortest digits that read back.
pub(crate) fn format_float(number: f64, format: char, precision: Option<usize>) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return "Inf".to_owned();
    }
    let upper = format.is_ascii_uppercase();
    let text = match format.to_ascii_lowercase() {
        'f' => match precision {
            Some(precision) => format!("{number:.precision$}"),
            None => format!("{number}"),
        },
        'e' => {
            let (digits, exponent) = scientific(number, precision);
            exponential(&digits, exponent)
        }
        'x' => hexadecimal(number, precision),
        'b' => {
            let (mantissa, exponent) = parts(number);
            let sign = if exponent < 0 { "" } else { "+" };
            format!("{mantissa}p{sign}{exponent}")
        }
        _ => general(number, precision),
    };
    if upper { text.to_ascii_uppercase() } else { text }
}

fn general(number: f64, precision: Option<usize>) -> String {
    let asked = precision.map(|precision| precision.max(1));
    let (digits, exponent) = scientific(number, asked.map(|asked| asked - 1));
    // Zeros at the end do not count.
    let plain = digits.replace('.', "");
    let significant = plain.trim_end_matches('0').len().max(1);
    let whole = exponent + 1;
    // Where a number becomes too long to be shown without an exponent.
    let limit = match asked {
        None => 6,
        Some(asked) if asked > significant && fits(whole, significant) => significant,
        Some(asked) => asked,
    };
    let plain = &plain[..significant];
    if exponent < -4 || !fits(whole, limit) {
        let mut digits = plain.to_owned();
        if digits.len() > 1 {
            digits.insert(1, '.');
        }
        return exponential(&digits, exponent);
    }
    if exponent < 0 {
        let zeros = usize::try_from(-exponent - 1).unwrap_or(0);
        return format!("0.{}{plain}", "0".repeat(zeros));
    }
    let whole = usize::try_from(exponent + 1).unwrap_or(0);
    if plain.len() <= whole {
        return format!("{plain}{}", "0".repeat(whole - plain.len()));
    }
    format!("{}.{}", &plain[..whole], &plain[whole..])
}

/// Mantissa and the power of two it is multiplied with.
fn parts(number: f64) -> (u64, i32) {
    let bits = number.to_bits();
    let exponent = i32::try_from(bits >> 52 & 0x7ff).unwrap_or_default();
    let fraction = bits & ((1 << 52) - 1);
    // Numbers too small for a leading one.
    if exponent == 0 { (fraction, -1074) } else { (fraction | 1 << 52, exponent - 1075) }
}

/// `%x`: one digit, a point, and the fraction in base 16.
fn hexadecimal(number: f64, precision: Option<usize>) -> String {
    let (mut mantissa, exponent) = parts(number);
    if mantissa == 0 {
        let zeros = "0".repeat(precision.unwrap_or_default());
        let point = if zeros.is_empty() { "" } else { "." };
        return format!("0x0{point}{zeros}p+00");
    }
    let shift = mantissa.leading_zeros() - 11;
    mantissa <<= shift;
    let mut power = exponent + 52 - i32::try_from(shift).unwrap_or_default();
    if let Some(digits) = precision.filter(|digits| *digits < 13) {
        let cut = 4 * (13 - digits);
        let (rest, half) = (mantissa & ((1 << cut) - 1), 1 << (cut - 1));
        mantissa >>= cut;
        // Half goes to the even neighbour.
        mantissa += u64::from(rest > half || (rest == half && mantissa & 1 == 1));
        mantissa <<= cut;
        if mantissa >> 53 != 0 {
            mantissa >>= 1;
            power += 1;
        }
    }
    let all = format!("{:013x}", mantissa & ((1 << 52) - 1));
    let fraction = match precision {
        Some(digits) if digits > 13 => format!("{all}{}", "0".repeat(digits - 13)),
        Some(digits) => all[..digits].to_owned(),
        None => all.trim_end_matches('0').to_owned(),
    };
    let point = if fraction.is_empty() { "" } else { "." };
    let sign = if power < 0 { '-' } else { '+' };
    format!("0x1{point}{fraction}p{sign}{:02}", power.abs())
}

fn fits(whole: i32, digits: usize) -> bool {
    usize::try_from(whole).unwrap_or(0) <= digits
}

/// Digits with a point behind the first, and the exponent.
fn scientific(number: f64, precision: Option<usize>) -> (String, i32) {
    let Some(precision) = precision else {
        let (mut digits, exponent) = shortest(number);
        if digits.len() > 1 {
            digits.insert(1, '.');
        }
        return (digits, exponent);
    };
    let text = format!("{number:.precision$e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    (digits.to_owned(), exponent.parse().unwrap_or(0))
}

/// The shortest digits that read back as this number, which is not negative, and the exponent of the
/// first. Exactly between two of them Go takes the even one, and Rust the greater one.
pub(crate) fn shortest(number: f64) -> (String, i32) {
    let text = format!("{number:e}");
    let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
    let digits = digits.replace('.', "");
    let exponent = exponent.parse().unwrap_or(0);
    // Fewer digits never have a neighbour that reads back, too.
    if digits.len() >= 16
        && let Some(even) = even_neighbour(&digits)
    {
        let exact = format!("{number:.30e}").replace('.', "");
        let rest = exact.split_once('e').and_then(|(exact, _)| exact.strip_prefix(&even));
        let halfway = rest.and_then(|rest| rest.strip_prefix('5'));
        let reads_back =
            || format!("{}.{}e{exponent}", &even[..1], &even[1..]).parse() == Ok(number);
        if halfway.is_some_and(|rest| rest.bytes().all(|digit| digit == b'0')) && reads_back() {
            return (even, exponent);
        }
    }
    (digits, exponent)
}

/// The digits less one in the last place, if the last is odd.
fn even_neighbour(digits: &str) -> Option<String> {
    let (before, last) = digits.split_at_checked(digits.len().checked_sub(1)?)?;
    let last: u8 = last.parse().ok()?;
    (last % 2 == 1).then(|| format!("{before}{}", last - 1))
}

fn exponential(digits: &str, exponent: i32) -> String {
    let sign = if exponent < 0 { '-' } else { '+' };
    format!("{digits}e{sign}{:02}", exponent.abs())
}

/// The sharp flag: always a point, and the zeros at the end.
fn with_point(text: &str, format: char, precision: Option<usize>) -> String {
    let (number, tail) = match text.find(['e', 'E']) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut number = number.to_owned();
    let general = matches!(format, 'g' | 'G');
    let wanted = if general { precision.unwrap_or(6) } else { 0 };
    let digits = number.trim_start_matches(['0', '.']).bytes().filter(u8::is_ascii_digit).count();
    let digits = if number == "0" { 1 } else { digits };
    if !number.contains('.') {
        number.push('.');
    }
    number.extend(std::iter::repeat_n('0', wanted.saturating_sub(digits)));
    number + tail
}
