//! Every fault, as a client meets it.

use std::{io::Read, time::Duration};

use playground::{
    faults::{Fault, FaultKind},
    stats::Verb,
};
use serde_json::json;

use crate::client::{Cluster, EVENTS, cluster, core_event};

const WATCH: &str = "/api/v1/events?watch=true&resourceVersion=1004";

async fn cluster_with_fault(fault: Fault) -> Cluster {
    let cluster = cluster().await;
    cluster.playground.faults().schedule(fault);
    cluster
}

async fn create(cluster: &Cluster, name: &str) {
    let created = cluster.ask("POST", EVENTS).body(&core_event(name)).send().await;
    assert_eq!(created.status, 201, "{}", String::from_utf8_lossy(&created.body));
}

#[tokio::test]
async fn a_watch_closes_at_once_with_200() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::CloseAtOnce).on(Verb::Watch)).await;
    let watch = cluster.get(WATCH).await;
    assert!(watch.status == 200 && watch.body.is_empty() && watch.whole);
}

#[tokio::test]
async fn a_stalled_watch_stays_open_and_tells_nothing() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::Stall).on(Verb::Watch)).await;
    let mut watch = cluster.ask("GET", WATCH).open().await;
    create(&cluster, "a").await;
    assert_eq!(watch.status, 200);
    cluster.stop();
    assert_eq!(watch.chunk().await, None);
}

#[tokio::test]
async fn a_stalled_list_gets_no_answer_until_the_server_ends() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::Stall).on(Verb::List)).await;
    let is_stalled = || cluster.playground.faults().scheduled().is_empty();
    let stop = async {
        cluster.until(is_stalled).await;
        cluster.stop();
    };
    let (list, ()) = tokio::join!(cluster.get(EVENTS), stop);
    assert_eq!(list.status, 503);
}

#[tokio::test]
async fn one_watch_freezes_and_others_go_on() {
    let cluster = cluster().await;
    let mut frozen = cluster.ask("GET", WATCH).open().await;
    create(&cluster, "a").await;
    assert!(frozen.message().await.is_some());
    cluster.playground.faults().schedule(Fault::new(FaultKind::Freeze));
    cluster.until(|| cluster.playground.faults().scheduled().is_empty()).await;
    let mut other = cluster.ask("GET", WATCH).open().await;
    create(&cluster, "b").await;
    assert_eq!(other.message().await.unwrap()["object"]["metadata"]["name"], "a");
    assert_eq!(other.message().await.unwrap()["object"]["metadata"]["name"], "b");
    cluster.stop();
    assert_eq!(frozen.message().await, None);
}

#[tokio::test]
async fn a_connection_is_closed_without_an_answer() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::Drop)).await;
    assert!(cluster.ask("GET", EVENTS).try_open().await.is_none());
    assert_eq!(cluster.get(EVENTS).await.status, 200);
}

#[tokio::test]
async fn too_many_requests_say_when_to_come_back() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::TooManyRequests).value(7)).await;
    let refused = cluster.get(EVENTS).await;
    assert_eq!((refused.status, refused.header("retry-after")), (429, "7"));
    assert_eq!(cluster.get(EVENTS).await.status, 200);
}

#[tokio::test]
async fn the_server_errs_and_forbids() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::ServerError)).await;
    cluster.playground.faults().schedule(Fault::new(FaultKind::Forbidden).of("events"));
    assert_eq!(cluster.get(EVENTS).await.json()["reason"], "InternalError");
    let forbidden = cluster.get(EVENTS).await;
    assert_eq!(forbidden.status, 403);
    let message = forbidden.json()["message"].as_str().unwrap().to_owned();
    assert!(
        message.ends_with(
            "cannot list resource \"events\" in API group \"\" in the namespace \"default\""
        ),
        "{message}"
    );
}

#[tokio::test]
async fn a_message_and_a_list_are_cut_in_the_middle() {
    let cluster = cluster().await;
    let mut watch = cluster.ask("GET", WATCH).open().await;
    cluster.playground.faults().schedule(Fault::new(FaultKind::CutMidFrame).on(Verb::Watch));
    create(&cluster, "a").await;
    let half = watch.chunk().await.unwrap();
    assert!(!half.is_empty() && !half.ends_with(b"\n"));
    assert_eq!(watch.chunk().await, None);

    cluster.playground.faults().schedule(Fault::new(FaultKind::CutMidFrame).on(Verb::List));
    let list = cluster.get(EVENTS).await;
    assert!(list.status == 200 && !list.whole);
}

#[tokio::test]
async fn a_compressed_watch_has_a_gzip_member_for_each_message() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::Gzip)).await;
    for name in ["a", "b"] {
        create(&cluster, name).await;
    }
    let mut watch = cluster.ask("GET", WATCH).header("accept-encoding", "gzip").open().await;
    assert_eq!(watch.header("content-encoding"), Some("gzip"));
    let bytes = watch.chunk().await.unwrap();
    let (mut first, mut all) = (String::new(), String::new());
    flate2::read::GzDecoder::new(&*bytes).read_to_string(&mut first).unwrap();
    flate2::read::MultiGzDecoder::new(&*bytes).read_to_string(&mut all).unwrap();
    assert_eq!((first.lines().count(), all.lines().count()), (1, 2));
}

#[tokio::test]
async fn lists_can_be_of_the_past_and_claim_to_be_of_the_future() {
    let cluster = cluster().await;
    for name in ["a", "b", "c"] {
        create(&cluster, name).await;
    }
    let faults = cluster.playground.faults();
    faults.schedule(Fault::new(FaultKind::StaleRevision).value(2));
    let stale = cluster.get(EVENTS).await.json();
    assert_eq!(
        (stale["items"].as_array().unwrap().len(), &stale["metadata"]["resourceVersion"]),
        (1, &json!("1005"))
    );
    faults.schedule(Fault::new(FaultKind::FutureRevision).value(50));
    assert_eq!(cluster.get(EVENTS).await.json()["metadata"]["resourceVersion"], "1057");
}

#[tokio::test]
async fn a_list_cannot_go_on() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::ExpireContinue)).await;
    for name in ["a", "b", "c"] {
        create(&cluster, name).await;
    }
    let first = cluster.get(&format!("{EVENTS}?limit=1")).await.json();
    let token = first["metadata"]["continue"].as_str().unwrap().to_owned();
    let path = format!("{EVENTS}?limit=1&continue={token}");
    let gone = cluster.get(&path).await;
    assert_eq!(gone.status, 410);
    assert!(gone.json()["metadata"]["continue"].is_string());
    assert_eq!(cluster.get(&path).await.status, 200);
}

#[tokio::test]
async fn a_token_is_refused_until_it_changes() {
    let cluster = cluster_with_fault(Fault::new(FaultKind::Unauthorized)).await;
    let ask = |token| cluster.ask("GET", EVENTS).header("authorization", token).send();
    assert_eq!(ask("Bearer old").await.status, 401);
    assert_eq!(ask("Bearer old").await.json()["message"], "Unauthorized");
    assert_eq!(ask("Bearer new").await.status, 200);
}

#[tokio::test]
async fn a_restore_cuts_the_watches_and_gives_revisions_again() {
    let cluster = cluster().await;
    create(&cluster, "kept").await;
    cluster.playground.take_snapshot();
    create(&cluster, "lost").await;
    let mut watch = cluster.ask("GET", WATCH).open().await;
    assert!(watch.message().await.is_some() && watch.message().await.is_some());
    cluster.playground.restore();
    assert_eq!(watch.chunk().await, None);
    create(&cluster, "other").await;
    let list = cluster.get(EVENTS).await.json();
    let versions: Vec<_> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| &item["metadata"]["resourceVersion"])
        .collect();
    assert_eq!(versions, ["1005", "1006"]);
}

#[tokio::test]
async fn a_bookmark_comes_when_it_is_commanded() {
    let cluster = cluster().await;
    let mut watch = cluster.ask("GET", &format!("{WATCH}&allowWatchBookmarks=true")).open().await;
    cluster
        .playground
        .faults()
        .schedule(Fault::new(FaultKind::Bookmark).lasting(Duration::from_secs(60)).times(1));
    let bookmark = watch.message().await.unwrap();
    assert_eq!(
        (&bookmark["type"], &bookmark["object"]["metadata"]["resourceVersion"]),
        (&json!("BOOKMARK"), &json!("1004"))
    );
    cluster.playground.faults().schedule(Fault::new(FaultKind::EndWatch));
    assert_eq!(watch.message().await, None);
}
