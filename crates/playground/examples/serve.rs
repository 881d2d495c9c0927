//! Serves a playground until it is interrupted: `serve [listen [event-ttl [compact-every]]]`, times in seconds.

use std::time::Duration;

use event::{Stop, Tasks};
use playground::{Options, Playground};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options::default();
    options.store.ledger = 1_000_000;
    if let Some(listen) = arguments.next() {
        options.listen = listen.parse()?;
    }
    if let Some(ttl) = arguments.next() {
        options.store.ttl = Duration::from_secs(ttl.parse()?);
    }
    if let Some(every) = arguments.next() {
        options.compact_every = Duration::from_secs(every.parse()?);
    }
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let playground = Playground::start(options, &tasks, stop).await?;
    #[expect(clippy::print_stdout, reason = "whoever started it reads the kubeconfig here")]
    {
        print!("{}", playground.kubeconfig());
    }
    tasks.ended().await;
    Ok(())
}
