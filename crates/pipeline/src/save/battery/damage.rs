//! Damaged files: cut short at every page, bytes flipped anywhere. The journal opens all the same, says
//! what is lost, and balances.

use std::{fs, path::Path, sync::LazyLock};

use proptest::prelude::*;

use super::*;
use crate::save::{
    form,
    schema::{self, Look, PAGE},
};

/// Bytes of a journal in which everything occurs: two lanes that have yet to send, one orphan, a
/// snapshot in two parts with rows after it, parked rows and a break.
static REAL: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let mut s = Subject::disk();
    s.lanes(&["a", "b", "gone"]);
    s.lanes(&["a", "b"]);
    s.commit(&accepted(1..301, &[0, 1]));
    s.part(0, false, &[b'1'; 9000]);
    s.part(1, true, &[b'2'; 3000]);
    s.commit(&accepted(301..401, &[0, 1]));
    s.commit(&Commit {
        position: Some(("".into(), Position { revision: 400, ..Position::default() })),
        progress: vec![progress(0, 150, &[152]), progress(1, 20, &[])],
        lane_tallies: vec![(LaneId(0), delivered(151)), (LaneId(1), delivered(20))],
        parked: (1..30).map(|seq| parked(0, seq, "no")).collect(),
        ..Commit::default()
    });
    s.journal().trim(at(0)).unwrap();
    s.crash();
    let Subject::Disk(dir, journal) = s else { return Vec::new() };
    drop(journal);
    fs::read(dir.path().join("journal.db")).unwrap()
});

#[test]
fn a_journal_is_known_as_one_from_its_first_byte_on() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let file = schema::connect(&path).unwrap();
    // What a kill right now would leave for the next start to look at.
    assert_eq!(Look::at(&path).unwrap(), Look::Journal);
    drop(file);
}

fn delivered(delivered: u64) -> LaneTally {
    LaneTally { delivered, ..LaneTally::default() }
}

/// Rows of both lanes, with bodies of many lengths, some longer than a page.
fn accepted(revisions: std::ops::Range<u64>, lanes: &[u16]) -> Commit {
    let accepted = LaneTally { accepted: 1, ..LaneTally::default() };
    let mut commit = Commit::default();
    for revision in revisions {
        let length =
            if revision % 50 == 0 { 9000 } else { usize::try_from(revision % 700).unwrap() };
        commit.rows.push(Row { change: Some(change(revision)), ..row(&"x".repeat(length), lanes) });
        commit.lane_tallies.extend(lanes.iter().map(|lane| (LaneId(*lane), accepted)));
    }
    commit
}

/// Opens `bytes` as a journal and uses it: nothing may panic, and twice in a row may nothing be lost.
fn survives(bytes: &[u8]) -> (Option<String>, Option<Position>, usize) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    fs::write(&path, bytes).unwrap();
    let (mut journal, loaded, restored) = open(&path);
    let (salvaged, position) = (loaded.salvaged.clone(), loaded.position(""));
    if position.is_some() {
        assert_eq!(restored, 102, "a position without its live state");
        assert_eq!(loaded.last, 400);
    } else {
        assert_eq!(restored, 0, "live state without its position");
    }
    assert!(journal.ledger().unwrap().balances());
    let lanes = journal.open_lanes(&["a".into(), "b".into()], at(1)).unwrap();
    let numbers: Vec<u16> = lanes.iter().map(|lane| lane.id.0).collect();
    let last = journal.commit(&accepted(500..501, &numbers)).unwrap().last;
    assert!(last > loaded.last.max(400), "a number is used again");
    for lane in &lanes {
        let rows = journal.read(lane.id, lane.cursor, 1000, 1 << 30).unwrap();
        assert_eq!(rows.last().map(|row| row.seq), Some(last));
        journal.parked(lane.id, 100).unwrap();
    }
    journal.trim(at(100)).unwrap();
    drop(journal);
    let (mut journal, again, _) = open(&path);
    assert_eq!(again.salvaged, None, "nothing is left to salvage");
    assert!(journal.ledger().unwrap().balances());
    (salvaged, position, restored)
}

fn open(path: &Path) -> (SqliteJournal, event::journal::Loaded, usize) {
    let mut journal = SqliteJournal::open_with(path, at(0), LIMITS).unwrap();
    let mut restored = 0;
    let loaded = journal.load(&mut |_| restored += 1).unwrap();
    (journal, loaded, restored)
}

fn names(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path.parent().unwrap()).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_journal_cut_short_anywhere_opens_and_says_what_is_lost() {
    let pages = REAL.len() / PAGE;
    assert!(pages > 50, "{pages} pages are a real journal");
    assert_eq!(
        survives(&REAL),
        (None, Some(Position { revision: 400, ..Position::default() }), 102)
    );
    for cut in 1..pages {
        let (salvaged, _, _) = survives(&REAL[..cut * PAGE]);
        let salvaged = salvaged.unwrap_or_else(|| panic!("cut at page {cut}: not noticed"));
        assert!(salvaged.starts_with("the journal was damaged: "), "{salvaged}");
    }
    survives(&REAL[..700]);
    survives(&REAL[..PAGE * 3 + 17]);
}

#[test]
fn every_page_can_be_overwritten() {
    for page in 0..REAL.len() / PAGE {
        let mut bytes = REAL.clone();
        bytes[page * PAGE..(page + 1) * PAGE].fill([0, 0xff][page % 2]);
        survives(&bytes);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn bytes_can_be_flipped_anywhere(
        flips in prop::collection::vec((any::<prop::sample::Index>(), 1u8..), 1..12),
    ) {
        let mut bytes = REAL.clone();
        for (at, flip) in flips {
            let at = at.index(bytes.len());
            bytes[at] ^= flip;
        }
        survives(&bytes);
    }
}

/// A journal with one flipped bit, so many bytes after the beginning of the change of a row.
fn flipped(revision: u64, after: usize) -> (tempfile::TempDir, std::path::PathBuf) {
    let mut bytes = REAL.clone();
    let head = form::encode_change(&change(revision));
    let place = bytes.windows(head.len()).position(|it| it == head).unwrap();
    bytes[place + after] ^= 1;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    fs::write(&path, bytes).unwrap();
    (dir, path)
}

#[test]
fn a_bad_body_costs_one_event_and_the_lane_is_told() {
    for revision in [90, 390] {
        let (_dir, path) = flipped(revision, 80);
        let (mut journal, loaded, restored) = open(&path);
        assert_eq!((loaded.salvaged, restored), (None, 102));
        let rows = journal.read(LaneId(1), 0, 1000, 1 << 30).unwrap();
        let bad: Vec<_> = rows.iter().filter(|row| row.event.is_err()).collect();
        assert_eq!((rows.len(), bad.len(), bad[0].seq), (400, 1, revision));
        assert_eq!(bad[0].event.as_ref().unwrap_err(), "the row is damaged");
        assert!(journal.ledger().unwrap().balances());
    }
}

#[test]
fn a_bad_head_costs_its_row_and_the_position_only_if_the_live_state_needs_it() {
    let said = |what| {
        format!(
            "the journal was damaged: 1 row is lost, {what}; the damaged file is kept as \
             `journal.db.damaged-20270115T080000Z`"
        )
    };
    let (_dir, path) = flipped(90, 0);
    let (mut journal, loaded, restored) = open(&path);
    assert_eq!((loaded.position("").unwrap().revision, restored), (400, 102));
    assert_eq!(loaded.salvaged.unwrap(), said("1 event was not sent yet, the position is kept"));
    let ledger = journal.ledger().unwrap();
    assert_eq!(ledger.lanes[0].0.tally.discarded, 0, "it was sent there");
    assert_eq!(ledger.lanes[1].0.tally.discarded, 1);
    assert!(ledger.balances());
    assert_eq!(
        names(&path),
        ["journal.db", "journal.db-wal", "journal.db.damaged-20270115T080000Z"]
    );

    let (_dir, path) = flipped(390, 0);
    let (_, loaded, restored) = open(&path);
    let lost = "2 events were not sent yet, the position is lost and all events are listed again";
    assert_eq!((loaded.position(""), restored), (None, 0));
    assert_eq!(loaded.salvaged.unwrap(), said(lost));
}

#[test]
fn damage_that_is_met_while_running_is_salvaged_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    fs::write(&path, &*REAL).unwrap();
    let (mut journal, ..) = open(&path);
    let mut bytes = fs::read(&path).unwrap();
    let end = bytes.len() - PAGE;
    bytes[PAGE * 12..end].fill(0xff);
    fs::write(&path, &bytes).unwrap();
    journal.db.execute_batch("PRAGMA cache_size = 1; PRAGMA shrink_memory").unwrap();
    let error = (0..400).find_map(|after| journal.read(LaneId(0), after, 9, 9000).err()).unwrap();
    assert!(matches!(error, JournalError::Damaged(_)), "{error}");
    drop(journal);
    let (mut journal, loaded, _) = open(&path);
    assert!(loaded.salvaged.is_some());
    assert!(journal.ledger().unwrap().balances());
}

/// A crash leaves a log that ends somewhere. What counts is the last transaction that is whole in it.
#[test]
fn a_log_cut_short_anywhere_is_a_state_that_was_committed() {
    let mut s = Subject::disk();
    s.lanes(&["a", "b"]);
    for revision in 1..20 {
        let mut commit = accepted(revision..revision + revision % 3, &[0, 1]);
        commit.tally = Tally { seen: commit.rows.len() as u64, ..Tally::default() };
        commit.tally.accepted = commit.tally.seen;
        let revision = s.journal().ledger().unwrap().tally.seen + commit.tally.seen;
        commit.position = Some(("".into(), Position { revision, ..Position::default() }));
        s.commit(&commit);
    }
    let Subject::Disk(dir, Some(_running)) = &s else { panic!("it is on disk") };
    let file = fs::read(dir.path().join("journal.db")).unwrap();
    let log = fs::read(dir.path().join("journal.db-wal")).unwrap();
    let frames = (log.len() - 32) / (PAGE + 24);
    let mut states = std::collections::BTreeSet::new();
    for frame in 0..=frames {
        for ragged in [0, 1000] {
            let crashed = tempfile::tempdir().unwrap();
            let path = crashed.path().join("journal.db");
            fs::write(&path, &file).unwrap();
            let end = log.len().min(32 + frame * (PAGE + 24) + ragged);
            fs::write(crashed.path().join("journal.db-wal"), &log[..end]).unwrap();
            let (mut journal, loaded, restored) = open(&path);
            assert_eq!(loaded.salvaged, None);
            assert_eq!(loaded.position("").unwrap_or_default().revision, loaded.last);
            assert_eq!(restored as u64, loaded.last);
            let ledger = journal.ledger().unwrap();
            assert_eq!(ledger.tally.seen, loaded.last);
            assert!(ledger.balances());
            states.insert(loaded.last);
        }
    }
    assert_eq!((states.len(), states.last()), (14, Some(&19)), "{states:?}");
}

#[test]
fn somebody_elses_file_is_left_alone() {
    for bytes in [&b"# notes\n"[..], &[0; 5000], &b"SQLite format 3\0".repeat(300)] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("journal.db");
        fs::write(&path, bytes).unwrap();
        let error = SqliteJournal::open(&path, at(0)).unwrap_err().to_string();
        let said = "is not a Tidings journal: move it away, or name another state folder";
        assert!(error.ends_with(said), "{error}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
    }
}

#[test]
fn a_salvage_that_is_interrupted_goes_on_at_the_next_start() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    let aside = dir.path().join("journal.db.damaged-x");
    fs::write(&aside, &REAL[..REAL.len() - PAGE]).unwrap();
    fs::write(dir.path().join("journal.db.suspect"), "journal.db.damaged-x").unwrap();
    fs::write(dir.path().join("journal.db.salvaged"), "half").unwrap();
    let (_, loaded, _) = open(&path);
    assert!(loaded.salvaged.unwrap().ends_with("kept as `journal.db.damaged-x`"));
    assert!(loaded.last >= 400);
}

#[test]
fn damaged_files_do_not_pile_up() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("journal.db");
    for hour in 0..5 {
        fs::write(&path, &REAL[..REAL.len() - PAGE]).unwrap();
        drop(SqliteJournal::open_with(&path, at(hour), LIMITS).unwrap());
    }
    let kept = ["journal.db.damaged-20270115T110000Z", "journal.db.damaged-20270115T120000Z"];
    assert_eq!(names(&path)[1..], kept);
}
