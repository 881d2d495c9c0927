//! Configs, one after the other.

use std::{fs, path::Path};

/// The receivers of which each config names one: every event goes to exactly one of them.
pub(crate) const SIDES: [&str; 2] = ["left", "right"];

/// What is written before a reload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Config {
    /// To be obeyed.
    Good(String),
    /// To be refused.
    Broken(String),
    /// The file is gone; to be refused, too.
    Gone,
}

/// The config number `number`. Every other one is broken; the good ones change something of everything.
pub(crate) fn config(number: u64, folder: &Path, webhook: &str) -> Config {
    let good = good(number / 2, folder, webhook);
    if number.is_multiple_of(2) {
        return Config::Good(good);
    }
    Config::Broken(match number / 2 % 6 {
        0 => good + "}\n",
        1 => good.replace("webhook: {", "webbhook: {"),
        2 => good.replace("endpoint", "endpiont"),
        3 => good.replace("reason: Never", "cel: event.(Never"),
        4 => good.replace("X-Number: n", "X-Number: ${file:/nowhere}"),
        _ => return Config::Gone,
    })
}

/// The side that the config number `number` names, if it is a good one.
fn good(number: u64, folder: &Path, webhook: &str) -> String {
    let side = usize::from(!number.is_multiple_of(2));
    let file = |name: &str| {
        let path = folder.join(name).join("events.jsonl");
        format!(
            "- {{name: {name}, repeats: every, file: {{path: '{}', maxsize: 25}}}}\n",
            path.display()
        )
    };
    let mut rules = format!("{{receiver: {}}}, {{receiver: webhook}}", SIDES[side]);
    // The other side may go: what waits for it is kept.
    let mut receivers = file(SIDES[side]);
    if !number.is_multiple_of(5) {
        receivers += &file(SIDES[1 - side]);
    }
    // Some receivers come and go.
    if number % 4 < 2 {
        rules += ", {receiver: extra}";
        receivers += &file("extra");
    }
    // The webhook is always there, and every third config it is another one.
    let hook = format!(
        "- {{name: webhook, repeats: every, webhook: {{endpoint: '{webhook}', batch: true, headers: {{X-Number: n{}}}}}}}\n",
        number / 3
    );
    receivers += &hook;
    format!(
        "logLevel: info\nmaxEventAgeSeconds: 1\nomitLookup: true\n\
         limits: {{perNamespace: off}}\n\
         route: {{drop: [{{reason: Never{number}}}], match: [{rules}]}}\n\
         receivers:\n{receivers}"
    )
}

/// Puts it where the binary reads it, as a whole.
pub(crate) fn put(config: &Config, path: &Path) -> anyhow::Result<()> {
    match config {
        Config::Good(text) | Config::Broken(text) => {
            let new = path.with_extension("new");
            fs::write(&new, text)?;
            fs::rename(&new, path)?;
        }
        Config::Gone => fs::remove_file(path)?,
    }
    Ok(())
}
