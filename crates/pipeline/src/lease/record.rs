//! The Lease object. It is kept as the API server wrote it, so that what others put there stays.

use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

/// The annotation that holds [`Progress`](super::Progress).
const PROGRESS: &str = "tidings.dev/progress";

/// `coordination.k8s.io/v1` `Lease`.
#[derive(Debug, Clone, PartialEq)]
pub struct Lease(Value);

impl Lease {
    /// One that is not there yet, and that nobody holds.
    pub fn new(namespace: &str, name: &str) -> Self {
        Self(json!({
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {},
        }))
    }

    /// Reads the JSON form.
    pub fn from_json(bytes: &[u8]) -> Result<Self, serde_json::Error> {
        serde_json::from_slice(bytes).map(Self)
    }

    /// The JSON form.
    pub fn to_json(&self) -> Vec<u8> {
        self.0.to_string().into_bytes()
    }

    /// Who holds it; empty for nobody.
    pub fn holder(&self) -> &str {
        self.spec()["holderIdentity"].as_str().unwrap_or_default()
    }

    /// For how long, since its last renewal.
    pub fn duration(&self) -> Option<Duration> {
        let seconds = self.spec()["leaseDurationSeconds"].as_u64();
        seconds.filter(|seconds| *seconds > 0).map(Duration::from_secs)
    }

    /// How often it went from one holder to another.
    pub fn transitions(&self) -> u64 {
        self.spec()["leaseTransitions"].as_u64().unwrap_or_default()
    }

    /// What its last holder has written down, in the form of [`Progress`](super::Progress).
    pub fn progress(&self) -> Option<&str> {
        self.0["metadata"]["annotations"][PROGRESS].as_str()
    }

    /// What a holder changes when it renews: as long as it stays the same, nobody has renewed.
    pub(super) fn spec(&self) -> &Value {
        &self.0["spec"]
    }

    /// Renewed by its holder, or taken by somebody new, with what is to be written down; without, that stays.
    #[must_use]
    pub(super) fn held(
        &self,
        by: &str,
        lasts: Duration,
        now: Timestamp,
        progress: Option<&str>,
    ) -> Self {
        let mut lease = self.clone();
        let taken = self.holder() != by;
        let known = !self.spec()["leaseTransitions"].is_null();
        let spec = lease.spec_mut();
        spec["holderIdentity"] = by.into();
        spec["leaseDurationSeconds"] = lasts.as_secs().into();
        spec["renewTime"] = micros(now).into();
        if taken {
            spec["acquireTime"] = micros(now).into();
            spec["leaseTransitions"] = (self.transitions() + u64::from(known)).into();
        }
        lease.note(progress);
        lease
    }

    /// Given back: whoever comes may take it at once.
    #[must_use]
    pub(super) fn released(&self, now: Timestamp, progress: Option<&str>) -> Self {
        let mut lease = self.clone();
        let spec = lease.spec_mut();
        spec["holderIdentity"] = "".into();
        spec["leaseDurationSeconds"] = 1.into();
        spec["renewTime"] = micros(now).into();
        spec["acquireTime"] = micros(now).into();
        lease.note(progress);
        lease
    }

    fn note(&mut self, progress: Option<&str>) {
        let Some(progress) = progress else { return };
        if !self.0["metadata"].is_object() {
            self.0["metadata"] = json!({});
        }
        if !self.0["metadata"]["annotations"].is_object() {
            self.0["metadata"]["annotations"] = json!({});
        }
        self.0["metadata"]["annotations"][PROGRESS] = progress.into();
    }

    fn spec_mut(&mut self) -> &mut Value {
        if !self.0.is_object() {
            self.0 = json!({});
        }
        if !self.0["spec"].is_object() {
            self.0["spec"] = json!({});
        }
        &mut self.0["spec"]
    }
}

/// As `metav1.MicroTime` is written.
fn micros(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_microsecond(second * 1_000_000 + 42).unwrap()
    }

    const LASTS: Duration = Duration::from_secs(15);

    #[test]
    fn a_lease_is_written_as_client_go_writes_it_and_keeps_what_others_put_there() {
        let new = Lease::new("ns", "lock").held("a", LASTS, at(0), None);
        assert_eq!(
            String::from_utf8(new.to_json()).unwrap(),
            r#"{"apiVersion":"coordination.k8s.io/v1","kind":"Lease","metadata":{"name":"lock","namespace":"ns"},"spec":{"acquireTime":"1970-01-01T00:00:00.000042Z","holderIdentity":"a","leaseDurationSeconds":15,"leaseTransitions":0,"renewTime":"1970-01-01T00:00:00.000042Z"}}"#
        );
        let theirs = Lease::from_json(
            br#"{"metadata":{"name":"lock","resourceVersion":"7","labels":{"a":"b"}},"spec":{"holderIdentity":"theirs","leaseDurationSeconds":15,"acquireTime":"2026-01-02T03:04:05.000000Z","renewTime":"2026-01-02T03:04:05.000000Z","leaseTransitions":3,"strategy":"x"}}"#,
        )
        .unwrap();
        let ours = theirs.held("ours", LASTS, at(60), Some("{}"));
        assert_eq!(
            String::from_utf8(ours.to_json()).unwrap(),
            r#"{"metadata":{"annotations":{"tidings.dev/progress":"{}"},"labels":{"a":"b"},"name":"lock","resourceVersion":"7"},"spec":{"acquireTime":"1970-01-01T00:01:00.000042Z","holderIdentity":"ours","leaseDurationSeconds":15,"leaseTransitions":4,"renewTime":"1970-01-01T00:01:00.000042Z","strategy":"x"}}"#
        );
        let renewed = ours.held("ours", LASTS, at(62), None);
        assert_eq!((renewed.transitions(), renewed.progress()), (4, Some("{}")));
        assert_ne!(renewed.spec(), ours.spec());
        let released = renewed.released(at(63), Some("done"));
        assert_eq!((released.holder(), released.progress()), ("", Some("done")));
        assert_eq!(released.duration(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_lease_without_anything_in_it_is_nobodys() {
        for text in [
            "{}",
            r#"{"spec":null}"#,
            "[]",
            r#"{"metadata":7,"spec":{"leaseDurationSeconds":"x"}}"#,
        ] {
            let lease = Lease::from_json(text.as_bytes()).unwrap();
            assert_eq!(
                (lease.holder(), lease.duration(), lease.progress()),
                ("", None, None),
                "{text}"
            );
            let taken = lease.held("a", LASTS, at(0), Some("p"));
            assert_eq!((taken.holder(), taken.progress()), ("a", Some("p")), "{text}");
        }
    }
}
