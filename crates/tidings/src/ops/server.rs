//! The HTTP server of metrics and health.

use std::{convert::Infallible, net::SocketAddr, str::FromStr, sync::Arc, time::Duration};

use bytes::Bytes;
use event::Stop;
use futures::{StreamExt, stream::FuturesUnordered};
use http_body_util::Full;
use hyper::{Method, Request, Response, StatusCode, body::Incoming, header, service::service_fn};
use hyper_util::{
    rt::{TokioExecutor, TokioIo, TokioTimer},
    server::{
        conn::auto::Builder,
        graceful::{GracefulShutdown, Watcher},
    },
};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpListener, TcpStream},
    time::timeout,
};
use tokio_rustls::TlsAcceptor;

use super::{
    board::{Shown, View},
    guard::{Guard, Rules},
    metrics,
};

/// Where to serve, or that nothing is to be served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address(Option<String>);

impl Address {
    /// Nothing is served.
    pub const OFF: Self = Self(None);

    /// That of kubernetes-event-exporter.
    pub fn usual() -> Self {
        Self(Some("[::]:2112".into()))
    }
}

impl FromStr for Address {
    type Err = String;

    /// Reads `HOST:PORT`, `:PORT` for every address of the machine, or `off`.
    fn from_str(text: &str) -> Result<Self, String> {
        if matches!(text, "" | "off") {
            return Ok(Self(None));
        }
        let whole = match text.strip_prefix(':') {
            Some(port) => format!("[::]:{port}"),
            None => text.to_owned(),
        };
        let port = whole.rsplit_once(':').map(|(_, port)| port.parse::<u16>());
        match port {
            Some(Ok(_)) => Ok(Self(Some(whole))),
            _ => Err("write HOST:PORT, :PORT, or off".into()),
        }
    }
}

/// How long a client may take to say what it wants.
const PATIENCE: Duration = Duration::from_secs(10);

/// How long answers may take to be finished after a stop.
const FAREWELL: Duration = Duration::from_secs(1);

/// Clients at a time; the next ones wait.
const CLIENTS: usize = 64;

const TEXT: &str = "text/plain; charset=utf-8";
const METRICS: &str = "text/plain; version=0.0.4; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

const LANDING: &str = "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\"><title>Tidings</title></head>
<body><h1>Tidings</h1>
<ul>
<li><a href=\"/metrics\">/metrics</a> for Prometheus</li>
<li><a href=\"/readyz\">/readyz</a> whether events are watched, and what is in the way (also <a href=\"/-/ready\">/-/ready</a>)</li>
<li><a href=\"/livez\">/livez</a> whether the process is alive (also <a href=\"/-/healthy\">/-/healthy</a>)</li>
</ul></body></html>
";

/// Serves until `stop` fires. An address that cannot be had costs a warning and the metrics, not the
/// events.
pub(crate) async fn serve((address, guard): (Address, Option<Guard>), shown: Shown, stop: Stop) {
    let Some(address) = address.0 else { return };
    let listener = match listen(&address).await {
        Ok(listener) => listener,
        Err(error) => {
            tracing::warn!(
                "metrics and health are not served: {address}: {error}; give another address with --metrics-address, or off"
            );
            return;
        }
    };
    if let Ok(address) = listener.local_addr() {
        let encrypted = guard.as_ref().is_some_and(|guard| guard.rules().tls.is_some());
        let scheme = if encrypted { "https" } else { "http" };
        tracing::info!("metrics and health at {scheme}://{address}/");
    }
    let desk = Arc::new(Desk { shown, guard });
    let shutdown = GracefulShutdown::new();
    let mut open = FuturesUnordered::new();
    loop {
        let accepted = tokio::select! {
            () = stop.fired() => break,
            _ = open.next(), if !open.is_empty() => continue,
            accepted = listener.accept(), if open.len() < CLIENTS => accepted,
        };
        // A client that was gone again, or too many open files: the next one may come through.
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(Duration::from_millis(100)).await;
            continue;
        };
        open.push(Arc::clone(&desk).connected(stream, shutdown.watcher()));
    }
    let ended = async { while open.next().await.is_some() {} };
    drop(tokio::time::timeout(FAREWELL, futures::future::join(shutdown.shutdown(), ended)).await);
}

/// Every address of the machine is asked for in IPv6 first, which takes IPv4 too where there is both.
async fn listen(address: &str) -> std::io::Result<TcpListener> {
    match (TcpListener::bind(address).await, address.strip_prefix("[::]:")) {
        (Err(_), Some(port)) => {
            let port = port.parse().unwrap_or_default();
            TcpListener::bind(SocketAddr::from(([0, 0, 0, 0], port))).await
        }
        (bound, _) => bound,
    }
}

/// What every connection needs.
struct Desk {
    shown: Shown,
    guard: Option<Guard>,
}

/// A connection, encrypted or not.
trait Wire: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Wire for T {}

impl Desk {
    /// Answers what comes through one connection. What goes wrong with it is the client's business.
    async fn connected(self: Arc<Self>, stream: TcpStream, watcher: Watcher) {
        let tls = self.rules().await.and_then(|rules| rules.tls.clone());
        let (wire, http2): (Box<dyn Wire>, bool) = match tls {
            None => (Box::new(stream), false),
            Some(config) => {
                let accepted = timeout(PATIENCE, TlsAcceptor::from(config).accept(stream)).await;
                let Ok(Ok(stream)) = accepted else { return };
                let http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                (Box::new(stream), http2)
            }
        };
        let mut builder = Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(PATIENCE);
        builder.http2().timer(TokioTimer::new()).keep_alive_interval(PATIENCE);
        let builder = if http2 { builder.http2_only() } else { builder.http1_only() };
        let answers = service_fn(move |request| {
            let desk = Arc::clone(&self);
            async move { Ok::<_, Infallible>(desk.answer(&request).await) }
        });
        drop(watcher.watch(builder.serve_connection(TokioIo::new(wire), answers)).await);
    }

    /// What the web config asks for now.
    async fn rules(self: &Arc<Self>) -> Option<Arc<Rules>> {
        self.guard.as_ref()?;
        let desk = Arc::clone(self);
        let read = move || desk.guard.as_ref().map(Guard::rules);
        tokio::task::spawn_blocking(read).await.ok().flatten()
    }

    async fn answer(self: Arc<Self>, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let Some(rules) = self.rules().await else { return self.look(request).await };
        let mut response = if rules.users.is_empty() || self.admits(&rules, request).await {
            self.look(request).await
        } else {
            let mut refusal = respond(StatusCode::UNAUTHORIZED, TEXT, "Unauthorized\n".into());
            let how = header::HeaderValue::from_static("Basic");
            refusal.headers_mut().insert(header::WWW_AUTHENTICATE, how);
            refusal
        };
        response.headers_mut().extend(rules.headers.iter().cloned());
        response
    }

    async fn look(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let view = self.shown.borrow().clone();
        answer(request, &view).await
    }

    /// Whether the user is known; that takes a thread for a while.
    async fn admits(self: &Arc<Self>, rules: &Arc<Rules>, request: &Request<Incoming>) -> bool {
        let said = request.headers().get(header::AUTHORIZATION).cloned();
        let (desk, rules) = (Arc::clone(self), Arc::clone(rules));
        let admits = move || {
            let guard = desk.guard.as_ref();
            guard.is_some_and(|guard| rules.users.admit(said.as_ref(), &guard.proven))
        };
        tokio::task::spawn_blocking(admits).await.unwrap_or(false)
    }
}

async fn answer(request: &Request<Incoming>, view: &View) -> Response<Full<Bytes>> {
    if !matches!(*request.method(), Method::GET | Method::HEAD) {
        return respond(StatusCode::METHOD_NOT_ALLOWED, TEXT, "only GET and HEAD\n".into());
    }
    match request.uri().path() {
        "/metrics" => match metrics::text(view).await {
            Ok(text) => respond(StatusCode::OK, METRICS, text),
            Err(error) => {
                let text = format!("the journal does not answer: {error}\n");
                respond(StatusCode::SERVICE_UNAVAILABLE, TEXT, text)
            }
        },
        "/-/healthy" | "/livez" | "/healthz" => respond(StatusCode::OK, TEXT, "OK\n".into()),
        "/-/ready" | "/readyz" => {
            let (ready, text) = view.ready();
            let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
            respond(status, TEXT, text)
        }
        "/" => respond(StatusCode::OK, HTML, LANDING.into()),
        _ => respond(StatusCode::NOT_FOUND, HTML, LANDING.into()),
    }
}

fn respond(status: StatusCode, content_type: &'static str, text: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    response
        .headers_mut()
        .insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_host_and_a_port_or_off() {
        let read = |text: &str| text.parse::<Address>().map(|address| address.0);
        assert_eq!(read(":2112"), Ok(Some("[::]:2112".into())));
        assert_eq!(read("127.0.0.1:0"), Ok(Some("127.0.0.1:0".into())));
        assert_eq!(read("localhost:2112"), Ok(Some("localhost:2112".into())));
        assert_eq!((read("off"), read("")), (Ok(None), Ok(None)));
        for wrong in ["2112", "host", "host:port", ":99999"] {
            assert_eq!(read(wrong), Err("write HOST:PORT, :PORT, or off".into()), "{wrong}");
        }
    }
}
