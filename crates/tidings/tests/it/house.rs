//! The house keeps its rooms: who may know whom, how long the main path is, what examples say.

use std::{collections::BTreeMap, fmt::Write, fs, path::PathBuf, process::Command};

use serde_json::Value;
use tidings::settings::Settings;

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// What each crate may depend on, of ours. `ARCHITECTURE.md` says why.
const MAY_KNOW: &[(&str, &[&str])] = &[
    ("event", &[]),
    ("go-regex", &[]),
    ("pipeline", &["event", "go-regex"]),
    ("playground", &["event"]),
    ("sinks", &["event", "template"]),
    ("sinks-aws", &["event", "sinks"]),
    ("sinks-gcp", &["event", "sinks"]),
    ("sinks-kafka", &["event", "sinks"]),
    ("template", &["go-regex"]),
    (
        "tidings",
        &[
            "event",
            "go-regex",
            "pipeline",
            "playground",
            "sinks",
            "sinks-aws",
            "sinks-gcp",
            "sinks-kafka",
            "template",
        ],
    ),
];

/// Who may know the world outside: crates that only one room may use.
const ONLY_IN: &[(&str, &[&str])] = &[("kube", &["pipeline"]), ("rusqlite", &["pipeline"])];

fn metadata() -> Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The dependencies of each crate that are in what it ships, not only in its tests.
fn dependencies() -> BTreeMap<String, Vec<String>> {
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let shipped = package["dependencies"].as_array().unwrap().iter();
            let shipped = shipped.filter(|dependency| dependency["kind"].is_null());
            (text(&package["name"]), shipped.map(|it| text(&it["name"])).collect())
        })
        .collect()
}

#[test]
fn each_crate_knows_only_what_it_may() {
    let dependencies = dependencies();
    let ours: Vec<_> = MAY_KNOW.iter().map(|(name, _)| *name).collect();
    for (name, known) in &dependencies {
        // What measures may use everything.
        if name == "benches" {
            continue;
        }
        let Some((_, allowed)) = MAY_KNOW.iter().find(|(crate_name, _)| crate_name == name) else {
            panic!("crate {name} is not in the table of who may know whom");
        };
        for dependency in known {
            let foreign = !ours.contains(&dependency.as_str());
            assert!(foreign || allowed.contains(&dependency.as_str()), "{name} knows {dependency}");
            let guarded = ONLY_IN.iter().find(|(guarded, _)| guarded == dependency);
            let may = guarded.is_none_or(|(_, rooms)| rooms.contains(&name.as_str()));
            assert!(may, "{name} uses {dependency}, which only {guarded:?} may");
        }
    }
}

/// The way of an event from `main` to a receiver, in reading order.
const MAIN_PATH: &[&str] = &[
    "tidings/src/main.rs",
    "tidings/src/cli/run.rs",
    "tidings/src/app.rs",
    "pipeline/src/lib.rs",
    "pipeline/src/collect.rs",
    "pipeline/src/enrich.rs",
    "pipeline/src/route.rs",
    "pipeline/src/save.rs",
    "pipeline/src/send.rs",
    "sinks/src/stdout.rs",
];

#[test]
fn the_main_path_is_ten_files_and_fifteen_hundred_lines() {
    let mut table = String::new();
    let mut sum = 0;
    for file in MAIN_PATH {
        let lines = fs::read_to_string(root().join("crates").join(file)).unwrap().lines().count();
        sum += lines;
        writeln!(table, "{lines:>5} {file}").unwrap();
    }
    println!("{table}{sum:>5} lines in {} files", MAIN_PATH.len());
    assert!(MAIN_PATH.len() <= 10 && sum <= 1500, "{table}{sum:>5}");
}

#[test]
fn every_example_is_a_valid_config() {
    let mut seen = 0;
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.display().to_string();
        // `make test` tries those below; the rest are events.
        let is_yaml = path.extension().is_some_and(|extension| extension == "yaml");
        if name.ends_with(".test.yaml") || !is_yaml {
            continue;
        }
        seen += 1;
        let settings = match Settings::load(&path) {
            Ok(settings) => settings,
            // Built in with `--all-features`, these are looked at too.
            Err(mistakes) if is_left_out(&mistakes) => continue,
            Err(mistakes) => panic!("{mistakes}"),
        };
        assert!(!settings.receivers.is_empty(), "{} sends nothing", path.display());
    }
    assert!(seen >= 4, "only {seen} examples");
}

/// Whether a config has no mistake but kinds that are in a leaf.
fn is_left_out(mistakes: &str) -> bool {
    let mut mistakes = mistakes.lines().filter(|line| line.contains(": mistake: ")).peekable();
    mistakes.peek().is_some() && mistakes.all(|line| line.contains(": this build has no `"))
}

fn sources() -> Vec<(PathBuf, String)> {
    let mut folders = vec![root().join("crates")];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                found.push((path, text));
            }
        }
    }
    found
}

#[test]
fn features_are_chosen_in_one_file() {
    let word = concat!("cfg(", "feature");
    for (path, text) in sources() {
        let allowed = path.ends_with("tidings/src/kinds.rs");
        assert!(allowed || !text.contains(word), "{} chooses features", path.display());
    }
}
