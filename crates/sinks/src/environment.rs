//! What templates may ask of the process, as those of kubernetes-event-exporter may: `env`, `getHostByName`, randomness.

use std::{
    collections::HashMap,
    fmt,
    net::{IpAddr, ToSocketAddrs},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread,
    time::{Duration, Instant},
};

use template::Environment;

/// A lookup of a host's addresses may take so long; whoever encodes waits for it.
const PATIENCE: Duration = Duration::from_secs(2);

/// After one that took longer nobody is asked for so long.
const QUIET: Duration = Duration::from_secs(10);

/// An answer is good for so long, for the events that are encoded together.
const FRESH: Duration = Duration::from_secs(5);

/// So many answers are kept.
const KEPT: usize = 256;

/// Looks up the addresses of a host.
type Resolve = dyn Fn(&str) -> Vec<String> + Send + Sync;

/// This process, for the templates of one receiver.
pub(crate) struct Process {
    hosts: Mutex<Hosts>,
    resolve: Arc<Resolve>,
    patience: Duration,
}

/// What is known of hosts.
#[derive(Default)]
struct Hosts {
    known: HashMap<String, (Instant, Vec<String>)>,
    quiet_until: Option<Instant>,
}

impl Default for Process {
    fn default() -> Self {
        Self::new(PATIENCE, |host| {
            let found = (host, 0).to_socket_addrs();
            found.into_iter().flatten().map(|address| address.ip().to_string()).collect()
        })
    }
}

impl Process {
    fn new(
        patience: Duration,
        resolve: impl Fn(&str) -> Vec<String> + Send + Sync + 'static,
    ) -> Self {
        Self { hosts: Mutex::default(), resolve: Arc::new(resolve), patience }
    }

    /// Asks in a thread of its own: the system's lookup cannot be given up.
    fn ask(&self, host: &str) -> Option<Vec<String>> {
        let (answer, answered) = mpsc::channel();
        let (resolve, name) = (Arc::clone(&self.resolve), host.to_owned());
        let asking = thread::Builder::new().name("getHostByName".into());
        // Nobody may be waiting any more.
        let asking = asking.spawn(move || answer.send(resolve(&name)).ok());
        asking.ok()?;
        answered.recv_timeout(self.patience).ok()
    }
}

impl Environment for Process {
    fn variable(&self, name: &str) -> Option<String> {
        // The system refuses these names by a panic.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        Some(std::env::var_os(name)?.to_string_lossy().into_owned())
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        if host.parse::<IpAddr>().is_ok() {
            return vec![host.to_owned()];
        }
        // Whoever panicked left an answer that is whole or not there.
        let mut hosts = self.hosts.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match hosts.known.get(host) {
            Some((at, addresses)) if now.duration_since(*at) < FRESH => return addresses.clone(),
            _ if hosts.quiet_until.is_some_and(|until| now < until) => return Vec::new(),
            _ => {}
        }
        let Some(addresses) = self.ask(host) else {
            hosts.quiet_until = Some(Instant::now() + QUIET);
            return Vec::new();
        };
        if hosts.known.len() >= KEPT {
            hosts.known.clear();
        }
        hosts.known.insert(host.to_owned(), (now, addresses.clone()));
        addresses
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        // The system always has randomness, but for the first moments of a machine: then none is better than bad.
        getrandom::fill(bytes).expect("the system gives random bytes");
    }
}

impl fmt::Debug for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Process").field("patience", &self.patience).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Counts who asks; the name `stuck` is never answered.
    fn counting() -> (Process, Arc<AtomicUsize>) {
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&asked);
        let process = Process::new(Duration::from_millis(50), move |host| {
            counted.fetch_add(1, Ordering::SeqCst);
            if host == "stuck" {
                loop {
                    thread::park();
                }
            }
            vec!["10.0.0.1".to_owned()]
        });
        (process, asked)
    }

    #[test]
    fn one_lookup_serves_all_events_of_the_moment() {
        let (process, asked) = counting();
        for _ in 0..1000 {
            assert_eq!(process.addresses("a"), ["10.0.0.1"]);
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
        assert_eq!(process.addresses("::1"), ["::1"]);
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn a_lookup_that_hangs_is_given_up_and_no_other_is_begun() {
        let (process, asked) = counting();
        for host in ["stuck", "stuck", "b", "c"] {
            assert!(process.addresses(host).is_empty(), "{host}");
        }
        assert_eq!(asked.load(Ordering::SeqCst), 1);
    }
}
