//! Several replicas, one Lease: random histories in which leaders are killed, with and without what they had on
//! their disks, cut off from the API server, or stand still for a while.
//!
//! Two thousand histories in `make test`; `REPLICAS_CASES=100000` for more, `REPLICAS_SEED` to see one again.

mod cluster;
mod replica;

use std::{sync::Arc, time::Duration};

use proptest::{
    prelude::*,
    test_runner::{Config, RngAlgorithm, TestRng, TestRunner},
};
use tokio::{
    task::{JoinHandle, LocalSet, spawn_local},
    time::sleep,
};

use self::{
    cluster::{Cluster, LANES},
    replica::{Disk, Replica},
};

/// One thing that happens.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// An Event is written, new or again.
    Write(u8),
    Delete(u8),
    Pass {
        millis: u16,
    },
    /// kill -9 of one replica, and a new start after so many seconds.
    Kill {
        who: u8,
        disk: bool,
        seconds: u8,
    },
    /// kill -9 of whoever leads.
    KillLeader {
        disk: bool,
        seconds: u8,
    },
    /// SIGTERM.
    Stop {
        who: u8,
        disk: bool,
        seconds: u8,
    },
    /// The API server cannot be reached from one replica.
    CutOff {
        who: u8,
        seconds: u8,
    },
    /// One replica stands still: its clock goes on.
    Freeze {
        who: u8,
        seconds: u8,
    },
    /// A receiver is down, or up again.
    Toggle(u8),
    /// Somebody else touches the Lease.
    Touch,
}

fn step() -> impl Strategy<Value = Step> {
    let who = 0u8..3;
    prop_oneof![
        20 => (0u8..12).prop_map(Step::Write),
        2 => (0u8..12).prop_map(Step::Delete),
        6 => (1u16..4000).prop_map(|millis| Step::Pass { millis }),
        3 => (4000u16..40_000).prop_map(|millis| Step::Pass { millis }),
        2 => (who.clone(), any::<bool>(), 0u8..30)
            .prop_map(|(who, disk, seconds)| Step::Kill { who, disk, seconds }),
        3 => (any::<bool>(), 0u8..30).prop_map(|(disk, seconds)| Step::KillLeader { disk, seconds }),
        2 => (who.clone(), any::<bool>(), 0u8..30)
            .prop_map(|(who, disk, seconds)| Step::Stop { who, disk, seconds }),
        2 => (who.clone(), 1u8..40).prop_map(|(who, seconds)| Step::CutOff { who, seconds }),
        2 => (who, 1u8..40).prop_map(|(who, seconds)| Step::Freeze { who, seconds }),
        2 => (0u8..2).prop_map(Step::Toggle),
        1 => Just(Step::Touch),
    ]
}

/// All replicas, by their numbers.
struct Fleet {
    cluster: Cluster,
    replicas: Vec<Arc<Replica>>,
    lives: Vec<JoinHandle<()>>,
}

impl Fleet {
    fn start(number: usize) -> Self {
        let cluster = Cluster::new(number);
        let replicas: Vec<_> = (0..number).map(|me| Arc::new(Replica::new(&cluster, me))).collect();
        let lives = replicas.iter().map(|it| spawn_local(Arc::clone(it).live(Duration::ZERO)));
        Self { lives: lives.collect(), replicas, cluster }
    }

    async fn happen(&mut self, step: Step) {
        let number = self.replicas.len();
        let of = |who: u8| usize::from(who) % number;
        match step {
            Step::Write(name) => self.cluster.write(name),
            Step::Delete(name) => self.cluster.delete(name),
            Step::Pass { millis } => sleep(Duration::from_millis(millis.into())).await,
            Step::Kill { who, disk, seconds } => self.kill(of(who), disk, seconds),
            Step::KillLeader { disk, seconds } => {
                if let Some(leader) = self.cluster.leader() {
                    self.kill(leader, disk, seconds);
                }
            }
            Step::Stop { who, disk, seconds } => {
                let who = of(who);
                self.replicas[who].stop();
                let ended = tokio::time::timeout(Duration::from_secs(600), &mut self.lives[who]);
                ended.await.expect("it stops when it is told to").unwrap();
                self.restart(who, disk, seconds);
            }
            Step::CutOff { who, seconds } => self.cluster.cut_off(of(who), seconds),
            Step::Freeze { who, seconds } => self.replicas[of(who)].freeze(seconds),
            Step::Toggle(lane) => self.cluster.toggle(LANES[usize::from(lane) % LANES.len()]),
            Step::Touch => self.cluster.touch(),
        }
        // Whoever can run does.
        sleep(Duration::from_millis(20)).await;
    }

    fn kill(&mut self, who: usize, disk: bool, seconds: u8) {
        self.lives[who].abort();
        self.cluster.killed(who);
        self.restart(who, disk, seconds);
    }

    fn restart(&mut self, who: usize, disk: bool, seconds: u8) {
        self.replicas[who].reborn(if disk { Disk::Kept } else { Disk::Lost });
        let life = Arc::clone(&self.replicas[who]).live(Duration::from_secs(seconds.into()));
        self.lives[who] = spawn_local(life);
    }
}

async fn history(number: usize, steps: Vec<Step>) -> Result<(), TestCaseError> {
    let mut fleet = Fleet::start(number);
    // The first leader has looked for the first time, and has said so.
    sleep(Duration::from_secs(5)).await;
    for step in steps {
        fleet.happen(step).await;
    }
    fleet.cluster.heal();
    // Every trouble is over; what a receiver could not be given is tried again within minutes.
    let mut waited = 0;
    while !fleet.cluster.has_everything() && waited < 1000 {
        sleep(Duration::from_secs(1)).await;
        waited += 1;
    }
    for life in &fleet.lives {
        life.abort();
    }
    fleet.cluster.check().map_err(TestCaseError::fail)
}

fn run(cases: u32) {
    let seed: u64 = std::env::var("REPLICAS_SEED").map_or_else(
        |_| u64::from(jiff::Timestamp::now().subsec_nanosecond().unsigned_abs()),
        |seed| seed.parse().expect("REPLICAS_SEED is a number"),
    );
    tell(&format!("REPLICAS_SEED={seed} REPLICAS_CASES={cases}"));
    let mut bytes = [0u8; 32];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    let config =
        Config { cases, failure_persistence: None, max_shrink_iters: 2000, ..Config::default() };
    let mut runner =
        TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
    let steps = (2usize..4, prop::collection::vec(step(), 1..40));
    let outcome = runner.run(&steps, |(number, steps)| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .expect("a runtime");
        LocalSet::new().block_on(&runtime, history(number, steps))
    });
    if let Err(error) = outcome {
        panic!("REPLICAS_SEED={seed}\n{error}");
    }
}

#[expect(clippy::print_stdout, reason = "the seed belongs beside a test's outcome")]
fn tell(line: &str) {
    println!("{line}");
}

#[test]
fn whoever_leads_nothing_is_missing_and_no_two_send_at_once() {
    let cases = std::env::var("REPLICAS_CASES")
        .map_or(2000, |cases| cases.parse().expect("REPLICAS_CASES is a number"));
    run(cases);
}
