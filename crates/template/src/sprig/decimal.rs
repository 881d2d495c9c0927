//! shopspring's decimals, in which sprig adds, subtracts, multiplies and divides floats.

use num_bigint::{BigInt, Sign};

use crate::{fmt, function::CallError};

/// Digits behind the point that a division keeps.
const DIVISION_PRECISION: i64 = 16;

/// More digits than this are refused: a template could multiply for ever.
const MAX_DIGITS: u64 = 20_000;

/// `value * 10^exponent`.
#[derive(Debug, Clone)]
pub(super) struct Decimal {
    value: BigInt,
    exponent: i64,
}

impl Decimal {
    /// The shortest decimal that is this float.
    pub(super) fn from_float(number: f64) -> Result<Self, CallError> {
        if !number.is_finite() {
            let name = if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(CallError::new(format!("Cannot create a Decimal from {name}")));
        }
        let (digits, exponent) = fmt::shortest(number.abs());
        let value: BigInt = digits.parse().unwrap_or_default();
        let value = if number < 0.0 { -value } else { value };
        let behind = i64::try_from(digits.len()).unwrap_or(1) - 1;
        let exponent = i64::from(exponent) - behind;
        Ok(Self { value, exponent })
    }

    /// The nearest float; infinite where there is none.
    pub(super) fn to_float(&self) -> f64 {
        if self.value.sign() == Sign::NoSign {
            return 0.0;
        }
        format!("{}e{}", self.value, self.exponent).parse().unwrap_or(f64::NAN)
    }

    pub(super) fn add(&self, other: &Self) -> Result<Self, CallError> {
        let exponent = self.exponent.min(other.exponent);
        let value = self.at(exponent)? + other.at(exponent)?;
        Ok(Self { value, exponent })
    }

    pub(super) fn sub(&self, other: &Self) -> Result<Self, CallError> {
        self.add(&Self { value: -&other.value, exponent: other.exponent })
    }

    pub(super) fn mul(&self, other: &Self) -> Result<Self, CallError> {
        let value = &self.value * &other.value;
        Self { value, exponent: self.exponent + other.exponent }.bounded()
    }

    pub(super) fn div(&self, other: &Self) -> Result<Self, CallError> {
        if other.value.sign() == Sign::NoSign {
            return Err(CallError::new("decimal division by 0"));
        }
        // Truncated at the last digit kept, then away from zero if the rest is at least half of it.
        let shift = self.exponent - other.exponent + DIVISION_PRECISION;
        let (dividend, divisor) = if shift < 0 {
            (self.value.clone(), &other.value * power_of_ten(-shift)?)
        } else {
            (&self.value * power_of_ten(shift)?, other.value.clone())
        };
        let quotient = &dividend / &divisor;
        let rest = &dividend - &quotient * &divisor;
        let half =
            BigInt::from(rest.magnitude() * 2_u8) >= BigInt::from(divisor.magnitude().clone());
        let away = match (half, self.value.sign() == other.value.sign()) {
            (false, _) => 0,
            (true, true) => 1,
            (true, false) => -1,
        };
        Self { value: quotient + away, exponent: -DIVISION_PRECISION }.bounded()
    }

    /// The value with a smaller exponent.
    fn at(&self, exponent: i64) -> Result<BigInt, CallError> {
        Ok(&self.value * power_of_ten(self.exponent - exponent)?)
    }

    fn bounded(self) -> Result<Self, CallError> {
        let digits = self.value.bits() / 3;
        if digits > MAX_DIGITS || self.exponent.unsigned_abs() > MAX_DIGITS {
            return Err(too_long());
        }
        Ok(self)
    }
}

fn power_of_ten(power: i64) -> Result<BigInt, CallError> {
    let power = u32::try_from(power).map_err(|_| too_long())?;
    if u64::from(power) > MAX_DIGITS {
        return Err(too_long());
    }
    Ok(BigInt::from(10_u8).pow(power))
}

fn too_long() -> CallError {
    CallError::new(format!("a decimal with more than {MAX_DIGITS} digits"))
}
