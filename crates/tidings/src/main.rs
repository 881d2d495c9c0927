//! `tidings`: arguments, logging, the runtime, the exit code. Everything else is a function that a
//! test can call.

use std::process::ExitCode;

use clap::Parser;
use tidings::{
    cli::{Cli, legacy},
    exit,
};

fn main() -> ExitCode {
    let cli = Cli::parse_from(legacy::translate(std::env::args_os()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::report(&exit::Failure::start(error)),
    };
    let outcome = runtime.block_on(cli.run());
    // A reader that hangs on standard output must not keep the process.
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    match outcome {
        Ok(code) => code,
        Err(failure) => exit::report(&failure),
    }
}
