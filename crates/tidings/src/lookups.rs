//! What is looked up of the objects that events are about: only what something asks for.

use std::{
    sync::{Arc, OnceLock},
    time::Duration,
};

use event::{Clock, Stop, Tasks, Text};
use pipeline::{
    collect::{client::Client, scope::Scope},
    enrich::{
        gate::{Gate, WAIT},
        knowledge::{Knowledge, Needs},
        lookup::{self, Rate},
        watches,
    },
    route::RuleNeeds,
};

use crate::settings::Settings;

/// How long the first events wait until it is known what objects there are.
const SYNC: Duration = Duration::from_secs(60);

/// Who asks what events are about.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Asked {
    /// What rules ask.
    pub(crate) rules: RuleNeeds,
    /// What receivers tell of it.
    pub(crate) receivers: RuleNeeds,
}

/// What is known of objects; nothing before it is opened, or when nothing asks for it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lookups(Arc<OnceLock<Arc<Knowledge>>>);

impl Lookups {
    /// Starts the watches that are needed, and waits until they have shown what there is.
    pub(crate) async fn open(
        &self,
        (client, scopes): (&Client, &[Scope]),
        (settings, asked): (&Settings, Asked),
        clock: &Arc<dyn Clock>,
        tasks: &Tasks,
        stop: &Stop,
    ) {
        let Asked { rules, receivers } = asked;
        if settings.omit_lookup && rules.any() {
            tracing::warn!(
                "rules on labels, annotations, owners and namespaces' labels match nothing: `omitLookup` is true"
            );
        }
        if settings.omit_lookup || !(rules.any() || receivers.any()) {
            return;
        }
        let rate = Rate {
            per_second: f64::from(settings.kube_qps),
            burst: u32::try_from(settings.kube_burst).unwrap_or(1),
        };
        let needs = Needs {
            annotations: true,
            owner_chain: rules.owner_chain || receivers.owner_chain,
            namespace_labels: rules.namespace_labels || receivers.namespace_labels,
        };
        let namespaces: Vec<Text> =
            scopes.iter().filter_map(|scope| scope.namespace.clone()).collect();
        let room = (settings.cache_size, rate.within(WAIT));
        let (knowledge, asks) = Knowledge::new(needs, namespaces.clone(), room, Arc::clone(clock));
        let client = client.kube();
        let knowledge = self.0.get_or_init(|| knowledge);
        watches::start(&client, knowledge, &namespaces, tasks, stop);
        let answers = lookup::answer(client, Arc::clone(knowledge), asks, rate, stop.clone());
        tasks.spawn("lookups", answers);
        let all = tokio::select! {
            () = stop.fired() => true,
            all = watches::synced(knowledge, SYNC) => all,
        };
        if !all {
            tracing::warn!(
                "not all objects are known after {} s; events whose object is not known in time are sent without labels",
                SYNC.as_secs()
            );
        }
        let objects: usize = knowledge.objects().iter().sum();
        tracing::info!(objects, "labels and owners are known by watching metadata");
    }

    /// What is known, if anything is.
    pub(crate) fn knowledge(&self) -> Option<&Arc<Knowledge>> {
        self.0.get()
    }

    /// Says at the end what it took.
    pub(crate) fn tell(&self) {
        if let Some(knowledge) = self.knowledge() {
            let stats = &knowledge.stats;
            tracing::info!(
                asked = stats.asked.get() + stats.discoveries.get(),
                waited = stats.held_total.get(),
                incomplete = stats.incomplete.get(),
                "labels and owners of {} events were looked up",
                stats.hits.get() + stats.incomplete.get()
            );
        }
    }

    /// Where one collector's events wait for their objects.
    pub(crate) fn gate(&self) -> Gate {
        self.knowledge().map_or_else(Gate::default, |knowledge| Gate::new(Arc::clone(knowledge)))
    }
}
