//! `--source`: a stream or a file instead of a cluster.

use std::{path::Path, process::ExitCode};

use event::{Clock, Stop, time};
use pipeline::{
    SharedWay,
    collect::input::{Count, Input},
    save::Saver,
    send::Left,
};
use tokio::io::{AsyncRead, AsyncReadExt};

use crate::exit::Failure;

/// Reads everything into `way`.
pub(crate) async fn run(
    path: &Path,
    way: SharedWay<Saver>,
    clock: &dyn Clock,
    max_age: Option<u32>,
    stop: &Stop,
) -> Result<Count, Failure> {
    if path == Path::new("-") {
        return read(tokio::io::stdin(), way, clock, max_age, stop).await;
    }
    let file = tokio::fs::File::open(path).await.map_err(|error| {
        let what = format!("the source `{}` cannot be read", path.display());
        Failure::start(anyhow::Error::new(error).context(what))
    })?;
    read(file, way, clock, max_age, stop).await
}

async fn read(
    mut source: impl AsyncRead + Unpin,
    way: SharedWay<Saver>,
    clock: &dyn Clock,
    max_age: Option<u32>,
    stop: &Stop,
) -> Result<Count, Failure> {
    let mut way = way.lock().await;
    let mut input = Input::default();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let read = tokio::select! {
            () = stop.fired() => break,
            read = source.read(&mut buffer) => read.map_err(Failure::failed)?,
        };
        if read == 0 {
            break;
        }
        let now = time::to_u32(Some(clock.now()));
        input.take(&buffer[..read], &mut way, now, max_age);
        way.save(None).await.map_err(Failure::failed)?;
    }
    // What stands at the end without a newline is a value too.
    let now = time::to_u32(Some(clock.now()));
    input.take(b"\n", &mut way, now, max_age);
    way.save(None).await.map_err(Failure::failed)?;
    let Count { events, deleted, unreadable } = input.count;
    tracing::info!(events, deleted, unreadable, "the input has ended");
    if input.is_torn() {
        return Err(Failure::failed(anyhow::anyhow!("the input ends in the middle of an object")));
    }
    Ok(input.count)
}

/// The exit code: 0 when everything was read and sent, else 1 and the count of what is left.
pub(crate) fn end(outcome: Result<Count, Failure>, left: &[Left]) -> Result<ExitCode, Failure> {
    let count = outcome?;
    if !left.is_empty() {
        let left: Vec<_> = left.iter().map(|left| format!("{} {}", left.lane, left.rows)).collect();
        let error =
            anyhow::anyhow!("not everything was sent in time; waiting: {}", left.join(", "));
        return Err(Failure::failed(error)
            .hint("give --state to keep what waits, or a longer --drain-timeout"));
    }
    if count.unreadable > 0 {
        let noun = if count.unreadable == 1 { "piece" } else { "pieces" };
        return Err(Failure::failed(anyhow::anyhow!(
            "{} {noun} of the input were no events; they were skipped",
            count.unreadable
        )));
    }
    Ok(ExitCode::SUCCESS)
}
