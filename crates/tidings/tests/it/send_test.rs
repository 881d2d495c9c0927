//! `tidings send-test`: one marked event, the whole way to a receiver.

use serde_json::Value;

use crate::support::{Hook, Scene, assert_like, core, nowhere};

fn config(url: &str) -> String {
    format!(
        "clusterName: prod\nreceivers:\n- {{name: hook, webhook: {{endpoint: '{url}'}}}}\n- {{name: file, file: {{path: events.jsonl}}}}\n"
    )
}

#[tokio::test]
async fn a_receiver_gets_one_event_that_says_what_it_is() {
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::new(&config(&hook.url()));
    let ended = scene.run("send-test --config config.yaml --receiver hook").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    let place = hook.url();
    let place = place.trim_end_matches('/');
    assert_like(&ended.out, &format!("hook (webhook): * bytes to {place}: taken, in * ms\n"));
    let taken = hook.taken();
    let event: Value = serde_json::from_str(&taken[0]).unwrap();
    assert_eq!(
        (taken.len(), &event["reason"], &event["clusterName"]),
        (1, &"TidingsTest".into(), &"prod".into())
    );
    let message = event["message"].as_str().unwrap();
    assert_like(
        message,
        "This is a test that * sent with `tidings send-test` at 20*Z, to see that events reach the receiver `hook`. \
         Nothing has happened in the cluster.",
    );
}

#[tokio::test]
async fn all_receivers_get_an_event_of_the_users_own_with_a_mark() {
    let hook = Hook::start(|_| 200).await;
    let scene = Scene::new(&config(&hook.url()));
    scene.write("event.json", core("a", 5, 1));
    let ended = scene.run("send-test --config config.yaml --all --event event.json").await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""));
    assert_like(
        &ended.out,
        "hook (webhook): * bytes to http://*: taken, in * ms\nfile (file): * bytes to events.jsonl: taken, in * ms\n",
    );
    for text in [&hook.taken()[0], &scene.events()[0]] {
        let event: Value = serde_json::from_str(text).unwrap();
        assert_eq!(event["metadata"]["name"], "a");
        assert_like(event["message"].as_str().unwrap(), "TidingsTest, sent by * at 20*Z: a < b");
    }
    scene.write("event.json", format!("{}\n{}", core("a", 5, 1), core("b", 6, 1)));
    let ended = scene.run("send-test --config config.yaml --all --event event.json").await;
    assert_eq!(ended.code, Some(1));
    assert_eq!(ended.log, "error: one event is expected in `event.json`, and there are 2\n");
}

/// What is said when the receiver answers with this.
async fn refused(url: &str, expected: &str) {
    let scene = Scene::new(&config(url));
    let ended = scene.run("send-test --config config.yaml -r hook -r file").await;
    assert_eq!((ended.code, &*ended.log), (Some(1), ""));
    let more = "file (file): * bytes to events.jsonl: taken, in * ms\n";
    assert_like(&ended.out, &format!("{expected}{more}"));
}

#[tokio::test]
async fn a_failure_says_what_to_do_and_the_others_are_tried() {
    let refuses_us = Hook::start(|_| 401).await;
    refused(
        &refuses_us.url(),
        "hook (webhook): * bytes to http://*: failed after * ms: blocked: *401*\n   \
         hint: it refuses us, not the event: check the address, the token and its permissions; a run would keep events meanwhile\n",
    )
    .await;
    let refuses_this = Hook::start(|_| 422).await;
    refused(
        &refuses_this.url(),
        "hook (webhook): * bytes to http://*: failed after * ms: rejected: *422*\n   \
         hint: it refuses what is sent: compare `tidings render` with what it expects; a run would park such events\n",
    )
    .await;
    refused(
        &format!("http://{}/", nowhere()),
        "hook (webhook): * bytes to http://*: failed after * ms: unavailable: *\n   \
         hint: a run would keep events and try again until it answers; check the address, the network and HTTPS_PROXY\n",
    )
    .await;
}

#[tokio::test]
async fn without_a_receiver_nothing_is_sent() {
    let scene = Scene::new(&config("http://127.0.0.1:1/"));
    assert_eq!(scene.run("send-test --config config.yaml").await.code, Some(2));
    assert_eq!(scene.run("send-test --config config.yaml -r nobody").await.code, Some(2));
}
