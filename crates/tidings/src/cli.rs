//! The command line.

pub mod capacity;

pub mod check;

mod confirm;

pub mod diff;

mod input;

pub mod lanes;

pub mod legacy;

pub mod metrics;

mod moment;

pub mod parked;

pub mod playground;

pub mod render;

pub mod replay;

pub mod route;

pub mod run;

pub mod send_test;

pub mod state;

pub mod test;

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
    /// Say which receivers events reach, and which rules led there.
    Route(route::RouteArgs),
    /// Print what a receiver would be given.
    Render(render::RenderArgs),
    /// Try a config on events with what is expected of them.
    Test(test::TestArgs),
    /// Send a receiver one event that is marked as a test.
    SendTest(send_test::SendTestArgs),
    /// Compare what kubernetes-event-exporter wrote with what Tidings would.
    Diff(diff::DiffArgs),
    /// Say how receivers are doing; stop one, let it go on, clear its way.
    Lanes(lanes::LanesArgs),
    /// Look at events that were refused for good; send them again, or give them up.
    Parked(parked::ParkedArgs),
    /// Send a receiver once more what it was sent.
    Replay(replay::ReplayArgs),
    /// Look at the state folder, export what waits, or begin anew.
    State(state::StateArgs),
    /// Say how long an outage may last before events are dropped.
    Capacity(capacity::CapacityArgs),
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
            Command::Check(args) => check::run(quiet(args)).await,
            Command::Route(args) => route::run(quiet(args), stop).await,
            Command::Render(args) => render::run(quiet(args), stop).await,
            Command::Test(args) => test::run(quiet(args), stop).await,
            Command::SendTest(args) => send_test::run(quiet(args), stop).await,
            Command::Diff(args) => diff::run(quiet(args), stop).await,
            Command::Lanes(args) => lanes::run(quiet(args)).await,
            Command::Parked(args) => parked::run(quiet(args)).await,
            Command::Replay(args) => replay::run(quiet(args)).await,
            Command::State(args) => state::run(quiet(args)),
            Command::Capacity(args) => capacity::run(&quiet(args)),
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

/// Before a command that prints what it has to say: a log tells only what fails.
fn quiet<A>(args: A) -> A {
    logging::start("error", LogFormat::Pretty);
    args
}
