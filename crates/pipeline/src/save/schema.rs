//! The tables of the journal, and how its file is opened, told from others, and tuned.

use std::{
    fs::{self, OpenOptions},
    io::Read,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use event::journal::JournalError;
use rusqlite::{Connection, OpenFlags};

use super::sqlite::beside;

/// The number of the schema that this Tidings writes.
pub(super) const SCHEMA: u32 = 3;

/// Marks the file as ours: `Tdng`.
const APPLICATION: u32 = 0x5464_6e67;

/// Stands in the first record, so that the file is known even when its header is overwritten.
pub(super) const MARK: &str = "tidings journal, schema 3";

/// [`MARK`] of the first schema: plain bodies, and no limit.
pub(super) const FIRST_MARK: &str = "tidings journal, schema 1";

/// [`MARK`] of the second schema: nothing is known of lanes that somebody stopped.
pub(super) const SECOND_MARK: &str = "tidings journal, schema 2";

/// What every mark begins with; its number comes next.
const ANY_MARK: &[u8] = b"tidings journal, schema ";

/// Bytes in which [`MARK`] is looked for.
const MARK_WITHIN: u64 = 1 << 20;

const MAGIC: &[u8] = b"SQLite format 3\0";

/// Small pages, because a commit rewrites a handful of them whatever it holds: of bodies of 560 bytes a
/// commit of one writes 23 kB (40 kB with pages twice as large), one of a hundred 1.7 kB each, one of a
/// thousand 1.4 kB each (1.3 kB).
pub(super) const PAGE: usize = 4096;

/// Every table is either the journal itself or a few sealed records; see `records.rs` and `form.rs`.
const TABLES: &str = "
    CREATE TABLE state (
        id INTEGER PRIMARY KEY, mark TEXT, commits INTEGER, last INTEGER, appended INTEGER,
        seen INTEGER, accepted INTEGER, filtered INTEGER, baseline INTEGER, noop INTEGER,
        snapshots INTEGER,
        complete INTEGER, complete_began INTEGER, complete_appended INTEGER, complete_parts INTEGER,
        begun INTEGER, begun_began INTEGER, begun_appended INTEGER, begun_parts INTEGER,
        seal INTEGER);
    CREATE TABLE journal (
        seq INTEGER PRIMARY KEY, lanes BLOB, change BLOB, seal INTEGER, body BLOB);
    CREATE TABLE position (
        scope TEXT PRIMARY KEY, epoch INTEGER, revision INTEGER, time INTEGER, ttl INTEGER,
        seal INTEGER) WITHOUT ROWID;
    CREATE TABLE lane (
        id INTEGER PRIMARY KEY, name TEXT, generation INTEGER, cursor INTEGER, done_above BLOB,
        orphaned INTEGER, given_up INTEGER, forgotten_by INTEGER,
        accepted INTEGER, delivered INTEGER, suppressed INTEGER, parked INTEGER, overflow INTEGER,
        expired INTEGER, discarded INTEGER, seal INTEGER);
    CREATE TABLE generation (
        name TEXT PRIMARY KEY, generation INTEGER, seal INTEGER) WITHOUT ROWID;
    CREATE TABLE parked (
        id INTEGER PRIMARY KEY, lane INTEGER, seq INTEGER, at INTEGER, cause INTEGER, reason TEXT,
        body BLOB, seal INTEGER);
    CREATE TABLE break (
        id INTEGER PRIMARY KEY, at INTEGER, cause TEXT,
        from_epoch INTEGER, from_revision INTEGER, from_time INTEGER, from_ttl INTEGER,
        to_epoch INTEGER, to_revision INTEGER, to_time INTEGER, to_ttl INTEGER,
        missed INTEGER, seal INTEGER);
    CREATE TABLE part (
        id INTEGER PRIMARY KEY, snapshot INTEGER, bytes BLOB, seal INTEGER);
";

/// What schema 2 has beside the tables of schema 1.
pub(super) const SECOND: &str = "
    CREATE TABLE overflow (
        lane INTEGER PRIMARY KEY, skipped BLOB, rows INTEGER, first INTEGER, last INTEGER,
        seal INTEGER);
    CREATE TABLE extent (
        id INTEGER PRIMARY KEY, swept INTEGER, parked INTEGER, seal INTEGER);
";

/// What schema 3 has beside the tables of schema 2: what people asked of a lane, and what it has to tell them.
pub(super) const THIRD: &str = "
    CREATE TABLE note (
        lane INTEGER PRIMARY KEY, paused INTEGER, digest BLOB, fill_after INTEGER, fill_upto INTEGER,
        seal INTEGER);
";

/// The tables that every schema has.
pub(super) const NAMES: [&str; 8] =
    ["state", "journal", "position", "lane", "generation", "parked", "break", "part"];

/// What a file looks like before `SQLite` is let near it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Look {
    /// Nothing is there.
    Absent,
    /// A journal.
    Journal,
    /// A journal whose first page is not what it was.
    Disfigured,
    /// A journal of this older schema.
    Older(u32),
    /// A journal of this newer schema.
    Newer(u32),
    /// Something else.
    Foreign,
}

impl Look {
    /// Looks at the file.
    pub(super) fn at(path: &Path) -> std::io::Result<Self> {
        let file = match std::fs::File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Self::Absent),
            Err(error) => return Err(error),
        };
        let mut head = Vec::new();
        file.take(MARK_WITHIN).read_to_end(&mut head)?;
        Ok(Self::of(&head))
    }

    /// Judges the beginning of a file. The mark decides when the header says something strange: a
    /// flipped bit there must not make the file somebody else's.
    fn of(head: &[u8]) -> Self {
        if head.is_empty() {
            return Self::Absent;
        }
        let number = |at: usize| {
            let bytes = head.get(at..at + 4)?.try_into().ok()?;
            Some(u32::from_be_bytes(bytes))
        };
        let ours = head.starts_with(MAGIC) && number(68) == Some(APPLICATION);
        let version = number(60).unwrap_or_default();
        let marked = || {
            let mut at = head.windows(ANY_MARK.len() + 2);
            let number = at.find(|at| at.starts_with(ANY_MARK))?.split_at(ANY_MARK.len()).1;
            let digits = number.iter().take_while(|byte| byte.is_ascii_digit());
            Some(digits.fold(0, |sum, digit| sum * 10 + u32::from(digit - b'0')))
        };
        match version {
            SCHEMA if ours => Self::Journal,
            older @ 1..SCHEMA if ours => Self::Older(older),
            version if ours => match marked() {
                // The number of the header is not what the program wrote.
                Some(mark) if mark <= SCHEMA => Self::Disfigured,
                Some(mark) => Self::Newer(mark),
                None if version > SCHEMA => Self::Newer(version),
                None => Self::Disfigured,
            },
            _ if marked().is_some() => Self::Disfigured,
            _ => Self::Foreign,
        }
    }
}

/// What is said about a file that is not to be touched.
pub(super) fn foreign(path: &Path, look: Look) -> JournalError {
    JournalError::Foreign(match look {
        Look::Newer(schema) => {
            let backup = backup(path, SCHEMA);
            let back = if backup.exists() {
                format!(
                    "to go back to what was saved before the upgrade, put `{}` in its place",
                    backup.display()
                )
            } else {
                "to go back, let it write what waits with `tidings state export`, then move the file \
                 away with `tidings state reset`"
                    .into()
            };
            format!(
                "`{}` was written by a newer Tidings (schema {schema}, this one reads {SCHEMA}): run \
                 that version again; {back}",
                path.display()
            )
        }
        _ => format!(
            "`{}` is not a Tidings journal: move it away, or name another state folder",
            path.display()
        ),
    })
}

/// Where the copy of the journal `path` is that was made before its schema was no longer `schema`.
pub(super) fn backup(path: &Path, schema: u32) -> PathBuf {
    beside(path, &format!(".schema{schema}.bak"))
}

/// Opens the file and makes the connection ready. A larger log or cache saves no writes, only costs
/// space. Creates the tables where there are none.
pub(super) fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE
        | OpenFlags::SQLITE_OPEN_CREATE
        | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    keep_private(path);
    let is_new = fs::metadata(path).is_ok_and(|file| file.len() == 0);
    if is_new {
        create(&Connection::open_with_flags(path, flags)?)?;
    }
    let db = Connection::open_with_flags(path, flags)?;
    // Exclusive before WAL: then the index of the log lives on the heap, and no second file is mapped.
    db.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 1000;
         PRAGMA journal_size_limit = 8388608;
         PRAGMA cache_size = -2000;
         PRAGMA temp_store = MEMORY;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    db.set_prepared_statement_cache_capacity(64);
    if version(&db)? == 0 {
        create(&db)?;
    }
    Ok(db)
}

/// The number of the schema, as the log has it: in the file it can be older.
pub(super) fn version(db: &Connection) -> rusqlite::Result<u32> {
    db.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// Events tell a lot; a new file is for its owner alone. What cannot be made here fails when it is
/// opened, with better words.
fn keep_private(path: &Path) {
    if let Err(error) = OpenOptions::new().append(true).create(true).mode(0o600).open(path) {
        tracing::debug!(%error, "the journal cannot be made");
    }
}

/// The numbers that make the file ours come with the tables, in one transaction without a log: with one they
/// would be in the log only, and whoever is killed then leaves a file that looks like anybody's.
fn create(db: &Connection) -> rusqlite::Result<()> {
    db.execute_batch(&format!(
        "PRAGMA page_size = {PAGE};
         PRAGMA auto_vacuum = INCREMENTAL;
         BEGIN IMMEDIATE;
         PRAGMA application_id = {APPLICATION};
         PRAGMA user_version = {SCHEMA};
         {TABLES} {SECOND} {THIRD}
         COMMIT;"
    ))
}
