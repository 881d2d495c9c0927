//! The `tls` block against a server with certificates made for the test.

use std::{fs, path::PathBuf, sync::Arc};

use event::SendError;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::{
    RootCertStore, ServerConfig,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    samples::{connect, deliver, events, refusal, run},
    server::Server,
    streams::Reader,
};

/// An authority of its own, and a folder with the files of both sides.
pub(crate) struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    folder: TempDir,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let issuer = CertifiedIssuer::self_signed(params, key).unwrap();
        let authority = Self { issuer, folder: tempfile::tempdir().unwrap() };
        authority.write("ca.pem", &authority.issuer.pem());
        authority
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> PathBuf {
        fs::write(self.path(name), text).unwrap();
        self.path(name)
    }

    /// A certificate for `name`, and its key.
    fn issue(&self, name: &str, usage: ExtendedKeyUsagePurpose) -> (rcgen::Certificate, KeyPair) {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.extended_key_usages = vec![usage];
        let key = KeyPair::generate().unwrap();
        (params.signed_by(&key, &self.issuer).unwrap(), key)
    }

    /// A server that proves to be `name`.
    fn server(&self, name: &str) -> Server {
        Server::start_tls(self.server_config(name))
    }

    /// What such a server needs.
    pub(crate) fn server_config(&self, name: &str) -> ServerConfig {
        let (certificate, key) = self.issue(name, ExtendedKeyUsagePurpose::ServerAuth);
        config(None, certificate.der().clone(), &key)
    }

    /// A server at 127.0.0.1 that wants a client certificate of this authority.
    fn strict_server(&self) -> Server {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let (certificate, key) = self.issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
        Server::start_tls(config(Some(roots), certificate.der().clone(), &key))
    }

    /// Writes `client.pem` and `client.key`.
    fn write_client(&self) {
        let (certificate, key) = self.issue("tidings", ExtendedKeyUsagePurpose::ClientAuth);
        self.write("client.pem", &certificate.pem());
        self.write("client.key", &key.serialize_pem());
    }
}

fn config(
    clients: Option<RootCertStore>,
    certificate: CertificateDer<'static>,
    key: &KeyPair,
) -> ServerConfig {
    let provider = Arc::new(ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap();
    let builder = match clients {
        None => builder.with_no_client_auth(),
        Some(roots) => builder.with_client_cert_verifier(
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap(),
        ),
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    builder.with_single_cert(vec![certificate], key).unwrap()
}

fn post(server: &Server, tls: &Value) -> Result<(), SendError> {
    post_to(&format!("https://{}/in", server.address), tls)
}

fn post_to(endpoint: &str, tls: &Value) -> Result<(), SendError> {
    let sink = connect("webhook", json!({"endpoint": endpoint, "tls": tls})).unwrap();
    run(deliver(&sink, &events()[1..2]))
}

#[track_caller]
fn check_refused(outcome: Result<(), SendError>, reason: &str) {
    let error = outcome.unwrap_err();
    assert!(matches!(error, SendError::Unavailable { .. }), "{error}");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn a_server_of_the_configured_authority_is_trusted() {
    let authority = Authority::new();
    let server = authority.server("127.0.0.1");
    assert_eq!(post(&server, &json!({"caFile": authority.path("ca.pem")})), Ok(()));
}

#[test]
fn a_server_of_another_authority_is_not() {
    let server = Authority::new().server("127.0.0.1");
    let other = Authority::new();
    check_refused(
        post(&server, &json!({"caFile": other.path("ca.pem")})),
        "invalid peer certificate",
    );
    assert!(server.requests().is_empty());
}

#[test]
fn without_a_ca_file_the_authorities_of_the_system_decide() {
    let server = Authority::new().server("127.0.0.1");
    check_refused(post(&server, &json!({})), "invalid peer certificate: UnknownIssuer");
}

#[test]
fn a_server_is_expected_to_be_the_host_of_the_endpoint() {
    let authority = Authority::new();
    let server = authority.server("events.internal");
    check_refused(
        post(&server, &json!({"caFile": authority.path("ca.pem")})),
        "not valid for name",
    );
}

#[test]
fn a_server_can_be_expected_and_asked_for_under_another_name() {
    let authority = Authority::new();
    let server = authority.server("events.internal");
    let tls = json!({"caFile": authority.path("ca.pem"), "serverName": "events.internal"});
    for host in ["127.0.0.1", "localhost"] {
        let place = format!("{host}:{}", server.address.port());
        assert_eq!(post_to(&format!("https://{place}/in"), &tls), Ok(()));
        let request = server.request();
        assert_eq!(request.server_name.as_deref(), Some("events.internal"));
        assert_eq!(request.header("host"), [place]);
        assert_eq!(request.head[0], "POST /in HTTP/1.1");
    }
    let tls = json!({"caFile": authority.path("ca.pem"), "serverName": "other.internal"});
    check_refused(post(&server, &tls), "not valid for name");
}

#[test]
fn every_certificate_is_taken_when_verifying_is_off() {
    let server = Authority::new().server("events.internal");
    assert_eq!(post(&server, &json!({"insecureSkipVerify": true})), Ok(()));
    // And only there: the settings of one receiver do not reach another.
    check_refused(post(&server, &json!({})), "invalid peer certificate");
}

#[test]
fn a_client_certificate_opens_the_door() {
    let authority = Authority::new();
    let server = authority.strict_server();
    authority.write_client();
    let ca = authority.path("ca.pem");
    let outcome = post(&server, &json!({"caFile": ca}));
    assert!(matches!(outcome, Err(SendError::Unavailable { .. })), "{outcome:?}");
    assert!(server.requests().is_empty());
    let (certificate, key) = (authority.path("client.pem"), authority.path("client.key"));
    let tls = json!({"caFile": ca, "certFile": certificate, "keyFile": key});
    assert_eq!(post(&server, &tls), Ok(()));
}

#[test]
fn a_client_certificate_works_with_the_authorities_of_the_system_too() {
    let authority = Authority::new();
    let server = authority.strict_server();
    authority.write_client();
    let (certificate, key) = (authority.path("client.pem"), authority.path("client.key"));
    check_refused(
        post(&server, &json!({"certFile": certificate, "keyFile": key})),
        "UnknownIssuer",
    );
}

#[test]
fn a_server_whose_own_certificate_is_the_ca_file_is_trusted_under_its_name() {
    let folder = tempfile::tempdir().unwrap();
    for is_ca in [IsCa::Ca(BasicConstraints::Unconstrained), IsCa::NoCa] {
        let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.is_ca = is_ca;
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        let path = folder.path().join("server.pem");
        fs::write(&path, certificate.pem()).unwrap();
        let server = Server::start_tls(config(None, certificate.der().clone(), &key));
        assert_eq!(post(&server, &json!({"caFile": path})), Ok(()));
        let tls = json!({"caFile": path, "serverName": "events.internal"});
        check_refused(post(&server, &tls), "not valid for name");
    }
}

#[test]
fn a_pinned_certificate_must_still_be_in_its_time() {
    let folder = tempfile::tempdir().unwrap();
    let mut params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.not_after = rcgen::date_time_ymd(2001, 1, 1);
    params.not_before = rcgen::date_time_ymd(2000, 1, 1);
    let key = KeyPair::generate().unwrap();
    let certificate = params.self_signed(&key).unwrap();
    let path = folder.path().join("server.pem");
    fs::write(&path, certificate.pem()).unwrap();
    let server = Server::start_tls(config(None, certificate.der().clone(), &key));
    check_refused(post(&server, &json!({"caFile": path})), "expired");
}

#[test]
fn settings_that_can_never_work_are_refused() {
    let authority = Authority::new();
    authority.write_client();
    let (ca, client) = (authority.path("ca.pem"), authority.path("client.pem"));
    let (key, other) = (authority.path("client.key"), KeyPair::generate().unwrap());
    let other = authority.write("other.key", &other.serialize_pem());
    let none = authority.write("none.pem", "-----BEGIN NONSENSE-----\n");
    let missing = authority.path("missing.pem");
    let check = |tls: Value, expected: &str| {
        let settings = json!({"endpoint": "https://127.0.0.1", "tls": tls});
        let refusal = refusal("webhook", settings);
        let folder = authority.folder.path().display().to_string();
        assert_eq!(refusal.replace(&folder, ""), expected);
    };
    check(
        json!({"caFile": missing}),
        "`webhook`: `tls.caFile`: cannot read `/missing.pem`: No such file or directory (os error \
         2)",
    );
    check(json!({"caFile": none}), "`webhook`: `tls.caFile`: `/none.pem` holds no PEM certificate");
    check(json!({"certFile": client}), "`webhook`: `tls`: `certFile` needs `keyFile` too");
    check(json!({"keyFile": key}), "`webhook`: `tls`: `keyFile` needs `certFile` too");
    check(
        json!({"certFile": client, "keyFile": ca}),
        "`webhook`: `tls.keyFile`: `/ca.pem` holds no unencrypted PEM private key",
    );
    check(
        json!({"certFile": client, "keyFile": other}),
        "`webhook`: `tls`: `certFile` and `keyFile` do not fit together: keys may not be \
         consistent: KeyMismatch",
    );
    check(
        json!({"serverName": "not a name"}),
        "`webhook`: `tls.serverName`: `not a name` is no host name",
    );
}

#[test]
fn a_stream_speaks_tls_with_an_authority_of_its_own_and_reaches_nobody_else() {
    let authority = Authority::new();
    let (certificate, key) = authority.issue("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let reader = Reader::start_tls(config(None, certificate.der().clone(), &key));
    let address = reader.address.to_string();
    let tls = json!({"caFile": authority.path("ca.pem")});
    let sink = connect("logstash", json!({"address": address, "tls": tls})).unwrap();
    run(deliver(&sink, &events())).unwrap();
    let text = String::from_utf8(reader.received().concat()).unwrap();
    assert_eq!(text.lines().count(), 3);

    let another = Authority::new();
    let tls = json!({"caFile": another.path("ca.pem")});
    let settings = json!({"network": "tcp", "address": address, "tls": tls});
    let error = run(deliver(&connect("syslog", settings).unwrap(), &events())).unwrap_err();
    let SendError::Unavailable { reason, .. } = error else { panic!("{error}") };
    assert!(reason.contains(" cannot be reached: invalid peer certificate"), "{reason}");
    let settings = json!({"url": format!("rediss://{address}"), "list": "a", "tls": tls});
    let error = run(deliver(&connect("redis", settings).unwrap(), &events())).unwrap_err();
    assert!(error.to_string().contains("invalid peer certificate"), "{error}");
}
