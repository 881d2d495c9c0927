//! Numbers: whole ones wrap around as Go's do, the others are float64 or decimals.

use num_bigint::BigInt;

use super::{
    arguments::{any, int, rest, text},
    convert::{printed, to_float, to_int},
    decimal::Decimal,
    limits,
    strconv::parse_int,
};
use crate::{
    context::Context,
    function::CallError,
    value::{List, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn atoi<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = text(args, 0).to_str();
    // Out of range, Go gives the nearest number beside its error, and sprig drops the error.
    let nearest = || {
        let valid = text.parse::<BigInt>().is_ok() && !text.contains('_');
        match text.starts_with('-') {
            _ if !valid => 0,
            true => i64::MIN,
            false => i64::MAX,
        }
    };
    Ok(Value::int(parse_int(&text, 10).unwrap_or_else(nearest)))
}

pub(super) fn int64<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(to_int(any(args, 0))))
}

pub(super) fn int_of<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int(to_int(any(args, 0))))
}

pub(super) fn float64<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(to_float(any(args, 0)).into())
}

/// A number written in octal.
pub(super) fn to_decimal<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let text = printed(any(args, 0))?;
    Ok(Value::int64(parse_int(&text.to_str(), 8).unwrap_or(0)))
}

pub(super) fn add1<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(to_int(any(args, 0)).wrapping_add(1)))
}

pub(super) fn add<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(args.iter().map(to_int).fold(0, i64::wrapping_add)))
}

pub(super) fn sub<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(to_int(any(args, 0)).wrapping_sub(to_int(any(args, 1)))))
}

pub(super) fn mul<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(args.iter().map(to_int).fold(1, i64::wrapping_mul)))
}

pub(super) fn div<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = divisible(args)?;
    Ok(Value::int64(a.wrapping_div(b)))
}

pub(super) fn modulo<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (a, b) = divisible(args)?;
    Ok(Value::int64(a.wrapping_rem(b)))
}

fn divisible(args: &[Value<'_>]) -> Result<(i64, i64), CallError> {
    match to_int(any(args, 1)) {
        0 => Err(CallError::new("runtime error: integer divide by zero")),
        divisor => Ok((to_int(any(args, 0)), divisor)),
    }
}

pub(super) fn max<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(args.iter().map(to_int).max().unwrap_or(0)))
}

pub(super) fn min<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(Value::int64(args.iter().map(to_int).min().unwrap_or(0)))
}

pub(super) fn maxf<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(folded(args, f64::INFINITY, |a, b| a.total_cmp(&b).is_gt()))
}

pub(super) fn minf<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(folded(args, f64::NEG_INFINITY, |a, b| a.total_cmp(&b).is_lt()))
}

/// Go's `math.Max` and `math.Min`: `strongest` wins over NaN, NaN over everything else.
fn folded<'a>(args: &[Value<'a>], strongest: f64, wins: fn(f64, f64) -> bool) -> Value<'a> {
    let is_strongest = |number: f64| number.to_bits() == strongest.to_bits();
    let pick = |a: f64, b: f64| match (a, b) {
        (a, b) if is_strongest(a) || is_strongest(b) => strongest,
        (a, b) if a.is_nan() || b.is_nan() => f64::NAN,
        (a, b) if wins(a, b) => a,
        (_, b) => b,
    };
    args.iter().map(to_float).reduce(pick).unwrap_or(0.0).into()
}

pub(super) fn ceil<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(to_float(any(args, 0)).ceil().into())
}

pub(super) fn floor<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    Ok(to_float(any(args, 0)).floor().into())
}

pub(super) fn round<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let round_on = match args.get(2) {
        Some(Value::Float(number)) => *number,
        _ => 0.5,
    };
    let power = power_of_ten(int(args, 1));
    let digit = power * to_float(any(args, 0));
    // The fraction of an infinity is NaN in Go, and of whatever else what is behind the point.
    let fraction = if digit.is_infinite() { f64::NAN } else { digit - digit.trunc() };
    let rounded = if fraction >= round_on { digit.ceil() } else { digit.floor() };
    Ok((rounded / power).into())
}

/// Go's `math.Pow(10, power)`, step by step: its last bit differs from that of other libraries.
fn power_of_ten(power: i64) -> f64 {
    // 10 is 0.625 * 2^4.
    let (mut base, mut base_exponent) = (0.625_f64, 4_i64);
    let (mut result, mut exponent) = (1.0_f64, 0_i64);
    let mut left = power.unsigned_abs();
    while left != 0 {
        if base_exponent > 1 << 12 {
            // Far beyond the range already.
            return if power < 0 { 0.0 } else { f64::INFINITY };
        }
        if left & 1 == 1 {
            result *= base;
            exponent += base_exponent;
        }
        base *= base;
        base_exponent <<= 1;
        if base < 0.5 {
            base += base;
            base_exponent -= 1;
        }
        left >>= 1;
    }
    if power < 0 {
        result = 1.0 / result;
        exponent = -exponent;
    }
    load_exponent(result, exponent)
}

/// `fraction * 2^exponent`, rounded once.
fn load_exponent(fraction: f64, exponent: i64) -> f64 {
    let two = |exponent: i64| f64::from_bits(u64::try_from(exponent + 1023).unwrap_or(0) << 52);
    match exponent {
        // Powers of ten that small are subnormal or nothing; two steps keep them exact until the last.
        ..-1000 => fraction * two(-1000) * two((exponent + 1000).max(-1000)),
        1001.. => fraction * two(1000) * two((exponent - 1000).min(1000)),
        _ => fraction * two(exponent),
    }
}

pub(super) fn until<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let count = int(args, 0);
    ints(steps(0, count, if count < 0 { -1 } else { 1 })?)
}

pub(super) fn until_step<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    ints(steps(int(args, 0), int(args, 1), int(args, 2))?)
}

fn ints<'a>(numbers: Vec<i64>) -> Answer<'a> {
    let items: Vec<_> = numbers.into_iter().map(Value::int).collect();
    Ok(List::of("[]int", items).into())
}

/// The numbers from `start` on, before `stop`.
fn steps(start: i64, stop: i64, step: i64) -> Result<Vec<i64>, CallError> {
    let mut numbers = Vec::new();
    if if stop < start { step >= 0 } else { step <= 0 } {
        return Ok(numbers);
    }
    let mut next = Some(start);
    while let Some(number) = next.filter(|next| if step < 0 { *next > stop } else { *next < stop })
    {
        numbers.push(number);
        limits::items(numbers.len())?;
        next = number.checked_add(step);
    }
    Ok(numbers)
}

/// Numbers in a text, as the program of this name prints them.
pub(super) fn seq<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let numbers = match args.len() {
        1 => {
            let end = int(args, 0);
            let by = if end < 1 { -1 } else { 1 };
            steps(1, end.wrapping_add(by), by)?
        }
        2 => {
            let (start, end) = (int(args, 0), int(args, 1));
            let by = if end < start { -1 } else { 1 };
            steps(start, end.wrapping_add(by), by)?
        }
        3 => {
            let (start, step, end) = (int(args, 0), int(args, 1), int(args, 2));
            match end < start {
                true if step > 0 => Vec::new(),
                true => steps(start, end.wrapping_sub(1), step)?,
                false => steps(start, end.wrapping_add(1), step)?,
            }
        }
        _ => Vec::new(),
    };
    let texts: Vec<String> = numbers.iter().map(ToString::to_string).collect();
    Ok(texts.join(" ").into())
}

pub(super) fn add1f<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let sum = Decimal::from_float(to_float(any(args, 0)))?.add(&Decimal::from_float(1.0)?)?;
    Ok(sum.to_float().into())
}

pub(super) fn addf<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    decimals(Decimal::from_float(0.0)?, args, Decimal::add)
}

pub(super) fn subf<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    decimals(first(args)?, rest(args, 1), Decimal::sub)
}

pub(super) fn mulf<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    decimals(first(args)?, rest(args, 1), Decimal::mul)
}

pub(super) fn divf<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    decimals(first(args)?, rest(args, 1), Decimal::div)
}

fn first(args: &[Value<'_>]) -> Result<Decimal, CallError> {
    Decimal::from_float(to_float(any(args, 0)))
}

fn decimals<'a>(
    first: Decimal,
    others: &[Value<'a>],
    compute: fn(&Decimal, &Decimal) -> Result<Decimal, CallError>,
) -> Answer<'a> {
    let mut result = first;
    for other in others {
        result = compute(&result, &Decimal::from_float(to_float(other))?)?;
    }
    Ok(result.to_float().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn powers_of_ten_are_exact_where_they_can_be() {
        for (power, number) in [(0, 1.0), (1, 10.0), (3, 1000.0), (22, 1e22), (-1, 0.1), (-2, 0.01)]
        {
            assert_eq!(power_of_ten(power).to_bits(), f64::to_bits(number), "{power}");
        }
        assert!(power_of_ten(400).is_infinite());
        assert!(power_of_ten(i64::MAX).is_infinite());
        assert_eq!(power_of_ten(-400).to_bits(), 0);
        assert_eq!(power_of_ten(i64::MIN).to_bits(), 0);
    }
}
