//! Requests that hold a list of entries, as JSON.

use bytes::Bytes;
use event::Payload;
use sinks::batch::Limits;

/// What stands around the entries.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Up to the bracket that opens the list.
    pub(crate) head: String,
    /// From the bracket that closes it.
    pub(crate) tail: &'static str,
    /// Entries have an `Id`: their position.
    pub(crate) numbered: bool,
}

impl Frame {
    /// As few requests as the limits allow. An entry is an object without its opening brace.
    pub(crate) fn payloads(&self, limits: Limits, entries: &[Vec<u8>]) -> Vec<Payload> {
        let groups = limits.groups(entries, Vec::len, |_, _| true);
        groups.into_iter().map(|group| self.payload(&entries[group])).collect()
    }

    /// One request with all of these.
    pub(crate) fn payload(&self, entries: &[Vec<u8>]) -> Payload {
        let length: usize = entries.iter().map(|entry| entry.len() + 16).sum();
        let mut body = Vec::with_capacity(self.head.len() + length + self.tail.len());
        body.extend_from_slice(self.head.as_bytes());
        for (index, entry) in entries.iter().enumerate() {
            if index > 0 {
                body.push(b',');
            }
            body.push(b'{');
            if self.numbered {
                body.extend_from_slice(format!(r#""Id":"{index}","#).as_bytes());
            }
            body.extend_from_slice(entry);
        }
        body.extend_from_slice(self.tail.as_bytes());
        Payload { events: entries.len(), headers: Vec::new(), body: Bytes::from(body) }
    }
}

/// A text as JSON.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A document as the text of a JSON string.
pub(crate) fn text(document: &[u8]) -> String {
    quoted(&String::from_utf8_lossy(document))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_stand_in_a_frame_with_their_position() {
        let entries: Vec<_> =
            (0..3).map(|index| format!(r#""a":{index}}}"#).into_bytes()).collect();
        let frame = Frame { head: r#"{"E":["#.into(), tail: "]}", numbered: true };
        let payloads = frame.payloads(Limits { events: 2, bytes: 100 }, &entries);
        let bodies: Vec<_> = payloads.iter().map(|payload| &payload.body[..]).collect();
        assert_eq!(bodies[0], br#"{"E":[{"Id":"0","a":0},{"Id":"1","a":1}]}"#);
        assert_eq!(bodies[1], br#"{"E":[{"Id":"0","a":2}]}"#);
        assert_eq!(payloads[0].events, 2);
    }
}
