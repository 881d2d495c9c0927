//! What the kinds in Google Cloud do beyond what every kind does.

use std::sync::Arc;

use event::{Event, SendError};
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Cloud, DONE, Destination},
    samples::{connect, deliver, events, refusal, run},
    server::Answer as HttpAnswer,
};

fn many(count: usize) -> Vec<Arc<Event>> {
    let event = |index: usize| {
        let mut event = Event::default();
        event.metadata.uid = format!("uid-{index}").into();
        event.metadata.resource_version = "7".into();
        Arc::new(event)
    };
    (0..count).map(event).collect()
}

fn json_answer(status: u16, body: &Value) -> HttpAnswer {
    HttpAnswer::Status(status, String::new(), body.to_string())
}

/// What Google says of an error.
fn error(status: u16, reason: &str) -> HttpAnswer {
    let error = json!({"code": status, "message": "said so", "errors": [{"reason": reason}]});
    json_answer(status, &json!({"error": error}))
}

fn lines(cloud: &Cloud) -> Vec<String> {
    cloud.server.requests().into_iter().map(|request| request.head[0].clone()).collect()
}

#[test]
fn a_message_says_which_event_it_is() {
    let cloud = Cloud::pubsub();
    run(deliver(&cloud.sink(), &events())).unwrap();
    let request = cloud.server.request();
    assert_eq!(request.head[0], "POST /v1/projects/project/topics/events:publish HTTP/1.1");
    assert_eq!(request.header("authorization"), [""; 0]);
    let body: Value = serde_json::from_slice(&request.body).unwrap();
    let id = &body["messages"][1]["attributes"]["Idempotency-Key"];
    assert_eq!(*id, "uid-2/902");
}

#[test]
fn a_topic_that_is_not_there_is_made_if_that_is_wanted() {
    let cloud = Cloud::pubsub();
    cloud.server.answer(error(404, "notFound"));
    let text = run(deliver(&cloud.sink(), &many(1))).unwrap_err().to_string();
    assert!(text.ends_with("; create the topic, or set `create_topic: true`"), "{text}");

    let mut settings = cloud.settings();
    settings["create_topic"] = json!(true);
    let sink = connect("pubsub", settings).unwrap();
    // Somebody else makes it at the same time.
    cloud.server.answer_at("PUT", error(409, "alreadyExists"));
    let outcome = run(deliver(&sink, &many(1)));
    assert!(matches!(outcome, Err(SendError::Blocked { .. })), "{outcome:?}");
    let asked = lines(&cloud);
    assert_eq!(asked[1], "POST /v1/projects/project/topics/events:publish HTTP/1.1");
    assert_eq!(asked[2], "PUT /v1/projects/project/topics/events HTTP/1.1");
    assert_eq!(asked[3], asked[1]);
}

#[test]
fn a_topic_that_is_there_is_no_reason_not_to_start() {
    let cloud = Cloud::start(
        "pubsub",
        json!({"gcloud_project_id": "project", "topic": "events", "create_topic": true}),
    );
    run(deliver(&cloud.sink(), &many(1))).unwrap();
    assert_eq!(lines(&cloud).len(), 1);
}

#[test]
fn too_many_requests_are_a_403_at_google() {
    for reason in ["rateLimitExceeded", "quotaExceeded"] {
        let cloud = Cloud::bigquery();
        cloud.server.answer(error(403, reason));
        let text = run(deliver(&cloud.sink(), &many(1))).unwrap_err().to_string();
        assert!(text.starts_with("unavailable: "), "{text}");
    }
    let cloud = Cloud::bigquery();
    cloud.server.answer(error(403, "accessDenied"));
    let text = run(deliver(&cloud.sink(), &many(1))).unwrap_err().to_string();
    assert!(text.starts_with("blocked: "), "{text}");
}

#[test]
fn a_load_job_makes_the_table_and_its_columns() {
    let cloud = Cloud::bigquery();
    run(deliver(&cloud.sink(), &events())).unwrap();
    let request = cloud.server.request();
    assert_eq!(
        request.head[0],
        "POST /upload/bigquery/v2/projects/project/jobs?uploadType=multipart HTTP/1.1"
    );
    assert_eq!(request.header("content-type"), ["multipart/related; boundary=tidings-part"]);
    let body = String::from_utf8(request.body).unwrap();
    let parts: Vec<_> = body.split("--tidings-part").collect();
    assert_eq!(parts.len(), 4, "{body}");
    assert_eq!(parts[3], "--\r\n");
    let content = |part: &str| part.split_once("\r\n\r\n").unwrap().1.trim_end().to_owned();
    let job: Value = serde_json::from_str(&content(parts[1])).unwrap();
    let load = &job["configuration"]["load"];
    assert_eq!(load["autodetect"], true);
    assert_eq!(load["destinationTable"]["tableId"], "events-1");
    assert_eq!(load["schemaUpdateOptions"], json!(["ALLOW_FIELD_ADDITION"]));
    assert_eq!(job["jobReference"]["location"], "US");
    let id = job["jobReference"]["jobId"].as_str().unwrap();
    assert!(id.starts_with("tidings_cluster_events_1_"), "{id}");
    let rows = content(parts[2]);
    assert_eq!(rows.lines().count(), 3);
    assert!(rows.contains(r#""x_y_z":"<&>""#), "{rows}");
}

#[test]
fn a_job_is_waited_for_until_it_ends() {
    let cloud = Cloud::bigquery();
    cloud.server.answer_at("POST", json_answer(200, &json!({"status": {"state": "RUNNING"}})));
    let invalid = json!({"reason": "invalid", "message": "too many errors"});
    let state = json!({"status": {"state": "DONE", "errorResult": invalid}});
    cloud.server.answer_at("GET", json_answer(200, &state));
    let text = run(deliver(&cloud.sink(), &many(1))).unwrap_err().to_string();
    assert_eq!(text, "rejected: the load job failed: invalid: too many errors");
    let asked = lines(&cloud).pop().unwrap();
    assert!(
        asked.starts_with("GET /bigquery/v2/projects/project/jobs/tidings_cluster_"),
        "{asked}"
    );
    assert!(asked.contains("?location=US "), "{asked}");
}

#[test]
fn a_job_that_never_ends_is_asked_for_again_later() {
    let cloud = Cloud::bigquery();
    cloud.server.answer(json_answer(200, &json!({"status": {"state": "RUNNING"}})));
    let mut settings = cloud.settings();
    settings["timeout_seconds"] = json!(2);
    let sink = connect("bigquery", settings).unwrap();
    let text = run(deliver(&sink, &many(1))).unwrap_err().to_string();
    assert!(text.ends_with(" did not end within 2s"), "{text}");
}

#[test]
fn a_job_that_we_did_not_hear_of_is_not_run_twice() {
    let cloud = Cloud::bigquery();
    cloud.server.answer_at("POST", error(409, "duplicate"));
    cloud.server.answer_at("GET", HttpAnswer::Status(200, String::new(), DONE.to_owned()));
    assert_eq!(run(deliver(&cloud.sink(), &many(1))), Ok(()));
    let asked = lines(&cloud);
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[test]
fn the_same_events_are_the_same_job_and_events_that_are_asked_for_again_another() {
    let sink = Cloud::bigquery().sink();
    let job =
        |events: &[Arc<Event>]| sink.encode(&events.to_vec()).unwrap()[0].headers[0].1.clone();
    assert_eq!(job(&many(3)), job(&many(3)));
    assert_ne!(job(&many(3)), job(&many(2)));
    let mut again = many(3);
    Arc::make_mut(&mut again[1]).replay = true;
    assert!(job(&again).starts_with(&job(&many(3))));
    assert_ne!(job(&again), job(&many(3)));
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (kind, settings, expected) in [
        ("pubsub", json!({"topic": "t"}), "`pubsub`: `gcloud_project_id` is missing"),
        ("pubsub", json!({"gcloud_project_id": "p"}), "`pubsub`: `topic` is missing"),
        ("bigquery", json!({"project": "p", "dataset": "d"}), "`bigquery`: `table` is missing"),
    ] {
        assert_eq!(refusal(kind, settings), expected);
    }
    let settings = json!({"gcloud_project_id": "p", "topic": "t", "credentials_path": "/nowhere"});
    let text = refusal("pubsub", settings);
    assert!(text.starts_with("`pubsub`: `credentials_path`: `/nowhere`: "), "{text}");
}

#[test]
fn the_destination_says_whether_it_is_there() {
    let cloud = Cloud::pubsub();
    cloud.answer(Answer::Accept);
    let said = run(cloud.sink().probe()).unwrap().unwrap();
    assert!(said.ends_with(" answered 200 OK for the topic"), "{said}");
    cloud.server.answer(error(401, "unauthenticated"));
    assert!(matches!(run(cloud.sink().probe()), Err(SendError::Blocked { .. })));
}
