//! Receivers with moods, who remember what they took and notice what they should not have been sent.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use event::{
    ConnectError, Event, Origin, Payload, Rejected, SendError, Sink, SinkContext,
    journal::Seq,
    written::{self, Decoded},
};
use proptest::prelude::*;
use tokio::time::sleep;

use super::{
    routes::LANES,
    world::{State, World},
};

/// What a receiver does with requests, until its mood changes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Mood {
    #[default]
    Fine,
    /// 503.
    Down,
    /// 429, and when to come again.
    Busy,
    /// 401.
    Blocked,
    /// It takes some events of a request, refuses some for good, and wants the others again.
    Partial,
    /// 400.
    Refuses,
    /// It takes everything, and the answer is lost.
    Lost,
    /// It takes everything and never answers.
    Silent,
    /// 500 to what holds a certain event.
    Poisoned,
    /// It takes everything, after a while.
    Slow,
}

pub(super) fn mood() -> impl Strategy<Value = Mood> {
    prop::sample::select(vec![
        Mood::Fine,
        Mood::Down,
        Mood::Busy,
        Mood::Blocked,
        Mood::Partial,
        Mood::Refuses,
        Mood::Lost,
        Mood::Silent,
        Mood::Poisoned,
        Mood::Slow,
    ])
}

/// What a receiver remembers.
#[derive(Debug, Default)]
pub(super) struct Receiver {
    pub(super) mood: Mood,
    /// Ids of everything it took.
    pub(super) took: HashSet<String>,
    /// Ids that it took and said so, and how often the process had been killed by then.
    confirmed: HashMap<String, u32>,
    /// Ids of everything that it ever said no to: it may have been parked, and the process killed before that was saved.
    denied: HashSet<String>,
    /// The newest row of each object that it took.
    newest: HashMap<String, Newest>,
    /// What it should not have been sent.
    pub(super) complaints: Vec<String>,
}

/// The newest row of an object, ever, and since this many kills.
#[derive(Debug, Clone, Copy, Default)]
struct Newest {
    ever: Seq,
    run: Seq,
    kills: u32,
}

/// One event of a request: its id, and what it is about. An id of our own events says only the second.
type Line<'a> = (&'a str, &'a str);

impl State {
    /// The receiver takes an event.
    fn take(&mut self, place: usize, (id, object): Line<'_>) {
        let (seq, kills) = (self.seqs.get(id).copied(), self.kills);
        let saved = self.lanes.iter().find(|(_, it)| **it == place).map(|(lane, _)| lane);
        let saved = saved.and_then(|lane| self.saved_progress.get(lane));
        let receiver = &mut self.receivers[place];
        let is_new = receiver.took.insert(id.to_owned());
        // An event of our own making: two of one second have one id.
        let Some(seq) = seq else { return };
        if saved.is_some_and(|it| seq <= it.cursor || it.done_above.binary_search(&seq).is_ok()) {
            receiver
                .complaints
                .push(format!("{id} came although the journal knew it was done with"));
        }
        if receiver.confirmed.get(id) == Some(&kills) {
            receiver.complaints.push(format!("{id} came twice, and nobody was killed in between"));
        }
        let newest = receiver.newest.entry(object.to_owned()).or_default();
        let run = if newest.kills == kills { newest.run } else { 0 };
        let before = if receiver.denied.contains(id) { run } else { newest.ever };
        if is_new && before > seq {
            receiver.complaints.push(format!("{id}, row {seq}, came after row {before}"));
        }
        *newest = Newest { ever: seq.max(newest.ever), run: seq.max(run), kills };
    }
}

/// The way to a receiver.
pub(super) struct Door {
    pub(super) world: World,
    pub(super) place: usize,
}

impl Door {
    /// The receiver looks at a request: its mood, how many events it takes, and whether the next one is bad.
    fn meet(&self, lines: &[Line<'_>]) -> Result<(Mood, usize, bool), SendError> {
        let mut state = self.world.state();
        let mood = state.receivers[self.place].mood;
        let seq = |state: &State, line: &Line<'_>| state.seqs.get(line.0).copied().unwrap_or(1);
        let looked = match mood {
            Mood::Down => Err(unavailable(mood, None)),
            Mood::Busy => Err(unavailable(mood, Some(Duration::from_secs(5)))),
            Mood::Blocked => Err(SendError::Blocked { reason: "401".into() }),
            Mood::Refuses => Err(SendError::Rejected { reason: "400".into() }),
            Mood::Poisoned if lines.iter().any(|line| seq(&state, line).is_multiple_of(5)) => {
                Err(unavailable(mood, None))
            }
            Mood::Partial => Ok(lines.len().div_ceil(2).min(lines.len() - 1)),
            _ => Ok(lines.len()),
        };
        let (takes, denies) = lines.split_at(looked.as_ref().map_or(0, |taken| *taken));
        for line in takes {
            state.take(self.place, *line);
        }
        let denied = denies.iter().map(|line| line.0.to_owned());
        state.receivers[self.place].denied.extend(denied);
        let taken = looked?;
        let bad = lines.get(taken).is_some_and(|line| seq(&state, line).is_multiple_of(3));
        Ok((mood, taken, bad))
    }

    /// The receiver has answered, and the answer arrives.
    fn confirm<'a>(&self, lines: impl IntoIterator<Item = Line<'a>>) {
        let mut state = self.world.state();
        let kills = state.kills;
        let ids = lines.into_iter().map(|(id, _)| (id.to_owned(), kills));
        state.receivers[self.place].confirmed.extend(ids);
    }
}

impl Sink for Door {
    const KIND: &'static str = "moody";
    type Settings = ();

    fn read(settings: &serde_json::Value, at: &str) -> Decoded<()> {
        written::decode(settings, at)
    }

    async fn connect((): (), _ctx: SinkContext) -> Result<Self, ConnectError> {
        Err(ConnectError::new("made by the test"))
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let payload = |events: &[Arc<Event>]| {
            let lines = events.iter().map(|event| {
                let object = &event.involved.reference;
                format!("{}\t{}/{}", id_of(event), object.namespace, object.name)
            });
            let body = lines.collect::<Vec<_>>().join("\n").into();
            Payload { events: events.len(), headers: Vec::new(), body }
        };
        Ok(events.chunks(self.batch_limit()).map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let body = std::str::from_utf8(&payload.body).unwrap();
        let lines: Vec<Line<'_>> =
            body.lines().map(|line| line.split_once('\t').unwrap()).collect();
        sleep(Duration::from_millis(40)).await;
        let (mood, taken, bad) = self.meet(&lines)?;
        // The receiver has it; whoever is killed now does not know.
        sleep(Duration::from_millis(40)).await;
        match mood {
            Mood::Lost => return Err(unavailable(mood, None)),
            Mood::Silent => return std::future::pending().await,
            Mood::Slow => sleep(Duration::from_secs(8)).await,
            _ => {}
        }
        self.confirm(lines[..taken].iter().copied());
        if taken == lines.len() {
            return Ok(());
        }
        let why = |at| (at == taken && bad).then(|| "bad".to_owned());
        Err(SendError::Partial { failed: (taken..lines.len()).map(|at| (at, why(at))).collect() })
    }

    fn batch_limit(&self) -> usize {
        LANES[self.place].2
    }
}

fn unavailable(mood: Mood, retry_after: Option<Duration>) -> SendError {
    SendError::Unavailable { reason: format!("{mood:?}"), retry_after }
}

/// What names a revision; our own events have none that is theirs alone.
pub(super) fn id_of(event: &Event) -> String {
    let metadata = &event.metadata;
    if event.origin == Origin::Tidings {
        return metadata.uid.to_string();
    }
    format!("{}/{}/{}", event.epoch, metadata.uid, metadata.resource_version)
}
