//! A config without its cluster: the settings, the tree and the receivers of a run, for events that come
//! from a file.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use event::{
    AnySink, Clock, Event, LaneId, SinkContext, Text,
    counting::Arrival,
    journal::{Commit, Committed, JournalError, Row},
};
use pipeline::{
    Save, Way,
    collect::judge::{Judged, judge},
    enrich::Enricher,
    route::{self, Known, Router},
    save::live::Live,
};

use crate::{
    app::USER_AGENT,
    check,
    exit::Failure,
    settings::{Receiver, Settings},
};

/// A config, and what was seen of the events so far.
pub(crate) struct Offline {
    pub(crate) settings: Settings,
    pub(crate) router: Router,
    enricher: Enricher,
    live: Live,
    arrivals: u64,
}

impl Offline {
    /// Reads the config at `path`.
    pub(crate) fn load(path: &Path) -> Result<Self, Failure> {
        check::accepted(path, false).map(Self::new)
    }

    /// Obeys these settings.
    pub(crate) fn new(settings: Settings) -> Self {
        let enricher = Enricher { cluster_name: settings.cluster_name.clone() };
        let router = router(&settings);
        Self { settings, router, enricher, live: Live::new(), arrivals: 0 }
    }

    /// The event as a run that has seen the same events before it would route and send it.
    pub(crate) fn arrive(&mut self, event: Event) -> Event {
        let event = self.without_lookups(event);
        let Judged { mut event, change, .. } = judge(&self.live, Box::new(event), Arrival::Live, 0);
        if let Some(change) = change {
            self.live.apply(&change, &event::LaneSet::new());
        }
        self.arrivals += 1;
        event.arrival = if event.revision().is_some() { 0 } else { self.arrivals };
        self.enricher.enrich(&mut event);
        *event
    }

    /// The event as this config lets it be known.
    pub(crate) fn without_lookups(&self, mut event: Event) -> Event {
        if self.settings.omit_lookup {
            let reference = std::mem::take(&mut event.involved.reference);
            event.involved = event::Involved { reference, ..event::Involved::default() };
        }
        event
    }

    /// What is known around the event: without lookups, that nothing ever will be.
    pub(crate) fn known(&self, event: &Event) -> Known {
        if self.settings.omit_lookup { Known::ALL } else { Known::of(event) }
    }

    /// The name of the receiver on this lane.
    pub(crate) fn name(&self, lane: LaneId) -> &Text {
        &self.settings.receivers[usize::from(lane.0)].name
    }

    /// The receiver of this name.
    pub(crate) fn receiver(&self, name: &str) -> Result<&Receiver, Failure> {
        // Of two with one name the later one counts.
        let found = self.settings.receivers.iter().rfind(|receiver| receiver.name == name);
        found.ok_or_else(|| {
            let known: Vec<_> =
                self.settings.receivers.iter().map(|it| format!("`{}`", it.name)).collect();
            let hint = match known.len() {
                0 => "the config has no receivers".into(),
                _ => format!("the receivers are {}", known.join(", ")),
            };
            Failure::usage(anyhow::anyhow!("there is no receiver `{name}` in the config"))
                .hint(hint)
        })
    }
}

/// Events on the way of a run, up to the decision that it would save.
pub(crate) struct Replay {
    way: Way<Kept>,
    rows: Kept,
    offline: Offline,
}

/// Keeps rows in memory instead of a journal.
#[derive(Debug, Clone, Default)]
struct Kept(Arc<Mutex<Vec<Row>>>);

impl Save for Kept {
    async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend(commit.rows);
        Ok(Committed::default())
    }
}

impl Replay {
    pub(crate) fn new(offline: Offline) -> Self {
        let (rows, enricher) = (Kept::default(), offline.enricher.clone());
        let way = Way::new(Live::new(), enricher, router(&offline.settings), rows.clone());
        Self { way, rows, offline }
    }

    /// The next event.
    pub(crate) fn take(&mut self, event: Event) {
        let event = self.offline.without_lookups(event);
        let judged = judge(&self.way.live, Box::new(event), Arrival::Live, 0);
        self.way.take(judged, 0, None);
    }

    /// What this receiver gets of all of them, in order.
    pub(crate) async fn sent_to(mut self, receiver: &str) -> Result<Vec<Arc<Event>>, Failure> {
        self.way.save(None).await.map_err(Failure::failed)?;
        let rows = self.rows.0.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_there = |row: &&Row| row.lanes.iter().any(|it| *self.offline.name(it) == receiver);
        Ok(rows.iter().filter(goes_there).filter_map(|row| row.event.clone()).collect())
    }
}

/// The tree, with the receivers on the lanes 0, 1, 2 …
pub(crate) fn router(settings: &Settings) -> Router {
    let receivers: Vec<_> = (0..)
        .map(LaneId)
        .zip(&settings.receivers)
        .map(|(lane, it)| route::Receiver { name: it.name.clone(), lane, repeats: it.repeats })
        .collect();
    // What is wrong with the tree is told by `check`.
    Router::new(&settings.route, &receivers).0
}

/// Prepares a receiver; it is sent nothing.
pub(crate) async fn connect(
    receiver: &Receiver,
    clock: Arc<dyn Clock>,
) -> Result<AnySink, Failure> {
    let ctx = SinkContext { receiver: receiver.name.clone(), user_agent: USER_AGENT.into(), clock };
    (receiver.kind.connect)(receiver.settings.clone(), ctx).await.map_err(|error| {
        let at = format!("receiver `{}`", receiver.name);
        Failure::config(anyhow::Error::new(error).context(at))
    })
}
