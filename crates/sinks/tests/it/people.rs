//! Doubles of the services that people read, for the conformance tests. Each answers as the published documentation of its
//! API says: Slack's Web API (`chat.postMessage`, `auth.test`) and incoming webhooks; connectors and Workflows of Teams; the Alert
//! API of Opsgenie; the Events API v2 of `PagerDuty`; the API v2 of Alertmanager.

use event::AnySink;
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination, http_answer},
    samples,
    server::{Answer as HttpAnswer, Server},
};

/// A service behind HTTP.
pub(crate) struct Service {
    server: Server,
    kind: &'static str,
    settings: fn(address: &str) -> Value,
    /// What it answers to what it takes.
    accepts: fn() -> HttpAnswer,
    /// What it answers where it refuses us, beside its statuses.
    refuses: fn() -> HttpAnswer,
    secrets: &'static [&'static str],
}

impl Destination for Service {
    fn settings(&self) -> Value {
        (self.settings)(&format!("http://{}", self.server.address))
    }

    fn answer(&self, answer: Answer) {
        self.server.answer(match answer {
            Answer::Accept => (self.accepts)(),
            Answer::NotOurs => (self.refuses)(),
            other => http_answer(other),
        });
    }

    fn received(&self) -> Vec<u8> {
        self.server.requests().into_iter().flat_map(|request| request.body).collect()
    }

    fn sink(&self) -> AnySink {
        samples::connect(self.kind, self.settings()).unwrap()
    }

    fn takes_shapes(&self) -> bool {
        false
    }

    fn secrets(&self) -> Vec<&'static str> {
        self.secrets.to_vec()
    }
}

/// What a service can be told that says yes in one way only.
pub(crate) const SERVICE: &[Answer] = &[
    Answer::Accept,
    Answer::NotOurs,
    Answer::TooMany,
    Answer::Hang,
    Answer::HangUp,
    Answer::Status(500),
    Answer::Status(502),
    Answer::Status(503),
    Answer::Status(504),
    Answer::Status(408),
    Answer::Status(401),
    Answer::Status(403),
    Answer::Status(404),
    Answer::Status(407),
    Answer::Status(302),
    Answer::Status(400),
    Answer::Status(413),
    Answer::Status(422),
];

/// A JSON answer.
pub(crate) fn says(status: u16, body: &Value) -> HttpAnswer {
    let header = "content-type: application/json\r\n";
    HttpAnswer::Status(status, header.to_owned(), body.to_string())
}

/// Slack took it as this message.
pub(crate) fn posted(ts: &str) -> HttpAnswer {
    says(200, &json!({"ok": true, "channel": "C024BE91L", "ts": ts, "message": {"ts": ts}}))
}

pub(crate) fn slack() -> Box<dyn Destination> {
    service(
        "slack",
        |address| {
            json!({
                "token": "xoxb-tok3n-of-the-bot",
                "channel": "#alerts",
                "endpoint": format!("{address}/api"),
                "timeout": "5s",
            })
        },
        || posted("1503435956.000247"),
        || says(200, &json!({"ok": false, "error": "invalid_auth"})),
        &["xoxb-tok3n-of-the-bot"],
    )
}

pub(crate) fn slack_in_own_words() -> Box<dyn Destination> {
    service(
        "slack",
        |address| {
            json!({
                "token": "xoxb-tok3n-of-the-bot",
                "channel": "#alerts-{{ .Namespace }}",
                "message": "{{ .Message }} <!channel>",
                "color": "{{ if eq .Type \"Warning\" }}danger{{ else }}good{{ end }}",
                "title": "{{ .Reason }}",
                "author_name": "{{ .InvolvedObject.Kind }}",
                "footer": "tidings",
                "fields": {"Reason": "{{ .Reason }}", "Object": "<{{ .InvolvedObject.Name }}>"},
                "threads": "object",
                "endpoint": format!("{address}/api/"),
            })
        },
        || posted("1503435956.000247"),
        || says(200, &json!({"ok": false, "error": "token_revoked"})),
        &["xoxb-tok3n-of-the-bot"],
    )
}

pub(crate) fn slack_webhook() -> Box<dyn Destination> {
    service(
        "slack",
        |address| json!({"webhookURL": format!("{address}/services/T0000000A/B0000000B/tok3nOfTheWebhook")}),
        || HttpAnswer::Status(200, String::new(), "ok".to_owned()),
        || HttpAnswer::Status(403, String::new(), "invalid_token".to_owned()),
        &["T0000000A", "B0000000B", "tok3nOfTheWebhook"],
    )
}

fn service(
    kind: &'static str,
    settings: fn(address: &str) -> Value,
    accepts: fn() -> HttpAnswer,
    refuses: fn() -> HttpAnswer,
    secrets: &'static [&'static str],
) -> Box<dyn Destination> {
    let service = Service { server: Server::start(), kind, settings, accepts, refuses, secrets };
    service.answer(Answer::Accept);
    Box::new(service)
}

/// A connector of Teams as its documentation has it: `1` is yes.
pub(crate) fn teams() -> Box<dyn Destination> {
    service(
        "teams",
        |address| json!({"endpoint": format!("{address}/webhookb2/tok3nOfTheTeam")}),
        || HttpAnswer::Status(200, String::new(), "1".to_owned()),
        || HttpAnswer::Status(403, String::new(), "no".to_owned()),
        &["tok3nOfTheTeam"],
    )
}

/// A webhook of Workflows, which takes cards and answers 202.
pub(crate) fn teams_card() -> Box<dyn Destination> {
    service(
        "teams",
        |address| {
            json!({
                "endpoint": format!("{address}/workflows/invoke?sig=s1gnature"),
                "headers": {"X-Key": "keyInTheHeader"},
                "format": "card",
                "timeout": "5s",
            })
        },
        || HttpAnswer::status(202),
        || says(400, &json!({"error": {"code": "WorkflowTriggerIsNotEnabled"}})),
        &["s1gnature", "keyInTheHeader"],
    )
}

/// Opsgenie takes alerts with 202 and works on them later.
pub(crate) fn opsgenie() -> Box<dyn Destination> {
    service(
        "opsgenie",
        |address| json!({"apiKey": "k3y-of-the-integration", "URL": address}),
        || says(202, &json!({"result": "Request will be processed", "requestId": "1"})),
        || says(401, &json!({"message": "Key format is not valid!"})),
        &["k3y-of-the-integration"],
    )
}

pub(crate) fn opsgenie_in_own_words() -> Box<dyn Destination> {
    service(
        "opsgenie",
        |address| {
            json!({
                "apiKey": "k3y-of-the-integration",
                "URL": address,
                "priority": "P1",
                "message": "{{ .Reason }} <{{ .InvolvedObject.Name }}>",
                "alias": "{{ .UID }}",
                "description": "{{ .Message }}",
                "tags": ["event", "{{ .Type }}"],
                "details": {"ns": "{{ .Namespace }}", "a": "b"},
            })
        },
        || says(202, &json!({"result": "Request will be processed", "requestId": "1"})),
        || says(403, &json!({"message": "You are not authorized"})),
        &["k3y-of-the-integration"],
    )
}

pub(crate) fn pagerduty() -> Box<dyn Destination> {
    service(
        "pagerduty",
        |address| json!({"routingKey": "r0uting-key-of-the-service", "endpoint": address}),
        || says(202, &json!({"status": "success", "message": "Event processed", "dedup_key": "x"})),
        || {
            says(
                400,
                &json!({
                    "status": "invalid event",
                    "message": "Event object is invalid",
                    "errors": ["Length of 'routing_key' is incorrect (should be 32 characters)"],
                }),
            )
        },
        &["r0uting-key-of-the-service"],
    )
}

/// Alertmanager says nothing when it takes alerts.
pub(crate) fn alertmanager() -> Box<dyn Destination> {
    service(
        "alertmanager",
        |address| {
            json!({
                "url": address,
                "headers": {"Authorization": "Bearer t0kenInTheHeader"},
                "labels": {"team": "{{ .Namespace }}"},
                "endsAfter": "15m",
            })
        },
        || HttpAnswer::Status(200, String::new(), String::new()),
        || HttpAnswer::Status(401, String::new(), "Unauthorized".to_owned()),
        &["t0kenInTheHeader"],
    )
}
