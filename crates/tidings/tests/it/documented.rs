//! `docs/reference/commands.md`: each command in it prints what stands below it.

use std::{fs, path::PathBuf};

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
