//! Builds the Go program, and asks it.

use std::{
    collections::BTreeMap,
    env, fs,
    io::{BufRead, BufReader, Write},
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, bail, ensure};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::events::Events;

/// The running program.
pub(crate) struct Oracle {
    child: Child,
    questions: ChildStdin,
    answers: BufReader<ChildStdout>,
    /// Both sides see the same environment.
    environment: BTreeMap<String, String>,
    folder: PathBuf,
}

/// What it says to a question.
#[derive(Debug, Deserialize)]
#[serde(tag = "verdict", rename_all = "lowercase")]
pub(crate) enum Answer {
    /// The original does it.
    Ok {
        #[serde(default)]
        result: Value,
    },
    /// The original refuses.
    Error {
        #[serde(default)]
        step: String,
        error: String,
    },
    /// The original ends with a stack trace.
    Panics,
    /// The original does not end.
    Hangs,
    /// The question was none.
    Refused { error: String },
}

/// Where everything is kept that takes long to make.
fn cache() -> anyhow::Result<PathBuf> {
    let cache = env::var_os("TIDINGS_CACHE").map(PathBuf::from);
    let home = || env::home_dir().map(|home| home.join(".cache/tidings"));
    cache.or_else(home).context("neither TIDINGS_CACHE nor HOME is set")
}

/// Go, with the caches that the tests on a real cluster use too.
pub(crate) fn go() -> anyhow::Result<Command> {
    let cache = cache()?.join("go");
    let mut go = Command::new("go");
    go.env("GOCACHE", cache.join("build")).env("GOMODCACHE", cache.join("mod"));
    go.env("GOTOOLCHAIN", "local").env("GOWORK", "off").env("TZ", "UTC");
    Ok(go)
}

impl Oracle {
    /// Builds it where the caches are, and starts it.
    pub(crate) fn start(root: &Path) -> anyhow::Result<Self> {
        let folder = cache()?.join("oracle");
        fs::create_dir_all(&folder)?;
        let program = folder.join("oracle");
        let status = go()?
            .args(["build", "-o"])
            .arg(&program)
            .arg(".")
            .current_dir(root.join("e2e/oracle"))
            .status()
            .context("the differential needs Go 1.26 or newer: install it and try again")?;
        ensure!(status.success(), "the oracle does not build");
        let mut child = Command::new(&program)
            .env("TZ", "UTC")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("the oracle does not start")?;
        let questions = child.stdin.take().context("no way to ask")?;
        let answers = BufReader::new(child.stdout.take().context("no way to hear")?);
        Ok(Self { child, questions, answers, environment: env::vars().collect(), folder })
    }

    /// Asks one question.
    pub(crate) fn ask(&mut self, question: &Value) -> anyhow::Result<Answer> {
        serde_json::to_writer(&mut self.questions, question)?;
        self.questions.write_all(b"\n")?;
        self.questions.flush()?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer = serde_json::from_str(&line)
            .with_context(|| format!("no answer to {:.200}", question.to_string()))?;
        if let Answer::Refused { error } = &answer {
            bail!("the oracle does not understand {question:.200}: {error}");
        }
        Ok(answer)
    }

    /// Asks a question that has an answer.
    pub(crate) fn know<T: DeserializeOwned>(&mut self, question: &Value) -> anyhow::Result<T> {
        match self.ask(question)? {
            Answer::Ok { result } => Ok(serde_json::from_value(result)?),
            other => bail!("the oracle does not know {question:.200}: {other:?}"),
        }
    }

    /// The same in this environment, with which files are expanded.
    pub(crate) fn know_in_environment<T: DeserializeOwned>(
        &mut self,
        mut question: Value,
    ) -> anyhow::Result<T> {
        question["env"] = json!(self.environment);
        self.know(&question)
    }

    /// Asks `op` of the config `text`.
    pub(crate) fn config(&mut self, op: &str, text: &str) -> anyhow::Result<Answer> {
        let question =
            json!({"op": op, "text": text, "env": self.environment, "to": usize::MAX >> 1});
        self.ask(&question)
    }

    /// Shows it the events; later questions are about them.
    pub(crate) fn read(&mut self, events: &Events) -> anyhow::Result<()> {
        let path = self.folder.join("events.ndjson");
        fs::write(&path, events.lines())?;
        let answer: Value = self.know(&json!({"op": "events", "path": path}))?;
        ensure!(answer["events"] == events.len(), "the oracle read {}", answer["events"]);
        Ok(())
    }
}

impl Drop for Oracle {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
