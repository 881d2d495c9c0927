//! A JSON object written member by member, with the bytes of Go's `encoding/json`.

use event::document;

/// A JSON object that is being written.
#[derive(Debug)]
pub(crate) struct Object(Vec<u8>);

impl Object {
    pub(crate) fn new() -> Self {
        Self(vec![b'{'])
    }

    /// A member that is a text.
    pub(crate) fn text(self, key: &str, text: &str) -> Self {
        self.with(key, |out| document::write_text(out, text))
    }

    /// A member that is a text, unless it is empty.
    pub(crate) fn text_if_any(self, key: &str, text: &str) -> Self {
        if text.is_empty() { self } else { self.text(key, text) }
    }

    /// A member that is JSON already.
    pub(crate) fn json(self, key: &str, json: &[u8]) -> Self {
        self.with(key, |out| out.extend_from_slice(json))
    }

    fn with(mut self, key: &str, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        document::write_text(&mut self.0, key);
        self.0.push(b':');
        write(&mut self.0);
        self
    }

    pub(crate) fn end(mut self) -> Vec<u8> {
        self.0.push(b'}');
        self.0
    }
}

/// A JSON text.
pub(crate) fn text(text: &str) -> Vec<u8> {
    let mut json = Vec::with_capacity(text.len() + 2);
    document::write_text(&mut json, text);
    json
}

/// A JSON list of what is JSON already.
pub(crate) fn list<T: AsRef<[u8]>>(items: impl IntoIterator<Item = T>) -> Vec<u8> {
    let mut list = vec![b'['];
    for item in items {
        if list.len() > 1 {
            list.push(b',');
        }
        list.extend_from_slice(item.as_ref());
    }
    list.push(b']');
    list
}
