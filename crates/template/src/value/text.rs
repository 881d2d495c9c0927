use std::{
    borrow::{Borrow, Cow},
    cmp::Ordering,
    rc::Rc,
};

/// Go's string: bytes. What is UTF-8 is kept as `str`, so that nobody has to look twice; anything else
/// comes from cutting text in the middle of a character, or from decoding.
#[derive(Debug, Clone)]
pub enum Str<'a> {
    /// Text of the data or of the template.
    Borrowed(&'a str),
    /// Text that was made.
    Shared(Rc<str>),
    /// Bytes that are not UTF-8.
    Bytes(Rc<[u8]>),
}

impl Str<'_> {
    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Borrowed(text) => text.as_bytes(),
            Self::Shared(text) => text.as_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    /// The text; each byte that belongs to no character is U+FFFD, as Go prints it. Free for UTF-8.
    pub fn to_str(&self) -> Cow<'_, str> {
        match self {
            Self::Borrowed(text) => Cow::Borrowed(text),
            Self::Shared(text) => Cow::Borrowed(text),
            Self::Bytes(bytes) => Cow::Owned(lossy(bytes)),
        }
    }

    /// How many bytes it has.
    pub fn len(&self) -> usize {
        self.as_bytes().len()
    }

    /// Nothing in it.
    pub fn is_empty(&self) -> bool {
        self.as_bytes().is_empty()
    }

    /// The bytes from `start` to `end`, which must be in order and inside.
    #[must_use]
    pub fn slice(&self, start: usize, end: usize) -> Self {
        if let Self::Borrowed(text) = self
            && let Some(part) = text.get(start..end)
        {
            return Self::Borrowed(part);
        }
        Self::from_bytes(self.as_bytes().get(start..end).unwrap_or_default())
    }

    /// Text from bytes that may or may not be UTF-8.
    pub fn from_bytes(bytes: &[u8]) -> Str<'static> {
        match str::from_utf8(bytes) {
            Ok(text) => Str::Shared(text.into()),
            Err(_) => Str::Bytes(bytes.into()),
        }
    }
}

/// UTF-8, with U+FFFD for each byte that belongs to no character.
pub(crate) fn lossy(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self::Shared(text.into())
    }
}

impl From<Vec<u8>> for Str<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        match String::from_utf8(bytes) {
            Ok(text) => Self::Shared(text.into()),
            Err(error) => Self::Bytes(error.into_bytes().into()),
        }
    }
}

impl<'a> From<Cow<'a, str>> for Str<'a> {
    fn from(text: Cow<'a, str>) -> Self {
        match text {
            Cow::Borrowed(text) => Self::Borrowed(text),
            Cow::Owned(text) => text.into(),
        }
    }
}

impl PartialEq for Str<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_bytes() == other.as_bytes()
    }
}

impl Eq for Str<'_> {}

impl PartialOrd for Str<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Str<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.as_bytes().cmp(other.as_bytes())
    }
}

impl Borrow<[u8]> for Str<'_> {
    fn borrow(&self) -> &[u8] {
        self.as_bytes()
    }
}
