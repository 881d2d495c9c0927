//! Redis, against a double that speaks its protocol (RESP 2, <https://redis.io/docs/latest/develop/reference/protocol-spec/>)
//! and answers what it is told to. The real one is in `e2e/receivers`.

use std::{
    io::{BufRead, BufReader, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread::JoinHandle,
};

use event::{AnySink, SendError};
use serde_json::{Value, json};

use crate::{
    destinations::{Answer, Destination},
    samples::{self, connect, deliver, events, refusal, run},
};

/// What the double can be told.
pub(crate) const ANSWERS: &[Answer] =
    &[Answer::Accept, Answer::Hang, Answer::HangUp, Answer::Full, Answer::NotOurs];

const PASSWORD: &str = "hunter2secret";

/// The double; each connection in a thread of its own.
pub(crate) struct Store {
    address: SocketAddr,
    target: &'static str,
    shared: Arc<Mutex<Shared>>,
    thread: Option<JoinHandle<()>>,
}

struct Shared {
    answer: Answer,
    /// Words of a command that are answered so, first.
    said: Vec<(&'static str, String)>,
    commands: Vec<Vec<String>>,
    connections: Vec<TcpStream>,
    stopped: bool,
}

impl Store {
    pub(crate) fn new(target: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Mutex::new(Shared {
            answer: Answer::Accept,
            said: Vec::new(),
            commands: Vec::new(),
            connections: Vec::new(),
            stopped: false,
        }));
        let theirs = Arc::clone(&shared);
        let thread = std::thread::spawn(move || {
            let mut talks = Vec::new();
            for stream in listener.incoming().flatten() {
                let mut shared = theirs.lock().unwrap();
                if shared.stopped {
                    break;
                }
                shared.connections.push(stream.try_clone().unwrap());
                drop(shared);
                let theirs = Arc::clone(&theirs);
                talks.push(std::thread::spawn(move || {
                    let kept = stream.try_clone().unwrap();
                    drop(talk(stream, &theirs));
                    drop(kept.shutdown(std::net::Shutdown::Both));
                }));
            }
            for talk in talks {
                talk.join().unwrap();
            }
        });
        Self { address, target, shared, thread: Some(thread) }
    }

    fn commands(&self) -> Vec<Vec<String>> {
        self.shared.lock().unwrap().commands.clone()
    }

    /// From now on a command that has this word is answered so.
    fn say(&self, word: &'static str, line: &str) {
        self.shared.lock().unwrap().said.push((word, line.to_owned()));
    }

    /// Ends every connection.
    fn hang_up(&self) {
        for connection in self.shared.lock().unwrap().connections.drain(..) {
            drop(connection.shutdown(std::net::Shutdown::Both));
        }
    }

    fn with(&self, more: &Value) -> AnySink {
        let mut settings = self.settings();
        settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        connect("redis", settings).unwrap()
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.shared.lock().unwrap().stopped = true;
        self.hang_up();
        // Wakes the thread up.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn talk(stream: TcpStream, shared: &Mutex<Shared>) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    loop {
        let words = command(&mut stream)?;
        let answer = {
            let mut shared = shared.lock().unwrap();
            let told = shared.said.iter().find(|(word, _)| words.iter().any(|it| it == word));
            match (told, shared.answer) {
                (Some((_, line)), _) => line.clone(),
                (None, Answer::Accept) => {
                    let ok = if words[0] == "XADD" { "$3\r\n1-1" } else { "+OK" }.to_owned();
                    shared.commands.push(words);
                    ok
                }
                (None, Answer::Full) => {
                    "-OOM command not allowed when used memory > 'maxmemory'.".to_owned()
                }
                (None, Answer::NotOurs) if words[0] == "AUTH" => {
                    format!("-WRONGPASS {PASSWORD} is no password of ann")
                }
                (None, Answer::NotOurs) => "-NOAUTH Authentication required.".to_owned(),
                (None, Answer::Hang) => continue,
                (None, Answer::HangUp) => return Ok(()),
                (None, other) => panic!("no Redis answers {other:?}"),
            }
        };
        write!(stream.get_mut(), "{answer}\r\n")?;
    }
}

/// Reads one command: an array of texts.
fn command(stream: &mut impl BufRead) -> std::io::Result<Vec<String>> {
    let mut command = Vec::new();
    for _ in 0..number(stream, '*')? {
        let length = number(stream, '$')?;
        let mut word = vec![0; length + 2];
        stream.read_exact(&mut word)?;
        word.truncate(length);
        command.push(String::from_utf8(word).unwrap());
    }
    Ok(command)
}

fn number(stream: &mut impl BufRead, mark: char) -> std::io::Result<usize> {
    let mut line = String::new();
    stream.read_line(&mut line)?;
    let number = line.trim_end().strip_prefix(mark).and_then(|rest| rest.parse().ok());
    number.ok_or_else(|| std::io::ErrorKind::UnexpectedEof.into())
}

impl Destination for Store {
    fn settings(&self) -> Value {
        let mut settings = json!({"url": format!("redis://ann:{PASSWORD}@{}/3", self.address)});
        settings[self.target] = json!("k8s:events");
        if self.target != "channel" {
            settings["maxLength"] = json!(10_000);
        }
        settings
    }

    fn answer(&self, answer: Answer) {
        self.shared.lock().unwrap().answer = answer;
    }

    fn received(&self) -> Vec<u8> {
        self.commands().concat().join("\n").into_bytes()
    }

    fn sink(&self) -> AnySink {
        samples::connect("redis", self.settings()).unwrap()
    }

    fn document(&self, body: &[u8]) -> String {
        let body = str::from_utf8(body).unwrap();
        body.trim_end().rsplit_once("\r\n").unwrap().1.to_owned()
    }

    fn secrets(&self) -> Vec<&'static str> {
        vec![PASSWORD]
    }
}

/// The first words of each command.
fn first_words(commands: &[Vec<String>], words: usize) -> Vec<String> {
    commands.iter().map(|command| command[..words.min(command.len())].join(" ")).collect()
}

#[test]
fn an_event_is_an_entry_of_a_stream_with_its_id() {
    let store = Store::new("stream");
    run(deliver(&store.sink(), &events()[1..2])).unwrap();
    let commands = store.commands();
    assert_eq!(first_words(&commands[..2], 9), ["AUTH ann hunter2secret", "SELECT 3"]);
    let entry = &commands[2];
    assert_eq!(
        entry[..9],
        ["XADD", "k8s:events", "MAXLEN", "~", "10000", "*", "id", "uid-2/902", "event"]
    );
    let document: Value = serde_json::from_str(&entry[9]).unwrap();
    assert_eq!(document["reason"], "NodeReady");
}

#[test]
fn a_list_is_shortened_only_where_its_length_is_set() {
    let store = Store::new("list");
    run(deliver(&store.sink(), &events())).unwrap();
    assert_eq!(
        first_words(&store.commands()[2..], 2),
        [
            "LTRIM k8s:events",
            "RPUSH k8s:events",
            "RPUSH k8s:events",
            "RPUSH k8s:events",
            "LTRIM k8s:events"
        ]
    );
    assert_eq!(store.commands().last().unwrap()[2..], ["-10000", "-1"]);
    let store = Store::new("list");
    run(deliver(&store.with(&json!({"maxLength": 0})), &events())).unwrap();
    assert_eq!(first_words(&store.commands()[2..], 1), ["RPUSH", "RPUSH", "RPUSH"]);
}

#[test]
fn who_may_not_shorten_the_list_is_told_before_anything_is_written() {
    let store = Store::new("list");
    store.say("LTRIM", "-NOPERM User ann has no permissions to run the 'ltrim' command");
    let error = run(deliver(&store.sink(), &events())).unwrap_err();
    assert!(matches!(error, SendError::Blocked { .. }), "{error}");
    assert!(!first_words(&store.commands(), 1).contains(&"RPUSH".to_owned()));
}

#[test]
fn a_refused_record_in_the_middle_of_a_batch_is_told_alone() {
    let store = Store::new("stream");
    store.say("uid-2/902", "-ERR string exceeds maximum allowed size (proto-max-bulk-len)");
    assert_eq!(
        run(deliver(&store.sink(), &events())),
        Err(SendError::Partial {
            failed: vec![(
                1,
                Some("ERR string exceeds maximum allowed size (proto-max-bulk-len)".to_owned())
            )]
        })
    );
}

#[test]
fn an_idle_connection_that_is_gone_is_replaced_without_an_error() {
    let store = Store::new("channel");
    let sink = store.sink();
    run(async {
        deliver(&sink, &events()[..1]).await.unwrap();
        deliver(&sink, &events()[1..2]).await.unwrap();
        store.hang_up();
        deliver(&sink, &events()[2..]).await.unwrap();
    });
    let words = first_words(&store.commands(), 1);
    assert_eq!(words, ["AUTH", "SELECT", "PUBLISH", "PUBLISH", "AUTH", "SELECT", "PUBLISH"]);
}

#[test]
fn a_wrong_password_blocks_and_is_not_repeated() {
    let store = Store::new("stream");
    store.answer(Answer::NotOurs);
    let error = run(deliver(&store.sink(), &events())).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("blocked: {} answered WRONGPASS *** is no password of ann", store.address)
    );
}

#[test]
fn a_probe_says_who_we_are_and_writes_nothing() {
    let store = Store::new("stream");
    assert_eq!(run(store.sink().probe()), Ok(Some(format!("{} answered PONG", store.address))));
    assert_eq!(first_words(&store.commands(), 1), ["AUTH", "SELECT", "PING"]);
}

#[test]
fn settings_that_can_never_work_are_refused() {
    let one =
        "`redis`: one of `stream`, `list` and `channel` says where events go; write one of them";
    for (settings, expected) in [
        (json!({}), "`redis.url`: is missing; write `redis://host:6379`, or `rediss://` for TLS"),
        (json!({"url": "redis://:s3cret@redis"}), one),
        (json!({"url": "redis://redis", "stream": "a", "list": "b"}), one),
        (
            json!({"url": "redis://redis", "channel": "a", "maxLength": 5}),
            "`redis.maxLength`: is for a `stream` or a `list`; remove it",
        ),
        (
            json!({"url": "http://:s3cret@redis", "list": "a"}),
            "`redis.url`: must begin with `redis://`, or `rediss://` for TLS",
        ),
        (
            json!({"url": "redis://redis", "list": "a", "tls": {}}),
            "`redis.url`: must begin with `rediss://` where there is `tls`",
        ),
        (
            json!({"url": "redis://redis/events", "list": "a"}),
            "`redis.url`: its path is the number of a database, for example `redis://host:6379/1`",
        ),
    ] {
        assert_eq!(refusal("redis", settings), expected);
    }
}
