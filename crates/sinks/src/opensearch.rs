//! OpenSearch: the same bulk API as Elasticsearch's, without the ways to authenticate that only Elastic
//! has, and with Amazon's.

use std::{collections::BTreeMap, fmt, sync::Arc};

use event::{
    ConnectError, Event, Payload, Rejected, SendError, Sink, SinkContext, written::Decoded,
};
use serde::Deserialize;
use serde_json::Value;

use crate::{
    aws::{Aws, AwsSettings},
    bulk::{self, Bulk, IndexTime, Plan},
    shape::Shaped,
    tls::TlsSettings,
};

/// What stands under `opensearch`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct Settings {
    hosts: Vec<String>,
    username: String,
    password: String,
    aws: Option<AwsSettings>,
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

/// Stores events as documents in `OpenSearch`.
#[derive(Debug)]
pub struct Opensearch(Bulk);

impl Sink for Opensearch {
    const KIND: &'static str = "opensearch";
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
    if hosts.is_empty() {
        let [own, elastic] =
            ["OPENSEARCH_URL", "ELASTICSEARCH_URL"].map(bulk::hosts_of_environment);
        if !own.is_empty() && !elastic.is_empty() {
            let text = "`opensearch`: `hosts` is missing, and OPENSEARCH_URL and ELASTICSEARCH_URL \
                are both set in the environment; keep one of them";
            return Err(ConnectError::new(text));
        }
        hosts = if own.is_empty() { elastic } else { own };
    }
    if hosts.is_empty() {
        hosts.push("http://localhost:9200".to_owned());
    }
    // The name of Amazon's own OpenSearch; its serverless one is `aoss`.
    let aws = settings.aws.map(|aws| Aws::new(&aws, "es")).transpose();
    let aws = aws.map_err(|error| ConnectError::new(format!("`opensearch`: {}", error.message)))?;
    Ok(Plan {
        kind: Opensearch::KIND,
        hosts,
        headers: settings.headers,
        username: settings.username,
        password: settings.password,
        aws,
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
