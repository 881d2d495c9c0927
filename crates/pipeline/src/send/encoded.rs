//! Payloads that are ready to be sent, so that a retry sends the same bytes and nothing is encoded
//! twice while all goes well.

use std::{collections::VecDeque, sync::Arc};

use event::{AnySink, Batch, Event, Payload, journal::Seq};

/// The payloads of the last encoding that were not yet taken.
#[derive(Debug)]
pub(super) struct Encoded {
    ready: VecDeque<Ready>,
    most_bytes: usize,
    /// Of an event in the newest payload.
    mean_bytes: usize,
}

/// A payload and the rows it holds.
#[derive(Debug)]
pub(super) struct Ready {
    pub(super) seqs: Vec<Seq>,
    pub(super) payload: Arc<Payload>,
}

/// A record that has no encoding.
#[derive(Debug)]
pub(super) struct Unencodable {
    pub(super) seq: Seq,
    pub(super) reason: String,
}

impl Encoded {
    /// A body has `most_bytes` at most, unless it holds one event.
    pub(super) fn new(most_bytes: usize) -> Self {
        Self { ready: VecDeque::new(), most_bytes, mean_bytes: 0 }
    }

    /// Whether one more than `events` would have no room in a body, if they are like those before.
    pub(super) fn would_fill_a_body(&self, events: usize) -> bool {
        self.mean_bytes.saturating_mul(events.saturating_add(1)) > self.most_bytes
    }

    /// What is at hand was not sent and is to be encoded with others.
    pub(super) fn forget(&mut self) {
        self.ready.clear();
    }

    /// The payload that begins with the first of `rows` and holds no others, if it is at hand.
    pub(super) fn ready_for(&self, rows: &[Seq]) -> Option<&Ready> {
        self.ready.front().filter(|ready| rows.starts_with(&ready.seqs))
    }

    /// The front payload was accepted, at least in part, or will not be sent again.
    pub(super) fn take(&mut self) {
        self.ready.pop_front();
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
        self.ready.clear();
        let mut without = Vec::new();
        let mut from = 0;
        while from < rows.len() {
            match sink.encode(&batch(&rows[from..])) {
                Ok(payloads) if from == 0 => {
                    self.take_in(sink, payloads, &rows, &mut without);
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
                Ok(payloads) => self.take_in(sink, payloads, &rows, &mut without),
                Err(rejected) => {
                    let (seq, _) = rows[rejected.index.min(rows.len() - 1)];
                    without.push(Unencodable { seq, reason: rejected.reason });
                }
            }
        }
        without
    }

    /// The payloads are ready, those that are too large in parts. The first of `rows` is without one when there is none: an
    /// encoder that forgets a record would keep the lane busy for ever.
    fn take_in(
        &mut self,
        sink: &AnySink,
        payloads: Vec<Payload>,
        rows: &[(Seq, Arc<Event>)],
        without: &mut Vec<Unencodable>,
    ) {
        let mut rest = rows;
        for payload in payloads {
            let (held, others) = rest.split_at(payload.events.min(rest.len()));
            rest = others;
            if held.is_empty() {
                continue;
            }
            self.mean_bytes = payload.body.len().div_ceil(held.len());
            if payload.body.len() > self.most_bytes && held.len() > 1 {
                self.split(sink, held, without);
            } else {
                let seqs = held.iter().map(|(seq, _)| *seq).collect();
                self.ready.push_back(Ready { seqs, payload: Arc::new(payload) });
            }
        }
        if let (Some((seq, _)), true) = (rows.first(), rest.len() == rows.len()) {
            let reason = "the encoder made no payload of it".to_owned();
            without.push(Unencodable { seq: *seq, reason });
        }
    }

    /// Encodes rows whose payload is too large in as many parts as they need if all are of one size.
    fn split(
        &mut self,
        sink: &AnySink,
        rows: &[(Seq, Arc<Event>)],
        without: &mut Vec<Unencodable>,
    ) {
        let fit = self.most_bytes / self.mean_bytes.max(1);
        for rows in rows.chunks(fit.clamp(1, rows.len() - 1)) {
            match sink.encode(&batch(rows)) {
                Ok(payloads) => self.take_in(sink, payloads, rows, without),
                Err(rejected) => {
                    let (seq, _) = rows[rejected.index.min(rows.len() - 1)];
                    without.push(Unencodable { seq, reason: rejected.reason });
                }
            }
        }
    }
}

fn batch(rows: &[(Seq, Arc<Event>)]) -> Batch {
    rows.iter().map(|(_, event)| Arc::clone(event)).collect()
}
