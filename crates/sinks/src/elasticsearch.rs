//! Elasticsearch: documents in bulk, each with the event's id, into an index, an index a day, or a data stream.
//!
//! kubernetes-event-exporter sends one document in one request and takes every answer for success; here each document's
//! own answer counts.

use std::{collections::BTreeMap, fmt, sync::Arc};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    bulk::{self, Bulk, IndexTime, Plan},
    http,
    shape::Shaped,
    tls::TlsSettings,
};

/// What stands under `elasticsearch`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    hosts: Vec<String>,
    username: String,
    password: String,
    api_key: String,
    #[serde(rename = "cloudID")]
    cloud_id: String,
    headers: BTreeMap<String, String>,
    index: String,
    index_format: String,
    index_time: IndexTime,
    #[serde(rename = "useEventID")]
    use_event_id: bool,
    data_stream: bool,
    r#type: String,
    tls: Option<TlsSettings>,
    timeout: Option<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Most of the others hold secrets.
        f.debug_struct("Settings").field("index", &self.index).finish_non_exhaustive()
    }
}

/// Stores events as documents in Elasticsearch.
#[derive(Debug)]
pub struct Elasticsearch(Bulk);

impl Sink for Elasticsearch {
    const KIND: &'static str = "elasticsearch";
    type Settings = Shaped<Settings>;

    fn read(settings: &Value, at: &str) -> Decoded<Shaped<Settings>> {
        Shaped::read(settings, at)
    }

    async fn connect(settings: Self::Settings, ctx: SinkContext) -> Result<Self, ConnectError> {
        let (settings, shape) = settings.compile(Self::KIND, &ctx)?;
        Bulk::new(plan(settings)?, shape, &ctx).map(Self)
    }

    fn encode(&self, events: &[Arc<Event>]) -> Result<Vec<Payload>, Rejected> {
        self.0.encode(events)
    }

    async fn send(&self, payload: &Payload) -> Result<(), SendError> {
        self.0.send(payload).await
    }

    async fn probe(&self) -> Result<Option<String>, SendError> {
        self.0.probe().await
    }

    fn batch_limit(&self) -> usize {
        bulk::LIMITS.events
    }

    fn needs_lookup(&self) -> bool {
        self.0.needs_lookup()
    }

    fn names(&self, fields: &[&str]) -> bool {
        self.0.names(fields)
    }
}

fn plan(settings: Settings) -> Result<Plan, ConnectError> {
    let mut hosts = settings.hosts;
    let cloud = settings.cloud_id.trim();
    if !cloud.is_empty() {
        if !hosts.is_empty() {
            let text = "`elasticsearch`: `hosts` and `cloudID` are both set; keep one of them";
            return Err(ConnectError::new(text));
        }
        let host = cloud_host(cloud).ok_or_else(|| {
            let text = "`elasticsearch.cloudID`: is none; copy it from the deployment's page, \
                `name:letters`";
            ConnectError::new(text)
        })?;
        hosts.push(host);
    }
    if hosts.is_empty() {
        hosts = bulk::hosts_of_environment("ELASTICSEARCH_URL");
    }
    if hosts.is_empty() {
        hosts.push("http://localhost:9200".to_owned());
    }
    let mut headers = settings.headers;
    let key = settings.api_key.trim();
    if !key.is_empty() {
        // The key's two parts, as they are shown once beside its encoded form.
        let key = if key.contains(':') { BASE64.encode(key) } else { key.to_owned() };
        http::add_header(&mut headers, "Authorization", format!("APIKey {key}"));
    }
    Ok(Plan {
        kind: Elasticsearch::KIND,
        hosts,
        headers,
        username: settings.username,
        password: settings.password,
        aws: None,
        tls: settings.tls.unwrap_or_default(),
        timeout: settings.timeout,
        index: settings.index,
        index_format: settings.index_format,
        index_time: settings.index_time,
        use_event_id: settings.use_event_id,
        data_stream: settings.data_stream,
        doc_type: settings.r#type,
    })
}

/// The address in a cloud id: behind the name, in base64, a host, the part of Elasticsearch and that of Kibana.
fn cloud_host(id: &str) -> Option<String> {
    let (_, encoded) = id.split_once(':')?;
    let decoded = String::from_utf8(BASE64.decode(encoded).ok()?).ok()?;
    let mut parts = decoded.split('$');
    let (host, part) = (parts.next()?, parts.next()?);
    (!host.is_empty() && !part.is_empty()).then(|| format!("https://{part}.{host}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cloud_id_holds_an_address() {
        let id = |decoded: &str| format!("staging:{}", BASE64.encode(decoded));
        let host = cloud_host(&id("eu-west-1.aws.example.com:9243$abc123$def456"));
        assert_eq!(host.as_deref(), Some("https://abc123.eu-west-1.aws.example.com:9243"));
        for wrong in ["", "name", "name:%%%", &*id("example.com"), &*id("$abc"), &*id("a$")] {
            assert_eq!(cloud_host(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn settings_show_no_secrets() {
        let settings = Settings { password: "s3cret".into(), ..Settings::default() };
        assert_eq!(format!("{settings:?}"), "Settings { index: \"\", .. }");
    }
}
