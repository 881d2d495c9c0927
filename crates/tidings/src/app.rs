//! The wiring, in the order of the start: the only place that knows every part.

mod ends;

use std::{process::ExitCode, sync::Arc, time::Duration};

use event::{Clock, Stop, SystemClock, Tasks, journal::Loaded};
use pipeline::{
    SharedWay, Way,
    collect::{
        client::{Access, Client},
        missed::damaged,
        scope::Scope,
    },
    counts::Counts,
    enrich::Enricher,
    limits::Limits,
    route::Router,
    save::{Saver, StateFolder},
    send::drained,
};
use tokio::sync::Mutex;

use crate::{
    backfill, canary, cluster,
    control::{self, Desk},
    exit::Failure,
    following::{self, Following},
    lookups::{Asked, Lookups},
    losses,
    ops::{self, Served, Sources},
    receivers::{self, Means, Receivers},
    reloading::Reloading,
    report,
    settings::Settings,
    shadow::Shadow,
    source,
    state::{self, State},
};

pub use self::ends::{Input, Output};

/// For example `tidings/0.1.0`.
pub const USER_AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));

/// How long lanes may empty themselves after a stop.
const GRACE: Duration = Duration::from_secs(20);

/// Runs until `stop` fires, or the source has ended.
pub async fn run(
    settings: Settings,
    input: Input,
    output: Output,
    served: Served,
    stop: Stop,
) -> Result<ExitCode, Failure> {
    output.shadow.iter().for_each(Shadow::tell);
    tracing::info!("tidings {}, config {}", env!("CARGO_PKG_VERSION"), settings.origin);
    match input {
        Input::Cluster { kubeconfig, context, json, patient } => {
            let user_agent = USER_AGENT.into();
            let access = Access { kubeconfig, context, user_agent, json };
            let client = Client::connect(access).await.map_err(cluster::none)?;
            run_cluster(settings, client, patient, output, served, stop).await
        }
        Input::Source { path, drain_timeout } => {
            let parts = Parts::open(&settings, output, &stop).await?;
            let Parts { way, receivers, saver, tasks, lanes_stop, clock, folder: _ours, .. } =
                parts;
            let max_age = settings.max_age_is_set.then_some(settings.max_age);
            let outcome = source::run(&path, way, &*clock, max_age, &stop).await;
            let lanes = receivers.lock().await.watches().borrow().clone();
            let left = drained(&lanes, &saver, drain_timeout).await;
            stop_lanes(&tasks, &lanes_stop, saver).await;
            source::end(outcome, &left)
        }
    }
}

async fn run_cluster(
    settings: Settings,
    client: Client,
    patient: bool,
    mut output: Output,
    served: Served,
    stop: Stop,
) -> Result<ExitCode, Failure> {
    let uid = cluster::identify(&client, patient, &stop).await?;
    let name = if settings.cluster_name.is_empty() { &*uid } else { &*settings.cluster_name };
    tracing::info!("cluster {name} at {}", client.server);
    let scopes = Scope::cover(&uid, &settings.namespaces);
    output.state.get_or_insert_with(|| state::default_path(&uid));
    let config = output.config.take();
    let parts = Parts::open(&settings, output, &stop).await?;
    following::check_permissions(&client, &scopes).await;
    let Parts { way, asked, loaded, receivers, saver, tasks, lanes_stop, clock, folder } = parts;
    let cluster = (&*uid, &settings.cluster_name, Some(settings.max_age));
    let following = Following::new(&client, &way, scopes.clone(), &loaded, cluster, &clock);
    let reloading = config.map(|config| {
        let (receivers, way) = (Arc::clone(&receivers), Arc::clone(&way));
        let obeyed = (settings.clone(), asked);
        Reloading::new(config, obeyed, receivers, way, saver.clone(), Arc::clone(&clock))
    });
    let sources = Sources {
        saver: saver.clone(),
        lanes: receivers.lock().await.watches(),
        reloads: reloading.as_ref().map(Reloading::reloads),
        scopes: following.statuses(),
        counts: way.lock().await.counts.watch(),
        client: client.clone(),
        canary: settings.canary.receivers.clone(),
        lookups: Lookups::default(),
        folder,
        legacy: served.legacy,
        stop: stop.clone(),
    };
    let lookups = sources.lookups.clone();
    if !sources.canary.is_empty() {
        let (way, scopes) = (Arc::clone(&way), sources.scopes.clone());
        let canary = (settings.clone(), client.clone(), way, scopes);
        tasks.spawn("canary", canary::run(canary, Arc::clone(&clock), lanes_stop.clone()));
    }
    tasks.spawn("report", report::all(sources.clone(), lanes_stop.clone()));
    tasks.spawn("ops", ops::serve((served.address, served.guard), sources, lanes_stop.clone()));
    let asked = (&settings, asked);
    lookups.open((&client, &scopes), asked, &clock, &tasks, &stop).await;
    if let Some(reloading) = reloading {
        tasks.spawn("reload", reloading.run(lanes_stop.clone()));
    }
    let outcome = following.behind(&lookups).run(&stop).await;
    lookups.tell();
    tracing::info!(requests = client.requests(), "collecting stopped; emptying the lanes");
    // A reload that is under way is over then, and no other begins.
    let receivers = receivers.lock().await;
    if outcome.is_ok() {
        let lanes = receivers.watches().borrow().clone();
        for left in drained(&lanes, &saver, GRACE).await {
            tracing::info!("{} events for {} stay in the journal", left.rows, left.lane);
        }
    }
    stop_lanes(&tasks, &lanes_stop, saver).await;
    outcome.map(|()| ExitCode::SUCCESS).map_err(|error| {
        Failure::failed(error).hint("nothing that was saved is lost; start again to go on")
    })
}

/// Everything between the source of events and their receivers.
struct Parts {
    way: SharedWay<Saver>,
    /// Who asks what an event is about.
    asked: Asked,
    loaded: Loaded,
    receivers: Arc<Mutex<Receivers>>,
    saver: Saver,
    tasks: Tasks,
    lanes_stop: Stop,
    clock: Arc<dyn Clock>,
    /// Held until the end, so that no second process takes it.
    folder: Option<Arc<StateFolder>>,
}

impl Parts {
    async fn open(
        settings: &Settings,
        Output { state, shadow, .. }: Output,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let state = match &shadow {
            Some(_) => state.as_deref().map(Shadow::state),
            None => state,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let state = State::open(state.as_deref(), settings, Arc::clone(&clock), stop).await?;
        tracing::info!("{}", state.describe());
        let tasks = Tasks::new(stop.clone());
        let lanes_stop = Stop::new();
        let connected = receivers::connect(settings, &clock).await?;
        let sinks = connected.iter().map(|(_, sink)| sink);
        // What is wrong with the tree was told when the config was read.
        let targets = receivers::targets(&settings.receivers, &state.lanes);
        backfill::begin((settings, &targets), &state, &clock, (&tasks, &lanes_stop));
        let (router, _) = Router::new(&settings.route, &targets);
        let asked = Asked { rules: router.needs(), receivers: receivers::needs_of(sinks) };
        let State { saver, live, loaded, folder, lanes, .. } = state;
        let means = Means {
            saver: saver.clone(),
            tasks: tasks.clone(),
            stop: lanes_stop.clone(),
            clock: Arc::clone(&clock),
            shadow,
        };
        let receivers = Receivers::start(connected, &lanes, means);
        let desk = Desk::new(saver.clone(), receivers.watches(), Arc::clone(&clock));
        control::serve(desk, folder.as_ref().map(|it| it.path()), &tasks, &lanes_stop);
        let receivers = Arc::new(Mutex::new(receivers));
        let enricher = Enricher { cluster_name: settings.cluster_name.clone() };
        let mut way = Way::new(live, enricher, router, saver.clone());
        way.limits = Limits::new(&settings.limits);
        way.canaries.send_to(canary::lanes(settings, &settings.receivers, &lanes));
        if let Some(limit) = settings.metrics.max_series {
            way.counts = Counts::new(usize::try_from(limit).unwrap_or(usize::MAX));
        }
        if let Some(salvaged) = &loaded.salvaged {
            tracing::warn!("{salvaged}");
            way.take_own(damaged(salvaged, clock.now(), &settings.cluster_name));
        }
        let way = way.shared();
        let tell = (saver.clone(), Arc::clone(&way), Arc::clone(&clock));
        tasks
            .spawn("losses", losses::tell(tell, settings.cluster_name.clone(), lanes_stop.clone()));
        Ok(Self { way, asked, loaded, receivers, saver, tasks, lanes_stop, clock, folder })
    }
}

async fn stop_lanes(tasks: &Tasks, lanes_stop: &Stop, saver: Saver) {
    lanes_stop.fire();
    tasks.ended().await;
    saver.close().await;
}
