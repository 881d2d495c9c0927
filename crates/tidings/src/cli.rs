//! The command line.

pub mod check;

pub mod legacy;

pub mod metrics;

pub mod playground;

pub mod run;

use std::process::ExitCode;

use clap::{Parser, Subcommand};
use event::{Stop, Tasks};

use crate::{demo, exit::Failure, logging, settings::LogFormat, signals};

/// Watches Kubernetes Events, loses none, and sends each to where it matters.
#[derive(Debug, Parser)]
#[command(version, propagate_version = true, arg_required_else_help = true)]
#[command(after_help = "Try `tidings demo`: a pretend cluster, one minute, nothing to install.")]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Watch a cluster (or read a stream) and send its events.
    Run(run::RunArgs),
    /// Say everything that is wrong with a config.
    Check(check::CheckArgs),
    /// Play a day of a pretend cluster, with incidents, and show how none is lost.
    Demo(demo::DemoArgs),
    /// Serve a pretend API server to try things on.
    Playground(playground::PlaygroundArgs),
}

impl Cli {
    /// Does it.
    pub async fn run(self) -> Result<ExitCode, Failure> {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        signals::stop(&tasks, &stop)?;
        match self.command {
            Command::Run(args) => run::run(args, stop).await,
            Command::Check(args) => {
                logging::start("error", LogFormat::Pretty);
                check::run(args).await
            }
            Command::Demo(args) => {
                logging::start("error", LogFormat::Pretty);
                demo::run(args, stop).await.map_err(Failure::failed)
            }
            Command::Playground(args) => {
                logging::start("info", LogFormat::Pretty);
                playground::run(args, stop).await.map_err(Failure::failed)
            }
        }
    }
}
