use event::{
    LaneSet, ManualClock,
    journal::{Position, Row, SnapshotPart},
};
use tokio::sync::mpsc;

use super::*;
use crate::save::{
    battery::{at, event, parked, progress},
    memory::{Failure, MemoryJournal},
};

/// Nothing is waited for: progress and retries are due at once.
const SETTINGS: SaverSettings = SaverSettings {
    progress_delay: Duration::ZERO,
    trim_every: Duration::from_millis(1),
    retry_after: Duration::from_millis(1),
    group_rows: 1000,
    queue: 4,
    tail_bytes: 1 << 20,
    budget: Budget::usual(),
};

mod limit;

const LAZY: SaverSettings = SaverSettings { progress_delay: Duration::from_secs(3600), ..SETTINGS };

fn open(journal: impl Journal + 'static, settings: SaverSettings) -> Saver {
    let names = ["a".into(), "b".into()];
    let clock = Arc::new(ManualClock::new(at(0)));
    let (saver, lanes) = Saver::open(Box::new(journal), &names, clock, settings).unwrap();
    assert_eq!(lanes.len(), 2);
    saver
}

fn rows(lanes: &[u16]) -> Commit {
    let lanes: LaneSet = lanes.iter().map(|lane| LaneId(*lane)).collect();
    let accepted = |lane| {
        let tally = LaneTally { accepted: 1, ..LaneTally::default() };
        (lane, tally)
    };
    Commit {
        lane_tallies: lanes.iter().map(accepted).collect(),
        rows: vec![Row { change: None, event: Some(event("x")), lanes }],
        ..Commit::default()
    }
}

fn delivered(delivered: u64) -> LaneTally {
    LaneTally { delivered, ..LaneTally::default() }
}

#[tokio::test]
async fn each_commit_is_answered_with_its_own_last_row() {
    let saver = open(MemoryJournal::new(1 << 20), LAZY);
    let commits: Vec<_> = (0..20).map(|_| saver.commit(rows(&[0]))).collect();
    let answers = futures::future::join_all(commits).await;
    let last: Vec<Seq> = answers.into_iter().map(|it| it.unwrap().last).collect();
    assert_eq!(last, (1..=20).collect::<Vec<Seq>>());
    assert_eq!(*saver.head().borrow(), 20);
    saver.close().await;
}

#[tokio::test]
async fn a_lane_reads_what_was_saved_and_shares_it() {
    let saver = open(MemoryJournal::new(1 << 20), LAZY);
    let commit = rows(&[1]);
    let saved = commit.rows[0].event.clone().unwrap();
    saver.commit(rows(&[0])).await.unwrap();
    saver.commit(commit).await.unwrap();
    let page = saver.page(LaneId(1), 0, 10, 1000).await.unwrap();
    assert_eq!((page.rows.len(), page.upto), (1, 2));
    assert!(Arc::ptr_eq(page.rows[0].event.as_ref().unwrap(), &saved));
    saver.close().await;
}

#[tokio::test]
async fn a_lane_that_fell_behind_reads_from_the_journal() {
    let narrow = SaverSettings { tail_bytes: 0, ..LAZY };
    let saver = open(MemoryJournal::new(1 << 20), narrow);
    for _ in 0..5 {
        saver.commit(rows(&[0])).await.unwrap();
    }
    let page = saver.page(LaneId(0), 1, 2, 1 << 20).await.unwrap();
    let seqs: Vec<Seq> = page.rows.iter().map(|row| row.seq).collect();
    assert_eq!((seqs, page.upto), (vec![2, 3], 3));
    let page = saver.page(LaneId(1), 0, 2, 1 << 20).await.unwrap();
    assert_eq!((page.rows.len(), page.upto), (0, 5));
    assert_eq!(saver.read(LaneId(0), 3, 9, 1 << 20).await.unwrap().len(), 2);
    saver.close().await;
}

#[tokio::test]
async fn progress_rides_on_a_commit_and_the_ledger_knows_all_of_it() {
    let saver = open(MemoryJournal::new(1 << 20), LAZY);
    for _ in 0..3 {
        saver.commit(rows(&[0])).await.unwrap();
    }
    saver.progress(progress(0, 1, &[]), delivered(1), vec![]);
    saver.progress(progress(0, 2, &[]), delivered(1), vec![]);
    let ledger = saver.ledger().await.unwrap();
    let (lane, waiting) = &ledger.lanes[0];
    assert_eq!((lane.cursor, lane.tally.delivered, *waiting), (2, 2, 1));
    assert!(ledger.balances());
    saver.close().await;
}

#[tokio::test]
async fn parked_rows_are_saved_with_the_cursor_that_passes_them() {
    let saver = open(MemoryJournal::new(1 << 20), LAZY);
    saver.commit(rows(&[0])).await.unwrap();
    let tally = LaneTally { parked: 1, ..LaneTally::default() };
    saver.progress(progress(0, 1, &[]), tally, vec![parked(0, 1, "no")]);
    assert_eq!(saver.parked(LaneId(0), 9).await.unwrap(), [parked(0, 1, "no")]);
    assert!(saver.ledger().await.unwrap().balances());
    saver.close().await;
}

#[tokio::test]
async fn while_the_disk_is_full_commits_wait_and_nothing_is_saved_twice() {
    let (journal, _told) = Watched::new(&["full"; 4]);
    let saver = open(journal, SETTINGS);
    saver.progress(progress(1, 0, &[]), LaneTally::default(), vec![]);
    let both = futures::future::join(saver.commit(rows(&[0])), saver.commit(rows(&[0]))).await;
    assert_eq!((both.0.unwrap().last, both.1.unwrap().last), (1, 2));
    assert!(saver.ledger().await.unwrap().balances());
    saver.close().await;
}

#[tokio::test]
async fn after_a_failure_nothing_later_is_saved() {
    let (journal, _told) = Watched::new(&["broken"]);
    let saver = open(journal, SETTINGS);
    let lost = saver.commit(rows(&[0])).await.unwrap_err();
    assert_eq!(lost.to_string(), "the journal cannot be used: broken");
    assert!(saver.commit(rows(&[0])).await.is_err());
    assert_eq!(saver.ledger().await.unwrap().lanes[0].1, 0);
    saver.close().await;
}

#[tokio::test]
async fn positions_of_two_scopes_and_parts_of_a_snapshot_are_not_merged() {
    let saver = open(MemoryJournal::new(1 << 20), LAZY);
    let scoped =
        |scope: &str| Commit { position: Some((scope.into(), Position::default())), ..rows(&[0]) };
    let part = |index| Commit {
        snapshot: Some(SnapshotPart { index, last: index == 2, bytes: vec![] }),
        ..Commit::default()
    };
    let commits = [scoped("a"), scoped("b"), part(0), part(1), part(2), scoped("c")];
    let answers = futures::future::join_all(commits.map(|it| saver.commit(it))).await;
    assert!(answers.iter().all(Result::is_ok));
    saver.close().await;
}

#[tokio::test]
async fn a_closed_journal_says_so() {
    let saver = open(MemoryJournal::new(1 << 20), LAZY);
    let late = saver.clone();
    saver.commit(rows(&[0])).await.unwrap();
    saver.close().await;
    let error = late.commit(rows(&[0])).await.unwrap_err();
    assert_eq!(error.to_string(), "the journal cannot be used: it is closed");
    assert!(late.read(LaneId(0), 0, 1, 1).await.is_ok(), "the tail is still there");
    late.close().await;
}

#[tokio::test]
async fn progress_is_saved_alone_when_no_commit_comes() {
    let (journal, mut told) = Watched::new(&[]);
    let saver = open(journal, SETTINGS);
    saver.progress(progress(0, 7, &[9]), delivered(7), vec![]);
    let saved = told.recv().await.unwrap();
    assert_eq!(saved.progress, [progress(0, 7, &[9])]);
    assert_eq!(saved.lane_tallies, [(LaneId(0), delivered(7))]);
    saver.close().await;
}

#[tokio::test]
async fn parked_rows_do_not_wait_for_a_commit() {
    let (journal, mut told) = Watched::new(&[]);
    let saver = open(journal, LAZY);
    saver.progress(progress(0, 1, &[]), delivered(1), vec![]);
    saver.progress(progress(0, 2, &[]), LaneTally::default(), vec![parked(0, 2, "no")]);
    let saved = told.recv().await.unwrap();
    assert_eq!((saved.progress, saved.parked.len()), (vec![progress(0, 2, &[])], 1));
    assert_eq!(saved.lane_tallies, [(LaneId(0), delivered(1))]);
    saver.close().await;
}

#[tokio::test]
async fn what_is_noted_last_is_saved_before_the_journal_closes() {
    let (journal, mut told) = Watched::new(&[]);
    let saver = open(journal, LAZY);
    saver.progress(progress(0, 3, &[]), delivered(3), vec![]);
    saver.close().await;
    assert_eq!(told.recv().await.unwrap().progress, [progress(0, 3, &[])]);
    assert!(told.recv().await.is_none());
}

#[tokio::test]
async fn commits_that_queue_become_one_transaction() {
    let (mut journal, mut told) = Watched::new(&[]);
    let (open_gate, gate) = std::sync::mpsc::channel();
    journal.gate = Some(gate);
    let saver = open(journal, SaverSettings { queue: 64, ..LAZY });
    let commits: Vec<_> = (0..50).map(|_| saver.commit(rows(&[0]))).collect();
    let all_sent = async { open_gate.send(()).unwrap() };
    futures::future::join(futures::future::join_all(commits), all_sent).await;
    saver.close().await;
    let mut transactions = 0;
    while told.recv().await.is_some() {
        transactions += 1;
    }
    assert!(transactions <= 2, "{transactions}");
}

/// A journal that tells of its commits, and refuses those with rows at first.
#[derive(Debug)]
struct Watched {
    journal: MemoryJournal,
    refusals: Vec<&'static str>,
    told: mpsc::UnboundedSender<Commit>,
    /// Waited for before the first commit with rows.
    gate: Option<std::sync::mpsc::Receiver<()>>,
}

impl Watched {
    /// Refuses with these words, the last one first; `full` stands for a full disk.
    fn new(refusals: &[&'static str]) -> (Self, mpsc::UnboundedReceiver<Commit>) {
        let (told, receiver) = mpsc::unbounded_channel();
        let journal = MemoryJournal::new(1 << 20);
        (Self { journal, refusals: refusals.to_vec(), told, gate: None }, receiver)
    }
}

impl Journal for Watched {
    fn commit(&mut self, commit: &Commit) -> Result<Committed, JournalError> {
        if !commit.rows.is_empty()
            && let Some(gate) = self.gate.take()
        {
            gate.recv().unwrap();
        }
        if !commit.rows.is_empty()
            && let Some(why) = self.refusals.pop()
        {
            let error = match why {
                "full" => JournalError::Full,
                why => JournalError::Io(why.into()),
            };
            self.journal.fail_next(Failure::Before, error);
        }
        let committed = self.journal.commit(commit)?;
        if !commit.is_empty() {
            // A test that no longer listens does not mind.
            drop(self.told.send(commit.clone()));
        }
        Ok(committed)
    }

    fn load(
        &mut self,
        restore: &mut dyn FnMut(event::journal::Restored<'_>),
    ) -> Result<event::journal::Loaded, JournalError> {
        self.journal.load(restore)
    }

    fn open_lanes(&mut self, names: &[Text], now: Timestamp) -> Result<Vec<Lane>, JournalError> {
        self.journal.open_lanes(names, now)
    }

    fn read(
        &mut self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        self.journal.read(lane, after, max_rows, max_bytes)
    }

    fn trim(&mut self, now: Timestamp) -> Result<event::journal::Trimmed, JournalError> {
        self.journal.trim(now)
    }

    fn parked(&mut self, lane: LaneId, limit: usize) -> Result<Vec<Parked>, JournalError> {
        self.journal.parked(lane, limit)
    }

    fn parked_after(
        &mut self,
        after: u64,
        limit: usize,
    ) -> Result<Vec<(u64, Parked)>, JournalError> {
        self.journal.parked_after(after, limit)
    }

    fn scan(
        &mut self,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<(LaneSet, Stored)>, JournalError> {
        self.journal.scan(after, max_rows, max_bytes)
    }

    fn rename_lane(&mut self, from: &Text, to: &Text) -> Result<bool, JournalError> {
        self.journal.rename_lane(from, to)
    }

    fn sweep(&mut self, after: Seq) -> Result<event::journal::Swept, JournalError> {
        self.journal.sweep(after)
    }

    fn shed(&mut self, need: &event::journal::Need) -> Result<event::journal::Shed, JournalError> {
        self.journal.shed(need)
    }

    fn discard_parked(&mut self, bytes: u64, before: Timestamp) -> Result<u64, JournalError> {
        self.journal.discard_parked(bytes, before)
    }

    fn tallies(&self) -> Ledger {
        self.journal.tallies()
    }

    fn usage(&mut self) -> Result<Usage, JournalError> {
        self.journal.usage()
    }

    fn ledger(&mut self) -> Result<Ledger, JournalError> {
        self.journal.ledger()
    }

    fn size(&mut self) -> Result<u64, JournalError> {
        self.journal.size()
    }
}
