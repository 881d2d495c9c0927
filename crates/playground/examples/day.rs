//! Plays hours of a day as fast as it can and prints what they were made of: `day [stable|busy [hours]]`.

use std::{collections::BTreeMap, time::Instant};

use jiff::{SignedDuration, Timestamp};
use playground::{
    day::{Cluster, Day, DayOptions, Write, apply},
    store::{ListQuery, Store, StoreOptions},
};

#[expect(clippy::print_stdout, reason = "the table is what it is run for")]
#[expect(clippy::cast_precision_loss, reason = "shares need no last digit")]
fn main() {
    let mut arguments = std::env::args().skip(1);
    let cluster = match arguments.next().as_deref() {
        Some("busy") => Cluster::Busy,
        _ => Cluster::Stable,
    };
    let hours = arguments.next().and_then(|text| text.parse().ok()).unwrap_or(3);
    let start = Timestamp::now();
    let mut day = Day::new(&DayOptions::new(cluster, start));
    let mut store = Store::new(&StoreOptions::default());
    for hour in 1..=hours {
        let until = start + SignedDuration::from_hours(hour);
        let (begun, mut shares, mut events) = (Instant::now(), BTreeMap::new(), 0_u64);
        while let Some(timed) = day.due(until) {
            if let Write::Create(event) | Write::Update(event) = &timed.write {
                *shares.entry(event.reason.to_string()).or_insert(0_u64) += 1;
                events += 1;
            }
            store.expire(timed.at);
            apply(&mut store, timed);
        }
        println!(
            "hour {hour}: {events} events, {} reasons, {} live, {:.1} s; {:?}",
            shares.len(),
            store.live(),
            begun.elapsed().as_secs_f64(),
            store.written(),
        );
        for resource in ["pods", "replicasets", "jobs"] {
            let page = store.list_objects(resource, &ListQuery::default());
            println!("  {resource}: {}", page.map_or(0, |page| page.items.len()));
        }
        let mut sorted: Vec<_> = shares.into_iter().collect();
        sorted.sort_by_key(|(_, number)| std::cmp::Reverse(*number));
        for (reason, number) in sorted.iter().take(24) {
            println!("  {:>6.2} % {reason}", *number as f64 * 100.0 / events as f64);
        }
    }
}
