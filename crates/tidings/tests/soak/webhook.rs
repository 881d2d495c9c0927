//! A webhook that takes, answers 503, or is not there.

use std::{
    net::{Ipv4Addr, SocketAddr},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::Bytes;
use event::{Stop, Tasks};
use http_body_util::{BodyExt, Empty};
use hyper::{
    Request, Response, StatusCode, body::Incoming, server::conn::http1, service::service_fn,
};
use hyper_util::rt::TokioIo;
use tokio::{
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::account::{Account, Document, Receiver};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Fine,
    /// Answers 503 and takes nothing.
    Failing,
    /// Nobody listens, and what was connected is cut.
    Gone,
}

/// See the module.
pub(crate) struct Webhook {
    mood: watch::Sender<Mood>,
    address: SocketAddr,
}

impl Webhook {
    pub(crate) async fn start(
        account: Arc<Mutex<Account>>,
        tasks: &Tasks,
        stop: Stop,
    ) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let address = listener.local_addr()?;
        let (mood, moods) = watch::channel(Mood::Fine);
        let connections = tasks.clone();
        tasks.spawn("webhook", async move {
            tokio::select! {
                () = stop.fired() => {}
                () = listen(listener, address, moods, account, connections, stop.clone()) => {}
            }
        });
        Ok(Self { mood, address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/events", self.address)
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.mood.send_if_modified(|now| std::mem::replace(now, mood) != mood);
    }
}

async fn listen(
    mut listener: TcpListener,
    address: SocketAddr,
    mut moods: watch::Receiver<Mood>,
    account: Arc<Mutex<Account>>,
    tasks: Tasks,
    stop: Stop,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => Some(accepted),
            _ = moods.wait_for(|mood| *mood == Mood::Gone) => None,
        };
        match accepted {
            Some(Ok((stream, _))) => {
                let (moods, account, stop) = (moods.clone(), Arc::clone(&account), stop.clone());
                tasks.spawn("webhook-connection", async move {
                    tokio::select! {
                        () = stop.fired() => {}
                        () = serve(stream, moods, &account) => {}
                    }
                });
            }
            Some(Err(_)) => {}
            None => {
                drop(listener);
                drop(moods.wait_for(|mood| *mood != Mood::Gone).await);
                let Ok(again) = TcpListener::bind(address).await else { return };
                listener = again;
            }
        }
    }
}

async fn serve(stream: TcpStream, moods: watch::Receiver<Mood>, account: &Mutex<Account>) {
    let mut until = moods.clone();
    let service = service_fn(|request: Request<Incoming>| {
        let mood = *moods.borrow();
        async move {
            let body = request.into_body().collect().await?.to_bytes();
            let taken = mood == Mood::Fine && take(&body, account);
            let mut answer = Response::new(Empty::<Bytes>::new());
            if !taken {
                *answer.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
            }
            Ok::<_, hyper::Error>(answer)
        }
    });
    let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), service);
    tokio::select! {
        // A client that goes away is no concern of the receiver.
        _ = connection => {}
        _ = until.wait_for(|mood| *mood == Mood::Gone) => {}
    }
}

/// False for what is no array of documents: it comes again and again, and is missed in the end.
fn take(body: &[u8], account: &Mutex<Account>) -> bool {
    let Ok(documents) = serde_json::from_slice::<Vec<Document>>(body) else { return false };
    let mut account = account.lock().unwrap_or_else(PoisonError::into_inner);
    for document in &documents {
        account.take(Receiver::Webhook, document);
    }
    true
}
