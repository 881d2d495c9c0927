//! Journals of other schemas: an older one is copied and changed, whatever happens on the way; a newer
//! one is left alone and says how to go on.

use std::{fs, path::Path};

use super::*;
use crate::save::{migrate, schema, schema::PAGE};

/// 157 events of a pretend cluster at 12 a second, written by the last version with schema 1: delivered to
/// `archive`, waiting for `down`, 35 parked and 14 suppressed by `refuses`.
const FIRST: &[u8] = include_bytes!("../../../fixtures/journal-schema-1.db");

/// Written by the last version with schema 2.
const SECOND: &[u8] = include_bytes!("../../../fixtures/journal-schema-2.db");

/// Written by a version that nobody knows yet.
const NEWER: &[u8] = include_bytes!("../../../fixtures/journal-schema-99.db");

fn open(path: &Path) -> (SqliteJournal, event::journal::Loaded) {
    let mut journal = SqliteJournal::open_with(path, at(0), LIMITS).unwrap();
    let loaded = journal.load(&mut |_| ()).unwrap();
    (journal, loaded)
}

fn file(bytes: &[u8]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

/// Everything that the fixture holds is there, and can be used.
fn is_first(path: &Path) {
    let (mut journal, loaded) = open(path);
    assert_eq!((loaded.last, loaded.salvaged), (157, None));
    let position = loaded.positions.values().next().unwrap();
    assert_eq!(position.revision, 1151);
    let names = ["archive".into(), "down".into(), "refuses".into()];
    let lanes = journal.open_lanes(&names, at(0)).unwrap();
    let of = |lane: usize| (lanes[lane].tally.delivered, lanes[lane].tally.waiting());
    assert_eq!((of(0), of(1), of(2)), ((157, 0), (0, 157), (0, 0)));
    assert_eq!(lanes[2].tally.parked, 35);
    let waiting = journal.read(LaneId(1), 0, 1000, 1 << 30).unwrap();
    assert_eq!(waiting.len(), 157);
    assert!(waiting.iter().all(|row| row.event.is_ok()));
    let parked = journal.parked(LaneId(2), 100).unwrap();
    assert_eq!((parked.len(), parked[0].event.is_some()), (35, true));
    assert!(journal.usage().unwrap().parked > 35 * 300);
    assert!(journal.ledger().unwrap().balances());
    let commit = Commit {
        rows: vec![row("x", &[1])],
        lane_tallies: vec![(LaneId(1), LaneTally { accepted: 1, ..LaneTally::default() })],
        ..Commit::default()
    };
    assert_eq!(journal.commit(&commit).unwrap().last, 158);
    drop(journal);
    assert_eq!(open(path).1.last, 158);
}

#[test]
fn a_journal_of_the_first_schema_is_copied_and_goes_on() {
    let (dir, path) = file(FIRST);
    drop(open(&path));
    let kept = fs::read(dir.path().join("journal.db.schema1.bak")).unwrap();
    // SQLite counts in the header that it was there.
    assert!(kept[100..] == FIRST[100..], "it is what it was");
    is_first(&path);
    // Going back is putting it in its place; the next upgrade makes a new copy.
    fs::write(&path, &kept).unwrap();
    is_first(&path);
}

#[test]
fn tables_are_where_a_new_journal_has_them() {
    let (dir, path) = file(FIRST);
    drop(open(&path));
    let fresh = dir.path().join("fresh.db");
    drop(SqliteJournal::open_with(&fresh, at(0), LIMITS).unwrap());
    let tables = |path: &Path| {
        let db = rusqlite::Connection::open(path).unwrap();
        let mut tables = db.prepare("SELECT name, rootpage, sql FROM sqlite_schema").unwrap();
        let rows = tables.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)));
        rows.unwrap().map(Result::unwrap).collect::<Vec<(String, i64, String)>>()
    };
    assert_eq!(tables(&path), tables(&fresh));
}

#[test]
fn an_upgrade_that_is_killed_at_any_step_begins_again() {
    let (dir, path) = file(FIRST);
    // While it was copied.
    fs::write(dir.path().join("journal.db.schema1.bak.part"), &FIRST[..5000]).unwrap();
    is_first(&path);
    assert!(!dir.path().join("journal.db.schema1.bak.part").exists());

    // With the copy made, and nothing changed.
    let (dir, path) = file(FIRST);
    fs::write(dir.path().join("journal.db.schema1.bak"), FIRST).unwrap();
    is_first(&path);

    // After each frame of the log of its one transaction.
    let (dir, path) = file(FIRST);
    let db = schema::connect(&path).unwrap();
    drop(db);
    let mut db = schema::connect(&path).unwrap();
    migrate::change(&mut db).unwrap();
    let log = fs::read(dir.path().join("journal.db-wal")).unwrap();
    let frames = (log.len() - 32) / (PAGE + 24);
    assert!(frames > 3, "{frames} frames");
    for frame in 0..=frames {
        for ragged in [0, 1000] {
            let (dir, path) = file(FIRST);
            let end = log.len().min(32 + frame * (PAGE + 24) + ragged);
            fs::write(dir.path().join("journal.db-wal"), &log[..end]).unwrap();
            is_first(&path);
        }
    }
}

#[test]
fn a_damaged_journal_of_the_first_schema_is_salvaged() {
    for page in 0..FIRST.len() / PAGE {
        let mut bytes = FIRST.to_vec();
        bytes[page * PAGE..(page + 1) * PAGE].fill([0, 0xff][page % 2]);
        let (_dir, path) = file(&bytes);
        let (mut journal, loaded) = open(&path);
        assert!(journal.ledger().unwrap().balances());
        if page == 0 {
            // The first page can be replaced.
            assert_eq!((loaded.last, loaded.positions.len()), (157, 1), "{:?}", loaded.salvaged);
        }
        drop(journal);
        assert_eq!(open(&path).1.salvaged, None);
    }
    for cut in 1..FIRST.len() / PAGE {
        let (_dir, path) = file(&FIRST[..cut * PAGE]);
        let (mut journal, loaded) = open(&path);
        assert!(journal.ledger().unwrap().balances());
        assert!(loaded.salvaged.is_some(), "cut at page {cut}");
    }
}

#[test]
fn a_newer_journal_is_left_alone_and_says_how_to_go_on() {
    let (dir, path) = file(NEWER);
    let error = || SqliteJournal::open(&path, at(0)).unwrap_err();
    assert!(matches!(error(), JournalError::Foreign(_)));
    let name = path.display().to_string();
    assert_eq!(
        error().to_string(),
        format!(
            "`{name}` was written by a newer Tidings (schema 99, this one reads 3): run that version \
             again; to go back, let it write what waits with `tidings state export`, then move the \
             file away with `tidings state reset`"
        )
    );
    fs::write(dir.path().join("journal.db.schema3.bak"), "").unwrap();
    assert_eq!(
        error().to_string(),
        format!(
            "`{name}` was written by a newer Tidings (schema 99, this one reads 3): run that version \
             again; to go back to what was saved before the upgrade, put `{name}.schema3.bak` in its \
             place"
        )
    );
    assert!(fs::read(&path).unwrap() == NEWER);
}

/// What the fixture of this schema holds: packed and parked rows, a snapshot, what a lane lost, and a lane that
/// somebody stopped.
fn make_third(path: &Path) {
    let limits = Limits { pack_from: PackFrom { rows: 0, bytes: 0 }, ..LIMITS };
    let mut journal = SqliteJournal::open_with(path, at(0), limits).unwrap();
    journal.open_lanes(&["a".into(), "b".into()], at(0)).unwrap();
    let accepted = |rows| LaneTally { accepted: rows, ..LaneTally::default() };
    let mut commit = Commit {
        position: Some(("".into(), Position { revision: 40, ..Position::default() })),
        lane_tallies: vec![(LaneId(0), accepted(40)), (LaneId(1), accepted(20))],
        ..Commit::default()
    };
    for revision in 1..=40 {
        let lanes: &[u16] = if revision % 2 == 0 { &[0, 1] } else { &[0] };
        let row = row(&format!("FailedToDoWhatNumber{revision}Asked"), lanes);
        commit.rows.push(Row { change: Some(change(revision)), ..row });
    }
    journal.commit(&commit).unwrap();
    let part = SnapshotPart { index: 0, last: true, bytes: b"all".to_vec() };
    let tally = LaneTally { parked: 1, ..LaneTally::default() };
    journal
        .commit(&Commit {
            snapshot: Some(part),
            parked: vec![parked(1, 2, "no")],
            progress: vec![progress(1, 3, &[])],
            lane_tallies: vec![(LaneId(1), tally)],
            paused: vec![(LaneId(1), Some(at(7)))],
            ..Commit::default()
        })
        .unwrap();
    let handed = std::collections::BTreeMap::from([(LaneId(0), 4)]);
    let need = event::journal::Need { bytes: 500, upto: 30, handed, ..Default::default() };
    journal.shed(&need).unwrap();
}

/// What the fixtures of the second schema and of later ones hold in common.
fn is_second(path: &Path) {
    let (mut journal, loaded) = open(path);
    assert_eq!((loaded.last, loaded.salvaged), (40, None));
    assert_eq!(loaded.positions[""].revision, 40);
    let ledger = journal.ledger().unwrap();
    assert!(ledger.balances());
    let lane = &ledger.lanes[0].0;
    let lost = lane.untold.unwrap();
    assert_eq!((lane.skipped[0].0, lane.tally.overflow), (4, lost.rows));
    assert!(lost.rows > 3, "{lost:?}");
    let rows = journal.read(LaneId(1), 3, 100, 1 << 20).unwrap();
    assert_eq!(rows.len(), 19);
    assert_eq!(rows[18].event.as_ref().unwrap().reason, "FailedToDoWhatNumber40Asked");
    let parked = journal.parked(LaneId(1), 9).unwrap();
    assert_eq!(parked[0].event.as_ref().unwrap().reason, "Parked");
    assert!(!path.with_file_name("journal.db.schema1.bak").exists());
}

#[test]
fn a_journal_of_the_second_schema_is_copied_and_goes_on() {
    let (_dir, path) = file(SECOND);
    is_second(&path);
    let kept = fs::read(path.with_file_name("journal.db.schema2.bak")).unwrap();
    assert!(kept[100..] == SECOND[100..], "it is what it was");
    for page in 0..SECOND.len() / PAGE {
        let mut bytes = SECOND.to_vec();
        bytes[page * PAGE..(page + 1) * PAGE].fill([0, 0xff][page % 2]);
        let (_dir, path) = file(&bytes);
        let (mut journal, loaded) = open(&path);
        assert!(journal.ledger().unwrap().balances());
        if page == 0 {
            assert_eq!((loaded.last, loaded.positions.len()), (40, 1), "{:?}", loaded.salvaged);
        }
    }
}

#[test]
fn a_journal_of_the_third_schema_is_read() {
    let fixture = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/journal-schema-3.db");
    if std::env::var_os("UPDATE_FIXTURES").is_some() {
        drop(fs::remove_file(&fixture));
        make_third(&fixture);
    }
    let (_dir, path) = file(&fs::read(fixture).unwrap());
    is_second(&path);
    assert!(!path.with_file_name("journal.db.schema2.bak").exists());
    let ledger = open(&path).0.tallies();
    assert_eq!((ledger.lanes[0].0.paused, ledger.lanes[1].0.paused), (None, Some(at(7))));
}

#[test]
fn copies_are_kept_for_a_week() {
    let (dir, path) = file(FIRST);
    let backup = dir.path().join("journal.db.schema1.bak");
    fs::write(&backup, "").unwrap();
    let made = backup.metadata().unwrap().modified().unwrap();
    let day = std::time::Duration::from_hours(24);
    migrate::forget_old(&path, made + day * 7);
    assert!(backup.exists());
    migrate::forget_old(&path, made + day * 8);
    assert!(!backup.exists());
}
