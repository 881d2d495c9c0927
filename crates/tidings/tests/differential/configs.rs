//! The configs: our own oddities (`e2e/oracle/configs`), and the corpus.

use std::{fs, path::Path};

use anyhow::Context;

/// A file.
#[derive(Debug)]
pub(crate) struct Config {
    /// Its name, without the folder.
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) expects: Expects,
}

/// What the head of one of our own says about differences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Expects {
    /// There is none.
    Same,
    /// There must be one, for the reason of this row.
    Differs(String),
    /// There may be one, for the reason of this row.
    MayDiffer(String),
}

/// Reads all of them, in the order of their names.
pub(crate) fn read(root: &Path, corpus: &Path) -> anyhow::Result<Vec<Config>> {
    let mut configs = folder(&root.join("e2e/oracle/configs"))?;
    let real = corpus.join("exporter-configs");
    if real.is_dir() {
        configs.extend(folder(&real)?);
    }
    Ok(configs)
}

fn folder(folder: &Path) -> anyhow::Result<Vec<Config>> {
    let entries = fs::read_dir(folder).with_context(|| folder.display().to_string())?;
    let mut configs = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_none_or(|extension| extension != "yaml") {
            continue;
        }
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned());
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let expects = text.lines().find_map(expectation).unwrap_or(Expects::Same);
        configs.push(Config { name: name.unwrap_or_default(), text, expects });
    }
    configs.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(configs)
}

fn expectation(line: &str) -> Option<Expects> {
    let differs = |id: &str| Expects::Differs(id.trim().into());
    let may_differ = |id: &str| Expects::MayDiffer(id.trim().into());
    let line = line.strip_prefix("# ")?;
    line.strip_prefix("differs: ")
        .map(differs)
        .or_else(|| line.strip_prefix("may differ: ").map(may_differ))
}
