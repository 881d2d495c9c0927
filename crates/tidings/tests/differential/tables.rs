//! The tables of templates that the crates are tested with: are they still what Go prints?
//!
//! `make test` holds our side against these tables; here Go makes them anew.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::Path,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{
    oracle::go,
    tally::{Subject, Table},
};

/// Folder of the program in `e2e/oracle`, its arguments, what it reads, and the table it makes.
const TABLES: &[(&str, &[&str], Option<&str>, &str)] = &[
    ("template", &["language"], Some("language.txt"), "crates/template/fixtures/language.ndjson"),
    ("template", &["event"], Some("event.txt"), "crates/sinks/fixtures/templates.ndjson"),
    ("sprig", &["-fixture"], None, "crates/template/fixtures/sprig.ndjson"),
];

/// Compares each row of each table.
pub(crate) fn compare(root: &Path, table: &mut Table) -> anyhow::Result<()> {
    let mut subject = Subject::new("tables of templates");
    for (folder, arguments, input, made) in TABLES {
        let folder = root.join("e2e/oracle").join(folder);
        let input = match input {
            Some(name) => File::open(folder.join(name)).with_context(|| name.to_owned())?.into(),
            None => Stdio::null(),
        };
        let mut program: Command = go()?;
        program.args(["run", "."]).args(*arguments).current_dir(&folder).stdin(input);
        let output = program.stderr(Stdio::inherit()).output().context("Go does not start")?;
        ensure!(output.status.success(), "{} does not run", folder.display());
        let theirs = String::from_utf8(output.stdout)?;
        let ours = fs::read_to_string(root.join(made)).with_context(|| (*made).to_owned())?;
        ensure!(!ours.is_empty(), "{made} is empty");
        let mut ours: BTreeMap<_, _> = ours.lines().map(|row| (question(row), row)).collect();
        for row in theirs.lines() {
            let question = question(row);
            let ours = ours.remove(&question).unwrap_or("no such row");
            subject.compare(|| format!("{made}: {question}"), row, ours);
        }
        for question in ours.keys() {
            subject.wrong(|| format!("{made}: Go does not make the row {question}"));
        }
    }
    table.add(subject);
    Ok(())
}

/// What a row is about: all of it before what came out.
fn question(row: &str) -> String {
    let mut row: Value = serde_json::from_str(row).unwrap_or_default();
    if let Some(row) = row.as_object_mut() {
        for answer in ["output", "error", "out", "err"] {
            row.remove(answer);
        }
    }
    row.to_string()
}
