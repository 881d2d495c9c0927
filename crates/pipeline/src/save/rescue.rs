//! Reading a damaged file around its damage.
//!
//! What has a whole seal is taken, everything else is lost. Position and live state are kept together
//! or not at all: a position is worth nothing when the state it belongs to has a hole.

use std::{
    collections::BTreeSet,
    fmt,
    fs::{File, OpenOptions},
    io::{Read, Seek, SeekFrom, Write},
    path::Path,
};

use event::{
    LaneId,
    journal::{JournalError, Lane, LaneTally, Seq},
};
use rusqlite::{Connection, OpenFlags, params_from_iter, types::Value};

use super::{
    bodies::Unpacker,
    books::{Books, GivenUp, Holder, Snapshot},
    check::weigh_snapshot,
    packing::{PackFrom, Packing},
    parked,
    records::{self, Torn},
    rows::{Head, waiting},
    schema::{self, Look, PAGE},
    sqlite::{failure, io_failure},
};

/// Rows that are read and written at a time.
const BATCH: usize = 1000;

/// Numbers that are left out when nobody knows how many were in use.
const LEAP: Seq = 1_000_000;

/// What could not be read.
#[derive(Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each thing that can be lost")]
pub(super) struct Loss {
    /// Rows that a lane or the live state needs; nothing when nobody knows how many.
    rows: Option<u64>,
    /// Rows whose events cannot be read.
    bodies: u64,
    /// How many events lanes had yet to send, in lost rows.
    waiting: u64,
    /// Position and live state.
    position: bool,
    /// Lanes with their cursors.
    lanes: bool,
    /// The tallies of everything that came in.
    tally: bool,
    /// Parked rows or breaks.
    parked: bool,
}

impl fmt::Display for Loss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.rows {
            Some(0) => f.write_str("no row is lost")?,
            Some(1) => f.write_str("1 row is lost")?,
            Some(rows) => write!(f, "{rows} rows are lost")?,
            None => f.write_str("nobody can tell how many rows are lost")?,
        }
        match self.bodies {
            0 => {}
            1 => f.write_str(", 1 row has no event any more")?,
            bodies => write!(f, ", {bodies} rows have no event any more")?,
        }
        match self.waiting {
            0 => {}
            1 => f.write_str(", 1 event was not sent yet")?,
            events => write!(f, ", {events} events were not sent yet")?,
        }
        if self.lanes {
            f.write_str(", some receivers start anew")?;
        }
        if self.tally {
            f.write_str(", the totals start anew")?;
        }
        if self.parked {
            f.write_str(", some parked events or breaks are lost")?;
        }
        f.write_str(if self.position {
            ", the position is lost and all events are listed again"
        } else {
            ", the position is kept"
        })
    }
}

/// Brings everything readable from the file `old` into the new file `fresh`.
pub(super) fn rescue(old: &Path, fresh: &Path) -> Result<Loss, JournalError> {
    let new = schema::connect(fresh).map_err(failure)?;
    let damaged = open(old, fresh, &new)?;
    let (mut books, torn) = records::get_books(&damaged);
    let mut loss =
        Loss { lanes: torn.lanes, tally: torn.state, parked: torn.breaks, ..Loss::default() };
    // Nobody uses the new file before it is whole, so it needs no log, which would double its size.
    new.query_row("PRAGMA journal_mode = OFF", [], |_| Ok(())).map_err(failure)?;
    let tx = new.unchecked_transaction().map_err(failure)?;
    let mut copied = Copied::default();
    copied.take_all(&damaged, &new).map_err(failure)?;
    loss.bodies = copied.bodies;
    let began = books.complete.map_or(0, |complete| complete.began);
    let whole = !torn.any_but_breaks()
        && weigh_snapshot(&damaged, &mut books)
        && copied.missing(began, books.last) == 0
        && copied.last() <= books.last;
    loss.position = !whole;
    let mut kept = Ok(());
    books.parked = 0;
    let (mut packing, mut unpacker) = (Packing::new(PackFrom::default()), Unpacker::new());
    loss.parked |= walk(&damaged, "SELECT * FROM parked", "id", |row| {
        let record = records::of_row(row).and_then(|record| parked::of(record, &mut unpacker));
        match (&record, &kept) {
            (Some(record), Ok(())) => {
                kept = parked::put(&new, record, &mut packing).map(|bytes| books.parked += bytes);
            }
            _ => loss.parked = true,
        }
        Ok(())
    })
    .map_err(failure)?;
    kept.map_err(failure)?;

    // Where rows were removed one by one, only the lanes know which of them are missing.
    let swept = if torn.extent { books.last } else { books.swept };
    let needed_above = books.waiting_above().min(began).max(swept.min(began));
    loss.rows = (!torn.state).then(|| copied.missing(needed_above, books.last));
    if whole {
        keep_snapshot(&damaged, &new, &mut books).map_err(failure)?;
    } else {
        start_anew(&mut books, torn, &copied);
    }
    loss.waiting = settle(&new, &mut books, &copied.lanes).map_err(failure)?;
    loss.rows = loss.rows.map(|rows| if swept > 0 { rows.max(loss.waiting) } else { rows });
    records::put_books(&new, &Books::default(), &books).map_err(failure)?;
    tx.commit().map_err(failure)?;
    drop(damaged);
    new.query_row("PRAGMA journal_mode = WAL", [], |_| Ok(())).map_err(failure)?;
    // Closing leaves no log beside the file, which is about to be renamed without it.
    new.close().map_err(|(_, error)| failure(error))?;
    File::open(fresh)
        .and_then(|file| file.sync_all())
        .map_err(|error| io_failure(fresh, &error))?;
    Ok(loss)
}

/// Opens the damaged file for reading. Where its first page is not what it was, the first page of a
/// new journal takes its place: tables begin at the same pages in all of them.
fn open(old: &Path, fresh: &Path, new: &Connection) -> Result<Connection, JournalError> {
    let look = Look::at(old).map_err(|error| io_failure(old, &error))?;
    if look == Look::Journal
        && let Ok(damaged) = connect(old)
    {
        return Ok(damaged);
    }
    new.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(())).map_err(failure)?;
    graft(old, fresh).map_err(|error| io_failure(old, &error))?;
    connect(old).or_else(|_| Connection::open_in_memory()).map_err(failure)
}

/// A schema that may be written needs not be sound, nor the file as long as it should be.
fn connect(old: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(old, flags)?;
    db.execute_batch(
        "PRAGMA writable_schema = ON;
         PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA cell_size_check = ON;",
    )?;
    for table in schema::NAMES {
        db.prepare(&format!("SELECT * FROM {table}"))?;
    }
    Ok(db)
}

fn graft(old: &Path, fresh: &Path) -> std::io::Result<()> {
    let mut page = [0; PAGE];
    File::open(fresh)?.read_exact(&mut page)?;
    // The number of pages counts only where these two agree.
    page[92..96].copy_from_slice(&[0xff; 4]);
    let mut old = OpenOptions::new().write(true).open(old)?;
    old.seek(SeekFrom::Start(0))?;
    old.write_all(&page)
}

/// What is known of the rows that were brought over.
#[derive(Debug, Default)]
struct Copied {
    seqs: Vec<(Seq, Seq)>,
    bodies: u64,
    lanes: BTreeSet<LaneId>,
}

impl Copied {
    /// Brings rows over whose heads are as they were written; a lane that reads one finds out about its
    /// body. A body can be out of reach, on pages of its own, so heads are looked for once more.
    fn take_all(&mut self, old: &Connection, new: &Connection) -> rusqlite::Result<()> {
        walk(old, "SELECT * FROM journal", "seq", |row| {
            Head::of(row)
                .map_or(Ok(()), |_| copy(new, row, row.get(4).unwrap_or(Value::Null)).map(drop))
        })?;
        walk(old, "SELECT seq, lanes, change, seal FROM journal", "seq", |row| {
            let Ok(Head { seq, lanes, .. }) = Head::of(row) else {
                return Ok(());
            };
            self.bodies += u64::from(copy(new, row, Value::Null)?);
            self.lanes.extend(lanes.iter());
            match self.seqs.last_mut() {
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => self.seqs.push((seq, seq)),
            }
            Ok(())
        })
        .map(drop)
    }

    fn last(&self) -> Seq {
        self.seqs.last().map_or(0, |(_, last)| *last)
    }

    /// How many rows above `after` should be there and are not.
    fn missing(&self, after: Seq, last: Seq) -> u64 {
        let there = self
            .seqs
            .iter()
            .map(|(first, last)| (last + 1).saturating_sub((*first).max(after + 1)));
        last.saturating_sub(after).saturating_sub(there.sum())
    }
}

/// Brings a row over with this body, unless it is there; says whether it was not.
fn copy(new: &Connection, row: &rusqlite::Row<'_>, body: Value) -> rusqlite::Result<bool> {
    let mut values = (0..4).map(|at| row.get(at)).collect::<rusqlite::Result<Vec<Value>>>()?;
    values.push(body);
    let added = new
        .prepare_cached("INSERT OR IGNORE INTO journal VALUES (?, ?, ?, ?, ?)")?
        .execute(params_from_iter(values))?;
    Ok(added > 0)
}

/// Walks over all rows of a table that can be reached, in order; says whether some could not.
fn walk(
    db: &Connection,
    select: &str,
    key: &str,
    mut visit: impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> rusqlite::Result<bool> {
    let sql = format!("{select} WHERE {key} > ? ORDER BY {key} LIMIT {BATCH}");
    let Ok(mut statement) = db.prepare(&sql) else {
        return Ok(true);
    };
    let mut readable = |after: i64| {
        let mut rows = statement.query([after])?;
        rows.next().map(drop)
    };
    let (mut after, mut torn) = (0, false);
    loop {
        let (last, outcome) = batch(db, &sql, after, &mut visit);
        match outcome {
            Ok(count) if count < BATCH => return Ok(torn),
            Ok(_) if last > after => after = last,
            Err(Trouble::Writing(error)) => return Err(error),
            Ok(_) | Err(Trouble::Reading) => {
                torn = true;
                let Some(next) = beyond(last.max(after), &mut readable) else {
                    return Ok(torn);
                };
                after = next;
            }
        }
    }
}

enum Trouble {
    Reading,
    Writing(rusqlite::Error),
}

/// Visits the next rows; says the last key and how many there were.
fn batch(
    db: &Connection,
    sql: &str,
    after: i64,
    visit: &mut impl FnMut(&rusqlite::Row<'_>) -> rusqlite::Result<()>,
) -> (i64, Result<usize, Trouble>) {
    let mut last = after;
    let mut read = || {
        let mut statement = db.prepare_cached(sql).map_err(|_| Trouble::Reading)?;
        let mut rows = statement.query([after]).map_err(|_| Trouble::Reading)?;
        let mut count = 0;
        while let Some(row) = rows.next().map_err(|_| Trouble::Reading)? {
            let key: i64 = row.get(0).map_err(|_| Trouble::Reading)?;
            if key <= last {
                return Err(Trouble::Reading);
            }
            visit(row).map_err(Trouble::Writing)?;
            (last, count) = (key, count + 1);
        }
        Ok(count)
    };
    let outcome = read();
    (last, outcome)
}

/// The lowest key, or nearly, after which rows can be read again: in leaps that double, then back by
/// halves.
fn beyond(after: i64, readable: &mut impl FnMut(i64) -> rusqlite::Result<()>) -> Option<i64> {
    let (mut low, mut high, mut leap) = (after, after.checked_add(1)?, 1i64);
    while readable(high).is_err() {
        low = high;
        leap = leap.checked_mul(2)?;
        high = high.checked_add(leap)?;
    }
    while high - low > 1 {
        let middle = low + (high - low) / 2;
        match readable(middle) {
            Ok(()) => high = middle,
            Err(_) => low = middle,
        }
    }
    Some(high)
}

fn keep_snapshot(
    damaged: &Connection,
    new: &Connection,
    books: &mut Books,
) -> rusqlite::Result<()> {
    books.begun = None;
    let Some(complete) = books.complete else {
        return Ok(());
    };
    for index in 0..complete.parts {
        if let Some(part) = records::get_part(damaged, complete.number, index) {
            records::put_part(new, complete.number, index, &part)?;
        }
    }
    Ok(())
}

/// No position, and an empty snapshot at the end, so that the live state starts empty too.
fn start_anew(books: &mut Books, torn: Torn, copied: &Copied) {
    let cursors = books.lanes.iter().map(|it| {
        let above = it.lane.done_above.last().copied();
        it.lane.cursor.max(above.unwrap_or_default())
    });
    books.last = cursors.fold(books.last.max(copied.last()), Seq::max);
    if torn.state {
        books.last += LEAP;
        books.snapshots += LEAP;
    }
    books.positions.clear();
    books.begun = None;
    books.snapshots += 1;
    books.complete = Some(Snapshot {
        number: books.snapshots,
        began: books.last,
        appended: books.appended,
        parts: 0,
        bytes: 0,
    });
}

/// Makes lanes and rows agree: what a lane waited for in lost rows counts as discarded, and a number
/// that rows carry but no lane has must rest. Says how many events were lost to lanes.
fn settle(
    new: &Connection,
    books: &mut Books,
    carried: &BTreeSet<LaneId>,
) -> rusqlite::Result<u64> {
    for id in carried {
        if !books.lanes.iter().any(|it| it.lane.id == *id) {
            books.lanes.push(unknown(*id, books.last));
        }
    }
    books.lanes.sort_by_key(|it| it.lane.id);
    let lanes: Vec<Lane> = books.lanes.iter().map(|it| it.lane.clone()).collect();
    let mut lost = 0;
    for (holder, waiting) in books.lanes.iter_mut().zip(waiting(new, &lanes)?) {
        let tally = &mut holder.lane.tally;
        let missing = tally.waiting().saturating_sub(waiting);
        tally.discarded += missing;
        tally.accepted += waiting.saturating_sub(tally.waiting());
        lost += missing;
    }
    Ok(lost)
}

/// Stands for a lane that could not be read, until no row carries its number.
fn unknown(id: LaneId, last: Seq) -> Holder {
    Holder {
        lane: Lane {
            id,
            name: "(unreadable)".into(),
            generation: 0,
            cursor: last,
            done_above: Vec::new(),
            skipped: Vec::new(),
            untold: None,
            tally: LaneTally::default(),
            orphaned: None,
            paused: None,
            not_shown: None,
            filling: None,
        },
        given_up: Some(GivenUp { upto: last, forgotten_by: 0 }),
    }
}
