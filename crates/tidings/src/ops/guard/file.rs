//! The web config as it is written, with the keys and the defaults of the exporter toolkit.

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use hyper::header::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::{
    tls::{CURVES, SUITES, VERSIONS},
    users::Users,
};
use crate::settings::Foreign;

/// The whole file.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct WebConfig {
    pub(super) tls_server_config: TlsSettings,
    pub(super) http_server_config: HttpSettings,
    pub(super) basic_auth_users: Users,
}

/// `tls_server_config`. Of a file and its content inline, the file counts.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct TlsSettings {
    cert: String,
    key: String,
    client_ca: String,
    cert_file: PathBuf,
    key_file: PathBuf,
    client_ca_file: PathBuf,
    pub(super) client_auth_type: String,
    pub(super) client_allowed_sans: Vec<String>,
    pub(super) cipher_suites: Vec<String>,
    pub(super) curve_preferences: Vec<String>,
    pub(super) min_version: String,
    pub(super) max_version: String,
    pub(super) prefer_server_cipher_suites: Option<bool>,
}

/// `http_server_config`.
#[derive(Deserialize)]
#[serde(default)]
pub(super) struct HttpSettings {
    pub(super) http2: bool,
    headers: BTreeMap<String, String>,
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self { http2: true, headers: BTreeMap::new() }
    }
}

/// What the files hold that the web config names, or what it holds itself.
#[derive(Default, PartialEq, Eq)]
pub(super) struct Pems {
    pub(super) certificate: Vec<u8>,
    pub(super) key: Vec<u8>,
    pub(super) client_ca: Vec<u8>,
}

/// Who must show a certificate, by Go's names.
pub(super) const CLIENT_AUTH: [&str; 7] = [
    "",
    "NoClientCert",
    "RequestClientCert",
    "RequireClientCert",
    "RequireAnyClientCert",
    "VerifyClientCertIfGiven",
    "RequireAndVerifyClientCert",
];

/// The headers that the toolkit allows, and the values of those that have few.
const HEADERS: [(&str, &[&str]); 5] = [
    ("Strict-Transport-Security", &[]),
    ("X-Content-Type-Options", &["nosniff"]),
    ("X-Frame-Options", &["deny", "sameorigin"]),
    ("X-XSS-Protection", &[]),
    ("Content-Security-Policy", &[]),
];

impl WebConfig {
    /// Says what is wrong with it, but for what is in the files that it names.
    pub(super) fn review(&self, file: &mut Foreign) {
        self.tls_server_config.review(file);
        for (name, value) in &self.http_server_config.headers {
            let path = format!("http_server_config.headers.{name}");
            match HEADERS.iter().find(|(known, _)| known == name) {
                None => {
                    let names = HEADERS.map(|(name, _)| name).join(", ");
                    file.mistake(&path, "this header cannot be set", &format!("known: {names}"));
                }
                Some((_, values)) if !values.is_empty() && !values.contains(&value.as_str()) => {
                    let values = values.join(" or ");
                    file.mistake(&path, "not one of its values", &format!("write {values}"));
                }
                Some(_) if HeaderValue::from_str(value).is_err() => {
                    file.mistake(&path, "no header can have this value", "write it on one line");
                }
                Some(_) => {}
            }
        }
        for name in self.basic_auth_users.without_hash() {
            let path = format!("basic_auth_users.{name}");
            let hint = "write what `htpasswd -nBC 10 \"\"` gives behind the colon";
            file.mistake(&path, "a bcrypt hash of a password is expected", hint);
        }
    }
}

impl HttpSettings {
    pub(super) fn headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        let read = |(name, value): (&String, &String)| {
            Some((name.parse().ok()?, HeaderValue::from_str(value).ok()?))
        };
        self.headers.iter().filter(|(_, value)| !value.is_empty()).filter_map(read).collect()
    }
}

impl TlsSettings {
    /// Whether connections are to be encrypted: the toolkit's rule.
    pub(super) fn is_wanted(&self) -> bool {
        self.has_certificate()
            || self.has_key()
            || self.has_client_ca()
            || !self.client_auth_type.is_empty()
    }

    fn has_certificate(&self) -> bool {
        is_set(&self.cert_file) || !self.cert.is_empty()
    }

    fn has_key(&self) -> bool {
        is_set(&self.key_file) || !self.key.is_empty()
    }

    pub(super) fn has_client_ca(&self) -> bool {
        is_set(&self.client_ca_file) || !self.client_ca.is_empty()
    }

    fn review(&self, file: &mut Foreign) {
        let at = |key: &str| format!("tls_server_config.{key}");
        if self.is_wanted() && !self.has_certificate() {
            file.mistake("tls_server_config", "the certificate is missing", "add `cert_file`");
        }
        if self.is_wanted() && !self.has_key() {
            file.mistake("tls_server_config", "the key is missing", "add `key_file`");
        }
        let auth = &*self.client_auth_type;
        if !CLIENT_AUTH.contains(&auth) {
            let hint = format!("write one of {}", CLIENT_AUTH[1..].join(", "));
            file.mistake(&at("client_auth_type"), format!("`{auth}` is not known"), &hint);
        }
        let verifies = matches!(auth, "VerifyClientCertIfGiven" | "RequireAndVerifyClientCert");
        if verifies && !self.has_client_ca() {
            let message = "nothing says whose certificates are good";
            file.mistake(&at("client_auth_type"), message, "add `client_ca_file`");
        }
        if self.has_client_ca() && matches!(auth, "" | "NoClientCert") {
            let message = "an authority for clients, and none is asked for a certificate";
            let hint = "add `client_auth_type: RequireAndVerifyClientCert`";
            file.mistake("tls_server_config", message, hint);
        }
        let requires = auth.starts_with("Require");
        if !self.client_allowed_sans.is_empty() && !requires {
            let hint = "write `client_auth_type: RequireAndVerifyClientCert`";
            let message = "only a client that must show a certificate can be told by it";
            file.mistake(&at("client_allowed_sans"), message, hint);
        }
        for (key, version) in
            [("min_version", &self.min_version), ("max_version", &self.max_version)]
        {
            if !version.is_empty() && !VERSIONS.contains(&&**version) {
                let hint = format!("write {}", VERSIONS.join(", "));
                file.mistake(&at(key), format!("`{version}` is no version"), &hint);
            }
        }
        if matches!(&*self.min_version, "TLS10" | "TLS11") {
            let hint = "write `TLS12`";
            file.warning(&at("min_version"), "below TLS 1.2 nothing is offered", hint);
        }
        if matches!(&*self.max_version, "TLS10" | "TLS11") {
            file.mistake(&at("max_version"), "below TLS 1.2 nothing is offered", "write `TLS12`");
        }
        if self.min_version == "TLS13" && self.max_version == "TLS12" {
            file.mistake(&at("max_version"), "it is below `min_version`", "write `TLS13`");
        }
        self.review_choices(file);
    }

    fn review_choices(&self, file: &mut Foreign) {
        let suites: Vec<_> = SUITES.iter().map(|(name, _)| *name).collect();
        let curves: Vec<_> = CURVES.iter().map(|(name, _)| *name).collect();
        for (key, written, known) in [
            ("cipher_suites", &self.cipher_suites, suites),
            ("curve_preferences", &self.curve_preferences, curves),
        ] {
            let path = format!("tls_server_config.{key}");
            let hint = format!("offered are {}", known.join(", "));
            for (index, name) in written.iter().enumerate() {
                if !known.contains(&&**name) {
                    let message = format!("`{name}` is not offered, so it is left out");
                    file.warning(&format!("{path}[{index}]"), message, &hint);
                }
            }
            if !written.is_empty() && !written.iter().any(|name| known.contains(&&**name)) {
                file.mistake(&path, "none of these is offered", &hint);
            }
        }
    }

    /// Reads what it names. Paths are relative to `folder`, that of the web config.
    pub(super) fn pems(&self, folder: &Path) -> Result<Pems, String> {
        let read = |key: &str, path: &Path, inline: &str| {
            if !is_set(path) {
                return Ok(inline.as_bytes().to_vec());
            }
            let path = folder.join(path);
            fs::read(&path).map_err(|error| {
                format!("tls_server_config.{key}: `{}` cannot be read: {error}", path.display())
            })
        };
        Ok(Pems {
            certificate: read("cert_file", &self.cert_file, &self.cert)?,
            key: read("key_file", &self.key_file, &self.key)?,
            client_ca: read("client_ca_file", &self.client_ca_file, &self.client_ca)?,
        })
    }
}

fn is_set(path: &Path) -> bool {
    !path.as_os_str().is_empty()
}
