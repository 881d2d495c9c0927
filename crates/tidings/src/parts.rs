//! Everything between the source of events and their receivers.

use std::sync::Arc;

use event::{Clock, Stop, SystemClock, Tasks};
use pipeline::{
    SharedWay, Way,
    collect::{missed::damaged, scope::Scope},
    counts::Counts,
    enrich::Enricher,
    lease::{Account, Claims, Resume},
    limits::Limits,
    route::Router,
    save::{Saver, StateFolder},
};
use tokio::sync::Mutex;

use crate::{
    app::Output,
    backfill, canary,
    control::{self, Desk},
    exit::Failure,
    lookups::Asked,
    losses,
    receivers::{self, Means, Receivers},
    settings::Settings,
    shadow::Shadow,
    state::State,
    term::{Mandates, Standby, Term},
};

/// See the module.
pub(crate) struct Parts {
    pub(crate) way: SharedWay<Saver>,
    /// Who asks what an event is about.
    pub(crate) asked: Asked,
    /// Where the collectors begin.
    pub(crate) resume: Resume,
    pub(crate) receivers: Arc<Mutex<Receivers>>,
    pub(crate) saver: Saver,
    pub(crate) tasks: Tasks,
    pub(crate) lanes_stop: Stop,
    pub(crate) clock: Arc<dyn Clock>,
    /// Held until the end, so that no second process takes it.
    pub(crate) folder: Option<Arc<StateFolder>>,
}

impl Parts {
    /// Opens the state, connects the receivers, and starts their lanes, for one term.
    pub(crate) async fn open(
        settings: &Settings,
        (state, shadow): (&Output, Option<Shadow>),
        (scopes, all): (&[Scope], &Scope),
        term: &Term,
    ) -> Result<Self, Failure> {
        let state = match &shadow {
            Some(_) => state.state.as_deref().map(Shadow::state),
            None => state.state.clone(),
        };
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let state = State::open(state.as_deref(), settings, Arc::clone(&clock), &term.stop).await?;
        tracing::info!("{}", state.describe());
        let tasks = Tasks::new(term.process.clone());
        let lanes_stop = Stop::new();
        let connected = receivers::connect(settings, &clock).await?;
        let sinks = connected.iter().map(|(_, sink)| sink);
        // What is wrong with the tree was told when the config was read.
        let targets = receivers::targets(&settings.receivers, &state.lanes);
        backfill::begin((settings, &targets), &state, &clock, (&tasks, &lanes_stop));
        let (router, _) = Router::new(&settings.route, &targets);
        let asked = Asked { rules: router.needs(), receivers: receivers::needs_of(sinks) };
        let State { saver, live, loaded, folder, lanes, .. } = state;
        let resume = Resume::new(term.left.as_ref(), scopes, &all.name, &loaded, &lanes);
        let means = Means {
            saver: saver.clone(),
            tasks: tasks.clone(),
            stop: lanes_stop.clone(),
            clock: Arc::clone(&clock),
            shadow,
            mandates: Mandates::new(term, &resume, &lanes, loaded.last),
        };
        let receivers = Receivers::start(connected, &lanes, means);
        if let Standby::Of(account) = &term.standby {
            let claims = Claims::new(scopes.iter().map(|it| it.name.clone()), &lanes, &resume);
            // One term, one account.
            drop(account.set(Account::new(&saver, receivers.watches(), claims, loaded.last)));
        }
        let desk = Desk::new(saver.clone(), receivers.watches(), Arc::clone(&clock));
        control::serve(desk, folder.as_ref().map(|it| it.path()), &tasks, &lanes_stop);
        let receivers = Arc::new(Mutex::new(receivers));
        let enricher = Enricher { cluster_name: settings.cluster_name.clone() };
        let mut way = Way::new(live, enricher, router, saver.clone());
        way.limits = Limits::new(&settings.limits);
        way.floors = resume.floors(&lanes);
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
        Ok(Self { way, asked, resume, receivers, saver, tasks, lanes_stop, clock, folder })
    }

    /// Stops the lanes, and everything behind them.
    pub(crate) async fn close(self, term: &Term) {
        self.lanes_stop.fire();
        term.last(self.tasks.ended()).await;
        self.saver.close().await;
    }
}
