//! Rows in the file: appending, reading back, counting.

use std::sync::Arc;

use event::{
    Event, LaneId, LaneSet, body,
    journal::{Change, JournalError, Lane, Restored, Row, Seq, Stored},
};
use rusqlite::{Connection, params, types::Type};

use super::{
    bodies::Unpacker,
    books::{Books, beyond_skipped, is_skipped, waits},
    form::{self, Seal},
    memory::{NO_BODY, row_bytes},
    overflow::{Dropping, Stretch},
    packing::Packing,
    records,
    sqlite::failure,
};

/// Appends rows after `last`; returns how long they are.
pub(super) fn append(
    db: &Connection,
    last: Seq,
    rows: &[Row],
    packing: &mut Packing,
) -> rusqlite::Result<u64> {
    let mut bytes = 0;
    let mut insert = db.prepare_cached("INSERT INTO journal VALUES (?, ?, ?, ?, ?)")?;
    for (seq, row) in (last + 1..).zip(rows) {
        let event = row.event.as_ref().filter(|_| !row.lanes.is_empty());
        let body = event.map(|event| packing.pack(seq, body::encode(event)));
        let change = row.change.as_ref().map(form::encode_change);
        let (lanes, change) =
            (row.lanes.as_bytes(), change.as_ref().map(<[u8; form::CHANGE]>::as_slice));
        let seal = Seal::of_row(seq, lanes, change, body.as_deref());
        insert.execute(params![seq.cast_signed(), lanes, change, seal, body])?;
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

pub(super) fn load(
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
    let mut rows = db.prepare_cached(HEADS).map_err(failure)?;
    let mut rows = rows.query([began.cast_signed()]).map_err(failure)?;
    while let Some(row) = rows.next().map_err(failure)? {
        let head = Head::of(row).map_err(failure)?;
        if let Some(change) = head.change() {
            restore(Restored::Change(change, head.lanes));
        }
    }
    Ok(())
}

/// Rows without their bodies, which a long row keeps on pages of their own.
pub(super) const HEADS: &str =
    "SELECT seq, lanes, change, seal FROM journal WHERE seq > ? ORDER BY seq";

/// A row without its body.
#[derive(Debug)]
pub(super) struct Head<'a> {
    pub(super) seq: Seq,
    pub(super) lanes: LaneSet,
    change: Option<&'a [u8]>,
    seal: i64,
}

impl Head<'_> {
    /// Whether `body` is what was written.
    pub(super) fn fits(&self, body: Option<&[u8]>) -> bool {
        Seal::fits_body(self.seal, body)
    }

    /// The change that the row made.
    pub(super) fn change(&self) -> Option<Change> {
        self.change.and_then(form::decode_change)
    }
}

impl<'a> Head<'a> {
    /// The head in the first four columns of the table; an error when its seal is broken.
    pub(super) fn of(row: &'a rusqlite::Row<'_>) -> rusqlite::Result<Self> {
        let seq = number(row, 0)?;
        let lanes = row.get_ref(1)?.as_blob()?;
        let change = row.get_ref(2)?.as_blob_or_null()?;
        let seal = row.get_ref(3)?.as_i64()?;
        if !Seal::fits_head(seal, seq, lanes, change) {
            let why = format!("the head of row {seq} is not what was written");
            return Err(rusqlite::Error::FromSqlConversionFailure(3, Type::Integer, why.into()));
        }
        Ok(Self { seq, lanes: LaneSet::from_bytes(lanes), change, seal })
    }
}

/// A column that holds what is never negative.
pub(super) fn number(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<u64> {
    row.get::<_, i64>(column).map(i64::cast_unsigned)
}

/// Reads rows of `lane`; what was dropped for it is stepped over.
pub(super) fn read(
    db: &Connection,
    (id, lane): (LaneId, Option<&Lane>),
    after: Seq,
    (max_rows, max_bytes): (usize, usize),
    unpacker: &mut Unpacker,
    found: &mut Vec<Stored>,
) -> rusqlite::Result<()> {
    let after = lane.map_or(after, |lane| beyond_skipped(lane, after));
    let mut rows = db.prepare_cached("SELECT * FROM journal WHERE seq > ? ORDER BY seq")?;
    let mut rows = rows.query([after.cast_signed()])?;
    let mut bytes = 0;
    while found.len() < max_rows
        && bytes < max_bytes.max(1)
        && let Some(row) = rows.next()?
    {
        let head = Head::of(row)?;
        if !head.lanes.contains(id) || lane.is_some_and(|lane| is_skipped(lane, head.seq)) {
            continue;
        }
        let (event, length) = event(row, &head, unpacker);
        bytes += length;
        found.push(Stored { seq: head.seq, event });
    }
    Ok(())
}

/// Reads rows that lanes take, whether they wait for them or not.
pub(super) fn scan(
    db: &Connection,
    after: Seq,
    (max_rows, max_bytes): (usize, usize),
    unpacker: &mut Unpacker,
) -> rusqlite::Result<Vec<(LaneSet, Stored)>> {
    let mut rows = db.prepare_cached("SELECT * FROM journal WHERE seq > ? ORDER BY seq")?;
    let mut rows = rows.query([after.cast_signed()])?;
    let (mut found, mut bytes) = (Vec::new(), 0);
    while found.len() < max_rows
        && bytes < max_bytes.max(1)
        && let Some(row) = rows.next()?
    {
        let head = Head::of(row)?;
        if !head.lanes.is_empty() {
            let (event, length) = event(row, &head, unpacker);
            bytes += length;
            found.push((head.lanes, Stored { seq: head.seq, event }));
        }
    }
    Ok(found)
}

/// The event of a row, or why it cannot be read, and how long its body is.
fn event(
    row: &rusqlite::Row<'_>,
    head: &Head<'_>,
    unpacker: &mut Unpacker,
) -> (Result<Arc<Event>, String>, usize) {
    // A value of another type is a damaged body too.
    let body = row.get_ref(4).ok().and_then(|body| body.as_blob_or_null().ok());
    match body.filter(|body| head.fits(*body)) {
        None => (Err("the row is damaged".to_owned()), 0),
        Some(None) => (Err(NO_BODY.to_owned()), 0),
        Some(Some(body)) => match unpacker.event(body) {
            Ok((event, length)) => (Ok(Arc::new(event)), length),
            Err(error) => (Err(format!("the row cannot be read: {error}")), 0),
        },
    }
}

/// Looks at up to `most` rows after `after` and up to `upto`: what `stretch` drops, and what goes then.
pub(super) fn look(
    db: &Connection,
    books: &Books,
    stretch: Option<Stretch>,
    (after, upto): (Seq, Seq),
    (most, enough): (usize, u64),
) -> rusqlite::Result<Dropping> {
    let mut dropping = Dropping::default();
    let mut rows = db.prepare_cached(
        "SELECT seq, lanes, change, seal, length(body) FROM journal
         WHERE seq > ? AND seq <= ? ORDER BY seq",
    )?;
    let mut rows = rows.query([after, upto].map(u64::cast_signed))?;
    let mut looked = 0;
    while let Some(row) = rows.next()? {
        if looked >= most || dropping.bytes >= enough {
            return Ok(dropping);
        }
        looked += 1;
        let head = Head::of(row)?;
        let body: Option<i64> = row.get(4)?;
        let body = usize::try_from(body.unwrap_or_default()).unwrap_or_default();
        let bytes = row_bytes(&head.lanes, head.change.is_some(), body);
        let touched = head.change().map(|change| change.touched);
        dropping.look(books, stretch, (head.seq, &head.lanes, touched, bytes));
    }
    dropping.reached = upto;
    Ok(dropping)
}

/// Removes stretches of rows, each from its first to its last; says how many rows.
pub(super) fn remove(db: &Connection, stretches: &[(Seq, Seq)]) -> rusqlite::Result<u64> {
    let mut delete = db.prepare_cached("DELETE FROM journal WHERE seq BETWEEN ? AND ?")?;
    let mut removed = 0;
    for (first, last) in stretches {
        removed += delete.execute([*first, *last].map(u64::cast_signed))?;
    }
    Ok(removed as u64)
}

/// Counts, row by row, what each of `lanes` has yet to deal with.
pub(super) fn waiting(db: &Connection, lanes: &[Lane]) -> rusqlite::Result<Vec<u64>> {
    let mut waiting = vec![0; lanes.len()];
    let Some(after) = lanes.iter().map(|lane| lane.cursor).min() else {
        return Ok(waiting);
    };
    let mut rows = db.prepare_cached(HEADS)?;
    let mut rows = rows.query([after.cast_signed()])?;
    while let Some(row) = rows.next()? {
        let head = Head::of(row)?;
        for (lane, count) in lanes.iter().zip(&mut waiting) {
            if head.lanes.contains(lane.id) && waits(lane, head.seq) {
                *count += 1;
            }
        }
    }
    Ok(waiting)
}
