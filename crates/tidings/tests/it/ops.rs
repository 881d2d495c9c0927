//! Metrics and health of the running binary.

use std::{collections::BTreeSet, path::Path};

use jiff::SignedDuration;
use playground::{
    faults::{Fault, FaultKind},
    stats::Verb,
};

use crate::support::{Cluster, Hook, Life, Scene, TO_A_FILE, assert_text, get, happening, names};

const SERVED: &str =
    "run --config config.yaml --kubeconfig kubeconfig --state state --metrics-address 127.0.0.1:0";

/// Starts it; gives the address at which it is served.
async fn served(scene: &Scene) -> (Life, String) {
    let life = scene.start(SERVED);
    life.says("metrics and health at http://").await;
    let log = life.log();
    let (_, rest) = log.split_once("metrics and health at http://").unwrap();
    let address = rest.split('/').next().unwrap().to_owned();
    (life, address)
}

fn two_receivers(hook: &Hook) -> String {
    format!(
        "
maxEventAgeSeconds: 60
route:
  routes:
  - drop: [{{type: Normal}}]
    match: [{{receiver: file}}, {{receiver: hook}}]
receivers:
- {{name: file, repeats: every, file: {{path: events.jsonl}}}}
- {{name: hook, webhook: {{endpoint: '{}'}}}}
",
        hook.url()
    )
}

/// The lines of the metrics that are the same each time: without times, and without what depends on
/// how events came together in requests.
fn steady(text: &str) -> String {
    let changing = [
        "process_",
        "_seconds",
        "_bytes",
        "_records_bucket",
        "_records_sum",
        "_records_count",
        "requests_total",
        "attempts",
        "build_info",
        "config_hash",
    ];
    text.lines()
        .filter(|line| !line.starts_with('#'))
        .filter(|line| !changing.iter().any(|word| line.contains(word)))
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[tokio::test]
async fn metrics_say_what_happened_and_the_ledger_of_each_receiver_balances() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::with_cluster(&two_receivers(&hook), &cluster);
    let (life, address) = served(&scene).await;
    life.says("INFO watching").await;
    cluster.create("a");
    cluster.repeat("a");
    let mut normal = happening("b", SignedDuration::ZERO);
    normal.kind = "Normal".into();
    normal.reason = "it is a sentence".into();
    cluster.store(normal);
    hook.has(1).await;
    scene.has(2).await;
    let mut text = String::new();
    until_metrics(
        &address,
        &mut text,
        "tidings_output_records_total{output=\"file\",result=\"delivered\"} 2",
    )
    .await;
    until_metrics(&address, &mut text, "tidings_records_total{result=\"filtered\"} 1").await;
    let (status, ready) = get(&address, "/readyz").await;
    assert_eq!((status, &*ready), (200, "[+]events of all namespaces: watching\n"));
    life.stops().await;
    assert_text(&steady(&text), "metrics.txt");
}

/// Reads the metrics until they have this line.
async fn until_metrics(address: &str, text: &mut String, line: &str) {
    for _ in 0..3000 {
        *text = get(address, "/metrics").await.1;
        if text.lines().any(|found| found == line) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("waited in vain for `{line}` in\n{text}");
}

#[tokio::test]
async fn alive_whatever_the_cluster_does_and_ready_only_while_it_is_watched() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 500).await;
    let scene = Scene::with_cluster(&two_receivers(&hook), &cluster);
    let (life, address) = served(&scene).await;
    life.says("INFO watching").await;
    assert_eq!(get(&address, "/-/ready").await.0, 200);
    let faults = cluster.playground.faults();
    faults.schedule(Fault::new(FaultKind::ServerError).times(1000).of("events"));
    faults.schedule(Fault::new(FaultKind::EndWatch).on(Verb::Watch).of("events"));
    life.says("cannot follow the events").await;
    let (status, text) = get(&address, "/readyz").await;
    assert_eq!(status, 503);
    assert!(text.starts_with("[-]events of all namespaces: waiting (failed (500)"), "{text}");
    assert_eq!(get(&address, "/livez").await, (200, "OK\n".into()));
    assert_eq!(get(&address, "/-/healthy").await, (200, "OK\n".into()));
    life.stops().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_page_that_shows_the_way() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::with_cluster(&two_receivers(&hook), &cluster);
    let (life, address) = served(&scene).await;
    let (status, page) = get(&address, "/").await;
    assert_eq!(status, 200);
    let (missing, same) = get(&address, "/nowhere").await;
    assert_eq!((missing, &same), (404, &page));
    for path in ["/metrics", "/readyz", "/livez"] {
        assert!(page.contains(&format!("href=\"{path}\"")), "{page}");
        assert_ne!(get(&address, path).await.0, 404, "{path}");
    }
    life.stops().await;
}

#[tokio::test]
async fn an_address_that_is_taken_costs_the_metrics_and_no_event() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::with_cluster(&two_receivers(&hook), &cluster);
    let life = scene.start(&SERVED.replace("127.0.0.1:0", &address.to_string()));
    life.says("INFO watching").await;
    cluster.create("a");
    scene.has(1).await;
    let ended = life.stops().await;
    let said = ended.lines_with("metrics and health are not served");
    assert_eq!(said.len(), 1, "{}", ended.log);
    assert!(said[0].contains("give another address with --metrics-address, or off"), "{}", said[0]);
}

#[tokio::test]
async fn names_of_the_original_are_served_with_the_prefix_that_the_config_has() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let config = format!("metricsNamePrefix: event_exporter_\n{}", two_receivers(&hook));
    let scene = Scene::with_cluster(&config, &cluster);
    let (life, address) = served(&scene).await;
    life.says("INFO watching").await;
    cluster.create("a");
    let mut text = String::new();
    until_metrics(&address, &mut text, "event_exporter_events_sent 1").await;
    for name in ["events_discarded", "watch_errors", "send_event_errors"] {
        assert!(text.contains(&format!("\nevent_exporter_{name} 0\n")), "{text}");
    }
    life.stops().await;
}

#[tokio::test]
async fn what_a_noisy_namespace_is_not_sent_is_counted_and_told_in_one_event() {
    let cluster = Cluster::start().await;
    let limits = "limits: {perNamespace: {rate: 1/h, burst: 2}}\n";
    let scene = Scene::with_cluster(&format!("{limits}{TO_A_FILE}"), &cluster);
    let (life, address) = served(&scene).await;
    life.says("INFO watching").await;
    for name in ["a", "b", "c", "d", "e"] {
        cluster.create(name);
    }
    let mut text = String::new();
    let sampled = "tidings_events_sampled_total{object_namespace=\"shop\"} 3";
    until_metrics(&address, &mut text, sampled).await;
    // The ledger is read a moment before the counts.
    let filtered = "tidings_records_total{result=\"filtered\"} 3";
    until_metrics(&address, &mut text, filtered).await;
    assert!(text.contains("\ntidings_records_seen_total 5\n"), "{text}");
    assert!(text.contains("\ntidings_records_total{result=\"accepted\"} 2\n"), "{text}");
    let occurrences = text.lines().filter(|it| it.starts_with("tidings_event_occurrences_total{"));
    let counts = occurrences.filter_map(|line| line.rsplit(' ').next()?.parse::<u32>().ok());
    assert_eq!(counts.sum::<u32>(), 5, "{text}");
    // What is not told yet is told before the end.
    life.stops().await;
    let events = scene.events();
    assert_eq!(names(&events)[..2], ["a", "b"]);
    assert_eq!(events.len(), 3);
    let told: serde_json::Value = serde_json::from_str(&events[2]).unwrap();
    assert_eq!(told["reason"], "EventsSampled");
    let message = told["message"].as_str().unwrap();
    assert!(message.starts_with("3 events of namespace shop between "), "{message}");
}

#[tokio::test]
async fn every_metric_that_the_documentation_names_is_served_and_no_other() {
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let config = format!("metricsNamePrefix: old_\n{}", two_receivers(&hook));
    let scene = Scene::with_cluster(&config, &cluster);
    let (life, address) = served(&scene).await;
    life.says("INFO watching").await;
    cluster.create("a");
    hook.has(1).await;
    let mut text = String::new();
    let delivered = "tidings_output_records_total{output=\"hook\",result=\"delivered\"} 1";
    until_metrics(&address, &mut text, delivered).await;
    life.stops().await;
    let documented = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/metrics.md"),
    )
    .unwrap();
    let names = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next());
    let served: BTreeSet<_> = names.filter(|name| !name.starts_with("old_")).collect();
    let words = documented.split(|c: char| !(c.is_ascii_alphanumeric() || c == '_'));
    let named: BTreeSet<_> = words.filter(|word| word.starts_with("tidings_")).collect();
    let served_here: BTreeSet<_> =
        served.iter().copied().filter(|name| !name.starts_with("process_")).collect();
    // Nothing went wrong here, and nobody was late, or noisy.
    let silent = [
        "tidings_watch_restarts_total",
        "tidings_events_sampled_total",
        "tidings_canary_age_seconds",
    ];
    let missing: Vec<_> =
        named.difference(&served_here).filter(|name| !silent.contains(name)).collect();
    let undocumented: Vec<_> = served_here.difference(&named).collect();
    assert!(missing.is_empty() && undocumented.is_empty(), "{missing:?}, {undocumented:?}\n{text}");
    let build = text.lines().find(|line| line.starts_with("tidings_build_info{")).unwrap();
    for label in ["version=", "revision=", "rustc=", "target="] {
        assert!(build.contains(label), "{build}");
    }
    for line in [
        "tidings_api_request_duration_seconds_count{code=\"200\",resource=\"events\",verb=\"watch\"} ",
        "tidings_list_duration_seconds_count{resource=\"events\"} 1",
        "tidings_list_duration_seconds_count{resource=\"pods\"} 1",
        "tidings_watch_up{resource=\"replicasets\",namespace=\"\"} 1",
        "tidings_output_request_records_sum{output=\"hook\"} 1",
        "tidings_output_request_duration_seconds_count{output=\"file\"} ",
        "tidings_enrich_lookups_total{result=\"hit\"} ",
        "old_kube_api_read_cache_hits ",
    ] {
        assert!(text.lines().any(|found| found.starts_with(line)), "no {line} in\n{text}");
    }
}

#[tokio::test]
async fn a_canary_comes_back_through_the_receivers_that_ask_for_it_and_is_no_event_of_the_cluster()
{
    let cluster = Cluster::start().await;
    let hook = Hook::start(|_| 200).await;
    let down = Hook::start(|_| 503).await;
    // No rule sends anything anywhere.
    let config = format!(
        "
omitLookup: true
canary: {{every: 1s, receivers: [hook, down]}}
route: {{match: [{{receiver: hook, reason: Never}}, {{receiver: down, reason: Never}}, {{receiver: file, reason: BackOff}}]}}
receivers:
- {{name: hook, webhook: {{endpoint: '{}'}}}}
- {{name: down, webhook: {{endpoint: '{}'}}}}
- {{name: file, repeats: every, file: {{path: events.jsonl}}}}
",
        hook.url(),
        down.url()
    );
    let scene = Scene::with_cluster(&config, &cluster);
    let (life, address) = served(&scene).await;
    life.says("INFO watching").await;
    hook.has(2).await;
    cluster.create("a");
    scene.has(1).await;
    let age = |text: &str, lane: &str| -> f64 {
        let name = format!("tidings_canary_age_seconds{{lane=\"{lane}\"}} ");
        text.lines().find_map(|line| line.strip_prefix(&*name)?.parse().ok()).unwrap()
    };
    let (_, text) = get(&address, "/metrics").await;
    // It was written in a whole second.
    assert!(age(&text, "hook") < age(&text, "down"), "{text}");
    assert!(!text.contains("tidings_canary_age_seconds{lane=\"file\"}"), "{text}");
    assert!(!text.contains("reason=\"Canary\""), "{text}");
    assert!(text.contains("\ntidings_event_writes_total{change=\"created\"} 1\n"), "{text}");
    life.stops().await;
    assert_eq!(names(&scene.events()), ["a"]);
    for canary in hook.taken() {
        assert!(canary.contains("\"reason\":\"Canary\""), "{canary}");
    }
}
