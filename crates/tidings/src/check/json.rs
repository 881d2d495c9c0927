//! `tidings check --format json`: one document. Fields are added, never renamed or removed.

use serde::Serialize;

use super::probe::{Answer, Probed};
use crate::settings::{Finding, Severity};

/// The document.
#[derive(Debug, Serialize)]
struct Report<'r> {
    /// The config.
    file: &'r str,
    /// Whether `tidings run` would start with it.
    usable: bool,
    mistakes: usize,
    warnings: usize,
    findings: Vec<One<'r>>,
    /// Only with `--probe`.
    #[serde(skip_serializing_if = "Option::is_none")]
    receivers: Option<Vec<Asked<'r>>>,
}

#[derive(Debug, Serialize)]
struct One<'r> {
    severity: &'static str,
    file: &'r str,
    line: Option<usize>,
    column: Option<usize>,
    path: &'r str,
    message: &'r str,
    hint: Option<&'r str>,
}

#[derive(Debug, Serialize)]
struct Asked<'r> {
    name: &'r str,
    kind: &'r str,
    probe: &'static str,
    answer: Option<&'r str>,
}

/// The document about `file`, with a line end.
pub(crate) fn report(file: &str, findings: &[Finding], probed: Option<&[Probed]>) -> String {
    let mistakes = findings.iter().filter(|finding| finding.is_mistake()).count();
    let report = Report {
        file,
        usable: mistakes == 0,
        mistakes,
        warnings: findings.len() - mistakes,
        findings: findings.iter().map(One::from).collect(),
        receivers: probed.map(|probed| probed.iter().map(Asked::from).collect()),
    };
    serde_json::to_string_pretty(&report).expect("texts and numbers are JSON") + "\n"
}

impl<'r> From<&'r Finding> for One<'r> {
    fn from(finding: &'r Finding) -> Self {
        Self {
            severity: match finding.severity {
                Severity::Mistake => "mistake",
                Severity::Warning => "warning",
            },
            file: &finding.file,
            line: finding.place.map(|place| place.line),
            column: finding.place.map(|place| place.column),
            path: &finding.path,
            message: &finding.message,
            hint: finding.hint.as_deref(),
        }
    }
}

impl<'r> From<&'r Probed> for Asked<'r> {
    fn from(probed: &'r Probed) -> Self {
        let (probe, answer) = match &probed.answer {
            Answer::Fine(text) => ("fine", Some(text)),
            Answer::Unasked => ("unasked", None),
            Answer::Failed(text) => ("failed", Some(text)),
        };
        Self { name: &probed.name, kind: probed.kind, probe, answer: answer.map(String::as_str) }
    }
}
