//! The Events of a real API server, over kube's HTTP client: raw requests, our own reading.
//!
//! Asks for protobuf and takes JSON, and never lets a proxy or a server compress a watch (one gzip
//! member an event is more than most decoders understand).

use std::{
    path::PathBuf,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use bytes::Bytes;
use futures::{Stream, StreamExt, stream::BoxStream};
use http::{HeaderMap, HeaderValue, Request, Response, header};
use http_body_util::BodyExt;
use kube::{
    Config,
    client::{Body, ClientBuilder},
    config::{KubeConfigOptions, Kubeconfig},
};
use prometheus::{HistogramVec, core::Collector};
use thiserror::Error;

use super::{
    api::{ApiError, EventsApi, Page, Status, WatchFrom},
    frames::{Decoder, Frame, unwrap_protobuf},
    requests::Measured,
};
use crate::measures::{self, MetricFamily};

/// Which API server, and as whom.
#[derive(Debug, Clone, Default)]
pub struct Access {
    /// A kubeconfig file; else in-cluster, else `KUBECONFIG` or `~/.kube/config`.
    pub kubeconfig: Option<PathBuf>,
    /// A context of it; else the current one.
    pub context: Option<String>,
    /// For example `tidings/0.1.0`.
    pub user_agent: String,
    /// Ask for JSON even where protobuf is to be had.
    pub json: bool,
}

/// Why there is no way to an API server.
#[derive(Debug, Error)]
pub enum AccessError {
    /// No kubeconfig, and not in a cluster.
    #[error("no cluster is configured: {0}")]
    NotConfigured(String),
    /// The kubeconfig cannot be used.
    #[error("the kubeconfig cannot be used: {0}")]
    Unusable(String),
}

/// A client of one API server's Events.
#[derive(Clone)]
pub struct Client {
    kube: kube::Client,
    /// The server's address, for people.
    pub server: String,
    path: String,
    accept: &'static str,
    requests: Arc<AtomicU64>,
    seconds: HistogramVec,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client")
            .field("server", &self.server)
            .field("path", &self.path)
            .finish_non_exhaustive()
    }
}

/// How long an answer may take to begin, and a list to go on.
const ANSWER: Duration = Duration::from_secs(60);
/// How long a list of one may take: a connection that died unnoticed must not cost more.
const PROBE: Duration = Duration::from_secs(10);
/// Items a page.
const PAGE: usize = 10_000;
/// How long a watch lasts before the server ends it, so that none is for ever.
const WATCH_SECONDS: u64 = 540;
const PROTOBUF: &str = "application/vnd.kubernetes.protobuf, application/json;q=0.9";
const JSON: &str = "application/json";

impl Client {
    /// Finds the cluster and prepares; no request is made.
    pub async fn connect(access: Access) -> Result<Self, AccessError> {
        let mut config = config(&access).await?;
        let user_agent = HeaderValue::try_from(access.user_agent)
            .map_err(|error| AccessError::Unusable(format!("user agent: {error}")))?;
        config.headers.push((header::USER_AGENT, user_agent));
        let server = config.cluster_url.to_string();
        let seconds = measures::requests();
        let kube = ClientBuilder::try_from(config)
            .map_err(|error| AccessError::Unusable(error.to_string()))?
            .with_layer(&Measured(seconds.clone()))
            .build();
        Ok(Self {
            kube,
            server,
            path: "/api/v1/events".into(),
            accept: if access.json { JSON } else { PROTOBUF },
            requests: Arc::default(),
            seconds,
        })
    }

    /// The same server's Events of one namespace, or of all.
    #[must_use]
    pub fn within(&self, namespace: Option<&str>) -> Self {
        let path = match namespace {
            Some(namespace) => format!("/api/v1/namespaces/{namespace}/events"),
            None => "/api/v1/events".into(),
        };
        Self { path, ..self.clone() }
    }

    /// The same access, for everything but Events.
    pub fn kube(&self) -> kube::Client {
        self.kube.clone()
    }

    /// How many requests were made so far, for all namespaces.
    pub fn requests(&self) -> u64 {
        self.requests.load(Ordering::Relaxed)
    }

    /// How long answers took, of all requests that were made through this client.
    pub fn measured(&self) -> Vec<MetricFamily> {
        self.seconds.collect()
    }

    /// The uid of the namespace kube-system, by which clusters are told apart.
    pub async fn cluster_uid(&self) -> Result<String, ApiError> {
        #[derive(serde::Deserialize)]
        struct Namespace {
            metadata: Uid,
        }
        #[derive(serde::Deserialize)]
        struct Uid {
            uid: String,
        }
        let body = self.get_json("/api/v1/namespaces/kube-system").await?;
        serde_json::from_slice::<Namespace>(&body)
            .map(|namespace| namespace.metadata.uid)
            .map_err(|error| ApiError::Connection(error.to_string()))
    }

    /// The verbs on events that this user lacks; empty also when the server does not tell.
    pub async fn missing_permissions(&self, namespace: Option<&str>) -> Vec<&'static str> {
        let mut missing = Vec::new();
        for verb in ["list", "watch"] {
            if self.is_allowed(verb, namespace).await == Some(false) {
                missing.push(verb);
            }
        }
        missing
    }

    async fn is_allowed(&self, verb: &str, namespace: Option<&str>) -> Option<bool> {
        #[derive(serde::Deserialize)]
        struct Review {
            status: Verdict,
        }
        #[derive(serde::Deserialize)]
        struct Verdict {
            allowed: bool,
        }
        let review = serde_json::json!({
            "apiVersion": "authorization.k8s.io/v1",
            "kind": "SelfSubjectAccessReview",
            "spec": {"resourceAttributes": {
                "resource": "events", "verb": verb, "namespace": namespace.unwrap_or_default(),
            }},
        });
        let request = Request::post("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews")
            .header(header::ACCEPT, JSON)
            .header(header::CONTENT_TYPE, JSON)
            .body(Body::from(review.to_string().into_bytes()))
            .ok()?;
        let body = whole(self.send(request).await.ok()?).await.ok()?;
        serde_json::from_slice::<Review>(&body).ok().map(|review| review.status.allowed)
    }

    /// Creates what stands in `body`.
    pub(crate) async fn post(&self, path: &str, body: &serde_json::Value) -> Result<(), ApiError> {
        let body = body.to_string().into_bytes();
        self.exchange(http::Method::POST, path, body).await.map(drop)
    }

    /// One request in JSON, with a body unless that is empty; gives the answer's.
    pub(crate) async fn exchange(
        &self,
        method: http::Method,
        path: &str,
        body: Vec<u8>,
    ) -> Result<Bytes, ApiError> {
        let request = Request::builder().method(method).uri(path).header(header::ACCEPT, JSON);
        let request = request.header(header::CONTENT_TYPE, JSON).body(Body::from(body));
        let request = request.map_err(|error| ApiError::Connection(error.to_string()))?;
        whole(self.send(request).await?).await
    }

    async fn get_json(&self, path: &str) -> Result<Bytes, ApiError> {
        whole(self.send(get(path, JSON)?).await?).await
    }

    /// Sends; an answer that is no success becomes its error.
    async fn send(&self, request: Request<Body>) -> Result<Response<Body>, ApiError> {
        self.requests.fetch_add(1, Ordering::Relaxed);
        let response = tokio::time::timeout(ANSWER, self.kube.send(request))
            .await
            .map_err(|_| ApiError::Connection("no answer within 60 s".into()))?
            .map_err(|error| ApiError::Connection(chain(&error)))?;
        if response.status().is_success() {
            return Ok(response);
        }
        let code = response.status().as_u16();
        let wish = response.headers().get(header::RETRY_AFTER);
        let wish = wish.and_then(|wish| wish.to_str().ok()?.parse().ok());
        let content_type = content_type(response.headers());
        let body = whole(response).await.unwrap_or_default();
        let mut status = read_status(&content_type, &body).unwrap_or_else(|| {
            Status::bare(code, String::from_utf8_lossy(&body).chars().take(200).collect())
        });
        status.code = code;
        Err(status.or_retry_after(wish).into())
    }

    async fn frames(
        &self,
        path: &str,
        decoder: fn(&str) -> Decoder,
        idle: Option<Duration>,
    ) -> Result<BoxStream<'static, Result<Vec<Frame>, ApiError>>, ApiError> {
        let response = self.send(get(path, self.accept)?).await?;
        let decoder = decoder(&content_type(response.headers()));
        Ok(read_frames(response.into_body().into_data_stream(), decoder, idle).boxed())
    }
}

impl EventsApi for Client {
    type Frames = BoxStream<'static, Result<Vec<Frame>, ApiError>>;

    async fn probe(&self) -> Result<u64, ApiError> {
        #[derive(serde::Deserialize)]
        struct Newest {
            metadata: Meta,
        }
        #[derive(serde::Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Meta {
            resource_version: String,
        }
        let path = format!("{}?limit=1", self.path);
        let answer = self.get_json(&path);
        let body = tokio::time::timeout(PROBE, answer)
            .await
            .map_err(|_| ApiError::Connection(format!("no answer within {PROBE:?}")))??;
        let newest: Newest = serde_json::from_slice(&body)
            .map_err(|error| ApiError::Connection(format!("list of one: {error}")))?;
        newest
            .metadata
            .resource_version
            .parse()
            .map_err(|_| ApiError::Connection("list of one: resourceVersion is no number".into()))
    }

    async fn list(&self, page: Page) -> Result<Self::Frames, ApiError> {
        let mut path = format!("{}?limit={PAGE}", self.path);
        if let Some(token) = page.token {
            path += "&continue=";
            path.extend(percent_encoded(&token));
        }
        self.frames(&path, Decoder::list, Some(ANSWER)).await
    }

    async fn watch(&self, from: WatchFrom) -> Result<Self::Frames, ApiError> {
        let options = match from {
            WatchFrom::Revision(revision) => {
                format!("resourceVersion={revision}&timeoutSeconds={WATCH_SECONDS}")
            }
            WatchFrom::Glance(revision, time) => {
                format!("resourceVersion={revision}&timeoutSeconds={}", time.as_secs().max(1))
            }
            WatchFrom::InitialEvents => format!(
                "sendInitialEvents=true&resourceVersionMatch=NotOlderThan&timeoutSeconds={WATCH_SECONDS}"
            ),
        };
        let path = format!("{}?watch=true&allowWatchBookmarks=true&{options}", self.path);
        self.frames(&path, Decoder::watch, None).await
    }
}

fn get(path: &str, accept: &str) -> Result<Request<Body>, ApiError> {
    Request::get(path)
        .header(header::ACCEPT, accept)
        .header(header::ACCEPT_ENCODING, "identity")
        .body(Body::empty())
        .map_err(|error| ApiError::Connection(error.to_string()))
}

async fn config(access: &Access) -> Result<Config, AccessError> {
    let options =
        KubeConfigOptions { context: access.context.clone(), ..KubeConfigOptions::default() };
    if let Some(path) = &access.kubeconfig {
        let unusable = |error: &dyn std::error::Error| {
            AccessError::Unusable(format!("{}: {}", path.display(), chain(error)))
        };
        let file = Kubeconfig::read_from(path).map_err(|error| unusable(&error))?;
        return Config::from_custom_kubeconfig(file, &options)
            .await
            .map_err(|error| unusable(&error));
    }
    if access.context.is_none()
        && let Ok(config) = Config::incluster()
    {
        return Ok(config);
    }
    Config::from_kubeconfig(&options).await.map_err(|error| {
        AccessError::NotConfigured(format!(
            "not in a cluster (no service account), and the kubeconfig cannot be used: {}",
            chain(&error)
        ))
    })
}

/// An error with everything it says about its causes, once.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text += ": ";
            text += &cause_text;
        }
        source = cause.source();
    }
    text
}

fn content_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().to_owned()
}

async fn whole(response: Response<Body>) -> Result<Bytes, ApiError> {
    tokio::time::timeout(ANSWER, response.into_body().collect())
        .await
        .map_err(|_| ApiError::Connection("the answer did not end within 60 s".into()))?
        .map(http_body_util::Collected::to_bytes)
        .map_err(|error| ApiError::Connection(error.to_string()))
}

fn read_status(content_type: &str, body: &[u8]) -> Option<Status> {
    if content_type.starts_with("application/vnd.kubernetes.protobuf") {
        Status::from_protobuf(unwrap_protobuf(body).ok()?).ok()
    } else {
        serde_json::from_slice(body).ok()
    }
}

/// Reads a body as frames until it ends, breaks, or is idle for too long.
fn read_frames<E: std::error::Error + 'static>(
    body: impl Stream<Item = Result<Bytes, E>> + Send + Unpin + 'static,
    decoder: Decoder,
    idle: Option<Duration>,
) -> impl Stream<Item = Result<Vec<Frame>, ApiError>> + Send + 'static {
    futures::stream::unfold(Some((body, decoder)), move |state| async move {
        let (mut body, mut decoder) = state?;
        loop {
            let patience = idle.unwrap_or(Duration::MAX);
            let Ok(read) = tokio::time::timeout(patience, body.next()).await else {
                let idle = ApiError::Connection(format!("nothing came for {patience:?}"));
                return Some((Err(idle), None));
            };
            let bytes = match read? {
                Ok(bytes) => bytes,
                Err(error) => return Some((Err(ApiError::Connection(chain(&error))), None)),
            };
            let mut frames = Vec::new();
            if let Err(garbled) = decoder.push(&bytes, &mut frames) {
                return Some((Err(ApiError::Connection(garbled.to_string())), None));
            }
            if !frames.is_empty() {
                return Some((Ok(frames), Some((body, decoder))));
            }
        }
    })
}

fn percent_encoded(text: &str) -> impl Iterator<Item = char> + '_ {
    text.bytes().flat_map(|byte| {
        let plain = byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
        let escaped = if plain { (byte as char).to_string() } else { format!("%{byte:02X}") };
        escaped.chars().collect::<Vec<_>>()
    })
}
