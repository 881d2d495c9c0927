//! Prints what the store and one watch manage here: `throughput [events]`.

use std::{
    io::{Read, Write},
    net::TcpStream,
    time::Instant,
};

use event::{Stop, Tasks};
use jiff::Timestamp;
use playground::{
    Options, Playground,
    flood::{Flood, FloodOptions},
    store::{Selection, Store, StoreOptions},
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let number: u64 = std::env::args().nth(1).map_or(Ok(500_000), |text| text.parse())?;
    let options = FloodOptions { live: 100_000, ..FloodOptions::default() };

    let mut store = Store::new(&StoreOptions::default());
    let begun = Instant::now();
    Flood::new(options.clone()).write(&mut store, number, Timestamp::now());
    report("store, written", number, begun);
    let begun = Instant::now();
    let selection = Selection::default();
    let told = store.changes(store.oldest(), &selection)?.count();
    report("store, changes read", told as u64, begun);

    for accept in ["application/json", "application/vnd.kubernetes.protobuf;stream=watch"] {
        watch(number, options.clone(), accept)?;
    }
    Ok(())
}

/// One watch over a socket, while the flood is written as fast as it can be.
fn watch(number: u64, flood: FloodOptions, accept: &str) -> Result<(), Box<dyn std::error::Error>> {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
    let stop = Stop::new();
    let tasks = Tasks::new(stop.clone());
    let mut options = Options { managed_fields: false, ..Options::default() };
    options.store.history = 4_000_000;
    let playground = runtime.block_on(Playground::start(options, &tasks, stop.clone()))?;
    let storage = playground.storage().clone();
    let mut stream = TcpStream::connect(playground.addr())?;
    let request = format!(
        "GET /api/v1/events?watch=true&resourceVersion=1004 HTTP/1.1\r\nhost: x\r\naccept: {accept}\r\n\r\n"
    );
    stream.write_all(request.as_bytes())?;
    let begun = Instant::now();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let mut flood = Flood::new(flood);
            while flood.written() < number {
                storage.write(|store| flood.write(store, 500, Timestamp::now()));
            }
        });
        let mut buffer = vec![0; 1 << 20];
        let mut bytes = 0;
        let stats = playground.stats();
        while stats.counts().watch_messages < number {
            bytes += stream.read(&mut buffer).unwrap_or(0) as u64;
        }
        report(&format!("watch, {accept}"), stats.counts().watch_messages, begun);
        report("  bytes", bytes, begun);
    });
    stop.fire();
    runtime.block_on(tasks.ended());
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the rates are what it is run for")]
#[expect(clippy::cast_precision_loss, reason = "rates need no last digit")]
fn report(what: &str, number: u64, begun: Instant) {
    let seconds = begun.elapsed().as_secs_f64();
    println!("{what}: {number} in {seconds:.2} s, {:.0} a second", number as f64 / seconds);
}
