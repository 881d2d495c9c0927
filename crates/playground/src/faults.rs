//! Misbehaviour on command: what API servers, proxies and storage do to a client on bad days.
//!
//! A fault is scheduled for so many requests or for a time, for all requests or for some, and is used
//! up by the requests it happens to.

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{sync::watch, time::Instant};

use crate::stats::Verb;

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum FaultKind {
    /// The answer is 200 and ends at once, as that of a watch from a compacted revision can.
    CloseAtOnce,
    /// The connection stays open and nothing comes.
    Stall,
    /// The connection is closed without an answer, as by a server that is being restarted.
    Drop,
    /// An open watch delivers nothing more and stays open; others go on.
    Freeze,
    /// An open watch ends in order.
    EndWatch,
    /// An open watch that allows bookmarks gets one.
    Bookmark,
    /// 429; `value` is the seconds in `Retry-After`, 1 when not given.
    TooManyRequests,
    /// 500.
    ServerError,
    /// The connection is cut in the middle of a message or of a list.
    CutMidFrame,
    /// A watch is compressed, one gzip member for each message, if the client accepts gzip.
    Gzip,
    /// A list is as of `value` revisions ago, as from a member of etcd that lags; 10 when not given.
    StaleRevision,
    /// A list says it is `value` revisions newer than it is; 1 000 000 when not given.
    FutureRevision,
    /// A list cannot go on: the revision of its first page is compacted.
    ExpireContinue,
    /// 401 for whoever comes with the token of the first request that this happens to.
    Unauthorized,
    /// 403.
    Forbidden,
}

/// A fault with its bounds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Fault {
    /// What goes wrong.
    pub fault: FaultKind,
    /// With requests of this verb only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on: Option<Verb>,
    /// With requests for this resource only, for example `events`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// So many times. Neither this nor `seconds` is once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// For so long from now on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seconds: Option<u64>,
    /// A number whose meaning depends on the fault.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<u64>,
}

impl Fault {
    /// A fault that happens once, to whatever request comes next.
    pub fn new(fault: FaultKind) -> Self {
        Self { fault, on: None, resource: None, times: None, seconds: None, value: None }
    }

    /// Only to requests of this verb.
    #[must_use]
    pub fn on(self, verb: Verb) -> Self {
        Self { on: Some(verb), ..self }
    }

    /// Only to requests for this resource.
    #[must_use]
    pub fn of(self, resource: &str) -> Self {
        Self { resource: Some(resource.into()), ..self }
    }

    /// So many times.
    #[must_use]
    pub fn times(self, times: u32) -> Self {
        Self { times: Some(times), ..self }
    }

    /// For so long, to the second.
    #[must_use]
    pub fn lasting(self, time: Duration) -> Self {
        Self { seconds: Some(time.as_secs()), ..self }
    }

    /// With this number.
    #[must_use]
    pub fn value(self, value: u64) -> Self {
        Self { value: Some(value), ..self }
    }
}

#[derive(Debug)]
struct Scheduled {
    fault: Fault,
    left: Option<u32>,
    until: Option<Instant>,
    /// Whose requests are refused, once there was one.
    token: Option<String>,
}

/// The faults to come. Clones share the same ones.
#[derive(Debug, Clone)]
pub struct Faults {
    scheduled: Arc<Mutex<Vec<Scheduled>>>,
    changed: Arc<watch::Sender<u64>>,
}

impl Default for Faults {
    fn default() -> Self {
        Self { scheduled: Arc::default(), changed: Arc::new(watch::Sender::new(0)) }
    }
}

impl Faults {
    /// Schedules one more.
    pub fn schedule(&self, fault: Fault) {
        let left = match (fault.times, fault.seconds) {
            (None, None) => Some(1),
            (times, _) => times,
        };
        let until = fault.seconds.map(|seconds| Instant::now() + Duration::from_secs(seconds));
        self.lock().push(Scheduled { fault, left, until, token: None });
        self.changed.send_modify(|version| *version += 1);
    }

    /// Calls off everything that is scheduled.
    pub fn clear(&self) {
        self.lock().clear();
    }

    /// What is still to come.
    pub fn scheduled(&self) -> Vec<Fault> {
        let left = |s: &Scheduled| Fault { times: s.left, ..s.fault.clone() };
        self.lock().iter().map(left).collect()
    }

    /// Uses up one fault of this kind, if one is there for such a request.
    pub(crate) fn take(&self, kind: FaultKind, verb: Verb, resource: &str) -> Option<Fault> {
        let mut scheduled = self.lock();
        let place =
            scheduled.iter().position(|s| s.fault.fault == kind && s.is_for(verb, resource))?;
        Some(use_up(&mut scheduled, place))
    }

    /// Whether a request with this token is refused.
    pub(crate) fn refuses(&self, token: &str, verb: Verb, resource: &str) -> bool {
        let mut scheduled = self.lock();
        scheduled.retain(|s| s.token.as_ref().is_none_or(|refused| refused == token));
        let found = scheduled
            .iter_mut()
            .find(|s| s.fault.fault == FaultKind::Unauthorized && s.is_for(verb, resource));
        found.is_some_and(|refusal| {
            refusal.token = Some(token.to_owned());
            true
        })
    }

    /// Tells when faults are scheduled; for watches that are open already.
    pub(crate) fn watch(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Scheduled>> {
        let mut scheduled = self.scheduled.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        scheduled.retain(|s| s.until.is_none_or(|until| now < until));
        scheduled
    }
}

fn use_up(scheduled: &mut Vec<Scheduled>, place: usize) -> Fault {
    let fault = scheduled[place].fault.clone();
    if let Some(left) = &mut scheduled[place].left {
        *left -= 1;
        if *left == 0 {
            scheduled.remove(place);
        }
    }
    fault
}

impl Scheduled {
    fn is_for(&self, verb: Verb, resource: &str) -> bool {
        self.fault.on.is_none_or(|on| on == verb)
            && self.fault.resource.as_deref().is_none_or(|of| of == resource)
            && self.left != Some(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_happens_so_often_and_to_whom_it_is_meant() {
        let faults = Faults::default();
        faults.schedule(Fault::new(FaultKind::Stall).on(Verb::List).of("events").times(2));
        let take = |verb, resource| faults.take(FaultKind::Stall, verb, resource).is_some();
        assert!(!take(Verb::Watch, "events") && !take(Verb::List, "leases"));
        assert!(take(Verb::List, "events") && take(Verb::List, "events"));
        assert!(!take(Verb::List, "events"));
        assert!(faults.scheduled().is_empty());
    }

    #[tokio::test(start_paused = true)]
    async fn a_fault_can_last_a_while() {
        let faults = Faults::default();
        faults.schedule(Fault::new(FaultKind::ServerError).lasting(Duration::from_secs(5)));
        let take = || faults.take(FaultKind::ServerError, Verb::Get, "events").is_some();
        assert!(take() && take() && take());
        tokio::time::advance(Duration::from_secs(5)).await;
        assert!(!take());
    }

    #[test]
    fn a_token_is_refused_until_another_comes() {
        let faults = Faults::default();
        faults.schedule(Fault::new(FaultKind::Unauthorized));
        let refuses = |token| faults.refuses(token, Verb::List, "events");
        assert!(refuses("old") && refuses("old"));
        assert!(!refuses("new"));
        assert!(!refuses("old"));
    }

    #[test]
    fn a_fault_reads_as_json() {
        let fault: Fault = serde_json::from_str(
            r#"{"fault":"tooManyRequests","on":"list","seconds":3,"value":7}"#,
        )
        .unwrap();
        let expected = Fault::new(FaultKind::TooManyRequests).on(Verb::List);
        assert_eq!(fault, expected.lasting(Duration::from_secs(3)).value(7));
    }
}
