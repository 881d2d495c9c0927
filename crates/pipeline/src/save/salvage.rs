//! Finding out that a journal is damaged, and saving what can be read.

use std::{fs, path::Path};

use event::journal::JournalError;
use jiff::Timestamp;
use rusqlite::Connection;

use super::{
    books::Books,
    form::Seal,
    records,
    sqlite::{beside, failure, first, number},
};

pub(super) fn salvage(_path: &Path, _now: Timestamp) -> Result<String, JournalError> {
    Err(JournalError::Damaged("it cannot be salvaged yet".into()))
}

/// Marks the journal for a salvage at the next start.
pub(super) fn suspect(path: &Path) {
    if let Err(error) = fs::write(beside(path, ".suspect"), "") {
        tracing::warn!(%error, "the damaged journal cannot be marked");
    }
}

/// Whether the journal is marked.
pub(super) fn is_suspect(path: &Path) -> bool {
    beside(path, ".suspect").exists()
}

/// Checks what a start relies on: the books, the snapshot, and every row after it; with `whole` also
/// every page of the file and that no row is missing.
pub(super) fn check(db: &Connection, whole: bool) -> Result<Books, JournalError> {
    let damaged = |what: &str| Err(JournalError::Damaged(what.to_owned()));
    if whole {
        let answer: String =
            db.pragma_query_value(None, "quick_check", |row| row.get(0)).map_err(failure)?;
        if answer != "ok" {
            return damaged(&answer);
        }
    }
    let (mut books, torn) = records::get_books(db);
    let tables: u64 =
        db.query_row("SELECT count(*) FROM state", [], |row| number(row, 0)).map_err(failure)?;
    if tables == 0 && first(db).map_err(failure)?.is_none() {
        books = Books::default();
        records::put_books(db, &books, &books).map_err(failure)?;
    } else if torn != records::Torn::default() {
        return damaged("its books cannot be read in full");
    }
    if let Some(complete) = books.complete {
        for index in 0..complete.parts {
            if records::get_part(db, complete.number, index).is_none() {
                return damaged("a part of its snapshot cannot be read");
            }
        }
    }
    let began = books.complete.map_or(0, |complete| complete.began);
    let sealed = count_sealed(db, began, books.last).map_err(failure)?;
    if sealed != books.last - began {
        return damaged("some of its newest rows cannot be read");
    }
    if whole && let Some(first) = first(db).map_err(failure)? {
        let rows: u64 = db
            .query_row("SELECT count(*) FROM journal", [], |row| number(row, 0))
            .map_err(failure)?;
        if rows != books.last + 1 - first {
            return damaged("some of its rows are missing");
        }
    }
    Ok(books)
}

fn count_sealed(db: &Connection, after: u64, last: u64) -> rusqlite::Result<u64> {
    let mut rows = db
        .prepare("SELECT seq, lanes, change, body, seal FROM journal WHERE seq > ? AND seq <= ?")?;
    let mut rows = rows.query([after, last].map(u64::cast_signed))?;
    let mut sealed = 0;
    while let Some(row) = rows.next()? {
        let seal = Seal::of_row(
            number(row, 0)?,
            row.get_ref(1)?.as_blob()?,
            row.get_ref(2)?.as_blob_or_null()?,
            row.get_ref(3)?.as_blob_or_null()?,
        );
        sealed += u64::from(row.get_ref(4)?.as_i64()? == seal);
    }
    Ok(sealed)
}
