//! Being written.

use std::process::ExitCode;

/// Arguments.
#[derive(Debug, clap::Args)]
pub struct PlaygroundArgs {}

/// Runs.
pub async fn run(_args: PlaygroundArgs, _stop: event::Stop) -> anyhow::Result<ExitCode> {
    Ok(ExitCode::SUCCESS)
}
