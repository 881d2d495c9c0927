//! The API server: HTTP on a loopback port, in front of the store.
//!
//! A request is counted, may meet a fault, and is then answered by the module of its verb.

mod accept;

mod command;

mod discovery;

mod form;

mod kept;

mod list;

mod list_options;

mod patch;

mod resource;

mod selectors;

mod status;

mod target;

mod validate;

mod watch;

mod writable;

mod write;

use std::{
    io,
    sync::{Arc, Mutex, OnceLock, PoisonError},
};

use bytes::Bytes;
use event::{Clock, Event, Stop, Tasks};
use http::{HeaderValue, Request, Response, StatusCode, header, request::Parts};
use http_body_util::{BodyExt, Full, StreamBody, combinators::UnsyncBoxBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};

use self::{
    accept::{Accept, JSON},
    form::{Shape, schema::is_whole},
    status::Status,
    target::{Place, Target},
};
use crate::{
    day::DayPlayer,
    faults::{FaultKind, Faults},
    random::Random,
    stats::{Stats, Verb},
    storage::Storage,
    store::{Object, Snapshot},
};

/// The body of an answer. An error cuts the connection.
type Body = UnsyncBoxBody<Bytes, io::Error>;

type Answer = Response<Body>;

/// Marks an answer that is not to be given: the connection is closed instead.
#[derive(Debug, Clone, Copy)]
struct Dropped;

/// What every request has at hand.
#[derive(Debug)]
pub(crate) struct Api {
    pub(crate) storage: Storage,
    pub(crate) faults: Faults,
    pub(crate) stats: Stats,
    pub(crate) clock: Arc<dyn Clock>,
    /// Objects carry `managedFields`.
    pub(crate) managed_fields: bool,
    pub(crate) stop: Stop,
    /// What a restore goes back to.
    pub(crate) snapshot: Mutex<Option<Snapshot>>,
    /// For names that the server completes.
    pub(crate) random: Mutex<Random>,
    /// The day that is played, if one is.
    pub(crate) day: OnceLock<DayPlayer>,
}

/// Accepts connections until the stop fires.
pub(crate) async fn serve(api: Arc<Api>, listener: TcpListener, tasks: Tasks) {
    loop {
        let accepted = tokio::select! {
            () = api.stop.fired() => return,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, _)) => tasks.spawn("connection", connection(Arc::clone(&api), stream)),
            Err(error) => tracing::warn!(%error, "a connection could not be accepted"),
        }
    }
}

async fn connection(api: Arc<Api>, stream: TcpStream) {
    // A watch message should not wait for the next one.
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "no TCP_NODELAY");
    }
    let service = service_fn(|request| {
        let api = Arc::clone(&api);
        async move {
            let answer = api.answer(request).await;
            let dropped = answer.extensions().get::<Dropped>().is_some();
            if dropped { Err(io::Error::other("dropped on command")) } else { Ok(answer) }
        }
    });
    let connection = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        // A client may keep a connection for as long as it likes; a real server gives it minutes.
        .header_read_timeout(None)
        .serve_connection(TokioIo::new(stream), service);
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = api.stop.fired() => {
            connection.as_mut().graceful_shutdown();
            // Open watches see the stop and end; a stalled answer never would.
            tokio::time::timeout(GRACE, connection).await.unwrap_or(Ok(()))
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended badly");
    }
}

const GRACE: std::time::Duration = std::time::Duration::from_millis(500);

impl Api {
    async fn answer(self: &Arc<Self>, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        if parts.uri.path().starts_with("/playground") {
            return self.command(&parts, body).await;
        }
        let answer = match Target::find(&parts) {
            Place::Object(target) => self.answer_for(&parts, target, body).await,
            Place::NoResource => refusal(&Status::no_such_resource(), JSON),
            Place::NoMethod => refusal(&Status::method_not_allowed(), JSON),
            Place::Other => {
                self.stats.request(Verb::Discover, "api");
                match self.fault(&parts, Verb::Discover, "api").await {
                    Some(answer) => answer,
                    None => discovery::answer(&parts),
                }
            }
        };
        self.stats.answer(answer.status().as_u16());
        answer
    }

    async fn answer_for(self: &Arc<Self>, parts: &Parts, target: Target, body: Incoming) -> Answer {
        self.stats.request(target.verb, target.resource.plural);
        if let Some(answer) = self.fault(parts, target.verb, target.resource.plural).await {
            return answer;
        }
        let accept = match Accept::negotiate(&parts.headers, is_whole(target.resource.plural)) {
            Ok(accept) => accept,
            Err(status) => return refusal(&status, JSON),
        };
        if self.faults.take(FaultKind::Forbidden, target.verb, target.resource.plural).is_some() {
            let namespace = target.namespace.as_deref();
            let status = Status::forbidden(target.resource, target.verb.word(), namespace);
            return refusal(&status, accept);
        }
        let shape = Shape { resource: target.resource, accept, managed: self.managed_fields };
        let events = target.resource.is_events();
        let answer = match target.verb {
            Verb::List if events => self.list::<Event>(parts, &target, shape),
            Verb::List => self.list::<Object>(parts, &target, shape),
            Verb::Watch if events => self.open_watch::<Event>(parts, &target, shape),
            Verb::Watch => self.open_watch::<Object>(parts, &target, shape),
            Verb::Get => self.get(&target, shape),
            _ => match body.collect().await {
                Ok(body) => self.write(parts, &target, shape, &body.to_bytes()),
                Err(error) => Err(Status::bad_request(error.to_string())),
            },
        };
        answer.unwrap_or_else(|status| refusal(&status, accept))
    }

    /// What happens to a request before anybody looks at it.
    async fn fault(&self, parts: &Parts, verb: Verb, resource: &str) -> Option<Answer> {
        let token = parts.headers.get(header::AUTHORIZATION);
        let token = token.and_then(|token| token.to_str().ok()).unwrap_or_default();
        if self.faults.refuses(token, verb, resource) {
            return Some(refusal(&Status::unauthorized(), JSON));
        }
        let take = |kind| self.faults.take(kind, verb, resource);
        if take(FaultKind::Drop).is_some() {
            let mut answer = plain(StatusCode::OK, "");
            answer.extensions_mut().insert(Dropped);
            return Some(answer);
        }
        if let Some(fault) = take(FaultKind::TooManyRequests) {
            let seconds = fault.value.unwrap_or(1).to_string();
            let text = "Too many requests, please try again later.\n";
            let mut answer = plain(StatusCode::TOO_MANY_REQUESTS, text);
            let value = HeaderValue::from_str(&seconds).expect("a number is a header value");
            answer.headers_mut().insert(header::RETRY_AFTER, value);
            return Some(answer);
        }
        if take(FaultKind::ServerError).is_some() {
            let status = Status::internal("Internal error occurred: etcdserver: request timed out");
            return Some(refusal(&status, JSON));
        }
        if take(FaultKind::CloseAtOnce).is_some() {
            return Some(body_of(StatusCode::OK, JSON.media.content_type(), Bytes::new()));
        }
        if take(FaultKind::Stall).is_some() {
            if verb != Verb::Watch {
                self.stop.fired().await;
                return Some(plain(
                    StatusCode::SERVICE_UNAVAILABLE,
                    "apiserver is shutting down\n",
                ));
            }
            let stop = self.stop.clone();
            let nothing = futures::stream::once(async move {
                stop.fired().await;
                Err(io::Error::other("stalled until the stop"))
            });
            return Some(stream_of(JSON.media.content_type(), nothing));
        }
        None
    }

    fn suffix(&self, length: usize) -> String {
        self.random.lock().unwrap_or_else(PoisonError::into_inner).suffix(length)
    }
}

fn refusal(status: &Status, accept: Accept) -> Answer {
    let code = StatusCode::from_u16(status.code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    body_of(code, accept.media.content_type(), status.encode(accept.media))
}

fn plain(code: StatusCode, text: impl Into<Bytes>) -> Answer {
    body_of(code, "text/plain; charset=utf-8", text)
}

fn body_of(code: StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let body = Full::new(body.into()).map_err(|never| match never {});
    with_headers(code, content_type, body.boxed_unsync())
}

fn stream_of(
    content_type: &'static str,
    chunks: impl futures::Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Answer {
    use futures::StreamExt;
    let frames = chunks.map(|chunk| chunk.map(Frame::data));
    with_headers(StatusCode::OK, content_type, StreamBody::new(frames).boxed_unsync())
}

fn with_headers(code: StatusCode, content_type: &'static str, body: Body) -> Answer {
    let mut answer = Response::new(body);
    *answer.status_mut() = code;
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache, private"));
    answer
}
