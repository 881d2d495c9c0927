//! Requests signed for AWS (Signature Version 4), with the credentials that AWS's own programs find: environment, files, a
//! service account's role, a container's, an instance's.
//!
//! `reqsign` signs and looks for credentials without an SDK: it is light, has no `unsafe` of its own, and the Apache
//! OpenDAL project keeps it.

use std::{
    fmt::{self, Write as _},
    sync::Arc,
};

use bytes::Bytes;
use event::{ConnectError, SendError};
use http::{Request as Unsigned, Response};
use reqsign_aws_v4::{Credential, DefaultCredentialProvider, RequestSigner};
use reqsign_core::{Context, ErrorKind, FileRead, HttpSend, OsEnv, Signer};
use reqwest::{Client, Request};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::tls::TlsSettings;

/// What stands under `aws`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub(crate) struct AwsSettings {
    region: String,
    service: String,
}

/// Signs requests to one service in one region.
#[derive(Clone)]
pub(crate) struct Aws {
    signer: Arc<Signer<Credential>>,
    place: String,
}

impl Aws {
    /// `service` is the one that is meant where none is named.
    pub(crate) fn new(settings: &AwsSettings, service: &str) -> Result<Self, ConnectError> {
        let of_environment = || {
            let names = ["AWS_REGION", "AWS_DEFAULT_REGION"];
            names.iter().find_map(|name| std::env::var(name).ok().filter(|it| !it.is_empty()))
        };
        let region = Some(settings.region.clone()).filter(|region| !region.is_empty());
        let region = region.or_else(of_environment).ok_or_else(|| {
            ConnectError::new(
                "`aws.region`: is missing, and AWS_REGION is not set; name the region",
            )
        })?;
        let service = if settings.service.is_empty() { service } else { &settings.service };
        let wrong = |error: &dyn fmt::Display| ConnectError::new(format!("`aws`: {error}"));
        let client = Client::builder()
            .tls_backend_preconfigured(TlsSettings::default().config(false)?)
            .build()
            .map_err(|error| wrong(&error))?;
        let context =
            Context::new().with_file_read(Files).with_http_send(Sender(client)).with_env(OsEnv);
        let signer = Signer::new(
            context,
            DefaultCredentialProvider::new(),
            RequestSigner::new(service, &region),
        );
        Ok(Self { signer: Arc::new(signer), place: format!("{service} in {region}") })
    }

    /// Adds the headers that say who asks for what.
    pub(crate) async fn sign(&self, request: &mut Request) -> Result<(), SendError> {
        let body = request.body().and_then(reqwest::Body::as_bytes).unwrap_or_default();
        let hash = Sha256::digest(body).iter().fold(String::with_capacity(64), |mut hex, byte| {
            write!(hex, "{byte:02x}").expect("a string takes every write");
            hex
        });
        let mut unsigned = Unsigned::builder().method(request.method()).uri(request.url().as_str());
        for (name, value) in request.headers() {
            unsigned = unsigned.header(name, value);
        }
        let unsigned = unsigned.header("x-amz-content-sha256", hash).body(());
        let (mut parts, ()) = unsigned
            .map_err(|error| SendError::Rejected { reason: format!("cannot be signed: {error}") })?
            .into_parts();
        self.signer.sign(&mut parts, None).await.map_err(|error| {
            let reason = format!("the request to {} cannot be signed: {error}", self.place);
            match error.kind() {
                ErrorKind::RateLimited | ErrorKind::Unexpected => {
                    SendError::Unavailable { reason, retry_after: None }
                }
                _ => SendError::Blocked { reason },
            }
        })?;
        *request.headers_mut() = parts.headers;
        Ok(())
    }
}

impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Aws({})", self.place)
    }
}

/// Reads the files that hold credentials.
#[derive(Debug)]
struct Files;

impl FileRead for Files {
    async fn file_read(&self, path: &str) -> reqsign_core::Result<Vec<u8>> {
        let path = path.to_owned();
        let read = tokio::task::spawn_blocking(move || std::fs::read(path)).await;
        let unread = |error: &dyn fmt::Display| {
            reqsign_core::Error::unexpected(format!("a file cannot be read: {error}"))
        };
        read.map_err(|error| unread(&error))?.map_err(|error| unread(&error))
    }
}

/// Asks whoever hands out credentials.
#[derive(Debug)]
struct Sender(Client);

impl HttpSend for Sender {
    async fn http_send(&self, request: Unsigned<Bytes>) -> reqsign_core::Result<Response<Bytes>> {
        let failed = |error: reqwest::Error| {
            reqsign_core::Error::unexpected("whoever gives credentials cannot be reached")
                .with_source(error.without_url())
        };
        let request = Request::try_from(request).map_err(failed)?;
        let answer = self.0.execute(request).await.map_err(failed)?;
        let status = answer.status();
        let headers = answer.headers().clone();
        let mut response = Response::new(answer.bytes().await.map_err(failed)?);
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        Ok(response)
    }
}
