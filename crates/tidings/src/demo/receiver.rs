//! A webhook of the demo's own, on loopback: hands over what it gets, and can die and come back.

use std::{
    io,
    net::{Ipv4Addr, SocketAddr},
    sync::Arc,
};

use event::{Stop, Tasks};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode,
    body::{Bytes, Incoming},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// Takes a body; false when it is none that it can read.
type Take = dyn Fn(&[u8]) -> bool + Send + Sync;

/// A running receiver. Clones are handles of the same one.
#[derive(Debug, Clone)]
pub(super) struct Receiver {
    addr: SocketAddr,
    alive: Arc<watch::Sender<bool>>,
}

impl Receiver {
    /// Starts one; it runs in `tasks` until `stop` fires. What it answers with 200, `take` has taken.
    pub(super) async fn start(
        tasks: &Tasks,
        stop: Stop,
        take: impl Fn(&[u8]) -> bool + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let addr = listener.local_addr()?;
        let alive = Arc::new(watch::Sender::new(true));
        let work = accept(listener, Arc::clone(&alive), Arc::new(take), tasks.clone(), stop);
        tasks.spawn("demo-receiver", work);
        Ok(Self { addr, alive })
    }

    /// Its address.
    pub(super) fn url(&self) -> String {
        format!("http://{}/", self.addr)
    }

    /// Hangs up on everybody, in the middle of a request too. The port stays ours.
    pub(super) fn die(&self) {
        self.alive.send_replace(false);
    }

    /// Answers again.
    pub(super) fn come_back(&self) {
        self.alive.send_replace(true);
    }
}

async fn accept(
    listener: TcpListener,
    alive: Arc<watch::Sender<bool>>,
    take: Arc<Take>,
    tasks: Tasks,
    stop: Stop,
) {
    loop {
        let accepted = tokio::select! {
            () = stop.fired() => return,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else {
            // The caller is gone already, or we are out of file descriptors for a moment.
            tokio::task::yield_now().await;
            continue;
        };
        if *alive.borrow() {
            let work = serve(stream, alive.subscribe(), Arc::clone(&take), stop.clone());
            tasks.spawn("demo-connection", work);
        }
    }
}

async fn serve(stream: TcpStream, mut alive: watch::Receiver<bool>, take: Arc<Take>, stop: Stop) {
    let service = service_fn(move |request| answer(request, Arc::clone(&take)));
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        () = stop.fired() => {}
        _ = alive.wait_for(|alive| !alive) => {}
        ended = connection => {
            if let Err(error) = ended {
                tracing::debug!(%error, "a connection to the demo's receiver broke");
            }
        }
    }
}

async fn answer(
    request: Request<Incoming>,
    take: Arc<Take>,
) -> Result<Response<Empty<Bytes>>, hyper::Error> {
    let body = request.into_body().collect().await?.to_bytes();
    let mut response = Response::new(Empty::new());
    if !take(&body) {
        *response.status_mut() = StatusCode::BAD_REQUEST;
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// The first line of the answer; empty when there is none.
    async fn post(addr: SocketAddr, body: &str) -> String {
        let mut stream = TcpStream::connect(addr).await.unwrap();
        let head = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n", body.len());
        let request = format!("{head}connection: close\r\n\r\n{body}");
        let mut answer = String::new();
        // A receiver that is dead may hang up before we have said anything.
        if stream.write_all(request.as_bytes()).await.is_ok() {
            drop(stream.read_to_string(&mut answer).await);
        }
        answer.lines().next().unwrap_or_default().to_owned()
    }

    #[tokio::test]
    async fn a_receiver_lives_on_when_nobody_holds_its_handle() {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let addr = Receiver::start(&tasks, stop.clone(), |_: &[u8]| true).await.unwrap().addr;
        assert_eq!(post(addr, "one").await, "HTTP/1.1 200 OK");
        stop.fire();
        tasks.ended().await;
    }

    #[tokio::test]
    async fn a_receiver_takes_dies_and_comes_back_at_the_same_place() {
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let taken = Arc::new(Mutex::new(Vec::new()));
        let list = Arc::clone(&taken);
        let take = move |body: &[u8]| {
            list.lock().unwrap().push(String::from_utf8_lossy(body).into_owned());
            body != b"nonsense"
        };
        let receiver = Receiver::start(&tasks, stop.clone(), take).await.unwrap();
        assert_eq!(post(receiver.addr, "one").await, "HTTP/1.1 200 OK");
        assert_eq!(post(receiver.addr, "nonsense").await, "HTTP/1.1 400 Bad Request");
        receiver.die();
        assert_eq!(post(receiver.addr, "two").await, "");
        receiver.come_back();
        assert_eq!(post(receiver.addr, "three").await, "HTTP/1.1 200 OK");
        assert_eq!(*taken.lock().unwrap(), ["one", "nonsense", "three"]);
        stop.fire();
        tasks.ended().await;
    }
}
