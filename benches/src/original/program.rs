//! One of the two programs at a flood: started, fed, watched from outside, ended.

use std::{
    collections::BTreeMap,
    env, fs,
    fs::File,
    io::{Read, Write},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::{Context, ensure};
use serde_json::Value;

use super::{Scenario, cluster::Flood};
use crate::{
    children::{Guarded, ask, on_core, server, until},
    layout,
    process::{cpu_seconds_of, proc_number},
    role::WORD,
};

/// The programs have a core of their own; the cluster and whoever measures share the other.
const CLUSTERS_CORE: u8 = 0;
const PROGRAMS_CORE: u8 = 1;
/// How long a start may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// A start is over when nothing was asked for so long.
const QUIET: Duration = Duration::from_secs(1);
/// How often the receiver's file is looked at.
const LOOK: Duration = Duration::from_millis(20);

/// Which of the two.
#[derive(Debug, Clone)]
pub enum Program {
    /// This build of Tidings.
    Tidings,
    /// The stand-in, at this path.
    StandIn(PathBuf),
}

impl Program {
    /// As the table calls it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::Tidings => "Tidings",
            Self::StandIn(_) => "stand-in",
        }
    }

    fn command(&self, folder: &Path) -> anyhow::Result<Command> {
        let (config, kubeconfig) = (folder.join("config.yaml"), folder.join("kubeconfig.yaml"));
        let mut command = match self {
            Self::Tidings => {
                let mut command = on_core(PROGRAMS_CORE, &env::current_exe()?);
                command.args([WORD, "tidings", "run"]).arg("--config").arg(config);
                command.arg("--kubeconfig").arg(kubeconfig);
                command.arg("--state").arg(folder.join("state"));
                command.env("TIDINGS_METRICS_ADDRESS", "off");
                command
            }
            Self::StandIn(program) => {
                let mut command = on_core(PROGRAMS_CORE, program);
                command.arg("-conf").arg(config).arg("-kubeconfig").arg(kubeconfig);
                command
            }
        };
        command.stdout(File::create(folder.join("out"))?).stderr(File::create(folder.join("log"))?);
        Ok(command)
    }
}

/// Builds the stand-in, with the caches that `make differential` uses too.
pub fn build(folder: &Path) -> anyhow::Result<Program> {
    let cache = env::var_os("TIDINGS_CACHE").map(PathBuf::from);
    let cache = cache.or_else(|| Some(env::home_dir()?.join(".cache/tidings")));
    let cache = cache.context("neither TIDINGS_CACHE nor HOME is set")?.join("go");
    let program = folder.join("standin");
    let status = Command::new("go")
        .args(["build", "-o"])
        .arg(&program)
        .arg("./standin")
        .current_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join("../e2e/oracle"))
        .env("GOCACHE", cache.join("build"))
        .env("GOMODCACHE", cache.join("mod"))
        .env("GOTOOLCHAIN", "local")
        .env("GOWORK", "off")
        .status()
        .context("the comparison needs Go 1.26 or newer: install it and try again")?;
    ensure!(status.success(), "the stand-in does not build");
    Ok(Program::StandIn(program))
}

/// What was seen.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Lines in the receiver's file.
    pub lines: u64,
    /// From the first of them to the last.
    pub seconds: f64,
    /// On a core, from the first Event's creation on.
    pub cpu: f64,
    /// `VmHWM`, in MB.
    pub most: f64,
    /// Requests by verb and resource, until the program was ready.
    pub before: BTreeMap<String, u64>,
    /// The same, while the flood came.
    pub after: BTreeMap<String, u64>,
    /// Events created.
    pub created: u64,
    /// The receiver's file.
    pub file: Vec<u8>,
}

impl Outcome {
    /// Lines a second.
    #[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
    pub fn rate(&self) -> f64 {
        if self.seconds > 0.0 { self.lines as f64 / self.seconds } else { 0.0 }
    }
}

/// What a playground has counted.
struct Stats {
    requests: BTreeMap<String, u64>,
    open_watches: u64,
    created: u64,
}

impl Stats {
    fn of(server: &str) -> anyhow::Result<Self> {
        let told: Value = serde_json::from_str(&ask(server, "GET", "/playground/stats", "")?)?;
        Ok(Self {
            requests: serde_json::from_value(told["requests"].clone())?,
            open_watches: told["openWatches"].as_u64().context("openWatches")?,
            created: told["written"]["created"].as_u64().context("created")?,
        })
    }

    fn total(&self) -> u64 {
        self.requests.values().sum()
    }
}

/// The one file that both are given.
fn config(settings: &str, receiver: &Path) -> String {
    // JSON is YAML.
    format!(
        "logLevel: info
logFormat: json
clusterName: bench
limits: {{perNamespace: off}}
{settings}route:
  routes:
  - drop:
    - labels: {{tier: '^(sandbox|preview)$'}}
    match:
    - labels: {{app: '^web', team: '^team-[0-9]+$'}}
      receiver: file
receivers:
- name: file
  file: {{path: '{}', maxsize: 10000, layout: {}}}
",
        receiver.display(),
        layout::nine()
    )
}

/// Lets a program see the flood of a scenario.
pub fn measure(folder: &Path, program: &Program, scenario: &Scenario) -> anyhow::Result<Outcome> {
    let folder = tempfile::tempdir_in(folder)?;
    let at = |name: &str| folder.path().join(name);
    let Flood { events, pods, per_second } = scenario.flood;
    let mut cluster = on_core(CLUSTERS_CORE, &env::current_exe()?);
    cluster.args([WORD, "flood"]).arg(at("kubeconfig.yaml"));
    cluster.args([events, pods, per_second].map(|number| number.to_string()));
    let mut cluster = Guarded(cluster.stdin(Stdio::piped()).spawn()?);
    until(PATIENCE, || Ok(at("kubeconfig.yaml").exists()), &mut cluster.0)?;
    let server = server(&fs::read_to_string(at("kubeconfig.yaml"))?)?;

    fs::write(at("config.yaml"), config(scenario.settings, &at("events.jsonl")))?;
    let mut subject = Guarded(program.command(folder.path())?.spawn()?);
    let (mut asked, mut since) = (0, Instant::now());
    let quiet = || {
        let stats = Stats::of(&server)?;
        if stats.total() != asked {
            (asked, since) = (stats.total(), Instant::now());
        }
        Ok(stats.open_watches > 0 && since.elapsed() >= QUIET)
    };
    until(PATIENCE, quiet, &mut subject.0)
        .with_context(|| fs::read_to_string(at("log")).unwrap_or_default())?;

    let process = subject.0.id().to_string();
    let before = Stats::of(&server)?.requests;
    let cpu = cpu_seconds_of(&process);
    cluster.0.stdin.take().context("a way to say when")?.write_all(b"now\n")?;
    let mut outcome = follow(&at("events.jsonl"), scenario, &mut subject)?;
    outcome.cpu = cpu_seconds_of(&process) - cpu;
    outcome.most = proc_number(&process, "status", "VmHWM") / 1024.0;
    let stats = Stats::of(&server)?;
    outcome.created = stats.created;
    outcome.after = stats.requests;
    for (kind, number) in &mut outcome.after {
        *number -= before.get(kind).copied().unwrap_or(0);
    }
    outcome.before = before;
    Ok(outcome)
}

/// Reads the receiver's file as it grows, until it is complete or the scenario's time is over.
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
fn follow(path: &Path, scenario: &Scenario, subject: &mut Guarded) -> anyhow::Result<Outcome> {
    let mut outcome = Outcome::default();
    let (begun, mut first, mut last) = (Instant::now(), None, Instant::now());
    let mut file = None;
    while outcome.lines < scenario.flood.events && begun.elapsed() < scenario.most {
        std::thread::sleep(LOOK);
        if let Some(status) = subject.0.try_wait()? {
            anyhow::bail!("a program ended by itself: {status}");
        }
        // It is made with the first line.
        if file.is_none() {
            file = File::open(path).ok();
        }
        let Some(file) = &mut file else { continue };
        let known = outcome.file.len();
        file.read_to_end(&mut outcome.file)?;
        let ends = outcome.file[known..].split(|byte| *byte == b'\n').skip(1);
        let new = ends.count() as u64;
        if new > 0 {
            outcome.lines += new;
            last = Instant::now();
            first.get_or_insert(last);
        }
    }
    outcome.seconds = first.map_or(0.0, |first| (last - first).as_secs_f64());
    Ok(outcome)
}
