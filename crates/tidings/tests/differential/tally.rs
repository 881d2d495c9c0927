//! What was compared, what was equal, what is documented, what is wrong.
#![expect(clippy::print_stdout, reason = "progress and the table are what it is run for")]

use std::{
    collections::{BTreeMap, BTreeSet},
    env, fs,
    path::Path,
    process::ExitCode,
};

use anyhow::{Context, ensure};

/// So many wrong ones are shown; `SHOW` says another number.
const SHOWN: usize = 10;

/// So many of a subject are kept to be shown.
const KEPT: usize = 200;

/// All subjects.
pub(crate) struct Table {
    documented: BTreeSet<String>,
    subjects: Vec<Subject>,
    wrong: Vec<String>,
    shown: usize,
}

/// One line of the table.
#[derive(Debug, Default)]
pub(crate) struct Subject {
    name: &'static str,
    equal: usize,
    allowed: BTreeMap<String, usize>,
    wrong: usize,
    details: Vec<String>,
    /// What the next ones are about, and whether a detail of it is kept already.
    about: (String, bool),
}

impl Table {
    /// Reads which differences are documented.
    pub(crate) fn new(root: &Path, seed: u64) -> anyhow::Result<Self> {
        let path = root.join("docs/reference/differences.md");
        let text = fs::read_to_string(&path).context("docs/reference/differences.md is missing")?;
        let rows = text.lines().filter_map(|line| line.strip_prefix("| D"));
        let documented: BTreeSet<_> =
            rows.filter_map(|row| Some(format!("D{}", row.split_once(' ')?.0))).collect();
        ensure!(!documented.is_empty(), "docs/reference/differences.md has no rows");
        println!("differential: seed {seed}, {} differences are documented", documented.len());
        let shown = env::var("SHOW").ok().and_then(|number| number.parse().ok()).unwrap_or(SHOWN);
        Ok(Self { documented, subjects: Vec::new(), wrong: Vec::new(), shown })
    }

    /// Says something about the run.
    #[expect(clippy::unused_self, reason = "who holds the table may speak")]
    pub(crate) fn say(&self, what: &str) {
        println!("differential: {what}");
    }

    /// Says how much there is of something.
    pub(crate) fn found(&self, what: &str, number: usize) {
        self.say(&format!("{number} {what}"));
    }

    /// A subject is done.
    pub(crate) fn add(&mut self, subject: Subject) {
        let Subject { name, wrong, .. } = &subject;
        println!("differential: {name}: {} compared, {wrong} wrong", subject.compared());
        self.wrong.extend(subject.details.iter().map(|detail| format!("{name}: {detail}")));
        self.subjects.push(subject);
    }

    /// Prints the table; failure if anything is wrong.
    pub(crate) fn print(&self) -> ExitCode {
        println!("\n{:32}compared      equal    allowed      wrong  allowed by", "");
        for subject in &self.subjects {
            subject.print();
        }
        for (number, detail) in self.wrong.iter().take(self.shown).enumerate() {
            println!("\n{}. {detail}", number + 1);
        }
        let used: BTreeSet<_> = self.subjects.iter().flat_map(|it| it.allowed.keys()).collect();
        let unknown: Vec<_> =
            used.into_iter().filter(|id| !self.documented.contains(*id)).collect();
        for id in &unknown {
            println!("\n{id} is no row of docs/reference/differences.md");
        }
        let wrong: usize = self.subjects.iter().map(|subject| subject.wrong).sum();
        println!(
            "\ndifferential: {wrong} differences without a row in docs/reference/differences.md"
        );
        if wrong == 0 && unknown.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Subject {
    /// Nothing yet.
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Both did the same.
    pub(crate) fn equal(&mut self) {
        self.equal += 1;
    }

    /// They differ, and this row says so.
    pub(crate) fn allowed(&mut self, id: &str) {
        *self.allowed.entry(id.to_owned()).or_default() += 1;
    }

    /// They differ, and nobody said so.
    pub(crate) fn wrong(&mut self, detail: impl FnOnce() -> String) {
        self.wrong += 1;
        if self.details.len() < KEPT && !self.about.1 {
            self.about.1 = !self.about.0.is_empty();
            let about = &self.about.0;
            self.details.push(format!("{about}{}", detail()));
        }
    }

    /// What comes next is all about one thing, of which one detail is enough.
    pub(crate) fn about(&mut self, what: String) {
        self.about = (what, false);
    }

    /// Equal or wrong, with both values shown.
    pub(crate) fn compare(&mut self, place: impl FnOnce() -> String, theirs: &str, ours: &str) {
        if theirs == ours {
            self.equal();
        } else {
            self.wrong(|| format!("{}\n{}", place(), diff(theirs, ours)));
        }
    }

    fn print(&self) {
        let Self { name, equal, allowed, wrong, .. } = self;
        let by: Vec<_> = allowed.iter().map(|(id, number)| format!("{id} {number}")).collect();
        let number: usize = allowed.values().sum();
        let (compared, by) = (self.compared(), by.join(", "));
        println!("{name:<29} {compared:>10} {equal:>10} {number:>10} {wrong:>10}  {by}");
    }

    fn compared(&self) -> usize {
        self.equal + self.allowed.values().sum::<usize>() + self.wrong
    }
}

/// Both texts around the place where they part.
pub(crate) fn diff(theirs: &str, ours: &str) -> String {
    let same = theirs.char_indices().zip(ours.chars()).find(|((_, a), b)| a != b);
    let from = same.map_or(theirs.len().min(ours.len()), |((at, _), _)| at);
    let around = |text: &str| {
        let before: String = text[..from].chars().rev().take(60).collect();
        let before: String = before.chars().rev().collect();
        let after: String = text[from..].chars().take(160).collect();
        format!("…{before}⟦{after}⟧")
    };
    format!("   theirs {}\n   ours   {}", around(theirs), around(ours))
}

/// What we print for every address of memory: `%v`, `%x`, `%X` and `%d` of it.
const ADDRESSES: [(&str, u32); 3] = [("c000000000", 16), ("C000000000", 16), ("824633720832", 10)];

/// Whether the texts differ in nothing but addresses of memory, which are others each time.
pub(crate) fn same_but_addresses(theirs: &str, ours: &str) -> bool {
    let next = |(address, radix): &(&str, u32)| Some((ours.find(address)?, address.len(), *radix));
    let Some((at, length, radix)) = ADDRESSES.iter().filter_map(next).min() else {
        return theirs == ours;
    };
    let Some(rest) = theirs.strip_prefix(&ours[..at]) else { return false };
    let digits = rest.find(|char: char| !char.is_digit(radix)).unwrap_or(rest.len());
    // Short ones are numbers.
    digits >= 9 && same_but_addresses(&rest[digits..], &ours[at + length..])
}
