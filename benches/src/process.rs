//! What the system tells about a process, and children that say what they measured.

use std::{
    collections::BTreeMap,
    fs,
    process::{Command, Stdio},
};

use anyhow::{Context, ensure};

/// Named numbers, as children print them.
pub type Numbers = BTreeMap<String, f64>;

/// Runs this binary in another role and gives back the numbers that it prints.
pub fn measure(role: &str, arguments: &[String]) -> anyhow::Result<Numbers> {
    let output = Command::new(std::env::current_exe()?)
        .args([crate::role::WORD, role])
        .args(arguments)
        .stderr(Stdio::inherit())
        .output()
        .context("this binary cannot be started again")?;
    ensure!(output.status.success(), "{role} {arguments:?}: {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    let pair = |line: &str| {
        let (name, number) = line.split_once(' ')?;
        Some((name.to_owned(), number.parse().ok()?))
    };
    Ok(text.lines().filter_map(pair).collect())
}

/// Prints a number for [`measure`].
#[expect(clippy::print_stdout, reason = "the parent reads it")]
pub fn tell(name: &str, number: f64) {
    println!("{name} {number}");
}

/// A number of `/proc/<process>/<file>`, by the word before it.
pub fn proc_number(process: &str, file: &str, word: &str) -> f64 {
    let text = fs::read_to_string(format!("/proc/{process}/{file}")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(word)?.strip_prefix(':'));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    number.unwrap_or(f64::NAN)
}

/// Bytes that this process has caused to be written to disk.
pub fn written_bytes() -> f64 {
    proc_number("self", "io", "write_bytes")
}

/// Seconds that this process was on a core: what stays the same when others use it, too.
pub fn cpu_seconds() -> f64 {
    cpu_seconds_of("self")
}

/// The same of another process, with those of its children that have ended.
pub fn cpu_seconds_of(process: &str) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // The name of the process, in brackets, can hold anything.
    let fields = stat.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(4);
    let ticks: f64 = ticks.filter_map(|number| number.parse::<f64>().ok()).sum();
    ticks / 100.0
}
