//! Metrics over TLS, for those who may see them.

use std::sync::Arc;

use http_body_util::{BodyExt, Empty};
use hyper::{Request, body::Bytes, client::conn::http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair, SanType};
use rustls::{
    ClientConfig, RootCertStore,
    crypto::ring,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem::PemObject},
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::support::{Cluster, Life, Scene, TO_A_FILE};

/// An authority, and what it has signed.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, as PEM.
struct Signed {
    certificate: String,
    key: String,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    fn sign(&self, name: &str) -> Signed {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap().pem();
        Signed { certificate, key: key.serialize_pem() }
    }
}

/// Somebody who trusts an authority, and perhaps shows a certificate.
struct Client<'a> {
    authority: &'a Authority,
    certificate: Option<&'a Signed>,
    protocol: &'static str,
}

impl Client<'_> {
    async fn connect(&self, address: &str) -> std::io::Result<TlsStream<TcpStream>> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(self.authority.pem.as_bytes()).unwrap()).unwrap();
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match self.certificate {
            None => builder.with_no_client_auth(),
            Some(Signed { certificate, key }) => {
                let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = vec![self.protocol.into()];
        let stream = TcpStream::connect(address).await?;
        let name = ServerName::try_from("metrics.test").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, stream).await
    }

    /// The whole answer, headers and all.
    async fn get(&self, address: &str, more: &str) -> std::io::Result<String> {
        let mut stream = self.connect(address).await?;
        let request =
            format!("GET /livez HTTP/1.1\r\nhost: metrics\r\n{more}connection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok(answer)
    }
}

async fn served(scene: &Scene) -> (Life, String) {
    let life = scene.start(
        "run --config config.yaml --kubeconfig kubeconfig --state state --metrics-address 127.0.0.1:0 --metrics-tls-config web/web.yaml",
    );
    life.says("metrics and health at https://").await;
    let log = life.log();
    let (_, rest) = log.split_once("metrics and health at https://").unwrap();
    let address = rest.split('/').next().unwrap().to_owned();
    (life, address)
}

/// With this web config, and the certificate of the server beside it.
fn scene(cluster: &Cluster, config: &str, authority: &Authority) -> Scene {
    let scene = Scene::with_cluster(TO_A_FILE, cluster);
    std::fs::create_dir(scene.path("web")).unwrap();
    scene.write("web/web.yaml", config);
    scene.write("web/ca.crt", &authority.pem);
    put(&scene, &authority.sign("metrics.test"));
    scene
}

fn put(scene: &Scene, signed: &Signed) {
    scene.write("web/server.crt", &signed.certificate);
    scene.write("web/server.key", &signed.key);
}

#[tokio::test]
async fn metrics_are_served_over_tls_and_a_new_certificate_is_used_by_the_next_connection() {
    let cluster = Cluster::start().await;
    let (before, after) = (Authority::new(), Authority::new());
    let config = "tls_server_config: {cert_file: server.crt, key_file: server.key}\nhttp_server_config: {headers: {X-Frame-Options: deny}}";
    let scene = scene(&cluster, config, &before);
    let (life, address) = served(&scene).await;
    let old = Client { authority: &before, certificate: None, protocol: "http/1.1" };
    let answer = old.get(&address, "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(answer.contains("\r\nx-frame-options: deny\r\n"), "{answer}");

    let two = Client { protocol: "h2", ..old };
    let stream = two.connect(&address).await.unwrap();
    let (mut sender, connection) =
        http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await.unwrap();
    let request = Request::get("https://metrics.test/metrics");
    let request = request.body(Empty::<Bytes>::new()).unwrap();
    let talk = async {
        let answer = sender.send_request(request).await.unwrap();
        let body = answer.into_body().collect().await.unwrap().to_bytes();
        assert!(body.starts_with(b"# HELP tidings_build_info "));
        drop(sender);
    };
    futures::future::join(talk, connection).await.1.unwrap();

    put(&scene, &after.sign("metrics.test"));
    let new = Client { authority: &after, certificate: None, protocol: "http/1.1" };
    assert!(new.get(&address, "").await.unwrap().starts_with("HTTP/1.1 200 OK\r\n"));
    assert!(two.get(&address, "").await.is_err(), "the old one is not trusted any more");
    let ended = life.stops().await;
    assert_eq!(ended.lines_with("web.yaml: what it names was read anew").len(), 1, "{}", ended.log);
}

#[tokio::test]
async fn only_clients_with_a_certificate_of_the_right_name_and_a_password_come_in() {
    let cluster = Cluster::start().await;
    let (ours, theirs) = (Authority::new(), Authority::new());
    let hash = bcrypt::hash("s3cret", 4).unwrap();
    let config = format!(
        "tls_server_config:
  cert_file: server.crt
  key_file: server.key
  client_ca_file: ca.crt
  client_auth_type: RequireAndVerifyClientCert
  client_allowed_sans: [prometheus.test]
http_server_config: {{http2: false}}
basic_auth_users:
  alice: {hash}
"
    );
    let scene = scene(&cluster, &config, &ours);
    let (life, address) = served(&scene).await;
    let right = ours.sign("prometheus.test");
    let client = |certificate| Client { authority: &ours, certificate, protocol: "http/1.1" };
    let (other, foreign) = (ours.sign("somebody.test"), theirs.sign("prometheus.test"));
    for wrong in [None, Some(&other), Some(&foreign)] {
        assert!(client(wrong).get(&address, "").await.is_err());
    }
    let client = client(Some(&right));
    let answer = client.get(&address, "").await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401 Unauthorized\r\n"), "{answer}");
    assert!(answer.contains("\r\nwww-authenticate: Basic\r\n"), "{answer}");
    // alice:s3cret, alice:secret
    for (password, status) in [("YWxpY2U6czNjcmV0", 200), ("YWxpY2U6c2VjcmV0", 401)] {
        let header = format!("authorization: Basic {password}\r\n");
        let answer = client.get(&address, &header).await.unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    let two = Client { protocol: "h2", ..client };
    assert!(two.connect(&address).await.is_err(), "HTTP/2 is not offered");
    let ended = life.stops().await;
    assert!(!ended.log.contains(&hash) && !ended.log.contains("s3cret"), "{}", ended.log);
}

#[tokio::test]
async fn a_web_config_that_cannot_be_obeyed_is_a_wrong_config_and_nothing_is_served() {
    let cluster = Cluster::start().await;
    let authority = Authority::new();
    let config = "tls_server_config:\n  cert_file: server.crt\n  key: [x]\nbasic_auth_user: {}\n";
    let scene = scene(&cluster, config, &authority);
    let ended = scene
        .run("-conf=config.yaml -kubeconfig=kubeconfig -metrics-tls-config=web/web.yaml")
        .await;
    assert_eq!(ended.code, Some(3), "{}", ended.log);
    for line in [
        "the web config web/web.yaml is wrong",
        "web/web.yaml:3:3: mistake: tls_server_config.key: a text is expected, and this is a list",
        "web/web.yaml:4:1: mistake: basic_auth_user: this key is not known",
        "   hint: did you mean `basic_auth_users`?",
    ] {
        assert!(ended.log.contains(line), "no {line} in\n{}", ended.log);
    }
}
