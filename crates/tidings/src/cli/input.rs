//! Where `tidings run` gets events from.

use std::{path::PathBuf, time::Duration};

use clap::{Args, ValueEnum};

use crate::app::Input;

/// Where events come from.
#[derive(Debug, Args)]
pub(super) struct InputArgs {
    /// Kubeconfig file [default: in-cluster, else KUBECONFIG, else ~/.kube/config]
    #[arg(long, value_name = "FILE")]
    kubeconfig: Option<PathBuf>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
    /// Read events from a file, or from standard input with `-`, instead of a cluster
    #[arg(long, value_name = "FILE|-", conflicts_with_all = ["kubeconfig", "context"])]
    source: Option<PathBuf>,
    /// With --source: how long to wait, after the input has ended, until everything is sent
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    drain_timeout: u64,
    /// What to ask the API server for; it answers JSON where it has no protobuf
    #[arg(long, value_enum, default_value_t = Encoding::Protobuf, env = "TIDINGS_API_ENCODING")]
    api_encoding: Encoding,
}

/// What to ask the API server for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Encoding {
    /// Half the bytes, a fraction of the work.
    Protobuf,
    /// What every proxy understands.
    Json,
}

impl InputArgs {
    /// The input; a patient one waits for a cluster that does not answer.
    pub(super) fn input(self, patient: bool) -> Input {
        let Self { kubeconfig, context, source, drain_timeout, api_encoding } = self;
        if let Some(path) = source {
            return Input::Source { path, drain_timeout: Duration::from_secs(drain_timeout) };
        }
        let json = api_encoding == Encoding::Json;
        Input::Cluster { kubeconfig, context, json, patient }
    }
}
