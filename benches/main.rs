//! `make bench`: prints the table of `docs/benchmarks.md` as it is on this machine, on one core.
//!
//! Every measurement is a process of its own (see [`benches::role`]), so that memory is honest and
//! nothing warms up for the next. Nothing fails for being slow.

use std::process::ExitCode;

fn main() -> anyhow::Result<ExitCode> {
    let arguments: Vec<String> =
        std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    match arguments.as_slice() {
        [word, role, rest @ ..] if word == benches::role::WORD => benches::role::play(role, rest)?,
        only => benches::report::run(only.first().map_or("", String::as_str))?,
    }
    Ok(ExitCode::SUCCESS)
}
