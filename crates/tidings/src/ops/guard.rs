//! Who may look, and over which connection: the web config of Prometheus' exporter toolkit, which
//! kubernetes-event-exporter takes with `-metrics-tls-config`.
//!
//! The file and what it names are read again at each connection and each request, as the toolkit does:
//! a certificate that was renewed is used by the next connection. What cannot be used does not replace
//! what could.

mod clients;

mod file;

mod tls;

mod users;

use std::{
    fs,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use hyper::header::{HeaderName, HeaderValue};
use rustls::ServerConfig;

use self::{
    file::{Pems, WebConfig},
    users::{Proven, Users},
};
use crate::settings::{Finding, Foreign};

/// What a web config asks for, kept up to date.
pub(crate) struct Guard {
    path: PathBuf,
    state: Mutex<State>,
    pub(super) proven: Proven,
}

/// What is obeyed.
#[derive(Clone)]
pub(crate) struct Rules {
    /// Without it, connections are not encrypted.
    pub(crate) tls: Option<Arc<ServerConfig>>,
    /// Added to every answer.
    pub(crate) headers: Vec<(HeaderName, HeaderValue)>,
    /// Empty: everybody.
    pub(crate) users: Users,
}

/// Everything that was read, whether it could be used or not.
#[derive(PartialEq, Eq)]
struct Read {
    config: Vec<u8>,
    pems: Pems,
}

struct State {
    read: Read,
    rules: Arc<Rules>,
    /// What was wrong when it was read last; told once.
    trouble: String,
}

impl std::fmt::Debug for Guard {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Guard").field("path", &self.path).finish_non_exhaustive()
    }
}

impl Guard {
    /// Reads the file at `path`; or everything that is wrong with it, and with what it names.
    pub(crate) fn open(path: &Path) -> Result<Self, Vec<Finding>> {
        let config = read_config(path)?;
        let (written, warnings) = parse(path, &config)?;
        for warning in warnings {
            tracing::warn!("{}", warning.line());
        }
        let folder = path.parent().unwrap_or(Path::new(""));
        let (pems, rules) = Self::obey(path, &written, folder)?;
        let state = State { read: Read { config, pems }, rules, trouble: String::new() };
        Ok(Self { path: path.to_owned(), state: Mutex::new(state), proven: Proven::default() })
    }

    fn obey(
        path: &Path,
        written: &WebConfig,
        folder: &Path,
    ) -> Result<(Pems, Arc<Rules>), Vec<Finding>> {
        let of_file =
            |message: String| vec![Finding::of_file(&path.display().to_string(), message, None)];
        let pems = written.tls_server_config.pems(folder).map_err(of_file)?;
        let tls = written.tls_server_config.obeyed(&pems, written.http_server_config.http2);
        let tls = tls.map_err(of_file)?.map(Arc::new);
        let headers = written.http_server_config.headers();
        let rules = Rules { tls, headers, users: written.basic_auth_users.clone() };
        Ok((pems, Arc::new(rules)))
    }

    /// What is to be obeyed now. Reads files.
    pub(crate) fn rules(&self) -> Arc<Rules> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        match self.renewed(&state.read) {
            Ok(None) => {}
            Ok(Some((read, rules))) => {
                if !state.trouble.is_empty() || state.read.pems != read.pems {
                    tracing::info!("{}: what it names was read anew", self.path.display());
                }
                *state = State { read, rules, trouble: String::new() };
            }
            Err(findings) => {
                let trouble: Vec<_> = findings.iter().map(Finding::line).collect();
                let trouble = trouble.join("; ");
                if state.trouble != trouble {
                    tracing::warn!("{trouble}; what was read before is still obeyed");
                    state.trouble = trouble;
                }
            }
        }
        Arc::clone(&state.rules)
    }

    /// Nothing when everything is as it was.
    fn renewed(&self, before: &Read) -> Result<Option<(Read, Arc<Rules>)>, Vec<Finding>> {
        let config = read_config(&self.path)?;
        let (written, _) = parse(&self.path, &config)?;
        let folder = self.path.parent().unwrap_or(Path::new(""));
        let now = written.tls_server_config.pems(folder);
        if config == before.config && now.as_ref().is_ok_and(|pems| *pems == before.pems) {
            return Ok(None);
        }
        let (pems, rules) = Self::obey(&self.path, &written, folder)?;
        Ok(Some((Read { config, pems }, rules)))
    }
}

fn read_config(path: &Path) -> Result<Vec<u8>, Vec<Finding>> {
    fs::read(path).map_err(|error| {
        let hint = "give the path of a web config with --metrics-tls-config".to_owned();
        let name = path.display().to_string();
        vec![Finding::of_file(&name, format!("it cannot be read: {error}"), Some(hint))]
    })
}

/// What is written, and warnings about it; or every mistake.
fn parse(path: &Path, bytes: &[u8]) -> Result<(WebConfig, Vec<Finding>), Vec<Finding>> {
    let mut foreign = Foreign::open(&path.display().to_string(), bytes);
    let written: WebConfig = foreign.decode();
    written.review(&mut foreign);
    let mut findings = foreign.findings;
    findings.sort_by_key(|finding| (finding.place, finding.severity));
    if findings.iter().any(Finding::is_mistake) { Err(findings) } else { Ok((written, findings)) }
}

#[cfg(test)]
mod tests;
