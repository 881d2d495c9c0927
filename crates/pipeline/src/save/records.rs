//! The small tables: books and snapshot parts, each record with a seal of its own.
//!
//! A record is a list of values in the order of its table's columns. Reading never fails half-way:
//! what can be read comes back, and a flag says whether that was all.

use event::{
    LaneId, Text,
    journal::{Break, Filling, Lane, LaneTally, NotShown, Overflow, Position, Tally},
};
use jiff::Timestamp;
use rusqlite::{Connection, params_from_iter, types::Value};

use super::{
    books::{Books, GivenUp, Holder, Snapshot},
    form::Seal,
    schema::{FIRST_MARK, MARK, SECOND_MARK},
};

/// Writes a record, in the place of an older one with the same key.
pub(super) fn put(db: &Connection, table: &str, mut record: Vec<Value>) -> rusqlite::Result<()> {
    record.push(Value::Integer(seal(&record)));
    let marks = vec!["?"; record.len()].join(",");
    let sql = format!("INSERT OR REPLACE INTO {table} VALUES ({marks})");
    db.prepare_cached(&sql)?.execute(params_from_iter(record)).map(drop)
}

/// Reads the records that `sql` selects, whole rows of one table, and says whether all of them could
/// be read.
pub(super) fn get(db: &Connection, sql: &str, key: i64) -> (Vec<Record>, bool) {
    let mut records = Vec::new();
    let mut whole = true;
    let mut read = || -> rusqlite::Result<()> {
        let mut statement = db.prepare(sql)?;
        let bound = statement.parameter_count();
        let mut rows = statement.query(params_from_iter(std::iter::repeat_n(key, bound)))?;
        while let Some(row) = rows.next()? {
            match of_row(row) {
                Some(record) => records.push(record),
                None => whole = false,
            }
        }
        Ok(())
    };
    let complete = read().is_ok();
    (records, complete && whole)
}

/// The record in a whole row of its table, unless its seal is broken.
pub(super) fn of_row(row: &rusqlite::Row<'_>) -> Option<Record> {
    let columns = row.as_ref().column_count();
    let values: Result<Vec<Value>, _> = (0..columns).map(|at| row.get(at)).collect();
    values.ok().and_then(Record::open)
}

/// The seal covers the key too: a record that was moved would go unnoticed otherwise.
fn seal(values: &[Value]) -> i64 {
    let mut seal = Seal::new();
    for value in values {
        match value {
            Value::Null => seal.number(1),
            Value::Integer(number) => {
                seal.number(2);
                seal.number(number.cast_unsigned());
            }
            Value::Real(number) => seal.number(number.to_bits()),
            Value::Text(text) => seal.bytes(text.as_bytes()),
            Value::Blob(bytes) => seal.bytes(bytes),
        }
    }
    seal.value()
}

/// A record whose seal is whole, to be read from left to right. Absent values read as nothing.
#[derive(Debug)]
pub(super) struct Record(std::vec::IntoIter<Value>);

impl Record {
    fn open(mut values: Vec<Value>) -> Option<Self> {
        let found = values.pop()?;
        (found == Value::Integer(seal(&values))).then(|| Self(values.into_iter()))
    }

    /// The mark of the schema in the record of the state.
    fn mark(&self) -> String {
        match self.0.as_slice().get(1) {
            Some(Value::Text(text)) => text.clone(),
            _ => String::new(),
        }
    }

    fn maybe(&mut self) -> Option<i64> {
        match self.0.next() {
            Some(Value::Integer(number)) => Some(number),
            _ => None,
        }
    }

    pub(super) fn number(&mut self) -> u64 {
        self.maybe().unwrap_or_default().cast_unsigned()
    }

    fn small(&mut self) -> u32 {
        u32::try_from(self.number()).unwrap_or(u32::MAX)
    }

    pub(super) fn text(&mut self) -> String {
        match self.0.next() {
            Some(Value::Text(text)) => text,
            _ => String::new(),
        }
    }

    pub(super) fn blob(&mut self) -> Option<Vec<u8>> {
        match self.0.next() {
            Some(Value::Blob(bytes)) => Some(bytes),
            _ => None,
        }
    }

    fn snapshot(&mut self) -> Option<Snapshot> {
        let snapshot = Snapshot {
            number: self.number(),
            began: self.number(),
            appended: self.number(),
            parts: self.small(),
            bytes: 0,
        };
        (snapshot.number > 0).then_some(snapshot)
    }

    fn position(&mut self) -> Position {
        Position {
            epoch: self.small(),
            revision: self.number(),
            time: self.small(),
            ttl: self.small(),
        }
    }

    pub(super) fn time(&mut self) -> Option<Timestamp> {
        Timestamp::from_microsecond(self.maybe()?).ok()
    }
}

pub(super) fn int(number: impl Into<u64>) -> Value {
    Value::Integer(number.into().cast_signed())
}

pub(super) fn time(time: Timestamp) -> Value {
    Value::Integer(time.as_microsecond())
}

/// Writes what differs between `old` and `new`.
pub(super) fn put_books(db: &Connection, old: &Books, new: &Books) -> rusqlite::Result<()> {
    put(db, "state", state_record(new))?;
    for (scope, position) in &new.positions {
        if old.positions.get(scope) != Some(position) {
            let mut record = vec![Value::Text(scope.to_string())];
            record.extend(position_values(position));
            put(db, "position", record)?;
        }
    }
    for holder in &new.lanes {
        if !old.lanes.contains(holder) {
            put(db, "lane", lane_record(holder))?;
            put_overflow(db, &holder.lane)?;
            put_note(db, &holder.lane)?;
        }
    }
    for holder in &old.lanes {
        let id = holder.lane.id;
        if !new.lanes.iter().any(|it| it.lane.id == id) {
            db.prepare_cached("DELETE FROM lane WHERE id = ?")?.execute([id.0])?;
            db.prepare_cached("DELETE FROM overflow WHERE lane = ?")?.execute([id.0])?;
            db.prepare_cached("DELETE FROM note WHERE lane = ?")?.execute([id.0])?;
        }
    }
    for (name, generation) in &new.generations {
        if old.generations.get(name) != Some(generation) {
            let record = vec![Value::Text(name.to_string()), int(*generation)];
            put(db, "generation", record)?;
        }
    }
    if (old.swept, old.parked) != (new.swept, new.parked) {
        put(db, "extent", [1, new.swept, new.parked].map(int).to_vec())?;
    }
    if old.breaks != new.breaks {
        db.prepare_cached("DELETE FROM break")?.execute([])?;
        for (id, it) in (1u64..).zip(&new.breaks) {
            put(db, "break", break_record(id, it))?;
        }
    }
    Ok(())
}

fn state_record(books: &Books) -> Vec<Value> {
    let Tally { seen, accepted, filtered, baseline, noop } = books.tally;
    let mut record = vec![int(1u64), Value::Text(MARK.into())];
    record.extend([books.commits, books.last, books.appended].map(int));
    record.extend([seen, accepted, filtered, baseline, noop].map(int));
    record.push(int(books.snapshots));
    for snapshot in [books.complete, books.begun] {
        let values =
            snapshot.map_or([0; 4], |it| [it.number, it.began, it.appended, it.parts.into()]);
        record.extend(values.map(int));
    }
    record
}

fn position_values(position: &Position) -> [Value; 4] {
    [int(position.epoch), int(position.revision), int(position.time), int(position.ttl)]
}

fn lane_record(holder: &Holder) -> Vec<Value> {
    let Holder { lane, given_up } = holder;
    let done = lane.done_above.iter().flat_map(|seq| seq.to_le_bytes());
    let tally = lane.tally;
    let mut record = vec![
        int(lane.id.0),
        Value::Text(lane.name.to_string()),
        int(lane.generation),
        int(lane.cursor),
        Value::Blob(done.collect()),
        lane.orphaned.map_or(Value::Null, time),
        given_up.map_or(Value::Null, |it| int(it.upto)),
        given_up.map_or(Value::Null, |it| int(it.forgotten_by)),
    ];
    let tally = [
        tally.accepted,
        tally.delivered,
        tally.suppressed,
        tally.parked,
        tally.overflow,
        tally.expired,
        tally.discarded,
    ];
    record.extend(tally.map(int));
    record
}

/// Most lanes never lose anything: theirs is no record.
fn put_overflow(db: &Connection, lane: &Lane) -> rusqlite::Result<()> {
    if lane.skipped.is_empty() && lane.untold.is_none() {
        let mut delete = db.prepare_cached("DELETE FROM overflow WHERE lane = ?")?;
        return delete.execute([lane.id.0]).map(drop);
    }
    let skipped = lane.skipped.iter().flat_map(|(after, upto)| [*after, *upto]);
    let untold = lane.untold.unwrap_or(Overflow { rows: 0, first: 0, last: 0 });
    let record = vec![
        int(lane.id.0),
        Value::Blob(skipped.flat_map(u64::to_le_bytes).collect()),
        int(untold.rows),
        int(untold.first),
        int(untold.last),
    ];
    put(db, "overflow", record)
}

fn take_overflow(mut it: Record, holders: &mut [Holder]) {
    let id = it.number();
    let bytes = it.blob().unwrap_or_default();
    let (words, _) = bytes.as_chunks();
    let seqs: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
    let untold = Overflow { rows: it.number(), first: it.small(), last: it.small() };
    if let Some(holder) = holders.iter_mut().find(|it| u64::from(it.lane.id.0) == id) {
        let (pairs, _) = seqs.as_chunks();
        holder.lane.skipped = pairs.iter().map(|[after, upto]| (*after, *upto)).collect();
        holder.lane.untold = (untold.rows > 0).then_some(untold);
    }
}

/// Of most lanes there is nothing to note.
fn put_note(db: &Connection, lane: &Lane) -> rusqlite::Result<()> {
    if lane.paused.is_none() && lane.not_shown.is_none() && lane.filling.is_none() {
        let mut delete = db.prepare_cached("DELETE FROM note WHERE lane = ?")?;
        return delete.execute([lane.id.0]).map(drop);
    }
    let paused = lane.paused.map_or(Value::Null, time);
    let digest = lane.not_shown.as_ref().map_or(Value::Null, |it| Value::Blob(it.to_bytes()));
    let filling = lane.filling.map(|it| [it.after, it.upto].map(int));
    let [after, upto] = filling.unwrap_or([Value::Null, Value::Null]);
    put(db, "note", vec![int(lane.id.0), paused, digest, after, upto])
}

fn take_note(mut it: Record, holders: &mut [Holder]) {
    let id = it.number();
    let paused = it.time();
    let digest = it.blob();
    let filling = it.maybe().zip(it.maybe());
    if let Some(holder) = holders.iter_mut().find(|it| u64::from(it.lane.id.0) == id) {
        holder.lane.paused = paused;
        holder.lane.filling = filling.map(|(after, upto)| Filling {
            after: after.cast_unsigned(),
            upto: upto.cast_unsigned(),
        });
        holder.lane.not_shown = digest.and_then(|bytes| NotShown::from_bytes(&bytes));
    }
}

fn break_record(id: u64, it: &Break) -> Vec<Value> {
    let mut record = vec![int(id), time(it.at), Value::Text(it.cause.to_string())];
    record.extend(position_values(&it.from));
    record.extend(position_values(&it.to));
    record.push(int(u64::from(it.missed)));
    record
}

/// Which of the books could not be read in full.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "one for each table")]
pub(super) struct Torn {
    /// Numbers, tally, snapshots.
    pub(super) state: bool,
    /// Positions.
    pub(super) positions: bool,
    /// Lanes and generations.
    pub(super) lanes: bool,
    /// Breaks.
    pub(super) breaks: bool,
    /// Up to where rows may be missing.
    pub(super) extent: bool,
}

impl Torn {
    /// Something is missing.
    pub(super) fn any(self) -> bool {
        self.breaks || self.extent || self.any_but_breaks()
    }

    /// Something is missing that counting relies on.
    pub(super) fn any_but_breaks(self) -> bool {
        self.state || self.positions || self.lanes
    }
}

/// Reads the books.
pub(super) fn get_books(db: &Connection) -> (Books, Torn) {
    let (state, state_whole) = get(db, "SELECT * FROM state", 0);
    let (positions, positions_whole) = get(db, "SELECT * FROM position", 0);
    let (lanes, lanes_whole) = get(db, "SELECT * FROM lane ORDER BY id", 0);
    let (names, names_whole) = get(db, "SELECT * FROM generation", 0);
    let (breaks, breaks_whole) = get(db, "SELECT * FROM break ORDER BY id", 0);
    // The first schema knew nothing of a limit.
    let mark = state.first().map(Record::mark);
    let first = mark.as_deref() == Some(FIRST_MARK);
    let no_notes = first || mark.as_deref() == Some(SECOND_MARK);
    let (notes, notes_whole) = get(db, "SELECT * FROM note", 0);
    let (overflow, overflow_whole) = get(db, "SELECT * FROM overflow", 0);
    let (extent, extent_whole) = get(db, "SELECT * FROM extent", 0);
    let torn = Torn {
        state: !state_whole || state.len() != 1,
        positions: !positions_whole,
        lanes: !lanes_whole
            || !names_whole
            || !(overflow_whole || first)
            || !(notes_whole || no_notes),
        extent: !(extent_whole || first),
        breaks: !breaks_whole,
    };
    let mut books = state.into_iter().next().map_or_else(Books::default, state_of);
    books.positions =
        positions.into_iter().map(|mut it| (it.text().into(), it.position())).collect();
    books.lanes = lanes.into_iter().map(lane_of).collect();
    for record in overflow {
        take_overflow(record, &mut books.lanes);
    }
    for record in notes {
        take_note(record, &mut books.lanes);
    }
    if let Some(mut extent) = extent.into_iter().next() {
        extent.number();
        (books.swept, books.parked) = (extent.number(), extent.number());
    }
    books.generations =
        names.into_iter().map(|mut it| (Text::from(it.text()), it.small())).collect();
    books.breaks = breaks.into_iter().filter_map(break_of).collect();
    (books, torn)
}

fn state_of(mut it: Record) -> Books {
    it.number();
    it.text();
    Books {
        commits: it.number(),
        last: it.number(),
        appended: it.number(),
        tally: Tally {
            seen: it.number(),
            accepted: it.number(),
            filtered: it.number(),
            baseline: it.number(),
            noop: it.number(),
        },
        snapshots: it.number(),
        complete: it.snapshot(),
        begun: it.snapshot(),
        ..Books::default()
    }
}

fn lane_of(mut it: Record) -> Holder {
    let lane = Lane {
        id: LaneId(u16::try_from(it.number()).unwrap_or_default()),
        name: it.text().into(),
        generation: it.small(),
        cursor: it.number(),
        skipped: Vec::new(),
        untold: None,
        done_above: {
            let bytes = it.blob().unwrap_or_default();
            let (words, _) = bytes.as_chunks();
            words.iter().map(|word| u64::from_le_bytes(*word)).collect()
        },
        orphaned: it.time(),
        paused: None,
        not_shown: None,
        filling: None,
        tally: LaneTally::default(),
    };
    let given_up = it
        .maybe()
        .zip(it.maybe())
        .map(|(upto, by)| GivenUp { upto: upto.cast_unsigned(), forgotten_by: by.cast_unsigned() });
    let tally = LaneTally {
        accepted: it.number(),
        delivered: it.number(),
        suppressed: it.number(),
        parked: it.number(),
        overflow: it.number(),
        expired: it.number(),
        discarded: it.number(),
    };
    Holder { lane: Lane { tally, ..lane }, given_up }
}

fn break_of(mut it: Record) -> Option<Break> {
    it.number();
    Some(Break {
        at: it.time()?,
        cause: it.text().into(),
        from: it.position(),
        to: it.position(),
        missed: it.number() != 0,
    })
}

/// Appends a part to the snapshot `number`.
pub(super) fn put_part(
    db: &Connection,
    number: u64,
    index: u32,
    bytes: &[u8],
) -> rusqlite::Result<()> {
    let id = (number << 24) + u64::from(index);
    let record = vec![int(id), int(number), Value::Blob(bytes.to_vec())];
    put(db, "part", record)
}

/// Reads the part `index` of the snapshot `number`.
pub(super) fn get_part(db: &Connection, number: u64, index: u32) -> Option<Vec<u8>> {
    let id = ((number << 24) + u64::from(index)).cast_signed();
    let (records, _) = get(db, "SELECT * FROM part WHERE id = ?", id);
    let mut record = records.into_iter().next()?;
    record.number();
    record.number();
    record.blob()
}

/// Removes the parts of all snapshots but those two.
pub(super) fn keep_parts(db: &Connection, keep: [Option<Snapshot>; 2]) -> rusqlite::Result<()> {
    let keep = keep.map(|it| it.map_or(0, |it| it.number.cast_signed()));
    db.prepare_cached("DELETE FROM part WHERE snapshot NOT IN (?, ?)")?.execute(keep).map(drop)
}

/// How long all parts are.
pub(super) fn part_bytes(db: &Connection) -> rusqlite::Result<u64> {
    let sql = "SELECT ifnull(sum(length(bytes)), 0) FROM part";
    let sum: i64 = db.prepare_cached(sql)?.query_row([], |row| row.get(0))?;
    Ok(sum.cast_unsigned())
}
