//! Two replicas of which one leads: standby, take-over, giving back, and what is missing.

use std::time::{Duration, Instant};

use playground::faults::{Fault, FaultKind};
use serde_json::Value;

use crate::support::{Cluster, Life, Scene, get, until};

const RUN: &str = "run --config config.yaml --kubeconfig kubeconfig --state state";

/// To a file, with times that a test can wait for.
const ELECTED: &str = "
omitLookup: true
leaderElection: {enabled: true, leaderElectionID: lock, leaseDuration: 3s, renewDeadline: 2s, retryPeriod: 1s}
route: {match: [{receiver: file}]}
receivers:
- {name: file, repeats: every, file: {path: events.jsonl}}
";

const LEADS: &str = "leader: this replica collects and sends";

fn lease(cluster: &Cluster) -> Value {
    cluster.playground.storage().read(|store| {
        let lease = store.object("leases", "default", "lock");
        lease.map_or(Value::Null, |lease| lease.0.clone())
    })
}

fn holder(cluster: &Cluster) -> String {
    lease(cluster)["spec"]["holderIdentity"].as_str().unwrap_or_default().to_owned()
}

/// Up to which revision the lane has everything, by the word of the leader.
fn told(cluster: &Cluster) -> u64 {
    let lease = lease(cluster);
    let text = lease["metadata"]["annotations"]["tidings.dev/progress"].as_str();
    let told: Value = text.map_or(Value::Null, |text| serde_json::from_str(text).unwrap());
    told["lanes"][0]["to"][0][3].as_u64().unwrap_or_default()
}

async fn leader(scene: &Scene) -> Life {
    let life = scene.start(RUN);
    life.says(LEADS).await;
    life.says("INFO watching").await;
    life
}

#[tokio::test]
async fn one_of_two_leads_and_gives_it_back_when_it_stops() {
    let cluster = Cluster::start().await;
    let (first, second) =
        (Scene::with_cluster(ELECTED, &cluster), Scene::with_cluster(ELECTED, &cluster));
    let leads = leader(&first).await;
    let waits = second.start(&format!("{RUN} --metrics-address 127.0.0.1:0"));
    waits.says("standby: ").await;
    let log = waits.log();
    let (_, rest) = log.split_once("metrics and health at http://").unwrap();
    let address = rest.split('/').next().unwrap();
    let (status, ready) = get(address, "/-/ready").await;
    assert_eq!((status, ready), (200, format!("[+]standby: {} leads\n", holder(&cluster))));
    let metrics = get(address, "/metrics").await.1;
    assert!(metrics.contains("\ntidings_leader 0\n"), "{metrics}");
    cluster.create("a");
    assert_eq!(first.has(1).await, ["a"]);
    leads.stops().await;
    let stopped = Instant::now();
    waits.says(LEADS).await;
    assert!(stopped.elapsed() < Duration::from_secs(3), "{:?}", stopped.elapsed());
    waits.says("INFO watching").await;
    cluster.create("b");
    assert_eq!(second.has(1).await, ["b"]);
    assert!(get(address, "/metrics").await.1.contains("\ntidings_leader 1\n"));
    let (status, ready) = get(address, "/-/ready").await;
    assert_eq!((status, &*ready), (200, "[+]events of all namespaces: watching\n[+]leader\n"));
    waits.stops().await;
    assert_eq!(holder(&cluster), "");
}

#[tokio::test]
async fn after_a_kill_the_other_goes_on_where_the_leader_had_come_to_without_its_disk() {
    let cluster = Cluster::start().await;
    let (first, second) =
        (Scene::with_cluster(ELECTED, &cluster), Scene::with_cluster(ELECTED, &cluster));
    let leads = leader(&first).await;
    let waits = second.start(RUN);
    waits.says("standby: ").await;
    cluster.create("a");
    let b = cluster.create("b");
    first.has(2).await;
    let revision = b.metadata.resource_version.parse().unwrap();
    until(|| told(&cluster) >= revision, || lease(&cluster).to_string()).await;
    drop(leads);
    cluster.create("c");
    cluster.repeat("c");
    cluster.repeat("b");
    waits.says("taken over from another replica").await;
    // Each revision, as if the first one had gone on; what it had sent does not come again.
    assert_eq!(second.has(3).await, ["c", "c×2", "b×2"]);
    let ended = waits.stops().await;
    assert_eq!(ended.lines_with("WARN"), Vec::<&str>::new(), "{}", ended.log);
}

#[tokio::test]
async fn who_cannot_renew_sends_nothing_more_and_waits_until_it_leads_again() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(ELECTED, &cluster);
    let life = leader(&scene).await;
    let faults = cluster.playground.faults();
    faults.schedule(Fault::new(FaultKind::ServerError).times(1000).of("leases"));
    life.says("no longer the leader: the Lease could not be renewed in time: failed (500)").await;
    life.says("standby: the Lease lock in the namespace default cannot be had: failed (500)").await;
    cluster.create("meanwhile");
    faults.clear();
    until(|| scene.events().len() == 1, || life.log()).await;
    let ended = life.stops().await;
    assert_eq!(ended.lines_with(LEADS).len(), 2, "{}", ended.log);
}

#[tokio::test]
async fn without_the_right_it_says_which_one_is_missing_and_does_not_start() {
    let cluster = Cluster::start().await;
    let scene = Scene::with_cluster(ELECTED, &cluster);
    let forbidden = Fault::new(FaultKind::Forbidden).times(10).of("leases");
    cluster.playground.faults().schedule(forbidden);
    let ended = scene.run(RUN).await;
    assert_eq!(ended.code, Some(4), "{}", ended.log);
    let said = ended.lines_with("the Lease lock in the namespace default cannot be had: refused");
    assert_eq!(said.len(), 1, "{}", ended.log);
    let hint =
        "leaderElection needs the rights get, create and update on leases of coordination.k8s.io";
    assert_eq!(ended.lines_with(hint).len(), 1, "{}", ended.log);
}
