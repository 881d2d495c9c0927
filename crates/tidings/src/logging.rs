//! Logs go to standard error, so that standard output is for data.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, fmt};

use crate::settings::LogFormat;

/// Starts logging. `RUST_LOG` wins over `level`. Does nothing when it was started before.
pub(crate) fn start(level: &str, format: LogFormat) {
    let quiet = ["hyper", "hyper_util", "rustls", "tower", "kube_client", "h2", "reqwest"];
    let default =
        quiet.iter().fold(level.to_owned(), |filter, name| format!("{filter},{name}=warn"));
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let log = fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    let started = match format {
        LogFormat::Json => log.json().flatten_event(true).try_init(),
        LogFormat::Pretty => log.with_ansi(std::io::stderr().is_terminal()).compact().try_init(),
    };
    drop(started);
}
