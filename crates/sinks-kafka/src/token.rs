//! `sasl.tokenFile`: a token that somebody else keeps fresh in a file, such as the one that Kubernetes puts into a pod for
//! its service account.

use std::{fs, path::Path};

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use rdkafka::client::OAuthToken;
use serde::Deserialize;

/// A token that does not say when it ends is read again after so long.
const UNKNOWN: SignedDuration = SignedDuration::from_mins(5);

/// What a token says of itself.
#[derive(Default, Deserialize)]
struct Claims {
    #[serde(default)]
    sub: String,
    exp: Option<i64>,
}

/// Reads the token; an error says nothing of what the file holds.
pub(crate) fn read(path: &Path, now: Timestamp) -> Result<OAuthToken, String> {
    let token = fs::read_to_string(path)
        .map_err(|error| format!("`sasl.tokenFile`: cannot read `{}`: {error}", path.display()))?;
    let token = token.trim().to_owned();
    if token.is_empty() {
        return Err(format!("`sasl.tokenFile`: `{}` is empty", path.display()));
    }
    let claims = claims(&token).unwrap_or_default();
    let ends = claims.exp.and_then(|second| Timestamp::from_second(second).ok());
    let ends = ends.unwrap_or_else(|| now.saturating_add(UNKNOWN).unwrap_or(now));
    Ok(OAuthToken { token, principal_name: claims.sub, lifetime_ms: ends.as_millisecond() })
}

/// The middle part of a JSON web token. Who takes it checks it; we only want to know when it ends.
fn claims(token: &str) -> Option<Claims> {
    let claims = token.split('.').nth(1)?;
    serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Result<OAuthToken, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), text).unwrap();
        read(file.path(), "2024-06-01T10:00:00Z".parse().unwrap())
            .map_err(|error| error.replace(&file.path().display().to_string(), "FILE"))
    }

    #[test]
    fn a_token_says_whose_it_is_and_when_it_ends() {
        let claims = BASE64_URL_SAFE_NO_PAD.encode(r#"{"sub":"tidings","exp":1717239600}"#);
        let read = token(&format!("e30.{claims}.c2ln\n")).unwrap();
        assert_eq!(read.principal_name, "tidings");
        assert_eq!(read.lifetime_ms, 1_717_239_600_000);
        assert_eq!(read.token, format!("e30.{claims}.c2ln"));
    }

    #[test]
    fn a_token_of_another_form_is_read_again_after_five_minutes() {
        let read = token("opaque").unwrap();
        assert_eq!((read.principal_name.as_str(), read.lifetime_ms), ("", 1_717_236_300_000));
        assert_eq!(token(" \n").err().unwrap(), "`sasl.tokenFile`: `FILE` is empty");
    }
}
