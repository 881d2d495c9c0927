//! A journal of an older schema becomes one of this schema, after it was copied.
//!
//! The copy is whole before it has its name, and the file changes in one transaction: whoever dies in
//! between begins again at the next start.

use std::{
    fs::{self, File},
    io::{self, Read, Write},
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};

use event::journal::JournalError;
use rusqlite::Connection;

use super::{
    folder::space,
    parked, records, reserve,
    salvage::sync_folder,
    schema::{self, SCHEMA, SECOND, THIRD},
    sqlite::{beside, failure, io_failure},
};

/// Copied at a time.
const BLOCK: usize = 1 << 20;

/// Progress is told for files from this size on, this often.
const LARGE: u64 = 256 << 20;
const STEPS: u64 = 10;

/// What must be left beside the copy.
const SPARE: u64 = 16 << 20;

/// How long a copy is kept.
const KEEP: Duration = Duration::from_secs(7 * 24 * 3600);

/// Brings the journal in `path` from schema `from` to this one.
pub(super) fn migrate(path: &Path, from: u32) -> Result<(), JournalError> {
    let db = schema::connect(path).map_err(failure)?;
    if schema::version(&db).map_err(failure)? == SCHEMA {
        // A crash came before the log was brought into the file.
        return checkpoint(&db);
    }
    checkpoint(&db)?;
    db.close().map_err(|(_, error)| failure(error))?;
    let backup = copy(path, from)?;
    let mut db = schema::connect(path).map_err(failure)?;
    change(&mut db).map_err(failure)?;
    checkpoint(&db)?;
    let backup = backup.display();
    tracing::info!("the journal has schema {SCHEMA} now; what it was before is kept as `{backup}`");
    Ok(())
}

/// Schema 2 has two tables more than schema 1, schema 3 one more, and each another mark.
pub(super) fn change(db: &mut Connection) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    let from = schema::version(&tx)?;
    if from < 2 {
        tx.execute_batch(SECOND)?;
    }
    tx.execute_batch(THIRD)?;
    let (mut books, torn) = records::get_books(&tx);
    // A damaged record stays as it is, for the salvage that follows.
    if !torn.any() {
        let old = books.clone();
        if from < 2 {
            books.parked = parked::sum(&tx)?;
        }
        records::put_books(&tx, &old, &books)?;
    }
    tx.pragma_update(None, "user_version", SCHEMA)?;
    tx.commit()
}

fn checkpoint(db: &Connection) -> Result<(), JournalError> {
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failure)
}

/// Copies the file, in which everything is now.
fn copy(path: &Path, from: u32) -> Result<PathBuf, JournalError> {
    let failed = |error: io::Error| io_failure(path, &error);
    let backup = schema::backup(path, from);
    let part = beside(&backup, ".part");
    let bytes = fs::metadata(path).map_err(failed)?.len();
    remove(&part).map_err(failed)?;
    if free(path).map_err(failed)? < bytes + SPARE {
        // It is held back for hard times, and comes back when there is room.
        reserve::remove(path);
    }
    let free = free(path).map_err(failed)?;
    if free < bytes + SPARE {
        let mib = |bytes: u64| bytes.div_ceil(1 << 20);
        return Err(JournalError::Foreign(format!(
            "`{}` has the older schema {from}, and there is no room for the copy that is made before it \
             changes: {} MiB are needed, {} MiB are free; free some space or enlarge the volume, or run \
             the version that wrote it",
            path.display(),
            mib(bytes + SPARE),
            free >> 20,
        )));
    }
    write(path, &part, bytes).map_err(failed)?;
    fs::rename(&part, &backup).and_then(|()| sync_folder(path)).map_err(failed)?;
    Ok(backup)
}

fn free(path: &Path) -> io::Result<u64> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    space(folder.unwrap_or(Path::new("."))).map(|(_, free)| free)
}

fn write(path: &Path, copy: &Path, bytes: u64) -> io::Result<()> {
    let mut from = File::open(path)?;
    let mut to = File::create(copy)?;
    to.set_permissions(from.metadata()?.permissions())?;
    let mut block = vec![0; BLOCK];
    let (mut done, mut told) = (0, 0);
    loop {
        let length = from.read(&mut block)?;
        if length == 0 {
            return to.sync_all();
        }
        to.write_all(&block[..length])?;
        done += length as u64;
        let step = done * STEPS / bytes.max(1);
        if bytes >= LARGE && step > told {
            told = step;
            let (done, all) = (done >> 20, bytes >> 20);
            tracing::info!("the journal is copied before its schema changes: {done} of {all} MiB");
        }
    }
}

/// Removes copies that nobody went back to for a week.
pub(super) fn forget_old(path: &Path, now: SystemTime) {
    for schema in 1..SCHEMA {
        let backup = schema::backup(path, schema);
        let made = fs::metadata(&backup).and_then(|file| file.modified());
        let old = made.is_ok_and(|made| now.duration_since(made).is_ok_and(|age| age > KEEP));
        if old && let Err(error) = remove(&backup) {
            tracing::warn!(%error, "an old copy of the journal cannot be removed");
        }
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
