//! Processes that are measured: started, waited for, asked, and ended.

use std::{
    io::{Read, Write},
    net::TcpStream,
    process::{Child, Command},
    time::{Duration, Instant},
};

use anyhow::{Context, bail, ensure};

/// A child that does not outlive the measurement.
#[derive(Debug)]
pub struct Guarded(pub Child);

impl Drop for Guarded {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Whether `taskset` is to be had.
pub fn can_pin() -> bool {
    Command::new("taskset").arg("--version").output().is_ok_and(|it| it.status.success())
}

/// A command that runs on this core alone, where that is possible.
pub fn on_core(core: u8, program: &std::path::Path) -> Command {
    if !can_pin() {
        return Command::new(program);
    }
    let mut command = Command::new("taskset");
    command.args(["-c", &core.to_string()]).arg(program);
    command
}

/// Looks again and again until it is `ready`; fails when the process ends or `patience` does.
#[expect(clippy::disallowed_methods, reason = "waits for another process")]
pub fn until(
    patience: Duration,
    mut ready: impl FnMut() -> anyhow::Result<bool>,
    process: &mut Child,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    while !ready()? {
        if let Some(status) = process.try_wait()? {
            bail!("a process ended by itself: {status}");
        }
        if begun.elapsed() > patience {
            bail!("it takes too long");
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(())
}

/// Host and port of the playground that a kubeconfig leads to.
pub fn server(kubeconfig: &str) -> anyhow::Result<String> {
    let line = kubeconfig.lines().find_map(|line| line.trim().strip_prefix("server: http://"));
    Ok(line.context("a server")?.to_owned())
}

/// Asks a playground, and gives the body of the answer.
pub fn ask(server: &str, method: &str, path: &str, body: &str) -> anyhow::Result<String> {
    let mut stream = TcpStream::connect(server)?;
    let head = format!("host: x\r\nconnection: close\r\ncontent-length: {}\r\n", body.len());
    stream.write_all(format!("{method} {path} HTTP/1.1\r\n{head}\r\n{body}").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    ensure!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    let (_, body) = answer.split_once("\r\n\r\n").context("an answer has a body")?;
    Ok(body.to_owned())
}
