//! `make soak`: the real binary beside `tidings playground`, as many events as hours have at 200 a second, only
//! faster; memory, file descriptors, threads and the state folder must stay as they are.
//!
//! `HOURS` says how many (1), `SOAK_RATE` how many events a second are played (3000), `SOAK_WARM_UP` how many come first and are
//! held against nobody (2 000 000). Meanwhile a receiver answers 503 or
//! is gone for stretches, the config is read again, and Events expire. No event may be missing. The last line
//! is the result.

mod soak {
    //! The parts, in the order in which they play.

    /// The two programs.
    pub(crate) mod programs;

    /// The receiver that is not always there.
    pub(crate) mod webhook;

    /// The other receiver: what the sink `file` leaves behind.
    pub(crate) mod trail;

    /// What was written, and who got it.
    pub(crate) mod account;

    /// What the system says of the binary.
    pub(crate) mod vitals;

    /// Whether numbers grow.
    pub(crate) mod growth;

    /// The whole of it.
    pub(crate) mod run;
}

use std::process::ExitCode;

use soak::run::{self, Options};

fn main() -> anyhow::Result<ExitCode> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<f64>().ok());
    let hours = number("HOURS").unwrap_or(1.0);
    let rate = number("SOAK_RATE").unwrap_or(3000.0);
    let warm_up = number("SOAK_WARM_UP").unwrap_or(2e6);
    anyhow::ensure!(hours > 0.0 && rate >= 1.0, "HOURS is more than 0, SOAK_RATE at least 1");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(run::soak(Options::new(hours, rate, warm_up)))
}
