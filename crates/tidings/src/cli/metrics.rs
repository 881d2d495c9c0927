//! What `tidings run` serves, and to whom.

use std::path::PathBuf;

use clap::Args;

use crate::ops::Address;

/// Both flags are those of kubernetes-event-exporter.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Where to serve /metrics, /livez and /readyz: HOST:PORT, :PORT or off [default: :2112 with a
    /// config, else off]
    #[arg(long, value_name = "ADDRESS", env = "TIDINGS_METRICS_ADDRESS", hide_env_values = true)]
    pub metrics_address: Option<Address>,
    /// TLS, client certificates and passwords for it: a web config of Prometheus' exporter toolkit
    #[arg(long, value_name = "FILE")]
    pub metrics_tls_config: Option<PathBuf>,
}
