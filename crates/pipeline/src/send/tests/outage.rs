//! A receiver that is down for a whole day. `OUTAGE_RATE` says how many events a second come in meanwhile (2 unless it
//! says otherwise; `make outage` says 200).

use std::{
    collections::HashMap,
    sync::{Mutex, atomic::AtomicBool},
};

use bytes::Bytes;
use event::{
    ConnectError, Event, ManualClock, Rejected, Sink, SinkContext, Tasks,
    journal::{JournalError, NotShown, Parked, Progress, Stored},
    written::Decoded,
};

use super::*;

const DAY: u64 = 86_400;

/// The objects that the events are about.
const OBJECTS: u64 = 997;

/// Rows that are made when they are read.
#[derive(Clone)]
struct Day {
    head: Arc<tokio::sync::watch::Sender<Seq>>,
    done: Arc<Mutex<(Seq, LaneTally)>>,
}

impl Rows for Day {
    async fn read(
        &self,
        _lane: LaneId,
        after: Seq,
        max_rows: usize,
        _max_bytes: usize,
    ) -> Result<Vec<Stored>, JournalError> {
        let head = *self.head.borrow();
        let rows = (after + 1..=head).take(max_rows).map(|seq| {
            let mut event = Event::default();
            event.metadata.resource_version = seq.to_string().into();
            event.involved.reference.name = (seq % OBJECTS).to_string().into();
            Stored { seq, event: Ok(Arc::new(event)) }
        });
        Ok(rows.collect())
    }

    fn head(&self) -> tokio::sync::watch::Receiver<Seq> {
        self.head.subscribe()
    }

    fn progress(
        &self,
        progress: Progress,
        tally: LaneTally,
        _parked: Vec<Parked>,
        _not_shown: Option<NotShown>,
    ) {
        let mut done = self.done.lock().unwrap();
        done.0 = progress.cursor;
        done.1.add(&tally);
    }

    async fn drop_waiting(&self, _at: Progress) -> Result<(Seq, u64), JournalError> {
        Err(JournalError::Io("nobody asks for it".into()))
    }
}

/// Takes nothing while it is down, and then looks at the order.
struct Late {
    is_down: Arc<AtomicBool>,
    newest: Arc<Mutex<HashMap<u64, Seq>>>,
}

impl Sink for Late {
    const KIND: &'static str = "late";
    type Settings = ();

    fn read(settings: &serde_json::Value, at: &str) -> Decoded<()> {
        event::written::decode(settings, at)
    }

    async fn connect((): (), _ctx: SinkContext) -> Result<Self, ConnectError> {
        Err(ConnectError::new("made by the test"))
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let seqs = events.iter().filter_map(|event| event.revision());
        let body: Vec<u8> = seqs.flat_map(u64::to_le_bytes).collect();
        let body = Bytes::from(body);
        Ok(vec![Payload { events: events.len(), headers: Vec::new(), body }])
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        if self.is_down.load(Ordering::SeqCst) {
            let reason = "503".into();
            return Err(SendError::Unavailable { reason, retry_after: None });
        }
        let mut newest = self.newest.lock().unwrap();
        let (words, _) = payload.body.as_chunks();
        for seq in words.iter().map(|word| u64::from_le_bytes(*word)) {
            // Neither left out nor overtaken: each object has one row in so many.
            let object = seq % OBJECTS;
            let expected = match newest.insert(object, seq) {
                Some(before) => before + OBJECTS,
                None if object == 0 => OBJECTS,
                None => object,
            };
            assert_eq!(seq, expected);
        }
        Ok(())
    }

    fn batch_limit(&self) -> usize {
        500
    }
}

#[tokio::test(start_paused = true)]
async fn after_a_day_of_outage_all_is_delivered_in_order_and_nothing_is_parked() {
    let rate = std::env::var("OUTAGE_RATE").ok().and_then(|rate| rate.parse().ok()).unwrap_or(2);
    for concurrency in [1, 4] {
        let rows = Day { head: Arc::new(tokio::sync::watch::Sender::new(0)), done: Arc::default() };
        let (is_down, newest) = (Arc::new(AtomicBool::new(true)), Arc::default());
        let sink = Late { is_down: Arc::clone(&is_down), newest: Arc::clone(&newest) };
        let saved = MemoryRows::up_to(0).saved();
        let settings = LaneSettings { concurrency, ..LaneSettings::default() };
        let clock = Arc::new(ManualClock::new(start()));
        let lane = Lane::new(saved, Arc::new(sink), rows.clone(), settings, clock);
        let (stop, watch) = (Stop::new(), lane.watch());
        let tasks = Tasks::new(stop.clone());
        tasks.spawn("lane", lane.run(stop.clone()));
        for minute in 1..=DAY / 60 {
            rows.head.send_replace(minute * 60 * rate);
            advance(seconds(60)).await;
            settle().await;
        }
        assert_eq!(rows.done.lock().unwrap().1, LaneTally::default(), "nothing is parked");
        is_down.store(false, Ordering::SeqCst);
        let began = Instant::now();
        assert!(watch.reaches(DAY * rate).await);
        assert!(began.elapsed() < seconds(120), "{:?}", began.elapsed());
        stop.fire();
        tasks.ended().await;
        let (cursor, tally) = *rows.done.lock().unwrap();
        assert_eq!((cursor, tally.delivered, tally.parked), (DAY * rate, DAY * rate, 0));
    }
}
