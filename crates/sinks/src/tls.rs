//! The `tls` block that every HTTP destination shares, made into a rustls configuration of its own: no
//! process-wide state, so one receiver's settings never reach another.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use event::ConnectError;
use rustls::{
    ClientConfig, RootCertStore,
    client::{WebPkiServerVerifier, danger::ServerCertVerifier},
    crypto::{CryptoProvider, ring},
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use serde::Deserialize;

use verify::{Unverified, Verified};

/// Who a server may be.
mod verify;

/// What stands under `tls`.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct TlsSettings {
    /// Takes every certificate.
    pub(crate) insecure_skip_verify: bool,
    /// The name the certificate must have, instead of the endpoint's host.
    pub(crate) server_name: String,
    /// PEM; replaces the system's authorities.
    pub(crate) ca_file: PathBuf,
    /// PEM; the client certificate and its chain.
    pub(crate) cert_file: PathBuf,
    /// PEM; the key of the client certificate.
    pub(crate) key_file: PathBuf,
}

impl TlsSettings {
    /// The configuration, without protocols to offer; `needed` says that the endpoint speaks TLS.
    pub(crate) fn config(&self, needed: bool) -> Result<ClientConfig, ConnectError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(|error| ConnectError::new(format!("`tls`: {error}")))?;
        let builder = match self.verifier(provider, needed)? {
            Some(verifier) => builder.dangerous().with_custom_certificate_verifier(verifier),
            None => builder.with_root_certificates(RootCertStore::empty()),
        };
        Ok(match self.client_certificate()? {
            None => builder.with_no_client_auth(),
            Some((chain, key)) => builder.with_client_auth_cert(chain, key).map_err(|error| {
                ConnectError::new(format!(
                    "`tls`: `certFile` and `keyFile` do not fit together: {error}"
                ))
            })?,
        })
    }

    /// `None` where no authority is known and none is needed.
    fn verifier(
        &self,
        provider: Arc<CryptoProvider>,
        needed: bool,
    ) -> Result<Option<Arc<dyn ServerCertVerifier>>, ConnectError> {
        let pinned = self.authorities()?;
        let name = self.name()?;
        if self.insecure_skip_verify {
            return Ok(Some(Arc::new(Unverified(provider))));
        }
        let mut roots = RootCertStore::empty();
        if self.ca_file.as_os_str().is_empty() {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        } else if roots.add_parsable_certificates(pinned.iter().cloned()).0 == 0 {
            return Err(no_certificate("caFile", &self.ca_file));
        }
        if roots.is_empty() && !needed {
            return Ok(None);
        }
        let authorities = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
            .build()
            .map_err(|_| {
                ConnectError::new(
                    "`tls`: this system has no certificate authorities; set `caFile`, or \
                     SSL_CERT_FILE in the environment",
                )
            })?;
        Ok(Some(Arc::new(Verified { authorities, pinned, name })))
    }

    fn name(&self) -> Result<Option<ServerName<'static>>, ConnectError> {
        if self.server_name.is_empty() {
            return Ok(None);
        }
        let name = ServerName::try_from(self.server_name.clone()).map_err(|_| {
            ConnectError::new(format!("`tls.serverName`: `{}` is no host name", self.server_name))
        })?;
        Ok(Some(name))
    }

    /// The authorities of `caFile`; none where there is none.
    pub(crate) fn authorities(&self) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
        if self.ca_file.as_os_str().is_empty() {
            return Ok(Vec::new());
        }
        certificates("caFile", &self.ca_file)
    }

    /// What stands in `certFile` and in `keyFile`, found good; nothing where there is none.
    pub(crate) fn client_files(&self) -> Result<Option<[Vec<u8>; 2]>, ConnectError> {
        if self.client_certificate()?.is_none() {
            return Ok(None);
        }
        Ok(Some([read("certFile", &self.cert_file)?, read("keyFile", &self.key_file)?]))
    }

    fn client_certificate(
        &self,
    ) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, ConnectError> {
        let (certificate, key) = (&self.cert_file, &self.key_file);
        match (certificate.as_os_str().len(), key.as_os_str().len()) {
            (0, 0) => return Ok(None),
            (0, _) => return Err(ConnectError::new("`tls`: `keyFile` needs `certFile` too")),
            (_, 0) => return Err(ConnectError::new("`tls`: `certFile` needs `keyFile` too")),
            _ => {}
        }
        let chain = certificates("certFile", certificate)?;
        let pem = read("keyFile", key)?;
        let key = PrivateKeyDer::from_pem_slice(&pem).map_err(|_| {
            ConnectError::new(format!(
                "`tls.keyFile`: `{}` holds no unencrypted PEM private key",
                key.display()
            ))
        })?;
        Ok(Some((chain, key)))
    }
}

fn read(key: &str, path: &Path) -> Result<Vec<u8>, ConnectError> {
    std::fs::read(path).map_err(|error| {
        ConnectError::new(format!("`tls.{key}`: cannot read `{}`: {error}", path.display()))
    })
}

fn certificates(key: &str, path: &Path) -> Result<Vec<CertificateDer<'static>>, ConnectError> {
    let pem = read(key, path)?;
    let certificates: Vec<_> =
        CertificateDer::pem_slice_iter(&pem).filter_map(Result::ok).collect();
    if certificates.is_empty() {
        return Err(no_certificate(key, path));
    }
    Ok(certificates)
}

fn no_certificate(key: &str, path: &Path) -> ConnectError {
    ConnectError::new(format!("`tls.{key}`: `{}` holds no PEM certificate", path.display()))
}
