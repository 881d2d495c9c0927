//! `tls.serverName` towards the server: the name to ask for (SNI), where several sites share one
//! address.
//!
//! The HTTP client asks for the host of the address it is given. So it is given the configured name,
//! a resolver that leads that name to the real host, and the `Host` line of the real address.

use std::{net::IpAddr, sync::Arc};

use reqwest::{
    ClientBuilder, Url,
    dns::{Addrs, Name, Resolve, Resolving},
    header::HeaderValue,
};

use crate::proxy;

/// An address under another name.
pub(crate) struct Renamed {
    /// What to give to the client.
    pub(crate) url: Url,
    /// The `Host` line of the real address.
    pub(crate) host: HeaderValue,
    target: Target,
}

impl Renamed {
    /// `url` under `name`; `None` where nothing is to be asked for, and behind a proxy, which has to
    /// be told the real host. There the name only tells whose certificate is right.
    pub(crate) fn new(url: &Url, name: &str) -> Option<Self> {
        let host = url.host_str()?.to_owned();
        let is_ip = name.parse::<IpAddr>().is_ok();
        if url.scheme() != "https"
            || name.is_empty()
            || is_ip
            || host == name
            || proxy::of(url).is_some()
        {
            return None;
        }
        let authority = match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.clone(),
        };
        let mut renamed = url.clone();
        renamed.set_host(Some(name)).ok()?;
        Some(Self {
            url: renamed,
            host: HeaderValue::try_from(authority).ok()?,
            target: Target(host.trim_matches(['[', ']']).into()),
        })
    }

    /// Leads the name to the real host. HTTP/2 would name the wrong site, so it is not offered.
    pub(crate) fn prepare(&self, client: ClientBuilder) -> ClientBuilder {
        client.no_proxy().http1_only().dns_resolver(Arc::new(self.target.clone()))
    }
}

/// The real host, whatever name is asked for.
#[derive(Debug, Clone)]
struct Target(Arc<str>);

impl Resolve for Target {
    fn resolve(&self, _name: Name) -> Resolving {
        let host = Arc::clone(&self.0);
        Box::pin(async move {
            // The client puts its own port in the place of 0.
            let found: Vec<_> = tokio::net::lookup_host((&*host, 0)).await?.collect();
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}
