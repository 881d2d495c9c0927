//! Who we are: what the config says, else what AWS's own chain finds: the environment, files, the service account's role, the
//! pod's, the node's.

use std::{fmt, sync::Arc, time::SystemTime};

use aws_config::{BehaviorVersion, Region, sts::AssumeRoleProvider};
use aws_credential_types::{
    Credentials,
    provider::{ProvideCredentials, SharedCredentialsProvider, error::CredentialsError},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, rustls_provider::CryptoMode},
};
use aws_smithy_types::error::display::DisplayErrorContext;
use event::{Clock, ConnectError, SendError};
use jiff::SignedDuration;
use tokio::sync::Mutex;

use crate::regional::AccountSettings;

/// So long before their end credentials are asked for anew.
const EARLY: SignedDuration = SignedDuration::from_mins(2);

/// Says who we are, and remembers it as long as it holds.
pub(crate) struct Identity {
    provider: SharedCredentialsProvider,
    known: Mutex<Option<Credentials>>,
    clock: Arc<dyn Clock>,
}

impl Identity {
    /// Nothing is asked of anybody yet.
    pub(crate) async fn new(
        settings: &AccountSettings,
        region: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let provider = match (settings.access_key_id.trim(), settings.secret_access_key.trim()) {
            ("", "") => None,
            ("", _) => return Err(ConnectError::new("`secretAccessKey` needs `accessKeyId` too")),
            (_, "") => return Err(ConnectError::new("`accessKeyId` needs `secretAccessKey` too")),
            (id, secret) => {
                let known = Credentials::new(id, secret, None, None, "config");
                Some(SharedCredentialsProvider::new(known))
            }
        };
        let http = Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).build_https();
        let mut config = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(region.to_owned()))
            .http_client(http);
        if let Some(provider) = &provider {
            config = config.credentials_provider(provider.clone());
        }
        let config = config.load().await;
        let provider = if settings.assume_role.is_empty() {
            config.credentials_provider().ok_or_else(|| ConnectError::new(NOBODY))?
        } else {
            let role = AssumeRoleProvider::builder(&settings.assume_role)
                .session_name("tidings")
                .configure(&config);
            SharedCredentialsProvider::new(role.build().await)
        };
        Ok(Self { provider, known: Mutex::default(), clock })
    }

    /// Credentials that hold a while longer.
    pub(crate) async fn credentials(&self) -> Result<Credentials, SendError> {
        let mut known = self.known.lock().await;
        let soon = SystemTime::from(self.clock.now().saturating_add(EARLY).unwrap_or_default());
        let holds = |it: &&Credentials| it.expiry().is_none_or(|end| end > soon);
        if let Some(credentials) = known.as_ref().filter(holds) {
            return Ok(credentials.clone());
        }
        let fresh = self.provider.provide_credentials().await.map_err(|error| nobody(&error))?;
        Ok(known.insert(fresh).clone())
    }

    /// What is known was refused: the next time it is asked for anew.
    pub(crate) async fn forget(&self) {
        *self.known.lock().await = None;
    }
}

const NOBODY: &str = "no credentials: give the pod's service account a role (IRSA or EKS Pod \
    Identity), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

fn nobody(error: &CredentialsError) -> SendError {
    let said = DisplayErrorContext(error).to_string();
    match error {
        CredentialsError::CredentialsNotLoaded(_) => {
            SendError::Blocked { reason: NOBODY.to_owned() }
        }
        CredentialsError::InvalidConfiguration(_) => {
            SendError::Blocked { reason: format!("the credentials cannot be used: {said}") }
        }
        // The role is not ours to take.
        _ if said.contains("AccessDenied") || said.contains("InvalidIdentityToken") => {
            SendError::Blocked { reason: format!("no credentials: {}", first_line(&said)) }
        }
        _ => SendError::Unavailable {
            reason: format!("no credentials yet: {}", first_line(&said)),
            retry_after: None,
        },
    }
}

/// What stands before the dump of the answer.
fn first_line(text: &str) -> &str {
    let end = text.find(" (").unwrap_or(text.len());
    text[..end].lines().next().unwrap_or_default()
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity").finish_non_exhaustive()
    }
}
