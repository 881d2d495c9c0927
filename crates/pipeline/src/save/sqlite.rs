//! The journal on disk: one `SQLite` file, one connection, one transaction for everything that moves.
//!
//! Rows are only ever appended at the end and removed at the beginning. The small rest is kept in
//! memory as [`Books`] and written down where it changed. Memory follows the disk: the books are
//! replaced when the transaction has returned, never before.

use std::{
    fs,
    path::{Path, PathBuf},
    sync::Arc,
};

use event::{
    Event, Journal, LaneId, LaneSet, Text, body,
    journal::{
        Commit, Committed, JournalError, Lane, Ledger, Loaded, Parked, Restored, Row, Seq, Stored,
        Trimmed,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior, params};

use super::{
    TRIM_ROWS,
    books::{Books, waits},
    form::{self, Seal},
    memory::{NO_BODY, row_bytes},
    records,
    reserve::Reserve,
    salvage,
    schema::{self, Look},
};

/// Rows that one transaction removes.
const TRIM_STEP: u64 = 1024;

/// Pages that one call gives back to the file system.
const VACUUM_STEP: u64 = 1024;

/// Free pages are left for later rows until there are this many bytes of them.
const VACUUM_FROM: u64 = 16 << 20;

/// Free bytes inside the file that allow to append although the disk is full.
const ROOM: u64 = 4 << 20;

/// What can be chosen about a journal on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How much is appended until a snapshot is due.
    pub snapshot_bytes: u64,
    /// How much is held back so that a full disk can still trim; 0 for none.
    pub reserve_bytes: u64,
    /// Files up to this size are checked as a whole when they are opened.
    pub check_bytes: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { snapshot_bytes: 64 << 20, reserve_bytes: 64 << 20, check_bytes: 256 << 20 }
    }
}

/// A journal in an `SQLite` file.
#[derive(Debug)]
pub struct SqliteJournal {
    pub(super) db: Connection,
    pub(super) books: Books,
    path: PathBuf,
    limits: Limits,
    reserve: Reserve,
    salvaged: Option<String>,
}

impl SqliteJournal {
    /// Opens the journal in `path`, or makes a new one. A damaged file is set aside under the name of
    /// `now`, and what can still be read is brought into a new one.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, JournalError> {
        Self::open_with(path, now, Limits::default())
    }

    /// Opens the journal with other limits.
    pub fn open_with(path: &Path, now: Timestamp, limits: Limits) -> Result<Self, JournalError> {
        let look = Look::at(path).map_err(|error| io(path, &error))?;
        let salvaged = match look {
            Look::Newer(_) | Look::Foreign => return Err(schema::foreign(path, look)),
            Look::Disfigured => Some(salvage::salvage(path, now)?),
            Look::Absent | Look::Journal if salvage::is_suspect(path) => {
                Some(salvage::salvage(path, now)?)
            }
            Look::Absent | Look::Journal => None,
        };
        let opened = Self::start(path, limits);
        let (db, books, salvaged) = match opened {
            Err(JournalError::Damaged(_)) if salvaged.is_none() => {
                let salvaged = salvage::salvage(path, now)?;
                let (db, books) = Self::start(path, limits)?;
                (db, books, Some(salvaged))
            }
            other => {
                let (db, books) = other?;
                (db, books, salvaged)
            }
        };
        Ok(Self {
            db,
            books,
            path: path.to_owned(),
            limits,
            reserve: Reserve::open(path, limits.reserve_bytes),
            salvaged,
        })
    }

    /// Connects, checks, and forgets the half of a snapshot that a crash left.
    fn start(path: &Path, limits: Limits) -> Result<(Connection, Books), JournalError> {
        let size = fs::metadata(path).map_or(0, |file| file.len());
        let mut db = schema::connect(path).map_err(failure)?;
        let mut books = salvage::check(&db, size <= limits.check_bytes)?;
        if books.begun.is_some() {
            let old = books.clone();
            books.begun = None;
            let tx = begin(&mut db).map_err(failure)?;
            records::put_books(&tx, &old, &books)
                .and_then(|()| records::keep_parts(&tx, [books.complete, None]))
                .and_then(|()| tx.commit())
                .map_err(failure)?;
        }
        Ok((db, books))
    }

    /// Runs `work` in one transaction and takes over its books once it is durable.
    fn transact<T>(
        &mut self,
        work: impl FnOnce(&Connection, &Books) -> rusqlite::Result<(Books, T)>,
    ) -> Result<T, JournalError> {
        let tx = begin(&mut self.db).map_err(failure);
        let done = tx.and_then(|tx| {
            let (books, answer) = work(&tx, &self.books).map_err(failure)?;
            records::put_books(&tx, &self.books, &books).map_err(failure)?;
            let commits = books.commits;
            let committed = tx.commit().map_err(failure);
            Ok((books, answer, committed.map_err(|error| (error, commits))))
        });
        match done {
            Ok((books, answer, Ok(()))) => {
                self.books = books;
                Ok(answer)
            }
            Ok((_, answer, Err((error, commits)))) => {
                self.failed(&error);
                self.look_again(error, commits).map(|()| answer)
            }
            Err(error) => {
                self.failed(&error);
                Err(error)
            }
        }
    }

    /// A commit that failed at its very end may have reached the disk all the same. Opening the file
    /// again tells, so that nobody appends the same rows twice.
    fn look_again(&mut self, error: JournalError, commits: u64) -> Result<(), JournalError> {
        if !matches!(error, JournalError::Io(_)) {
            return Err(error);
        }
        // The old connection holds the lock until it is gone.
        self.db = Connection::open_in_memory().map_err(failure)?;
        let (db, books) = Self::start(&self.path, self.limits)?;
        self.db = db;
        self.books = books;
        (self.books.commits == commits).then_some(()).ok_or(error)
    }

    fn failed(&mut self, error: &JournalError) {
        match error {
            JournalError::Full => self.reserve.give_up(),
            JournalError::Damaged(_) => salvage::suspect(&self.path),
            JournalError::Foreign(_) | JournalError::Io(_) => {}
        }
    }

    /// After the reserve was given up, what is left of it belongs to those who make room.
    fn check_room(&mut self, commit: &Commit) -> Result<(), JournalError> {
        let grows = !commit.rows.is_empty() || commit.snapshot.is_some();
        if !grows || !self.reserve.is_given_up() || self.free_bytes()? >= ROOM {
            return Ok(());
        }
        Err(JournalError::Full)
    }

    fn free_bytes(&self) -> Result<u64, JournalError> {
        Ok(self.pragma("freelist_count")? * self.pragma("page_size")?)
    }

    fn pragma(&self, name: &str) -> Result<u64, JournalError> {
        self.db.pragma_query_value(None, name, |row| number(row, 0)).map_err(failure)
    }

    fn first(&self) -> Result<Option<Seq>, JournalError> {
        first(&self.db).map_err(failure)
    }

    /// Removes up to [`TRIM_ROWS`] rows in short transactions; each is as good as all of them.
    fn remove_passed(&mut self) -> Result<u64, JournalError> {
        let mut rows = 0;
        while rows < TRIM_ROWS as u64 {
            let passed = self.books.passed();
            let Some(first) = self.first()?.filter(|first| *first <= passed) else {
                break;
            };
            let last = passed.min(first + TRIM_STEP - 1);
            rows += self.transact(|db, books| {
                let removed = db
                    .prepare_cached("DELETE FROM journal WHERE seq BETWEEN ? AND ?")?
                    .execute([first, last].map(u64::cast_signed))?;
                Ok((books.clone(), removed as u64))
            })?;
        }
        Ok(rows)
    }

    /// Free pages are at the front and the newest rows at the end, so giving space back means moving
    /// rows; it pays only when there is much to give.
    fn give_back(&mut self) -> Result<(), JournalError> {
        let (free, pages) = (self.pragma("freelist_count")?, self.pragma("page_count")?);
        if free * 4 <= pages || self.free_bytes()? <= VACUUM_FROM {
            return Ok(());
        }
        let given = self
            .db
            .execute_batch(&format!("PRAGMA incremental_vacuum({VACUUM_STEP})"))
            .map_err(failure);
        given.inspect_err(|error| self.failed(error))
    }
}

impl Journal for SqliteJournal {
    fn load(
        &mut self,
        scope: &str,
        restore: &mut dyn FnMut(Restored<'_>),
    ) -> Result<Loaded, JournalError> {
        let loaded = load(&self.db, &self.books, restore);
        loaded.inspect_err(|error| self.failed(error))?;
        Ok(Loaded {
            position: self.books.positions.get(scope).copied(),
            last: self.books.last,
            salvaged: self.salvaged.clone(),
        })
    }

    fn open_lanes(&mut self, names: &[Text], now: Timestamp) -> Result<Vec<Lane>, JournalError> {
        let first = self.first()?;
        let mut next = self.books.clone();
        next.free_numbers(first);
        let lanes = next.open_lanes(names, now)?;
        self.transact(|_, _| Ok((next, lanes)))
    }

    fn commit(&mut self, commit: &Commit) -> Result<Committed, JournalError> {
        self.check_room(commit)?;
        self.transact(|db, books| {
            let bytes = append(db, books.last, &commit.rows)?;
            let next = books.after(commit, bytes);
            for parked in &commit.parked {
                if next.knows(parked.lane) {
                    records::put_parked(db, parked)?;
                }
            }
            if let Some(part) = &commit.snapshot {
                if let Some(number) = next.owner(books) {
                    records::put_part(db, number, part.index, &part.bytes)?;
                }
                records::keep_parts(db, [next.complete, next.begun])?;
            }
            Ok((next, ()))
        })?;
        Ok(self.books.committed(self.limits.snapshot_bytes))
    }

    fn read(
        &mut self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        let mut found = Vec::new();
        let read = read(&self.db, lane, after, (max_rows, max_bytes), &mut found);
        match read.map_err(failure) {
            // What was read up to the damage is good; the next call meets the damage at once.
            Err(_) if !found.is_empty() => {}
            Err(error) => {
                self.failed(&error);
                return Err(error);
            }
            Ok(()) => {}
        }
        Ok(found)
    }

    fn trim(&mut self, now: Timestamp) -> Result<Trimmed, JournalError> {
        let mut trimmed = Trimmed::default();
        for lane in self.books.overdue(now) {
            let waiting = waiting(&self.db, std::slice::from_ref(&lane)).map_err(failure)?;
            self.transact(|db, books| {
                let mut next = books.clone();
                next.give_up(lane.id, waiting[0]);
                db.execute("DELETE FROM parked WHERE lane = ?", [lane.id.0])?;
                Ok((next, ()))
            })?;
            trimmed.lanes += 1;
        }
        trimmed.rows = self.remove_passed()?;
        let mut next = self.books.clone();
        next.free_numbers(self.first()?);
        if next != self.books {
            self.transact(|_, _| Ok((next, ())))?;
        }
        self.give_back()?;
        self.reserve.restore(now);
        Ok(trimmed)
    }

    fn parked(&mut self, lane: LaneId, limit: usize) -> Result<Vec<Parked>, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!("SELECT * FROM parked WHERE lane = ? ORDER BY id LIMIT {limit}");
        let (records, _) = records::get(&self.db, &sql, lane.0.into());
        Ok(records.into_iter().filter_map(records::parked_of).collect())
    }

    fn ledger(&mut self) -> Result<Ledger, JournalError> {
        let holders = self.books.lanes.iter();
        let lanes: Vec<Lane> = holders.map(|it| it.lane.clone()).collect();
        let waiting = waiting(&self.db, &lanes).map_err(failure);
        let waiting = waiting.inspect_err(|error| self.failed(error))?;
        Ok(Ledger {
            tally: self.books.tally,
            lanes: lanes.into_iter().zip(waiting).collect(),
            breaks: self.books.breaks.iter().cloned().collect(),
        })
    }

    fn size(&mut self) -> Result<u64, JournalError> {
        let used = self.pragma("page_count")? - self.pragma("freelist_count")?;
        let log = fs::metadata(beside(&self.path, "-wal")).map_or(0, |log| log.len());
        Ok(used * self.pragma("page_size")? + log)
    }
}

fn begin(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Appends rows after `last`; returns how long they are.
fn append(db: &Connection, last: Seq, rows: &[Row]) -> rusqlite::Result<u64> {
    let mut bytes = 0;
    let mut insert = db.prepare_cached("INSERT INTO journal VALUES (?, ?, ?, ?, ?)")?;
    for (seq, row) in (last + 1..).zip(rows) {
        let event = row.event.as_ref().filter(|_| !row.lanes.is_empty());
        let body = event.map(|event| body::encode(event));
        let change = row.change.as_ref().map(form::encode_change);
        let (lanes, change) =
            (row.lanes.as_bytes(), change.as_ref().map(<[u8; form::CHANGE]>::as_slice));
        let seal = Seal::of_row(seq, lanes, change, body.as_deref());
        insert.execute(params![seq.cast_signed(), lanes, change, body, seal])?;
        let length = body.as_ref().map_or(0, Vec::len);
        bytes += row_bytes(&row.lanes, row.change.is_some(), length);
    }
    Ok(bytes)
}

/// The number of the oldest row.
pub(super) fn first(db: &Connection) -> rusqlite::Result<Option<Seq>> {
    let first: Option<i64> =
        db.prepare_cached("SELECT min(seq) FROM journal")?.query_row([], |row| row.get(0))?;
    Ok(first.map(i64::cast_unsigned))
}

fn load(
    db: &Connection,
    books: &Books,
    restore: &mut dyn FnMut(Restored<'_>),
) -> Result<(), JournalError> {
    if let Some(complete) = books.complete {
        for index in 0..complete.parts {
            let part = records::get_part(db, complete.number, index).ok_or_else(|| {
                JournalError::Damaged(format!("part {index} of the snapshot is unreadable"))
            })?;
            restore(Restored::Part(&part));
        }
    }
    let began = books.complete.map_or(0, |complete| complete.began);
    let mut rows = db
        .prepare_cached("SELECT lanes, change FROM journal WHERE seq > ? ORDER BY seq")
        .map_err(failure)?;
    let mut rows = rows.query([began.cast_signed()]).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        let change = row.get_ref(1).map_err(failure)?.as_blob_or_null();
        if let Some(change) = change.ok().flatten().and_then(form::decode_change) {
            restore(Restored::Change(change, lanes_of(row).map_err(failure)?));
        }
    }
    Ok(())
}

/// A column that holds what is never negative.
pub(super) fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// The lanes of a row, its first column.
fn lanes_of(row: &rusqlite::Row<'_>) -> rusqlite::Result<LaneSet> {
    Ok(LaneSet::from_bytes(row.get_ref(0)?.as_blob()?))
}

fn read(
    db: &Connection,
    lane: LaneId,
    after: Seq,
    (max_rows, max_bytes): (usize, usize),
    found: &mut Vec<Stored>,
) -> rusqlite::Result<()> {
    let mut rows = db.prepare_cached(
        "SELECT lanes, seq, change, body, seal FROM journal WHERE seq > ? ORDER BY seq",
    )?;
    let mut rows = rows.query([after.cast_signed()])?;
    let mut bytes = 0;
    while found.len() < max_rows
        && bytes < max_bytes.max(1)
        && let Some(row) = rows.next()?
    {
        let lanes = row.get_ref(0)?.as_blob()?;
        if !LaneSet::from_bytes(lanes).contains(lane) {
            continue;
        }
        let seq = number(row, 1)?;
        let change = row.get_ref(2)?.as_blob_or_null()?;
        let body = row.get_ref(3)?.as_blob_or_null()?;
        bytes += body.map_or(0, <[u8]>::len);
        let whole = row.get_ref(4)?.as_i64()? == Seal::of_row(seq, lanes, change, body);
        let event = match body {
            _ if !whole => Err("the row is damaged".to_owned()),
            None => Err(NO_BODY.to_owned()),
            Some(body) => decode(body),
        };
        found.push(Stored { seq, event });
    }
    Ok(())
}

fn decode(body: &[u8]) -> Result<Arc<Event>, String> {
    body::decode(body).map(Arc::new).map_err(|error| format!("the row cannot be read: {error}"))
}

/// Counts, row by row, what each of `lanes` has yet to deal with.
pub(super) fn waiting(db: &Connection, lanes: &[Lane]) -> rusqlite::Result<Vec<u64>> {
    let mut waiting = vec![0; lanes.len()];
    let Some(after) = lanes.iter().map(|lane| lane.cursor).min() else {
        return Ok(waiting);
    };
    let mut rows = db.prepare_cached("SELECT lanes, seq FROM journal WHERE seq > ?")?;
    let mut rows = rows.query([after.cast_signed()])?;
    while let Some(row) = rows.next()? {
        let (set, seq) = (lanes_of(row)?, number(row, 1)?);
        for (lane, count) in lanes.iter().zip(&mut waiting) {
            if set.contains(lane.id) && waits(lane, seq) {
                *count += 1;
            }
        }
    }
    Ok(waiting)
}

/// What `SQLite` says, in the words of the trait.
#[expect(clippy::needless_pass_by_value, reason = "its place is in `map_err`")]
pub(super) fn failure(error: rusqlite::Error) -> JournalError {
    use rusqlite::Error;
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => JournalError::Full,
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            JournalError::Damaged(error.to_string())
        }
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            JournalError::Io("another process has the journal open".into())
        }
        None if matches!(
            error,
            Error::InvalidColumnType(..)
                | Error::IntegralValueOutOfRange(..)
                | Error::FromSqlConversionFailure(..)
                | Error::InvalidColumnIndex(..)
                | Error::SqlInputError { .. }
        ) =>
        {
            JournalError::Damaged(error.to_string())
        }
        _ => JournalError::Io(error.to_string()),
    }
}

pub(super) fn io(path: &Path, error: &std::io::Error) -> JournalError {
    match error.kind() {
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => JournalError::Full,
        _ => JournalError::Io(format!("{}: {error}", path.display())),
    }
}

/// The path with `suffix` added to its name.
pub(super) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    name.into()
}
