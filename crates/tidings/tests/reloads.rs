//! `make reloads`: the real binary is given another config again and again while a flood of Events runs, half
//! of the configs broken; at the end every write of the cluster is compared with what the receivers got.
//!
//! `RELOADS` says how often (1000), `SEED` repeats a run. Nothing may be missing, and each event must have
//! gone to that one of two receivers which the config of its moment names. The last line is the result.

#[path = "torture"]
#[expect(dead_code, reason = "the parts of `make torture`, of which not all are needed")]
mod torture {
    //! The parts that both share.

    pub(crate) mod cluster;
    pub(crate) mod files;
    pub(crate) mod receipts;
    pub(crate) mod victim;
    pub(crate) mod webhook;
}

mod reloads {
    //! What is not in `make torture`.

    /// The configs, good and broken.
    pub(crate) mod configs;

    /// The whole of it.
    pub(crate) mod run;
}

use std::{process::ExitCode, time::SystemTime};

fn main() -> anyhow::Result<ExitCode> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let reloads = number("RELOADS").unwrap_or(1000);
    let seed = number("SEED").unwrap_or_else(any_seed);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    runtime.block_on(reloads::run::run(reloads, seed))
}

#[expect(clippy::disallowed_methods, reason = "any number will do, and it is printed")]
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |now| u64::from(now.subsec_nanos()))
}
