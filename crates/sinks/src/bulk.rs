//! The bulk API that Elasticsearch and OpenSearch share: many documents in one request, and an answer for each.
//!
//! Written after <https://www.elastic.co/guide/en/elasticsearch/reference/8.18/docs-bulk.html> and
//! <https://docs.opensearch.org/docs/2.19/api-reference/document-apis/bulk/>.

use std::{borrow::Cow, collections::BTreeMap, fmt, sync::Arc};

use event::{ConnectError, Event, Payload, Rejected, SendError, SinkContext};
use reqwest::{Method, Url};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::{
    aws::Aws,
    batch::{BULK, Limits},
    hosts::Hosts,
    http::{self, Http, HttpSettings, Request},
    ids,
    shape::Shape,
    tls::TlsSettings,
};

use index::Index;
pub(crate) use index::IndexTime;

/// Which index a document goes into.
mod index;

/// What the answer means for each document.
mod items;

/// What one request holds.
pub(crate) const LIMITS: Limits = BULK;

/// Of each answer only what says how it went.
const ANSWERED: &str = "filter_path=errors,items.*.status,items.*.error";

/// The name that a document has where none was given: all there is since version 7.
const UNTYPED: &str = "_doc";

/// What the settings of both kinds come to.
pub(crate) struct Plan {
    pub(crate) kind: &'static str,
    /// At least one.
    pub(crate) hosts: Vec<String>,
    pub(crate) headers: BTreeMap<String, String>,
    pub(crate) username: String,
    pub(crate) password: String,
    /// Requests are signed.
    pub(crate) aws: Option<Aws>,
    pub(crate) tls: TlsSettings,
    pub(crate) timeout: Option<String>,
    pub(crate) index: String,
    pub(crate) index_format: String,
    pub(crate) index_time: IndexTime,
    pub(crate) use_event_id: bool,
    pub(crate) data_stream: bool,
    pub(crate) doc_type: String,
}

/// A store of documents.
pub(crate) struct Bulk {
    kind: &'static str,
    hosts: Hosts,
    shape: Shape,
    index: Index,
    use_event_id: bool,
    data_stream: bool,
    doc_type: Option<String>,
}

impl Bulk {
    pub(crate) fn new(plan: Plan, shape: Shape, ctx: &SinkContext) -> Result<Self, ConnectError> {
        let kind = plan.kind;
        let index = Index::new(plan.index, &plan.index_format, plan.index_time)
            .map_err(|wrong| ConnectError::new(format!("`{kind}.index`: {wrong}")))?;
        let mut headers = plan.headers;
        // The original takes the first address's for all of them, before the keys.
        if let Some(basic) = plan.hosts.first().and_then(|host| userinfo(host)) {
            http::add_header(&mut headers, "Authorization", basic);
        } else if !plan.username.is_empty() && !plan.password.is_empty() {
            let basic = http::basic(&plan.username, &plan.password);
            http::add_header(&mut headers, "Authorization", basic);
        }
        let hosts = plan.hosts.iter().map(|host| {
            let settings = HttpSettings {
                kind,
                key: "hosts",
                url: &bulk_address(host),
                headers: &headers,
                tls: &plan.tls,
                timeout: plan.timeout.as_deref(),
                follow_redirects: false,
                content_type: "application/x-ndjson",
            };
            let http = Http::new(&settings, ctx.clone())?;
            Ok(match &plan.aws {
                Some(aws) => http.signed(aws.clone()),
                None => http,
            })
        });
        let hosts = hosts.collect::<Result<Vec<_>, ConnectError>>()?;
        let doc_type = plan.doc_type.trim();
        Ok(Self {
            kind,
            hosts: Hosts::new(hosts, Arc::clone(&ctx.clock)),
            shape,
            index,
            use_event_id: plan.use_event_id,
            data_stream: plan.data_stream,
            doc_type: (!matches!(doc_type, "" | UNTYPED)).then(|| doc_type.to_owned()),
        })
    }

    pub(crate) fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        let now = self.shape.now();
        let mut pieces = Vec::with_capacity(events.len());
        let mut document = Vec::with_capacity(2048);
        for (index, event) in events.iter().enumerate() {
            document.clear();
            self.shape.write(&mut document, event, now, index)?;
            let mut piece = self.action(event, &self.index.of(event, now));
            piece.push(b'\n');
            let start = piece.len();
            let time = event.timestamp().unwrap_or(now);
            if self.data_stream && !has_timestamp(&document, self.shape.is_whole()) {
                document = with_timestamp(&document, time);
            }
            piece.extend_from_slice(&document);
            // A line is a document; in JSON a line break is nothing but space.
            let breaks = piece[start..].iter_mut().filter(|byte| matches!(byte, b'\n' | b'\r'));
            breaks.for_each(|byte| *byte = b' ');
            piece.push(b'\n');
            pieces.push(piece);
        }
        let groups = LIMITS.groups(&pieces, Vec::len, |_, _| true).into_iter();
        let payload = |group: std::ops::Range<usize>| Payload {
            events: group.len(),
            headers: Vec::new(),
            body: pieces[group].concat().into(),
        };
        Ok(groups.map(payload).collect())
    }

    /// What is to be done with the document on the next line.
    ///
    /// `create` is all that a data stream takes, and a repeat is refused as already there, which is as good as taken.
    /// With `useEventID` a later revision of an Event replaces the one before, as in the original.
    fn action(&self, event: &Event, index: &str) -> Vec<u8> {
        let replaces = self.use_event_id && !self.data_stream;
        let word = if replaces { "index" } else { "create" };
        let id = if replaces && !event.metadata.uid.is_empty() {
            event.metadata.uid.to_string()
        } else {
            ids::key(event)
        };
        let mut action = format!("{{\"{word}\":{{\"_index\":{}", quoted(index));
        if let Some(doc_type) = &self.doc_type {
            action.push_str(",\"_type\":");
            action.push_str(&quoted(doc_type));
        }
        action.push_str(",\"_id\":");
        action.push_str(&quoted(&id));
        action.push_str("}}");
        action.into_bytes()
    }

    pub(crate) async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        let answer = self.hosts.exchange(Request::post(payload)).await?;
        items::judge(self.kind, answer, payload.events)
    }

    /// Asks for nothing to be done: that is refused as such, after it was looked at who asks.
    pub(crate) async fn probe(&self) -> Result<Option<String>, SendError> {
        let request = Request { method: Method::POST, ..Request::default() };
        let answer = self.hosts.exchange(request).await?;
        let said = format!("{} answered {} to an empty request", answer.place, answer.status);
        if answer.status.as_u16() == 400 {
            Ok(Some(said))
        } else {
            answer.judge().map(|_| Some(said))
        }
    }

    pub(crate) fn needs_lookup(&self) -> bool {
        self.shape.needs_lookup()
    }

    pub(crate) fn names(&self, fields: &[&str]) -> bool {
        self.shape.names(fields)
    }
}

impl fmt::Debug for Bulk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Bulk")
            .field("hosts", &self.hosts)
            .field("index", &self.index)
            .field("data_stream", &self.data_stream)
            .finish_non_exhaustive()
    }
}

/// The addresses in an environment variable, as the original's clients read it; nothing when it is not set.
pub(crate) fn hosts_of_environment(name: &str) -> Vec<String> {
    let listed = std::env::var(name).unwrap_or_default();
    listed.split(',').map(str::trim).filter(|host| !host.is_empty()).map(str::to_owned).collect()
}

/// Where a host takes bulk requests. What is no URL stays as it is, to be refused as such.
fn bulk_address(host: &str) -> Cow<'_, str> {
    let Ok(mut url) = Url::parse(host.trim()) else { return host.into() };
    let Ok(mut path) = url.path_segments_mut() else { return host.into() };
    path.pop_if_empty().push("_bulk");
    drop(path);
    url.set_query(Some(ANSWERED));
    String::from(url).into()
}

/// Who an address says we are, as a header says it.
fn userinfo(host: &str) -> Option<String> {
    let mut url = Url::parse(host.trim()).ok()?;
    http::take_userinfo(&mut url)
}

fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is JSON")
}

/// Whether a document says its time where data streams look for it. The default one never does.
fn has_timestamp(document: &[u8], default: bool) -> bool {
    #[derive(Deserialize)]
    struct Timed<'a> {
        #[serde(rename = "@timestamp", borrow)]
        time: Option<&'a RawValue>,
    }
    // What is no object is refused by the store, with or without.
    !default && serde_json::from_slice::<Timed<'_>>(document).is_ok_and(|it| it.time.is_some())
}

/// `document` with the time as its first key; as it is when it is no object.
fn with_timestamp(document: &[u8], time: jiff::Timestamp) -> Vec<u8> {
    let Some(rest) = document.strip_prefix(b"{") else { return document.to_vec() };
    let mut timed = b"{\"@timestamp\":\"".to_vec();
    event::time::write_micros(&mut timed, time);
    timed.push(b'"');
    if !rest.trim_ascii_start().starts_with(b"}") {
        timed.push(b',');
    }
    timed.extend_from_slice(rest);
    timed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bulk_requests_go_below_the_path_of_the_host() {
        for (host, expected) in [
            ("http://es:9200", "http://es:9200/_bulk?"),
            ("https://a:b@example.com/es/", "https://a:b@example.com/es/_bulk?"),
            ("https://example.com/es", "https://example.com/es/_bulk?"),
        ] {
            assert_eq!(bulk_address(host), format!("{expected}{ANSWERED}"));
        }
        assert_eq!(bulk_address("nonsense"), "nonsense");
    }

    #[test]
    fn a_document_has_its_time_once() {
        let time = "2024-06-01T10:00:00.5Z".parse().unwrap();
        let timed = |document: &str| {
            if has_timestamp(document.as_bytes(), false) {
                return document.to_owned();
            }
            String::from_utf8(with_timestamp(document.as_bytes(), time)).unwrap()
        };
        assert_eq!(timed("{}"), r#"{"@timestamp":"2024-06-01T10:00:00.500000Z"}"#);
        let expected = r#"{"@timestamp":"2024-06-01T10:00:00.500000Z","a":1}"#;
        assert_eq!(timed(r#"{"a":1}"#), expected);
        for unchanged in [r#"{"@timestamp":"mine"}"#, r#"{"a":1,"@timestamp":5}"#, "BackOff"] {
            assert_eq!(timed(unchanged), unchanged);
        }
        let inside = r#"{"@timestamp":"2024-06-01T10:00:00.500000Z","a":{"@timestamp":1}}"#;
        assert_eq!(timed(r#"{"a":{"@timestamp":1}}"#), inside);
    }
}
