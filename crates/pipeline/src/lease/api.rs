//! What the lock needs from an API server, as a trait: the real client and the simulated one of the model test
//! answer the same calls.

use event::Text;
use http::Method;
use thiserror::Error;

use super::record::Lease;
use crate::collect::{api::ApiError, client::Client};

/// One Lease of one API server.
pub trait LeaseApi: Send + Sync + 'static {
    /// The Lease as it is made when there is none.
    fn new_lease(&self) -> Lease;

    /// The Lease, if there is one.
    fn get(&self) -> impl Future<Output = Result<Option<Lease>, LeaseError>> + Send;

    /// Creates it; a conflict when there is one.
    fn create(&self, lease: &Lease) -> impl Future<Output = Result<Lease, LeaseError>> + Send;

    /// Changes it; a conflict when it is not as it was when it was read.
    fn update(&self, lease: &Lease) -> impl Future<Output = Result<Lease, LeaseError>> + Send;
}

/// Why the API server did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum LeaseError {
    /// Somebody else was faster.
    #[error("somebody else has changed it")]
    Conflict,
    /// 401 or 403.
    #[error("refused: {0}")]
    Refused(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl From<ApiError> for LeaseError {
    fn from(error: ApiError) -> Self {
        match error {
            // The second: it was deleted meanwhile.
            ApiError::Failed { status: 409 | 404, .. } => Self::Conflict,
            ApiError::Refused { message, .. } => Self::Refused(message),
            other => Self::Other(other.to_string()),
        }
    }
}

/// The Lease of this name, behind a client.
#[derive(Debug, Clone)]
pub struct Leases {
    client: Client,
    namespace: Text,
    name: Text,
}

impl Leases {
    /// No request is made.
    pub fn new(client: &Client, namespace: Text, name: Text) -> Self {
        Self { client: client.clone(), namespace, name }
    }

    fn all(&self) -> String {
        format!("/apis/coordination.k8s.io/v1/namespaces/{}/leases", self.namespace)
    }

    fn one(&self) -> String {
        format!("{}/{}", self.all(), self.name)
    }

    async fn write(&self, method: Method, path: &str, lease: &Lease) -> Result<Lease, LeaseError> {
        let answer = self.client.exchange(method, path, lease.to_json()).await?;
        read(&answer)
    }
}

fn read(answer: &[u8]) -> Result<Lease, LeaseError> {
    Lease::from_json(answer).map_err(|error| LeaseError::Other(format!("a Lease: {error}")))
}

impl LeaseApi for Leases {
    fn new_lease(&self) -> Lease {
        Lease::new(&self.namespace, &self.name)
    }

    async fn get(&self) -> Result<Option<Lease>, LeaseError> {
        match self.client.exchange(Method::GET, &self.one(), Vec::new()).await {
            Ok(answer) => read(&answer).map(Some),
            Err(ApiError::Failed { status: 404, .. }) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    async fn create(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.write(Method::POST, &self.all(), lease).await
    }

    async fn update(&self, lease: &Lease) -> Result<Lease, LeaseError> {
        self.write(Method::PUT, &self.one(), lease).await
    }
}
