//! `tidings playground`: a pretended API server to try things on.

use std::{
    fs,
    io::{self, Write},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
    time::Duration,
};

use anyhow::Context;
use clap::{Args, ValueEnum};
use event::{Clock, Stop, SystemClock, Tasks};
use playground::{
    FastClock, Options, Playground,
    day::{self, DayOptions},
    flood::{self, Flood, FloodOptions},
    store::StoreOptions,
};

use crate::demo::speed;

/// So many writes are kept for whoever asks the ledger what was written.
const LEDGER: usize = 5_000_000;

/// Arguments of `tidings playground`.
#[derive(Debug, Clone, Args)]
#[command(after_help = "Examples:
  tidings playground --kubeconfig-out kubeconfig      a day of a small cluster
  tidings playground --cluster busy --speed 10        a day of a large one, ten times as fast
  tidings playground --rate 5000                      load: exactly 5000 events a second")]
pub struct PlaygroundArgs {
    /// Where to listen; port 0 lets the system choose
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Write a kubeconfig file that leads here
    #[arg(long, value_name = "FILE")]
    pub kubeconfig_out: Option<PathBuf>,
    /// Like which cluster the day is
    #[arg(long, value_enum, default_value_t = Cluster::Stable)]
    pub cluster: Cluster,
    /// Instead of a day: exactly so many events a second
    #[arg(long, value_name = "NUMBER", conflicts_with_all = ["cluster", "speed"])]
    pub rate: Option<u32>,
    /// How many times as fast the day goes
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
    /// Everything follows from it; another seed is another day
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// How long an Event lives after it was written, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 3600)]
    pub ttl: u64,
    /// With --rate: so many Events are there at most
    #[arg(long, value_name = "NUMBER", default_value_t = 50_000, requires = "rate")]
    pub live: usize,
}

/// Like which cluster a day is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Cluster {
    /// 10 nodes, 2 000 events an hour, nearly all of them of scheduled jobs
    Stable,
    /// 200 nodes of developers, 700 000 events an hour
    Busy,
}

impl Cluster {
    fn day(self, args: &PlaygroundArgs, now: jiff::Timestamp) -> DayOptions {
        // Some events are there from the start, so that there is something to list.
        let (cluster, before) = match self {
            Self::Stable => (day::Cluster::Stable, Duration::from_secs(3600)),
            Self::Busy => (day::Cluster::Busy, Duration::from_secs(60)),
        };
        DayOptions { seed: args.seed, ..DayOptions::new(cluster, now - before) }
    }
}

/// Serves until `stop` fires.
pub async fn run(args: PlaygroundArgs, stop: Stop) -> anyhow::Result<ExitCode> {
    let tasks = Tasks::new(stop.clone());
    let playground = Playground::start(options(&args), &tasks, stop.clone())
        .await
        .with_context(|| format!("cannot listen on {}", args.listen))?;
    if let Some(path) = &args.kubeconfig_out {
        fs::write(path, playground.kubeconfig())
            .with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    let text = welcome(&args, &playground.url());
    let mut out = io::stdout().lock();
    out.write_all(text.as_bytes())
        .and_then(|()| out.flush())
        .context("cannot write the address")?;
    drop(out);
    if let Some(per_second) = args.rate {
        let flood = Flood::new(FloodOptions {
            per_second,
            live: args.live,
            seed: args.seed,
            ..FloodOptions::default()
        });
        let (storage, clock) = (playground.storage().clone(), Arc::clone(playground.clock()));
        tasks.spawn("playground-flood", flood::drive(storage, flood, clock, stop.clone(), None));
    }
    stop.fired().await;
    tasks.ended().await;
    Ok(ExitCode::SUCCESS)
}

fn options(args: &PlaygroundArgs) -> Options {
    let clock: Arc<dyn Clock> = Arc::new(FastClock::ahead(Arc::new(SystemClock), args.speed));
    let day = match args.rate {
        Some(_) => None,
        None => Some(args.cluster.day(args, clock.now())),
    };
    let usual = StoreOptions::default();
    // A minute of history at least: who was away for less can go on.
    let a_minute = args.rate.map_or(0, |rate| usize::try_from(rate).unwrap_or(0) * 60);
    Options {
        listen: args.listen,
        store: StoreOptions {
            ttl: Duration::from_secs(args.ttl),
            seed: args.seed,
            // The log is cut to its half when it is full.
            history: usual.history.max(a_minute * 2),
            ledger: LEDGER,
            ..usual
        },
        clock,
        day,
        ..Options::default()
    }
}

fn welcome(args: &PlaygroundArgs, url: &str) -> String {
    let what = match (args.rate, args.cluster) {
        (Some(rate), _) => format!("{rate} events a second, without a story"),
        (None, Cluster::Stable) => "a day of a small, stable cluster".to_owned(),
        (None, Cluster::Busy) => "a day of a large, busy cluster".to_owned(),
    };
    let (kubectl, tidings) = match &args.kubeconfig_out {
        Some(path) => {
            let path = quoted(path);
            (format!("--kubeconfig {path}"), format!("run --kubeconfig {path}"))
        }
        None => (
            format!("--server {url}"),
            "run --kubeconfig FILE, after --kubeconfig-out FILE here".to_owned(),
        ),
    };
    format!(
        "listening on {url}\n\
         pretending {what}; Ctrl-C ends it\n\
         \x20 kubectl {kubectl} get events -A -w\n\
         \x20 tidings {tidings}\n\
         \x20 curl {url}/playground/stats\n"
    )
}

/// A path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let plain = |char: char| char.is_ascii_alphanumeric() || "/._-+".contains(char);
    if text.chars().all(plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: PlaygroundArgs,
    }

    fn args(line: &str) -> PlaygroundArgs {
        Line::try_parse_from(line.split(' ')).unwrap().args
    }

    #[test]
    fn the_first_line_is_the_address_and_the_others_can_be_pasted() {
        assert_eq!(
            welcome(&args("playground --kubeconfig-out /tmp/k"), "http://127.0.0.1:4"),
            "listening on http://127.0.0.1:4\n\
             pretending a day of a small, stable cluster; Ctrl-C ends it\n\
             \x20 kubectl --kubeconfig /tmp/k get events -A -w\n\
             \x20 tidings run --kubeconfig /tmp/k\n\
             \x20 curl http://127.0.0.1:4/playground/stats\n"
        );
        let text = welcome(&args("playground --rate 5000"), "http://127.0.0.1:4");
        assert!(text.contains("pretending 5000 events a second, without a story;"), "{text}");
        assert!(text.contains("kubectl --server http://127.0.0.1:4 get events"), "{text}");
    }

    #[test]
    fn a_flood_plays_no_day_and_keeps_a_minute_of_history() {
        let options = options(&args("playground --rate 10000 --live 7"));
        assert!(options.day.is_none());
        assert_eq!(options.store.history, 1_200_000);
    }

    #[test]
    fn a_flood_has_neither_a_cluster_nor_a_speed() {
        for line in ["playground --rate 5 --cluster busy", "playground --rate 5 --speed 2"] {
            assert!(Line::try_parse_from(line.split(' ')).is_err(), "{line}");
        }
    }

    #[test]
    fn a_path_with_blanks_is_quoted() {
        assert_eq!(quoted(Path::new("/tmp/my file")), "'/tmp/my file'");
        assert_eq!(quoted(Path::new("/tmp/it's")), r"'/tmp/it'\''s'");
    }
}
