//! Payloads that are ready to be sent, so that a retry sends the same bytes and nothing is encoded
//! twice while all goes well.

use std::{collections::VecDeque, sync::Arc};

use event::{AnySink, Batch, Event, Payload, journal::Seq};

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

    /// Encodes `rows`, in place of whatever was there. Gives those that have no encoding, and makes the others ready.
    ///
    /// A sink names the first record that it cannot encode. What follows is tried without what came before, and all
    /// that is good once more together: each record is encoded twice at most, however many fail.
    pub(super) fn encode(
        &mut self,
        sink: &AnySink,
        mut rows: Vec<(Seq, Arc<Event>)>,
    ) -> Vec<Unencodable> {
        self.0.clear();
        let mut without = Vec::new();
        let mut from = 0;
        while from < rows.len() {
            match sink.encode(&batch(&rows[from..])) {
                Ok(payloads) if from == 0 => {
                    without.extend(self.take_in(payloads, &rows));
                    return without;
                }
                Ok(_) => break,
                Err(rejected) => {
                    from += rejected.index.min(rows.len() - from - 1);
                    let (seq, _) = rows.remove(from);
                    without.push(Unencodable { seq, reason: rejected.reason });
                }
            }
        }
        if !rows.is_empty() {
            match sink.encode(&batch(&rows)) {
                Ok(payloads) => without.extend(self.take_in(payloads, &rows)),
                Err(rejected) => {
                    let (seq, _) = rows[rejected.index.min(rows.len() - 1)];
                    without.push(Unencodable { seq, reason: rejected.reason });
                }
            }
        }
        without
    }

    /// The payloads are ready. Gives the first of `rows` when there is none: an encoder that forgets a record would keep
    /// the lane busy for ever.
    fn take_in(
        &mut self,
        payloads: Vec<Payload>,
        rows: &[(Seq, Arc<Event>)],
    ) -> Option<Unencodable> {
        let mut seqs = rows.iter().map(|(seq, _)| *seq);
        for payload in payloads {
            let seqs: Vec<Seq> = seqs.by_ref().take(payload.events).collect();
            if !seqs.is_empty() {
                self.0.push_back(Ready { seqs, payload });
            }
        }
        let forgotten = rows.first().filter(|_| self.0.is_empty());
        let reason = "the encoder made no payload of it";
        forgotten.map(|(seq, _)| Unencodable { seq: *seq, reason: reason.to_owned() })
    }
}

fn batch(rows: &[(Seq, Arc<Event>)]) -> Batch {
    rows.iter().map(|(_, event)| Arc::clone(event)).collect()
}
