//! A double of Google Cloud for every kind in this crate: an HTTP server, told what to answer.
//!
//! Written from the REST references of Pub/Sub (v1) and `BigQuery` (v2).

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use event::AnySink;
use serde_json::{Value, json};

pub(crate) use crate::destination::{Answer, Destination, Row};
use crate::{
    over_http::{HTTP, http_answer},
    samples,
    server::{Answer as HttpAnswer, Server},
};

/// Every kind.
pub(crate) const ALL: &[Row] = &[
    Row { kind: "pubsub", name: "pubsub", start: || Box::new(Cloud::pubsub()), answers: HTTP },
    Row {
        kind: "bigquery",
        name: "bigquery",
        start: || Box::new(Cloud::bigquery()),
        answers: HTTP,
    },
];

/// What a job that went well ends as.
pub(crate) const DONE: &str = r#"{"status":{"state":"DONE"}}"#;

pub(crate) struct Cloud {
    pub(crate) server: Server,
    kind: &'static str,
    own: Value,
}

impl Cloud {
    pub(crate) fn pubsub() -> Self {
        Self::start("pubsub", json!({"gcloud_project_id": "project", "topic": "events"}))
    }

    pub(crate) fn bigquery() -> Self {
        let own = json!({
            "project": "project", "dataset": "cluster", "table": "events-1", "interval_seconds": 0,
        });
        Self::start("bigquery", own)
    }

    pub(crate) fn start(kind: &'static str, own: Value) -> Self {
        let cloud = Self { server: Server::start(), kind, own };
        cloud.answer(Answer::Accept);
        cloud
    }
}

impl Destination for Cloud {
    fn settings(&self) -> Value {
        let mut settings = self.own.clone();
        settings["endpoint"] = json!(format!("http://{}", self.server.address));
        settings["timeout"] = json!("5s");
        settings
    }

    fn answer(&self, answer: Answer) {
        let answer = match answer {
            Answer::Accept | Answer::Status(200..300) => {
                HttpAnswer::Status(200, String::new(), DONE.to_owned())
            }
            other => http_answer(other),
        };
        self.server.answer(answer);
    }

    fn received(&self) -> Vec<u8> {
        let requests = self.server.requests().into_iter();
        requests.flat_map(|request| documents(&request.body).into_bytes()).collect()
    }

    fn sink(&self) -> AnySink {
        samples::connect(self.kind, self.settings()).unwrap()
    }

    fn takes_shapes(&self) -> bool {
        // What is no JSON is no row, and keys are made identifiers.
        self.kind == "pubsub"
    }

    fn document(&self, body: &[u8]) -> String {
        documents(body).trim_end().to_owned()
    }
}

/// The documents in a request, as they were sent.
fn documents(body: &[u8]) -> String {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let Ok(request) = serde_json::from_str::<Value>(&text) else { return text };
    let Some(messages) = request["messages"].as_array() else { return text };
    let document = |message: &Value| {
        String::from_utf8(BASE64.decode(message["data"].as_str().unwrap()).unwrap()).unwrap()
    };
    messages.iter().map(document).collect()
}
