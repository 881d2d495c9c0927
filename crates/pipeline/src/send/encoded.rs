//! Payloads that are ready to be sent, so that a retry sends the same bytes and nothing is encoded
//! twice while all goes well.

use std::{collections::VecDeque, sync::Arc};

use event::{AnySink, Event, Payload, journal::Seq};

/// The payloads of the last encoding that were not yet taken.
#[derive(Debug, Default)]
pub(super) struct Encoded(VecDeque<Ready>);

/// A payload and the rows it holds.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) seqs: Vec<Seq>,
    pub(super) payload: Payload,
}

/// A record that has no encoding.
#[derive(Debug)]
pub(super) struct Unencodable {
    pub(super) seq: Seq,
    pub(super) reason: String,
}

impl Encoded {
    /// The payload that begins with the first of `rows` and holds no others, if it is at hand.
    pub(super) fn ready_for(&self, rows: &[Seq]) -> Option<&Ready> {
        self.0.front().filter(|ready| rows.starts_with(&ready.seqs))
    }

    /// The front payload was accepted, at least in part, or will not be sent again.
    pub(super) fn take(&mut self) {
        self.0.pop_front();
    }

    /// Encodes `rows`, in place of whatever was there.
    pub(super) fn encode(
        &mut self,
        sink: &AnySink,
        rows: &[(Seq, Arc<Event>)],
    ) -> Result<(), Unencodable> {
        self.0.clear();
        let events = rows.iter().map(|(_, event)| Arc::clone(event)).collect();
        let payloads = sink.encode(&events).map_err(|rejected| {
            let index = rejected.index.min(rows.len().saturating_sub(1));
            Unencodable { seq: rows.get(index).map_or(0, |(seq, _)| *seq), reason: rejected.reason }
        })?;
        let mut seqs = rows.iter().map(|(seq, _)| *seq);
        for payload in payloads {
            let seqs: Vec<Seq> = seqs.by_ref().take(payload.events).collect();
            if !seqs.is_empty() {
                self.0.push_back(Ready { seqs, payload });
            }
        }
        match rows.first() {
            // An encoder that forgets a record would keep the lane busy for ever.
            Some((seq, _)) if self.0.is_empty() => Err(Unencodable {
                seq: *seq,
                reason: "the encoder made no payload of it".to_owned(),
            }),
            _ => Ok(()),
        }
    }
}
