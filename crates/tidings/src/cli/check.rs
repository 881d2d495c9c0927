//! `tidings check`.

use std::{path::PathBuf, process::ExitCode};

use clap::{Args, ValueEnum};

use crate::{
    check,
    exit::{self, Failure},
    output,
    settings::{Finding, Loaded, Reading, process},
};

/// Arguments of `tidings check`.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  tidings check config.yaml
  tidings check config.yaml --strict --format json
  tidings check config.yaml --probe

Exit codes: 0 usable, 1 a receiver failed to answer --probe, 2 wrong usage, 3 a mistake.")]
pub struct CheckArgs {
    /// The config
    #[arg(value_name = "FILE", default_value = "config.yaml")]
    config: PathBuf,
    /// Take warnings for mistakes
    #[arg(long)]
    strict: bool,
    /// For people or for programs
    #[arg(long, value_enum, default_value_t = Format::Text)]
    format: Format,
    /// Print what is obeyed: defaults filled in, includes merged, secrets hidden
    #[arg(long, conflicts_with_all = ["format", "probe"])]
    print_config: bool,
    /// Ask each receiver whether it would take something from us, and send nothing
    #[arg(long)]
    probe: bool,
}

/// For whom the report is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people.
    Text,
    /// For programs: one document.
    Json,
}

/// Reads the config, and says everything that is wrong with it.
pub async fn run(args: CheckArgs) -> Result<ExitCode, Failure> {
    let CheckArgs { config, strict, format, print_config, probe } = args;
    let file = config.display().to_string();
    let mut loaded = Loaded::from_file(&config, Reading { strict, environment: &process });
    let prepared = check::prepare(&mut loaded).await;
    let probed = if probe { Some(check::probe::ask(&prepared).await) } else { None };
    let findings = &loaded.findings;
    let is_usable = !findings.iter().any(Finding::is_mistake);
    let text = if print_config {
        let texts = check::texts(findings);
        output::tell(&texts);
        match &loaded.settings {
            Some(settings) if is_usable => {
                let is_replaced = |receiver: &_, path: &str| loaded.is_replaced(receiver, path);
                check::print::yaml(settings, &is_replaced).map_err(Failure::failed)?
            }
            _ => String::new(),
        }
    } else if format == Format::Json {
        check::json::report(&file, findings, probed.as_deref())
    } else {
        let mut lines = vec![check::texts(findings).trim_end().to_owned()];
        lines.retain(|texts| !texts.is_empty());
        lines.extend(probed.iter().flatten().map(ToString::to_string));
        lines.push(format!("{file}: {}\n", check::sum(findings)));
        lines.join("\n")
    };
    output::print(&text)?;
    let is_refused = probed.iter().flatten().any(check::probe::Probed::is_failed);
    Ok(match (is_usable, is_refused) {
        (false, _) => ExitCode::from(exit::CONFIG),
        (true, true) => ExitCode::from(exit::FAILED),
        (true, false) => ExitCode::SUCCESS,
    })
}
