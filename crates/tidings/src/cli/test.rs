//! `tidings test`.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;
use event::Stop;

use crate::{
    cases, check,
    exit::{self, Failure},
    output,
};

/// Arguments of `tidings test`.
#[derive(Debug, Args)]
#[command(after_help = "Example of a file:
  config: config.yaml                 # relative to this file
  env: {ALERTS_URL: https://example.com/}
  tests:
  - name: a warning in prod reaches the team
    event:
      metadata: {name: web-1.17d0a3, namespace: prod}
      involvedObject: {kind: Pod, name: web-1, labels: {team: shop}}
      type: Warning
      reason: BackOff
    expect:
      receivers: [alerts, archive]
      payloads:
        alerts: {text: BackOff in prod}
  - name: what is normal is dropped
    eventFile: normal.json
    expect: {dropped: true}

`receivers` is compared as a whole, in any order. A payload that is a text is compared byte for byte, another \
one as JSON, value for value.

What is not in the event is not there: labels, annotations, ownerReferences, ownerChain, namespaceLabels \
and deleted stand in its involvedObject. `now`, for the file or a test, is what templates take for now; without \
it, it is the time of the event.

Exit codes: 0 all as expected, 1 not, 2 wrong usage, 3 a mistake in a file or its config.")]
pub struct TestArgs {
    /// Files with tests
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
}

/// Tries every test of every file.
pub async fn run(args: TestArgs, stop: Stop) -> Result<ExitCode, Failure> {
    let color = output::has_colors();
    let (mut count, mut failed, mut is_wrong) = (0, 0, false);
    for path in &args.files {
        let file = path.display().to_string();
        match cases::run(path, &stop).await {
            Ok(outcomes) => {
                for outcome in outcomes {
                    count += 1;
                    failed += usize::from(!outcome.is_ok());
                    output::print(outcome.text(&file, color))?;
                }
            }
            Err(findings) => {
                is_wrong = true;
                output::tell(&check::texts(&findings));
            }
        }
    }
    let s = if count == 1 { "" } else { "s" };
    output::print(format!("{count} test{s}: {} ok, {failed} failed\n", count - failed))?;
    Ok(match (is_wrong, failed) {
        (true, _) => ExitCode::from(exit::CONFIG),
        (false, 0) => ExitCode::SUCCESS,
        (false, _) => ExitCode::from(exit::FAILED),
    })
}
