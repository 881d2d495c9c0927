//! One payload of one side, with what it is known by.

use std::{
    collections::BTreeSet,
    fs::File,
    io::{self, BufRead, BufReader},
    path::Path,
};

use serde_json::Value;

use crate::{exit::Failure, shadow};

/// One payload.
#[derive(Debug, Clone, Default)]
pub(crate) struct Record {
    /// Where it stands in its file, from 1 on; 0 when it comes from no file.
    pub(crate) line: usize,
    /// What was written, without the line end.
    pub(crate) text: String,
    /// The same, where it is JSON.
    pub(crate) value: Value,
    pub(crate) uid: String,
    pub(crate) revision: String,
    /// The Event's name, as far as it is known.
    pub(crate) name: String,
}

/// What a file holds.
#[derive(Debug, Default)]
pub(crate) struct Records {
    pub(crate) records: Vec<Record>,
    /// Lines between them that are no payloads: the log of the exporter.
    pub(crate) skipped: usize,
}

impl Record {
    /// A payload.
    pub(crate) fn new(text: &str, line: usize) -> Self {
        let text = text.trim_end_matches(['\n', '\r']).to_owned();
        let value: Value = serde_json::from_str(&text).unwrap_or_default();
        let metadata = &value["metadata"];
        let part = |key: &str| metadata[key].as_str().unwrap_or_default().to_owned();
        let (uid, revision, name) = (part("uid"), part("resourceVersion"), part("name"));
        Self { line, text, value, uid, revision, name }
    }

    /// Uid and resourceVersion, where it has both.
    pub(crate) fn key(&self) -> Option<(String, String)> {
        let is_known = !self.uid.is_empty() && !self.revision.is_empty();
        is_known.then(|| (self.uid.clone(), self.revision.clone()))
    }
}

/// What the exporter wrote: one payload a line.
pub(crate) fn theirs(path: &Path) -> Result<Records, Failure> {
    let mut records = Records::default();
    for (number, line) in lines(path)? {
        let record = Record::new(&line, number);
        if is_payload(&record.value) {
            records.records.push(record);
        } else {
            records.skipped += 1;
        }
    }
    Ok(records)
}

/// What `tidings run --shadow` wrote for a receiver, or what a receiver of ours has.
pub(crate) fn ours(path: &Path, receiver: Option<&str>) -> Result<Records, Failure> {
    let mut records = Records::default();
    let mut receivers = BTreeSet::new();
    for (number, line) in lines(path)? {
        let Ok(shadow) = serde_json::from_str::<shadow::Line>(&line) else {
            let record = Record::new(&line, number);
            if is_payload(&record.value) {
                records.records.push(record);
            } else {
                records.skipped += 1;
            }
            continue;
        };
        if receiver.is_none_or(|receiver| receiver == shadow.receiver) {
            let mut record = Record::new(&shadow.body, number);
            (record.uid, record.revision) = (shadow.uid, shadow.resource_version);
            record.name = shadow.name;
            records.records.push(record);
        }
        receivers.insert(shadow.receiver);
    }
    let names: Vec<_> = receivers.iter().map(|name| format!("`{name}`")).collect();
    match receiver {
        None if receivers.len() > 1 => Err(Failure::usage(anyhow::anyhow!(
            "`{}` holds several receivers: {}",
            path.display(),
            names.join(", ")
        ))
        .hint("choose one with --receiver")),
        Some(receiver) if !receivers.is_empty() && !receivers.contains(receiver) => {
            Err(Failure::usage(anyhow::anyhow!(
                "`{}` holds nothing for the receiver `{receiver}`",
                path.display()
            ))
            .hint(format!("it has {}", names.join(", "))))
        }
        _ => Ok(records),
    }
}

/// The lines that are not empty, with their numbers.
fn lines(path: &Path) -> Result<Vec<(usize, String)>, Failure> {
    let failed = |error: io::Error| {
        Failure::start(
            anyhow::Error::new(error).context(format!("`{}` cannot be read", path.display())),
        )
    };
    let mut reader = BufReader::new(File::open(path).map_err(failed)?);
    let (mut lines, mut number, mut bytes) = (Vec::new(), 0, Vec::new());
    while reader.read_until(b'\n', &mut bytes).map_err(failed)? > 0 {
        number += 1;
        let line = String::from_utf8_lossy(&bytes);
        if !line.trim().is_empty() {
            lines.push((number, line.into_owned()));
        }
        bytes.clear();
    }
    Ok(lines)
}

/// Payloads are objects; so are lines of a log in JSON, which know their place in a source.
fn is_payload(value: &Value) -> bool {
    let is_log = |key: &str| value.get(key).is_some_and(Value::is_string);
    value.is_object() && !(is_log("level") && is_log("caller"))
}
