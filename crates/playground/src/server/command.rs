//! `/playground/…`: what a process outside commands and asks, which no real API server has.
//!
//! * `GET stats`: counters of requests, totals of writes, the newest revision.
//! * `GET|POST|DELETE faults`: what is scheduled; schedules one; calls all off.
//! * `POST snapshot`, `POST restore`, `POST compact`: what is done to etcd.
//! * `POST incidents`: `"badImage"`, `"nodeNotReady"` or `"outOfMemory"` begins.
//! * `GET ledger?from=n`: every revision of an Event ever written, a line of JSON each.

use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use http::{Method, StatusCode, request::Parts};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Answer, Api, body_of, plain, stream_of, target::Query};
use crate::{day::Incident, faults::Fault, store::Store};

/// So many lines of the ledger are read at a time.
const LINES: usize = 10_000;

impl Api {
    pub(super) async fn command(self: &Arc<Self>, parts: &Parts, body: Incoming) -> Answer {
        let path = parts.uri.path().trim_start_matches("/playground").trim_matches('/');
        match (&parts.method, path) {
            (&Method::GET, "stats") => answer(&self.stats_document()),
            (&Method::GET, "faults") => answer(&json!(self.faults.scheduled())),
            (&Method::DELETE, "faults") => {
                self.faults.clear();
                answer(&json!([]))
            }
            (&Method::POST, "faults") => self.schedule(body).await,
            (&Method::POST, "snapshot") => answer(&json!({"revision": self.take_snapshot()})),
            (&Method::POST, "restore") => match self.restore() {
                Some(revision) => answer(&json!({"revision": revision})),
                None => plain(StatusCode::CONFLICT, "there is no snapshot to restore\n"),
            },
            (&Method::POST, "compact") => {
                let revision = self.storage.write(|store| {
                    store.compact(store.revision());
                    store.oldest()
                });
                answer(&json!({"revision": revision}))
            }
            (&Method::POST, "incidents") => self.begin(body).await,
            (&Method::GET, "ledger") => {
                let from = Query::read(parts.uri.query().unwrap_or_default());
                self.ledger(from.get("from").parse().unwrap_or(0))
            }
            _ => plain(StatusCode::NOT_FOUND, "no such command\n"),
        }
    }

    async fn schedule(&self, body: Incoming) -> Answer {
        match read::<Fault>(body).await {
            Ok(fault) => {
                self.faults.schedule(fault);
                answer(&json!(self.faults.scheduled()))
            }
            Err(error) => plain(StatusCode::BAD_REQUEST, format!("not a fault: {error}\n")),
        }
    }

    async fn begin(&self, body: Incoming) -> Answer {
        match read::<Incident>(body).await {
            Ok(incident) if self.day.get().is_some_and(|day| day.start(incident)) => {
                answer(&json!(incident))
            }
            Ok(_) => plain(StatusCode::CONFLICT, "no day is played, or too many incidents wait\n"),
            Err(error) => plain(StatusCode::BAD_REQUEST, format!("not an incident: {error}\n")),
        }
    }

    /// Keeps the state as it is, for a later restore; gives its revision.
    pub(crate) fn take_snapshot(&self) -> u64 {
        let snapshot = self.storage.read(Store::snapshot);
        let revision = snapshot.revision();
        *self.snapshot.lock().unwrap_or_else(PoisonError::into_inner) = Some(snapshot);
        revision
    }

    /// Goes back to the snapshot, if there is one; gives its revision.
    pub(crate) fn restore(&self) -> Option<u64> {
        let kept = self.snapshot.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = kept.as_ref()?;
        self.storage.write(|store| store.restore(snapshot));
        Some(snapshot.revision())
    }

    fn stats_document(&self) -> Value {
        let counts = self.stats.counts();
        self.storage.read(|store| {
            let written = store.written();
            json!({
                "requests": counts.requests,
                "totalRequests": counts.total(),
                "answers": counts.answers,
                "watchMessages": counts.watch_messages,
                "listed": counts.listed,
                "bytes": counts.bytes,
                "openWatches": counts.open_watches,
                "written": {
                    "created": written.created,
                    "updated": written.updated,
                    "deleted": written.deleted,
                    "expired": written.expired,
                },
                "revision": store.revision(),
                "oldestRevision": store.oldest(),
                "restores": store.restores(),
                "live": store.live(),
                "ledger": store.ledger().entries().len(),
                "ledgerLost": store.ledger().lost(),
            })
        })
    }

    /// The ledger from its entry number `from` on; numbers count what is lost, too.
    fn ledger(self: &Arc<Self>, from: u64) -> Answer {
        let api = Arc::clone(self);
        let chunks = futures::stream::unfold(from, move |next| {
            let chunk = api.ledger_lines(next);
            futures::future::ready(chunk.map(|(bytes, next)| (Ok(bytes), next)))
        });
        stream_of("application/x-ndjson", chunks)
    }

    fn ledger_lines(&self, from: u64) -> Option<(Bytes, u64)> {
        use std::io::Write;
        let entries: Vec<_> = self.storage.read(|store| {
            let ledger = store.ledger();
            let skip = usize::try_from(from.saturating_sub(ledger.lost())).unwrap_or(usize::MAX);
            ledger.entries().skip(skip).take(LINES).copied().collect()
        });
        if entries.is_empty() {
            return None;
        }
        let mut out = Vec::with_capacity(entries.len() * 96);
        for entry in &entries {
            writeln!(
                out,
                r#"{{"epoch":{},"uid":"{}","resourceVersion":"{}","total":{}}}"#,
                entry.epoch,
                entry.uid_text(),
                entry.revision,
                entry.total
            )
            .expect("a vector takes every write");
        }
        let lost = self.storage.read(|store| store.ledger().lost());
        Some((out.into(), from.max(lost) + entries.len() as u64))
    }
}

async fn read<T: DeserializeOwned>(body: Incoming) -> Result<T, String> {
    let body = body.collect().await.map_err(|error| error.to_string())?;
    serde_json::from_slice(&body.to_bytes()).map_err(|error| error.to_string())
}

fn answer(document: &Value) -> Answer {
    let mut body = document.to_string();
    body.push('\n');
    body_of(StatusCode::OK, "application/json", body)
}
