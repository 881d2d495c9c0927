//! The wiring, in the order of the start: the only place that knows every part.

mod ends;

use std::{process::ExitCode, sync::Arc};

use event::{Stop, Tasks};
use pipeline::{
    collect::{
        client::{Access, Client},
        scope::Scope,
    },
    send::drained,
};
use tokio::sync::Mutex;

use crate::{
    canary, cluster,
    exit::Failure,
    following::{self, Following},
    leading,
    lookups::Lookups,
    ops::{self, Board, Served, Sources},
    parts::Parts,
    reloading::{Config, Reloading},
    report,
    settings::Settings,
    shadow::Shadow,
    source, state,
    term::Term,
};

pub use self::ends::{Input, Output};

/// For example `tidings/0.1.0`.
pub const USER_AGENT: &str = concat!("tidings/", env!("CARGO_PKG_VERSION"));

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
            let term = Term::alone(&stop);
            let output = (&output, output.shadow.clone());
            let parts = Parts::open(&settings, output, (&[], &Scope::default()), &term).await?;
            let max_age = settings.max_age_is_set.then_some(settings.max_age);
            let (way, clock) = (Arc::clone(&parts.way), Arc::clone(&parts.clock));
            let outcome = source::run(&path, way, &*clock, max_age, &stop).await;
            let lanes = parts.receivers.lock().await.watches().borrow().clone();
            let left = drained(&lanes, &parts.saver, drain_timeout).await;
            parts.close(&term).await;
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
    following::check_permissions(&client, &scopes).await;
    let (board, shown) = Board::new();
    let (all, election) = (Scope::all(&uid), settings.leader_election.clone());
    let obeyed = Arc::new(Mutex::new((settings, output.config.take())));
    let run = Run { obeyed, client, scopes, all, output, board, legacy: served.legacy };
    let (tasks, ops_stop) = (Tasks::new(stop.clone()), Stop::new());
    tasks.spawn("ops", ops::serve((served.address, served.guard), shown, ops_stop.clone()));
    let outcome = if election.enabled {
        leading::elected(&run, &election, &stop).await
    } else {
        run.term(&Term::alone(&stop)).await
    };
    ops_stop.fire();
    tasks.ended().await;
    outcome.map(|()| ExitCode::SUCCESS)
}

/// Following one cluster: what stays the same from term to term.
pub(crate) struct Run {
    /// What is obeyed, and where it comes from; a term borrows the latter.
    obeyed: Arc<Mutex<(Settings, Option<Config>)>>,
    pub(crate) client: Client,
    scopes: Vec<Scope>,
    /// All namespaces, whatever `scopes` are.
    all: Scope,
    output: Output,
    pub(crate) board: Board,
    /// See [`Served::legacy`].
    legacy: Option<String>,
}

impl Run {
    /// Collects and sends until the term is over.
    pub(crate) async fn term(&self, term: &Term) -> Result<(), Failure> {
        let Self { obeyed, client, scopes, all, output, board, legacy } = self;
        let (settings, config) = {
            let mut obeyed = obeyed.lock().await;
            (obeyed.0.clone(), obeyed.1.take())
        };
        let to = (output, output.shadow.clone());
        let parts = Parts::open(&settings, to, (scopes, all), term).await?;
        let Parts { way, receivers, saver, tasks, lanes_stop, clock, .. } = &parts;
        let cluster = (&settings.cluster_name, Some(settings.max_age));
        let following = Following::new(client, way, scopes.clone(), &parts.resume, cluster, clock);
        let reloading = config.map(|config| {
            let (receivers, way) = (Arc::clone(receivers), Arc::clone(way));
            let obeyed = (settings.clone(), parts.asked);
            Reloading::new(config, obeyed, receivers, way, saver.clone(), Arc::clone(clock))
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
            folder: parts.folder.clone(),
            legacy: legacy.clone(),
            elected: settings.leader_election.enabled,
            stop: term.stop.clone(),
        };
        let lookups = sources.lookups.clone();
        board.leads(sources.clone());
        if !sources.canary.is_empty() {
            let canary =
                (settings.clone(), client.clone(), Arc::clone(way), sources.scopes.clone());
            tasks.spawn("canary", canary::run(canary, Arc::clone(clock), lanes_stop.clone()));
        }
        tasks.spawn("report", report::all(sources, lanes_stop.clone()));
        let asked = (&settings, parts.asked);
        lookups.open((client, scopes), asked, clock, tasks, &term.stop).await;
        if let Some(reloading) = reloading {
            tasks.spawn("reload", reloading.run(lanes_stop.clone(), Arc::clone(obeyed)));
        }
        let outcome = following.behind(&lookups).run(&term.stop).await;
        lookups.tell();
        tracing::info!(requests = client.requests(), "collecting stopped; emptying the lanes");
        // A reload that is under way is over then, and no other begins.
        let running = receivers.lock().await;
        if outcome.is_ok() && !term.is_lost() {
            let lanes = running.watches().borrow().clone();
            for left in drained(&lanes, saver, term.grace()).await {
                tracing::info!("{} events for {} stay in the journal", left.rows, left.lane);
            }
        }
        lanes_stop.fire();
        drop(running);
        parts.close(term).await;
        outcome.map_err(|error| {
            Failure::failed(error).hint("nothing that was saved is lost; start again to go on")
        })
    }
}
