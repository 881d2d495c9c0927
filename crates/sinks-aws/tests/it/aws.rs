//! What the kinds in AWS do beyond what every kind does.

use std::sync::Arc;

use event::{AnySink, Event, SendError};
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Cloud, Destination, decoded},
    samples::{deliver, events, refusal, run},
    server::Answer as HttpAnswer,
};

/// A destination of a kind with its least settings.
fn cloud(kind: &'static str) -> Cloud {
    let own = match kind {
        "kinesis" => json!({"streamName": "events"}),
        "firehose" => json!({"deliveryStreamName": "events"}),
        "sqs" => json!({"queueName": "events"}),
        "sns" => json!({"topicARN": "arn:aws:sns:eu-west-1:123456789012:events"}),
        "eventbridge" => json!({"detailType": "deploy", "source": "cluster"}),
        "cloudwatch" => json!({"logGroup": "/events"}),
        other => panic!("{other}"),
    };
    Cloud::start(kind, own)
}

fn send(cloud: &Cloud, sink: &AnySink, count: usize) -> Result<(), SendError> {
    cloud.answer(Answer::Accept);
    run(deliver(sink, &many(count)))
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

/// What the lane is told when the action is answered so.
fn told(kind: &'static str, action: &str, answer: &Value) -> SendError {
    let cloud = cloud(kind);
    cloud.action(action, 200, answer);
    run(deliver(&cloud.sink(), &many(3))).unwrap_err()
}

#[test]
fn a_request_is_signed_for_its_service_and_region() {
    let cloud = cloud("kinesis");
    send(&cloud, &cloud.sink(), 1).unwrap();
    let request = cloud.server.request();
    assert_eq!(request.header("x-amz-target"), ["Kinesis_20131202.PutRecords"]);
    assert_eq!(request.header("content-type"), ["application/x-amz-json-1.1"]);
    assert_eq!(request.header("x-amz-date"), ["20240601T101000Z"]);
    let signature = request.header("authorization");
    let expected = "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20240601/eu-west-1/kinesis/aws4_request, \
                    SignedHeaders=content-type;host;x-amz-date;x-amz-target, Signature=";
    assert!(signature[0].starts_with(expected), "{}", signature[0]);
}

#[test]
fn a_record_in_the_middle_that_is_refused_is_parked_and_the_rest_arrives() {
    let refused = json!({"ErrorCode": "InvalidArgument", "ErrorMessage": "no"});
    let results = json!([{"EventId": "a"}, refused, {"EventId": "c"}]);
    for (kind, action, list, place) in [
        ("kinesis", "PutRecords", "Records", "stream `events`"),
        ("firehose", "PutRecordBatch", "RequestResponses", "delivery stream `events`"),
        ("eventbridge", "PutEvents", "Entries", "bus `default`"),
    ] {
        let why = format!("{place}: InvalidArgument: no");
        let expected = SendError::Partial { failed: vec![(1, Some(why))] };
        assert_eq!(told(kind, action, &json!({list: results})), expected, "{kind}");
    }
}

#[test]
fn a_record_that_was_too_much_at_once_is_sent_again() {
    let busy =
        json!({"ErrorCode": "ProvisionedThroughputExceededException", "ErrorMessage": "slow"});
    let results = json!([busy, {"SequenceNumber": "1"}, busy]);
    let answer = json!({"FailedRecordCount": 2, "Records": results});
    let expected = SendError::Partial { failed: vec![(0, None), (2, None)] };
    assert_eq!(told("kinesis", "PutRecords", &answer), expected);
    let answer = json!({"FailedRecordCount": 3, "Records": [busy, busy, busy]});
    assert_eq!(
        told("kinesis", "PutRecords", &answer).to_string(),
        "unavailable: stream `events`: ProvisionedThroughputExceededException: slow"
    );
}

#[test]
fn a_queue_says_whose_fault_each_message_is() {
    let failed = json!([
        {"Id": "0", "Code": "InternalError", "Message": "later", "SenderFault": false},
        {"Id": "2", "Code": "Strange", "Message": "never", "SenderFault": true},
    ]);
    let Err(SendError::Partial { failed }) =
        Err::<(), _>(told("sqs", "SendMessageBatch", &json!({"Failed": failed})))
    else {
        panic!()
    };
    assert_eq!(failed[0], (0, None));
    let why = "queue `events`: InvalidParameterValue: Strange: never";
    assert_eq!(failed[1], (2, Some(why.to_owned())));
}

#[test]
fn errors_of_aws_are_told_apart_by_their_code() {
    for (code, status, expected) in [
        ("ThrottlingException", 400, "unavailable"),
        ("InternalFailure", 500, "unavailable"),
        ("AccessDeniedException", 400, "blocked"),
        ("UnrecognizedClientException", 400, "blocked"),
        ("ResourceNotFoundException", 400, "blocked"),
        ("ValidationException", 400, "rejected"),
        ("SomethingNew", 400, "rejected"),
        ("SomethingNew", 503, "unavailable"),
    ] {
        let cloud = cloud("kinesis");
        let body = json!({"__type": format!("com.amazonaws.kinesis#{code}"), "message": "said so"});
        cloud.action("PutRecords", status, &body);
        let error = run(deliver(&cloud.sink(), &many(2))).unwrap_err().to_string();
        let place = format!("http://{}", cloud.server.address);
        assert_eq!(error, format!("{expected}: {place}: {code}: said so"));
    }
}

#[test]
fn an_error_of_a_topic_is_xml() {
    let cloud = cloud("sns");
    let body = "<ErrorResponse><Error><Type>Sender</Type><Code>AuthorizationError</Code>\
                <Message>not yours</Message></Error></ErrorResponse>";
    cloud.server.answer(HttpAnswer::Status(403, String::new(), body.to_owned()));
    let error = run(deliver(&cloud.sink(), &many(2))).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    assert!(error.to_string().ends_with(": AuthorizationError: not yours"), "{error}");
}

#[test]
fn a_queue_that_is_not_there_yet_is_found_once_it_is() {
    let cloud = cloud("sqs");
    let sink = cloud.sink();
    let missing = json!({"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "none"});
    cloud.action("GetQueueUrl", 400, &missing);
    let error = run(deliver(&sink, &many(1))).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    send(&cloud, &sink, 1).unwrap();
    let body: Value = serde_json::from_slice(&cloud.server.request().body).unwrap();
    assert_eq!(body["QueueUrl"], "http://sqs.example.com/123456789012/events");
    send(&cloud, &sink, 1).unwrap();
    let asked = cloud.server.requests();
    let asked = asked.iter().filter(|it| it.header("x-amz-target") == ["AmazonSQS.GetQueueUrl"]);
    assert_eq!(asked.count(), 2);
}

#[test]
fn a_queue_that_keeps_order_is_told_the_object_and_the_id() {
    let cloud = Cloud::start("sqs", json!({"queueName": "events.fifo"}));
    cloud.answer(Answer::Accept);
    run(deliver(&cloud.sink(), &events()[..1])).unwrap();
    let body: Value = serde_json::from_slice(&cloud.server.request().body).unwrap();
    let message = &body["Entries"][0];
    assert_eq!(message["MessageGroupId"], "22bb");
    assert_eq!(message["MessageDeduplicationId"], "0b5c7a6e-7a58-4c4c-9a39-3f2f8ad0a111/901");
    let id = &message["MessageAttributes"]["Idempotency-Key"]["StringValue"];
    assert_eq!(*id, message["MessageDeduplicationId"]);
}

#[test]
fn a_bus_is_told_when_it_happened_and_not_when_it_was_sent() {
    let cloud = cloud("eventbridge");
    let sink = crate::samples::connect("eventbridge", {
        let mut settings = cloud.settings();
        settings["details"] = json!({"reason": "{{ .Reason }}"});
        settings
    });
    run(deliver(&sink.unwrap(), &events()[1..2])).unwrap();
    let body: Value = serde_json::from_slice(&cloud.server.request().body).unwrap();
    // 2024-06-01T10:09:00Z
    let expected = json!({
        "Time": 1_717_236_540, "Source": "cluster", "DetailType": "deploy",
        "Detail": r#"{"reason":"NodeReady"}"#,
    });
    assert_eq!(body["Entries"][0], expected);
}

#[test]
fn an_item_that_was_made_before_is_made() {
    let own = json!({"title": "t", "description": "d", "source": "s"});
    let cloud = Cloud::start("opscenter", own);
    let there = json!({"__type": "OpsItemAlreadyExistsException", "message": "there"});
    cloud.action("CreateOpsItem", 400, &there);
    assert_eq!(run(deliver(&cloud.sink(), &many(1))), Ok(()));
}

#[test]
fn a_priority_that_is_no_number_is_the_events_fault() {
    let own = json!({"title": "t", "description": "d", "source": "s", "priority": "{{ .Reason }}"});
    let sink = Cloud::start("opscenter", own).sink();
    let rejected = sink.encode(&events()).unwrap_err();
    assert_eq!(rejected.reason, "priority: `BackOff` is no whole number");
}

#[test]
fn lines_go_by_time_and_what_was_refused_is_found_again() {
    let mut batch = many(3);
    for (event, time) in batch.iter_mut().zip(["10:00:02", "10:00:00", "10:00:01"]) {
        let time = format!("2024-06-01T{time}Z").parse().unwrap();
        Arc::make_mut(event).last_timestamp = Some(time);
    }
    let cloud = cloud("cloudwatch");
    let answer = json!({"rejectedLogEventsInfo": {"tooOldLogEventEndIndex": 1, "tooNewLogEventStartIndex": 2}});
    cloud.action("PutLogEvents", 200, &answer);
    let Err(SendError::Partial { failed }) = run(deliver(&cloud.sink(), &batch)) else { panic!() };
    let failed: Vec<_> = failed.iter().map(|(index, why)| (*index, why.is_some())).collect();
    assert_eq!(failed, [(1, true), (0, true)]);
    let body: Value = serde_json::from_slice(&cloud.server.request().body).unwrap();
    let times: Vec<_> =
        body["logEvents"].as_array().unwrap().iter().map(|it| it["timestamp"].as_i64()).collect();
    assert!(times.is_sorted(), "{times:?}");
    assert_eq!(cloud.server.request().header("order"), [""; 0]);
}

#[test]
fn a_log_group_that_is_not_there_is_made() {
    let cloud = cloud("cloudwatch");
    let missing = json!({"__type": "ResourceNotFoundException", "message": "no group"});
    cloud.action("PutLogEvents", 400, &missing);
    let there = json!({"__type": "ResourceAlreadyExistsException", "message": "there"});
    cloud.action("CreateLogGroup", 400, &there);
    let error = run(deliver(&cloud.sink(), &many(1))).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    let requests = cloud.server.requests();
    let actions: Vec<_> = requests.iter().flat_map(|it| it.header("x-amz-target")).collect();
    let expected = ["PutLogEvents", "CreateLogGroup", "CreateLogStream", "PutLogEvents"];
    assert_eq!(actions, expected.map(|action| format!("Logs_20140328.{action}")));
    let body: Value = serde_json::from_slice(&requests[2].body).unwrap();
    assert_eq!(body, json!({"logGroupName": "/events", "logStreamName": "test"}));
}

#[test]
fn who_we_are_can_be_asked_without_sending_anything() {
    let cloud = cloud("kinesis");
    let body = "<GetCallerIdentityResponse><GetCallerIdentityResult>\
                <Arn>arn:aws:iam::123456789012:role/tidings</Arn>\
                </GetCallerIdentityResult></GetCallerIdentityResponse>";
    cloud.server.answer(HttpAnswer::Status(200, String::new(), body.to_owned()));
    let said = run(cloud.sink().probe()).unwrap();
    let expected = "signed in to eu-west-1 as arn:aws:iam::123456789012:role/tidings";
    assert_eq!(said.as_deref(), Some(expected));
}

#[test]
fn limits_of_each_service_are_kept() {
    for (kind, most) in [
        ("kinesis", 500),
        ("firehose", 500),
        ("sqs", 10),
        ("sns", 10),
        ("eventbridge", 10),
        ("cloudwatch", 1000),
    ] {
        let sink = cloud(kind).sink();
        let payloads = sink.encode(&many(most + 1)).unwrap();
        let sizes: Vec<_> = payloads.iter().map(|payload| payload.events).collect();
        assert_eq!(sizes, [most, 1], "{kind}");
        let documents: String = payloads.iter().map(|payload| decoded(&payload.body)).collect();
        assert_eq!(documents.matches(r#""uid":"uid-"#).count(), most + 1, "{kind}");
    }
}

#[test]
fn settings_that_can_never_work_are_refused() {
    for (kind, settings, expected) in [
        ("kinesis", json!({"region": "eu-west-1"}), "`kinesis`: `streamName` is missing"),
        ("firehose", json!({}), "`firehose`: `deliveryStreamName` is missing"),
        ("sqs", json!({}), "`sqs`: `queueName` is missing"),
        (
            "sns",
            json!({"topicARN": "events"}),
            "`sns`: `topicARN` is no ARN; write `topicARN: arn:aws:sns:REGION:ACCOUNT:NAME`",
        ),
        ("eventbridge", json!({"detailType": "x"}), "`eventbridge`: `source` is missing"),
        (
            "opscenter",
            json!({"title": "x", "description": "y"}),
            "`opscenter`: `source` is missing, and AWS takes no item without it",
        ),
        ("cloudwatch", json!({}), "`cloudwatch`: `logGroup` is missing"),
        (
            "kinesis",
            json!({"streamName": "s", "region": "eu west"}),
            "`kinesis`: `region`: `eu west` is no region; write `eu-west-1`",
        ),
        (
            "kinesis",
            json!({"streamName": "s", "region": "eu-west-1", "accessKeyId": "x"}),
            "`kinesis`: `accessKeyId` needs `secretAccessKey` too",
        ),
    ] {
        assert_eq!(refusal(kind, settings), expected);
    }
}

#[test]
fn every_key_is_known_and_one_that_is_not_is_told_with_those_that_are() {
    let check = |kind: &str, settings: &Value| (crate::samples::kind(kind).check)(settings, kind);
    for row in crate::destinations::ALL {
        assert_eq!(check(row.kind, &(row.start)().settings()), [], "{}", row.name);
    }
    let flaws = check("kinesis", &json!({"streamName": "s", "regoin": "eu", "layout": {"a": "b"}}));
    assert_eq!(flaws.len(), 1);
    assert_eq!(flaws[0].path, "kinesis.regoin");
    let event::written::FlawKind::Unknown { known } = &flaws[0].kind else { panic!() };
    for key in ["streamName", "region", "assumeRole", "layout"] {
        assert!(known.contains(&key), "{key}");
    }
}
