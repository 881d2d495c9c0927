//! Whatever is not in the template and not in the data: time, zone, randomness, environment.

use std::fmt;

use jiff::{Timestamp, tz::TimeZone};

use crate::patterns::Patterns;

/// Most bytes that one template prints, and most that one function makes.
pub const MAX_BYTES: usize = 16 * 1024 * 1024;

/// Most steps that one template takes: nodes walked and elements made.
pub const MAX_STEPS: u64 = 10_000_000;

/// What a template may know of the world around it.
#[derive(Clone, Copy)]
pub struct Context<'c> {
    /// The time of `now`.
    pub now: Timestamp,
    /// The zone that counts as local.
    pub zone: &'c TimeZone,
    /// Where variables, addresses and randomness come from.
    pub environment: &'c dyn Environment,
}

/// The process around a template. What is not allowed answers with nothing.
pub trait Environment {
    /// A variable of the process.
    fn variable(&self, name: &str) -> Option<String>;

    /// The addresses of a host, in any order.
    fn addresses(&self, host: &str) -> Vec<String>;

    /// Fills `bytes` with randomness that nobody can guess.
    fn fill_random(&self, bytes: &mut [u8]);

    /// Patterns that were compiled before. Templates bring their own.
    fn patterns(&self) -> Option<&Patterns> {
        None
    }
}

/// No variables, no addresses, and the same bytes every time: for tests and for checking a config.
#[derive(Debug, Clone, Copy, Default)]
pub struct Sealed;

impl Environment for Sealed {
    fn variable(&self, _: &str) -> Option<String> {
        None
    }

    fn addresses(&self, _: &str) -> Vec<String> {
        Vec::new()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        for (index, byte) in bytes.iter_mut().enumerate() {
            // A plain sequence that visits every value.
            *byte = u8::try_from(index.wrapping_mul(167) % 256).unwrap_or_default();
        }
    }
}

impl fmt::Debug for Context<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Context").field("now", &self.now).finish_non_exhaustive()
    }
}
