//! The names that kubernetes-event-exporter gives its metrics, for dashboards that know them.
//!
//! Labels and types are its own; the meanings are what its documentation says, not what its code did:
//! see `docs/reference/differences.md`.

use event::journal::Ledger;
use pipeline::counts::Counted;

use super::{
    Sources,
    families::{Families, float},
    metrics::REVISION,
};

/// Adds them, each name beginning with `prefix`.
pub(super) fn add(
    families: &mut Families,
    prefix: &str,
    sources: &Sources,
    ledger: &Ledger,
    counted: &Counted,
) {
    let mut counter = |name: &str, help: &str, value: u64| {
        families.counter(&format!("{prefix}{name}"), help).add(&[], float(value));
    };
    counter("events_sent", "The total number of events processed", counted.writes.created);
    counter(
        "events_discarded",
        "The total number of events discarded because of being older than the maxEventAgeSeconds specified",
        ledger.tally.baseline,
    );
    let restarts: u64 = sources
        .scopes
        .iter()
        .map(|(_, status)| status.borrow().restarts.values().sum::<u64>())
        .sum();
    counter("watch_errors", "The total number of errors received from the informer", restarts);
    let lanes = sources.lanes();
    let failed = lanes.iter().map(|lane| lane.status().attempts);
    let failed: u64 = failed.map(|attempts| attempts.unavailable + attempts.blocked).sum();
    counter(
        "send_event_errors",
        "The total number of send event errors",
        failed + ledger.lanes.iter().map(|(lane, _)| lane.tally.parked).sum::<u64>(),
    );
    let stats = sources.lookups.knowledge().map(|knowledge| &knowledge.stats);
    counter(
        "kube_api_read_cache_hits",
        "The total number of read requests served from cache when looking up object metadata",
        stats.map_or(0, |stats| stats.hits.get()),
    );
    counter(
        "kube_api_read_cache_misses",
        "The total number of read requests served from kube-apiserver when looking up object metadata",
        stats.map_or(0, |stats| stats.asked.get()),
    );
    families.gauge(&format!("{prefix}build_info"), "A metric with a constant '1' value labeled by version, revision, branch, and goversion from which it was built.").add(
        &[
            ("version", env!("CARGO_PKG_VERSION")),
            ("revision", REVISION),
            ("goversion", "none"),
            ("goos", std::env::consts::OS),
            ("goarch", std::env::consts::ARCH),
        ],
        1.0,
    );
}
