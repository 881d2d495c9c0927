//! `tidings state`: looking at the state folder, and getting things out of it.

mod export;

mod info;

mod reset;

use std::{
    io::{self, Write},
    path::PathBuf,
    process::ExitCode,
};

use clap::{Args, Subcommand};
use pipeline::save::FolderLook;

use crate::{cli::check::Format, exit::Failure, state};

/// Arguments of `tidings state`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings state info --state /var/lib/tidings
  tidings state export > events.ndjson          what waits and what is parked; nothing changes
  tidings run --source events.ndjson …          sends it
  tidings state reset                           begins anew; the old files are moved, not deleted

Exit codes: 0 fine, 1 failed, 2 wrong usage, 4 the folder cannot be used.")]
pub struct StateArgs {
    #[command(subcommand)]
    command: StateCommand,
}

#[derive(Debug, Subcommand)]
enum StateCommand {
    /// Say what is in the folder: size, positions, and what each receiver waits for
    Info {
        #[command(flatten)]
        folder: FolderArgs,
        /// For people or for programs
        #[arg(long, value_enum, default_value_t = Format::Text)]
        format: Format,
    },
    /// Write the events that wait or are parked, one a line, with their receivers
    Export {
        #[command(flatten)]
        folder: FolderArgs,
    },
    /// Move the journal aside, so that the next start begins anew
    Reset {
        #[command(flatten)]
        folder: FolderArgs,
        /// Do not ask
        #[arg(long)]
        yes: bool,
    },
}

/// Which folder.
#[derive(Debug, Args)]
pub struct FolderArgs {
    /// The state folder [default: that of `tidings run`, where there is only one]
    #[arg(long, global = true, value_name = "DIR", env = "TIDINGS_STATE")]
    state: Option<PathBuf>,
}

impl FolderArgs {
    /// Looks at it.
    pub(super) fn look(&self) -> Result<FolderLook, Failure> {
        let path = match &self.state {
            Some(path) => path.clone(),
            None => state::only_path().map_err(Failure::start)?,
        };
        FolderLook::at(&path).map_err(|error| {
            Failure::start(error).hint("name the folder that `tidings run` uses with --state")
        })
    }

    /// Looks at it; a process that uses it is in the way.
    fn ours(&self) -> Result<FolderLook, Failure> {
        let look = self.look()?;
        match &look.holder {
            None => Ok(look),
            Some(holder) => {
                let error = anyhow::anyhow!(
                    "the state folder `{}` is in use by {holder}",
                    look.path.display()
                );
                Err(Failure::start(error).hint("stop that process first; nothing is lost by it"))
            }
        }
    }
}

/// Does what is asked.
pub fn run(args: StateArgs) -> Result<ExitCode, Failure> {
    match args.command {
        StateCommand::Info { folder, format } => info::print(&folder.look()?, format),
        StateCommand::Export { folder } => export::write(&folder.ours()?),
        StateCommand::Reset { folder, yes } => reset::reset(&folder.ours()?, yes),
    }
}

/// A reader that went away is no failure of ours.
pub(super) fn say(text: &str) -> Result<ExitCode, Failure> {
    let mut to = io::stdout().lock();
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failure::failed(error)),
        _ => Ok(ExitCode::SUCCESS),
    }
}
