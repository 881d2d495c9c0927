//! A full disk, as far as a limit on the number of pages can stand for one.

use std::path::Path;

use super::*;
use crate::save::schema::PAGE;

const RESERVE: u64 = 100_000;

fn open(dir: &Path) -> SqliteJournal {
    let limits = Limits { reserve_bytes: RESERVE, ..LIMITS };
    SqliteJournal::open_with(&dir.join("journal.db"), at(0), limits).unwrap()
}

fn limit_pages(journal: &SqliteJournal, pages: usize) {
    journal.db.query_row(&format!("PRAGMA max_page_count = {pages}"), [], |_| Ok(())).unwrap();
}

fn hundred() -> Commit {
    let accepted = LaneTally { accepted: 100, ..LaneTally::default() };
    Commit {
        rows: vec![row(&"x".repeat(PAGE - 300), &[0]); 100],
        lane_tallies: vec![(LaneId(0), accepted)],
        ..Commit::default()
    }
}

/// Cursor and snapshot at the end: nothing needs the rows any more.
fn pass(journal: &mut SqliteJournal, last: Seq) {
    let delivered = journal.ledger().unwrap().lanes[0].1;
    let done = Commit {
        progress: vec![progress(0, last, &[])],
        lane_tallies: vec![(LaneId(0), LaneTally { delivered, ..LaneTally::default() })],
        snapshot: Some(SnapshotPart { index: 0, last: true, bytes: vec![1; 5000] }),
        ..Commit::default()
    };
    journal.commit(&done).unwrap();
}

#[test]
fn a_full_disk_loses_nothing_and_can_be_trimmed() {
    let dir = tempfile::tempdir().unwrap();
    let reserve = dir.path().join("journal.db.reserve");
    let mut journal = open(dir.path());
    journal.open_lanes(&["a".into()], at(0)).unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), RESERVE);
    limit_pages(&journal, 2000);
    let mut last = 0;
    let error = loop {
        match journal.commit(&hundred()) {
            Ok(committed) => last = committed.last,
            Err(error) => break error,
        }
    };
    assert!(matches!(error, JournalError::Full), "{error}");
    assert!(last > 1000);
    assert!(!reserve.exists(), "the reserve is given up");
    let ledger = journal.ledger().unwrap();
    assert_eq!(ledger.lanes[0].1, last);
    assert!(ledger.balances());
    let again = journal.commit(&hundred()).unwrap_err();
    assert!(matches!(again, JournalError::Full), "the reserve is not for rows");

    limit_pages(&journal, 2010);
    pass(&mut journal, last);
    assert_eq!(journal.trim(at(0)).unwrap().rows, last);
    assert_eq!(journal.commit(&hundred()).unwrap().last, last + 100, "free pages are room");
    assert!(!reserve.exists());
    journal.trim(at(1)).unwrap();
    assert_eq!(reserve.metadata().unwrap().len(), RESERVE, "there is room again");
    drop(journal);
    assert_eq!(open(dir.path()).load(&mut |_| ()).unwrap().last, last + 100);
}

#[test]
fn a_file_shrinks_when_much_of_it_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let mut journal = open(dir.path());
    journal.open_lanes(&["a".into()], at(0)).unwrap();
    let last = (0..80).map(|_| journal.commit(&hundred()).unwrap().last).max().unwrap();
    let (used, length) = (journal.size().unwrap(), path.metadata().unwrap().len());
    assert!(length > 30 << 20, "{length}");
    pass(&mut journal, last);
    while journal.trim(at(0)).unwrap().rows > 0 {}
    assert!(journal.size().unwrap() < used / 2);
    for _ in 0..20 {
        journal.trim(at(0)).unwrap();
    }
    drop(journal);
    let shrunk = path.metadata().unwrap().len();
    assert!(shrunk < 18 << 20, "{shrunk}");
}

#[test]
fn a_commit_that_failed_at_its_end_is_looked_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut journal = open(dir.path());
    journal.open_lanes(&["a".into()], at(0)).unwrap();
    let before = journal.books.commits;
    journal.commit(&hundred()).unwrap();
    assert!(before < journal.books.commits);
    journal.open_lanes(&["b".into()], at(0)).unwrap();
    let error = || JournalError::Io("the disk said something".into());
    let commits = journal.books.commits;
    assert!(commits >= before + 2, "every transaction counts");
    assert!(journal.look_again(error(), commits).is_ok(), "it is there");
    assert!(journal.look_again(error(), commits + 1).is_err(), "it is not");
    assert_eq!(journal.commit(&hundred()).unwrap().last, 200);
}
