//! The receivers of the config: connected, each behind its lane.

use std::sync::Arc;

use event::{Clock, SinkContext, Stop, Tasks};
use pipeline::{
    route::RuleNeeds,
    send::{Lane, LaneWatch},
};

use crate::{app::USER_AGENT, exit::Failure, settings::Settings, shadow::Shadow, state::State};

/// Connects every receiver, or its shadow, and starts its lane; says what they tell of what an event is about.
pub(crate) async fn connect(
    (settings, shadow): (&Settings, Option<Shadow>),
    state: &State,
    tasks: &Tasks,
    stop: &Stop,
    clock: &Arc<dyn Clock>,
) -> Result<(Vec<LaneWatch>, RuleNeeds), Failure> {
    let (mut watches, mut needs) = (Vec::new(), RuleNeeds::default());
    for (receiver, saved) in settings.receivers.iter().zip(&state.lanes) {
        let ctx = SinkContext {
            receiver: receiver.name.clone(),
            user_agent: USER_AGENT.into(),
            clock: Arc::clone(clock),
        };
        let mut sink =
            (receiver.kind.connect)(receiver.settings.clone(), ctx).await.map_err(|error| {
                let at = format!("receiver `{}`", receiver.name);
                Failure::config(anyhow::Error::new(error).context(at))
            })?;
        needs.object |= sink.needs_lookup();
        needs.owner_chain |= sink.names(&["OwnerChain", "RootOwner"]);
        needs.namespace_labels |= sink.names(&["NamespaceLabels"]);
        if receiver.sending.wants_batches() && sink.batch_limit() == 1 {
            let name = &receiver.name;
            tracing::warn!("receiver {name} takes one event a request, whatever its `batch` says");
        }
        if let Some(shadow) = &shadow {
            sink = shadow.of(receiver.name.clone(), sink);
        }
        let waiting = saved.tally.waiting();
        tracing::info!(waiting, "receiver {} ({}) ok", receiver.name, receiver.kind.name);
        let lane = receiver.sending.lane();
        let lane = Lane::new(saved.clone(), sink, state.saver.clone(), lane, Arc::clone(clock));
        watches.push(lane.watch());
        tasks.spawn("lane", lane.run(stop.clone()));
    }
    if watches.is_empty() {
        tracing::warn!("no receivers: events are watched and counted, and sent nowhere");
    }
    Ok((watches, needs))
}
