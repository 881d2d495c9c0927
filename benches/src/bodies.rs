//! How long events are in the journal, and the dictionary that makes them short.

use std::{path::Path, time::Instant};

use anyhow::Context;
use event::{Enrichment, Event, OwnerReference, Text, body};
use jiff::Timestamp;
use pipeline::save::bodies::{Packer, Unpacker};
use playground::day::{Cluster, Day, DayOptions, Write};

use crate::{generate::uuid, process::tell};

/// Days of each kind of cluster that the dictionary is made of, and events of each.
const DAYS: u64 = 12;
const EVENTS: usize = 400;

/// The longest dictionary.
const DICTIONARY: usize = 32 << 10;

/// Where real events are looked for.
const CORPUS: &str = "../shared/corpus";

/// Events that clusters of this kind would write, every `step`th of a day.
fn day(cluster: Cluster, seed: u64, step: usize, events: usize) -> anyhow::Result<Vec<Event>> {
    let start = Timestamp::from_second(1_790_000_000 + i64::try_from(seed)? * 123_457)?;
    let options = DayOptions { seed, ..DayOptions::new(cluster, start) };
    let written = Day::new(&options).filter_map(|timed| match timed.write {
        Write::Create(event) | Write::Update(event) => Some(*event),
        _ => None,
    });
    Ok(written.step_by(step).take(events).collect())
}

/// What is known of a pod in most clusters: the keys count, values are their own.
fn enriched(mut event: Event, number: usize) -> Event {
    let sets: [&[(&str, &str)]; 4] = [
        &[("app", "web"), ("pod-template-hash", "5d78c9869d")],
        &[
            ("app.kubernetes.io/component", "server"),
            ("app.kubernetes.io/instance", "shop"),
            ("app.kubernetes.io/managed-by", "Helm"),
            ("app.kubernetes.io/name", "api"),
            ("app.kubernetes.io/part-of", "shop"),
            ("app.kubernetes.io/version", "1.4.2"),
            ("helm.sh/chart", "api-1.4.2"),
            ("pod-template-hash", "7b9f4c5d6"),
        ],
        &[
            ("batch.kubernetes.io/controller-uid", "{uid}"),
            ("batch.kubernetes.io/job-name", "report-29384710"),
            ("job-name", "report-29384710"),
        ],
        &[
            ("apps.kubernetes.io/pod-index", "0"),
            ("controller-revision-hash", "db-6c9f8d7b5"),
            ("k8s-app", "db"),
            ("statefulset.kubernetes.io/pod-name", "db-0"),
            ("tier", "backend"),
        ],
    ];
    let owners = [
        ("apps/v1", "ReplicaSet", "web-5d78c9869d"),
        ("apps/v1", "ReplicaSet", "api-7b9f4c5d6"),
        ("batch/v1", "Job", "report-29384710"),
        ("apps/v1", "StatefulSet", "db"),
    ];
    for (key, value) in sets[number % 4] {
        let value = value.replace("{uid}", &uuid(number as u64));
        event.involved.labels.insert((*key).into(), value.into());
    }
    let (api_version, kind, name) = owners[number % 4];
    event.involved.owner_references.push(OwnerReference {
        api_version: api_version.into(),
        kind: kind.into(),
        name: name.into(),
        uid: uuid(number as u64),
        controller: Some(true),
        ..OwnerReference::default()
    });
    event.involved.enrichment = Enrichment::Complete;
    event.cluster_name = Text::from("production");
    event.occurrences.after = u32::try_from(event.count.max(1)).unwrap_or(1);
    event
}

/// Makes the dictionary and writes it to `path`. The same program makes the same bytes.
pub fn train(path: &Path) -> anyhow::Result<()> {
    let mut packer = Packer::new()?;
    let mut samples = Vec::new();
    for seed in 1..=DAYS {
        let mut events = day(Cluster::Stable, seed, 3, EVENTS)?;
        events.extend(day(Cluster::Busy, 100 + seed, 7, EVENTS)?);
        for (number, event) in events.into_iter().enumerate() {
            // A third of what a journal holds has labels and owners.
            let event = if number % 3 == 0 { enriched(event, number / 3) } else { event };
            samples.push(packer.split(&body::encode(&event)).to_vec());
        }
    }
    let dictionary = zstd::dict::from_samples(&samples, DICTIONARY)?;
    std::fs::write(path, &dictionary).with_context(|| path.display().to_string())
}

/// Tells how long real events are, and those of days that the dictionary does not know. Real ones are
/// looked for in `$CORPUS`, by default `../shared/corpus`.
pub fn measure() -> anyhow::Result<()> {
    let corpus = std::env::var("CORPUS").unwrap_or_else(|_| CORPUS.into());
    let file = Path::new(&corpus).join("events/real-events.ndjson");
    let text = std::fs::read_to_string(&file)
        .with_context(|| format!("real events at `{}` ($CORPUS)", file.display()))?;
    let mut real = Vec::new();
    for line in text.lines() {
        let mut event = event::json::decode(line.as_bytes())?;
        event.cluster_name = Text::from("production");
        event.occurrences.after = u32::try_from(event.count.max(1)).unwrap_or(1);
        real.push(event);
    }
    let labelled = real.iter().cloned().enumerate().map(|(number, it)| enriched(it, number));
    each("corpus with labels and owners", &labelled.collect::<Vec<_>>())?;
    each("corpus", &real)?;
    each("busy", &day(Cluster::Busy, 999, 5, 3000)?)?;
    each("stable", &day(Cluster::Stable, 998, 1, 1000)?)
}

#[expect(clippy::cast_precision_loss, reason = "sizes need no last digit")]
fn each(name: &str, events: &[Event]) -> anyhow::Result<()> {
    let (mut packer, mut unpacker) = (Packer::new()?, Unpacker::new());
    let plain: Vec<Vec<u8>> = events.iter().map(body::encode).collect();
    let begun = Instant::now();
    let packed: Vec<Vec<u8>> = plain.iter().map(|body| packer.pack(body.clone())).collect();
    let packing = begun.elapsed();
    let begun = Instant::now();
    for (body, event) in packed.iter().zip(&plain) {
        anyhow::ensure!(*unpacker.unpack(body)? == **event, "a body changed");
    }
    let unpacking = begun.elapsed();
    let sum = |bodies: &[Vec<u8>]| bodies.iter().map(Vec::len).sum::<usize>() as f64;
    let count = events.len() as f64;
    tell(&format!("{name}: events"), count);
    tell(&format!("{name}: plain bytes each"), sum(&plain) / count);
    tell(&format!("{name}: packed bytes each"), sum(&packed) / count);
    tell(&format!("{name}: microseconds to pack each"), packing.as_secs_f64() * 1e6 / count);
    tell(&format!("{name}: microseconds to unpack each"), unpacking.as_secs_f64() * 1e6 / count);
    Ok(())
}
