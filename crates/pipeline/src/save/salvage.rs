//! A damaged journal is set aside, and what is still readable is brought into a new one.
//!
//! A mark beside the file says that this has to be done, and, once the file has its new name, where it
//! is: whoever dies in between goes on at the next start.

use std::{
    fs::{self, File},
    io,
    path::{Path, PathBuf},
};

use event::journal::JournalError;
use jiff::Timestamp;

use super::{
    rescue::rescue,
    reserve,
    sqlite::{beside, io_failure},
};

/// Damaged files that are kept for people to look at.
const KEPT: usize = 2;

/// Marks the journal for a salvage at the next start.
pub(super) fn suspect(path: &Path) {
    if let Err(error) = fs::write(mark(path), "") {
        tracing::warn!(%error, "the damaged journal cannot be marked");
    }
}

/// Whether the journal is marked.
pub(super) fn is_suspect(path: &Path) -> bool {
    mark(path).exists()
}

fn mark(path: &Path) -> PathBuf {
    beside(path, ".suspect")
}

/// Sets the journal aside, puts a new one with everything readable in its place, and says in one
/// sentence what was lost.
pub(super) fn salvage(path: &Path, now: Timestamp) -> Result<String, JournalError> {
    let failed = |error: io::Error| io_failure(path, &error);
    reserve::remove(path);
    let Some(aside) = set_aside(path, now).map_err(failed)? else {
        remove(&mark(path)).map_err(failed)?;
        return Ok("the damaged journal is gone; a new one was begun".into());
    };
    let fresh = beside(path, ".salvaged");
    remove(&fresh).and_then(|()| remove(&beside(&fresh, "-wal"))).map_err(failed)?;
    let loss = rescue(&aside, &fresh)?;
    fs::rename(&fresh, path)
        .and_then(|()| sync_folder(path))
        .and_then(|()| remove(&mark(path)))
        .map_err(failed)?;
    forget_old(path);
    let name = aside.file_name().unwrap_or_default().to_string_lossy();
    Ok(format!("the journal was damaged: {loss}; the damaged file is kept as `{name}`"))
}

/// Gives the file its new name, or finds it where an earlier attempt has put it.
fn set_aside(path: &Path, now: Timestamp) -> io::Result<Option<PathBuf>> {
    if !path.exists() {
        let aside = PathBuf::from(fs::read_to_string(mark(path)).unwrap_or_default());
        let aside = aside.file_name().map(|name| path.with_file_name(name));
        return Ok(aside.filter(|aside| aside.exists()));
    }
    let base = beside(path, &format!(".damaged-{}", now.strftime("%Y%m%dT%H%M%SZ")));
    let aside = (1..1000)
        .map(|again| if again == 1 { base.clone() } else { beside(&base, &format!("-{again}")) })
        .find(|aside| !aside.exists())
        .unwrap_or(base.clone());
    fs::write(mark(path), aside.to_string_lossy().as_bytes())?;
    let log = beside(path, "-wal");
    if log.exists() {
        fs::rename(log, beside(&aside, "-wal"))?;
    }
    fs::rename(path, &aside)?;
    sync_folder(path)?;
    Ok(Some(aside))
}

/// Makes new names in the folder of `path` durable.
pub(super) fn sync_folder(path: &Path) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// A disk that damages file after file must not fill up with them.
fn forget_old(path: &Path) {
    let prefix = beside(path, ".damaged-");
    let prefix = prefix.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let folder = path.parent().map(fs::read_dir);
    let mut kept: Vec<PathBuf> = folder
        .into_iter()
        .flatten()
        .flatten()
        .flatten()
        .filter(|file| file.file_name().to_string_lossy().starts_with(&prefix))
        .map(|file| file.path())
        .filter(|file| !file.to_string_lossy().ends_with("-wal"))
        .collect();
    kept.sort();
    let surplus = kept.len().saturating_sub(KEPT);
    for old in &kept[..surplus] {
        if let Err(error) = remove(old).and_then(|()| remove(&beside(old, "-wal"))) {
            tracing::warn!(%error, "an old damaged journal cannot be removed");
        }
    }
}
