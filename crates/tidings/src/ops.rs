//! What operators and machines look at: metrics, health, readiness. The only routes of this crate.

mod board;

mod enrichment;

mod families;

mod guard;

mod health;

mod legacy;

mod metrics;

mod reloaded;

mod server;

use std::sync::Arc;

use event::{Stop, Text};
use pipeline::{
    collect::{Status, client::Client},
    counts::CountsWatch,
    save::{Saver, StateFolder},
    send::LaneWatch,
};
use tokio::sync::watch;

use crate::{
    check::texts, cli::metrics::MetricsArgs, exit::Failure, lookups::Lookups, reloading::Reloads,
    settings::Settings,
};

pub(crate) use self::board::Board;
use self::guard::Guard;
pub use self::server::Address;
pub(crate) use self::server::serve;

/// Everything that is looked at.
#[derive(Debug, Clone)]
pub(crate) struct Sources {
    pub(crate) saver: Saver,
    pub(crate) lanes: watch::Receiver<Vec<LaneWatch>>,
    /// How reading the config again goes, if it is read again.
    pub(crate) reloads: Option<Reloads>,
    /// Of each scope that is followed: its namespace, empty for all, and what its collector does.
    pub(crate) scopes: Vec<(Text, watch::Receiver<Status>)>,
    pub(crate) counts: CountsWatch,
    pub(crate) client: Client,
    /// The receivers through which canaries are to come back.
    pub(crate) canary: Vec<Text>,
    /// What is known of objects.
    pub(crate) lookups: Lookups,
    /// Where the state is; in memory when nowhere.
    pub(crate) folder: Option<Arc<StateFolder>>,
    /// See [`Served::legacy`].
    pub(crate) legacy: Option<String>,
    /// Others wait to take over.
    pub(crate) elected: bool,
    /// Fires when the process is asked to stop: not ready from then on.
    pub(crate) stop: Stop,
}

impl Sources {
    /// The lanes that run now.
    pub(crate) fn lanes(&self) -> Vec<LaneWatch> {
        self.lanes.borrow().clone()
    }
}

/// What is served, and where.
#[derive(Debug)]
pub struct Served {
    /// Where.
    pub(crate) address: Address,
    /// To whom, and how; to everybody without it.
    pub(crate) guard: Option<Guard>,
    /// What the names of kubernetes-event-exporter's metrics begin with, where they are served too.
    pub(crate) legacy: Option<String>,
}

/// The word in `metrics.legacy` for the names of kubernetes-event-exporter.
const LEGACY: &str = "kubernetes-event-exporter";

impl Served {
    /// What the command line asks for, else the config, else what is `usual`. Without the web config
    /// that is asked for nothing starts: what should be protected must not be served to everybody.
    pub(crate) fn of(
        settings: &Settings,
        asked: MetricsArgs,
        usual: Address,
    ) -> Result<Self, Failure> {
        let MetricsArgs { metrics_address: asked, metrics_tls_config: web_config } = asked;
        let written = settings.metrics.address.as_deref().map(str::parse::<Address>);
        let address = asked.unwrap_or_else(|| match written {
            None => usual,
            Some(Ok(address)) => address,
            Some(Err(what)) => {
                tracing::warn!("metrics and health are not served: metrics.address: {what}");
                Address::OFF
            }
        });
        let prefix = &settings.metrics_name_prefix;
        let wanted = !prefix.is_empty() || settings.metrics.legacy.iter().any(|it| it == LEGACY);
        for other in settings.metrics.legacy.iter().filter(|it| *it != LEGACY) {
            tracing::warn!("metrics.legacy: `{other}` is not known; `{LEGACY}` is");
        }
        let guard = web_config.map(|path| {
            Guard::open(&path).map_err(|findings| {
                let (name, text) = (path.display(), texts(&findings));
                let text = text.trim_end();
                Failure::config(anyhow::anyhow!("the web config {name} is wrong\n{text}"))
            })
        });
        let legacy = wanted.then(|| prefix.clone());
        Ok(Self { address, guard: guard.transpose()?, legacy })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn served(yaml: &str, asked: Option<&str>) -> Served {
        let settings = Settings::parse(yaml, "config.yaml").unwrap();
        let metrics_address = asked.map(|address| address.parse().unwrap());
        let asked = MetricsArgs { metrics_address, metrics_tls_config: None };
        Served::of(&settings, asked, Address::usual()).unwrap()
    }

    #[test]
    fn the_command_line_wins_over_the_config_and_the_config_over_what_is_usual() {
        let config = "metrics: {address: '127.0.0.1:9'}";
        let address = |text: &str| text.parse::<Address>().unwrap();
        assert_eq!(served("", None).address, Address::usual());
        assert_eq!(served(config, None).address, address("127.0.0.1:9"));
        assert_eq!(served(config, Some(":8")).address, address(":8"));
        assert_eq!(served("metrics: {address: here}", None).address, Address::OFF);
    }

    #[test]
    fn old_names_are_served_with_their_prefix_or_when_they_are_asked_for() {
        assert_eq!(served("", None).legacy, None);
        assert_eq!(served("metricsNamePrefix: old_", None).legacy.as_deref(), Some("old_"));
        let asked = "metrics: {legacy: [kubernetes-event-exporter]}";
        assert_eq!(served(asked, None).legacy.as_deref(), Some(""));
    }
}
