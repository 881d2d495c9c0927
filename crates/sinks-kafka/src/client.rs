//! What librdkafka is told, and what it says of its connections.

use std::{error::Error, fmt, path::PathBuf, sync::Arc, time::Duration};

use event::Clock;
use rdkafka::{
    ClientConfig, ClientContext,
    client::OAuthToken,
    config::RDKafkaLogLevel,
    error::{KafkaError, RDKafkaErrorCode},
    producer::{FutureProducer, Producer as _, PurgeConfig},
};
use serde::Deserialize;
use sinks::secrets::Secrets;
use tokio::sync::watch;

use crate::{kafka::Settings, token};

/// The name by which brokers know us, when the config gives none.
const CLIENT_ID: &str = "tidings";

/// Larger records are not even tried; what a topic takes is its broker's decision.
const LARGEST_RECORD: &str = "100000000";

/// What stands under `tls`.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct TlsSettings {
    enable: bool,
    ca_file: String,
    cert_file: String,
    key_file: String,
    insecure_skip_verify: bool,
}

/// What stands under `sasl`.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub(crate) struct SaslSettings {
    enable: bool,
    username: String,
    pub(crate) password: String,
    mechanism: String,
    /// Of ours.
    token_file: PathBuf,
}

impl fmt::Debug for SaslSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SaslSettings").field("mechanism", &self.mechanism).finish_non_exhaustive()
    }
}

/// librdkafka's settings for ours.
pub(crate) fn config(settings: &Settings, timeout: Duration) -> Result<ClientConfig, String> {
    let mut config = ClientConfig::new();
    let mut set = |key: &str, value: &str| {
        config.set(key, value);
    };
    set("bootstrap.servers", &brokers(&settings.brokers)?);
    set("client.id", if settings.client_id.is_empty() { CLIENT_ID } else { &settings.client_id });
    if !matches!(settings.topic.len(), 1..=249) {
        return Err("`topic` is missing, or longer than the 249 characters of any topic".to_owned());
    }
    // What a word means to the original: one that it does not know is no compression.
    if matches!(settings.compression_codec.as_str(), "snappy" | "gzip" | "lz4" | "zstd") {
        set("compression.codec", &settings.compression_codec);
    }
    if !settings.version.is_empty() && is_before_version_requests(&settings.version)? {
        set("api.version.request", "false");
        set("broker.version.fallback", &settings.version);
    }
    let (acks, idempotent) = acks(settings)?;
    set("acks", acks);
    set("enable.idempotence", if idempotent { "true" } else { "false" });
    // Records with one key go where the original sends them.
    set("partitioner", "fnv1a");
    set("message.max.bytes", LARGEST_RECORD);
    // The records of a payload are handed over together: no need to wait for more.
    set("linger.ms", "1");
    // The end of a record is always told within this time; there is no other limit, so nothing arrives after it.
    set("message.timeout.ms", &timeout.as_millis().to_string());
    set("socket.connection.setup.timeout.ms", &timeout.as_millis().max(1000).to_string());
    // A topic that is just being made is waited for; one that is not there is told of before the records' time is over.
    set("topic.metadata.propagation.max.ms", &(timeout.as_millis() / 2).min(5000).to_string());
    tls(&settings.tls, &mut set)?;
    sasl(&settings.sasl, &mut set)?;
    let (tls, sasl) = (settings.tls.enable, settings.sasl.enable);
    let protocol = match (tls, sasl) {
        (false, false) => "plaintext",
        (true, false) => "ssl",
        (false, true) => "sasl_plaintext",
        (true, true) => "sasl_ssl",
    };
    set("security.protocol", protocol);
    Ok(config)
}

fn brokers(brokers: &[String]) -> Result<String, String> {
    let brokers: Vec<_> = brokers.iter().map(|it| it.trim()).filter(|it| !it.is_empty()).collect();
    if brokers.is_empty() {
        return Err("`brokers` is missing; give the addresses, `[kafka:9092]`".to_owned());
    }
    if let Some(list) = brokers.iter().find(|broker| broker.contains([',', ' ', '/'])) {
        return Err(format!(
            "`brokers`: `{list}` is no `host:port`; make each an entry of the list"
        ));
    }
    Ok(brokers.join(","))
}

/// Brokers from 0.10 on say what they understand, so only older ones need to be told of. An error for what is no version.
fn is_before_version_requests(version: &str) -> Result<bool, String> {
    let parts: Option<Vec<u32>> = version.split('.').map(|part| part.parse().ok()).collect();
    match parts.as_deref() {
        Some([0, minor, _, _]) => Ok(*minor < 10),
        Some([major, _, _]) if *major > 0 => Ok(false),
        _ => Err(format!(
            "`version`: `{version}` is no version of Kafka; write `2.8.0`, or remove it"
        )),
    }
}

/// Who must have a record before it counts, and whether a broker tells repeats from news.
fn acks(settings: &Settings) -> Result<(&'static str, bool), String> {
    let acks = match settings.acks.as_str() {
        "" | "all" => "all",
        "leader" => "1",
        "none" => {
            return Err(
                "`acks: none` would take for delivered what never arrived; write `leader`".into()
            );
        }
        other => return Err(format!("`acks`: `{other}` is neither `all` nor `leader`")),
    };
    match (acks, settings.idempotent) {
        ("1", Some(true)) => Err("`idempotent` needs `acks: all`".to_owned()),
        ("1", _) => Ok((acks, false)),
        (_, idempotent) => Ok((acks, idempotent.unwrap_or(true))),
    }
}

fn tls(tls: &TlsSettings, set: &mut impl FnMut(&str, &str)) -> Result<(), String> {
    if !tls.enable {
        return Ok(());
    }
    set("ssl.ca.location", if tls.ca_file.is_empty() { "probe" } else { &tls.ca_file });
    let both = !tls.cert_file.is_empty() && !tls.key_file.is_empty();
    if both {
        set("ssl.certificate.location", &tls.cert_file);
        set("ssl.key.location", &tls.key_file);
    }
    if tls.insecure_skip_verify {
        set("enable.ssl.certificate.verification", "false");
        set("ssl.endpoint.identification.algorithm", "none");
    }
    let files =
        [("caFile", &tls.ca_file), ("certFile", &tls.cert_file), ("keyFile", &tls.key_file)];
    // As in the original, one of certificate and key alone is not looked at.
    let files =
        files.into_iter().filter(|(key, file)| !file.is_empty() && (both || *key == "caFile"));
    for (key, file) in files {
        std::fs::read(file)
            .map_err(|error| format!("`tls.{key}`: cannot read `{file}`: {error}"))?;
    }
    Ok(())
}

fn sasl(sasl: &SaslSettings, set: &mut impl FnMut(&str, &str)) -> Result<(), String> {
    if !sasl.enable {
        return Ok(());
    }
    let mechanism = match sasl.mechanism.to_ascii_lowercase().as_str() {
        "" | "plain" => "PLAIN",
        "sha256" | "scram-sha-256" => "SCRAM-SHA-256",
        "sha512" | "scram-sha-512" => "SCRAM-SHA-512",
        "oauthbearer" => "OAUTHBEARER",
        other => {
            return Err(format!(
                "`sasl.mechanism`: `{other}` is none of `plain`, `sha256`, `sha512`, `oauthbearer`"
            ));
        }
    };
    set("sasl.mechanisms", mechanism);
    if mechanism == "OAUTHBEARER" {
        if sasl.token_file.as_os_str().is_empty() {
            return Err(
                "`sasl.mechanism: oauthbearer` needs `sasl.tokenFile`, a file with the token"
                    .into(),
            );
        }
    } else {
        set("sasl.username", &sasl.username);
        set("sasl.password", &sasl.password);
    }
    Ok(())
}

/// A running client.
pub(crate) type Producer = FutureProducer<Listener>;

/// Starts a client; it connects in the background. An error says what is wrong with the settings.
pub(crate) fn start(config: &ClientConfig, listener: Listener) -> Result<Producer, String> {
    config.create_with_context(listener).map_err(|error| match error {
        // Not with the value, which may be a password.
        KafkaError::ClientConfig(_, what, key, _) => format!("`{key}`: {what}"),
        KafkaError::ClientCreation(what) => what,
        other => other.to_string(),
    })
}

/// Gives up all records that have not been answered for.
pub(crate) fn give_up(producer: &Producer) {
    producer.purge(PurgeConfig::default().queue().inflight());
}

/// What the connections came to at last.
#[derive(Debug, Clone, Default)]
pub(crate) struct Word {
    /// A broker does not let us in.
    pub(crate) refused: bool,
    /// What was said.
    pub(crate) text: String,
}

/// Listens to librdkafka, and gives it tokens.
pub(crate) struct Listener {
    word: watch::Sender<Word>,
    token_file: PathBuf,
    clock: Arc<dyn Clock>,
    secrets: Secrets,
}

impl Listener {
    pub(crate) fn new(
        settings: &SaslSettings,
        clock: Arc<dyn Clock>,
    ) -> (Self, watch::Receiver<Word>) {
        let (word, heard) = watch::channel(Word::default());
        let mut secrets = Secrets::default();
        secrets.add(&settings.password);
        (Self { word, token_file: settings.token_file.clone(), clock, secrets }, heard)
    }
}

impl ClientContext for Listener {
    const ENABLE_REFRESH_OAUTH_TOKEN: bool = true;

    fn log(&self, _: RDKafkaLogLevel, _: &str, _: &str) {
        // A sink does not log; what matters comes as an error too.
    }

    fn error(&self, error: KafkaError, reason: &str) {
        use RDKafkaErrorCode::{AllBrokersDown, Authentication, SaslAuthenticationFailed};
        let code = error.rdkafka_error_code();
        // The errors of the single brokers say more.
        if code == Some(AllBrokersDown) && !self.word.borrow().text.is_empty() {
            return;
        }
        let refused = matches!(code, Some(Authentication | SaslAuthenticationFailed));
        self.word.send_replace(Word { refused, text: self.secrets.hide(reason) });
    }

    fn generate_oauth_token(&self, _: Option<&str>) -> Result<OAuthToken, Box<dyn Error>> {
        Ok(token::read(&self.token_file, self.clock.now())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIMEOUT: Duration = Duration::from_secs(30);

    fn settings(written: serde_json::Value) -> Settings {
        let mut settings = serde_json::json!({"brokers": ["a:9092", "b:9092"], "topic": "events"});
        let serde_json::Value::Object(written) = written else { panic!() };
        for (key, value) in written {
            settings[key] = value;
        }
        serde_json::from_value(settings).unwrap()
    }

    fn set(written: serde_json::Value, key: &str) -> Option<String> {
        let config = config(&settings(written), TIMEOUT).unwrap();
        config.get(key).map(str::to_owned)
    }

    fn refusal(written: serde_json::Value) -> String {
        config(&settings(written), TIMEOUT).unwrap_err()
    }

    #[test]
    fn a_client_has_a_name_without_being_given_one() {
        use serde_json::json;
        assert_eq!(set(json!({}), "client.id").as_deref(), Some("tidings"));
        assert_eq!(set(json!({"clientId": "us"}), "client.id").as_deref(), Some("us"));
        assert_eq!(set(json!({}), "bootstrap.servers").as_deref(), Some("a:9092,b:9092"));
        assert_eq!(set(json!({}), "security.protocol").as_deref(), Some("plaintext"));
        assert_eq!(set(json!({}), "partitioner").as_deref(), Some("fnv1a"));
    }

    #[test]
    fn every_replica_has_a_record_unless_the_leader_is_enough() {
        use serde_json::json;
        let both = |written: serde_json::Value| {
            (set(written.clone(), "acks").unwrap(), set(written, "enable.idempotence").unwrap())
        };
        let pair = |acks: &str, idempotent: &str| (acks.to_owned(), idempotent.to_owned());
        assert_eq!(both(json!({})), pair("all", "true"));
        assert_eq!(both(json!({"idempotent": false})), pair("all", "false"));
        assert_eq!(both(json!({"acks": "leader"})), pair("1", "false"));
        assert_eq!(
            refusal(json!({"acks": "leader", "idempotent": true})),
            "`idempotent` needs `acks: all`"
        );
        assert!(refusal(json!({"acks": "none"})).contains("never arrived"));
        assert_eq!(refusal(json!({"acks": "2"})), "`acks`: `2` is neither `all` nor `leader`");
    }

    #[test]
    fn compression_and_versions_are_those_of_the_original() {
        use serde_json::json;
        assert_eq!(set(json!({"compressionCodec": "zstd"}), "compression.codec").unwrap(), "zstd");
        assert_eq!(set(json!({"compressionCodec": "rar"}), "compression.codec"), None);
        assert_eq!(set(json!({"version": "2.8.0"}), "broker.version.fallback"), None);
        let old = set(json!({"version": "0.9.0.1"}), "broker.version.fallback");
        assert_eq!(old.as_deref(), Some("0.9.0.1"));
        assert_eq!(
            refusal(json!({"version": "new"})),
            "`version`: `new` is no version of Kafka; write `2.8.0`, or remove it"
        );
    }

    #[test]
    fn each_way_to_say_who_we_are_has_its_name() {
        use serde_json::json;
        let mechanism = |word: &str| {
            let sasl = json!({"enable": true, "username": "u", "password": "p", "mechanism": word});
            set(json!({"sasl": sasl}), "sasl.mechanisms").unwrap()
        };
        assert_eq!(mechanism(""), "PLAIN");
        assert_eq!(mechanism("plain"), "PLAIN");
        assert_eq!(mechanism("sha256"), "SCRAM-SHA-256");
        assert_eq!(mechanism("SCRAM-SHA-512"), "SCRAM-SHA-512");
        let sasl = json!({"enable": true, "mechanism": "gssapi"});
        assert_eq!(
            refusal(json!({"sasl": sasl})),
            "`sasl.mechanism`: `gssapi` is none of `plain`, `sha256`, `sha512`, `oauthbearer`"
        );
        let sasl = json!({"enable": true, "mechanism": "oauthbearer"});
        assert!(refusal(json!({"sasl": sasl})).contains("needs `sasl.tokenFile`"));
        let sasl = json!({"username": "u", "password": "p"});
        assert_eq!(set(json!({"sasl": sasl}), "sasl.username"), None);
    }

    #[test]
    fn addresses_a_topic_and_readable_files_are_needed() {
        use serde_json::json;
        assert!(refusal(json!({"brokers": []})).starts_with("`brokers` is missing"));
        assert!(refusal(json!({"brokers": ["a:1,b:2"]})).contains("is no `host:port`"));
        assert!(refusal(json!({"topic": ""})).starts_with("`topic` is missing"));
        let tls = json!({"enable": true, "caFile": "/nowhere/ca.pem"});
        assert!(
            refusal(json!({"tls": tls})).starts_with("`tls.caFile`: cannot read `/nowhere/ca.pem`")
        );
        let tls = json!({"enable": true, "certFile": "/nowhere/cert.pem"});
        assert_eq!(set(json!({"tls": tls}), "ssl.certificate.location"), None);
        assert_eq!(set(json!({"tls": {"enable": true}}), "ssl.ca.location").unwrap(), "probe");
    }
}
