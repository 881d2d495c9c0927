//! One replica: the real lock, collector, router and lanes, over a journal in memory that a kill can take away.

use std::{
    fmt,
    pin::{Pin, pin},
    sync::{Arc, Mutex, MutexGuard},
    task::{Context, Poll},
    time::Duration,
};

use event::{
    Batch, Clock, Journal, LaneId, LaneSet, Payload, Rejected, SendError, Stop, Text,
    journal::{
        Commit, Committed, JournalError, Lane as Saved, LaneTally, Loaded, NotShown, Parked,
        Progress as Moved, Restored, Seq, Stored,
    },
    sink::DynSink,
};
use futures::future::join_all;
use pipeline::{
    Save, Way,
    collect::{Collector, Settings, scope::Scope},
    enrich::Enricher,
    lease::{Claims, End, Lock, Progress, Resume, Start, Timing, Won},
    route::{Receiver, Repeats, RouteSettings, Router, RuleSettings},
    save::{Checkpoints, MemoryJournal, live::Live},
    send::{Lane, LaneSettings, LaneWatch, Mandate, Rows},
};
use tokio::{
    sync::watch,
    time::{Instant, sleep, sleep_until},
};

use super::cluster::{Cluster, LANES, Server, TokioClock};

/// What a kill leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Disk {
    Kept,
    Lost,
}

/// See the module.
pub(super) struct Replica {
    cluster: Cluster,
    me: usize,
    disk: Disks,
    inside: Mutex<Inside>,
}

struct Inside {
    lives: u32,
    stop: Stop,
    frozen_until: Instant,
}

/// The journal, which outlives the process.
#[derive(Clone)]
struct Disks(Arc<Mutex<MemoryJournal>>);

impl Disks {
    /// What a start needs.
    fn open(&self, live: &mut Live, now: jiff::Timestamp) -> (Vec<Saved>, Loaded) {
        let mut journal = self.0.lock().unwrap();
        let lanes = journal.open_lanes(&LANES.map(Text::from), now).unwrap();
        let loaded = journal.load(&mut |restored| match restored {
            Restored::Part(part) => assert!(live.restore(part), "a part cannot be read"),
            Restored::Change(change, lanes) => live.apply(&change, &lanes),
        });
        (lanes, loaded.unwrap())
    }
}

impl Replica {
    pub(super) fn new(cluster: &Cluster, me: usize) -> Self {
        let inside = Inside { lives: 1, stop: Stop::new(), frozen_until: Instant::now() };
        let disk = Disks(Arc::new(Mutex::new(MemoryJournal::new(600))));
        Self { cluster: cluster.clone(), me, disk, inside: Mutex::new(inside) }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap()
    }

    pub(super) fn stop(&self) {
        self.inside().stop.fire();
    }

    pub(super) fn freeze(&self, seconds: u8) {
        self.inside().frozen_until = Instant::now() + Duration::from_secs(seconds.into());
    }

    /// The process is gone, and perhaps its disk.
    pub(super) fn reborn(&self, disk: Disk) {
        let mut journal = self.disk.0.lock().unwrap();
        match disk {
            Disk::Kept => journal.crash(),
            Disk::Lost => *journal = MemoryJournal::new(600),
        }
        let mut inside = self.inside();
        inside.lives += 1;
        inside.stop = Stop::new();
        inside.frozen_until = Instant::now();
    }

    /// A life, which begins after a while.
    pub(super) async fn live(self: Arc<Self>, after: Duration) {
        sleep(after).await;
        let life = Arc::clone(&self);
        Frozen { replica: &self, life: Box::pin(life.run()), thaw: None }.await;
    }

    async fn run(self: Arc<Self>) {
        let (stop, name) = {
            let inside = self.inside();
            (inside.stop.clone(), format!("replica-{}-{}", self.me, inside.lives))
        };
        let clock: Arc<TokioClock> = Arc::clone(&self.cluster.1);
        let server = self.cluster.seen_by(self.me);
        let mut lock = Lock::new(server, name.into(), Timing::default(), clock);
        while let Some(won) = lock.acquire(|_| {}, &stop).await.unwrap() {
            let term = self.cluster.won(self.me);
            let (over, done) = (stop.child(), Stop::new());
            let account = Account::default();
            let led = async {
                self.lead(term, &won, &account, &over).await;
                done.fire();
            };
            let held = async {
                let end = lock.hold(&won.gate, || account.text(), &done).await;
                over.fire();
                end
            };
            let ((), end) = tokio::join!(led, held);
            if end == End::Done {
                lock.release(account.text().as_deref()).await;
            }
        }
    }

    /// What `tidings` does with a term.
    async fn lead(&self, term: u64, won: &Won, account: &Account, over: &Stop) {
        let clock: Arc<dyn Clock> = Arc::clone(&self.cluster.1) as Arc<dyn Clock>;
        let mut live = Live::new();
        let (lanes, loaded) = self.disk.open(&mut live, clock.now());
        live.keep_lanes(&lanes.iter().map(|lane| lane.id).collect::<LaneSet>());
        let left = won.progress.as_deref().map(|text| Progress::read(text).unwrap());
        let scope = Scope::all("c");
        let scopes = std::slice::from_ref(&scope);
        let resume = Resume::new(left.as_ref(), scopes, &scope.name, &loaded, &lanes);
        let book = Book {
            disk: self.disk.clone(),
            head: Arc::new(watch::Sender::new(loaded.last)),
            positions: Arc::default(),
        };
        let claims = Claims::new([scope.name.clone()], &lanes, &resume);
        for (name, position) in claims.own() {
            book.positions.lock().unwrap().note(name, position, 0, loaded.last);
        }
        let mut way = Way::new(live, Enricher::default(), router(&lanes), book.clone());
        way.floors = resume.floors(&lanes);
        let way = way.shared();
        let settings = Settings { max_age: Some(0), cluster_name: Text::default(), seed: 7 };
        let begin = |own| {
            let server: Server = self.cluster.seen_by(self.me);
            let clock = Arc::clone(&clock);
            Collector::new(server, way, scope.clone(), own, settings, clock)
        };
        let collector = match resume.start(0) {
            Start::Own(own) => begin(own),
            Start::Taken(from) => begin(None).taking_over(from),
        };
        let (mut watches, mut runs, lanes_stop) = (Vec::new(), Vec::new(), Stop::new());
        for (at, saved) in lanes.into_iter().enumerate() {
            let sink = Sink { cluster: self.cluster.clone(), lane: LANES[at], term };
            let settings =
                LaneSettings { grace: Duration::from_secs(1), ..LaneSettings::default() };
            let lane = Lane::new(saved, Arc::new(sink), book.clone(), settings, Arc::clone(&clock));
            let (fence, floor) = (won.gate.fence(), resume.floor(at));
            let mandate = Mandate { fence, floor, upto: loaded.last };
            let lane = lane.under(mandate);
            watches.push(lane.watch());
            runs.push(lane.run(lanes_stop.clone()));
        }
        *account.0.lock().unwrap() = Some((claims, watches, book));
        let collects = async {
            collector.run(over.clone()).await.unwrap();
            lanes_stop.fire();
        };
        tokio::join!(collects, join_all(runs));
    }
}

/// What the leader writes down.
#[derive(Default)]
struct Account(Mutex<Option<(Claims, Vec<LaneWatch>, Book)>>);

impl Account {
    fn text(&self) -> Option<String> {
        let account = self.0.lock().unwrap();
        let (claims, lanes, book) = account.as_ref()?;
        let positions = book.positions.lock().unwrap();
        let lanes = lanes.iter().map(|lane| (lane.name(), lane.cursor()));
        let progress = claims.progress(&positions, lanes);
        (!progress.scopes.is_empty()).then(|| progress.write(1 << 16))
    }
}

/// Everything to both receivers.
fn router(lanes: &[Saved]) -> Router {
    let rule = |lane: &Saved| RuleSettings { receiver: lane.name.clone(), ..Default::default() };
    let settings =
        RouteSettings { matches: lanes.iter().map(rule).collect(), ..RouteSettings::default() };
    let receiver =
        |lane: &Saved| Receiver { name: lane.name.clone(), lane: lane.id, repeats: Repeats::Every };
    Router::new(&settings, &lanes.iter().map(receiver).collect::<Vec<_>>()).0
}

/// The journal, as way and lanes know it.
#[derive(Clone)]
struct Book {
    disk: Disks,
    head: Arc<watch::Sender<Seq>>,
    positions: Arc<Mutex<Checkpoints>>,
}

impl Save for Book {
    async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        // A disk that takes its time.
        sleep(Duration::from_millis(3)).await;
        let committed = self.disk.0.lock().unwrap().commit(&commit)?;
        if let Some((scope, position)) = commit.position {
            let mut positions = self.positions.lock().unwrap();
            positions.note(scope, position, commit.newest, committed.last);
        }
        self.head.send_replace(committed.last);
        Ok(committed)
    }
}

impl Rows for Book {
    async fn read(
        &self,
        lane: LaneId,
        after: Seq,
        max_rows: usize,
        max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        self.disk.0.lock().unwrap().read(lane, after, max_rows, max_bytes)
    }

    fn head(&self) -> watch::Receiver<Seq> {
        self.head.subscribe()
    }

    fn progress(
        &self,
        progress: Moved,
        tally: LaneTally,
        parked: Vec<Parked>,
        _: Option<NotShown>,
    ) {
        let lane_tallies = vec![(progress.lane, tally)];
        let commit = Commit { progress: vec![progress], lane_tallies, parked, ..Commit::default() };
        self.disk.0.lock().unwrap().commit(&commit).unwrap();
    }

    async fn drop_waiting(&self, _: Moved) -> Result<(Seq, u64), JournalError> {
        panic!("nobody asks for it here")
    }
}

/// A receiver, as one term sends to it.
struct Sink {
    cluster: Cluster,
    lane: &'static str,
    term: u64,
}

type Boxed<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

impl fmt::Debug for Sink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.lane)
    }
}

impl DynSink for Sink {
    fn kind(&self) -> &'static str {
        "model"
    }

    fn encode(&self, events: &Batch) -> Result<Vec<Payload>, Rejected> {
        let ids: Vec<_> = events.iter().map(|event| event.id().to_string()).collect();
        let body = ids.join(" ").into();
        Ok(vec![Payload { events: events.len(), headers: Vec::new(), body }])
    }

    fn send<'a>(&'a self, payload: &'a Payload) -> Boxed<'a, Result<(), SendError>> {
        Box::pin(async move {
            sleep(Duration::from_millis(30)).await;
            let ids = String::from_utf8_lossy(&payload.body);
            let ids: Vec<_> = ids.split(' ').map(str::to_owned).collect();
            if self.cluster.take(self.lane, self.term, &ids) {
                // The answer takes as long.
                sleep(Duration::from_millis(30)).await;
                return Ok(());
            }
            Err(SendError::Unavailable { reason: "down".into(), retry_after: None })
        })
    }

    fn close(&self) -> Boxed<'_, ()> {
        Box::pin(async {})
    }

    fn probe(&self) -> Boxed<'_, Result<Option<String>, SendError>> {
        Box::pin(async { Ok(None) })
    }

    fn batch_limit(&self) -> usize {
        3
    }

    fn needs_lookup(&self) -> bool {
        false
    }

    fn names(&self, _: &[&str]) -> bool {
        false
    }
}

/// A process that stands still now and then: nothing of it runs, and its clock goes on.
struct Frozen<'a> {
    replica: &'a Replica,
    life: Boxed<'a, ()>,
    thaw: Option<Pin<Box<tokio::time::Sleep>>>,
}

impl Future for Frozen<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let until = self.replica.inside().frozen_until;
        if until > Instant::now() {
            let mut thaw = Box::pin(sleep_until(until));
            if thaw.as_mut().poll(context).is_pending() {
                self.thaw = Some(thaw);
                return Poll::Pending;
            }
        }
        self.thaw = None;
        pin!(&mut self.life).poll(context)
    }
}
