//! A service of AWS in one region, for one account: signs a request and sends it once, over the same HTTP client as every
//! other destination, so that proxies, private authorities and time limits are the same.

use std::{collections::BTreeMap, fmt, sync::Arc, time::SystemTime};

use aws_sigv4::{
    http_request::{SignableBody, SignableRequest, SigningSettings, sign},
    sign::v4,
};
use bytes::Bytes;
use event::{Clock, ConnectError, SendError, SinkContext, Text};
use sinks::http::{Http, HttpSettings, Method, Request};

use crate::{
    identity::Identity,
    refusal::{self, Refused},
    regional::AccountSettings,
};

/// A service.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Service {
    /// The word in the config, for errors.
    pub(crate) kind: &'static str,
    /// How it is called in its address and in signatures.
    pub(crate) name: &'static str,
    /// What a request's body is.
    pub(crate) content_type: &'static str,
    /// What stands before an action in `X-Amz-Target`; empty where the body names the action.
    pub(crate) target: &'static str,
}

/// Tells who a signature belongs to; every identity may ask it.
const STS: Service = Service { kind: "sts", name: "sts", content_type: FORM, target: "" };

/// Where another address than AWS's own may stand.
const ENDPOINT: &str = "AWS_ENDPOINT_URL";

/// JSON, as AWS calls it.
pub(crate) const JSON: &str = "application/x-amz-json-1.1";

/// Its older form.
pub(crate) const JSON_1_0: &str = "application/x-amz-json-1.0";

/// Keys and values.
pub(crate) const FORM: &str = "application/x-www-form-urlencoded";

/// A service that is ready to be called.
pub(crate) struct Account {
    service: Service,
    region: String,
    url: String,
    http: Http,
    identity: Arc<Identity>,
    clock: Arc<dyn Clock>,
    /// The same for [`STS`], for [`Self::who`].
    sts: (String, Http),
}

impl Account {
    /// `region` stands in the config, in an ARN, or in the environment.
    pub(crate) async fn new(
        service: Service,
        settings: &AccountSettings,
        arn: &str,
        ctx: &SinkContext,
    ) -> Result<Self, ConnectError> {
        let at = |error: ConnectError| {
            ConnectError::new(format!("`{}`: {}", service.kind, error.message))
        };
        let region = region(settings, arn).map_err(at)?;
        let clock = Arc::clone(&ctx.clock);
        let identity = Identity::new(settings, &region, Arc::clone(&clock)).await.map_err(at)?;
        let (url, http) = client(service, settings, &region, ctx)?;
        let sts = client(Service { kind: service.kind, ..STS }, settings, &region, ctx)?;
        Ok(Self { service, region, url, http, identity: Arc::new(identity), clock, sts })
    }

    /// Calls `action` once.
    pub(crate) async fn call(&self, action: &str, body: Bytes) -> Result<Bytes, Refused> {
        self.exchange(&self.service, &self.url, &self.http, action, body).await
    }

    /// Asks AWS who we are, which nobody is forbidden to.
    pub(crate) async fn who(&self) -> Result<Option<String>, SendError> {
        let body = Bytes::from_static(b"Action=GetCallerIdentity&Version=2011-06-15");
        let (url, http) = &self.sts;
        let answer = self.exchange(&STS, url, http, "", body).await?;
        let answer = String::from_utf8_lossy(&answer);
        let arn = refusal::element(&answer, "Arn").unwrap_or_else(|| "an unknown identity".into());
        Ok(Some(format!("signed in to {} as {arn}", self.region)))
    }

    async fn exchange(
        &self,
        service: &Service,
        url: &str,
        http: &Http,
        action: &str,
        body: Bytes,
    ) -> Result<Bytes, Refused> {
        let headers = self.signed(service, url, action, &body).await?;
        let request =
            Request { method: Method::POST, headers: &headers, body, ..Request::default() };
        let answer = http.exchange(request).await?;
        if answer.status.is_success() {
            return Ok(answer.body);
        }
        let refused = refusal::of(answer);
        if refusal::is_stale(&refused.code) {
            self.identity.forget().await;
        }
        Err(refused)
    }

    /// The headers of a request, with its signature.
    async fn signed(
        &self,
        service: &Service,
        url: &str,
        action: &str,
        body: &[u8],
    ) -> Result<Vec<(Text, String)>, SendError> {
        let broken = |what: String| SendError::Blocked {
            reason: format!("the request cannot be signed: {what}"),
        };
        let identity = self.identity.credentials().await?.into();
        let params = v4::SigningParams::builder()
            .identity(&identity)
            .region(&self.region)
            .name(service.name)
            .time(SystemTime::from(self.clock.now()))
            .settings(SigningSettings::default())
            .build()
            .map_err(|error| broken(error.to_string()))?
            .into();
        let mut headers = Vec::with_capacity(5);
        if !service.target.is_empty() {
            let target = format!("{}.{action}", service.target);
            headers.push((Text::const_new("x-amz-target"), target));
        }
        let own = headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        let own = own.chain([("content-type", service.content_type)]);
        let request = SignableRequest::new("POST", url, own, SignableBody::Bytes(body))
            .map_err(|error| broken(error.to_string()))?;
        let signed = sign(request, &params).map_err(|error| broken(error.to_string()))?;
        let (instructions, _) = signed.into_parts();
        let signature = instructions.headers();
        headers.extend(signature.map(|(name, value)| (name.into(), value.to_owned())));
        Ok(headers)
    }
}

/// The address of a service, and a client for it.
fn client(
    service: Service,
    settings: &AccountSettings,
    region: &str,
    ctx: &SinkContext,
) -> Result<(String, Http), ConnectError> {
    let configured = settings.endpoint.trim().to_owned();
    // Every tool for AWS looks there.
    let environment = || std::env::var(ENDPOINT).ok();
    let configured = Some(configured).filter(|it| !it.is_empty()).or_else(environment);
    let url = configured.unwrap_or_else(|| address(service.name, region));
    let url = format!("{}/", url.trim_end_matches('/'));
    let http = HttpSettings {
        kind: service.kind,
        key: "endpoint",
        url: &url,
        headers: &BTreeMap::new(),
        tls: &settings.tls.clone().unwrap_or_default(),
        timeout: settings.timeout.as_deref(),
        follow_redirects: false,
        content_type: service.content_type,
    };
    let http = Http::new(&http, ctx.clone())?;
    Ok((url, http))
}

/// The partition for China has a domain of its own.
fn address(name: &str, region: &str) -> String {
    let china = if region.starts_with("cn-") { ".cn" } else { "" };
    format!("https://{name}.{region}.amazonaws.com{china}")
}

fn region(settings: &AccountSettings, arn: &str) -> Result<String, ConnectError> {
    let written = settings.region.trim();
    // arn:aws:sns:eu-west-1:123456789012:events
    let of_arn = arn.split(':').nth(3).unwrap_or_default();
    let environment = ["AWS_REGION", "AWS_DEFAULT_REGION"].into_iter();
    let environment = environment.filter_map(|name| std::env::var(name).ok());
    let found = [written.to_owned(), of_arn.to_owned()].into_iter().chain(environment);
    let region = found.into_iter().find(|region| !region.is_empty());
    let region = region.ok_or_else(|| {
        ConnectError::new("`region` is missing; write `region: eu-west-1`, or set AWS_REGION")
    })?;
    // It becomes part of an address.
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    if region.bytes().all(plain) {
        Ok(region)
    } else {
        Err(ConnectError::new(format!("`region`: `{region}` is no region; write `eu-west-1`")))
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account")
            .field("service", &self.service.name)
            .field("region", &self.region)
            .field("http", &self.http)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_region_is_written_or_stands_in_the_arn() {
        let region = |written: &str, arn: &str| {
            let settings = AccountSettings { region: written.into(), ..AccountSettings::default() };
            super::region(&settings, arn).map_err(|error| error.message)
        };
        let arn = "arn:aws:sns:us-east-2:123456789012:events";
        assert_eq!(region("eu-west-1", arn).unwrap(), "eu-west-1");
        assert_eq!(region("", arn).unwrap(), "us-east-2");
        assert_eq!(
            region("a.b/", "").unwrap_err(),
            "`region`: `a.b/` is no region; write `eu-west-1`"
        );
    }

    #[test]
    fn an_address_is_that_of_the_service_in_the_region() {
        assert_eq!(address("sqs", "eu-west-1"), "https://sqs.eu-west-1.amazonaws.com");
        assert_eq!(address("logs", "cn-north-1"), "https://logs.cn-north-1.amazonaws.com.cn");
    }
}
