//! `tidings demo`: a pretended cluster, a webhook that fails, and a worker that is killed, in a minute.
//!
//! The worker is this same program as a child process. All numbers come from comparing what the
//! cluster wrote with what the webhook got; the worker is not asked.

mod books;

mod choice;

mod outage;

mod receiver;

mod scene;

mod show;

mod signal;

mod story;

mod tally;

mod terminal;

mod texts;

mod truth;

mod worker;

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use event::{Stop, Tasks};
use jiff::SignedDuration;

use self::show::{End, Show};

/// Arguments of `tidings demo`.
#[derive(Debug, Clone, clap::Args)]
pub struct DemoArgs {
    /// The day follows from it; another seed is another day
    #[arg(long, value_name = "NUMBER", default_value_t = 1)]
    pub seed: u64,
    /// End after this time, for example `90s` [default: with Ctrl-C]
    #[arg(long = "for", value_name = "TIME", value_parser = time)]
    pub lasts: Option<Duration>,
    /// How many times as fast the day and its story go
    #[arg(long, value_name = "FACTOR", default_value_t = 1.0, value_parser = speed)]
    pub speed: f64,
}

fn time(text: &str) -> Result<Duration, String> {
    let time = text.parse::<SignedDuration>().ok().and_then(|time| Duration::try_from(time).ok());
    time.ok_or_else(|| "not a time; write for example `90s` or `5m`".to_owned())
}

/// A factor that leaves something to see.
pub(crate) fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.1..=1000.0).contains(speed));
    speed.ok_or_else(|| "not a factor from 0.1 to 1000".to_owned())
}

/// Runs until `stop` fires or the time is over.
pub async fn run(args: DemoArgs, stop: Stop) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new()
        .prefix("tidings-demo-")
        .tempdir()
        .context("cannot make a temporary folder")?;
    // Not a child of `stop`: the cluster and the webhook go on until the worker has ended.
    let parts = Stop::new();
    let tasks = Tasks::new(parts.clone());
    let outcome = match scene::set(&args, folder.path(), &tasks, &parts, stop).await {
        Ok(mut show) => perform(&mut show).await,
        Err(error) => Err(error),
    };
    parts.fire();
    tasks.ended().await;
    folder.close().context("cannot remove the temporary folder")?;
    outcome.map(|()| ExitCode::SUCCESS)
}

async fn perform(show: &mut Show) -> anyhow::Result<()> {
    match story::tell(show).await {
        Ok(()) | Err(End::Stopped) => story::end(show).await,
        Err(End::Failed(error)) => {
            show.dismiss_worker().await?;
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_factors_are_read_and_nonsense_is_refused() {
        assert_eq!(time("90s"), Ok(Duration::from_secs(90)));
        assert_eq!(time("1m30s"), Ok(Duration::from_secs(90)));
        assert!(time("-5s").is_err() && time("soon").is_err() && time("7").is_err());
        assert_eq!(speed("2.5"), Ok(2.5));
        assert!(speed("0").is_err() && speed("NaN").is_err() && speed("fast").is_err());
    }
}
