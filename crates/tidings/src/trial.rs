//! `tidings send-test`: one event, marked as a test, through a receiver as a run would send it.

use std::{fs, sync::Arc, time::Duration};

use event::{AnySink, Event, Occurrences, Origin, SendError, time::whole_seconds};
use jiff::Timestamp;
use tokio::time::Instant;

use crate::{output::visible, receiver_texts, settings::Receiver};

/// How long a destination may think about it.
const PATIENCE: Duration = Duration::from_secs(60);

/// The reason of the event.
const REASON: &str = "TidingsTest";

/// An event that says what it is, who sent it and when.
pub(crate) fn event(receiver: &str, who: &str, now: Timestamp) -> Event {
    let time = whole_seconds(now);
    let mut event = Event {
        reason: REASON.into(),
        message: format!(
            "This is a test that {who} sent with `tidings send-test` at {time}, to see that events reach \
             the receiver `{receiver}`. Nothing has happened in the cluster."
        )
        .into(),
        kind: "Normal".into(),
        count: 1,
        first_timestamp: Some(time),
        last_timestamp: Some(time),
        reporting_component: "tidings".into(),
        origin: Origin::Tidings,
        occurrences: Occurrences { before: 0, after: 1 },
        ..Event::default()
    };
    let micros = now.as_microsecond();
    event.source.component = "tidings".into();
    event.metadata.name = format!("tidings-test.{micros:x}").into();
    event.metadata.namespace = "default".into();
    event.metadata.uid = format!("tidings-test-{micros:x}").into();
    event.metadata.resource_version = "1".into();
    event.metadata.creation_timestamp = Some(time);
    let about = &mut event.involved.reference;
    (about.kind, about.name) = ("Pod".into(), "tidings-test".into());
    (about.namespace, about.api_version) = ("default".into(), "v1".into());
    event
}

/// An event of the user's own, marked in its message.
pub(crate) fn mark(mut event: Event, who: &str, now: Timestamp) -> Event {
    let time = whole_seconds(now);
    event.message = format!("{REASON}, sent by {who} at {time}: {}", event.message).into();
    event
}

/// Who sends it: user and machine, as far as they are known.
pub(crate) fn who() -> String {
    let user = ["USER", "LOGNAME"].iter().find_map(|name| std::env::var(name).ok());
    let user = user.filter(|user| !user.is_empty()).unwrap_or_else(|| "somebody".into());
    let host = fs::read_to_string("/proc/sys/kernel/hostname").ok();
    let host = host.or_else(|| std::env::var("HOSTNAME").ok()).unwrap_or_default();
    match host.trim() {
        "" => user,
        host => format!("{user}@{host}"),
    }
}

/// Sends `event`, and says what became of it; whether it was taken.
pub(crate) async fn send(receiver: &Receiver, sink: AnySink, event: Event) -> (String, bool) {
    let to = format!("{} ({})", receiver.name, receiver.kind.name);
    let payloads = match sink.encode(&vec![Arc::new(event)]) {
        Ok(payloads) => payloads,
        Err(rejected) => {
            let why = visible(&rejected.reason);
            let hint = "the template fails for this event; `tidings render` shows it with others";
            return (format!("{to}: not sent: {why}\n   hint: {hint}\n"), false);
        }
    };
    let bytes: usize = payloads.iter().map(|payload| payload.body.len()).sum();
    let what = format!("{to}: {bytes} bytes to {}", receiver_texts::place(receiver));
    let began = Instant::now();
    let mut outcome = Ok(());
    for payload in &payloads {
        outcome = match tokio::time::timeout(PATIENCE, sink.send(payload)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(SendError::Unavailable {
                reason: format!("no answer within {} s", PATIENCE.as_secs()),
                retry_after: None,
            }),
        };
        if outcome.is_err() {
            break;
        }
    }
    sink.close().await;
    let took = began.elapsed().as_millis();
    match outcome {
        Ok(()) => (format!("{what}: taken, in {took} ms\n"), true),
        Err(error) => {
            let hint = hint(&error);
            (format!("{what}: failed after {took} ms: {error}\n   hint: {hint}\n"), false)
        }
    }
}

/// What to do about it.
fn hint(error: &SendError) -> &'static str {
    match error {
        SendError::Unavailable { .. } => {
            "a run would keep events and try again until it answers; check the address, the network and HTTPS_PROXY"
        }
        SendError::Blocked { .. } => {
            "it refuses us, not the event: check the address, the token and its permissions; a run would keep events meanwhile"
        }
        SendError::Rejected { .. } | SendError::Partial { .. } => {
            "it refuses what is sent: compare `tidings render` with what it expects; a run would park such events"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_test_says_that_it_is_one_who_sent_it_and_when() {
        let now: Timestamp = "2026-11-20T12:00:00.5Z".parse().unwrap();
        let event = event("alerts", "ann@laptop", now);
        assert_eq!(event.reason, "TidingsTest");
        assert_eq!(
            event.message,
            "This is a test that ann@laptop sent with `tidings send-test` at 2026-11-20T12:00:00Z, to see that \
             events reach the receiver `alerts`. Nothing has happened in the cluster."
        );
        assert_eq!(event.id().to_string(), "tidings-test-660b3fbd1b120/1");
        let own = Event { message: "Back-off".into(), ..Event::default() };
        let marked = mark(own, "ann@laptop", now);
        assert_eq!(
            marked.message,
            "TidingsTest, sent by ann@laptop at 2026-11-20T12:00:00Z: Back-off"
        );
    }
}
