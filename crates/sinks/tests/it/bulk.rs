//! `elasticsearch` and `opensearch`: the request, what each document's answer leads to, several hosts, settings.

use std::sync::Arc;

use event::{AnySink, Event, SendError};
use serde_json::{Value, json};

use crate::{
    samples::{self, connect, deliver, events, refusal, run},
    server::{Answer, Server},
};

fn sink(server: &Server, more: Value) -> AnySink {
    let mut settings = more;
    settings["hosts"] = json!([format!("http://{}", server.address)]);
    if settings.get("index").is_none() && settings.get("indexFormat").is_none() {
        settings["index"] = json!("kube-events");
    }
    connect("elasticsearch", settings).unwrap()
}

fn answers(body: &Value) -> Answer {
    Answer::Status(200, String::new(), body.to_string())
}

/// What the lane is told when the three documents are answered so.
fn outcome(items: [(u16, Value); 3]) -> Result<(), SendError> {
    let server = Server::start();
    let items = items.map(|(status, error)| json!({"create": {"status": status, "error": error}}));
    server.answer(answers(&json!({"took": 3, "errors": true, "items": items})));
    run(deliver(&sink(&server, json!({"password": "pass word", "username": "a"})), &events()))
}

fn error(kind: &str, reason: &str) -> Value {
    json!({"type": kind, "reason": reason})
}

/// The lines of the request that a sink with these settings makes.
fn lines(settings: Value, events: &[Arc<Event>]) -> Vec<Value> {
    let server = Server::start();
    server.answer(answers(&json!({"errors": false})));
    run(deliver(&sink(&server, settings), events)).unwrap();
    let body = server.request().body;
    assert!(body.ends_with(b"\n"));
    let lines = std::str::from_utf8(&body).unwrap().lines();
    lines.map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[test]
fn all_documents_go_in_one_request_under_their_ids() {
    let server = Server::start();
    server.answer(answers(&json!({"errors": false})));
    run(deliver(&sink(&server, json!({})), &events())).unwrap();
    assert_eq!(server.requests().len(), 1);
    let request = server.request();
    assert_eq!(
        request.head[0],
        "POST /_bulk?filter_path=errors,items.*.status,items.*.error HTTP/1.1"
    );
    assert_eq!(request.header("content-type"), ["application/x-ndjson"]);
    let lines = lines(json!({}), &events()[1..2]);
    assert_eq!(lines[0], json!({"create": {"_index": "kube-events", "_id": "uid-2/902"}}));
    assert_eq!(lines[1]["reason"], "NodeReady");
}

#[test]
fn with_the_uid_as_id_a_later_revision_replaces_the_one_before() {
    let lines = lines(json!({"useEventID": true, "type": "old"}), &events()[1..2]);
    let action = json!({"index": {"_index": "kube-events", "_type": "old", "_id": "uid-2"}});
    assert_eq!(lines[0], action);
}

#[test]
fn a_data_stream_gets_the_time_where_it_looks_for_it_and_no_replacements() {
    let settings = json!({"dataStream": true, "useEventID": true});
    let lines = lines(settings, &events()[1..2]);
    assert_eq!(lines[0]["create"]["_id"], "uid-2/902");
    assert_eq!(lines[1]["@timestamp"], "2024-06-01T10:09:00.000000Z");
}

#[test]
fn a_body_of_several_lines_is_one_document() {
    let lines = lines(json!({"rawBody": "{\n \"a\": 1\r\n}"}), &events()[..1]);
    assert_eq!(lines[1], json!({"a": 1}));
}

#[test]
fn a_refused_document_is_parked_and_the_rest_arrives() {
    let failed = error("mapper_parsing_exception", "failed to parse field [count]");
    let partial = outcome([(201, json!(null)), (400, failed), (201, json!(null))]).unwrap_err();
    let SendError::Partial { failed } = partial else { panic!("{partial}") };
    let why = "400: mapper_parsing_exception: failed to parse field [count]".to_owned();
    assert_eq!(failed, [(1, Some(why))]);
}

#[test]
fn a_document_that_is_already_there_was_taken() {
    let there = error("version_conflict_engine_exception", "document already exists");
    assert_eq!(outcome([(201, json!(null)), (409, there), (201, json!(null))]), Ok(()));
}

#[test]
fn documents_for_which_there_was_no_room_are_sent_again() {
    let busy = || (429, error("es_rejected_execution_exception", "queue is full"));
    let partial = outcome([busy(), (201, json!(null)), busy()]).unwrap_err();
    assert_eq!(partial, SendError::Partial { failed: vec![(0, None), (2, None)] });
    let all = outcome([busy(), busy(), busy()]).unwrap_err().to_string();
    assert!(all.starts_with("unavailable: http://127.0.0.1:"), "{all}");
    assert!(
        all.ends_with(
            ": none of 3 documents was taken: 429: es_rejected_execution_exception: queue is full"
        ),
        "{all}"
    );
}

#[test]
fn a_right_that_is_missing_blocks_and_parks_nothing() {
    let refused = || (403, error("security_exception", "pass word is unauthorized"));
    let all = outcome([refused(), refused(), refused()]).unwrap_err();
    let SendError::Blocked { reason } = all else { panic!("{all}") };
    assert!(reason.ends_with(": 403: security_exception: *** is unauthorized"), "{reason}");
    let bad = (400, error("mapper_parsing_exception", "x"));
    let partly = outcome([(201, json!(null)), refused(), bad]).unwrap_err();
    let SendError::Partial { failed } = partly else { panic!("{partly}") };
    assert_eq!(failed[0], (1, None));
    assert_eq!(failed[1].0, 2);
    assert!(failed[1].1.is_some());
}

#[test]
fn what_only_settings_can_mend_blocks_and_says_what_to_do() {
    for said in [
        "data stream timestamp field [@timestamp] is missing",
        "documents must contain a single-valued timestamp field '@timestamp' of date type",
        "only write ops with an op_type of create are allowed in data streams",
    ] {
        let missing = json!({
            "type": "mapper_parsing_exception",
            "reason": "failed to parse",
            "caused_by": error("illegal_argument_exception", said),
        });
        let item = || (400, missing.clone());
        let all = outcome([item(), item(), item()]).unwrap_err();
        let SendError::Blocked { reason } = all else { panic!("{all}") };
        let hint = "; the index is a data stream: set `dataStream: true`";
        assert!(reason.ends_with(&format!("{said}{hint}")), "{reason}");
    }
    for (said, hint) in [
        (
            "Action/metadata line [1] contains an unknown parameter [_type]",
            "; this version knows no types: remove `elasticsearch.type`",
        ),
        (
            "Validation Failed: 1: type is missing;",
            "; versions before 7 want a type: set `elasticsearch.type`",
        ),
    ] {
        let server = Server::start();
        server.answer(Answer::Status(400, String::new(), said.to_owned()));
        let blocked = run(deliver(&sink(&server, json!({})), &events())).unwrap_err();
        let SendError::Blocked { reason } = blocked else { panic!("{blocked}") };
        assert!(reason.ends_with(hint), "{reason}");
    }
}

#[test]
fn an_answer_that_is_none_of_a_bulk_api_is_no_success() {
    let server = Server::start();
    server.answer(Answer::Status(200, String::new(), "<html>Log in</html>".to_owned()));
    let blocked = run(deliver(&sink(&server, json!({})), &events())).unwrap_err().to_string();
    assert!(
        blocked.ends_with("<html>Log in</html>; this is no bulk API of elasticsearch"),
        "{blocked}"
    );
    server.answer(Answer::Status(200, String::new(), r#"{"errors": tr"#.to_owned()));
    let cut = run(deliver(&sink(&server, json!({})), &events())).unwrap_err();
    assert!(matches!(cut, SendError::Unavailable { .. }), "{cut}");
}

#[test]
fn hosts_take_turns_and_one_that_is_down_is_left_alone() {
    let (first, second) = (Server::start(), Server::start());
    let nobody = Server::start().address;
    for server in [&first, &second] {
        server.answer(answers(&json!({"errors": false})));
    }
    let hosts = [first.address, nobody, second.address].map(|it| format!("http://{it}"));
    let sink = connect("elasticsearch", json!({"hosts": hosts, "index": "i"})).unwrap();
    let failed = (0..7).filter(|_| run(deliver(&sink, &events())).is_err()).count();
    assert_eq!(failed, 1);
    assert_eq!((first.requests().len(), second.requests().len()), (3, 3));
}

#[test]
fn who_we_are_is_said_in_one_way() {
    for (settings, expected) in [
        (json!({"username": "ann", "password": "p"}), "Basic YW5uOnA="),
        (json!({"username": "ann", "password": "p", "apiKey": "a2V5"}), "APIKey a2V5"),
        // Its two parts, as Elastic shows them beside the encoded form.
        (json!({"apiKey": "id:key"}), "APIKey aWQ6a2V5"),
        (json!({"headers": {"authorization": "Bearer t"}, "apiKey": "a2V5"}), "Bearer t"),
    ] {
        let server = Server::start();
        server.answer(answers(&json!({"errors": false})));
        run(deliver(&sink(&server, settings), &events()[..1])).unwrap();
        assert_eq!(server.request().header("authorization"), [expected]);
    }
    let server = Server::start();
    server.answer(answers(&json!({"errors": false})));
    let hosts = [format!("http://ann:p@{}", server.address), format!("http://{}", server.address)];
    let sink = connect(
        "opensearch",
        json!({"hosts": hosts, "index": "i", "username": "b", "password": "c"}),
    );
    let sink = sink.unwrap();
    for _ in 0..2 {
        run(deliver(&sink, &events()[..1])).unwrap();
        assert_eq!(server.request().header("authorization"), ["Basic YW5uOnA="]);
    }
}

#[test]
fn a_probe_gives_nothing_and_says_whether_we_are_known() {
    let server = Server::start();
    let sink = sink(&server, json!({}));
    server.answer(Answer::Status(400, String::new(), "request body is required".into()));
    let said = run(sink.probe()).unwrap().unwrap();
    assert!(said.ends_with(" answered 400 Bad Request to an empty request"), "{said}");
    assert_eq!(server.request().body, b"");
    server.answer(Answer::status(401));
    assert!(matches!(run(sink.probe()), Err(SendError::Blocked { .. })));
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (settings, expected) in [
        (json!({}), "`elasticsearch.index`: is missing; name the index, or give `indexFormat`"),
        (
            json!({"hosts": ["http://a"], "cloudID": "a:b", "index": "i"}),
            "`elasticsearch`: `hosts` and `cloudID` are both set; keep one of them",
        ),
        (
            json!({"cloudID": "nonsense", "index": "i"}),
            "`elasticsearch.cloudID`: is none; copy it from the deployment's page, `name:letters`",
        ),
        (json!({"hosts": ["tok3n"], "index": "i"}), "`elasticsearch.hosts`: is no URL"),
        (
            json!({"index": "i", "timeout": "soon"}),
            "`elasticsearch`: `timeout`: `soon` is no duration above 0; write `10s`",
        ),
    ] {
        assert_eq!(refusal("elasticsearch", settings), expected);
    }
}

#[test]
fn every_key_of_the_original_is_known() {
    let common = json!({
        "hosts": [], "username": "", "password": "", "useEventID": true, "deDot": true,
        "index": "", "indexFormat": "", "type": "", "tls": {}, "layout": {},
    });
    let mut elastic = common.clone();
    elastic["cloudID"] = json!("");
    elastic["apiKey"] = json!("");
    elastic["headers"] = json!({});
    for (kind, settings) in [("elasticsearch", elastic), ("opensearch", common)] {
        assert_eq!((samples::kind(kind).check)(&settings, ""), [], "{kind}");
    }
}

/// The other side of the test below.
#[test]
#[ignore = "runs in a process of its own"]
fn signs_in_a_process_of_its_own() {
    let host = std::env::var("TIDINGS_TEST_ENDPOINT").unwrap();
    let settings = json!({"hosts": [host], "index": "i", "aws": {"region": "eu-west-1"}});
    println!("{:?}", run(deliver(&connect("opensearch", settings).unwrap(), &events())));
}

#[test]
fn requests_are_signed_for_aws_with_the_credentials_of_the_environment() {
    let signed = |server: &Server, key: Option<&str>| {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child
            .args(["--exact", "bulk::signs_in_a_process_of_its_own", "--ignored", "--nocapture"])
            .env("TIDINGS_TEST_ENDPOINT", format!("http://{}", server.address))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_CONFIG_FILE", "/nowhere")
            .env("AWS_SHARED_CREDENTIALS_FILE", "/nowhere");
        if let Some(key) = key {
            child.env("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE").env("AWS_SECRET_ACCESS_KEY", key);
            child.env("AWS_SESSION_TOKEN", "s3ssion");
        }
        String::from_utf8(child.output().unwrap().stdout).unwrap()
    };
    let server = Server::start();
    server.answer(answers(&json!({"errors": false})));
    let printed = signed(&server, Some("s3cret"));
    assert!(printed.contains("Ok(())"), "{printed}");
    let request = server.request();
    let authorization = request.header("authorization")[0];
    assert!(
        authorization.starts_with("AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/"),
        "{authorization}"
    );
    assert!(
        authorization.contains("/eu-west-1/es/aws4_request, SignedHeaders="),
        "{authorization}"
    );
    assert!(authorization.contains("x-amz-content-sha256"), "{authorization}");
    assert_eq!(request.header("x-amz-security-token"), ["s3ssion"]);
    assert_eq!(request.header("x-amz-content-sha256")[0].len(), 64);
    server.answer(Answer::Echo(403));
    let printed = signed(&server, Some("s3cret"));
    assert!(printed.contains("Blocked") && !printed.contains("s3cret"), "{printed}");
    let printed = signed(&server, None);
    assert!(printed.contains("Blocked") && printed.contains("es in eu-west-1"), "{printed}");
}
