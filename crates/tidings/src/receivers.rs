//! The receivers of the config: connected, each behind its lane; and how they change while all runs.

use std::{collections::HashMap, sync::Arc};

use event::{AnySink, Clock, SinkContext, Stop, Tasks, Text, journal};
use futures::{StreamExt, stream::FuturesUnordered};
use pipeline::{
    route::{self, RuleNeeds},
    save::Saver,
    send::{Lane, LaneStatus, LaneWatch},
};
use tokio::sync::watch;

use crate::{
    app::USER_AGENT,
    exit::Failure,
    settings::{Receiver, Settings},
    shadow::Shadow,
    term::Mandates,
};

/// A lane for each receiver.
pub(crate) struct Receivers {
    means: Means,
    running: Vec<Running>,
    watches: watch::Sender<Vec<LaneWatch>>,
}

/// What every lane needs.
pub(crate) struct Means {
    pub(crate) saver: Saver,
    pub(crate) tasks: Tasks,
    /// Ends all of them.
    pub(crate) stop: Stop,
    pub(crate) clock: Arc<dyn Clock>,
    /// Writes down what would be sent.
    pub(crate) shadow: Option<Shadow>,
    /// Until when it may send, and what another replica has sent.
    pub(crate) mandates: Mandates,
}

/// One receiver whose lane runs.
struct Running {
    receiver: Receiver,
    /// What it tells of what an event is about.
    needs: RuleNeeds,
    watch: LaneWatch,
    /// Ends this one.
    stop: Stop,
}

/// Connects every receiver.
pub(crate) async fn connect(
    settings: &Settings,
    clock: &Arc<dyn Clock>,
) -> Result<Vec<(Receiver, AnySink)>, Failure> {
    let mut connected = Vec::new();
    for receiver in &settings.receivers {
        let ctx = SinkContext {
            receiver: receiver.name.clone(),
            user_agent: USER_AGENT.into(),
            clock: Arc::clone(clock),
        };
        let sink = (receiver.kind.connect)(receiver.settings.clone(), ctx).await;
        let sink = sink.map_err(|error| {
            let at = format!("receiver `{}`", receiver.name);
            Failure::config(anyhow::Error::new(error).context(at))
        })?;
        connected.push((receiver.clone(), sink));
    }
    if connected.is_empty() {
        tracing::warn!("no receivers: events are watched and counted, and sent nowhere");
    }
    Ok(connected)
}

/// The receivers as rules call them.
pub(crate) fn targets(receivers: &[Receiver], lanes: &[journal::Lane]) -> Vec<route::Receiver> {
    let target = |(receiver, lane): (&Receiver, &journal::Lane)| route::Receiver {
        name: receiver.name.clone(),
        lane: lane.id,
        repeats: receiver.repeats,
    };
    receivers.iter().zip(lanes).map(target).collect()
}

/// What a receiver tells of what an event is about.
fn needs(sink: &AnySink) -> RuleNeeds {
    RuleNeeds {
        object: sink.needs_lookup(),
        annotations: false,
        owner_chain: sink.names(&["OwnerChain", "RootOwner"]),
        namespace_labels: sink.names(&["NamespaceLabels"]),
    }
}

/// What all of these tell of it.
pub(crate) fn needs_of<'s>(sinks: impl IntoIterator<Item = &'s AnySink>) -> RuleNeeds {
    sinks.into_iter().map(needs).fold(RuleNeeds::default(), RuleNeeds::with)
}

impl Receivers {
    /// Starts a lane for each; `lanes` are in the same order.
    pub(crate) fn start(
        connected: Vec<(Receiver, AnySink)>,
        lanes: &[journal::Lane],
        means: Means,
    ) -> Self {
        let mut receivers =
            Self { means, running: Vec::new(), watches: watch::Sender::new(Vec::new()) };
        for ((receiver, sink), lane) in connected.into_iter().zip(lanes) {
            receivers.begin(receiver, sink, lane.clone(), None);
        }
        receivers.publish();
        receivers
    }

    /// The lanes that run, whenever they change.
    pub(crate) fn watches(&self) -> watch::Receiver<Vec<LaneWatch>> {
        self.watches.subscribe()
    }

    /// What of these receivers tell of what an event is about that stay as they are.
    pub(crate) fn needs(&self, those: &[Receiver]) -> RuleNeeds {
        let stays = |it: &&Running| those.iter().any(|those| is_same(&it.receiver, those));
        self.running.iter().filter(stays).fold(RuleNeeds::default(), |sum, it| sum.with(it.needs))
    }

    /// Whether a receiver is sent to exactly so already.
    pub(crate) fn has(&self, receiver: &Receiver) -> bool {
        self.running.iter().any(|it| is_same(&it.receiver, receiver))
    }

    /// Makes these the receivers. Those that have a new sink go on, with it, where the old one ended;
    /// the others are not touched. Returns when all that is old has ended.
    pub(crate) async fn change(
        &mut self,
        receivers: &[Receiver],
        lanes: Vec<journal::Lane>,
        mut sinks: HashMap<Text, AnySink>,
    ) {
        let mut before: HashMap<Text, Running> =
            self.running.drain(..).map(|it| (it.receiver.name.clone(), it)).collect();
        let mut ending = FuturesUnordered::new();
        let saver = self.means.saver.clone();
        for (receiver, lane) in receivers.iter().zip(lanes) {
            match (before.remove(&receiver.name), sinks.remove(&receiver.name)) {
                (Some(running), None) => {
                    self.running.push(Running { receiver: receiver.clone(), ..running });
                }
                (Some(old), Some(sink)) => {
                    old.stop.fire();
                    ending.push(ended(old, Some((receiver.clone(), sink, lane)), saver.clone()));
                }
                (None, Some(sink)) => self.begin(receiver.clone(), sink, lane, None),
                (None, None) => tracing::error!("receiver {} has no sink", receiver.name),
            }
        }
        for (_, old) in before {
            old.stop.fire();
            ending.push(ended(old, None, saver.clone()));
        }
        self.publish();
        while let Some(next) = ending.next().await {
            if let Some(((receiver, sink, lane), before)) = next {
                self.begin(receiver, sink, lane, Some(&before));
            }
        }
        let place = |name: &Text| receivers.iter().position(|it| it.name == *name);
        self.running.sort_by_key(|it| place(&it.receiver.name));
        self.publish();
    }

    /// Starts the lane of a receiver, after another one that had ended so.
    fn begin(
        &mut self,
        receiver: Receiver,
        mut sink: AnySink,
        lane: journal::Lane,
        before: Option<&LaneStatus>,
    ) {
        let needs = needs(&sink);
        if receiver.sending.wants_batches() && sink.batch_limit() == 1 {
            let name = &receiver.name;
            tracing::warn!("receiver {name} takes one event a request, whatever its `batch` says");
        }
        if let Some(shadow) = &self.means.shadow {
            sink = shadow.of(receiver.name.clone(), sink);
        }
        let waiting = lane.tally.waiting();
        tracing::info!(waiting, "receiver {} ({}) ok", receiver.name, receiver.kind.name);
        let Means { saver, tasks, stop, clock, .. } = &self.means;
        let settings = receiver.sending.lane(receiver.kind);
        let mandate = self.means.mandates.of(&receiver.name);
        let lane = Lane::new(lane, sink, saver.clone(), settings, Arc::clone(clock));
        let mut lane = lane.under(mandate);
        if let Some(before) = before {
            lane = lane.after(before);
        }
        let (watch, stop) = (lane.watch(), stop.child());
        tasks.spawn("lane", lane.run(stop.clone()));
        self.running.push(Running { receiver, needs, watch, stop });
    }

    fn publish(&self) {
        self.watches.send_replace(self.running.iter().map(|it| it.watch.clone()).collect());
    }
}

/// Another sink for the same lane.
type Next = (Receiver, AnySink, journal::Lane);

/// Waits until a lane has ended; then the next sink goes on there. How far it came, the journal may not know yet;
/// whether it is paused, the journal knows first.
async fn ended(old: Running, next: Option<Next>, saver: Saver) -> Option<(Next, LaneStatus)> {
    let status = old.watch.ended().await;
    let (receiver, sink, mut lane) = next?;
    (lane.cursor, lane.done_above) = (status.cursor, status.done_above.clone());
    let ledger = saver.ledger().await.unwrap_or_default();
    let known = ledger.lanes.iter().find(|(it, _)| it.id == lane.id);
    lane.paused = known.map_or(status.paused, |(it, _)| it.paused);
    lane.not_shown = known.and_then(|(it, _)| it.not_shown.clone());
    Some(((receiver, sink, lane), status))
}

/// Whether the same sink and the same lane serve both.
fn is_same(one: &Receiver, other: &Receiver) -> bool {
    one.name == other.name
        && one.kind.name == other.kind.name
        && one.settings == other.settings
        && one.sending == other.sending
}
