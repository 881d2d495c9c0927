//! A double of AWS for every kind in this crate: an HTTP server, told what to answer to which action.
//!
//! Written from the API references of Kinesis Data Streams, Data Firehose, SQS, SNS, `EventBridge`, Systems Manager and
//! `CloudWatch` Logs.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use event::AnySink;
use percent_encoding::percent_decode_str;
use serde_json::{Value, json};

pub(crate) use crate::destination::{Answer, Destination, Row};
use crate::{
    over_http::{HTTP, http_answer},
    samples,
    server::{Answer as HttpAnswer, Server},
};

/// Every kind, some with several settings.
pub(crate) const ALL: &[Row] = &[
    row("kinesis", "kinesis", || start("kinesis", json!({"streamName": "events"}))),
    row("firehose", "firehose", || {
        start("firehose", json!({"deliveryStreamName": "events", "newline": true}))
    }),
    row("sqs", "sqs", || start("sqs", json!({"queueName": "events"}))),
    row("sqs", "sqs-fifo", || start("sqs", json!({"queueName": "events.fifo"}))),
    row("sns", "sns", || {
        start("sns", json!({"topicARN": "arn:aws:sns:eu-west-1:123456789012:events"}))
    }),
    row("eventbridge", "eventbridge", || {
        start(
            "eventbridge",
            json!({"detailType": "deploy", "source": "cluster", "eventBusName": "events"}),
        )
    }),
    row("opscenter", "opscenter", || start("opscenter", item())),
    row("cloudwatch", "cloudwatch", || {
        start("cloudwatch", json!({"logGroup": "/events", "logStream": "prod"}))
    }),
];

const fn row(kind: &'static str, name: &'static str, start: fn() -> Box<dyn Destination>) -> Row {
    Row { kind, name, start, answers: HTTP }
}

fn item() -> Value {
    json!({
        "title": "{{ .Reason }}",
        "description": "{{ .Message }}",
        "source": "production",
        "category": "Availability",
        "severity": "2",
        "priority": "{{ .Count | default 3 }}",
        "notifications": ["arn:aws:sns:eu-west-1:123456789012:{{ .InvolvedObject.Kind }}"],
        "operationalData": {"reason": "{{ .Reason }}"},
        "tags": {"kind": "{{ .InvolvedObject.Kind }}"},
        "relatedOpsItems": ["oi-0123456789ab"],
    })
}

/// A region with one of each.
pub(crate) struct Cloud {
    pub(crate) server: Server,
    kind: &'static str,
    own: Value,
}

fn start(kind: &'static str, own: Value) -> Box<dyn Destination> {
    Box::new(Cloud::start(kind, own))
}

impl Cloud {
    pub(crate) fn start(kind: &'static str, own: Value) -> Self {
        let cloud = Self { server: Server::start(), kind, own };
        cloud.answer(Answer::Accept);
        cloud
    }

    /// From now on this action is answered so.
    pub(crate) fn action(&self, action: &str, status: u16, body: &Value) {
        let answer = HttpAnswer::Status(status, String::new(), body.to_string());
        self.server.answer_at(&format!(".{action}"), answer);
    }
}

impl Destination for Cloud {
    fn settings(&self) -> Value {
        let mut settings = json!({
            "region": "eu-west-1",
            "endpoint": format!("http://{}", self.server.address),
            "accessKeyId": "AKIAEXAMPLE",
            "secretAccessKey": "s3cretAccessKey",
            "timeout": "5s",
        });
        for (key, value) in self.own.as_object().unwrap() {
            settings[key] = value.clone();
        }
        settings
    }

    fn answer(&self, answer: Answer) {
        self.server.answer(http_answer(answer));
        // What is asked before the events go.
        if answer == Answer::Accept || self.kind == "sqs" {
            let queue = json!({"QueueUrl": "http://sqs.example.com/123456789012/events"});
            self.action("GetQueueUrl", 200, &queue);
        }
    }

    fn received(&self) -> Vec<u8> {
        let requests = self.server.requests().into_iter();
        requests.flat_map(|request| decoded(&request.body).into_bytes()).collect()
    }

    fn sink(&self) -> AnySink {
        samples::connect(self.kind, self.settings()).unwrap()
    }

    fn takes_shapes(&self) -> bool {
        self.kind != "opscenter"
    }

    fn document(&self, body: &[u8]) -> String {
        decoded(body).trim_end().to_owned()
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec!["s3cretAccessKey"]
    }
}

/// The documents in a request; the whole of it where it is no list of documents.
pub(crate) fn decoded(body: &[u8]) -> String {
    let body = String::from_utf8(body.to_vec()).unwrap();
    if body.starts_with("Action=") {
        let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
        let messages = pairs.filter(|(key, _)| key.ends_with(".Message"));
        let plain = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
        return messages.map(|(_, text)| plain(text)).collect();
    }
    let request: Value = serde_json::from_str(&body).unwrap();
    for list in ["Records", "Entries", "logEvents"] {
        let Some(entries) = request[list].as_array() else { continue };
        let document = |entry: &Value| {
            if let Some(data) = entry["Data"].as_str() {
                return String::from_utf8(BASE64.decode(data).unwrap()).unwrap();
            }
            let texts = ["MessageBody", "Detail", "message"];
            let text = texts.into_iter().find_map(|key| entry[key].as_str());
            text.unwrap().to_owned()
        };
        return entries.iter().map(document).collect();
    }
    body
}
