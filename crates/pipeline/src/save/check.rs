//! Finding out at the start whether a journal is what it was.

use event::journal::JournalError;
use rusqlite::Connection;

use super::{
    books::Books,
    records,
    rows::{HEADS, Head, first, number},
    sqlite::failure,
};

/// Reads the books, and checks what a start relies on: them, the snapshot, and every row after it;
/// with `whole` also every page of the file.
pub(super) fn check(db: &Connection, whole: bool) -> Result<Books, JournalError> {
    if whole {
        quick_check(db)?;
    }
    let records: u64 =
        db.query_row("SELECT count(*) FROM state", [], |row| number(row, 0)).map_err(failure)?;
    if records == 0 && first(db).map_err(failure)?.is_none() {
        return begin(db).map_err(failure);
    }
    let (mut books, torn) = records::get_books(db);
    if torn.any() {
        return damaged("its books cannot be read in full");
    }
    if !weigh_snapshot(db, &mut books) {
        return damaged("a part of its snapshot cannot be read");
    }
    if !rows_are_whole(db, &books).map_err(failure)? {
        return damaged("some of its newest rows cannot be read");
    }
    if whole {
        heads_are_whole(db, &books).map_err(failure)?;
    }
    Ok(books)
}

/// The first record of a new file, brought into the file itself, where it marks the file as ours.
fn begin(db: &Connection) -> rusqlite::Result<Books> {
    let books = Books::default();
    records::put_books(db, &books, &books)?;
    db.query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))?;
    Ok(books)
}

fn damaged(what: &str) -> Result<Books, JournalError> {
    Err(JournalError::Damaged(what.to_owned()))
}

fn quick_check(db: &Connection) -> Result<(), JournalError> {
    let answer: String =
        db.query_row("PRAGMA quick_check(1)", [], |row| row.get(0)).map_err(failure)?;
    if answer == "ok" { Ok(()) } else { damaged(answer.trim()).map(drop) }
}

/// Whether every part of the complete snapshot is there; notes how long they are.
pub(super) fn weigh_snapshot(db: &Connection, books: &mut Books) -> bool {
    let Some(complete) = &mut books.complete else {
        return true;
    };
    let mut part = |index| {
        let part = records::get_part(db, complete.number, index)?;
        Some(part.len() as u64)
    };
    let bytes: Option<u64> = (0..complete.parts).map(&mut part).sum();
    complete.bytes = bytes.unwrap_or_default();
    bytes.is_some()
}

/// Whether every row after the complete snapshot is there, its head as it was written. The live state
/// needs no more of it.
fn rows_are_whole(db: &Connection, books: &Books) -> rusqlite::Result<bool> {
    let began = books.complete.map_or(0, |complete| complete.began);
    let mut rows = db.prepare(HEADS)?;
    let mut rows = rows.query([began.cast_signed()])?;
    let mut last = began;
    while let Some(row) = rows.next()? {
        if Head::of(row)?.seq != last + 1 {
            return Ok(false);
        }
        last += 1;
    }
    Ok(last == books.last)
}

/// Looks at the head of every row that a lane may still wait for.
fn heads_are_whole(db: &Connection, books: &Books) -> rusqlite::Result<()> {
    let mut rows = db.prepare(HEADS)?;
    let mut rows = rows.query([books.waiting_above().cast_signed()])?;
    while let Some(row) = rows.next()? {
        Head::of(row)?;
    }
    Ok(())
}
