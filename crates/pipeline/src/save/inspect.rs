//! Looking at a journal that no process has open, without changing it.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use event::{
    Event, Text,
    journal::{JournalError, Ledger, Parked, Position, Seq, Usage},
};
use rusqlite::{Connection, OpenFlags, config::DbConfig};

use super::{
    bodies::Unpacker,
    books::{Books, waits},
    packing::{PackFrom, Packing},
    parked, records,
    rows::{self, Head},
    schema::{self, Look},
    sqlite::{beside, failure, io_failure},
};

/// A journal that is looked at.
#[derive(Debug)]
pub struct Inspection {
    db: Connection,
    books: Books,
    schema: u32,
    log: u64,
    whole: bool,
    unpacker: Unpacker,
}

/// A row that some lanes have yet to send.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    /// Its number.
    pub seq: Seq,
    /// The receivers.
    pub receivers: Vec<Text>,
    /// The event, or why it cannot be read.
    pub event: Result<Arc<Event>, String>,
}

impl Inspection {
    /// Opens the journal in `path`; nothing when there is none. The folder must be ours.
    pub fn open(path: &Path) -> Result<Option<Self>, JournalError> {
        match Look::at(path).map_err(|error| io_failure(path, &error))? {
            Look::Absent => return Ok(None),
            look @ (Look::Foreign | Look::Newer(_)) => return Err(schema::foreign(path, look)),
            Look::Journal | Look::Older(_) | Look::Disfigured => {}
        }
        let log = std::fs::metadata(beside(path, "-wal")).map_or(0, |log| log.len());
        let db = connect(path).map_err(failure)?;
        let (books, torn) = records::get_books(&db);
        let schema = schema::version(&db).map_err(failure)?;
        let unpacker = Unpacker::new();
        Ok(Some(Self { db, books, schema, log, whole: !torn.any(), unpacker }))
    }

    /// The number of its schema.
    pub fn schema(&self) -> u32 {
        self.schema
    }

    /// Whether that is the one that this Tidings writes.
    pub fn is_current(&self) -> bool {
        self.schema == schema::SCHEMA
    }

    /// Whether everything that is told of it could be read.
    pub fn is_whole(&self) -> bool {
        self.whole
    }

    /// What became of everything.
    pub fn tallies(&self) -> Ledger {
        self.books.ledger()
    }

    /// The position of each scope.
    pub fn positions(&self) -> &BTreeMap<Text, Position> {
        &self.books.positions
    }

    /// The oldest row that is there, and the newest that ever was.
    pub fn rows(&self) -> Result<(Option<Seq>, Seq), JournalError> {
        rows::first(&self.db).map(|first| (first, self.books.last)).map_err(failure)
    }

    /// What it takes.
    pub fn usage(&self) -> Result<Usage, JournalError> {
        let pragma = |name| {
            self.db.pragma_query_value(None, name, |row| rows::number(row, 0)).map_err(failure)
        };
        let (pages, free, page) =
            (pragma("page_count")?, pragma("freelist_count")?, pragma("page_size")?);
        let snapshots = records::part_bytes(&self.db).map_err(failure)?;
        let parked = parked::sum(&self.db).map_err(failure)?;
        Ok(Usage {
            rows: ((pages - free) * page).saturating_sub(snapshots + parked),
            parked,
            snapshots,
            log: self.log,
            free: free * page,
            row: Packing::new(PackFrom::default()).row(),
        })
    }

    /// Up to `most` rows after `after` that lanes have yet to send.
    pub fn waiting(&mut self, after: Seq, most: usize) -> Result<Vec<WaitingRow>, JournalError> {
        let after = after.max(self.books.waiting_above());
        let sql = "SELECT * FROM journal WHERE seq > ? ORDER BY seq";
        let mut rows = self.db.prepare_cached(sql).map_err(failure)?;
        let mut rows = rows.query([after.cast_signed()]).map_err(failure)?;
        let mut found = Vec::new();
        while found.len() < most
            && let Some(row) = rows.next().map_err(failure)?
        {
            let head = Head::of(row).map_err(failure)?;
            let lanes = head.lanes.iter().filter_map(|id| self.books.lane(id));
            let receivers: Vec<Text> =
                lanes.filter(|lane| waits(lane, head.seq)).map(|lane| lane.name.clone()).collect();
            if receivers.is_empty() {
                continue;
            }
            let body = row.get_ref(4).ok().and_then(|body| body.as_blob().ok());
            let event = match body.filter(|body| head.fits(Some(body))) {
                Some(body) => self.unpacker.event(body).map(|(event, _)| Arc::new(event)),
                None => Err("the row is damaged".to_owned()),
            };
            found.push(WaitingRow { seq: head.seq, receivers, event });
        }
        Ok(found)
    }

    /// Up to `most` parked rows after the number `after`, each with its number and its receiver.
    pub fn parked(
        &mut self,
        after: i64,
        most: usize,
    ) -> Result<Vec<(i64, Text, Parked)>, JournalError> {
        let sql = format!("SELECT * FROM parked WHERE id > ? ORDER BY id LIMIT {most}");
        let mut rows = self.db.prepare_cached(&sql).map_err(failure)?;
        let mut rows = rows.query([after]).map_err(failure)?;
        let mut found = Vec::new();
        while let Some(row) = rows.next().map_err(failure)? {
            let id = row.get(0).map_err(failure)?;
            let record = records::of_row(row);
            let parked = record.and_then(|record| parked::of(record, &mut self.unpacker));
            let Some(parked) = parked else { continue };
            let lane = self.books.lane(parked.lane);
            let name = lane.map_or_else(Text::default, |lane| lane.name.clone());
            found.push((id, name, parked));
        }
        Ok(found)
    }
}

/// Reads the log too, but does not bring it into the file.
fn connect(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let db = Connection::open_with_flags(path, flags)?;
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true)?;
    db.execute_batch(
        "PRAGMA locking_mode = EXCLUSIVE;
         PRAGMA query_only = ON;
         PRAGMA cell_size_check = ON;
         PRAGMA trusted_schema = OFF;",
    )?;
    Ok(db)
}
