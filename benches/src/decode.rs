//! Reading alone: the bytes of a watch, as the playground sends them, to frames.

use std::{
    io::{Read, Write},
    net::TcpStream,
    path::Path,
    time::{Duration, Instant},
};

use anyhow::Context;
use event::{Clock, Stop, SystemClock, Tasks};
use pipeline::collect::frames::Decoder;
use playground::{
    Options, Playground,
    flood::{Flood, FloodOptions},
};

use crate::process::{cpu_seconds, tell};

const PROTOBUF: &str = "application/vnd.kubernetes.protobuf;stream=watch";
const JSON: &str = "application/json";
/// What a read from a socket brings.
const READ: usize = 64 << 10;
/// A measurement reads the same bytes again and again for so long.
const LONG_ENOUGH: Duration = Duration::from_millis(700);

/// Records watches of `events` Events into `folder`: `json`, `protobuf`, and both with
/// `managedFields`.
pub fn capture(folder: &Path, events: u64) -> anyhow::Result<()> {
    for (managed_fields, suffix) in [(false, ""), (true, "-managed")] {
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        let stop = Stop::new();
        let tasks = Tasks::new(stop.clone());
        let options = Options { managed_fields, ..Options::default() };
        let playground = runtime.block_on(Playground::start(options, &tasks, stop.clone()))?;
        let from = playground.storage().read(playground::store::Store::revision);
        let mut flood = Flood::new(FloodOptions { updates: 0.35, ..FloodOptions::default() });
        playground.storage().write(|store| flood.write(store, events, SystemClock.now()));
        for (accept, name) in [(PROTOBUF, "protobuf"), (JSON, "json")] {
            let bytes = watch(&playground, from, accept)?;
            std::fs::write(folder.join(format!("{name}{suffix}")), bytes)?;
        }
        stop.fire();
        runtime.block_on(tasks.ended());
    }
    Ok(())
}

fn watch(playground: &Playground, from: u64, accept: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(playground.addr())?;
    let path = format!("/api/v1/events?watch=true&resourceVersion={from}&timeoutSeconds=2");
    let head = format!("host: x\r\naccept: {accept}\r\nconnection: close\r\n");
    stream.write_all(format!("GET {path} HTTP/1.1\r\n{head}\r\n").as_bytes())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n").context("an answer")?;
    let mut rest = &answer[end + 4..];
    let mut bytes = Vec::new();
    while let Some(line) = rest.windows(2).position(|bytes| bytes == b"\r\n") {
        let size = usize::from_str_radix(std::str::from_utf8(&rest[..line])?, 16)?;
        let chunk = &rest[line + 2..];
        if size == 0 {
            break;
        }
        bytes.extend_from_slice(&chunk[..size]);
        rest = &chunk[size + 2..];
    }
    Ok(bytes)
}

/// Tells how many events a second are read from a recorded watch, and how long one of them is.
pub fn measure(file: &Path, form: &str) -> anyhow::Result<()> {
    let content_type = if form.starts_with("json") { JSON } else { PROTOBUF };
    let bytes = std::fs::read(file)?;
    let (begun, cpu) = (Instant::now(), cpu_seconds());
    let (mut best, mut all, mut each) = (f64::MAX, 0.0, 0.0);
    while begun.elapsed() < LONG_ENOUGH {
        let round = Instant::now();
        each = count(&bytes, content_type)?;
        best = best.min(round.elapsed().as_secs_f64());
        all += each;
    }
    tell("per_second", each / best);
    tell("per_cpu_second", all / (cpu_seconds() - cpu));
    tell("bytes", float(bytes.len()) / each);
    Ok(())
}

fn count(bytes: &[u8], content_type: &str) -> anyhow::Result<f64> {
    let mut decoder = Decoder::watch(content_type);
    let (mut frames, mut count) = (Vec::new(), 0);
    for read in bytes.chunks(READ) {
        decoder.push(read, &mut frames)?;
        count += frames.len();
        frames.clear();
    }
    Ok(float(count))
}

#[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
fn float(number: usize) -> f64 {
    number as f64
}
