//! ClickHouse: rows in a table, many in one `INSERT`, over HTTP.
//!
//! Written after <https://clickhouse.com/docs/interfaces/http>. Without a layout a row has the columns of the table in
//! `docs/reference/receivers.md`; with one, those that the layout names.

use std::{collections::BTreeMap, fmt, ops::Range, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, Text, event::TextMap,
    written::Decoded,
};
use jiff::Timestamp;
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::{
    answer::Answer,
    batch::BULK,
    http::{self, Http, HttpSettings, Request},
    ids,
    shape::{Shape, Shaped},
    tls::TlsSettings,
};

/// What an exception's number means.
mod exceptions;

/// Carries the id from `encode` to `send`.
const ID: &str = "Idempotency-Key";

/// What stands under `clickhouse`.
#[derive(Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    url: String,
    database: String,
    table: String,
    username: String,
    password: String,
    deduplicate: bool,
    #[serde(rename = "settings")]
    of_query: BTreeMap<String, String>,
    headers: BTreeMap<String, String>,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            url: String::new(),
            database: String::new(),
            table: String::new(),
            username: String::new(),
            password: String::new(),
            deduplicate: true,
            of_query: BTreeMap::new(),
            headers: BTreeMap::new(),
            tls: None,
            timeout: None,
        }
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most of the others hold secrets.
        f.debug_struct("Settings").field("table", &self.table).finish_non_exhaustive()
    }
}

/// Inserts events into a table.
#[derive(Debug)]
pub struct Clickhouse {
    http: Http,
    shape: Shape,
    /// The table, quoted.
    table: String,
    settings: Vec<(String, String)>,
    deduplicate: bool,
}

/// An event as a row.
#[derive(Serialize)]
struct Row<'a> {
    id: &'a str,
    time: String,
    cluster: &'a str,
    namespace: &'a str,
    kind: &'a str,
    object_namespace: &'a str,
    object: &'a str,
    object_uid: &'a str,
    labels: &'a TextMap,
    reason: &'a str,
    r#type: &'a str,
    message: &'a str,
    component: &'a str,
    host: &'a str,
    action: &'a str,
    count: u32,
    occurrences: u32,
    first_seen: Option<String>,
    event: &'a str,
}

impl Sink for Clickhouse {
    const KIND: &'static str = "clickhouse";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        let table = quoted(settings.table.trim())
            .ok_or_else(|| ConnectError::new("`clickhouse.table`: is missing; name the table"))?;
        let mut headers = settings.headers;
        if !settings.username.is_empty() {
            http::add_header(&mut headers, "X-ClickHouse-User", settings.username);
            http::add_header(&mut headers, "X-ClickHouse-Key", settings.password);
        }
        let http = HttpSettings {
            kind: Self::KIND,
            key: "url",
            url: &settings.url,
            headers: &headers,
            tls: &settings.tls.unwrap_or_default(),
            timeout: settings.timeout.as_deref(),
            follow_redirects: false,
            content_type: "application/x-ndjson",
        };
        // A table may have fewer columns, and a layout write times as Kubernetes does.
        let mut sent = vec![
            ("input_format_skip_unknown_fields".to_owned(), "1".to_owned()),
            ("date_time_input_format".to_owned(), "best_effort".to_owned()),
        ];
        if !settings.database.is_empty() {
            sent.push(("database".to_owned(), settings.database));
        }
        sent.retain(|(name, _)| !settings.of_query.contains_key(name));
        sent.extend(settings.of_query);
        let http = Http::new(&http, ctx)?;
        Ok(Self { http, shape, table, settings: sent, deduplicate: settings.deduplicate })
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let rows = events.iter().enumerate().map(|(index, event)| self.row(event, now, index));
        let rows = rows.collect::<Result<Vec<_>, _>>()?;
        let groups = BULK.groups(&rows, Vec::len, |_, _| true).into_iter();
        let payload = |group: Range<usize>| Payload {
            events: group.len(),
            headers: vec![(Text::const_new(ID), ids::of(&events[group.clone()]))],
            body: rows[group].concat().into(),
        };
        Ok(groups.map(payload).collect())
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let insert = format!("INSERT INTO {} FORMAT JSONEachRow", self.table);
        let mut query = self.query(&insert);
        let id = payload.headers.iter().find(|(name, _)| name == ID);
        if let Some((_, id)) = id.filter(|_| self.deduplicate) {
            query.push(("insert_deduplication_token", id));
        }
        let request = Request { query: &query, gzip: true, ..Request::post(payload) };
        judge(self.http.exchange(request).await?)
    }

    /// Asks what columns the table has, which needs no more than the right to insert.
    async fn probe(&self) -> Result<Option<String>, SendError> {
        let ask = format!("DESCRIBE TABLE {} FORMAT Null", self.table);
        let query = self.query(&ask);
        let request = Request { method: Method::POST, query: &query, ..Request::default() };
        let answer = self.http.exchange(request).await?;
        let said = format!("{} knows the table {}", answer.place, self.table);
        judge(answer).map(|()| Some(said))
    }

    fn batch_limit(&self) -> usize {
        BULK.events
    }

    fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl Clickhouse {
    fn query<'a>(&'a self, statement: &'a str) -> Vec<(&'a str, &'a str)> {
        let settings = self.settings.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        std::iter::once(("query", statement)).chain(settings).collect()
    }

    fn row(&self, event: &Event, now: Timestamp, index: usize) -> Result<Vec<u8>, Rejected> {
        let mut document = Vec::with_capacity(2048);
        self.shape.write(&mut document, event, now, index)?;
        if self.shape.is_whole() {
            document = flat(event, now, &String::from_utf8_lossy(&document));
        }
        document.push(b'\n');
        Ok(document)
    }
}

fn flat(event: &Event, now: Timestamp, document: &str) -> Vec<u8> {
    let reference = &event.involved.reference;
    let component = [&event.source.component, &event.reporting_component];
    let host = [&event.source.host, &event.reporting_instance];
    let first = |texts: [&'_ Text; 2]| texts.into_iter().find(|it| !it.is_empty()).cloned();
    let row = Row {
        id: &event.id().to_string(),
        time: written(event.timestamp().unwrap_or(now)),
        cluster: &event.cluster_name,
        namespace: &event.metadata.namespace,
        kind: &reference.kind,
        object_namespace: &reference.namespace,
        object: &reference.name,
        object_uid: &reference.uid,
        labels: &event.involved.labels,
        reason: &event.reason,
        r#type: &event.kind,
        message: &event.message,
        component: &first(component).unwrap_or_default(),
        host: &first(host).unwrap_or_default(),
        action: &event.action,
        count: event.total(),
        occurrences: event.occurrences.added(),
        first_seen: event.first_seen().map(written),
        event: document,
    };
    serde_json::to_vec(&row).expect("texts are JSON")
}

/// `2024-06-01 10:00:00.000000`, in UTC: what every version reads.
fn written(time: Timestamp) -> String {
    let mut text = Vec::new();
    event::time::write_micros(&mut text, time);
    let text = String::from_utf8_lossy(&text);
    text.trim_end_matches('Z').replace('T', " ")
}

/// `` `database`.`table` ``
fn quoted(table: &str) -> Option<String> {
    let quote = |name: &str| {
        let name = name.trim_matches('`').replace('\\', "\\\\").replace('`', "\\`");
        (!name.is_empty()).then(|| format!("`{name}`"))
    };
    Some(table.splitn(2, '.').map(quote).collect::<Option<Vec<_>>>()?.join("."))
}

fn judge(answer: Answer) -> Result<(), SendError> {
    if answer.status.is_success() {
        if answer.body.trim_ascii().is_empty() {
            return Ok(());
        }
        return Err(answer.blocked("this is not how ClickHouse answers an INSERT"));
    }
    exceptions::judge(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_quoted() {
        for (table, expected) in [
            ("events", Some("`events`")),
            ("k8s.events", Some("`k8s`.`events`")),
            ("`k8s`.`events`", Some("`k8s`.`events`")),
            ("a`; DROP TABLE b", Some("`a\\`; DROP TABLE b`")),
            ("", None),
            ("a.", None),
        ] {
            assert_eq!(quoted(table).as_deref(), expected, "{table}");
        }
    }
}
