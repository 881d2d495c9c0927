//! One destination for every kind: something the sink can reach, which answers as it is commanded to.
//!
//! A new kind adds its row to [`ALL`]; the conformance tests do the rest.

use std::{
    fs::{self, OpenOptions},
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    sync::Arc,
};

use event::AnySink;
use serde_json::{Value, json};
use sinks::stdout::{Format, Stdout};
use tempfile::TempDir;

pub(crate) use crate::{
    destination::{Answer, Destination, Row},
    over_http::http_answer,
};
use crate::{
    email::{MAIL, Mailbox},
    over_http::HTTP,
    people::{self, SERVICE},
    redis, samples,
    server::Server,
    stores::{API, Store},
    streams,
};

/// Every kind, some with several settings.
pub(crate) const ALL: &[Row] = &[
    Row {
        kind: "stdout",
        name: "stdout",
        start: || Box::new(Printed::new(Format::Json)),
        answers: &[Answer::Accept, Answer::Full],
    },
    Row {
        kind: "stdout",
        name: "stdout-pretty",
        start: || Box::new(Printed::new(Format::Pretty)),
        answers: &[Answer::Accept, Answer::Full],
    },
    Row {
        kind: "file",
        name: "file",
        start: || Box::new(Folder::new("file")),
        answers: &[Answer::Accept, Answer::Full, Answer::NotOurs],
    },
    Row {
        kind: "pipe",
        name: "pipe",
        start: || Box::new(Folder::new("pipe")),
        answers: &[Answer::Accept, Answer::Full, Answer::NotOurs],
    },
    Row { kind: "webhook", name: "webhook", start: || Box::new(Hook::new(false)), answers: HTTP },
    Row {
        kind: "webhook",
        name: "webhook-batch",
        start: || Box::new(Hook::new(true)),
        answers: HTTP,
    },
    Row {
        kind: "elasticsearch",
        name: "elasticsearch",
        start: || Box::new(Store::elasticsearch()),
        answers: API,
    },
    Row {
        kind: "elasticsearch",
        name: "elasticsearch-stream",
        start: || Box::new(Store::elasticsearch_stream()),
        answers: API,
    },
    Row {
        kind: "opensearch",
        name: "opensearch",
        start: || Box::new(Store::opensearch()),
        answers: API,
    },
    Row { kind: "loki", name: "loki", start: || Box::new(Store::loki()), answers: API },
    Row { kind: "splunk", name: "splunk", start: || Box::new(Store::splunk()), answers: API },
    Row {
        kind: "clickhouse",
        name: "clickhouse",
        start: || Box::new(Store::clickhouse()),
        answers: API,
    },
    Row { kind: "otlp", name: "otlp", start: || Box::new(Store::otlp()), answers: API },
    Row { kind: "slack", name: "slack", start: people::slack, answers: SERVICE },
    Row {
        kind: "slack",
        name: "slack-in-own-words",
        start: people::slack_in_own_words,
        answers: SERVICE,
    },
    Row { kind: "slack", name: "slack-webhook", start: people::slack_webhook, answers: SERVICE },
    Row { kind: "teams", name: "teams", start: people::teams, answers: SERVICE },
    Row { kind: "teams", name: "teams-card", start: people::teams_card, answers: SERVICE },
    Row { kind: "opsgenie", name: "opsgenie", start: people::opsgenie, answers: SERVICE },
    Row {
        kind: "opsgenie",
        name: "opsgenie-in-own-words",
        start: people::opsgenie_in_own_words,
        answers: SERVICE,
    },
    Row { kind: "pagerduty", name: "pagerduty", start: people::pagerduty, answers: SERVICE },
    Row {
        kind: "alertmanager",
        name: "alertmanager",
        start: people::alertmanager,
        answers: SERVICE,
    },
    Row { kind: "email", name: "email", start: Mailbox::start, answers: MAIL },
    Row {
        kind: "syslog",
        name: "syslog",
        start: || Box::new(streams::Daemon::new(false)),
        answers: STREAM,
    },
    Row {
        kind: "syslog",
        name: "syslog-rfc5424",
        start: || Box::new(streams::Daemon::new(true)),
        answers: STREAM,
    },
    Row {
        kind: "syslog",
        name: "syslog-udp",
        start: || Box::new(streams::Mailbox::new()),
        answers: &[Answer::Accept],
    },
    Row {
        kind: "logstash",
        name: "logstash",
        start: || Box::new(streams::Pipeline::new()),
        answers: STREAM,
    },
    Row {
        kind: "logstash",
        name: "logstash-http",
        start: || Box::new(streams::HttpPipeline::new()),
        answers: HTTP,
    },
    Row {
        kind: "redis",
        name: "redis-stream",
        start: || Box::new(redis::Store::new("stream")),
        answers: redis::ANSWERS,
    },
    Row {
        kind: "redis",
        name: "redis-list",
        start: || Box::new(redis::Store::new("list")),
        answers: redis::ANSWERS,
    },
    Row {
        kind: "redis",
        name: "redis-channel",
        start: || Box::new(redis::Store::new("channel")),
        answers: redis::ANSWERS,
    },
];

/// What a destination can do that takes bytes and answers nothing.
const STREAM: &[Answer] = &[Answer::Accept, Answer::Hang, Answer::HangUp];

/// Standard output, which stands for a file here.
struct Printed {
    format: Format,
    folder: TempDir,
}

impl Printed {
    fn new(format: Format) -> Self {
        let printed = Self { format, folder: tempfile::tempdir().unwrap() };
        printed.answer(Answer::Accept);
        printed
    }
}

impl Destination for Printed {
    fn settings(&self) -> Value {
        match self.format {
            Format::Json => json!({}),
            Format::Pretty => json!({"format": "pretty"}),
        }
    }

    fn answer(&self, answer: Answer) {
        point(self.folder.path(), answer);
    }

    fn received(&self) -> Vec<u8> {
        fs::read(self.folder.path().join("real")).unwrap()
    }

    fn sink(&self) -> AnySink {
        let path = self.folder.path().join("events.json");
        let file = OpenOptions::new().append(true).open(path).unwrap();
        Arc::new(Stdout::to(file, self.format, samples::clock()))
    }
}

/// A file in a folder, for the kind that is to write it.
struct Folder(&'static str, TempDir);

impl Folder {
    fn new(kind: &'static str) -> Self {
        let folder = Self(kind, tempfile::tempdir().unwrap());
        folder.answer(Answer::Accept);
        folder
    }

    fn path(&self) -> PathBuf {
        self.1.path().join("events.json")
    }
}

impl Destination for Folder {
    fn settings(&self) -> Value {
        if self.0 == "pipe" {
            return json!({"path": self.path()});
        }
        json!({"path": self.path(), "maxsize": 1, "maxage": 2, "maxbackups": 3})
    }

    fn answer(&self, answer: Answer) {
        point(self.1.path(), answer);
    }

    fn received(&self) -> Vec<u8> {
        fs::read(self.1.path().join("real")).unwrap()
    }

    fn sink(&self) -> AnySink {
        samples::connect(self.0, self.settings()).unwrap()
    }
}

/// Makes `events.json` in `folder` a link to what answers so.
fn point(folder: &Path, answer: Answer) {
    let (link, real) = (folder.join("events.json"), folder.join("real"));
    drop(fs::remove_file(&link));
    drop(OpenOptions::new().create(true).append(true).open(&real).unwrap());
    let target = match answer {
        Answer::Accept => real.as_path(),
        Answer::Full => Path::new("/dev/full"),
        Answer::NotOurs => folder,
        other => panic!("no file answers {other:?}"),
    };
    symlink(target, link).unwrap();
}

/// An HTTP server, with secrets everywhere on the way to it.
struct Hook {
    server: Server,
    batch: bool,
}

impl Hook {
    fn new(batch: bool) -> Self {
        Self { server: Server::start(), batch }
    }
}

impl Destination for Hook {
    fn settings(&self) -> Value {
        let address = self.server.address;
        json!({
            "endpoint": format!(
                "http://ann:pass%40word@{address}/services/T0000000A/tok3nInThePath?key=keyInTheQuery"
            ),
            "headers": {"X-Api-Key": "keyInTheHeader", "X-Team": "events"},
            "timeout": "5s",
            "batch": self.batch,
        })
    }

    fn answer(&self, answer: Answer) {
        self.server.answer(http_answer(answer));
    }

    fn received(&self) -> Vec<u8> {
        self.server.requests().into_iter().flat_map(|request| request.body).collect()
    }

    fn sink(&self) -> AnySink {
        samples::connect("webhook", self.settings()).unwrap()
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec![
            "pass%40word",
            "pass@word",
            // `ann:pass@word` as basic auth sends it.
            "YW5uOnBhc3NAd29yZA==",
            "T0000000A",
            "tok3nInThePath",
            "keyInTheQuery",
            "keyInTheHeader",
        ]
    }
}
