//! Destinations that take bytes and answer nothing: a TCP server that reads to the end, and a socket for datagrams.

use std::{
    io::Read,
    net::{SocketAddr, TcpListener, TcpStream, UdpSocket},
    sync::{Arc, Mutex},
    thread::JoinHandle,
    time::Duration,
};

use event::AnySink;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination, http_answer},
    samples,
    server::Server,
};

/// A TCP server that reads each connection to its end and then ends it; one connection at a time, in a thread of its own.
pub(crate) struct Reader {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    answer: Answer,
    received: Vec<Vec<u8>>,
    hanging: Vec<TcpStream>,
    stopped: bool,
}

impl Reader {
    pub(crate) fn start() -> Self {
        Self::listen(None)
    }

    pub(crate) fn start_tls(config: ServerConfig) -> Self {
        Self::listen(Some(Arc::new(config)))
    }

    fn listen(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared {
            answer: Answer::Accept,
            received: Vec::new(),
            hanging: Vec::new(),
            stopped: false,
        }));
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || serve(&listener, tls.as_ref(), &theirs));
        Self { address, shared, thread: Some(thread) }
    }

    pub(crate) fn answer(&self, answer: Answer) {
        let mut shared = self.shared.lock().unwrap();
        shared.answer = answer;
        // Whoever was left hanging is let go.
        shared.hanging.clear();
    }

    /// What came over each connection that was read to its end.
    pub(crate) fn received(&self) -> Vec<Vec<u8>> {
        self.shared.lock().unwrap().received.clone()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        self.shared.lock().unwrap().stopped = true;
        // Wakes the thread up.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, shared: &Mutex<Shared>) {
    for mut stream in listener.incoming().flatten() {
        let answer = {
            let shared = shared.lock().unwrap();
            if shared.stopped {
                return;
            }
            shared.answer
        };
        let mut bytes = Vec::new();
        match answer {
            Answer::Accept => {
                // A client that gives up is not this server's failure.
                stream.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
                let read = match tls {
                    None => stream.read_to_end(&mut bytes),
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                        StreamOwned::new(connection, stream).read_to_end(&mut bytes)
                    }
                };
                if read.is_ok() {
                    shared.lock().unwrap().received.push(bytes);
                }
            }
            Answer::Hang => shared.lock().unwrap().hanging.push(stream),
            // With the rest unread, the system resets the connection.
            Answer::HangUp => drop(stream.read(&mut [0; 1])),
            other => panic!("no reader answers {other:?}"),
        }
    }
}

/// A syslog server for TCP.
pub(crate) struct Daemon {
    reader: Reader,
    rfc5424: bool,
}

impl Daemon {
    pub(crate) fn new(rfc5424: bool) -> Self {
        Self { reader: Reader::start(), rfc5424 }
    }
}

impl Destination for Daemon {
    fn settings(&self) -> Value {
        let mut settings = json!({
            "network": "tcp",
            "address": self.reader.address.to_string(),
            "tag": "k8s-events",
            "hostname": "node-a",
            "procId": "7",
        });
        if self.rfc5424 {
            settings["format"] = json!("rfc5424");
            settings["framing"] = json!("octet-counting");
        }
        settings
    }

    fn answer(&self, answer: Answer) {
        self.reader.answer(answer);
    }

    fn received(&self) -> Vec<u8> {
        self.reader.received().concat()
    }

    fn sink(&self) -> AnySink {
        samples::connect("syslog", self.settings()).unwrap()
    }

    fn document(&self, body: &[u8]) -> String {
        let body = str::from_utf8(body).unwrap();
        let head = if self.rfc5424 { "\"] " } else { "]: " };
        body.split_once(head).unwrap().1.trim_end().to_owned()
    }
}

/// A syslog server for UDP.
pub(crate) struct Mailbox(UdpSocket);

impl Mailbox {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        socket.set_nonblocking(true).unwrap();
        Self(socket)
    }

    /// What has come, a datagram each.
    pub(crate) fn datagrams(&self) -> Vec<Vec<u8>> {
        let mut datagrams = Vec::new();
        let mut buffer = vec![0; 65_536];
        while let Ok(length) = self.0.recv(&mut buffer) {
            datagrams.push(buffer[..length].to_vec());
        }
        datagrams
    }
}

impl Destination for Mailbox {
    fn settings(&self) -> Value {
        let address = self.0.local_addr().unwrap().to_string();
        json!({"network": "udp", "address": address, "hostname": "node-a", "procId": "7"})
    }

    fn answer(&self, answer: Answer) {
        assert_eq!(answer, Answer::Accept);
    }

    fn received(&self) -> Vec<u8> {
        self.datagrams().concat()
    }

    fn sink(&self) -> AnySink {
        samples::connect("syslog", self.settings()).unwrap()
    }

    fn document(&self, body: &[u8]) -> String {
        let body = str::from_utf8(body).unwrap();
        body.split_once("]: ").unwrap().1.trim_end().to_owned()
    }
}

/// Logstash's `tcp` input, or anything else that reads lines.
pub(crate) struct Pipeline(Reader);

impl Pipeline {
    pub(crate) fn new() -> Self {
        Self(Reader::start())
    }
}

impl Destination for Pipeline {
    fn settings(&self) -> Value {
        json!({"address": self.0.address.to_string()})
    }

    fn answer(&self, answer: Answer) {
        self.0.answer(answer);
    }

    fn received(&self) -> Vec<u8> {
        self.0.received().concat()
    }

    fn sink(&self) -> AnySink {
        samples::connect("logstash", self.settings()).unwrap()
    }
}

/// Logstash's `http` input, with secrets on the way to it.
pub(crate) struct HttpPipeline(Server);

impl HttpPipeline {
    pub(crate) fn new() -> Self {
        Self(Server::start())
    }
}

impl Destination for HttpPipeline {
    fn settings(&self) -> Value {
        json!({
            "address": format!("http://ann:pass%40word@{}/events", self.0.address),
            "headers": {"X-Api-Key": "keyInTheHeader"},
        })
    }

    fn answer(&self, answer: Answer) {
        self.0.answer(http_answer(answer));
    }

    fn received(&self) -> Vec<u8> {
        self.0.requests().into_iter().flat_map(|request| request.body).collect()
    }

    fn sink(&self) -> AnySink {
        samples::connect("logstash", self.settings()).unwrap()
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec!["pass%40word", "pass@word", "keyInTheHeader"]
    }
}
