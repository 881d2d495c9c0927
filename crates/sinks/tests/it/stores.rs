//! Doubles of document and log stores: they keep what they are sent, and answer as the published API of each says.

use std::io::Read;

use event::AnySink;
use flate2::read::GzDecoder;
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination, http_answer},
    samples,
    server::{Answer as HttpAnswer, Request, Server},
};

/// What an HTTP API that answers with a body of its own can be told; it never answers 204.
pub(crate) const API: &[Answer] = &[
    Answer::Accept,
    Answer::TooMany,
    Answer::Hang,
    Answer::HangUp,
    Answer::Status(500),
    Answer::Status(502),
    Answer::Status(503),
    Answer::Status(504),
    Answer::Status(408),
    Answer::Status(425),
    Answer::Status(401),
    Answer::Status(403),
    Answer::Status(404),
    Answer::Status(407),
    Answer::Status(302),
    Answer::Status(400),
    Answer::Status(413),
    Answer::Status(415),
    Answer::Status(422),
];

/// The body of a request, unpacked.
pub(crate) fn unpacked(request: &Request) -> Vec<u8> {
    if request.header("content-encoding") != ["gzip"] {
        return request.body.clone();
    }
    let mut body = Vec::new();
    GzDecoder::new(&*request.body).read_to_end(&mut body).unwrap();
    body
}

/// A store behind HTTP.
pub(crate) struct Store {
    server: Server,
    kind: &'static str,
    /// What success looks like.
    taken: HttpAnswer,
    settings: fn(&str) -> Value,
    /// Nothing where no documents are taken.
    document: Option<fn(&[u8]) -> String>,
    secrets: &'static [&'static str],
}

impl Destination for Store {
    fn settings(&self) -> Value {
        (self.settings)(&self.server.address.to_string())
    }

    fn answer(&self, answer: Answer) {
        self.server.answer(match answer {
            Answer::Accept => self.taken.clone(),
            answer => http_answer(answer),
        });
    }

    fn received(&self) -> Vec<u8> {
        let bodies: Vec<u8> = self.server.requests().iter().flat_map(unpacked).collect();
        String::from_utf8(bodies)
            .unwrap_or_else(|error| error.as_bytes().escape_ascii().to_string())
            .into_bytes()
    }

    fn sink(&self) -> AnySink {
        samples::connect(self.kind, self.settings()).unwrap()
    }

    fn takes_shapes(&self) -> bool {
        self.document.is_some()
    }

    fn document(&self, body: &[u8]) -> String {
        self.document.unwrap()(body)
    }

    fn shown(&self, body: &[u8]) -> String {
        let text = String::from_utf8(body.to_vec());
        text.unwrap_or_else(|error| error.as_bytes().escape_ascii().to_string())
    }

    fn secrets(&self) -> Vec<&'static str> {
        self.secrets.to_vec()
    }
}

impl Store {
    fn new(
        kind: &'static str,
        taken: HttpAnswer,
        settings: fn(&str) -> Value,
        document: impl Into<Option<fn(&[u8]) -> String>>,
        secrets: &'static [&'static str],
    ) -> Self {
        let server = Server::start();
        server.answer(taken.clone());
        Self { server, kind, taken, settings, document: document.into(), secrets }
    }

    /// Answers as the bulk API does: docs.opensearch.org, docs-bulk.html of elastic.co.
    pub(crate) fn elasticsearch() -> Self {
        let settings = |address: &str| {
            json!({
                "hosts": [format!("http://{address}/elastic")],
                "username": "ann",
                "password": "pass word",
                "headers": {"X-Api-Key": "keyInTheHeader"},
                "indexFormat": "kube-events-{2006-01-02}",
                "timeout": "5s",
            })
        };
        // `ann:pass word` as basic auth sends it.
        let secrets = &["pass word", "YW5uOnBhc3Mgd29yZA==", "keyInTheHeader"];
        Self::new(
            "elasticsearch",
            bulk_taken(),
            settings,
            second_line as fn(&[u8]) -> String,
            secrets,
        )
    }

    /// With the keys that make another request.
    pub(crate) fn elasticsearch_stream() -> Self {
        let settings = |address: &str| {
            json!({
                "hosts": [format!("http://{address}")],
                "apiKey": "a2V5SW5UaGVTZXR0aW5ncw==",
                "index": "logs-kubernetes-events",
                "type": "events",
                "dataStream": true,
            })
        };
        let untimed: fn(&[u8]) -> String = |body| {
            let line = second_line(body);
            let rest = line.strip_prefix("{\"@timestamp\":").and_then(|rest| rest.split_once(','));
            rest.map_or(line.clone(), |(_, rest)| format!("{{{rest}"))
        };
        Self::new("elasticsearch", bulk_taken(), settings, untimed, &["a2V5SW5UaGVTZXR0aW5ncw=="])
    }

    /// The same API.
    pub(crate) fn opensearch() -> Self {
        let settings = |address: &str| {
            json!({
                "hosts": [format!("http://ann:pass%20word@{address}")],
                "index": "kube-events",
                "useEventID": true,
            })
        };
        Self::new(
            "opensearch",
            bulk_taken(),
            settings,
            second_line as fn(&[u8]) -> String,
            &["pass word", "pass%20word", "YW5uOnBhc3Mgd29yZA=="],
        )
    }

    /// Answers as `/loki/api/v1/push` does: grafana.com/docs/loki, "Ingest logs".
    pub(crate) fn loki() -> Self {
        let settings = |address: &str| {
            json!({
                "url": format!("http://{address}/loki/api/v1/push"),
                "streamLabels": {"job": "events", "namespace": "{{ .Namespace }}"},
                "headers": {"X-Reason": "tok3n-{{ .InvolvedObject.Kind }}"},
                "tenantID": "team-a",
                "username": "ann",
                "password": "pass word",
            })
        };
        let line: fn(&[u8]) -> String = |body| {
            let push: Value = serde_json::from_slice(body).unwrap();
            push["streams"][0]["values"][0][1].as_str().unwrap().to_owned()
        };
        let secrets = &["tok3n", "pass word", "YW5uOnBhc3Mgd29yZA=="];
        Self::new("loki", HttpAnswer::status(204), settings, line, secrets)
    }

    /// Answers as the HTTP Event Collector does: docs.splunk.com, "Troubleshoot HTTP Event Collector".
    pub(crate) fn splunk() -> Self {
        let settings = |address: &str| {
            json!({
                "url": format!("http://{address}"),
                "token": "0aab-tok3n",
                "index": "kubernetes",
            })
        };
        let event: fn(&[u8]) -> String = |body| {
            let body = std::str::from_utf8(body).unwrap();
            let event = body.split_once("\"event\":").unwrap().1;
            let event = event.rsplit_once(",\"fields\":").unwrap().0;
            serde_json::from_str::<String>(event).unwrap_or(event.to_owned())
        };
        let taken = r#"{"text":"Success","code":0}"#.to_owned();
        let taken = HttpAnswer::Status(200, String::new(), taken);
        Self::new("splunk", taken, settings, event, &["0aab-tok3n"])
    }

    /// Answers as the HTTP interface does: clickhouse.com/docs/interfaces/http.
    pub(crate) fn clickhouse() -> Self {
        let settings = |address: &str| {
            json!({
                "url": format!("http://{address}/"),
                "table": "k8s.events",
                "username": "tidings",
                "password": "pass word",
                "settings": {"async_insert": "1"},
            })
        };
        let row: fn(&[u8]) -> String = |body| {
            let row = std::str::from_utf8(body).unwrap().trim_end();
            let parsed: Option<Value> = serde_json::from_str(row).ok();
            let event = parsed.as_ref().and_then(|row| row["event"].as_str());
            event.unwrap_or(row).to_owned()
        };
        let taken = HttpAnswer::Status(200, String::new(), String::new());
        Self::new("clickhouse", taken, settings, row, &["pass word"])
    }

    /// Answers as `/v1/logs` does: opentelemetry.io/docs/specs/otlp.
    pub(crate) fn otlp() -> Self {
        let settings = |address: &str| {
            json!({
                "endpoint": format!("http://{address}"),
                "headers": {"Api-Key": "tok3nInTheHeader"},
            })
        };
        let taken = HttpAnswer::Status(200, String::new(), String::new());
        Self::new("otlp", taken, settings, None, &["tok3nInTheHeader"])
    }
}

fn bulk_taken() -> HttpAnswer {
    let body = r#"{"took":3,"errors":false,"items":[]}"#;
    HttpAnswer::Status(200, String::new(), body.to_owned())
}

/// The document of a bulk request, behind what is to be done with it.
fn second_line(body: &[u8]) -> String {
    std::str::from_utf8(body).unwrap().lines().nth(1).unwrap().to_owned()
}
