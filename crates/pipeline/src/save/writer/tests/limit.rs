//! A journal at its limit, on a real disk.

use std::{fs, path::Path};

use super::*;
use crate::save::{Limits, PackFrom, SqliteJournal};

/// So many bytes are allowed.
const LIMIT: u64 = 48 << 20;

/// Few rows of a page each, so that the test is quick.
const LONG: usize = 3600;

fn limited(path: &Path) -> Saver {
    let limits = Limits {
        snapshot_bytes: LIMIT / 8,
        reserve_bytes: 0,
        pack_from: PackFrom { rows: u64::MAX, bytes: u64::MAX },
        ..Limits::default()
    };
    let journal = SqliteJournal::open_with(path, at(0), limits).unwrap();
    let budget = Budget { bytes: LIMIT, ..Budget::usual() };
    open(journal, SaverSettings { budget, ..SETTINGS })
}

/// A hundred rows for both lanes, with a snapshot when one is due.
fn hundred(snapshot: bool) -> Commit {
    let text = event(&"x".repeat(LONG));
    let lanes: LaneSet = [LaneId(0), LaneId(1)].into_iter().collect();
    let accepted = LaneTally { accepted: 100, ..LaneTally::default() };
    let row = Row { change: None, event: Some(text), lanes };
    let part = SnapshotPart { index: 0, last: true, bytes: vec![7; 10_000] };
    Commit {
        rows: vec![row; 100],
        lane_tallies: vec![(LaneId(0), accepted), (LaneId(1), accepted)],
        snapshot: snapshot.then_some(part),
        ..Commit::default()
    }
}

fn on_disk(folder: &Path) -> u64 {
    let files = fs::read_dir(folder).unwrap();
    files.map(|file| file.unwrap().metadata().unwrap().len()).sum()
}

async fn fill(saver: &Saver, hundreds: u64) {
    let mut due = false;
    for _ in 0..hundreds {
        due = saver.commit(hundred(due)).await.unwrap().snapshot_due;
    }
}

#[tokio::test]
async fn the_limit_holds_to_five_percent_and_space_is_given_back() {
    let dir = tempfile::tempdir().unwrap();
    let saver = limited(&dir.path().join("journal.db"));
    let mut most = 0;
    for _ in 0..25 {
        fill(&saver, 10).await;
        most = most.max(on_disk(dir.path()));
    }
    // 25 000 rows of a page are twice what fits.
    let (percent, now) = (LIMIT / 100, on_disk(dir.path()));
    assert!((95 * percent..=105 * percent).contains(&most), "{most}");
    assert!((95 * percent..=105 * percent).contains(&now), "{now}");
    let ledger = saver.audit().await.unwrap();
    assert!(ledger.balances(), "{ledger:?}");
    let dropped: u64 = ledger.lanes.iter().map(|(lane, _)| lane.tally.overflow).sum();
    assert!(dropped > 20_000, "{dropped}");
    assert_eq!(*saver.dropped().borrow(), dropped);
    assert!(ledger.lanes.iter().all(|(lane, _)| lane.untold.is_some()));

    // The lanes deliver what is left; a snapshot covers it.
    for (lane, waiting) in &ledger.lanes {
        saver.progress(progress(lane.id.0, 25_000, &[]), delivered(*waiting), vec![]);
    }
    saver.commit(hundred(true)).await.unwrap();
    let last = saver.commit(hundred(true)).await.unwrap().last;
    for lane in [0, 1] {
        saver.progress(progress(lane, last, &[]), delivered(200), vec![]);
    }
    saver.flush().await.unwrap();
    let small = async {
        while on_disk(dir.path()) > 30 << 20 {
            tokio::task::yield_now().await;
            saver.flush().await.unwrap();
        }
    };
    tokio::time::timeout(Duration::from_secs(60), small).await.expect("it shrinks");
    assert!(saver.audit().await.unwrap().balances());
    saver.close().await;
}

#[tokio::test]
async fn a_lane_that_must_lose_nothing_lets_commits_wait_and_go_on() {
    let dir = tempfile::tempdir().unwrap();
    let saver = limited(&dir.path().join("journal.db"));
    saver.spare(vec!["b".into()]);
    let filled = std::cell::Cell::new(false);
    let filling = async {
        fill(&saver, 200).await;
        filled.set(true);
    };
    let head = saver.head();
    let draining = async {
        // Filling cannot come to an end: half of it fits.
        let mut before = 0;
        loop {
            tokio::time::sleep(Duration::from_millis(300)).await;
            let now = *head.borrow();
            if now > 0 && now == before {
                break;
            }
            before = now;
        }
        assert!(!filled.get());
        let ledger = saver.audit().await.unwrap();
        assert!(ledger.balances());
        let patient = &ledger.lanes[1];
        assert_eq!((patient.0.tally.overflow, patient.1), (0, before));
        assert_eq!(ledger.lanes[0].0.tally.overflow, 0, "that would have made no room");
        // It takes events again.
        let mut done = 0;
        while !filled.get() {
            let now = *head.borrow();
            saver.progress(progress(1, now, &[]), delivered(now - done), vec![]);
            done = now;
            saver.flush().await.unwrap();
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    futures::future::join(filling, draining).await;
    let ledger = saver.audit().await.unwrap();
    assert!(ledger.balances());
    assert_eq!(ledger.lanes[1].0.tally.overflow, 0);
    assert!(ledger.lanes[0].0.tally.overflow > 0, "the other one is not spared");
    saver.close().await;
}
