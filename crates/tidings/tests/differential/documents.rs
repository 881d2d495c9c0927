//! The document that receivers without a layout get.

use event::{Event, document};
use serde_json::json;

use super::{
    events::Events,
    oracle::Oracle,
    tally::{Subject, Table},
};

/// So many at a time: the answers are long.
const CHUNK: usize = 2_000;

/// Compares the bytes, with and without a cluster's name.
pub(crate) fn compare(
    oracle: &mut Oracle,
    events: &Events,
    table: &mut Table,
) -> anyhow::Result<()> {
    let mut subject = Subject::new("documents");
    for cluster in ["", "prod <1>"] {
        for from in (0..events.len()).step_by(CHUNK) {
            let to = (from + CHUNK).min(events.len());
            let question = json!({"op": "document", "cluster": cluster, "from": from, "to": to});
            let theirs: Vec<String> = oracle.know(&question)?;
            for (number, theirs) in (from..).zip(theirs) {
                if theirs.is_empty() {
                    // Its client would not have read the event.
                    subject.allowed("D26");
                    continue;
                }
                let event =
                    Event { cluster_name: cluster.into(), ..(*events.ours[number]).clone() };
                let mut ours = Vec::with_capacity(theirs.len());
                document::write(&mut ours, &event);
                let ours = String::from_utf8_lossy(&ours);
                if theirs != ours && outside_our_times(&theirs) == ours {
                    subject.allowed("D35");
                } else {
                    subject.compare(|| format!("event {number}"), &theirs, &ours);
                }
            }
        }
    }
    table.add(subject);
    Ok(())
}

/// Their document, with the times that Tidings cannot hold as it prints them.
fn outside_our_times(theirs: &str) -> String {
    let last_day = theirs.replace("\"9999-12-31T23:59:59Z\"", "null");
    last_day.replace(",\"deletionTimestamp\":null", "")
}
