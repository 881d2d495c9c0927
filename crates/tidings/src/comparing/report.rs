//! How a comparison is read: by people, and by programs.

use std::fmt::Write;

use serde_json::{Value, json};

use super::{
    Alone, Comparison, Different,
    reason::Reason,
    record::{Record, Records},
};
use crate::{output::visible, unified};

/// What was left out on both sides, beside what was compared.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Skipped {
    pub(crate) theirs: usize,
    pub(crate) ours: usize,
}

impl Skipped {
    pub(crate) fn of(theirs: &Records, ours: &Records) -> Self {
        Self { theirs: theirs.skipped, ours: ours.skipped }
    }
}

/// For people: the first `show` of each sort, and the sums.
pub(crate) fn text(found: &Comparison, skipped: Skipped, show: usize, color: bool) -> String {
    let mut text = String::new();
    for (what, alone) in [("only theirs", &found.only_theirs), ("only ours", &found.only_ours)] {
        for Alone { record, reason } in alone.iter().take(show) {
            writeln!(text, "{what}: {}\n  {}", title(record), because(reason))
                .expect("a string takes it");
        }
        rest(&mut text, what, alone.len(), show);
    }
    for Different { theirs, ours, reasons } in found.different.iter().take(show) {
        writeln!(text, "different: {}", title(if ours.name.is_empty() { theirs } else { ours }))
            .expect("a string takes it");
        for reason in reasons {
            writeln!(text, "  {}", because(reason)).expect("a string takes it");
        }
        let diff = unified::diff(("theirs", &theirs.text), ("ours", &ours.text), color);
        for line in diff.lines() {
            writeln!(text, "  {line}").expect("a string takes it");
        }
    }
    rest(&mut text, "different", found.different.len(), show);
    writeln!(
        text,
        "{} equal, {} different, {} only theirs, {} only ours",
        found.equal,
        found.different.len(),
        found.only_theirs.len(),
        found.only_ours.len()
    )
    .expect("a string takes it");
    let reasons: Vec<_> =
        found.reasons().into_iter().map(|(id, count)| format!("{id} {count}")).collect();
    if !reasons.is_empty() {
        writeln!(text, "reasons: {} (docs/reference/differences.md)", reasons.join(", "))
            .expect("a string takes it");
    }
    for (side, lines) in [("theirs", skipped.theirs), ("ours", skipped.ours)] {
        if lines > 0 {
            writeln!(text, "lines of {side} that are no payloads: {lines}")
                .expect("a string takes it");
        }
    }
    text
}

/// One document. Fields are added, never renamed or removed.
pub(crate) fn json(found: &Comparison, skipped: Skipped) -> String {
    let alone = |alone: &[Alone]| -> Vec<Value> {
        let one = |it: &Alone| {
            let Record { line, text, uid, revision, name, .. } = &it.record;
            json!({"line": line, "uid": uid, "resourceVersion": revision, "name": name,
                "payload": text, "reasons": [reason(&it.reason)]})
        };
        alone.iter().map(one).collect()
    };
    let different = |it: &Different| {
        let reasons: Vec<_> = it.reasons.iter().map(reason).collect();
        let name = if it.ours.name.is_empty() { &it.theirs.name } else { &it.ours.name };
        json!({"name": name, "reasons": reasons,
            "theirs": {"line": it.theirs.line, "payload": it.theirs.text},
            "ours": {"line": it.ours.line, "payload": it.ours.text}})
    };
    let reasons: serde_json::Map<_, _> =
        found.reasons().into_iter().map(|(id, count)| (id.to_owned(), count.into())).collect();
    let report = json!({
        "equal": found.equal,
        "different": found.different.iter().map(different).collect::<Vec<_>>(),
        "onlyTheirs": alone(&found.only_theirs),
        "onlyOurs": alone(&found.only_ours),
        "reasons": reasons,
        "skipped": {"theirs": skipped.theirs, "ours": skipped.ours},
    });
    format!("{report:#}\n")
}

fn reason(reason: &Reason) -> Value {
    json!({"id": reason.id, "text": reason.text, "path": reason.path})
}

fn because(reason: &Reason) -> String {
    let Reason { id, text, path } = reason;
    if path.is_empty() {
        format!("{id}: {text}")
    } else {
        format!("{id} at {}: {text}", visible(path))
    }
}

/// What a person knows the payload by.
fn title(record: &Record) -> String {
    let line = match record.line {
        0 => String::new(),
        line => format!("line {line}: "),
    };
    let part = |key: &str| record.value.get(key).and_then(Value::as_str).unwrap_or_default();
    let known: Vec<_> =
        [&*record.name, part("reason")].into_iter().filter(|it| !it.is_empty()).collect();
    let known = if known.is_empty() {
        let start: String = record.text.chars().take(100).collect();
        if start.len() < record.text.len() { start + "…" } else { start }
    } else {
        known.join(" ")
    };
    line + &visible(&known)
}

fn rest(text: &mut String, what: &str, count: usize, shown: usize) {
    if count > shown {
        writeln!(text, "{what}: {} more (--show {count})", count - shown)
            .expect("a string takes it");
    }
}
