//! The journal on disk: one `SQLite` file, one connection, one transaction for everything that moves.
//!
//! Rows are only ever appended at the end and removed at the beginning. The small rest is kept in
//! memory as `Books` and written down where it changed. Memory follows the disk: the books are
//! replaced when the transaction has returned, never before.

use std::{
    fs,
    path::{Path, PathBuf},
};

use event::{
    Journal, LaneId, LaneSet, Text,
    journal::{
        Commit, Committed, JournalError, Lane, Ledger, Loaded, Need, Parked, Restored, Seq, Shed,
        Stored, Swept, Trimmed, Usage,
    },
};
use jiff::Timestamp;
use rusqlite::{Connection, ErrorCode, Transaction, TransactionBehavior};

use super::{
    TRIM_ROWS,
    bodies::Unpacker,
    books::Books,
    check::check,
    migrate,
    overflow::Choice,
    packing::{PackFrom, Packing},
    parked, records,
    reserve::{self, Reserve},
    rows, salvage,
    schema::{self, Look, SCHEMA},
};

/// Pages that one call gives back to the file system.
const VACUUM_STEP: u64 = 1024;

/// Free pages are left for later rows until there are this many bytes of them.
const VACUUM_FROM: u64 = 16 << 20;

/// Free bytes inside the file that allow to append although the disk is full.
const ROOM: u64 = 4 << 20;

/// What can be chosen about a journal on disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// How much is appended until a snapshot is due; up to four times that where the last one was large.
    pub snapshot_bytes: u64,
    /// How much is held back so that a full disk can still trim; 0 for none.
    pub reserve_bytes: u64,
    /// Files up to this size are checked as a whole when they are opened.
    pub check_bytes: u64,
    /// When bodies are packed.
    pub pack_from: PackFrom,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            snapshot_bytes: 64 << 20,
            reserve_bytes: 64 << 20,
            check_bytes: 256 << 20,
            pack_from: PackFrom::default(),
        }
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
    packing: Packing,
    unpacker: Unpacker,
    salvaged: Option<String>,
    /// The file could not be opened again after a failure.
    lost: bool,
}

impl SqliteJournal {
    /// Opens the journal in `path`, or makes a new one. A damaged file is set aside under the name of
    /// `now`, and what can still be read is brought into a new one.
    pub fn open(path: &Path, now: Timestamp) -> Result<Self, JournalError> {
        Self::open_with(path, now, Limits::default())
    }

    /// Opens the journal with other limits.
    pub fn open_with(path: &Path, now: Timestamp, limits: Limits) -> Result<Self, JournalError> {
        let look = Look::at(path).map_err(|error| io_failure(path, &error))?;
        let suspect = salvage::is_suspect(path) || look == Look::Disfigured;
        if matches!(look, Look::Foreign | Look::Newer(_)) && !suspect {
            return Err(schema::foreign(path, look));
        }
        migrate::forget_old(path, now.into());
        let mut salvaged = suspect.then(|| salvage::salvage(path, now)).transpose()?;
        let mut started = match look {
            Look::Older(schema) if !suspect => migrate::migrate(path, schema),
            _ => Ok(()),
        }
        .and_then(|()| Self::start(path, limits));
        if matches!(started, Err(JournalError::Damaged(_))) && salvaged.is_none() {
            salvaged = Some(salvage::salvage(path, now)?);
            started = Self::start(path, limits);
        }
        if matches!(started, Err(JournalError::Full)) {
            reserve::remove(path);
            started = Self::start(path, limits);
        }
        let (db, books) = started?;
        Ok(Self {
            db,
            books,
            path: path.to_owned(),
            limits,
            reserve: Reserve::open(path, limits.reserve_bytes, now),
            packing: Packing::new(limits.pack_from),
            unpacker: Unpacker::new(),
            salvaged,
            lost: false,
        })
    }

    /// Connects, checks, and forgets the half of a snapshot that a crash left.
    fn start(path: &Path, limits: Limits) -> Result<(Connection, Books), JournalError> {
        let size = fs::metadata(path).map_or(0, |file| file.len());
        let mut db = schema::connect(path).map_err(failure)?;
        let version = schema::version(&db).map_err(failure)?;
        if version > SCHEMA {
            return Err(schema::foreign(path, Look::Newer(version)));
        }
        let mut books = check(&db, size <= limits.check_bytes)?;
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
        work: impl FnOnce(&Connection, &Books, &mut Packing) -> rusqlite::Result<(Books, T)>,
    ) -> Result<T, JournalError> {
        let tx = begin(&mut self.db).map_err(failure);
        let done = tx.and_then(|tx| {
            let (mut books, answer) = work(&tx, &self.books, &mut self.packing).map_err(failure)?;
            books.commits = self.books.commits + 1;
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
    pub(super) fn look_again(
        &mut self,
        error: JournalError,
        commits: u64,
    ) -> Result<(), JournalError> {
        if !matches!(error, JournalError::Io(_)) {
            return Err(error);
        }
        // The old connection holds the lock until it is gone.
        self.db = Connection::open_in_memory().map_err(failure)?;
        self.lost = true;
        let (db, books) = Self::start(&self.path, self.limits)?;
        self.db = db;
        self.books = books;
        self.lost = false;
        (self.books.commits == commits).then_some(()).ok_or(error)
    }

    fn failed(&mut self, error: &JournalError) {
        match error {
            JournalError::Full => self.reserve.give_up(),
            JournalError::Damaged(_) if !self.lost => salvage::suspect(&self.path),
            _ => {}
        }
    }

    /// After the reserve was given up, what is left of it belongs to those who make room: cursors,
    /// snapshots, and trimming itself.
    fn check_room(&mut self, commit: &Commit) -> Result<(), JournalError> {
        if commit.rows.is_empty() || !self.reserve.is_given_up() || self.free_bytes()? >= ROOM {
            return Ok(());
        }
        Err(JournalError::Full)
    }

    fn free_bytes(&self) -> Result<u64, JournalError> {
        Ok(self.pragma("freelist_count")? * self.pragma("page_size")?)
    }

    fn pragma(&self, name: &str) -> Result<u64, JournalError> {
        self.db.pragma_query_value(None, name, |row| rows::number(row, 0)).map_err(failure)
    }

    fn log_bytes(&self) -> u64 {
        fs::metadata(beside(&self.path, "-wal")).map_or(0, |log| log.len())
    }

    fn first(&self) -> Result<Option<Seq>, JournalError> {
        rows::first(&self.db).map_err(failure)
    }

    /// Removes up to [`TRIM_ROWS`] rows. All in one transaction: removing them takes two milliseconds, its fsync as long
    /// as that of a commit.
    fn remove_passed(&mut self) -> Result<u64, JournalError> {
        let passed = self.books.passed();
        let Some(first) = self.first()?.filter(|first| *first <= passed) else {
            return Ok(0);
        };
        let last = passed.min(first + TRIM_ROWS as u64 - 1);
        self.transact(|db, books, _| Ok((books.clone(), rows::remove(db, &[(first, last)])?)))
    }

    /// Free pages are at the front and the newest rows at the end, so giving space back means moving
    /// rows; it pays only when there is much to give. Says whether there still is.
    fn give_back(&mut self) -> Result<bool, JournalError> {
        if !self.has_spare()? {
            return Ok(false);
        }
        let given = vacuum(&self.db).map_err(failure);
        given.inspect_err(|error| self.failed(error))?;
        self.has_spare()
    }

    fn has_spare(&self) -> Result<bool, JournalError> {
        let (free, pages) = (self.pragma("freelist_count")?, self.pragma("page_count")?);
        Ok(free * 4 > pages && self.free_bytes()? > VACUUM_FROM)
    }
}

impl Journal for SqliteJournal {
    fn load(&mut self, restore: &mut dyn FnMut(Restored<'_>)) -> Result<Loaded, JournalError> {
        let loaded = rows::load(&self.db, &self.books, restore);
        loaded.inspect_err(|error| self.failed(error))?;
        Ok(Loaded {
            positions: self.books.positions.clone(),
            last: self.books.last,
            salvaged: self.salvaged.clone(),
        })
    }

    fn open_lanes(&mut self, names: &[Text], now: Timestamp) -> Result<Vec<Lane>, JournalError> {
        let first = self.first()?;
        let mut next = self.books.clone();
        next.free_numbers(first);
        let lanes = next.open_lanes(names, now)?;
        self.transact(|_, _, _| Ok((next, lanes)))
    }

    fn rename_lane(&mut self, from: &Text, to: &Text) -> Result<bool, JournalError> {
        let mut next = self.books.clone();
        if !next.rename_lane(from, to) {
            return Ok(false);
        }
        self.transact(|_, _, _| Ok((next, true)))
    }

    fn commit(&mut self, commit: &Commit) -> Result<Committed, JournalError> {
        self.check_room(commit)?;
        self.packing.waiting(self.books.last - self.books.waiting_above());
        self.transact(|db, books, packing| {
            let bytes = rows::append(db, books.last, &commit.rows, packing)?;
            let mut next = books.after(commit, bytes);
            for row in &commit.unparked {
                next.unparked(*row, parked::take(db, *row)?);
            }
            for parked in &commit.parked {
                if next.knows(parked.lane) {
                    next.parked += parked::put(db, parked, packing)?;
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
        let (of, limits) = ((lane, self.books.lane(lane)), (max_rows, max_bytes));
        let read = rows::read(&self.db, of, after, limits, &mut self.unpacker, &mut found);
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
            let waiting = rows::waiting(&self.db, std::slice::from_ref(&lane)).map_err(failure)?;
            self.transact(|db, books, _| {
                let mut next = books.clone();
                next.give_up(lane.id, waiting[0]);
                parked::forget(db, &mut next, lane.id)?;
                Ok((next, ()))
            })?;
            trimmed.lanes += 1;
        }
        trimmed.rows = self.remove_passed()?;
        let mut next = self.books.clone();
        next.free_numbers(self.first()?);
        if next != self.books {
            self.transact(|_, _, _| Ok((next, ())))?;
        }
        trimmed.space_left = self.give_back()?;
        self.reserve.restore(now);
        Ok(trimmed)
    }

    fn sweep(&mut self, after: Seq) -> Result<Swept, JournalError> {
        let covered = self.books.covered(false);
        let after = after.max(self.books.waiting_above().min(covered));
        self.transact(|db, books, _| {
            let swept = rows::look(db, books, None, (after, covered), (TRIM_ROWS, u64::MAX))?;
            let rows = rows::remove(db, &swept.goes)?;
            let mut next = books.clone();
            next.swept = if rows > 0 { next.swept.max(swept.reached) } else { next.swept };
            let on = (swept.reached < covered).then_some(swept.reached);
            Ok((next, Swept { rows, next: on }))
        })
    }

    fn shed(&mut self, need: &Need) -> Result<Shed, JournalError> {
        let stretch = match self.books.choose(need, self.books.covered(false)) {
            Choice::Drop(stretch) => stretch,
            Choice::Held(lane) => return Ok(Shed::Held(lane)),
            Choice::Nothing => return Ok(Shed::Nothing),
        };
        self.transact(|db, books, _| {
            let range = (stretch.after, stretch.upto);
            let dropped = rows::look(db, books, Some(stretch), range, (TRIM_ROWS, need.bytes))?;
            let removed = rows::remove(db, &dropped.goes)?;
            let mut next = books.clone();
            next.dropped(stretch, &dropped);
            Ok((next, Shed::Dropped { lane: stretch.lane, rows: dropped.rows, removed }))
        })
    }

    fn discard_parked(&mut self, bytes: u64, before: Timestamp) -> Result<u64, JournalError> {
        if self.books.parked == 0 {
            return Ok(0);
        }
        let surplus = parked::surplus(&self.db, &self.books, bytes, before).map_err(failure)?;
        if surplus.is_empty() {
            return Ok(0);
        }
        self.transact(|db, books, _| {
            let mut next = books.clone();
            parked::discard(db, &mut next, &surplus)?;
            Ok((next, surplus.len() as u64))
        })
    }

    fn parked(&mut self, lane: LaneId, limit: usize) -> Result<Vec<Parked>, JournalError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let sql = format!("SELECT * FROM parked WHERE lane = ? ORDER BY id LIMIT {limit}");
        let (records, _) = records::get(&self.db, &sql, lane.0.into());
        let records = records.into_iter();
        Ok(records.filter_map(|record| parked::of(record, &mut self.unpacker)).collect())
    }

    fn parked_after(
        &mut self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Parked)>, JournalError> {
        let sql = format!("SELECT * FROM parked WHERE id > ? ORDER BY id LIMIT {limit}");
        let (records, _) = records::get(&self.db, &sql, after.cast_signed());
        let records = records.into_iter();
        Ok(records.filter_map(|record| parked::numbered(record, &mut self.unpacker)).collect())
    }

    fn scan(
        &mut self,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<(LaneSet, Stored)>, JournalError> {
        let scanned = rows::scan(&self.db, after, (max_rows, max_bytes), &mut self.unpacker);
        scanned.map_err(failure).inspect_err(|error| self.failed(error))
    }

    fn ledger(&mut self) -> Result<Ledger, JournalError> {
        let holders = self.books.lanes.iter();
        let lanes: Vec<Lane> = holders.map(|it| it.lane.clone()).collect();
        let waiting = rows::waiting(&self.db, &lanes).map_err(failure);
        let waiting = waiting.inspect_err(|error| self.failed(error))?;
        Ok(Ledger {
            tally: self.books.tally,
            lanes: lanes.into_iter().zip(waiting).collect(),
            breaks: self.books.breaks.iter().cloned().collect(),
        })
    }

    fn tallies(&self) -> Ledger {
        self.books.ledger()
    }

    fn size(&mut self) -> Result<u64, JournalError> {
        let used = self.pragma("page_count")? - self.pragma("freelist_count")?;
        Ok(used * self.pragma("page_size")? + self.log_bytes())
    }

    fn usage(&mut self) -> Result<Usage, JournalError> {
        let (pages, free) = (self.pragma("page_count")?, self.pragma("freelist_count")?);
        let page = self.pragma("page_size")?;
        let snapshots = records::part_bytes(&self.db).map_err(failure)?;
        let used = (pages - free) * page;
        Ok(Usage {
            rows: used.saturating_sub(snapshots + self.books.parked),
            parked: self.books.parked,
            snapshots,
            log: self.log_bytes(),
            free: free * page,
            row: self.packing.row(),
        })
    }
}

fn begin(db: &mut Connection) -> rusqlite::Result<Transaction<'_>> {
    db.transaction_with_behavior(TransactionBehavior::Immediate)
}

/// Each step gives back one page.
fn vacuum(db: &Connection) -> rusqlite::Result<()> {
    let mut step = db.prepare(&format!("PRAGMA incremental_vacuum({VACUUM_STEP})"))?;
    let mut steps = step.query([])?;
    while steps.next()?.is_some() {}
    Ok(())
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

pub(super) fn io_failure(path: &Path, error: &std::io::Error) -> JournalError {
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
