//! The proxy that the environment names (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`), found
//! as the HTTP client finds it.

use base64::{Engine, prelude::BASE64_STANDARD as BASE64};
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::{Url, header::PROXY_AUTHORIZATION};

use crate::secrets::Secrets;

/// The proxy on the way to `url`.
pub(crate) fn of(url: &Url) -> Option<Intercept> {
    Matcher::from_env().intercept(&url.as_str().parse().ok()?)
}

/// Hides how we say who we are to the proxy on the way to `url`: it may repeat that.
pub(crate) fn hide(url: &Url, secrets: &mut Secrets) {
    let Some(proxy) = of(url) else { return };
    let Some(header) = proxy.basic_auth().and_then(|header| header.to_str().ok()) else { return };
    secrets.add_header(&PROXY_AUTHORIZATION, header);
    let userinfo = header.strip_prefix("Basic ").and_then(|text| BASE64.decode(text).ok());
    let userinfo = userinfo.and_then(|text| String::from_utf8(text).ok());
    if let Some((_, password)) = userinfo.as_deref().and_then(|text| text.split_once(':')) {
        secrets.add(password);
    }
}
