//! What is wrong with a config, for people, for programs and for the log.

use std::{path::Path, sync::Arc};

use event::{AnySink, SinkContext, SystemClock};

use crate::{
    app::USER_AGENT,
    exit::Failure,
    logging,
    settings::{Finding, Footprint, Loaded, Reading, Receiver, Settings, process},
};

pub(crate) mod json;

pub(crate) mod print;

pub(crate) mod probe;

/// The settings of `tidings run`: what only the kinds of receivers know is told with all else, and with its line.
pub(crate) async fn startable(path: &Path, strict: bool) -> Result<(Settings, Footprint), Failure> {
    let mut loaded = Loaded::from_file(path, Reading { strict, environment: &process });
    drop(prepare(&mut loaded).await);
    let footprint = std::mem::take(&mut loaded.footprint);
    Ok((accept(loaded)?, footprint))
}

/// The settings, for those who do not need every receiver.
pub(crate) fn accepted(path: &Path, strict: bool) -> Result<Settings, Failure> {
    accept(Loaded::from_file(path, Reading { strict, environment: &process }))
}

/// Starts logging, and logs what is surely not meant.
fn accept(loaded: Loaded) -> Result<Settings, Failure> {
    let Loaded { settings, findings, .. } = loaded;
    let settings = settings.filter(|_| !findings.iter().any(Finding::is_mistake));
    let Some(settings) = settings else {
        let mistakes: Vec<_> = findings.into_iter().filter(Finding::is_mistake).collect();
        let text = texts(&mistakes);
        return Err(Failure::config(anyhow::anyhow!("the config is wrong\n{}", text.trim_end())));
    };
    logging::start(&settings.log_level, settings.log_format);
    for finding in findings {
        tracing::warn!("{}", finding.line());
    }
    Ok(settings)
}

/// What only the kinds themselves know: prepares every receiver whose settings can be read, which sends
/// nothing, and adds why one can never work.
pub(crate) async fn prepare(loaded: &mut Loaded) -> Vec<(Receiver, AnySink)> {
    let mut prepared = Vec::new();
    for receiver in std::mem::take(&mut loaded.receivers) {
        let ctx = SinkContext {
            receiver: receiver.name.clone(),
            user_agent: USER_AGENT.into(),
            clock: Arc::new(SystemClock),
        };
        match (receiver.kind.connect)(receiver.settings.clone(), ctx).await {
            Ok(sink) => prepared.push((receiver, sink)),
            Err(error) => loaded.add_mistake(&receiver, &error.message),
        }
    }
    prepared
}

/// Findings as people read them.
pub(crate) fn texts(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect()
}

/// How much it is: `2 mistakes, 1 warning`.
pub(crate) fn sum(findings: &[Finding]) -> String {
    let mistakes = findings.iter().filter(|finding| finding.is_mistake()).count();
    let of = |count: usize, word: &str| match count {
        0 => None,
        1 => Some(format!("1 {word}")),
        _ => Some(format!("{count} {word}s")),
    };
    let parts = [of(mistakes, "mistake"), of(findings.len() - mistakes, "warning")];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    if parts.is_empty() { "nothing to complain of".into() } else { parts.join(", ") }
}
