//! The flag of kubernetes-event-exporter about TLS for metrics.

use std::path::PathBuf;

use clap::Args;

/// Read, so that its command line starts us; it comes into the help with what it stands for.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// TLS for metrics, in the form of Prometheus' exporter toolkit
    #[arg(long, value_name = "FILE", hide = true)]
    pub metrics_tls_config: Option<PathBuf>,
}

impl MetricsArgs {
    /// Says that nobody obeys it yet.
    pub(crate) fn tell(&self) {
        if let Some(path) = &self.metrics_tls_config {
            let path = path.display();
            tracing::warn!("metrics are served without TLS: `{path}` is not obeyed yet");
        }
    }
}
