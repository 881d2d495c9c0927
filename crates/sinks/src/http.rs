//! What every HTTP destination shares: a client of its own, one request, and errors without secrets.

use std::{
    collections::BTreeMap,
    error::Error,
    fmt,
    io::{self, Write as _},
    sync::Arc,
    time::Duration,
};

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use bytes::Bytes;
use event::{Clock, ConnectError, Payload, SendError, SinkContext, Text};
use flate2::{Compression, write::GzEncoder};
use jiff::SignedDuration;
use percent_encoding::percent_decode_str;
pub use reqwest::Method;
use reqwest::{
    Client, Response, Url,
    header::{
        AUTHORIZATION, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HOST, HeaderMap, HeaderName,
        HeaderValue, LOCATION, RETRY_AFTER, TRAILER, TRANSFER_ENCODING,
    },
    redirect::{Action, Attempt, Policy},
};

use crate::{
    answer::{self, Answer, excerpt},
    aws::Aws,
    headers, proxy,
    secrets::Secrets,
    server_name::Renamed,
    tls::TlsSettings,
    visible::visible,
};

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(30);

/// So much of an answer is read; what a destination says beyond it is of no use.
const ANSWER: usize = 4 * 1024 * 1024;

/// So much of an answer is looked at for an error.
const SHOWN: usize = 64 * 1024;

/// How many addresses a destination may send us on to.
const REDIRECTS: usize = 10;

/// Headers that describe the connection: configured ones have no effect, as in the original.
const CONNECTION: &[HeaderName] = &[HOST, CONTENT_LENGTH, TRANSFER_ENCODING, TRAILER];

/// A shorter body is sent as it is: packing it would save no packet.
const WORTH_PACKING: usize = 1024;

/// JSON, as most destinations take it.
pub(crate) const JSON: &str = "application/json";

/// What the user wrote about how to reach a destination.
pub struct HttpSettings<'a> {
    /// The word in the config, for errors.
    pub kind: &'static str,
    /// The key that holds the address, for errors.
    pub key: &'static str,
    pub url: &'a str,
    pub headers: &'a BTreeMap<String, String>,
    pub tls: &'a TlsSettings,
    /// For example `10s`.
    pub timeout: Option<&'a str>,
    /// Also go where a POST becomes a GET.
    pub follow_redirects: bool,
    /// What a body is, unless a configured header says otherwise.
    pub content_type: &'static str,
}

/// One request to a destination.
#[derive(Debug, Clone, Default)]
pub struct Request<'a> {
    pub method: Method,
    /// Another address beside the configured one, for example `auth.test` or `/v1/logs`; empty for none.
    pub path: &'a str,
    /// Put behind the query of the address, percent-encoded.
    pub query: &'a [(&'a str, &'a str)],
    /// Those that are configured win.
    pub headers: &'a [(Text, String)],
    pub body: Bytes,
    /// Whether the destination reads a packed body.
    pub gzip: bool,
}

impl<'a> Request<'a> {
    /// Posts `payload` to the configured address.
    pub(crate) fn post(payload: &'a Payload) -> Self {
        let body = payload.body.clone();
        Self { method: Method::POST, headers: &payload.headers, body, ..Self::default() }
    }
}

/// A destination that takes POST requests.
pub struct Http {
    client: Client,
    url: Url,
    /// Scheme, host and port: all of the address that may be shown.
    place: String,
    headers: HeaderMap,
    secrets: Secrets,
    timeout: Duration,
    follow: bool,
    clock: Arc<dyn Clock>,
    aws: Option<Aws>,
}

impl Http {
    /// Checks what is written, and asks nobody.
    pub fn new(settings: &HttpSettings<'_>, ctx: SinkContext) -> Result<Self, ConnectError> {
        let HttpSettings { kind, key, .. } = *settings;
        let mut url = parse_url(settings.url)
            .map_err(|reason| ConnectError::new(format!("`{kind}.{key}`: {reason}")))?;
        let at = |error: ConnectError| ConnectError::new(format!("`{kind}`: {}", error.message));
        let mut secrets = Secrets::default();
        secrets.add_url(&url);
        proxy::hide(&url, &mut secrets);
        let mut headers = parse_headers(settings.headers, &mut secrets).map_err(at)?;
        if let Some(basic) = take_userinfo(&mut url) {
            secrets.add_header(&AUTHORIZATION, &basic);
            let mut value = HeaderValue::try_from(basic).expect("base64 is plain text");
            value.set_sensitive(true);
            // One way to say who we are; a configured header is the more explicit one.
            headers.entry(AUTHORIZATION).or_insert(value);
        }
        let own_type = settings.headers.keys().any(|key| key.eq_ignore_ascii_case("content-type"));
        if !own_type {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static(settings.content_type));
        }
        let timeout = parse_timeout(settings.timeout).map_err(at)?;
        let mut tls = settings.tls.config(url.scheme() == "https").map_err(at)?;
        let follow = settings.follow_redirects;
        let renamed = Renamed::new(&url, &settings.tls.server_name);
        let mut client = Client::builder()
            .user_agent(ctx.user_agent.as_str())
            // The address of a chat webhook is its password.
            .referer(false)
            .timeout(timeout);
        if let Some(renamed) = &renamed {
            tls.alpn_protocols = vec![b"http/1.1".to_vec()];
            client = renamed.prepare(client).redirect(Policy::none());
            headers.insert(HOST, renamed.host.clone());
        } else {
            tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
            client = client.redirect(Policy::custom(move |attempt| redirect(attempt, follow)));
        }
        let client = client
            .tls_backend_preconfigured(tls)
            .build()
            .map_err(|error| ConnectError::new(format!("`{kind}`: {}", causes(&error))))?;
        Ok(Self {
            client,
            place: place(&url),
            url: renamed.map_or(url, |renamed| renamed.url),
            headers,
            secrets,
            timeout,
            follow,
            clock: ctx.clock,
            aws: None,
        })
    }

    /// Signs every request.
    pub(crate) fn signed(mut self, aws: Aws) -> Self {
        self.aws = Some(aws);
        self
    }

    /// Hides one more secret in every text: one that is in the body of each request.
    pub(crate) fn hiding(mut self, secret: &str) -> Self {
        self.secrets.add(secret);
        self
    }

    /// Posts `payload` once and gives back what the destination answered to its success.
    pub(crate) async fn post(&self, payload: &Payload) -> Result<Bytes, SendError> {
        self.exchange(Request::post(payload)).await?.judge()
    }

    /// Sends `request` once and gives back the answer, whatever it is; an error when there was none.
    pub async fn exchange(&self, request: Request<'_>) -> Result<Answer, SendError> {
        let mut headers = self.headers.clone();
        for (name, value) in request.headers {
            let header = HeaderName::try_from(name.as_str()).ok();
            let header = header.filter(|name| !CONNECTION.contains(name));
            if let Some((name, value)) = header.zip(HeaderValue::try_from(value).ok()) {
                headers.entry(name).or_insert(value);
            }
        }
        let secrets = self.secrets_of(request.headers);
        let url = self.address(request.path, request.query)?;
        let body = if request.gzip && request.body.len() >= WORTH_PACKING {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            gzip(&request.body).map_err(|error| SendError::Unavailable {
                reason: format!("the body cannot be packed: {error}"),
                retry_after: None,
            })?
        } else {
            request.body
        };
        let failed = |error: reqwest::Error| self.unreachable(&error, &secrets);
        let request = self.client.request(request.method, url).headers(headers).body(body);
        let mut request = request.build().map_err(failed)?;
        if let Some(aws) = &self.aws {
            aws.sign(&mut request).await?;
        }
        let response = self.client.execute(request).await.map_err(failed)?;
        Ok(self.read(response, secrets).await)
    }

    /// The configured address, or another one beside it.
    fn address(&self, path: &str, query: &[(&str, &str)]) -> Result<Url, SendError> {
        let mut url = self.url.clone();
        if !path.is_empty() {
            url = url.join(path).map_err(|_| SendError::Blocked {
                reason: format!("{}: `{path}` is no path", self.place),
            })?;
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    /// Asks with a HEAD, which by the rules of HTTP changes nothing there, and says what was answered.
    /// Only a refusal of us is told apart: many addresses know nothing but POST.
    pub(crate) async fn probe(&self) -> Result<String, SendError> {
        let request = self.client.head(self.url.clone()).headers(self.headers.clone());
        let status =
            request.send().await.map_err(|error| self.unreachable(&error, &self.secrets))?.status();
        let answer = format!("{} answered {status} to HEAD", self.place);
        match status.as_u16() {
            401 | 403 | 407 => Err(SendError::Blocked { reason: answer }),
            408 | 429 | 500.. => Err(SendError::Unavailable { reason: answer, retry_after: None }),
            _ => Ok(answer),
        }
    }

    /// What must not be shown of a request: what is configured, and what was made for its event.
    fn secrets_of(&self, headers: &[(Text, String)]) -> Secrets {
        let mut secrets = self.secrets.clone();
        for (name, value) in headers {
            if let Ok(name) = HeaderName::try_from(name.as_str())
                && name != "idempotency-key"
            {
                secrets.add_header(&name, value);
            }
        }
        secrets
    }

    async fn read(&self, response: Response, secrets: Secrets) -> Answer {
        let status = response.status();
        let header = |name| response.headers().get(name)?.to_str().ok();
        let wait =
            header(RETRY_AFTER).and_then(|value| answer::retry_after(value, self.clock.now()));
        let moved = header(LOCATION).filter(|_| status.is_redirection());
        let moved = moved.and_then(|location| self.url.join(location).ok());
        let headers = response.headers().clone();
        let body = read_body(response).await;
        let mut reason = format!("{} answered {status}", self.place);
        if let Some(moved) = moved {
            // The new address may hold tokens too.
            reason.push_str(" and points to ");
            reason.push_str(&place(&moved));
            reason.push_str(
                ", where the event would not arrive; configure the address that takes it",
            );
            if !self.follow {
                reason.push_str(", or `followRedirects: true` if this answer means success");
            }
        } else if !body.is_empty() {
            let text =
                visible(&secrets.hide(&String::from_utf8_lossy(&body[..body.len().min(SHOWN)])));
            reason.push_str(": ");
            reason.push_str(&excerpt(&text));
        }
        Answer { status, headers, body, wait, reason, place: self.place.clone(), secrets }
    }

    fn unreachable(&self, error: &reqwest::Error, secrets: &Secrets) -> SendError {
        if error.is_timeout() {
            let reason = format!("{} did not answer within {:?}", self.place, self.timeout);
            return SendError::Unavailable { reason, retry_after: None };
        }
        let causes = visible(&secrets.hide(&causes(error)));
        let reason = format!("{} cannot be reached: {causes}", self.place);
        if causes.contains("proxy authorization required") {
            // 407, in answer to the CONNECT before the request.
            return SendError::Blocked { reason };
        }
        SendError::Unavailable { reason, retry_after: None }
    }
}

impl fmt::Debug for HttpSettings<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Address and headers hold secrets.
        f.debug_struct("HttpSettings").field("kind", &self.kind).finish_non_exhaustive()
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Http")
            .field("place", &self.place)
            .field("headers", &self.headers.keys().collect::<Vec<_>>())
            .field("timeout", &self.timeout)
            .finish_non_exhaustive()
    }
}

/// Whether to go where the destination points.
///
/// 307 and 308 carry the event there. Every other redirect would turn the POST into a GET without a
/// body: Go follows, and takes a login page or a moved address for success. Never from TLS to none.
fn redirect(attempt: Attempt<'_>, follow: bool) -> Action {
    let keeps_body = matches!(attempt.status().as_u16(), 307 | 308);
    let was_safe = |url: &Url| url.scheme() == "https";
    let stays_safe = was_safe(attempt.url()) || !attempt.previous().iter().any(was_safe);
    let few = attempt.previous().len() <= REDIRECTS;
    if (keeps_body || follow) && stays_safe && few { attempt.follow() } else { attempt.stop() }
}

/// Reads an answer to its end, so that the connection can serve again; what breaks off is what there
/// is, for the status has said what matters.
async fn read_body(mut response: Response) -> Bytes {
    let mut body = Vec::new();
    while let Ok(Some(chunk)) = response.chunk().await {
        body.extend_from_slice(&chunk);
        if body.len() > ANSWER {
            break;
        }
    }
    body.into()
}

fn gzip(body: &[u8]) -> io::Result<Bytes> {
    let mut packed = GzEncoder::new(Vec::with_capacity(body.len() / 4), Compression::fast());
    packed.write_all(body)?;
    packed.finish().map(Bytes::from)
}

/// Adds a header to configured ones, unless it is one of them.
pub(crate) fn add_header(headers: &mut BTreeMap<String, String>, name: &str, value: String) {
    if !headers.keys().any(|known| known.eq_ignore_ascii_case(name)) {
        headers.insert(name.to_owned(), value);
    }
}

/// The value of `Authorization` for a user and a password.
pub(crate) fn basic(user: &str, password: &str) -> String {
    format!("Basic {}", BASE64.encode(format!("{user}:{password}")))
}

fn parse_url(text: &str) -> Result<Url, &'static str> {
    if text.trim().is_empty() {
        return Err("is missing; give the address to post to");
    }
    // The address may hold secrets, so it is not repeated.
    let url = Url::parse(text.trim()).map_err(|_| "is no URL")?;
    match (url.scheme(), url.has_host()) {
        ("http" | "https", true) => Ok(url),
        _ => Err("must begin with `http://` or `https://`"),
    }
}

/// Takes user and password out of `url`, as the value of the header that says them.
pub(crate) fn take_userinfo(url: &mut Url) -> Option<String> {
    let plain = |text| percent_decode_str(text).collect::<Vec<u8>>();
    let mut userinfo = plain(url.username());
    let password = url.password().map(plain);
    if userinfo.is_empty() && password.is_none() {
        return None;
    }
    userinfo.push(b':');
    userinfo.extend(password.unwrap_or_default());
    url.set_username("").and_then(|()| url.set_password(None)).ok()?;
    Some(format!("Basic {}", BASE64.encode(userinfo)))
}

fn parse_headers(
    configured: &BTreeMap<String, String>,
    secrets: &mut Secrets,
) -> Result<HeaderMap, ConnectError> {
    let mut headers = HeaderMap::new();
    for (key, value) in configured {
        let wrong = |what| ConnectError::new(format!("`headers`: `{}` {what}", visible(key)));
        let name = HeaderName::try_from(key).map_err(|_| wrong("is no header name"))?;
        if headers::is_template(value) {
            // What does not change with the event is a secret all the same.
            secrets.add_header(&name, value);
            continue;
        }
        let mut content = HeaderValue::try_from(value.trim())
            .map_err(|_| wrong("has characters that no header can carry"))?;
        secrets.add_header(&name, value);
        content.set_sensitive(true);
        if !CONNECTION.contains(&name) {
            headers.append(name, content);
        }
    }
    Ok(headers)
}

/// Reads a duration such as `10s`; nothing is 30 seconds.
pub fn parse_timeout(text: Option<&str>) -> Result<Duration, ConnectError> {
    let Some(text) = text else {
        return Ok(DEFAULT_TIMEOUT);
    };
    let parsed = text.parse::<SignedDuration>().ok();
    parsed
        .and_then(|timeout| Duration::try_from(timeout).ok())
        .filter(|timeout| !timeout.is_zero())
        .ok_or_else(|| {
            ConnectError::new(format!("`timeout`: `{text}` is no duration above 0; write `10s`"))
        })
}

fn place(url: &Url) -> String {
    let (scheme, host) = (url.scheme(), url.host_str().unwrap_or_default());
    match url.port() {
        Some(port) => format!("{scheme}://{host}:{port}"),
        None => format!("{scheme}://{host}"),
    }
}

/// What `error` says, from the outside to the cause; without the address.
fn causes(error: &reqwest::Error) -> String {
    let mut texts = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        texts.push(cause.to_string());
        next = cause.source();
    }
    // A cause is often repeated by what wraps it.
    texts.dedup_by(|inner, outer| outer.ends_with(inner.as_str()));
    if texts.is_empty() {
        return "the request failed".to_owned();
    }
    texts.join(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_host_and_port_of_an_address_are_shown() {
        let shown = |url| place(&Url::parse(url).unwrap());
        assert_eq!(shown("https://a:b@example.com/services/T0/x?y=z"), "https://example.com");
        assert_eq!(shown("http://[::1]:8080/"), "http://[::1]:8080");
    }

    #[test]
    fn a_timeout_is_a_duration_above_zero() {
        let seconds = |text| parse_timeout(text).map(|timeout| timeout.as_secs_f64());
        assert_eq!(seconds(None).unwrap().to_string(), "30");
        assert_eq!(seconds(Some("10s")).unwrap().to_string(), "10");
        assert_eq!(seconds(Some("1m30s")).unwrap().to_string(), "90");
        assert_eq!(seconds(Some("500ms")).unwrap().to_string(), "0.5");
        for wrong in ["", "10", "0s", "-5s", "soon"] {
            let error = seconds(Some(wrong)).unwrap_err().message;
            assert_eq!(error, format!("`timeout`: `{wrong}` is no duration above 0; write `10s`"));
        }
    }
}
