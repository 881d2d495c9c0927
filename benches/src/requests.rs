//! How often the API server is asked, for so many events an hour.
//!
//! Client and playground talk over a socket; the time between is not waited for but skipped, as in
//! tests: timeouts, bookmarks and the end of watches come when they would.

use std::{sync::Arc, time::Duration};

use event::{Clock, Stop, Tasks, Text};
use jiff::{SignedDuration, Timestamp};
use pipeline::{
    Way,
    collect::{
        self, Collector,
        client::{Access, Client},
        scope::Scope,
    },
    enrich::Enricher,
    route::{RouteSettings, Router},
    save::{MemoryJournal, Saver, SaverSettings, live::Live},
};
use playground::{
    Options, Playground,
    flood::{Flood, FloodOptions},
    random::Random,
};
use tokio::time::Instant;

use crate::process::tell;

/// The clock of the skipped time.
#[derive(Debug)]
struct SkippingClock(Instant, Timestamp);

impl Clock for SkippingClock {
    fn now(&self) -> Timestamp {
        let passed = SignedDuration::try_from(self.0.elapsed()).unwrap_or_default();
        self.1 + passed
    }
}

/// Tells how many requests there were in so many `minutes` with `per_hour` events an hour, which come
/// independently of each other.
pub fn measure(per_hour: u64, minutes: u64) -> anyhow::Result<()> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build()?;
    runtime.block_on(follow(per_hour, Duration::from_secs(minutes * 60)))
}

#[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
async fn follow(per_hour: u64, time: Duration) -> anyhow::Result<()> {
    let clock: Arc<dyn Clock> = Arc::new(SkippingClock(Instant::now(), Timestamp::now()));
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let options = Options { clock: Arc::clone(&clock), ..Options::default() };
    let playground = Playground::start(options, &tasks, stop.clone()).await?;
    let folder = tempfile::tempdir()?;
    let kubeconfig = folder.path().join("kubeconfig.yaml");
    std::fs::write(&kubeconfig, playground.kubeconfig())?;
    let access = Access { kubeconfig: Some(kubeconfig), ..Access::default() };
    let client = Client::connect(access).await?;
    // What the program asks when it starts.
    client.cluster_uid().await?;
    client.missing_permissions(None).await;

    let journal = Box::new(MemoryJournal::volatile());
    let (saver, _) = Saver::open(journal, &[], Arc::clone(&clock), SaverSettings::default())?;
    let (router, _) = Router::new(&RouteSettings::default(), &[]);
    let way = Way::new(Live::new(), Enricher::default(), router, saver.clone()).shared();
    let settings = collect::Settings { max_age: None, cluster_name: Text::default(), seed: 1 };
    let collector = Collector::new(
        client.clone(),
        way,
        Scope::all("bench"),
        None,
        settings,
        Arc::clone(&clock),
    );
    let stopping = stop.clone();
    tasks.spawn("collect", async move {
        collector.run(stopping).await.expect("nothing fails here");
    });

    let mut flood = Flood::new(FloodOptions::default());
    let mut random = Random::new(3);
    let begun = Instant::now();
    while begun.elapsed() < time {
        let wait = random.wait(per_hour as f64 / 3600.0);
        tokio::time::sleep(Duration::from_secs_f64(wait)).await;
        playground.storage().write(|store| flood.write(store, 1, clock.now()));
    }
    let counts = playground.stats().counts();
    tell("events", flood.written() as f64);
    tell("requests", client.requests() as f64);
    tell("seen_by_server", counts.total() as f64);
    tell("delivered", counts.watch_messages as f64);
    for (kind, number) in &counts.requests {
        tell(&kind.replace(' ', "_"), *number as f64);
    }
    stop.fire();
    tasks.ended().await;
    saver.close().await;
    Ok(())
}
