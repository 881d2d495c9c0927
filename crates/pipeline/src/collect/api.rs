//! What *collect* needs from an API server, as a trait: the real client and the simulated server of
//! the model test answer the same calls.

use std::time::Duration;

use event::protobuf::{Field, Fields, Value, WireError};
use futures::Stream;
use thiserror::Error;

use super::frames::Frame;

/// The Events of one scope of one API server.
pub trait EventsApi: Send + Sync + 'static {
    /// What an answer brings, read by read. After an error nothing more comes.
    type Frames: Stream<Item = Result<Vec<Frame>, ApiError>> + Send + Unpin;

    /// The newest resourceVersion of the Events' storage, by a list of one.
    fn probe(&self) -> impl Future<Output = Result<u64, ApiError>> + Send;

    /// One page of the list.
    fn list(&self, page: Page) -> impl Future<Output = Result<Self::Frames, ApiError>> + Send;

    /// A watch.
    fn watch(&self, from: WatchFrom)
    -> impl Future<Output = Result<Self::Frames, ApiError>> + Send;
}

/// Which page of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Page {
    /// Token of the page before; the first page has none.
    pub token: Option<String>,
}

/// Where a watch begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchFrom {
    /// After this resourceVersion.
    Revision(u64),
    /// After this resourceVersion, for so long at most: a second look beside the watch that matters.
    Glance(u64, Duration),
    /// With everything that exists first, closed by a bookmark.
    InitialEvents,
}

/// Why the API server did not do it.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ApiError {
    /// 410: the revision, or the page token, is compacted.
    #[error("expired: {message}")]
    Expired {
        /// What the server said.
        message: String,
        /// A token that goes on with the newest state.
        inconsistent: Option<String>,
    },
    /// 429, 503 or 504 with a wish: come back later.
    #[error("busy ({status}): {message}")]
    Busy {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
        /// How long it wants to be left alone.
        retry_after: Option<Duration>,
    },
    /// 401 or 403.
    #[error("refused ({status}): {message}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// 400, 405, 406, 415 or 422: the server does not know this kind of request.
    #[error("not understood ({status}): {message}")]
    NotUnderstood {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// Any other status.
    #[error("failed ({status}): {message}")]
    Failed {
        /// The HTTP status.
        status: u16,
        /// What the server said.
        message: String,
    },
    /// No answer, or one that breaks off or cannot be read.
    #[error("connection: {0}")]
    Connection(String),
}

impl ApiError {
    /// One word for it, for metrics.
    pub fn word(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "expired",
            Self::Busy { .. } => "busy",
            Self::Refused { .. } => "refused",
            Self::NotUnderstood { .. } => "not_understood",
            Self::Failed { .. } => "failed",
            Self::Connection(_) => "connection",
        }
    }
}

/// `meta/v1.Status`, as far as it matters.
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct Status {
    /// HTTP status.
    pub code: u16,
    /// Sentence for people.
    pub message: String,
    /// Machine word.
    pub reason: String,
    /// May carry a token to go on with after a 410.
    pub metadata: StatusMeta,
    /// May carry a wish.
    pub details: Option<StatusDetails>,
}

/// `metadata` of a [`Status`].
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default)]
pub struct StatusMeta {
    /// Token to go on with.
    pub r#continue: String,
}

/// `details` of a [`Status`].
#[derive(Debug, Default, serde::Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct StatusDetails {
    /// Seconds.
    pub retry_after_seconds: u64,
}

impl Status {
    /// Reads the protobuf form.
    pub fn from_protobuf(bytes: &[u8]) -> Result<Self, WireError> {
        let mut status = Self::default();
        for field in Fields(bytes) {
            let Field { number, value } = field?;
            match number {
                1 => {
                    let token = inner(value, 3)?.map(Value::text);
                    status.metadata.r#continue = token.unwrap_or_default().into();
                }
                3 => status.message = value.text().into(),
                4 => status.reason = value.text().into(),
                5 => {
                    let seconds = inner(value, 5)?.map_or(0, Value::number);
                    let retry_after_seconds = u64::try_from(seconds).unwrap_or_default();
                    status.details = Some(StatusDetails { retry_after_seconds });
                }
                6 => status.code = u16::try_from(value.number()).unwrap_or_default(),
                _ => {}
            }
        }
        Ok(status)
    }

    /// A status that says nothing but its number, for answers without a readable body.
    pub fn bare(code: u16, message: String) -> Self {
        Self { code, message, ..Self::default() }
    }

    /// With the wish of a `Retry-After` header, where the body has none.
    #[must_use]
    pub fn or_retry_after(mut self, seconds: Option<u64>) -> Self {
        if self.details.as_ref().is_none_or(|details| details.retry_after_seconds == 0) {
            self.details = seconds.map(|retry_after_seconds| StatusDetails { retry_after_seconds });
        }
        self
    }
}

/// One field of an inner message.
fn inner(message: Value<'_>, number: u32) -> Result<Option<Value<'_>>, WireError> {
    for field in Fields(message.bytes()) {
        let field = field?;
        if field.number == number {
            return Ok(Some(field.value));
        }
    }
    Ok(None)
}

impl From<Status> for ApiError {
    fn from(status: Status) -> Self {
        let Status { code, message, metadata, details, .. } = status;
        let retry_after = details
            .map(|details| details.retry_after_seconds)
            .filter(|seconds| *seconds > 0)
            .map(Duration::from_secs);
        match code {
            410 => {
                let token = metadata.r#continue;
                Self::Expired { message, inconsistent: (!token.is_empty()).then_some(token) }
            }
            401 | 403 => Self::Refused { status: code, message },
            400 | 405 | 406 | 415 | 422 => Self::NotUnderstood { status: code, message },
            429 | 503 | 504 => Self::Busy { status: code, message, retry_after },
            _ => Self::Failed { status: code, message },
        }
    }
}
