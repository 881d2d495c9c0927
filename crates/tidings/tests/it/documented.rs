//! `docs/reference/commands.md`: each command in it prints what stands below it. `receivers.md`: it knows every key.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
};

use event::{SinkKind, written::FlawKind};
use serde_json::json;
use tidings::kinds;

use crate::support::{Scene, assert_like};

fn root() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// The blocks of a page: what stands behind the fence, and the lines.
fn blocks(page: &str) -> Vec<(String, Vec<String>)> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let inside = lines.by_ref().take_while(|line| *line != "```");
            blocks.push((info.to_owned(), inside.map(str::to_owned).collect()));
        }
    }
    blocks
}

#[tokio::test]
async fn each_example_prints_what_the_page_says() {
    let scene = Scene::new("");
    for entry in fs::read_dir(root().join("examples")).unwrap() {
        let path = entry.unwrap().path();
        scene.write(path.file_name().unwrap().to_str().unwrap(), fs::read(&path).unwrap());
    }
    let page = fs::read_to_string(root().join("docs/reference/commands.md")).unwrap();
    let mut tried = 0;
    for (info, lines) in blocks(&page) {
        if let Some(name) = info.strip_prefix("text file=") {
            scene.write(name, lines.join("\n") + "\n");
        }
        if info != "console" {
            continue;
        }
        let mut lines = lines.into_iter().peekable();
        while let Some(command) = lines.next() {
            let command =
                command.strip_prefix("$ tidings ").expect("a command is first").to_owned();
            let mut expected = Vec::new();
            while let Some(line) = lines.next_if(|line| !line.starts_with("$ ")) {
                expected.push(line);
            }
            let ended = scene.run(&command).await;
            assert!(matches!(ended.code, Some(0 | 1)), "{command}\n{}", ended.log);
            assert_like(&ended.out, &expected.join("\n"));
            tried += 1;
        }
    }
    assert!(tried >= 6, "only {tried} examples");
}

#[tokio::test]
async fn the_tests_among_the_examples_hold() {
    let examples = root().join("examples");
    let ended = Scene::new("").run(&format!("test {}/layouts.test.yaml", examples.display())).await;
    assert_eq!((ended.code, &*ended.log), (Some(0), ""), "{}", ended.out);
    assert!(ended.out.ends_with("3 tests: 3 ok, 0 failed\n"), "{}", ended.out);
}

/// The keys that a kind knows, as it says of one that it does not.
fn keys(kind: &SinkKind) -> Vec<&'static str> {
    let flaws = (kind.check)(&json!({"nobodyKnowsThis": 1}), kind.name);
    let known = flaws.into_iter().find_map(|flaw| match flaw.kind {
        FlawKind::Unknown { known } => Some(known),
        _ => None,
    });
    known.unwrap_or_default()
}

#[test]
fn every_kind_of_receiver_has_a_section_and_every_key_of_it_a_row() {
    let page = fs::read_to_string(root().join("docs/reference/receivers.md")).unwrap();
    let sections: BTreeMap<_, _> =
        page.split("\n## ").skip(1).map(|section| section.split_once('\n').unwrap()).collect();
    let mut missing = Vec::new();
    for kind in kinds::all() {
        let Some(section) = sections.get(kind.name) else {
            missing.push(format!("`## {}`", kind.name));
            continue;
        };
        let rows: Vec<_> = section.lines().filter(|line| line.starts_with('|')).collect();
        for key in keys(kind) {
            // Several that belong together may share a row.
            let is_there = rows.iter().any(|row| {
                // `aws.region` speaks of `aws`.
                let cell = row.split('|').nth(1).unwrap_or_default();
                cell.contains(&format!("`{key}`")) || cell.contains(&format!("`{key}."))
            });
            if !is_there {
                missing.push(format!("{}: a row of `{key}`", kind.name));
            }
        }
        for part in ["batching", "sent again", "parked", "blocked", "id", "tested against"] {
            let mut bullets = section.lines().filter(|line| line.starts_with("* "));
            if !bullets.any(|bullet| bullet.contains(&format!("**{part}**"))) {
                missing.push(format!("{}: **{part}**", kind.name));
            }
        }
    }
    assert!(missing.is_empty(), "docs/reference/receivers.md lacks\n{}", missing.join("\n"));
}

#[test]
fn every_difference_has_a_number_of_its_own() {
    let page = fs::read_to_string(root().join("docs/reference/differences.md")).unwrap();
    let cells = page.lines().filter_map(|line| line.strip_prefix("| D")?.split_once(" |"));
    let numbers: Vec<u32> = cells.map(|(number, _)| number.parse().unwrap()).collect();
    assert!(numbers.len() > 50, "{numbers:?}");
    let mut seen = BTreeSet::new();
    let twice: Vec<u32> = numbers.into_iter().filter(|number| !seen.insert(*number)).collect();
    assert!(
        twice.is_empty(),
        "two rows of docs/reference/differences.md have a number of these: {twice:?}"
    );
}
