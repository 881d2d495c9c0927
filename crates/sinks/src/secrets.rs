//! Keeps secrets out of texts: what the config hides must not come back in an error, even when the
//! destination repeats it.

use std::fmt;

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use percent_encoding::percent_decode_str;
use reqwest::{Url, header::HeaderName};

/// Stands where a secret stood.
const HIDDEN: &str = "***";

/// Shorter texts are no secrets, and hiding them would blot out half of every message.
const SHORTEST: usize = 4;

/// Headers whose values everybody may see.
const PUBLIC: &[&str] = &[
    "accept",
    "accept-encoding",
    "accept-language",
    "cache-control",
    "connection",
    "content-encoding",
    "content-type",
    "user-agent",
];

/// Texts that must not be seen.
#[derive(Clone, Default)]
pub struct Secrets(Vec<String>);

impl Secrets {
    /// Hides what stands in `url` beside scheme, host and port: userinfo, and the path and query, in
    /// which chat services carry their tokens.
    pub(crate) fn add_url(&mut self, url: &Url) {
        self.add(url.password().unwrap_or_default());
        if url.password().is_none() {
            // Some services take a token as the user.
            self.add(url.username());
        }
        self.add(url.path());
        for segment in url.path().split('/') {
            let has_digit = segment.bytes().any(|byte| byte.is_ascii_digit());
            // Words of an API are no secrets; tokens are long or have digits.
            if segment.len() >= 16 || (segment.len() >= 8 && has_digit) {
                self.add(segment);
            }
        }
        self.add(url.query().unwrap_or_default());
        for (_, value) in url.query_pairs() {
            self.add(&value);
        }
    }

    /// Hides the value of a header, and the token behind its scheme (`Bearer …`), or the password in it (`Basic …`).
    pub(crate) fn add_header(&mut self, name: &HeaderName, value: &str) {
        if PUBLIC.contains(&name.as_str()) {
            return;
        }
        self.add(value);
        if let Some((_, token)) = value.trim().split_once(' ') {
            self.add(token);
            let decoded =
                BASE64.decode(token.trim()).ok().and_then(|it| String::from_utf8(it).ok());
            if let Some((_, password)) = decoded.as_deref().and_then(|it| it.split_once(':')) {
                self.add(password);
            }
        }
    }

    /// Hides `secret`, written plainly or percent-encoded as it stands.
    pub fn add(&mut self, secret: &str) {
        let decoded = percent_decode_str(secret).decode_utf8_lossy();
        for text in [secret, &*decoded] {
            let text = text.trim();
            if text.len() >= SHORTEST && !self.0.iter().any(|known| known == text) {
                self.0.push(text.to_owned());
            }
        }
        // The longest first: a secret may be part of another.
        self.0.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    }

    /// `text` without them.
    pub fn hide(&self, text: &str) -> String {
        let mut text = text.to_owned();
        for secret in &self.0 {
            if text.contains(secret) {
                text = text.replace(secret, HIDDEN);
            }
        }
        text
    }
}

impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(url: &str, text: &str, expected: &str) {
        let mut secrets = Secrets::default();
        secrets.add_url(&Url::parse(url).unwrap());
        assert_eq!(secrets.hide(text), expected);
    }

    #[test]
    fn userinfo_is_hidden_encoded_and_decoded() {
        let url = "https://events:p%40ssword@example.com/";
        check(url, "bad p%40ssword or p@ssword", "bad *** or ***");
        check("https://tok12345@example.com/", "no tok12345", "no ***");
    }

    #[test]
    fn tokens_in_the_path_of_a_chat_webhook_are_hidden_and_words_are_not() {
        check(
            "https://chat.example.com/services/T0000000A/B0000000B/abcdefghijklmnopqrstuvwx",
            "services: no team T0000000A, token abcdefghijklmnopqrstuvwx",
            "services: no team ***, token ***",
        );
    }

    #[test]
    fn tokens_in_the_query_are_hidden() {
        check(
            "https://example.com/hook?key=topsecret&v=1",
            "at /hook?key=topsecret&v=1 the key topsecret is unknown",
            "at ***?*** the key *** is unknown",
        );
    }

    #[test]
    fn a_bearer_token_is_hidden_alone_too_and_a_content_type_is_public() {
        let mut secrets = Secrets::default();
        secrets.add_header(&"authorization".parse().unwrap(), "Bearer abc.def");
        secrets.add_header(&"content-type".parse().unwrap(), "text/plain");
        assert_eq!(secrets.hide("abc.def is no text/plain"), "*** is no text/plain");
        assert_eq!(format!("{secrets:?}"), "2 secrets");
    }

    #[test]
    fn the_password_of_basic_authentication_is_hidden_decoded_too() {
        let mut secrets = Secrets::default();
        // `ann:pass word`
        secrets.add_header(&"authorization".parse().unwrap(), "Basic YW5uOnBhc3Mgd29yZA==");
        assert_eq!(secrets.hide("ann has no pass word YW5uOnBhc3Mgd29yZA=="), "ann has no *** ***");
    }
}
