//! `BigQuery`: load jobs of newline-delimited JSON, as in the original: the table is made if it is not there, and gets the columns
//! that events bring. The id of a job is made of the ids of its events, so a job that we did not hear of is not run twice.

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text, written::Decoded,
};
use serde::Deserialize;
use serde_json::{Value, json};
use sinks::{
    answer::Answer,
    batch::Limits,
    http::Method,
    ids,
    shape::{Shape, Shaped},
    tls::TlsSettings,
};
use tokio::{
    sync::Mutex,
    time::{Instant, sleep, sleep_until, timeout},
};

use crate::{
    api::{self, Api, ApiSettings, part},
    rows,
};

const API: &str = "https://bigquery.googleapis.com";

const SCOPE: &str = "https://www.googleapis.com/auth/bigquery";

/// Parts what is said of a job from its rows; no line of JSON begins like this.
const BOUNDARY: &str = "tidings-part";

const CONTENT_TYPE: &str = "multipart/related; boundary=tidings-part";

/// The header that carries the name of the job; it is part of the request's body in the end.
const JOB: Text = Text::const_new("Job");

const BATCH: usize = 1000;

const BYTES: usize = 10_000_000;

/// So often a job that failed may be run again with the same events, before they are taken for new ones.
const RUNS: usize = 100;

/// A job is asked for in this time.
const POLL: Duration = Duration::from_secs(1);

/// What stands under `bigquery`.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Settings {
    location: String,
    project: String,
    dataset: String,
    table: String,
    credentials_path: String,
    batch_size: Option<u32>,
    /// Read for the sake of old files: what could not be sent is sent again until it is.
    max_retries: Option<i64>,
    interval_seconds: Option<u32>,
    timeout_seconds: Option<u32>,
    /// Of ours.
    endpoint: String,
    /// Of ours.
    timeout: Option<String>,
    /// Of ours.
    tls: Option<TlsSettings>,
}

/// Loads rows into a table.
#[derive(Debug)]
pub struct BigQuery {
    api: Api,
    shape: Shape,
    project: String,
    dataset: String,
    table: String,
    location: String,
    batch: usize,
    interval: Duration,
    patience: Duration,
    /// No job begins before this.
    next: Mutex<Option<Instant>>,
}

impl Sink for BigQuery {
    const KIND: &'static str = "bigquery";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (own, shape) = settings.compile(Self::KIND, &ctx)?;
        let needed = [("project", &own.project), ("dataset", &own.dataset), ("table", &own.table)];
        if let Some((key, _)) = needed.into_iter().find(|(_, text)| text.is_empty()) {
            return Err(ConnectError::new(format!("`bigquery`: `{key}` is missing")));
        }
        let settings = ApiSettings {
            kind: Self::KIND,
            usual: API,
            endpoint: &own.endpoint,
            credentials: &own.credentials_path,
            content_type: CONTENT_TYPE,
            scope: SCOPE,
            timeout: own.timeout.as_deref(),
            tls: own.tls.as_ref(),
        };
        let seconds =
            |given: Option<u32>, usual| Duration::from_secs(given.unwrap_or(usual).into());
        // As in the original, nothing is no number.
        let batch = own.batch_size.filter(|size| *size > 0);
        let batch = batch.and_then(|size| usize::try_from(size).ok()).unwrap_or(BATCH);
        Ok(Self {
            api: Api::new(&settings, &ctx)?,
            shape,
            location: if own.location.is_empty() { "US".to_owned() } else { own.location },
            project: own.project,
            dataset: own.dataset,
            table: own.table,
            batch,
            interval: seconds(own.interval_seconds, 10),
            patience: seconds(own.timeout_seconds.filter(|it| *it > 0), 60),
            next: Mutex::default(),
        })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let row = |(index, event): (usize, &Arc<Event>)| {
            let mut document = Vec::with_capacity(1536);
            self.shape.write(&mut document, event, now, index)?;
            let document = serde_json::from_slice(&document).map_err(|error| {
                let reason = format!("the document is no JSON: {error}");
                Rejected { index, reason }
            })?;
            Ok(rows::row(document).to_string())
        };
        let rows: Result<Vec<_>, Rejected> = events.iter().enumerate().map(row).collect();
        let rows = rows?;
        let limits = Limits { events: self.batch, bytes: BYTES };
        let groups = limits.groups(&rows, |row| row.len() + 1, |_, _| true);
        let payload = |group: std::ops::Range<usize>| {
            let job = self.job(&events[group.clone()]);
            let body = rows[group.clone()].join("\n") + "\n";
            Payload { events: group.len(), headers: vec![(JOB, job)], body: body.into() }
        };
        Ok(groups.into_iter().map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        self.wait(payload.events).await;
        let job = payload.headers.iter().find(|(name, _)| *name == JOB);
        let job = job.map_or("tidings", |(_, job)| job.as_str());
        match timeout(self.patience, self.run(job, payload)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Unavailable {
                reason: format!("job {job} did not end within {:?}", self.patience),
                retry_after: None,
            }),
        }
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        let (project, dataset) = (part(&self.project), part(&self.dataset));
        let path = format!("/bigquery/v2/projects/{project}/datasets/{dataset}");
        let answer = self.api.ask(Method::GET, &path, &[], Bytes::new()).await?;
        let said = format!("{} answered {} for the dataset", answer.place, answer.status);
        api::judge(answer).map(|_| Some(said))
    }

    fn batch_limit(&self) -> usize {
        self.batch
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl BigQuery {
    /// The name of a job for these events and this table, the same whenever they are sent. Whoever sends them once more on
    /// purpose gets another.
    fn job(&self, events: &[Arc<Event>]) -> String {
        let replayed = events.iter().filter(|event| event.replay).count();
        let name = |text: &str| -> String {
            text.chars().map(|it| if it.is_ascii_alphanumeric() { it } else { '_' }).collect()
        };
        let (dataset, table) = (name(&self.dataset), name(&self.table));
        let job = format!("tidings_{dataset}_{table}_{}", name(&ids::of(events)));
        if replayed == 0 { job } else { format!("{job}_again{}", self.shape.now().as_second()) }
    }

    /// Waits until the next job may begin: a table takes 1500 in a day. A full one waits for nothing.
    async fn wait(&self, events: usize) {
        let mut next = self.next.lock().await;
        if let Some(time) = *next
            && events < self.batch
        {
            sleep_until(time).await;
        }
        *next = Some(Instant::now() + self.interval);
    }

    /// Runs a job to its end, under a name that no failed one has had.
    async fn run(&self, job: &str, payload: &Payload) -> Result<(), SendError> {
        let query = [("uploadType", "multipart")];
        let path = format!("/upload/bigquery/v2/projects/{}/jobs", part(&self.project));
        for run in 1..=RUNS {
            let id = if run == 1 { job.to_owned() } else { format!("{job}_{run}") };
            let body = self.multipart(&id, &payload.body);
            let answer = self.api.ask(Method::POST, &path, &query, body).await?;
            let known = answer.status.as_u16() == 409;
            // A job of this name was run when we did not hear of it.
            let state = if known {
                self.ended(&id, None).await?
            } else {
                self.ended(&id, Some(answer)).await?
            };
            match judge(&state) {
                // That one failed, so these rows are not in the table.
                Err(_) if known => {}
                outcome => return outcome,
            }
        }
        let reason = format!("job {job} failed {RUNS} times");
        Err(SendError::Unavailable { reason, retry_after: None })
    }

    /// What a job came to; `answer` is what was said of it last.
    async fn ended(&self, id: &str, mut answer: Option<Answer>) -> Result<Value, SendError> {
        let path = format!("/bigquery/v2/projects/{}/jobs/{}", part(&self.project), part(id));
        loop {
            let said = if let Some(said) = answer.take() {
                said
            } else {
                let query = [("location", self.location.as_str())];
                self.api.ask(Method::GET, &path, &query, Bytes::new()).await?
            };
            let said = api::judge(said)?;
            let state: Value = serde_json::from_slice(&said).unwrap_or_default();
            if state["status"]["state"] == "DONE" {
                return Ok(state);
            }
            sleep(POLL).await;
        }
    }

    /// What is to be done, and the rows.
    fn multipart(&self, id: &str, rows: &[u8]) -> Bytes {
        let job = json!({
            "jobReference": {"projectId": self.project, "jobId": id, "location": self.location},
            "configuration": {"load": {
                "destinationTable": {
                    "projectId": self.project, "datasetId": self.dataset, "tableId": self.table,
                },
                "sourceFormat": "NEWLINE_DELIMITED_JSON",
                "autodetect": true,
                "schemaUpdateOptions": ["ALLOW_FIELD_ADDITION"],
                "createDisposition": "CREATE_IF_NEEDED",
                "writeDisposition": "WRITE_APPEND",
            }},
        });
        let head = format!(
            "--{BOUNDARY}\r\nContent-Type: application/json; charset=UTF-8\r\n\r\n{job}\r\n\
             --{BOUNDARY}\r\nContent-Type: application/octet-stream\r\n\r\n"
        );
        let mut body = head.into_bytes();
        body.extend_from_slice(rows);
        body.extend_from_slice(format!("\r\n--{BOUNDARY}--\r\n").as_bytes());
        body.into()
    }
}

/// What a job that ended means.
fn judge(job: &Value) -> Result<(), SendError> {
    let error = &job["status"]["errorResult"];
    if error.is_null() {
        return Ok(());
    }
    let text = |key: &str| error[key].as_str().unwrap_or_default();
    // The single errors say which row it was.
    let errors = job["status"]["errors"].as_array().map(Vec::as_slice).unwrap_or_default();
    let detail =
        errors.iter().filter_map(|it| it["message"].as_str()).find(|it| *it != text("message"));
    let mut reason = format!("the load job failed: {}: {}", text("reason"), text("message"));
    if let Some(detail) = detail {
        reason.push_str(": ");
        reason.push_str(detail);
    }
    let reason: String = reason.chars().take(500).collect();
    Err(match text("reason") {
        "invalid" | "invalidQuery" | "parseError" | "badRequest" => SendError::Rejected { reason },
        "accessDenied" | "notFound" | "billingNotEnabled" | "blocked" => {
            SendError::Blocked { reason }
        }
        _ => SendError::Unavailable { reason, retry_after: None },
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_job_that_failed_is_run_again_or_its_rows_are_looked_at() {
        let word = |reason: &str| {
            let error = json!({"reason": reason, "message": "said so"});
            let job = json!({"status": {"state": "DONE", "errorResult": error, "errors": [
                {"message": "said so"}, {"message": "row 3"},
            ]}});
            judge(&job).unwrap_err().to_string()
        };
        assert_eq!(word("invalid"), "rejected: the load job failed: invalid: said so: row 3");
        assert!(word("backendError").starts_with("unavailable: "));
        assert!(word("quotaExceeded").starts_with("unavailable: "));
        assert!(word("accessDenied").starts_with("blocked: "));
        assert_eq!(judge(&json!({"status": {"state": "DONE"}})), Ok(()));
    }
}
