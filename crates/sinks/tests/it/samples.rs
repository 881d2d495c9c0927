//! Events, a clock that stands still, and how a lane would use a sink.

use std::{future::Future, sync::Arc};

use event::{AnySink, ConnectError, Event, ManualClock, SendError, SinkContext, SinkKind, json};
use serde_json::Value;

/// Three events: with every field, plain, and with text that needs care.
pub(crate) fn events() -> Vec<Arc<Event>> {
    [
        include_str!("samples/every-field.json"),
        include_str!("samples/plain.json"),
        include_str!("samples/hostile.json"),
    ]
    .iter()
    .map(|text| Arc::new(json::decode(text.as_bytes()).unwrap()))
    .collect()
}

pub(crate) fn clock() -> Arc<ManualClock> {
    Arc::new(ManualClock::new("2024-06-01T10:10:00Z".parse().unwrap()))
}

pub(crate) fn context() -> SinkContext {
    SinkContext { receiver: "test".into(), user_agent: "tidings/test".into(), clock: clock() }
}

pub(crate) fn kind(name: &str) -> SinkKind {
    *crate::KINDS.iter().find(|kind| kind.name == name).unwrap()
}

pub(crate) fn connect(name: &str, settings: Value) -> Result<AnySink, ConnectError> {
    run((kind(name).connect)(settings, context()))
}

/// What `connect` says to settings that can never work.
#[track_caller]
pub(crate) fn refusal(name: &str, settings: Value) -> String {
    connect(name, settings).unwrap_err().to_string()
}

pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    runtime(false).block_on(work)
}

/// Runs `work` on a clock that jumps ahead whenever everybody waits.
pub(crate) fn run_without_waiting<T>(work: impl Future<Output = T>) -> T {
    runtime(true).block_on(work)
}

fn runtime(paused: bool) -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().start_paused(paused).build().unwrap()
}

/// Encodes and sends `events`, payload by payload, until one fails.
pub(crate) async fn deliver(sink: &AnySink, events: &[Arc<Event>]) -> Result<(), SendError> {
    for payload in sink.encode(&events.to_vec()).unwrap() {
        sink.send(&payload).await?;
    }
    Ok(())
}
