//! A Google API: one address, and a token that says who we are. Requests go over the same HTTP client as those of every other
//! destination, so that proxies, private authorities and time limits are the same.

use std::{collections::BTreeMap, fmt, sync::Arc, time::Duration};

use bytes::Bytes;
use event::{ConnectError, SendError, SinkContext, Text};
use gcp_auth::{CustomServiceAccount, TokenProvider};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use sinks::{
    answer::Answer,
    http::{Http, HttpSettings, Method, Request},
    tls::TlsSettings,
};
use tokio::sync::OnceCell;

/// Whoever hands out tokens may take so long.
const PATIENCE: Duration = Duration::from_secs(30);

/// What stays as it is in a part of a path.
const PART: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b':');

/// What a kind says of its API.
pub(crate) struct ApiSettings<'a> {
    pub(crate) kind: &'static str,
    /// Where Google has it.
    pub(crate) usual: &'static str,
    /// Where the user has it; empty for nowhere else.
    pub(crate) endpoint: &'a str,
    /// A service account's key file; empty for what the machine has.
    pub(crate) credentials: &'a str,
    pub(crate) content_type: &'static str,
    pub(crate) scope: &'static str,
    pub(crate) timeout: Option<&'a str>,
    pub(crate) tls: Option<&'a TlsSettings>,
}

/// An API that is ready to be called.
pub(crate) struct Api {
    http: Http,
    tokens: Option<Tokens>,
    scope: &'static str,
}

/// Whoever hands out tokens: a key file, or what is found when it is first needed.
struct Tokens(OnceCell<Arc<dyn TokenProvider>>);

impl Api {
    pub(crate) fn new(settings: &ApiSettings<'_>, ctx: &SinkContext) -> Result<Self, ConnectError> {
        let kind = settings.kind;
        let endpoint = settings.endpoint.trim();
        let url = if endpoint.is_empty() { settings.usual } else { endpoint };
        // Without TLS a token would be anybody's; what has none is an emulator, unless a key is given for it.
        let emulated = url.starts_with("http://") && settings.credentials.is_empty();
        let tokens = if emulated {
            None
        } else if settings.credentials.is_empty() {
            Some(Tokens(OnceCell::new()))
        } else {
            let path = settings.credentials;
            let account = CustomServiceAccount::from_file(path).map_err(|error| {
                let text = format!("`{kind}`: `credentials_path`: `{path}`: {error}");
                ConnectError::new(text)
            })?;
            Some(Tokens(OnceCell::new_with(Some(Arc::new(account)))))
        };
        let http = HttpSettings {
            kind,
            key: "endpoint",
            url,
            headers: &BTreeMap::new(),
            tls: &settings.tls.cloned().unwrap_or_default(),
            timeout: settings.timeout,
            follow_redirects: false,
            content_type: settings.content_type,
        };
        Ok(Self { http: Http::new(&http, ctx.clone())?, tokens, scope: settings.scope })
    }

    /// Asks once.
    pub(crate) async fn ask(
        &self,
        method: Method,
        path: &str,
        query: &[(&str, &str)],
        body: Bytes,
    ) -> Result<Answer, SendError> {
        let mut headers = Vec::new();
        if let Some(tokens) = &self.tokens {
            let token = tokens.token(self.scope).await?;
            headers.push((Text::const_new("authorization"), format!("Bearer {token}")));
        }
        let request = Request { method, path, query, headers: &headers, body, gzip: false };
        self.http.exchange(request).await
    }
}

impl Tokens {
    async fn token(&self, scope: &str) -> Result<String, SendError> {
        let asked = tokio::time::timeout(PATIENCE, async {
            let provider = self.0.get_or_try_init(gcp_auth::provider).await?;
            provider.token(&[scope]).await
        });
        match asked.await {
            Ok(Ok(token)) => Ok(token.as_str().to_owned()),
            Ok(Err(error)) => Err(without_token(&error)),
            Err(_) => Err(SendError::Unavailable {
                reason: format!("nobody gave us a token within {PATIENCE:?}"),
                retry_after: None,
            }),
        }
    }
}

fn without_token(error: &gcp_auth::Error) -> SendError {
    match error {
        gcp_auth::Error::NoAuthMethod(..) => SendError::Blocked {
            reason: "no credentials: give the pod's service account an identity (Workload Identity), or set \
                     GOOGLE_APPLICATION_CREDENTIALS to a key file"
                .to_owned(),
        },
        // Somebody answered, and not with a token.
        gcp_auth::Error::Str(said) => SendError::Blocked {
            reason: format!("no token for these credentials: {said}"),
        },
        other => SendError::Unavailable {
            reason: format!("no token yet: {other}"),
            retry_after: None,
        },
    }
}

/// What an answer means. Google also says 403 to those who ask too often.
pub(crate) fn judge(answer: Answer) -> Result<Bytes, SendError> {
    let busy = ["rateLimitExceeded", "quotaExceeded", "RESOURCE_EXHAUSTED"];
    if !answer.status.is_success() && busy.iter().any(|word| answer.says(word)) {
        return Err(answer.unavailable());
    }
    answer.judge()
}

/// A name as a part of a path.
pub(crate) fn part(name: &str) -> String {
    utf8_percent_encode(name, PART).to_string()
}

impl fmt::Debug for Api {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Api").field("http", &self.http).finish_non_exhaustive()
    }
}
