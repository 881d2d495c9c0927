//! Logs go to standard error, so that standard output is for data.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::LogFormat;

/// Starts logging. `RUST_LOG` wins over `level`. Does nothing when it was started before.
pub(crate) fn start(level: &str, format: LogFormat) {
    let quiet = ["hyper", "hyper_util", "rustls", "tower", "h2", "reqwest"];
    // What the client of the API server logs, the collector and the watches say too, with what they do
    // about it.
    let base = format!("{level},kube_client=off,kube_runtime=off");
    let default = quiet.iter().fold(base, |filter, name| format!("{filter},{name}=warn"));
    // An empty variable is no wish.
    let wish = std::env::var_os("RUST_LOG").is_some_and(|wish| !wish.is_empty());
    let wished = wish.then(|| EnvFilter::try_from_default_env().ok()).flatten();
    let filter = wished.unwrap_or_else(|| EnvFilter::new(default));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Pretty => log.with_ansi(std::io::stderr().is_terminal()).compact().try_init(),
    };
    drop(started);
}
