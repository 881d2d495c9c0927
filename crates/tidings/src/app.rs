//! The wiring, in the order of the start: the only place that knows every part.

use std::{path::PathBuf, process::ExitCode, sync::Arc, time::Duration};

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
    route::{Receiver, Router},
    save::{Saver, StateFolder},
    send::{LaneWatch, drained},
};

use crate::{
    cluster,
    control::{self, Desk},
    exit::Failure,
    following::{self, Following},
    lookups::{Asked, Lookups},
    losses,
    ops::{self, Served, Sources},
    receivers, report,
    settings::Settings,
    shadow::Shadow,
    source,
    state::{self, State},
};

/// For example `tidings/0.1.0`.
pub const USER_AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));

/// How long lanes may empty themselves after a stop.
const GRACE: Duration = Duration::from_secs(20);

/// Where events come from.
#[derive(Debug)]
pub enum Input {
    /// An API server.
    Cluster {
        /// See [`Access::kubeconfig`].
        kubeconfig: Option<PathBuf>,
        /// See [`Access::context`].
        context: Option<String>,
        /// Ask for JSON only.
        json: bool,
        /// Wait for a cluster that does not answer.
        patient: bool,
    },
    /// A file, or standard input as `-`.
    Source {
        /// The file.
        path: PathBuf,
        /// How long everything may take to be sent after the input has ended.
        drain_timeout: Duration,
    },
}

/// Where a run leaves what it knows, and what it would send.
#[derive(Debug)]
pub struct Output {
    /// The folder of the journal.
    pub state: Option<PathBuf>,
    /// Nothing is sent; it is written here instead.
    pub shadow: Option<Shadow>,
}

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
            let Parts { way, lanes, saver, tasks, lanes_stop, clock, folder: _ours, .. } = parts;
            let max_age = settings.max_age_is_set.then_some(settings.max_age);
            let outcome = source::run(&path, way, &*clock, max_age, &stop).await;
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
    let parts = Parts::open(&settings, output, &stop).await?;
    following::check_permissions(&client, &scopes).await;
    let Parts { way, asked, loaded, lanes, saver, tasks, lanes_stop, clock, folder } = parts;
    let cluster = (&*uid, &settings.cluster_name, Some(settings.max_age));
    let following = Following::new(&client, &way, scopes.clone(), &loaded, cluster, &clock);
    let sources = Sources {
        saver: saver.clone(),
        lanes: lanes.clone(),
        scopes: following.statuses(),
        counts: way.lock().await.counts.watch(),
        client: client.clone(),
        lookups: Lookups::default(),
        folder,
        legacy: served.legacy,
        stop: stop.clone(),
    };
    let lookups = sources.lookups.clone();
    tasks.spawn("report", report::all(sources.clone(), lanes_stop.clone()));
    tasks.spawn("ops", ops::serve((served.address, served.guard), sources, lanes_stop.clone()));
    let asked = (&settings, asked);
    lookups.open((&client, &scopes), asked, &clock, &tasks, &stop).await;
    let outcome = following.behind(&lookups).run(&stop).await;
    lookups.tell();
    tracing::info!(requests = client.requests(), "collecting stopped; emptying the lanes");
    if outcome.is_ok() {
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
    lanes: Vec<LaneWatch>,
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
        Output { state, shadow }: Output,
        stop: &Stop,
    ) -> Result<Self, Failure> {
        let state = match &shadow {
            Some(_) => state.as_deref().map(Shadow::state),
            None => state,
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let state = State::open(state.as_deref(), settings, Arc::clone(&clock), stop).await?;
        tracing::info!("{}", state.describe());
        let receivers: Vec<Receiver> = settings
            .receivers
            .iter()
            .zip(&state.lanes)
            .map(|(it, lane)| Receiver {
                name: it.name.clone(),
                lane: lane.id,
                repeats: it.repeats,
            })
            .collect();
        // What is wrong with the tree was told when the config was read.
        let (router, _) = Router::new(&settings.route, &receivers);
        let tasks = Tasks::new(stop.clone());
        let lanes_stop = Stop::new();
        let (lanes, receivers) =
            receivers::connect((settings, shadow), &state, &tasks, &lanes_stop, &clock).await?;
        let asked = Asked { rules: router.needs(), receivers };
        let desk = Desk::new(state.saver.clone(), lanes.clone(), Arc::clone(&clock));
        control::serve(desk, state.folder.as_ref().map(|it| it.path()), &tasks, &lanes_stop);
        let enricher = Enricher { cluster_name: settings.cluster_name.clone() };
        let State { saver, live, loaded, folder, .. } = state;
        let mut way = Way::new(live, enricher, router, saver.clone());
        way.limits = Limits::new(&settings.limits);
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
        Ok(Self { way, asked, loaded, lanes, saver, tasks, lanes_stop, clock, folder })
    }
}

async fn stop_lanes(tasks: &Tasks, lanes_stop: &Stop, saver: Saver) {
    lanes_stop.fire();
    tasks.ended().await;
    saver.close().await;
}
