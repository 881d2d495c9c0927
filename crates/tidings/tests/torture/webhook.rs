//! A webhook that behaves as it is told: takes, fails, hangs, or takes and never says so.

use std::{
    net::Ipv4Addr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use event::{Stop, Tasks};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

use super::receipts::{Document, Receipts};

/// How it behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    /// Takes what comes.
    Fine,
    /// Answers 500 and takes nothing.
    Failing,
    /// Takes nothing and does not answer.
    Hanging,
    /// Takes what comes and does not answer: whoever sent it must send it again.
    Silent,
}

/// See the module. Clones are handles of the same one.
#[derive(Clone)]
pub(crate) struct Webhook {
    shared: Arc<Shared>,
    port: u16,
}

struct Shared {
    mood: watch::Sender<Mood>,
    /// Counts requests, as they come in.
    posts: watch::Sender<u64>,
    receipts: Mutex<Receipts>,
    unreadable: Mutex<Vec<String>>,
}

impl Webhook {
    pub(crate) async fn start(tasks: &Tasks, stop: Stop) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let shared = Arc::new(Shared {
            mood: watch::Sender::new(Mood::Fine),
            posts: watch::Sender::new(0),
            receipts: Mutex::default(),
            unreadable: Mutex::default(),
        });
        tasks.spawn("webhook", accept(listener, Arc::clone(&shared), tasks.clone(), stop));
        Ok(Self { shared, port })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://127.0.0.1:{}/events", self.port)
    }

    pub(crate) fn set(&self, mood: Mood) {
        self.shared.mood.send_replace(mood);
    }

    /// What it took.
    pub(crate) fn receipts(&self) -> MutexGuard<'_, Receipts> {
        lock(&self.shared.receipts)
    }

    /// Bodies that were no array of documents.
    pub(crate) fn unreadable(&self) -> Vec<String> {
        lock(&self.shared.unreadable).clone()
    }

    /// Waits for the next request.
    pub(crate) async fn posted(&self) {
        let mut posts = self.shared.posts.subscribe();
        posts.borrow_and_update();
        drop(posts.changed().await);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn accept(listener: TcpListener, shared: Arc<Shared>, tasks: Tasks, stop: Stop) {
    loop {
        tokio::select! {
            () = stop.fired() => return,
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let (shared, stop) = (Arc::clone(&shared), stop.clone());
                tasks.spawn("webhook-connection", async move {
                    tokio::select! {
                        () = stop.fired() => {}
                        () = serve(stream, &shared) => {}
                    }
                });
            }
        }
    }
}

/// Serves one connection until it breaks; the sender is killed all the time.
async fn serve(mut stream: TcpStream, shared: &Shared) {
    let mut buffer = Vec::new();
    while let Some(body) = request(&mut stream, &mut buffer).await {
        shared.posts.send_modify(|posts| *posts += 1);
        let mut mood = shared.mood.subscribe();
        let now = *mood.borrow_and_update();
        if matches!(now, Mood::Fine | Mood::Silent) {
            match serde_json::from_slice::<Vec<Document>>(&body) {
                Ok(documents) => {
                    let mut receipts = lock(&shared.receipts);
                    for document in &documents {
                        receipts.take(document);
                    }
                }
                Err(error) => lock(&shared.unreadable).push(error.to_string()),
            }
        }
        let answer: &[u8] = match now {
            Mood::Fine => b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n",
            Mood::Failing => b"HTTP/1.1 500 Internal Server Error\r\ncontent-length: 0\r\n\r\n",
            Mood::Hanging | Mood::Silent => {
                let mut none = [0; 1];
                tokio::select! {
                    _ = mood.changed() => {}
                    _ = stream.read(&mut none) => {}
                }
                return;
            }
        };
        if stream.write_all(answer).await.is_err() {
            return;
        }
    }
}

/// The body of the next request; nothing when the connection ends.
async fn request(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<Vec<u8>> {
    let head = loop {
        if let Some(end) = buffer.windows(4).position(|bytes| bytes == b"\r\n\r\n") {
            break end + 4;
        }
        read(stream, buffer).await?;
    };
    let text = String::from_utf8_lossy(&buffer[..head]).to_ascii_lowercase();
    let length = text.lines().find_map(|line| line.strip_prefix("content-length:"))?;
    let length: usize = length.trim().parse().ok()?;
    while buffer.len() < head + length {
        read(stream, buffer).await?;
    }
    let rest = buffer.split_off(head + length);
    let body = std::mem::replace(buffer, rest).split_off(head);
    Some(body)
}

async fn read(stream: &mut TcpStream, buffer: &mut Vec<u8>) -> Option<()> {
    let read = stream.read_buf(buffer).await.ok()?;
    (read > 0).then_some(())
}
