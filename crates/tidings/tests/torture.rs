//! `make torture`: the real binary, killed with SIGKILL at random moments while a flood of Events runs,
//! and at the end every write of the cluster compared with what two receivers got.
//!
//! `KILLS` says how often (200), `SEED` repeats a run. With `REPLICAS=kept` or `REPLICAS=deleted` two replicas run, and
//! the leader is killed; its state folder is kept, or deleted each time. Nothing may be missing and nothing may have come
//! under another id; a repeat under the same id is what at-least-once allows. The last line is the result.

mod torture {
    //! The parts, in the order in which they play.

    /// The pretend cluster and its flood.
    pub(crate) mod cluster;

    /// The receiver that fails, hangs, and takes without a word.
    pub(crate) mod webhook;

    /// What a receiver got.
    pub(crate) mod receipts;

    /// The other receiver: files, as the sink leaves them behind.
    pub(crate) mod files;

    /// The binary under test.
    pub(crate) mod victim;

    /// When the next blow falls.
    pub(crate) mod plan;

    /// The whole of it.
    pub(crate) mod run;

    /// The same with two replicas, of which one leads.
    pub(crate) mod replicas;
}

use std::{process::ExitCode, time::SystemTime};

use torture::{
    replicas::{self, Folder},
    run::{self, Options},
};

fn main() -> anyhow::Result<ExitCode> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let kills = number("KILLS").unwrap_or(200);
    let seed = number("SEED").unwrap_or_else(any_seed);
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let options = Options { kills, seed };
    match std::env::var("REPLICAS").as_deref() {
        Ok("kept") => runtime.block_on(replicas::torture(options, Folder::Kept)),
        Ok("deleted") => runtime.block_on(replicas::torture(options, Folder::Deleted)),
        Ok(other) => anyhow::bail!("REPLICAS is `{other}`, and may be `kept` or `deleted`"),
        Err(_) => runtime.block_on(run::torture(options)),
    }
}

#[expect(clippy::disallowed_methods, reason = "any number will do, and it is printed")]
fn any_seed() -> u64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(1, |now| u64::from(now.subsec_nanos()))
}
