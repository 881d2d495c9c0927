//! A form, encoded as Go's `url.Values` does.

use std::borrow::Cow;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

/// What a form is.
pub(crate) const TYPE: &str = "application/x-www-form-urlencoded";

/// What Go leaves as it is, beside letters and digits; a space becomes `+`.
const ENCODED: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~').remove(b' ');

/// A form that is being written.
#[derive(Debug, Default)]
pub(crate) struct Form(Vec<u8>);

impl Form {
    /// Another member behind all others.
    pub(crate) fn with(mut self, key: &str, value: &str) -> Self {
        if !self.0.is_empty() {
            self.0.push(b'&');
        }
        self.0.extend_from_slice(key.as_bytes());
        self.0.push(b'=');
        self.0.extend_from_slice(encode(value).as_bytes());
        self
    }

    /// Another member, if there is a value.
    pub(crate) fn with_any(self, key: &str, value: Option<Cow<'_, str>>) -> Self {
        match value {
            Some(value) => self.with(key, &value),
            None => self,
        }
    }

    pub(crate) fn end(self) -> Vec<u8> {
        self.0
    }
}

/// A value as it stands in a form.
pub(crate) fn encode(value: &str) -> String {
    utf8_percent_encode(value, ENCODED).to_string().replace(' ', "+")
}

impl From<Vec<u8>> for Form {
    /// Goes on with a form that is written in part.
    fn from(written: Vec<u8>) -> Self {
        Self(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_encoded_as_go_encodes_them() {
        let form = Form::default().with("a", "x y&z=<>~*'()").with("b", "ä+%");
        let form = form.with_any("c", None).with_any("d", Some("-_.".into()));
        let expected = "a=x+y%26z%3D%3C%3E~%2A%27%28%29&b=%C3%A4%2B%25&d=-_.";
        assert_eq!(String::from_utf8(form.end()).unwrap(), expected);
    }
}
