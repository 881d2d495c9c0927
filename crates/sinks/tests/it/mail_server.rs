//! A mail server on loopback that answers what it is told to and keeps what it took. Its dialogue is that of RFC 5321, with
//! AUTH PLAIN of RFC 4954 and STARTTLS of RFC 3207.

use std::{
    collections::BTreeMap,
    io::{self, BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// What a mail server is told to do.
#[derive(Debug, Clone, Default)]
pub(crate) struct Orders {
    /// What it answers to a command, or to a mail (`.`), instead of yes.
    pub(crate) answers: BTreeMap<&'static str, &'static str>,
    /// It never answers.
    pub(crate) hangs: bool,
    /// It hangs up at once.
    pub(crate) hangs_up: bool,
}

#[derive(Debug, Default)]
struct Shared {
    orders: Orders,
    commands: Vec<String>,
    mails: Vec<String>,
    stopped: bool,
}

/// A running server; stops when dropped.
#[derive(Debug)]
pub(crate) struct MailServer {
    pub(crate) address: SocketAddr,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

impl MailServer {
    pub(crate) fn start() -> Self {
        Self::run(None)
    }

    /// One that has STARTTLS.
    pub(crate) fn start_tls(config: ServerConfig) -> Self {
        Self::run(Some(Arc::new(config)))
    }

    fn run(tls: Option<Arc<ServerConfig>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let shared = Arc::new(Mutex::new(Shared::default()));
        Self {
            address: listener.local_addr().unwrap(),
            shared: Arc::clone(&shared),
            thread: Some(std::thread::spawn(move || serve(&listener, tls.as_ref(), &shared))),
        }
    }

    pub(crate) fn obey(&self, orders: Orders) {
        self.shared.lock().unwrap().orders = orders;
    }

    /// Everything it was told, without the mails.
    pub(crate) fn commands(&self) -> Vec<String> {
        self.shared.lock().unwrap().commands.clone()
    }

    /// The mails that it took.
    pub(crate) fn mails(&self) -> Vec<String> {
        self.shared.lock().unwrap().mails.clone()
    }
}

impl Drop for MailServer {
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
        let orders = {
            let shared = shared.lock().unwrap();
            if shared.stopped {
                return;
            }
            shared.orders.clone()
        };
        if orders.hangs {
            hanging.push(stream);
        } else if !orders.hangs_up {
            // A client that hangs up is not this server's failure.
            drop(talk(stream, tls, &orders, shared));
        }
    }
}

/// Greets, and goes on in TLS when it is asked to.
fn talk(
    stream: TcpStream,
    tls: Option<&Arc<ServerConfig>>,
    orders: &Orders,
    shared: &Mutex<Shared>,
) -> io::Result<()> {
    let mut plain = BufReader::new(stream);
    plain.get_mut().write_all(b"220 mail.example.com ready\r\n")?;
    if let (true, Some(config)) = (dialogue(&mut plain, tls.is_some(), orders, shared)?, tls) {
        let connection = ServerConnection::new(Arc::clone(config)).unwrap();
        let mut safe = BufReader::new(StreamOwned::new(connection, plain.into_inner()));
        dialogue(&mut safe, false, orders, shared)?;
    }
    Ok(())
}

/// Answers until the client goes; true when TLS is to begin.
fn dialogue<S: io::Read + Write>(
    stream: &mut BufReader<S>,
    offers_tls: bool,
    orders: &Orders,
    shared: &Mutex<Shared>,
) -> io::Result<bool> {
    loop {
        let Some(line) = read(stream)? else { return Ok(false) };
        shared.lock().unwrap().commands.push(line.clone());
        let verb = line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let usual = match verb.as_str() {
            "EHLO" if offers_tls => "250-mail.example.com\r\n250 STARTTLS",
            "EHLO" => "250-mail.example.com\r\n250 AUTH PLAIN LOGIN",
            "AUTH" => "235 welcome",
            "DATA" => "354 go ahead",
            "QUIT" => "221 bye",
            "STARTTLS" => "220 go ahead",
            _ => "250 fine",
        };
        let answer = orders.answers.get(verb.as_str()).copied().unwrap_or(usual);
        write!(stream.get_mut(), "{answer}\r\n")?;
        stream.get_mut().flush()?;
        match verb.as_str() {
            "STARTTLS" => return Ok(true),
            "QUIT" => return Ok(false),
            "DATA" if answer.starts_with('3') => {
                let mut mail = String::new();
                while let Some(line) = read(stream)?.filter(|line| line != ".") {
                    mail.push_str(&line);
                    mail.push('\n');
                }
                let answer = orders.answers.get(".").copied().unwrap_or("250 taken");
                if answer.starts_with('2') {
                    shared.lock().unwrap().mails.push(mail);
                }
                write!(stream.get_mut(), "{answer}\r\n")?;
                stream.get_mut().flush()?;
            }
            _ => {}
        }
    }
}

fn read(stream: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut line = String::new();
    if stream.read_line(&mut line)? == 0 {
        return Ok(None);
    }
    Ok(Some(line.trim_end_matches(['\r', '\n']).to_owned()))
}
