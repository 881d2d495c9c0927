//! `tls_server_config` as rustls takes it.

use std::sync::Arc;

use rustls::{
    RootCertStore, ServerConfig, SupportedCipherSuite, SupportedProtocolVersion,
    crypto::{
        CryptoProvider, SupportedKxGroup,
        ring::{self, cipher_suite, kx_group},
    },
    pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject},
    server::{WebPkiClientVerifier, danger::ClientCertVerifier},
    version::{TLS12, TLS13},
};

use super::{
    clients::{Allowed, AnyClient},
    file::{Pems, TlsSettings},
};

/// Go's names of versions.
pub(super) const VERSIONS: [&str; 4] = ["TLS10", "TLS11", "TLS12", "TLS13"];

/// Go's names of what can be chosen for TLS 1.2; what is weaker is not offered at all.
pub(super) static SUITES: [(&str, SupportedCipherSuite); 6] = [
    (
        "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", cipher_suite::TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256),
    (
        "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    ),
    ("TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384", cipher_suite::TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384),
    (
        "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
    (
        "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
        cipher_suite::TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    ),
];

/// Go's names of curves.
pub(super) static CURVES: [(&str, &dyn SupportedKxGroup); 3] = [
    ("X25519", kx_group::X25519),
    ("CurveP256", kx_group::SECP256R1),
    ("CurveP384", kx_group::SECP384R1),
];

impl TlsSettings {
    /// The configuration; nothing when connections are not to be encrypted.
    pub(super) fn obeyed(&self, pems: &Pems, http2: bool) -> Result<Option<ServerConfig>, String> {
        if !self.is_wanted() {
            return Ok(None);
        }
        let provider = Arc::new(self.provider());
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&self.versions())
            .map_err(|error| format!("tls_server_config: {error}"))?;
        let builder = match self.clients(&provider, pems)? {
            Some(clients) => builder.with_client_cert_verifier(clients),
            None => builder.with_no_client_auth(),
        };
        let chain: Vec<_> =
            CertificateDer::pem_slice_iter(&pems.certificate).filter_map(Result::ok).collect();
        if chain.is_empty() {
            return Err("tls_server_config.cert_file: it holds no PEM certificate".into());
        }
        let key = PrivateKeyDer::from_pem_slice(&pems.key).map_err(|_| {
            "tls_server_config.key_file: it holds no unencrypted PEM private key".to_owned()
        })?;
        let mut config = builder.with_single_cert(chain, key).map_err(|error| {
            format!("tls_server_config: `cert_file` and `key_file` do not fit together: {error}")
        })?;
        config.ignore_client_order = self.prefer_server_cipher_suites.unwrap_or(true);
        let protocols: &[&[u8]] = if http2 { &[b"h2", b"http/1.1"] } else { &[b"http/1.1"] };
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        Ok(Some(config))
    }

    fn versions(&self) -> Vec<&'static SupportedProtocolVersion> {
        let mut versions = Vec::new();
        if self.max_version != "TLS12" {
            versions.push(&TLS13);
        }
        if self.min_version != "TLS13" {
            versions.push(&TLS12);
        }
        versions
    }

    /// Suites of TLS 1.3 are no matter of choice, in Go neither.
    fn provider(&self) -> CryptoProvider {
        let mut provider = ring::default_provider();
        if !self.cipher_suites.is_empty() {
            provider.cipher_suites.retain(|suite| suite.tls13().is_some());
            let find = |name: &String| SUITES.iter().find(|(known, _)| known == name);
            let chosen = self.cipher_suites.iter().filter_map(find).map(|(_, suite)| *suite);
            provider.cipher_suites.extend(chosen);
        }
        if !self.curve_preferences.is_empty() {
            let find = |name: &String| CURVES.iter().find(|(known, _)| known == name);
            let chosen = self.curve_preferences.iter().filter_map(find).map(|(_, curve)| *curve);
            provider.kx_groups = chosen.collect();
        }
        provider
    }

    fn clients(
        &self,
        provider: &Arc<CryptoProvider>,
        pems: &Pems,
    ) -> Result<Option<Arc<dyn ClientCertVerifier>>, String> {
        let any = |mandatory| -> Arc<dyn ClientCertVerifier> {
            Arc::new(AnyClient { mandatory, provider: Arc::clone(provider) })
        };
        let verified = |mandatory: bool| {
            let mut roots = RootCertStore::empty();
            let written = CertificateDer::pem_slice_iter(&pems.client_ca).filter_map(Result::ok);
            roots.add_parsable_certificates(written);
            let roots = Arc::new(roots);
            let builder = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            let builder = if mandatory { builder } else { builder.allow_unauthenticated() };
            builder.build().map_err(|error| format!("tls_server_config.client_ca_file: {error}"))
        };
        let clients = match &*self.client_auth_type {
            "RequestClientCert" => any(false),
            "RequireClientCert" | "RequireAnyClientCert" => any(true),
            "VerifyClientCertIfGiven" => verified(false)?,
            "RequireAndVerifyClientCert" => verified(true)?,
            _ => return Ok(None),
        };
        if self.client_allowed_sans.is_empty() {
            return Ok(Some(clients));
        }
        Ok(Some(Arc::new(Allowed { clients, names: self.client_allowed_sans.clone() })))
    }
}
