//! Patterns: valid or not, and where they are found.

use std::collections::BTreeSet;

use go_regex::Pattern;
use playground::random::Random;
use serde_json::{Value, json};

use super::{
    loading::Understood,
    oracle::Oracle,
    tally::{Subject, Table},
};

/// So many are made up beside those that stand in files.
const MADE_UP: usize = 6_000;

/// So many are asked about at a time.
const CHUNK: usize = 500;

/// Pieces that patterns are made of; what stands alone in one library is odd in another.
const PIECES: &[&str] = &[
    "a",
    "b",
    "K",
    "é",
    "-",
    "_",
    " ",
    "pod",
    "kube-system",
    ".",
    ".*",
    ".+",
    "^",
    "$",
    "|",
    "(",
    ")",
    "(?:",
    "(?i)",
    "(?s)",
    "(?m)",
    "(?U)",
    "(?-i)",
    "(?i:",
    "(?P<n>",
    "(?<n>",
    "(?=a)",
    "(?!a)",
    "[",
    "]",
    "[a-c]",
    "[^a]",
    "[]a]",
    "[a&&b]",
    "[a--b]",
    "[a~~b]",
    "[[a]",
    "[[:alpha:]]",
    "[[:^digit:]]",
    "[\\d-z]",
    "[a-\\d]",
    "{",
    "}",
    "{2}",
    "{2,}",
    "{0,3}",
    "{,3}",
    "{a}",
    "{1001}",
    "*",
    "+",
    "?",
    "*?",
    "+?",
    "??",
    "**",
    "a{2}{3}",
    "\\d",
    "\\D",
    "\\w",
    "\\W",
    "\\s",
    "\\S",
    "\\b",
    "\\B",
    "\\A",
    "\\z",
    "\\Z",
    "\\Q",
    "\\E",
    "\\Qa.b\\E",
    "\\pL",
    "\\PL",
    "\\p{Greek}",
    "\\p{^Greek}",
    "\\p{Foo}",
    "\\x41",
    "\\x{e9}",
    "\\x{110000}",
    "\\u0041",
    "\\101",
    "\\1",
    "\\07",
    "\\n",
    "\\t",
    "\\a",
    "\\e",
    "\\-",
    "\\<",
    "\\>",
    "\\_",
    "\\é",
    "\\C",
    "\\R",
    "\\K",
    "\\h",
    "#",
    "&",
    "~",
    "\n",
    "日",
];

/// What is searched.
const TEXTS: &[&str] = &[
    "",
    "a",
    "b",
    "K",
    "k",
    "K",
    "ſ",
    "é",
    "É",
    "-",
    "_",
    " ",
    "\n",
    "\t",
    "ab",
    "aab",
    "aabb",
    "abc",
    "ABC",
    "a.b",
    "a&b",
    "a~b",
    "[a]",
    "]",
    "{2}",
    "a{2}",
    "pod",
    "Pod",
    "pods",
    "POD",
    "kube-system",
    "my kube-system-2",
    "aé日b",
    "日本",
    "α",
    "ΑΩ",
    "0",
    "42",
    "a1_",
    "a\nb",
    "b\na",
    "line\n",
    "<a>",
    "n",
    "Q",
    "E",
    "d",
    "\u{7}",
    "\u{b}",
    "\u{85}",
    "\u{a0}",
    "x41",
    "A",
    "#",
    "\\",
    "|",
    "Back-off restarting failed container",
    "Successfully assigned prod/web-1 to node-a",
];

/// Compares the patterns of all configs, those of the fixture, and made-up ones.
pub(crate) fn compare(
    oracle: &mut Oracle,
    loaded: &[Understood<'_>],
    seed: u64,
    table: &mut Table,
) -> anyhow::Result<()> {
    let patterns: Vec<_> = gather(loaded, seed).into_iter().collect();
    table.found("patterns", patterns.len());
    let mut subject = Subject::new("patterns");
    for chunk in patterns.chunks(CHUNK) {
        let question = json!({"op": "regex", "patterns": chunk, "texts": TEXTS});
        let theirs: Vec<Option<String>> = oracle.know(&question)?;
        for (pattern, theirs) in chunk.iter().zip(theirs) {
            one(&mut subject, pattern, theirs.as_deref());
        }
    }
    table.add(subject);
    Ok(())
}

fn one(subject: &mut Subject, pattern: &str, theirs: Option<&str>) {
    match (Pattern::compile(pattern), theirs) {
        (Err(_), None) => subject.equal(),
        (Err(why), Some(_)) if why.to_string().starts_with("too large or too deeply nested") => {
            subject.allowed("D25");
        }
        (Err(why), Some(_)) => subject.wrong(|| format!("{pattern:?}: only we refuse: {why}")),
        (Ok(_), None) => subject.wrong(|| format!("{pattern:?}: only the original refuses")),
        (Ok(compiled), Some(theirs)) => {
            for (text, found) in TEXTS.iter().zip(theirs.chars()) {
                let ours = compiled.is_match(text);
                if ours == (found == '1') {
                    subject.equal();
                } else {
                    subject.wrong(|| format!("{pattern:?} in {text:?}: ours {ours}"));
                }
            }
        }
    }
}

fn gather(loaded: &[Understood<'_>], seed: u64) -> BTreeSet<String> {
    let mut patterns = BTreeSet::new();
    for config in loaded {
        strings(&config.theirs["route"], &mut patterns);
    }
    let fixture = include_str!("../../../go-regex/src/go_regexp.tsv");
    let rows = fixture.lines().filter(|line| !line.is_empty() && !line.starts_with("# "));
    patterns.extend(rows.filter_map(|row| Some(row.split('\t').nth(1)?.replace("\\\\", "\\"))));
    let mut random = Random::new(seed);
    for _ in 0..MADE_UP {
        let pieces = random.between(1, 5);
        patterns.insert((0..pieces).map(|_| *random.pick(PIECES)).collect());
    }
    patterns
}

fn strings(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::String(text) => drop(found.insert(text.clone())),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.values().for_each(|member| strings(member, found)),
        _ => {}
    }
}
