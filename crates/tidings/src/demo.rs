//! Being written.

use std::process::ExitCode;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {}

/// Runs.
pub async fn run(_args: DemoArgs, _stop: event::Stop) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
