//! The collectors of a cluster: one for each scope that is followed, all into one way.

use std::sync::Arc;

use event::{Clock, Stop, Text};
use futures::future::try_join_all;
use pipeline::{
    SharedWay,
    collect::{CollectError, Collector, Settings, Status, client::Client, scope::Scope},
    lease::{Resume, Start},
    save::Saver,
};
use tokio::sync::watch;
use tracing::Instrument;

use crate::lookups::Lookups;

/// Everything that follows one cluster.
pub(crate) struct Following(Vec<(Scope, Collector<Client, Saver>)>);

impl Following {
    /// A collector for each of `scopes`, each from where it is to go on.
    pub(crate) fn new(
        client: &Client,
        way: &SharedWay<Saver>,
        scopes: Vec<Scope>,
        resume: &Resume,
        cluster: (&Text, Option<u32>),
        clock: &Arc<dyn Clock>,
    ) -> Self {
        let (cluster_name, max_age) = cluster;
        let seeds = clock.now().as_microsecond().unsigned_abs()..;
        let collectors = scopes.into_iter().zip(seeds).enumerate();
        let collectors = collectors.map(|(at, (scope, seed))| {
            let client = client.within(scope.namespace.as_deref());
            let settings = Settings { max_age, cluster_name: cluster_name.clone(), seed };
            let (way, clock) = (Arc::clone(way), Arc::clone(clock));
            let begin = |own| Collector::new(client, way, scope.clone(), own, settings, clock);
            let collector = match resume.start(at) {
                Start::Own(own) => begin(own),
                Start::Taken(from) => begin(None).taking_over(from),
            };
            (scope, collector)
        });
        Self(collectors.collect())
    }

    /// The same, with events that wait until it is known what they are about.
    pub(crate) fn behind(self, lookups: &Lookups) -> Self {
        let behind =
            |(scope, collector): (_, Collector<_, _>)| (scope, collector.behind(lookups.gate()));
        Self(self.0.into_iter().map(behind).collect())
    }

    /// Of each scope its namespace, empty for all, and what its collector is doing.
    pub(crate) fn statuses(&self) -> Vec<(Text, watch::Receiver<Status>)> {
        let namespace = |scope: &Scope| scope.namespace.clone().unwrap_or_default();
        self.0.iter().map(|(scope, it)| (namespace(scope), it.status())).collect()
    }

    /// Follows until `stop` fires, or one of them cannot save.
    pub(crate) async fn run(self, stop: &Stop) -> Result<(), CollectError> {
        let several = self.0.len() > 1;
        let runs = self.0.into_iter().map(|(scope, collector)| {
            let span = match &scope.namespace {
                Some(namespace) if several => tracing::info_span!("collect", %namespace),
                _ => tracing::Span::none(),
            };
            collector.run(stop.clone()).instrument(span)
        });
        try_join_all(runs).await.map(drop)
    }
}

/// Warns of each namespace, or of the whole cluster, in which this user may not list or watch Events.
pub(crate) async fn check_permissions(client: &Client, scopes: &[Scope]) {
    for scope in scopes {
        let missing = client.missing_permissions(scope.namespace.as_deref()).await;
        if !missing.is_empty() {
            let place = scope.namespace.as_deref().unwrap_or("all namespaces");
            let missing = missing.join(", ");
            tracing::warn!(
                "permissions missing: {missing} on events in {place}; nothing will come"
            );
        }
    }
}
