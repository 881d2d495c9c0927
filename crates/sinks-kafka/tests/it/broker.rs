//! A broker that lets nobody in: as much of the Kafka protocol as it takes to say so.
//!
//! Written from the protocol guide of Apache Kafka (requests `ApiVersions`, `SaslHandshake`, `SaslAuthenticate`).

use std::{
    io::{self, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread::JoinHandle,
};

const API_VERSIONS: i16 = 18;
const SASL_HANDSHAKE: i16 = 17;
const SASL_AUTHENTICATE: i16 = 36;
const SASL_AUTHENTICATION_FAILED: i16 = 58;

/// What is understood: key, lowest and highest version.
const UNDERSTOOD: &[(i16, i16, i16)] = &[
    (0, 0, 7),
    (3, 0, 4),
    (API_VERSIONS, 0, 3),
    (SASL_HANDSHAKE, 0, 1),
    (SASL_AUTHENTICATE, 0, 0),
];

/// A running broker; stops when dropped.
pub(crate) struct Broker {
    pub(crate) address: SocketAddr,
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Broker {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let stopped = Arc::new(AtomicBool::new(false));
        let stop = Arc::clone(&stopped);
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if stop.load(Ordering::Relaxed) {
                    return;
                }
                // The client hangs up once it was told.
                talk(stream).ok();
            }
        });
        Self { address, stopped, thread: Some(thread) }
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        // Wakes the thread up.
        drop(TcpStream::connect(self.address));
        self.thread.take().unwrap().join().unwrap();
    }
}

fn talk(mut stream: TcpStream) -> io::Result<()> {
    loop {
        let mut length = [0; 4];
        stream.read_exact(&mut length)?;
        let mut request = vec![0; usize::try_from(u32::from_be_bytes(length)).unwrap()];
        stream.read_exact(&mut request)?;
        let number = |at: usize| i16::from_be_bytes([request[at], request[at + 1]]);
        let (key, version) = (number(0), number(2));
        let mut answer = request[4..8].to_vec();
        match key {
            API_VERSIONS if version >= 3 => {
                answer.extend(0_i16.to_be_bytes());
                answer.push(u8::try_from(UNDERSTOOD.len() + 1).unwrap());
                for (key, low, high) in UNDERSTOOD {
                    answer.extend([key, low, high].into_iter().flat_map(|it| it.to_be_bytes()));
                    answer.push(0);
                }
                answer.extend([0; 5]);
            }
            SASL_HANDSHAKE => {
                answer.extend(0_i16.to_be_bytes());
                answer.extend(1_i32.to_be_bytes());
                text(&mut answer, "PLAIN");
            }
            SASL_AUTHENTICATE => {
                answer.extend(SASL_AUTHENTICATION_FAILED.to_be_bytes());
                // Some repeat what they were given: the user, a zero, the password.
                let given = String::from_utf8_lossy(&request[8..]).replace('\0', " ");
                text(&mut answer, &format!("Authentication failed for{given}"));
                answer.extend(0_i32.to_be_bytes());
            }
            _ => return Ok(()),
        }
        stream.write_all(&u32::try_from(answer.len()).unwrap().to_be_bytes())?;
        stream.write_all(&answer)?;
    }
}

fn text(out: &mut Vec<u8>, text: &str) {
    out.extend(i16::try_from(text.len()).unwrap().to_be_bytes());
    out.extend(text.as_bytes());
}
