//! A journal in memory and a receiver that answers as it is told, under a clock that stands still.

use std::{
    collections::BTreeSet,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use event::{
    AnySink, ConnectError, Event, LaneId, ManualClock, Metadata, Payload, Rejected, SendError,
    Sink, SinkContext, Stop, Tasks, Text,
    journal::{self, JournalError, LaneTally, NotShown, Parked, Progress, Seq, Stored},
    written::{self, Decoded},
};
use jiff::Timestamp;
use tokio::{
    sync::watch,
    time::{Instant, sleep},
};

use super::super::{Lane, LaneSettings, LaneWatch, Rows};

pub(super) const LANE: LaneId = LaneId(3);

pub(super) fn start() -> Timestamp {
    Timestamp::from_second(1_700_000_000).unwrap()
}

/// A row whose event knows its number.
pub(super) fn row(seq: Seq) -> Stored {
    let metadata = Metadata { resource_version: seq.to_string().into(), ..Metadata::default() };
    let event = Event { metadata, last_timestamp: Some(start()), ..Event::default() };
    Stored { seq, event: Ok(Arc::new(event)) }
}

/// A row about an object.
pub(super) fn about(seq: Seq, object: impl std::fmt::Display) -> Stored {
    let Stored { event, .. } = row(seq);
    let mut event = (*event.unwrap()).clone();
    event.involved.reference.name = object.to_string().into();
    Stored { seq, event: Ok(Arc::new(event)) }
}

/// A row about an object, of an event that happened then.
pub(super) fn happened(seq: Seq, object: impl std::fmt::Display, at: Timestamp) -> Stored {
    let mut event = (*about(seq, object).event.unwrap()).clone();
    event.last_timestamp = Some(at);
    Stored { seq, event: Ok(Arc::new(event)) }
}

/// A row that somebody asked for again.
pub(super) fn replayed(seq: Seq) -> Stored {
    let mut event = (*row(seq).event.unwrap()).clone();
    event.replay = true;
    Stored { seq, event: Ok(Arc::new(event)) }
}

/// A clock that shows so much after the start.
pub(super) fn lane_clock(after: Duration) -> Arc<ManualClock> {
    let clock = Arc::new(ManualClock::new(start()));
    clock.advance(after);
    clock
}

/// The journal, as far as one lane sees it.
#[derive(Clone)]
pub(super) struct MemoryRows(Arc<Inner>);

struct Inner {
    rows: Mutex<Vec<Stored>>,
    head: watch::Sender<Seq>,
    reports: Mutex<Vec<(Progress, LaneTally, Vec<Parked>)>>,
    failing: Mutex<bool>,
    paused: Mutex<Option<Timestamp>>,
    not_shown: Mutex<Option<NotShown>>,
}

impl MemoryRows {
    /// Rows 1 to `last`.
    pub(super) fn up_to(last: Seq) -> Self {
        let rows = Self(Arc::new(Inner {
            rows: Mutex::default(),
            head: watch::Sender::new(0),
            reports: Mutex::default(),
            failing: Mutex::default(),
            paused: Mutex::default(),
            not_shown: Mutex::default(),
        }));
        rows.append((1..=last).map(row));
        rows
    }

    pub(super) fn append(&self, rows: impl IntoIterator<Item = Stored>) {
        let mut all = self.0.rows.lock().unwrap();
        all.extend(rows);
        let last = all.last().map_or(0, |row| row.seq);
        drop(all);
        self.other_lanes_rows(last);
    }

    /// The head moves by rows that this lane does not take.
    pub(super) fn other_lanes_rows(&self, head: Seq) {
        self.0.head.send_modify(|newest| *newest = head.max(*newest));
    }

    /// Nothing was ever reported.
    pub(super) fn restart(&self) {
        self.0.reports.lock().unwrap().clear();
    }

    pub(super) fn fail(&self, failing: bool) {
        *self.0.failing.lock().unwrap() = failing;
    }

    /// Somebody has stopped it before.
    pub(super) fn pause(&self, since: Timestamp) {
        *self.0.paused.lock().unwrap() = Some(since);
    }

    /// What the receiver is to be told, as the journal has it.
    pub(super) fn not_shown(&self) -> Option<NotShown> {
        self.0.not_shown.lock().unwrap().clone()
    }

    pub(super) fn reports(&self) -> Vec<(Progress, LaneTally, Vec<Parked>)> {
        self.0.reports.lock().unwrap().clone()
    }

    /// What the ledger would show.
    pub(super) fn tally(&self) -> LaneTally {
        let mut sum = LaneTally::default();
        for (_, tally, _) in self.reports() {
            sum.add(&tally);
        }
        sum
    }

    pub(super) fn parked(&self) -> Vec<Parked> {
        self.reports().into_iter().flat_map(|(_, _, parked)| parked).collect()
    }

    /// The lane as the next start finds it.
    pub(super) fn saved(&self) -> journal::Lane {
        let newest = self.reports().pop().map(|(progress, _, _)| progress);
        let (cursor, done_above) = newest.map(|p| (p.cursor, p.done_above)).unwrap_or_default();
        journal::Lane {
            id: LANE,
            name: "webhook".into(),
            generation: 1,
            cursor,
            done_above,
            skipped: Vec::new(),
            untold: None,
            tally: LaneTally::default(),
            orphaned: None,
            paused: *self.0.paused.lock().unwrap(),
            not_shown: self.not_shown(),
            filling: None,
        }
    }
}

impl Rows for MemoryRows {
    async fn read(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        _max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        assert_eq!(lane, LANE);
        if *self.0.failing.lock().unwrap() {
            return Err(JournalError::Io("disk on fire".into()));
        }
        let rows = self.0.rows.lock().unwrap();
        Ok(rows.iter().filter(|row| row.seq > after).take(max_rows).cloned().collect())
    }

    fn head(&self) -> watch::Receiver<Seq> {
        self.0.head.subscribe()
    }

    fn progress(
        &self,
        progress: Progress,
        tally: LaneTally,
        parked: Vec<Parked>,
        not_shown: Option<NotShown>,
    ) {
        *self.0.not_shown.lock().unwrap() = not_shown;
        assert!(progress.done_above.is_sorted());
        self.0.reports.lock().unwrap().push((progress, tally, parked));
    }

    async fn drop_waiting(&self, at: Progress) -> Result<(Seq, u64), JournalError> {
        let (cursor, done_above) = (self.saved().cursor, self.saved().done_above);
        assert_eq!((cursor, done_above), (at.cursor, at.done_above.clone()));
        let rows = self.0.rows.lock().unwrap().clone();
        let waits = |seq: &Seq| *seq > at.cursor && !at.done_above.contains(seq);
        let discarded = rows.iter().filter(|row| waits(&row.seq)).count() as u64;
        let head = *self.0.head.borrow();
        let progress = Progress { lane: LANE, cursor: head, done_above: Vec::new() };
        let tally = LaneTally { discarded, ..LaneTally::default() };
        self.progress(progress, tally, Vec::new(), self.not_shown());
        Ok((head, discarded))
    }
}

/// What a receiver does with a payload.
pub(super) enum Reply {
    Answer(Result<(), SendError>),
    /// The same, after this time.
    Later(Duration, Result<(), SendError>),
    Silence,
}

impl Reply {
    pub(super) const OK: Self = Self::Answer(Ok(()));

    pub(super) fn down() -> Self {
        Self::unavailable(None)
    }

    pub(super) fn unavailable(retry_after: Option<Duration>) -> Self {
        let reason = "503".into();
        Self::Answer(Err(SendError::Unavailable { reason, retry_after }))
    }
}

/// What becomes of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turning {
    Begins,
    Ends,
}

/// One payload on its way.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Sent {
    pub(super) number: usize,
    pub(super) after: Duration,
    pub(super) seqs: Vec<Seq>,
}

type Script = Box<dyn Fn(&Sent) -> Reply + Send + Sync>;

/// A receiver that answers by a script and remembers everything.
pub(super) struct Receiver {
    script: Script,
    batch_limit: usize,
    born: Instant,
    sent: Mutex<Vec<Sent>>,
    accepted: Mutex<Vec<Seq>>,
    flights: Mutex<Vec<(Turning, Vec<Seq>)>>,
    closed: Mutex<usize>,
    unencodable: BTreeSet<Seq>,
    encoded: AtomicUsize,
}

impl Receiver {
    pub(super) fn new(
        batch_limit: usize,
        script: impl Fn(&Sent) -> Reply + Send + Sync + 'static,
    ) -> Arc<Self> {
        Self::without_encoding_for([], batch_limit, script)
    }

    pub(super) fn without_encoding_for(
        unencodable: impl IntoIterator<Item = Seq>,
        batch_limit: usize,
        script: impl Fn(&Sent) -> Reply + Send + Sync + 'static,
    ) -> Arc<Self> {
        Arc::new(Self {
            script: Box::new(script),
            batch_limit,
            born: Instant::now(),
            sent: Mutex::default(),
            accepted: Mutex::default(),
            flights: Mutex::default(),
            closed: Mutex::default(),
            unencodable: unencodable.into_iter().collect(),
            encoded: AtomicUsize::new(0),
        })
    }

    /// How many records it has encoded, one as often as it was asked to.
    pub(super) fn encoded(&self) -> usize {
        self.encoded.load(Ordering::SeqCst)
    }

    pub(super) fn sent(&self) -> Vec<Sent> {
        self.sent.lock().unwrap().clone()
    }

    /// Everything it took, in the order in which it did.
    pub(super) fn accepted(&self) -> Vec<Seq> {
        self.accepted.lock().unwrap().clone()
    }

    /// Each beginning and each end of a request, in order.
    pub(super) fn flights(&self) -> Vec<(Turning, Vec<Seq>)> {
        self.flights.lock().unwrap().clone()
    }

    pub(super) fn closed(&self) -> usize {
        *self.closed.lock().unwrap()
    }

    /// Payloads that were answered `Ok` hold the numbers of their rows.
    fn take(&self, sent: &Sent, failed: &BTreeSet<usize>) {
        let taken = sent.seqs.iter().enumerate().filter(|(at, _)| !failed.contains(at));
        self.accepted.lock().unwrap().extend(taken.map(|(_, seq)| *seq));
    }
}

/// A handle, because a lane owns its sink.
pub(super) struct Handle(pub(super) Arc<Receiver>);

impl Sink for Handle {
    const KIND: &'static str = "scripted";
    type Settings = ();

    fn read(settings: &serde_json::Value, at: &str) -> Decoded<()> {
        written::decode(settings, at)
    }

    async fn connect((): (), _ctx: SinkContext) -> Result<Self, ConnectError> {
        Err(ConnectError::new("made by the test"))
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let seqs: Vec<Seq> = events.iter().filter_map(|event| event.revision()).collect();
        let bad = seqs.iter().position(|seq| self.0.unencodable.contains(seq));
        let encoded = bad.map_or(seqs.len(), |index| index + 1);
        self.0.encoded.fetch_add(encoded, Ordering::SeqCst);
        if let Some(index) = bad {
            return Err(Rejected { index, reason: "no such field".into() });
        }
        let payloads = seqs.chunks(self.0.batch_limit).map(|seqs| {
            let words: Vec<String> = seqs.iter().map(Seq::to_string).collect();
            let body = Bytes::from(words.join(","));
            Payload { events: seqs.len(), headers: Vec::new(), body }
        });
        Ok(payloads.collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let text = std::str::from_utf8(&payload.body).unwrap();
        let sent = Sent {
            number: self.0.sent.lock().unwrap().len(),
            after: self.0.born.elapsed(),
            seqs: text.split(',').map(|seq| seq.parse().unwrap()).collect(),
        };
        let reply = (self.0.script)(&sent);
        self.0.sent.lock().unwrap().push(sent.clone());
        self.0.flights.lock().unwrap().push((Turning::Begins, sent.seqs.clone()));
        let answer = match reply {
            Reply::Answer(answer) => answer,
            Reply::Later(time, answer) => {
                sleep(time).await;
                answer
            }
            Reply::Silence => return std::future::pending().await,
        };
        self.0.flights.lock().unwrap().push((Turning::Ends, sent.seqs.clone()));
        match &answer {
            Ok(()) => self.0.take(&sent, &BTreeSet::new()),
            Err(SendError::Partial { failed }) => {
                self.0.take(&sent, &failed.iter().map(|(at, _)| *at).collect());
            }
            Err(_) => {}
        }
        answer
    }

    async fn close(&self) {
        *self.0.closed.lock().unwrap() += 1;
    }

    fn batch_limit(&self) -> usize {
        self.0.batch_limit
    }
}

/// A lane that runs.
pub(super) struct Running {
    pub(super) watch: LaneWatch,
    pub(super) clock: Arc<ManualClock>,
    stop: Stop,
    tasks: Tasks,
}

impl Running {
    pub(super) fn lane(rows: &MemoryRows, receiver: &Arc<Receiver>) -> Self {
        Self::with(rows, receiver, LaneSettings::default())
    }

    pub(super) fn with(
        rows: &MemoryRows,
        receiver: &Arc<Receiver>,
        settings: LaneSettings,
    ) -> Self {
        Self::with_clock(rows, receiver, settings, lane_clock(Duration::ZERO))
    }

    pub(super) fn with_clock(
        rows: &MemoryRows,
        receiver: &Arc<Receiver>,
        settings: LaneSettings,
        clock: Arc<ManualClock>,
    ) -> Self {
        let sink: AnySink = Arc::new(Handle(Arc::clone(receiver)));
        let time = Arc::clone(&clock);
        let lane = Lane::new(rows.saved(), sink, rows.clone(), settings, time);
        let (stop, watch) = (Stop::new(), lane.watch());
        let tasks = Tasks::new(stop.clone());
        tasks.spawn("lane", lane.run(stop.clone()));
        Self { watch, clock, stop, tasks }
    }

    /// Waits until everything up to `head` is done with; virtual hours pass in no time.
    pub(super) async fn reaches(&self, head: Seq) {
        assert!(self.watch.reaches(head).await);
    }

    pub(super) async fn until(&self, condition: impl FnMut(&super::super::LaneStatus) -> bool) {
        self.watch.changes().wait_for(condition).await.unwrap();
    }

    pub(super) fn ask_to_stop(&self) {
        self.stop.fire();
    }

    pub(super) async fn stop(self) {
        self.stop.fire();
        self.tasks.ended().await;
    }

    pub(super) fn name(&self) -> &Text {
        self.watch.name()
    }
}
