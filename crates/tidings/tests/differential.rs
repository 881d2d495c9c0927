//! `make differential`: Tidings beside kubernetes-event-exporter, by way of the oracle (`e2e/oracle`).
//!
//! Which files load and what is understood of them, which receivers each event reaches, the bytes of
//! documents and layouts, which patterns are valid and what they match. Every difference must have a
//! row in `docs/reference/differences.md`; any other ends the run with 1.
//!
//! `CORPUS` says where the collection of real configs and events is (`../shared/corpus` beside the
//! clone); without it only our own are compared, and the table says so. `SEED` repeats a run.

mod differential {
    //! The parts, in the order in which they play.

    /// The Go program that answers what the original does.
    pub(crate) mod oracle;

    /// What was compared, what was equal, what is documented, what is wrong.
    pub(crate) mod tally;

    /// The configs: our own oddities, and the corpus.
    pub(crate) mod configs;

    /// Which configs load, and what is understood of them.
    pub(crate) mod loading;

    /// The events that are asked about.
    pub(crate) mod events;

    /// Events made up for what real ones seldom have.
    pub(crate) mod oddities;

    /// Which receivers each event reaches.
    pub(crate) mod routing;

    /// The document that receivers without a layout get.
    pub(crate) mod documents;

    /// What layouts and templates make of each event.
    pub(crate) mod layouts;

    /// Templates made up from pieces.
    pub(crate) mod templates;

    /// The tables of templates, made anew by Go.
    pub(crate) mod tables;

    /// Patterns: valid or not, and where they are found.
    pub(crate) mod patterns;
}

use std::{env, path::PathBuf, process::Command, process::ExitCode};

use anyhow::Context;

use differential::{
    configs, documents, events, layouts, loading, oracle::Oracle, patterns, routing, tables, tally,
    templates,
};

/// What the configs of our own expect to find in the environment.
const ENVIRONMENT: &[(&str, &str)] = &[
    ("ORACLE_NAME", "prod"),
    ("ORACLE_NUMBER", "0123"),
    ("ORACLE_BURST", "7"),
    ("ORACLE_STRUCTURE", "namespace: x"),
    ("ORACLE_LINES", "namespace: x\nomitLookup: true"),
    ("ORACLE_KEY", "clusterName"),
];

fn main() -> anyhow::Result<ExitCode> {
    // A process cannot safely change its own environment, and both sides must see the same.
    if env::var("ORACLE_NAME").is_err() {
        let again = Command::new(env::current_exe()?)
            .envs(ENVIRONMENT.iter().copied())
            .status()
            .context("the run with its environment does not start")?;
        return Ok(if again.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE });
    }
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let corpus = env::var_os("CORPUS").map_or_else(|| root.join("../shared/corpus"), PathBuf::from);
    let seed = env::var("SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(1);
    let mut table = tally::Table::new(&root, seed)?;
    let mut oracle = Oracle::start(&root)?;

    if !corpus.is_dir() {
        table.say(&format!("nothing at {}, so only our own is compared", corpus.display()));
    }
    let configs = configs::read(&root, &corpus)?;
    table.found("configs", configs.len());
    let loaded = loading::compare(&mut oracle, &configs, &mut table)?;
    let events = events::gather(&corpus, &loaded, seed)?;
    table.found("events", events.len());
    oracle.read(&events)?;
    routing::compare(&mut oracle, &loaded, &events, &mut table)?;
    documents::compare(&mut oracle, &events, &mut table)?;
    layouts::compare(&mut oracle, &loaded, &events, &mut table)?;
    patterns::compare(&mut oracle, &loaded, seed, &mut table)?;
    templates::compare(&mut oracle, &events, seed, &mut table)?;
    tables::compare(&root, &mut table)?;
    Ok(table.print())
}
