//! Chance. All of it comes from the [`Context`], so that a test knows it.

use super::{arguments::int, encoding::base64, limits};
use crate::{context::Context, function::CallError, value::Value};

type Answer<'a> = Result<Value<'a>, CallError>;

/// A number below `bound`, each as likely as the others. `bound` is at least 1.
pub(super) fn below(context: &Context<'_>, bound: usize) -> usize {
    let bound = u64::try_from(bound.max(1)).unwrap_or(u64::MAX);
    usize::try_from(below_u64(context, bound)).unwrap_or_default()
}

/// As many bits as fit evenly; a source that always gives the same ends after some tries.
fn below_u64(context: &Context<'_>, bound: u64) -> u64 {
    let even = u64::MAX - u64::MAX % bound;
    let mut bytes = [0; 8];
    for _ in 0..64 {
        context.environment.fill_random(&mut bytes);
        let number = u64::from_le_bytes(bytes);
        if number < even {
            return number % bound;
        }
    }
    u64::from_le_bytes(bytes) % bound
}

pub(super) fn rand_alpha_num<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    characters(context, args, u8::is_ascii_alphanumeric)
}

pub(super) fn rand_alpha<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    characters(context, args, u8::is_ascii_alphabetic)
}

pub(super) fn rand_ascii<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    characters(context, args, |byte| matches!(byte, b' '..=b'~'))
}

pub(super) fn rand_numeric<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    characters(context, args, u8::is_ascii_digit)
}

/// So many of the ASCII characters that belong; none of a negative number.
fn characters<'a>(
    context: &Context<'_>,
    args: &[Value<'a>],
    belongs: fn(&u8) -> bool,
) -> Answer<'a> {
    let count = usize::try_from(int(args, 0)).unwrap_or(0);
    limits::bytes(count)?;
    let alphabet: Vec<u8> = (0..0x80).filter(belongs).collect();
    let mut out = String::with_capacity(count);
    // A random byte is as likely for each of them below the last multiple of their number.
    let even = 256 / alphabet.len() * alphabet.len();
    let mut bytes = [0; 64];
    // A source that never gives such a byte must not keep us for ever.
    let mut patience = count + 64;
    while out.len() < count {
        context.environment.fill_random(&mut bytes);
        patience = patience.saturating_sub(1);
        for byte in bytes.map(usize::from) {
            if out.len() < count && (byte < even || patience == 0) {
                out.push(char::from(alphabet[byte % alphabet.len()]));
            }
        }
    }
    Ok(out.into())
}

pub(super) fn rand_int<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let (low, high) = (int(args, 0), int(args, 1));
    let refused = || CallError::new("invalid argument to Intn");
    let width = u64::try_from(high.wrapping_sub(low)).map_err(|_| refused())?;
    if width == 0 {
        return Err(refused());
    }
    Ok(Value::int(low.wrapping_add(below_u64(context, width).cast_signed())))
}

pub(super) fn rand_bytes<'a>(context: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let count = usize::try_from(int(args, 0))
        .map_err(|_| CallError::new("runtime error: makeslice: len out of range"))?;
    limits::bytes(count.saturating_mul(2))?;
    let mut bytes = vec![0; count];
    context.environment.fill_random(&mut bytes);
    Ok(base64(&bytes).into())
}

pub(super) fn uuidv4<'a>(context: &Context<'_>, _: &[Value<'a>]) -> Answer<'a> {
    let mut bytes = [0; 16];
    context.environment.fill_random(&mut bytes);
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex = super::encoding::hexadecimal(&bytes);
    Ok([&hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..]].join("-").into())
}
