//! A small client: one request a connection, nothing but what the tests need.

use std::net::SocketAddr;

use event::{Stop, Tasks, protobuf};
use playground::{Options, Playground};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

/// Where most tests put their Events.
pub(crate) const EVENTS: &str = "/api/v1/namespaces/default/events";

/// An Event as the kubelet writes it.
pub(crate) fn core_event(name: &str) -> Value {
    json!({
        "metadata": {"name": name, "namespace": "default"},
        "involvedObject": {"kind": "Pod", "namespace": "default", "name": "web-0"},
        "reason": "Started", "message": "Started container web", "type": "Normal", "count": 1,
        "source": {"component": "kubelet", "host": "node-1"},
        "firstTimestamp": "2026-01-02T03:04:05Z", "lastTimestamp": "2026-01-02T03:04:05Z",
    })
}

/// The message within an envelope of protobuf.
pub(crate) fn message_of(envelope: &[u8]) -> &[u8] {
    let fields = protobuf::Fields(envelope.strip_prefix(b"k8s\0").unwrap());
    let mut messages = fields.filter_map(|field| field.ok().filter(|field| field.number == 2));
    messages.next().unwrap().value.bytes()
}

/// A playground for one test; it stops when the test ends.
pub(crate) struct Cluster {
    pub(crate) playground: Playground,
    tasks: Tasks,
    stop: Stop,
}

impl Drop for Cluster {
    fn drop(&mut self) {
        self.stop.fire();
    }
}

pub(crate) async fn cluster() -> Cluster {
    cluster_with(Options::default()).await
}

pub(crate) async fn cluster_with(options: Options) -> Cluster {
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let playground = Playground::start(options, &tasks, stop.clone()).await.unwrap();
    Cluster { playground, tasks, stop }
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    /// The body ended as it should.
    pub(crate) whole: bool,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&self.body)))
    }

    pub(crate) fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(key, _)| key == name);
        found.map_or("", |(_, value)| value)
    }

    /// The messages of a watch.
    pub(crate) fn messages(&self) -> Vec<Value> {
        let lines = self.body.split(|b| *b == b'\n').filter(|line| !line.is_empty());
        lines.map(|line| serde_json::from_slice(line).unwrap()).collect()
    }
}

/// A request to be sent.
pub(crate) struct Ask<'a> {
    addr: SocketAddr,
    method: &'a str,
    path: &'a str,
    headers: Vec<(&'a str, &'a str)>,
    body: Vec<u8>,
}

impl Cluster {
    pub(crate) fn stop(&self) {
        self.stop.fire();
    }

    /// Waits until every task has ended.
    pub(crate) async fn ended(&self) {
        self.tasks.ended().await;
    }

    /// Lets others run until `holds`.
    pub(crate) async fn until(&self, holds: impl Fn() -> bool) {
        while !holds() {
            tokio::task::yield_now().await;
        }
    }

    pub(crate) fn ask<'a>(&self, method: &'a str, path: &'a str) -> Ask<'a> {
        Ask { addr: self.playground.addr(), method, path, headers: Vec::new(), body: Vec::new() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask("GET", path).send().await
    }
}

impl<'a> Ask<'a> {
    pub(crate) fn header(mut self, name: &'a str, value: &'a str) -> Self {
        self.headers.push((name, value));
        self
    }

    pub(crate) fn body(mut self, body: &(impl ToString + ?Sized)) -> Self {
        self.body = body.to_string().into_bytes();
        self
    }

    pub(crate) fn bytes(mut self, body: Vec<u8>) -> Self {
        self.body = body;
        self
    }

    /// Sends it and reads the head of the answer.
    pub(crate) async fn open(self) -> Open {
        self.try_open().await.unwrap()
    }

    /// The same; nothing when the connection is closed instead.
    pub(crate) async fn try_open(self) -> Option<Open> {
        let mut stream = TcpStream::connect(self.addr).await.unwrap();
        let mut head = format!("{} {} HTTP/1.1\r\nhost: playground\r\n", self.method, self.path);
        for (name, value) in self.headers {
            head.extend([name, ": ", value, "\r\n"]);
        }
        let length = self.body.len().to_string();
        head.extend(["content-length: ", &length, "\r\nconnection: close\r\n\r\n"]);
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(&self.body).await.unwrap();
        let mut reader = BufReader::new(stream);
        let mut line = String::new();
        reader.read_line(&mut line).await.ok()?;
        let status = line.split(' ').nth(1)?.parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).await.unwrap();
            let Some((name, value)) = line.trim_end().split_once(": ") else {
                break;
            };
            headers.push((name.to_owned(), value.to_owned()));
        }
        Some(Open { status, headers, reader, rest: Vec::new() })
    }

    /// Sends it and reads the answer to its end.
    pub(crate) async fn send(self) -> Answer {
        let mut open = self.open().await;
        let mut body = Vec::new();
        let whole = open.read_all(&mut body).await;
        Answer { status: open.status, headers: open.headers, body, whole }
    }
}

/// An answer that is still coming.
pub(crate) struct Open {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    reader: BufReader<TcpStream>,
    rest: Vec<u8>,
}

impl Open {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| &**value)
    }

    async fn read_all(&mut self, body: &mut Vec<u8>) -> bool {
        if let Some(length) = self.header("content-length") {
            let length: usize = length.parse().unwrap();
            self.reader.read_to_end(body).await.is_ok() && body.len() == length
        } else {
            loop {
                match self.chunk().await {
                    Some(chunk) if chunk.is_empty() => return true,
                    Some(chunk) => body.extend(chunk),
                    None => return false,
                }
            }
        }
    }

    /// The next chunk; empty at the end, nothing when the connection is cut.
    pub(crate) async fn chunk(&mut self) -> Option<Vec<u8>> {
        let mut line = String::new();
        if !matches!(self.reader.read_line(&mut line).await, Ok(1..)) {
            return None;
        }
        let length = usize::from_str_radix(line.trim_end(), 16).unwrap();
        let mut chunk = vec![0; length + 2];
        self.reader.read_exact(&mut chunk).await.ok()?;
        chunk.truncate(length);
        Some(chunk)
    }

    /// The next message of a watch in JSON; nothing at the end.
    pub(crate) async fn message(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.rest.iter().position(|b| *b == b'\n') {
                let line: Vec<u8> = self.rest.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            match self.chunk().await {
                Some(chunk) if !chunk.is_empty() => self.rest.extend(chunk),
                _ => return None,
            }
        }
    }
}
