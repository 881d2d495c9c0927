//! An HTTP server on loopback that answers what it is told to and remembers what it got.
//!
//! One request for each connection, one connection at a time, in a thread of its own.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What the server answers.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    /// A status, more header lines and a body.
    Status(u16, String, String),
    /// A status, and a body that repeats the whole request.
    Echo(u16),
    /// Nothing, for ever.
    Hang,
    /// Hangs up without an answer.
    Drop,
}

impl Answer {
    pub(crate) fn status(status: u16) -> Self {
        Self::Status(status, String::new(), "said so".to_owned())
    }

    pub(crate) fn with_header(status: u16, header: &str) -> Self {
        Self::Status(status, format!("{header}\r\n"), "said so".to_owned())
    }
}

/// What the server got.
#[derive(Debug, Clone, Default)]
pub(crate) struct Request {
    /// Request line and header lines, as they came.
    pub(crate) head: Vec<String>,
    pub(crate) body: Vec<u8>,
    /// The name that the client asked for in the TLS handshake.
    pub(crate) server_name: Option<String>,
}

impl Request {
    /// Every value of the header `name`.
    pub(crate) fn header(&self, name: &str) -> Vec<&str> {
        let lines = self.head.iter().filter_map(|line| line.split_once(": "));
        lines.filter(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }
}

#[derive(Debug)]
struct Shared {
    answers: Vec<(String, Answer)>,
    requests: Vec<Request>,
    stopped: bool,
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::run(None)
    }

    pub(crate) fn start_tls(config: ServerConfig) -> Self {
        Self::run(Some(Arc::new(config)))
    }

    fn run(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Mutex::new(Shared {
            answers: vec![(String::new(), Answer::status(200))],
            requests: Vec::new(),
            stopped: false,
        }));
        Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::clone(&shared),
            thread: Some(std::thread::spawn(move || serve(&listener, tls.as_ref(), &shared))),
        }
    }

    /// From now on everything is answered so.
    pub(crate) fn answer(&self, answer: Answer) {
        self.shared.lock().unwrap().answers = vec![(String::new(), answer)];
    }

    /// From now on requests with `part` in a line of their head are answered so.
    pub(crate) fn answer_at(&self, part: &str, answer: Answer) {
        let mut shared = self.shared.lock().unwrap();
        shared.answers.insert(0, (part.to_owned(), answer));
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.lock().unwrap().requests.clone()
    }

    pub(crate) fn request(&self) -> Request {
        self.requests().pop().unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.shared.lock().unwrap().stopped = true;
        // Wakes the thread up.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn serve(listener: &TcpListener, tls: Option<&Arc<ServerConfig>>, shared: &Mutex<Shared>) {
    let mut hanging = Vec::new();
    for stream in listener.incoming().flatten() {
        if shared.lock().unwrap().stopped {
            return;
        }
        let kept = stream.try_clone();
        // A client that hangs up, or dislikes the certificate, is not this server's failure.
        let hangs = match tls {
            None => talk(stream, |_| None, shared),
            Some(config) => {
                let connection = ServerConnection::new(Arc::clone(config)).unwrap();
                let name = |stream: &StreamOwned<ServerConnection, TcpStream>| {
                    stream.conn.server_name().map(str::to_owned)
                };
                talk(StreamOwned::new(connection, stream), name, shared)
            }
        };
        if hangs.unwrap_or(false) {
            hanging.extend(kept);
        }
    }
}

fn talk<S: Read + Write>(
    stream: S,
    server_name: impl Fn(&S) -> Option<String>,
    shared: &Mutex<Shared>,
) -> io::Result<bool> {
    let mut stream = BufReader::new(stream);
    let mut request = read(&mut stream)?;
    request.server_name = server_name(stream.get_ref());
    let answer = {
        let mut shared = shared.lock().unwrap();
        shared.requests.push(request.clone());
        let said = |part: &str| request.head.iter().any(|line| line.contains(part));
        let mut answers = shared.answers.iter();
        answers.find(|(part, _)| said(part)).unwrap().1.clone()
    };
    let (status, headers, body) = match answer {
        Answer::Status(status, headers, body) => (status, headers, body.into_bytes()),
        Answer::Echo(status) => {
            let mut echo = request.head.join("\n").into_bytes();
            echo.extend_from_slice(&request.body);
            (status, String::new(), echo)
        }
        Answer::Hang => return Ok(true),
        Answer::Drop => return Ok(false),
    };
    let stream = stream.get_mut();
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 {status} Word\r\ncontent-length: {length}\r\nconnection: close\r\n{headers}\r\n"
    )?;
    stream.write_all(&body)?;
    stream.flush()?;
    Ok(false)
}

fn read(stream: &mut impl BufRead) -> io::Result<Request> {
    let mut request = Request::default();
    loop {
        let mut line = String::new();
        stream.read_line(&mut line)?;
        match line.trim_end() {
            "" if request.head.is_empty() => return Err(io::ErrorKind::UnexpectedEof.into()),
            "" => break,
            line => request.head.push(line.to_owned()),
        }
    }
    let length = request.header("content-length").pop().map(str::parse);
    request.body = vec![0; length.and_then(Result::ok).unwrap_or(0)];
    stream.read_exact(&mut request.body)?;
    Ok(request)
}
