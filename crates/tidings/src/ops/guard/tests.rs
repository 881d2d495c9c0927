use std::{io::Write, path::PathBuf};

use tempfile::TempDir;

use super::*;

fn folder(config: &str) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("web.yaml");
    fs::write(&path, config).unwrap();
    (folder, path)
}

/// Everything that is wrong with it, a line each.
fn wrong(config: &str) -> String {
    let (_folder, path) = folder(config);
    let findings = Guard::open(&path).unwrap_err();
    let text: Vec<_> = findings.iter().map(Finding::line).collect();
    let name = path.parent().unwrap().display().to_string();
    text.join("\n").replace(&name, "FOLDER")
}

fn certificate(name: &str) -> (String, String) {
    let made = rcgen::generate_simple_self_signed([name.to_owned()]).unwrap();
    (made.cert.pem(), made.signing_key.serialize_pem())
}

#[test]
fn every_mistake_is_told_at_once_with_its_line() {
    let config = "
tls_server_config:
  cert_file: server.crt
  client_auth_type: RequireAndVerify
  min_version: TLS1.2
  max_version: TLS11
  cipher_suites: [TLS_RSA_WITH_RC4_128_SHA]
  client_alowed_sans: [a]
http_server_config:
  http2: maybe
  headers: {X-Frame-Options: never, Server: x}
basic_auth_users:
  alice: password
rate_limit: {burst: 1}
";
    assert_eq!(
        wrong(config),
        "FOLDER/web.yaml:2:1: tls_server_config: the key is missing; add `key_file`
FOLDER/web.yaml:4:21: tls_server_config.client_auth_type: `RequireAndVerify` is not known; write one of NoClientCert, RequestClientCert, RequireClientCert, RequireAnyClientCert, VerifyClientCertIfGiven, RequireAndVerifyClientCert
FOLDER/web.yaml:5:16: tls_server_config.min_version: `TLS1.2` is no version; write TLS10, TLS11, TLS12, TLS13
FOLDER/web.yaml:6:16: tls_server_config.max_version: below TLS 1.2 nothing is offered; write `TLS12`
FOLDER/web.yaml:7:3: tls_server_config.cipher_suites: none of these is offered; offered are TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
FOLDER/web.yaml:7:19: tls_server_config.cipher_suites[0]: `TLS_RSA_WITH_RC4_128_SHA` is not offered, so it is left out; offered are TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256
FOLDER/web.yaml:8:3: tls_server_config.client_alowed_sans: this key is not known; did you mean `client_allowed_sans`?
FOLDER/web.yaml:10:10: http_server_config.http2: `true` or `false` is expected, and this is a text
FOLDER/web.yaml:11:30: http_server_config.headers.X-Frame-Options: not one of its values; write deny or sameorigin
FOLDER/web.yaml:11:45: http_server_config.headers.Server: this header cannot be set; known: Strict-Transport-Security, X-Content-Type-Options, X-Frame-Options, X-XSS-Protection, Content-Security-Policy
FOLDER/web.yaml:13:10: basic_auth_users.alice: a bcrypt hash of a password is expected; write what `htpasswd -nBC 10 \"\"` gives behind the colon
FOLDER/web.yaml:14:1: rate_limit: this key is not known"
    );
}

#[test]
fn who_may_come_must_be_said_as_a_whole() {
    for (config, told) in [
        (
            "cert_file: a, key_file: b, client_ca_file: c",
            "an authority for clients, and none is asked for a certificate",
        ),
        (
            "cert_file: a, key_file: b, client_auth_type: RequireAndVerifyClientCert",
            "nothing says whose certificates are good",
        ),
        (
            "cert_file: a, key_file: b, client_allowed_sans: [x]",
            "only a client that must show a certificate can be told by it",
        ),
        ("key_file: b", "the certificate is missing; add `cert_file`"),
        (
            "cert_file: a, key_file: b",
            "tls_server_config.cert_file: `FOLDER/a` cannot be read: No such file or directory (os error 2)",
        ),
        ("cert: a, key: b", "tls_server_config.cert_file: it holds no PEM certificate"),
    ] {
        let found = wrong(&format!("tls_server_config: {{{config}}}"));
        assert!(found.contains(told), "{found}");
    }
    assert_eq!(
        Guard::open(Path::new("/nowhere/web.yaml")).unwrap_err()[0].line(),
        "/nowhere/web.yaml: it cannot be read: No such file or directory (os error 2); give the path of a web config with --metrics-tls-config"
    );
}

#[test]
fn a_file_without_certificate_means_no_encryption_and_a_dollar_sign_is_one() {
    let (_folder, path) = folder(
        "basic_auth_users: {a: $2y$10$abcdefghijklmnopqrstuuFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC}",
    );
    let rules = Guard::open(&path).unwrap().rules();
    assert!(rules.tls.is_none() && !rules.users.is_empty());
    let (_folder, path) = folder("");
    let rules = Guard::open(&path).unwrap().rules();
    assert!(rules.tls.is_none() && rules.users.is_empty());
}

#[test]
fn a_certificate_that_changes_is_read_anew_and_one_that_does_not_fit_is_not_used() {
    let (folder, path) = folder(
        "tls_server_config: {cert_file: s.crt, key_file: s.key, cipher_suites: [TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256], min_version: TLS13, curve_preferences: [X25519]}\nhttp_server_config: {headers: {X-Frame-Options: deny}}",
    );
    let write = |name: &str, text: &str| fs::write(folder.path().join(name), text).unwrap();
    let (one, other) = (certificate("one"), certificate("other"));
    write("s.crt", &one.0);
    write("s.key", &one.1);
    let guard = Guard::open(&path).unwrap();
    let first = guard.rules();
    assert!(Arc::ptr_eq(&first, &guard.rules()), "nothing changed");
    assert_eq!(first.headers[0].0, "x-frame-options");
    write("s.crt", &other.0);
    assert!(Arc::ptr_eq(&first, &guard.rules()), "the key is still that of the other");
    write("s.key", &other.1);
    let second = guard.rules();
    assert!(!Arc::ptr_eq(&first, &second));
    let mut file = fs::File::options().append(true).open(&path).unwrap();
    writeln!(file, "\nnonsense: 1").unwrap();
    assert!(Arc::ptr_eq(&second, &guard.rules()));
}
