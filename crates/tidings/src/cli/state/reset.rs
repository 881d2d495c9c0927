//! `tidings state reset`.

use std::{fs, io, path::PathBuf, process::ExitCode};

use event::{Clock, SystemClock};
use pipeline::save::FolderLook;

use super::say;
use crate::{
    cli::confirm,
    exit::{self, Failure},
};

/// What belongs to the journal begins so.
const PREFIX: &str = "journal.db";

/// Moves everything of the journal into a folder beside it.
pub(super) fn reset(look: &FolderLook, yes: bool) -> Result<ExitCode, Failure> {
    let files = files(look).map_err(Failure::failed)?;
    if files.is_empty() {
        return say("there is no journal; the next start begins anew anyway\n");
    }
    let path = look.path.display();
    let question = format!(
        "move the journal of `{path}` aside? What waits is not sent, and positions are forgotten"
    );
    if !yes && !confirm::agreed(&question).map_err(Failure::failed)? {
        return Ok(ExitCode::from(exit::FAILED));
    }
    let now = SystemClock.now().strftime("%Y%m%dT%H%M%SZ").to_string();
    let aside = look.path.join(format!("reset-{now}"));
    let moved = fs::create_dir(&aside).and_then(|()| {
        files.iter().try_for_each(|file| match file.file_name() {
            Some(name) => fs::rename(file, aside.join(name)),
            None => Ok(()),
        })
    });
    moved.map_err(Failure::failed)?;
    say(&format!(
        "the journal is in `{}` now; the next start begins anew: it sends only what happens from then \
         on. Remove that folder when nothing of it is needed any more\n",
        aside.display()
    ))
}

/// The reserve is only space.
fn files(look: &FolderLook) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(&look.path)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            files.push(entry.path());
        }
    }
    Ok(files)
}
