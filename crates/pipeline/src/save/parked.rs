//! Rows that a receiver refused for good: always packed, removed when they are too many or too old.

use std::sync::Arc;

use event::{
    LaneId, body,
    journal::{ParkCause, Parked, Unparked},
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, types::Value};

use super::{
    bodies::Unpacker,
    books::Books,
    packing::Packing,
    records::{self, Record, int, time},
};

/// Appends a parked row, always packed: it stays for long. Says how long it is.
pub(super) fn put(
    db: &Connection,
    parked: &Parked,
    packing: &mut Packing,
) -> rusqlite::Result<u64> {
    let cause = match parked.cause {
        ParkCause::Rejected => 0u64,
        ParkCause::Poison => 1,
        ParkCause::Unreadable => 2,
        ParkCause::Skipped => 3,
    };
    let body = parked.event.as_ref().map(|event| packing.always(body::encode(event)));
    let bytes = length(&parked.reason, body.as_deref());
    let id = db
        .prepare_cached("SELECT ifnull(max(id), 0) + 1 FROM parked")?
        .query_row([], |row| row.get(0))?;
    let record = vec![
        Value::Integer(id),
        int(parked.lane.0),
        int(parked.seq),
        time(parked.at),
        int(cause),
        Value::Text(parked.reason.clone()),
        body.map_or(Value::Null, Value::Blob),
    ];
    records::put(db, "parked", record).map(|()| bytes)
}

/// How long a parked row counts as.
pub(super) fn length(reason: &str, body: Option<&[u8]>) -> u64 {
    (BESIDE + reason.len() + body.map_or(0, <[u8]>::len)) as u64
}

/// The same in SQL.
const LENGTH: &str = "64 + ifnull(length(CAST(reason AS BLOB)), 0) + ifnull(length(body), 0)";

/// What a parked row takes beside reason and body.
const BESIDE: usize = 64;

/// The parked row behind a record.
pub(super) fn of(it: Record, unpacker: &mut Unpacker) -> Option<Parked> {
    numbered(it, unpacker).map(|(_, parked)| parked)
}

/// The same with its number.
pub(super) fn numbered(mut it: Record, unpacker: &mut Unpacker) -> Option<(u64, Parked)> {
    let number = it.number();
    let parked = Parked {
        lane: LaneId(u16::try_from(it.number()).ok()?),
        seq: it.number(),
        at: it.time()?,
        cause: match it.number() {
            0 => ParkCause::Rejected,
            1 => ParkCause::Poison,
            3 => ParkCause::Skipped,
            _ => ParkCause::Unreadable,
        },
        reason: it.text(),
        event: it.blob().and_then(|bytes| unpacker.event(&bytes).ok()).map(|it| Arc::new(it.0)),
    };
    Some((number, parked))
}

/// Parked rows that one call removes.
const DISCARD_STEP: i64 = 1024;

/// A parked row that is to go.
#[derive(Debug)]
pub(super) struct Surplus {
    id: i64,
    lane: LaneId,
    bytes: u64,
}

/// The oldest, while all take more than `bytes` or they are older than `before`.
pub(super) fn surplus(
    db: &Connection,
    books: &Books,
    bytes: u64,
    before: Timestamp,
) -> rusqlite::Result<Vec<Surplus>> {
    let sql = format!("SELECT id, lane, at, {LENGTH} FROM parked ORDER BY id LIMIT {DISCARD_STEP}");
    let mut rows = db.prepare_cached(&sql)?;
    let mut rows = rows.query([])?;
    let (mut all, mut surplus) = (books.parked, Vec::new());
    while let Some(row) = rows.next()? {
        let at: i64 = row.get(2)?;
        if all <= bytes && at >= before.as_microsecond() {
            break;
        }
        let (id, lane) = (row.get(0)?, LaneId(row.get(1)?));
        let bytes = row.get::<_, i64>(3)?.cast_unsigned();
        all = all.saturating_sub(bytes);
        surplus.push(Surplus { id, lane, bytes });
    }
    Ok(surplus)
}

/// Removes them.
pub(super) fn discard(
    db: &Connection,
    books: &mut Books,
    surplus: &[Surplus],
) -> rusqlite::Result<()> {
    let mut delete = db.prepare_cached("DELETE FROM parked WHERE id = ?")?;
    for row in surplus {
        delete.execute([row.id])?;
        books.discarded(row.lane, row.bytes);
    }
    Ok(())
}

/// Removes one, if it is there; says how long it was.
pub(super) fn take(db: &Connection, row: Unparked) -> rusqlite::Result<Option<u64>> {
    let sql = format!("SELECT {LENGTH} FROM parked WHERE id = ? AND lane = ? AND seq = ?");
    let key = [row.number.cast_signed(), row.lane.0.into(), row.seq.cast_signed()];
    let bytes: Option<i64> =
        db.prepare_cached(&sql)?.query_row(key, |row| row.get(0)).optional()?;
    if bytes.is_some() {
        db.prepare_cached("DELETE FROM parked WHERE id = ?")?.execute([key[0]])?;
    }
    Ok(bytes.map(i64::cast_unsigned))
}

/// Removes all of a lane that was given up.
pub(super) fn forget(db: &Connection, books: &mut Books, lane: LaneId) -> rusqlite::Result<()> {
    let sql = format!("SELECT ifnull(sum({LENGTH}), 0) FROM parked WHERE lane = ?");
    let bytes: i64 = db.prepare_cached(&sql)?.query_row([lane.0], |row| row.get(0))?;
    books.parked = books.parked.saturating_sub(bytes.cast_unsigned());
    db.prepare_cached("DELETE FROM parked WHERE lane = ?")?.execute([lane.0]).map(drop)
}

/// How long all parked rows are.
pub(super) fn sum(db: &Connection) -> rusqlite::Result<u64> {
    let sql = format!("SELECT ifnull(sum({LENGTH}), 0) FROM parked");
    let sum: i64 = db.query_row(&sql, [], |row| row.get(0))?;
    Ok(sum.cast_unsigned())
}
