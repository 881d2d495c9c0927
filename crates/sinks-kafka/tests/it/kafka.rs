//! `kafka` beyond what every kind does.

use std::{collections::BTreeMap, sync::Arc};

use event::{AnySink, Event, SendError};
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr as Error};
use serde_json::{Value, json};

use crate::{
    broker::Broker,
    cluster::{Cluster, Record, TOPIC},
    samples::{connect, deliver, events, refusal, run},
};

fn sink(cluster: &Cluster, more: &Value) -> AnySink {
    let mut settings = cluster.settings();
    for (key, value) in more.as_object().unwrap() {
        settings[key] = value.clone();
    }
    connect("kafka", settings).unwrap()
}

fn many(count: usize) -> Vec<Arc<Event>> {
    let event = |index: usize| {
        let mut event = Event::default();
        event.metadata.uid = format!("uid-{index}").into();
        event.metadata.resource_version = "7".into();
        Arc::new(event)
    };
    (0..count).map(event).collect()
}

fn keys(records: &[Record]) -> Vec<&str> {
    let mut keys: Vec<_> = records.iter().map(|record| record.key.as_str()).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn a_record_has_the_events_uid_as_its_key_and_its_id_as_a_header() {
    let cluster = Cluster::start();
    let sink = sink(&cluster, &json!({}));
    let mut again = events();
    again.truncate(1);
    Arc::make_mut(&mut again[0]).replay = true;
    run(async {
        deliver(&sink, &events()).await.unwrap();
        deliver(&sink, &again).await.unwrap();
    });
    let records = cluster.records();
    assert_eq!(records.len(), 4);
    let uid = events()[0].metadata.uid.to_string();
    let of_one: Vec<_> = records.iter().filter(|record| record.key == uid).collect();
    let id = format!("{uid}/901");
    let header = |key: &str, value: &str| (key.to_owned(), value.to_owned());
    assert_eq!(of_one[0].headers, BTreeMap::from([header("Idempotency-Key", &id)]));
    let replayed = [header("Idempotency-Key", &id), header("Tidings-Replay", "1")];
    assert_eq!(of_one[1].headers, BTreeMap::from(replayed));
    assert_eq!(of_one[0].partition, of_one[1].partition);
    let mut document = Vec::new();
    event::document::write(&mut document, &events()[0]);
    assert_eq!(of_one[0].value, document);
}

#[test]
fn every_compression_arrives() {
    for codec in ["none", "snappy", "gzip", "lz4", "zstd"] {
        let cluster = Cluster::start();
        let sink = sink(&cluster, &json!({"compressionCodec": codec}));
        run(deliver(&sink, &many(200))).unwrap();
        assert_eq!(cluster.records().len(), 200, "{codec}");
    }
}

#[test]
fn what_one_broker_took_is_not_sent_again_when_the_other_is_down() {
    let cluster = Cluster::start();
    let sink = sink(&cluster, &json!({}));
    cluster.mock.broker_down(2).unwrap();
    let events = many(40);
    let Err(SendError::Partial { failed }) = run(deliver(&sink, &events)) else { panic!() };
    assert!(!failed.is_empty() && failed.len() < 40);
    assert!(failed.iter().all(|(_, why)| why.is_none()));
    cluster.mock.broker_up(2).unwrap();
    let again: Vec<_> = failed.iter().map(|(index, _)| Arc::clone(&events[*index])).collect();
    run(deliver(&sink, &again)).unwrap();
    let all = many(40);
    let mut expected: Vec<_> = all.iter().map(|event| event.metadata.uid.as_str()).collect();
    expected.sort_unstable();
    assert_eq!(keys(&cluster.records()), expected);
}

#[test]
fn a_leader_that_moves_is_followed_within_the_same_send() {
    let cluster = Cluster::start();
    let sink = sink(&cluster, &json!({}));
    let moved = [Error::RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION; 2];
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &moved);
    run(deliver(&sink, &many(10))).unwrap();
    assert_eq!(cluster.records().len(), 10);
}

#[test]
fn a_record_that_a_topic_finds_too_large_is_refused() {
    let cluster = Cluster::start();
    let sink = sink(&cluster, &json!({}));
    let large = [Error::RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE; 8];
    cluster.mock.request_errors(RDKafkaApiKey::Produce, &large);
    let error = run(deliver(&sink, &many(1))).unwrap_err();
    assert_eq!(
        error.to_string(),
        "rejected: topic `events`: MessageSizeTooLarge (Broker: Message size too large)"
    );
}

#[test]
fn a_user_who_may_not_write_is_blocked_until_he_may() {
    let cluster = Cluster::start();
    let sink = sink(&cluster, &json!({}));
    let denied = Error::RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
    cluster.mock.request_errors(RDKafkaApiKey::InitProducerId, &[denied]);
    let error = run(deliver(&sink, &many(3))).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    assert!(error.to_string().contains("`idempotent: false`"), "{error}");
    run(deliver(&sink, &many(3))).unwrap();
    assert_eq!(cluster.records().len(), 3);
}

#[test]
fn a_topic_that_is_not_there_blocks_and_is_found_once_it_is() {
    let cluster = Cluster::start();
    let sink = sink(&cluster, &json!({}));
    cluster.mock.topic_error(TOPIC, Error::RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART).unwrap();
    for error in [run(sink.probe()).unwrap_err(), run(deliver(&sink, &many(1))).unwrap_err()] {
        assert!(matches!(error, SendError::Blocked { .. }), "{error}");
        assert!(error.to_string().ends_with("; create the topic"), "{error}");
    }
    cluster.mock.topic_error(TOPIC, Error::RD_KAFKA_RESP_ERR_NO_ERROR).unwrap();
    run(deliver(&sink, &many(1))).unwrap();
    let said = run(sink.probe()).unwrap();
    assert_eq!(said.as_deref(), Some("topic `events` is there, and takes records"));
}

#[test]
fn brokers_that_are_down_are_no_reason_not_to_start() {
    let cluster = Cluster::start();
    cluster.down();
    let sink = sink(&cluster, &json!({}));
    let error = run(deliver(&sink, &many(2))).unwrap_err();
    assert!(matches!(error, SendError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains("refused"), "{error}");
    cluster.up();
    run(deliver(&sink, &many(2))).unwrap();
    assert_eq!(cluster.records().len(), 2);
}

#[test]
fn a_wrong_password_blocks_at_once_and_is_not_repeated() {
    let broker = Broker::start();
    let settings = json!({
        "brokers": [broker.address.to_string()],
        "topic": TOPIC,
        "sasl": {"enable": true, "username": "ann", "password": "hunter22"},
    });
    let sink = connect("kafka", settings).unwrap();
    let error = run(deliver(&sink, &many(2))).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    let text = format!("{error} {error:?} {sink:?}");
    assert!(text.contains("Authentication failed for") && text.contains("ann"), "{text}");
    assert!(!text.contains("hunter22"), "{text}");
}

#[test]
fn avro_goes_behind_the_id_of_its_schema_unless_a_layout_is_given() {
    let cluster = Cluster::start();
    let schema = json!({"type": "record", "name": "Event", "fields": [
        {"name": "reason", "type": "string"},
    ]});
    let avro = json!({"schemaID": "0f".repeat(16), "schema": schema.to_string()});
    let sink = sink(&cluster, &json!({"avro": avro}));
    let mut event = Event::default();
    event.metadata.uid = "a".into();
    event.reason = "Up".into();
    run(deliver(&sink, &[Arc::new(event)])).unwrap();
    let mut expected = vec![0];
    expected.extend([0x0f; 16]);
    expected.extend(b"\x04Up");
    assert_eq!(cluster.records()[0].value, expected);

    let mut settings = cluster.settings();
    settings["avro"] = avro;
    settings["layout"] = json!({"r": "{{ .Reason }}"});
    let sink = connect("kafka", settings).unwrap();
    let payloads = sink.encode(&events()[..1].to_vec()).unwrap();
    assert_eq!(payloads[0].body, r#"{"r":"BackOff"}"#);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    assert_eq!(
        refusal("kafka", json!({"topic": "events"})),
        "`kafka`: `brokers` is missing; give the addresses, `[kafka:9092]`"
    );
    assert_eq!(
        refusal("kafka", json!({"brokers": ["a:9092"]})),
        "`kafka`: `topic` is missing, or longer than the 249 characters of any topic"
    );
    let avro = json!({"schemaID": "x", "schema": "{}"});
    assert_eq!(
        refusal("kafka", json!({"brokers": ["a:9092"], "topic": "t", "avro": avro})),
        "`kafka`: `avro.schemaID`: `x` is no id of 32 hexadecimal digits"
    );
    let file = tempfile::NamedTempFile::new().unwrap();
    let tls = json!({"enable": true, "caFile": file.path()});
    let text = refusal("kafka", json!({"brokers": ["a:9092"], "topic": "t", "tls": tls}));
    assert!(text.contains("ssl.ca.location"), "{text}");
}
