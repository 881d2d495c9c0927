//! The promise as a model test: random histories of a simulated cluster, with every trouble that an
//! API server, a network, a power supply and receivers can make, a journal that is full, configs that
//! change, and a perfect client to compare with.
//!
//! Ten thousand histories in `make test`; `MODEL_CASES=1000000` for more. A failure prints the seed
//! (`MODEL_SEED`) and the shortest history that still fails.

mod api;
mod check;
mod faults;
mod lanes;
mod objects;
mod oracle;
mod receivers;
mod routes;
mod saving;
mod watch;
mod world;

use std::{sync::Arc, time::Duration};

use event::{
    Clock, Journal, LaneId, LaneSet, Stop, Text,
    journal::{Commit, Committed, JournalError, Restored},
};
use pipeline::{
    Save, SharedWay, Way,
    collect::{CollectError, Collector, Settings, scope::Scope},
    enrich::{Enricher, gate::Gate},
    save::{live::Live, memory::Failure},
};
use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};

use self::{
    faults::Fault,
    lanes::Lanes,
    receivers::Mood,
    routes::{LANES, Routes},
    world::{TokioClock, World},
};

/// Small enough that a handful of events that wait fill it.
const LIMIT: u64 = 1500;

/// The config in which every receiver has its place.
const ALL: Routes = Routes { first: true, some: Some(0) };

/// One thing that happens.
#[derive(Debug, Clone)]
enum Step {
    /// A recorder writes an Event, new or again; by how much the counter grows.
    Write {
        namespace: u8,
        name: u8,
        by: u32,
    },
    /// Somebody deletes one Event.
    Delete {
        namespace: u8,
        name: u8,
    },
    DeleteNamespace(u8),
    /// Everything up to now is compacted.
    Compact,
    Snapshot,
    Restore,
    /// The next requests, or the open watch, get into trouble.
    Trouble(Fault),
    /// Time passes.
    Pass {
        seconds: u16,
    },
    /// kill -9, and a new start after so many seconds.
    Kill(Down),
    /// An orderly stop, and a new start after so many seconds.
    Stop(Down),
    /// The next commit fails: nothing of it is kept, or all of it and only the answer is lost.
    FailCommit {
        kept: bool,
    },
    /// What a receiver does with requests from now on.
    Receiver {
        place: usize,
        mood: Mood,
    },
    /// Another config, obeyed at once where a process runs.
    Reload(Routes),
    /// A receiver gets another name, which counts from the next start on.
    Rename,
}

/// How long the process is down, and how much happens meanwhile.
#[derive(Debug, Clone, Copy, Default)]
struct Down {
    seconds: u16,
    steps: usize,
}

fn down() -> impl Strategy<Value = Down> {
    (0u16..300, 0usize..8).prop_map(|(seconds, steps)| Down { seconds, steps })
}

fn step() -> impl Strategy<Value = Step> {
    let name = || (0u8..3, 0u8..6);
    prop_oneof![
        24 => (name(), 1u32..4).prop_map(|((namespace, name), by)| Step::Write { namespace, name, by }),
        3 => name().prop_map(|(namespace, name)| Step::Delete { namespace, name }),
        1 => (0u8..3).prop_map(Step::DeleteNamespace),
        3 => Just(Step::Compact),
        1 => Just(Step::Snapshot),
        1 => Just(Step::Restore),
        8 => faults::fault().prop_map(Step::Trouble),
        8 => (0u16..4).prop_map(|seconds| Step::Pass { seconds }),
        4 => (4u16..400).prop_map(|seconds| Step::Pass { seconds }),
        3 => down().prop_map(Step::Kill),
        1 => down().prop_map(Step::Stop),
        1 => any::<bool>().prop_map(|kept| Step::FailCommit { kept }),
        8 => (0..LANES.len(), receivers::mood())
            .prop_map(|(place, mood)| Step::Receiver { place, mood }),
        2 => routes::routes().prop_map(Step::Reload),
        1 => Just(Step::Rename),
    ]
}

/// Saves into the model journal, and lets the oracle know what is durable.
#[derive(Clone)]
struct ModelSaver(World);

impl Save for ModelSaver {
    async fn commit(&self, commit: Commit) -> Result<Committed, JournalError> {
        // Somewhere between the bytes and the disk the process may be killed.
        tokio::task::yield_now().await;
        self.0.commit(&commit)
    }
}

/// A process, with what it remembers: everything comes from the journal.
struct Process {
    collector: Collector<World, ModelSaver>,
    way: SharedWay<ModelSaver>,
    lanes: Lanes,
}

impl Process {
    fn start(world: &World) -> Self {
        let clock: Arc<dyn Clock> = Arc::new(TokioClock);
        let routes = world.state().file;
        lanes::rename(world, routes);
        let saved = lanes::open(world, routes);
        let mut live = Live::new();
        let loaded = world.with_journal(|journal| {
            journal
                .load(&mut |restored| match restored {
                    Restored::Part(part) => assert!(live.restore(part), "a part cannot be read"),
                    Restored::Change(change, lanes) => live.apply(&change, &lanes),
                })
                .unwrap()
        });
        let ids: Vec<LaneId> = saved.iter().map(|lane| lane.id).collect();
        live.keep_lanes(&ids.iter().copied().collect::<LaneSet>());
        world.obeyed(routes, 0);
        let saver = ModelSaver(world.clone());
        let way = Way::new(live, Enricher::default(), routes.router(&ids), saver).shared();
        // An age limit that nothing is young enough for: a first list is a baseline.
        let settings = Settings { max_age: Some(0), cluster_name: Text::default(), seed: 7 };
        let scope = Scope { name: "all".into(), ..Scope::default() };
        let position = loaded.position("all");
        let collector =
            Collector::new(world.clone(), Arc::clone(&way), scope, position, settings, clock);
        Self { collector, way, lanes: Lanes::start(world, routes, saved) }
    }
}

/// A life, from a start to the stop.
async fn live(
    world: &World,
    collector: Collector<World, ModelSaver>,
    way: &SharedWay<ModelSaver>,
    stop: Stop,
) -> Result<(), CollectError> {
    tokio::select! {
        biased;
        ended = collect(world, collector, stop) => ended,
        error = tell_losses(world, way) => Err(error.into()),
    }
}

async fn collect(
    world: &World,
    collector: Collector<World, ModelSaver>,
    stop: Stop,
) -> Result<(), CollectError> {
    let Some((knowledge, asks)) = objects::learn(world) else {
        return collector.run(stop).await;
    };
    let gate = Gate::new(Arc::clone(&knowledge));
    tokio::select! {
        biased;
        ended = collector.behind(gate).run(stop) => ended,
        () = objects::come(world, &knowledge, asks) => Ok(()),
    }
}

/// Tells what was dropped, once a minute, until that cannot be saved.
async fn tell_losses(world: &World, way: &SharedWay<ModelSaver>) -> JournalError {
    loop {
        if let Err(error) = tell_untold(world, way).await {
            return error;
        }
        tokio::time::sleep(Duration::from_secs(60)).await;
    }
}

/// Tells what was dropped until now, if anything was; says whether.
async fn tell_untold(world: &World, way: &SharedWay<ModelSaver>) -> Result<bool, JournalError> {
    let mut way = way.lock().await;
    let lanes = world.with_journal(|journal| journal.tallies().lanes);
    let untold: Vec<_> =
        lanes.into_iter().map(|(lane, _)| lane).filter(|lane| lane.untold.is_some()).collect();
    // In the middle of a list, what it has shown so far would be saved along; the next time will do.
    if untold.is_empty() || way.pending() > 0 {
        return Ok(false);
    }
    way.tell_losses(&untold, LIMIT, TokioClock.now(), &Text::default()).await?;
    Ok(true)
}

/// How a life of the process ended.
enum Death {
    Killed(Down),
    Stopped(Down),
    HistoryOver,
}

/// What happens to the world; says how long it takes, or gives back what happens to the process.
fn happen(world: &World, step: &Step) -> Result<Duration, Death> {
    match *step {
        Step::Write { namespace, name, by } => world.write(namespace, name, by),
        Step::Delete { namespace, name } => world.delete(namespace, name),
        Step::DeleteNamespace(namespace) => world.delete_namespace(namespace),
        Step::Compact => world.compact(),
        Step::Snapshot => world.snapshot(),
        Step::Restore => world.restore(),
        Step::Trouble(fault) => world.trouble(fault),
        Step::FailCommit { kept } => {
            world.fail_next_commit(if kept { Failure::After } else { Failure::Before });
        }
        Step::Receiver { place, mood } => world.change_mood(place, mood),
        Step::Reload(routes) => world.write_config(routes),
        Step::Rename => world.rename_at_next_start(),
        Step::Pass { seconds } => return Ok(Duration::from_secs(seconds.into())),
        Step::Kill(down) => return Err(Death::Killed(down)),
        Step::Stop(down) => return Err(Death::Stopped(down)),
    }
    Ok(Duration::from_millis(60))
}

async fn live_through(
    world: &World,
    steps: &mut std::vec::IntoIter<Step>,
) -> Result<Death, String> {
    let stop = Stop::new();
    let Process { collector, way, mut lanes } = Process::start(world);
    let life = live(world, collector, &way, stop.clone());
    tokio::pin!(life);
    let mut over = false;
    loop {
        let happened = steps.next().map(|step| happen(world, &step));
        let pause = match happened {
            Some(Ok(pause)) => pause,
            Some(Err(Death::Stopped(down))) => {
                stop.fire();
                let ended = tokio::time::timeout(Duration::from_secs(3600), &mut life).await;
                if ended.expect("it stops when it is told to").is_err() {
                    return Ok(Death::Killed(down));
                }
                lanes.stop().await;
                return Ok(Death::Stopped(down));
            }
            Some(Err(death)) => return Ok(death),
            None => {
                // Every trouble ends; what is left must arrive before it expires.
                world.heal();
                world.write_config(ALL);
                world.write(0, 0, 1);
                world.write(2, 5, 2);
                over = true;
                Duration::from_secs(85)
            }
        };
        world.expire();
        let goes_on = async {
            let (file, obeyed) = world.configs();
            if file != obeyed {
                lanes.obey(file, &way).await;
            }
            world.pass(pause).await;
        };
        tokio::select! {
            biased;
            ended = &mut life => {
                // Only a journal that fails ends it; the process is started again.
                assert!(ended.is_err(), "it ended by itself");
                return Ok(Death::Killed(Down::default()));
            }
            () = goes_on => {}
        }
        if over {
            break;
        }
    }
    stop.fire();
    if life.await.is_err() {
        return Ok(Death::Killed(Down::default()));
    }
    // What tells of a loss can cost another one its place.
    while tell_untold(world, &way).await.expect("nothing fails any more") {}
    lanes.drained().await?;
    lanes.stop().await;
    Ok(Death::HistoryOver)
}

/// The process is down; the world goes on.
async fn stay_down(world: &World, down: Down, steps: &mut std::vec::IntoIter<Step>) {
    for step in steps.by_ref().take(down.steps) {
        if let Ok(pause) = happen(world, &step) {
            world.pass(pause).await;
        }
    }
    world.pass(Duration::from_secs(down.seconds.into())).await;
}

async fn history(
    objects: bool,
    full: bool,
    moods: [Mood; LANES.len()],
    steps: Vec<Step>,
) -> Result<(), TestCaseError> {
    let world = World::new(objects, full.then_some(LIMIT));
    for (place, mood) in moods.into_iter().enumerate() {
        world.change_mood(place, mood);
    }
    // Something stands there before the first look.
    for name in 0..3 {
        world.write(0, name, 2);
    }
    world.pass(Duration::from_secs(5)).await;
    let mut steps = steps.into_iter();
    loop {
        match live_through(&world, &mut steps).await.map_err(TestCaseError::fail)? {
            Death::HistoryOver => break,
            Death::Killed(down) => {
                world.crash();
                stay_down(&world, down, &mut steps).await;
            }
            Death::Stopped(down) => {
                world.forget_unsaved();
                stay_down(&world, down, &mut steps).await;
            }
        }
    }
    world.check().map_err(TestCaseError::fail)
}

fn run(cases: u32) {
    let seed: u64 = std::env::var("MODEL_SEED").map_or_else(
        |_| {
            u64::from(std::process::id()) << 32
                | u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs())
        },
        |seed| seed.parse().expect("MODEL_SEED is a number"),
    );
    tell(&format!("MODEL_SEED={seed} MODEL_CASES={cases}"));
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 20_000, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let mut runner = TestRunner::new_with_rng(config, rng);
    // In half of the histories events wait for what they are about; in half of them the journal is small.
    let moods = prop::array::uniform(receivers::mood());
    let steps = (any::<bool>(), any::<bool>(), moods, prop::collection::vec(step(), 1..50));
    let outcome = runner.run(&steps, |(objects, full, moods, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        runtime.block_on(history(objects, full, moods, steps))
    });
    if let Err(error) = outcome {
        panic!("MODEL_SEED={seed}\n{error}");
    }
}

#[expect(clippy::print_stdout, reason = "the seed belongs beside a test's outcome")]
fn tell(line: &str) {
    println!("{line}");
}

#[test]
fn a_perfect_client_would_not_have_seen_more_or_counted_otherwise() {
    let cases = std::env::var("MODEL_CASES")
        .map_or(10_000, |cases| cases.parse().expect("MODEL_CASES is a number"));
    run(cases);
}
