//! The keys that every kind in AWS has beside its own.

use std::fmt;

use event::written::{self, Decoded, FlawKind};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Map, Value};
use sinks::{shape::Shaped, tls::TlsSettings};

/// Where, and as whom.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct AccountSettings {
    pub(crate) region: String,
    /// Of ours: another address than the region's, for example of a VPC endpoint.
    pub(crate) endpoint: String,
    /// Of ours: the ARN of a role to take on.
    pub(crate) assume_role: String,
    /// Of ours: without them, who we are is found out as every tool for AWS does it.
    pub(crate) access_key_id: String,
    pub(crate) secret_access_key: String,
    /// Of ours.
    pub(crate) timeout: Option<String>,
    /// Of ours.
    pub(crate) tls: Option<TlsSettings>,
}

/// The keys of [`AccountSettings`].
const KEYS: [&str; 7] =
    ["region", "endpoint", "assumeRole", "accessKeyId", "secretAccessKey", "timeout", "tls"];

impl fmt::Debug for AccountSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccountSettings")
            .field("region", &self.region)
            .field("assume_role", &self.assume_role)
            .finish_non_exhaustive()
    }
}

/// Settings of a kind, and where and as whom it sends.
#[derive(Debug, Default)]
pub struct Regional<S> {
    pub(crate) account: AccountSettings,
    pub(crate) own: S,
}

impl<S> Regional<Shaped<S>>
where
    S: DeserializeOwned,
{
    /// Reads what stands at `at`, with the keys that shape a document.
    pub(crate) fn read_shaped(settings: &Value, at: &str) -> Decoded<Self> {
        split(settings, at, Shaped::read)
    }
}

impl<S: DeserializeOwned> Regional<S> {
    /// Reads what stands at `at`.
    pub(crate) fn read(settings: &Value, at: &str) -> Decoded<Self> {
        split(settings, at, written::decode)
    }
}

fn split<S>(
    settings: &Value,
    at: &str,
    read: impl Fn(&Value, &str) -> Decoded<S>,
) -> Decoded<Regional<S>> {
    let mut own = settings.clone();
    let mut account = Map::new();
    for key in KEYS {
        account.extend(own.as_object_mut().and_then(|own| own.remove_entry(key)));
    }
    let account = written::decode::<AccountSettings>(&account.into(), at);
    let own = read(&own, at);
    let mut flaws = own.flaws;
    for flaw in &mut flaws {
        // Only those at the same place: `layout` and the like have keys of their own.
        if let FlawKind::Unknown { known } = &mut flaw.kind
            && flaw
                .path
                .strip_prefix(at)
                .is_some_and(|key| !key.trim_start_matches('.').contains(['.', '[']))
        {
            known.extend(KEYS);
        }
    }
    flaws.extend(account.flaws);
    let value = account.value.zip(own.value).map(|(account, own)| Regional { account, own });
    Decoded { value, flaws }
}
