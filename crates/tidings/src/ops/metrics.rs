//! `/metrics`: what the journal, the lanes, the collectors and the counts say at this moment, in the
//! text format 0.0.4.

use event::{
    Clock, SystemClock,
    journal::{JournalError, Ledger},
};
use pipeline::{
    collect::Phase,
    counts::{Counted, LAG_BOUNDS},
    send::LaneState,
};
use prometheus::{Encoder, TextEncoder, core::Collector, process_collector::ProcessCollector};

use crate::forecast::Room;

use super::{
    Sources,
    board::View,
    enrichment,
    families::{Families, float},
    legacy, reloaded,
};

/// Of which source it is; who builds a release says so.
pub(super) const REVISION: &str = match option_env!("TIDINGS_REVISION") {
    Some(revision) => revision,
    None => "unknown",
};

/// The whole text.
pub(super) async fn text(view: &View) -> Result<String, JournalError> {
    let mut families = Families::default();
    families.gauge("tidings_build_info", "Which Tidings this is; always 1").add(
        &[
            ("version", env!("CARGO_PKG_VERSION")),
            ("revision", REVISION),
            ("rustc", env!("TIDINGS_RUSTC")),
            ("target", env!("TIDINGS_TARGET")),
        ],
        1.0,
    );
    let leads = matches!(view, View::Leading(_));
    families
        .gauge("tidings_leader", "This replica collects and sends; 0 while another one leads")
        .add(&[], f64::from(u8::from(leads)));
    if let View::Leading(sources) = view {
        add_all(&mut families, sources).await?;
    }
    let mut families = families.into_vec();
    families.extend(ProcessCollector::for_self().collect());
    let mut text = Vec::new();
    // Only a name that no metric may have could fail, and a test reads all of ours.
    drop(TextEncoder::new().encode(&families, &mut text));
    Ok(String::from_utf8_lossy(&text).into_owned())
}

/// What only who collects and sends can tell.
async fn add_all(families: &mut Families, sources: &Sources) -> Result<(), JournalError> {
    let ledger = sources.saver.ledger().await?;
    let counted = sources.counts.counted();
    happened(families, &counted);
    watched(families, sources);
    if let Some(knowledge) = sources.lookups.knowledge() {
        enrichment::add(families, knowledge);
    }
    families.merge(sources.counts.measured());
    families.merge(sources.client.measured());
    booked(families, &ledger, sources);
    stored(families, sources).await?;
    sent(families, &ledger);
    receiving(families, sources);
    if let Some(reloads) = &sources.reloads {
        reloaded::add(families, reloads);
    }
    if let Some(prefix) = &sources.legacy {
        legacy::add(families, prefix, sources, &ledger, &counted);
    }
    Ok(())
}

/// What the cluster's Events told.
fn happened(families: &mut Families, counted: &Counted) {
    let mut all: Vec<_> = counted.occurrences.iter().collect();
    all.sort_unstable_by_key(|(series, _)| *series);
    let mut occurrences = families.counter(
        "tidings_event_occurrences_total",
        "Occurrences that Events told of, by the counting rule; a lower bound",
    );
    for (series, count) in all {
        let labels = [
            ("type", series.kind),
            ("reason", &*series.reason),
            ("object_kind", &*series.object_kind),
            ("object_namespace", &*series.namespace),
            ("reporter", &*series.reporter),
        ];
        occurrences.add(&labels, float(count.sum));
    }
    let writes = counted.writes;
    families
        .counter("tidings_event_writes_total", "Revisions of Event objects, by what they were")
        .add(&[("change", "created")], float(writes.created))
        .add(&[("change", "updated")], float(writes.updated))
        .add(&[("change", "noop")], float(writes.noop))
        .add(&[("change", "deleted")], float(writes.deleted));
    let guesses = counted.adjustments;
    families
        .counter(
            "tidings_event_occurrence_adjustments_total",
            "How often the counting rule had to decide without the counter's whole past",
        )
        .add(&[("kind", "baseline")], float(guesses.baseline))
        .add(&[("kind", "reset")], float(guesses.reset))
        .add(&[("kind", "unattributed")], float(guesses.unattributed))
        .add(&[("kind", "recreated")], float(guesses.recreated));
    let mut sampled: Vec<_> = counted.sampled.iter().collect();
    sampled.sort_unstable();
    let mut excess = families.counter(
        "tidings_events_sampled_total",
        "Events that were counted and not sent one by one, because their namespace was noisy",
    );
    for (namespace, count) in sampled {
        excess.add(&[("object_namespace", namespace)], float(*count));
    }
    families.histogram(
        "tidings_event_lag_seconds",
        "Time from an Event's last-seen time, in whole seconds, until it was received",
        &LAG_BOUNDS,
        &counted.lag,
        counted.lag_sum,
    );
    families
        .counter(
            "tidings_series_limited_total",
            "Events that were counted under __other__ because there were too many series",
        )
        .add(&[("metric", "tidings_event_occurrences_total")], float(counted.limited));
}

/// How following the cluster goes.
fn watched(families: &mut Families, sources: &Sources) {
    let statuses: Vec<_> = sources
        .scopes
        .iter()
        .map(|(namespace, status)| (namespace.as_str(), status.borrow().clone()))
        .collect();
    let mut up = families.gauge("tidings_watch_up", "A watch is open and trusted");
    for (namespace, status) in &statuses {
        let watching = f64::from(u8::from(status.phase == Phase::Watching));
        up.add(&[("resource", "events"), ("namespace", namespace)], watching);
    }
    let mut activity = families.gauge(
        "tidings_watch_last_activity_timestamp_seconds",
        "When the position was last known to be the newest",
    );
    for (namespace, status) in &statuses {
        let time = status.position.map_or(0, |position| position.time);
        activity.add(&[("resource", "events"), ("namespace", namespace)], time.into());
    }
    let mut restarts = families
        .counter("tidings_watch_restarts_total", "How often following had to begin anew, by cause");
    for (namespace, status) in &statuses {
        for (cause, count) in &status.restarts {
            let labels = [("resource", "events"), ("namespace", *namespace), ("cause", *cause)];
            restarts.add(&labels, float(*count));
        }
    }
    let live = statuses.iter().map(|(_, status)| status.live).max().unwrap_or_default();
    families
        .gauge("tidings_event_objects", "Event objects that are live in the cluster")
        .add(&[], float(live as u64));
    families
        .counter("tidings_api_requests_total", "Requests to the API server for Events")
        .add(&[], float(sources.client.requests()));
}

/// The ledger of everything that came in.
fn booked(families: &mut Families, ledger: &Ledger, sources: &Sources) {
    let tally = ledger.tally;
    families
        .counter(
            "tidings_records_seen_total",
            "Revisions that came in, since the state folder is: the sum of tidings_records_total",
        )
        .add(&[], float(tally.seen));
    families
        .counter("tidings_records_total", "Revisions that came in, by what became of them")
        .add(&[("result", "accepted")], float(tally.accepted))
        .add(&[("result", "filtered")], float(tally.filtered))
        .add(&[("result", "baseline")], float(tally.baseline))
        .add(&[("result", "noop")], float(tally.noop));
    families.gauge("tidings_state_durable", "The journal survives this process").add(
        &[],
        f64::from(u8::from(sources.folder.as_ref().is_some_and(|folder| folder.storage().durable))),
    );
    let missed = ledger.breaks.iter().filter(|found| found.missed).count();
    families
        .gauge(
            "tidings_breaks",
            "Of the last hundred breaks of the watch, by whether events may be missing",
        )
        .add(&[("missed", "true")], float(missed as u64))
        .add(&[("missed", "false")], float((ledger.breaks.len() - missed) as u64));
}

/// What the journal takes, and for how long that is enough.
async fn stored(families: &mut Families, sources: &Sources) -> Result<(), JournalError> {
    let usage = sources.saver.usage().await?;
    families
        .gauge("tidings_store_size_bytes", "Bytes that the journal takes on the disk")
        .add(&[], float(usage.used()));
    families.merge(sources.saver.measured());
    families
        .gauge("tidings_journal_bytes", "What the journal takes, by what it is for")
        .add(&[("state", "rows")], float(usage.rows))
        .add(&[("state", "parked")], float(usage.parked))
        .add(&[("state", "snapshots")], float(usage.snapshots))
        .add(&[("state", "log")], float(usage.log))
        .add(&[("state", "free")], float(usage.free));
    families
        .gauge("tidings_journal_limit_bytes", "What the journal may take before events are dropped")
        .add(&[], float(sources.saver.limit()));
    let free = sources.folder.as_ref().and_then(|folder| folder.free_bytes().ok());
    let room = Room::new(sources.saver.limit(), &usage, free);
    families
        .gauge(
            "tidings_journal_outage_seconds",
            "How long nothing may be delivered, at the rate of the last minutes, before events are dropped",
        )
        .add(&[], room.hours(sources.saver.rate()) * 3600.0);
    Ok(())
}

/// The ledger of each receiver.
fn sent(families: &mut Families, ledger: &Ledger) {
    let current = || ledger.lanes.iter().filter(|(lane, _)| lane.orphaned.is_none());
    let mut accepted = families.counter(
        "tidings_output_accepted_total",
        "Events that a route led to this receiver: the sum of its records_total and queue_records",
    );
    for (lane, _) in current() {
        accepted.add(&[("output", &*lane.name)], float(lane.tally.accepted));
    }
    let mut records = families.counter(
        "tidings_output_records_total",
        "Events of this receiver that are done with, by what became of them",
    );
    for (lane, _) in current() {
        let tally = lane.tally;
        for (result, count) in [
            ("delivered", tally.delivered),
            ("suppressed", tally.suppressed),
            ("parked", tally.parked),
            ("dropped_overflow", tally.overflow),
            ("dropped_expired", tally.expired),
            ("dropped_discarded", tally.discarded),
        ] {
            records.add(&[("output", &*lane.name), ("result", result)], float(count));
        }
    }
    let mut queue =
        families.gauge("tidings_output_queue_records", "Events that wait in the journal");
    for (lane, waiting) in current() {
        queue.add(&[("output", &*lane.name)], float(*waiting));
    }
}

/// How each receiver is doing.
fn receiving(families: &mut Families, sources: &Sources) {
    let watches = sources.lanes();
    let lanes: Vec<_> = watches.iter().map(|lane| (lane.name(), lane.status())).collect();
    let now = SystemClock.now();
    let mut age = families.gauge(
        "tidings_output_queue_oldest_age_seconds",
        "How long ago the oldest event happened that is being sent; 0 when none is",
    );
    for (name, status) in &lanes {
        let age_now = status.oldest.map_or(0.0, |oldest| now.duration_since(oldest).as_secs_f64());
        age.add(&[("output", name.as_str())], age_now.max(0.0));
    }
    let mut attempts =
        families.counter("tidings_output_attempts_total", "Requests, by what became of them");
    for (name, status) in &lanes {
        for (outcome, count) in [
            ("success", status.attempts.success),
            ("retryable", status.attempts.unavailable),
            ("blocked", status.attempts.blocked),
        ] {
            attempts.add(&[("output", name.as_str()), ("outcome", outcome)], float(count));
        }
    }
    let mut state =
        families.gauge("tidings_output_state", "1 for the state that the receiver is in");
    for (name, status) in &lanes {
        let now = match status.state {
            LaneState::Ok => "ok",
            LaneState::Retrying { .. } => "retrying",
            LaneState::Blocked { .. } => "blocked",
            LaneState::Stopped => "stopped",
        };
        for word in ["ok", "retrying", "blocked", "stopped"] {
            let value = f64::from(u8::from(word == now));
            state.add(&[("output", name.as_str()), ("state", word)], value);
        }
    }
    let mut paused = families
        .gauge("tidings_output_paused", "1 while nothing is sent, because somebody said so");
    for (name, status) in &lanes {
        paused.add(&[("output", name.as_str())], f64::from(u8::from(status.paused.is_some())));
    }
    let mut replayed = families.counter(
        "tidings_output_replayed_total",
        "Events that the receiver took once more, because somebody asked for it; among those delivered",
    );
    for (name, status) in &lanes {
        replayed.add(&[("output", name.as_str())], float(status.replayed));
    }
    let mut digests = families.counter(
        "tidings_output_digests_total",
        "Digests that the receiver took, of events that were too old to be sent",
    );
    for (name, status) in &lanes {
        digests.add(&[("output", name.as_str())], float(status.digests));
    }
    let mut last = families.gauge(
        "tidings_output_last_success_timestamp_seconds",
        "When the receiver last took something",
    );
    for (name, status) in &lanes {
        let Some(time) = status.last_delivered else { continue };
        let seconds = u64::try_from(time.as_second()).unwrap_or_default();
        last.add(&[("output", name.as_str())], float(seconds));
    }
    let mut canary = families.gauge(
        "tidings_canary_age_seconds",
        "How long ago the newest canary was written that this receiver took",
    );
    for (name, status) in lanes.iter().filter(|(name, _)| sources.canary.contains(*name)) {
        let age = now.duration_since(status.canary).as_secs_f64();
        canary.add(&[("lane", name.as_str())], age.max(0.0));
    }
    for lane in &watches {
        families.merge(lane.measured());
    }
}
