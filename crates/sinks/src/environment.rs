//! What templates may ask of the process, as those of kubernetes-event-exporter may: `env`, `getHostByName`, randomness.

use std::net::ToSocketAddrs;

use template::Environment;

/// This process.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Process;

impl Environment for Process {
    fn variable(&self, name: &str) -> Option<String> {
        // The system refuses these names by a panic.
        if name.is_empty() || name.contains(['=', '\0']) {
            return None;
        }
        Some(std::env::var_os(name)?.to_string_lossy().into_owned())
    }

    fn addresses(&self, host: &str) -> Vec<String> {
        let found = (host, 0).to_socket_addrs();
        found.into_iter().flatten().map(|address| address.ip().to_string()).collect()
    }

    fn fill_random(&self, bytes: &mut [u8]) {
        // The system always has randomness, but for the first moments of a machine: then none is better than bad.
        getrandom::fill(bytes).expect("the system gives random bytes");
    }
}
