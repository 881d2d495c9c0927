//! One object as it is remembered: strings by symbol, uids as numbers.

use event::{OwnerReference, Text, event::TextMap};

use super::{
    Metadata,
    strings::{Strings, Symbol},
};

/// What is remembered of one object.
#[derive(Debug)]
pub(super) struct Record {
    uid: Uid,
    /// The uid that the kubelet gave the static pod which this pod mirrors.
    mirrors: Option<Symbol>,
    labels: Box<[(Symbol, Symbol)]>,
    annotations: Box<[(Symbol, Symbol)]>,
    owners: Box<[Owner]>,
    /// The pass of the watch that showed it last.
    pub(super) pass: u32,
    pub(super) state: State,
    /// The object that had the name before, as long as it is remembered.
    pub(super) before: Option<Box<Self>>,
}

/// What has become of an object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    Living,
    /// Its deletion has begun.
    Going,
    /// Gone since then, in seconds since 1970.
    Gone(u32),
}

/// A uid; nearly all of them are UUIDs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Uid {
    Uuid([u8; 16]),
    Other(Symbol),
}

#[derive(Debug)]
struct Owner {
    api_version: Symbol,
    kind: Symbol,
    name: Symbol,
    uid: Uid,
    controller: Option<bool>,
    block_owner_deletion: Option<bool>,
}

impl Record {
    pub(super) fn new(metadata: &Metadata, pass: u32, strings: &mut Strings) -> Self {
        let mut pairs = |map: &TextMap| {
            map.iter().map(|(key, value)| (strings.keep(key), strings.keep(value))).collect()
        };
        let (labels, annotations) = (pairs(&metadata.labels), pairs(&metadata.annotations));
        let owners = metadata.owners.iter().map(|owner| Owner::new(owner, strings)).collect();
        Self {
            uid: Uid::new(&metadata.uid, strings),
            mirrors: (!metadata.mirrors.is_empty()).then(|| strings.keep(&metadata.mirrors)),
            labels,
            annotations,
            owners,
            pass,
            state: if metadata.deleting { State::Going } else { State::Living },
            before: None,
        }
    }

    /// Gives back the strings, all but those of the object before.
    pub(super) fn release(self, strings: &mut Strings) {
        self.uid.release(strings);
        if let Some(mirrors) = self.mirrors {
            strings.release(mirrors);
        }
        for (key, value) in self.labels.into_iter().chain(self.annotations) {
            strings.release(key);
            strings.release(value);
        }
        for owner in self.owners {
            owner.uid.release(strings);
            for symbol in [owner.api_version, owner.kind, owner.name] {
                strings.release(symbol);
            }
        }
    }

    /// Whether this is the object that is called `uid`.
    pub(super) fn is(&self, uid: &str, strings: &Strings) -> bool {
        self.uid.is(uid, strings) || self.mirrors.is_some_and(|it| strings.text(it) == uid)
    }

    /// Whether its own uid is this one.
    pub(super) fn has_uid(&self, uid: &str, strings: &Strings) -> bool {
        self.uid.is(uid, strings)
    }

    pub(super) fn is_living(&self) -> bool {
        !matches!(self.state, State::Gone(_))
    }

    pub(super) fn labels(&self, strings: &Strings) -> TextMap {
        map(&self.labels, strings)
    }

    pub(super) fn annotations(&self, strings: &Strings) -> TextMap {
        map(&self.annotations, strings)
    }

    pub(super) fn owners(&self, strings: &Strings) -> Vec<OwnerReference> {
        self.owners.iter().map(|owner| owner.reference(strings)).collect()
    }
}

fn map(pairs: &[(Symbol, Symbol)], strings: &Strings) -> TextMap {
    let text = |symbol| Text::new(strings.text(symbol));
    pairs.iter().map(|(key, value)| (text(*key), text(*value))).collect()
}

impl Owner {
    fn new(owner: &OwnerReference, strings: &mut Strings) -> Self {
        Self {
            api_version: strings.keep(&owner.api_version),
            kind: strings.keep(&owner.kind),
            name: strings.keep(&owner.name),
            uid: Uid::new(&owner.uid, strings),
            controller: owner.controller,
            block_owner_deletion: owner.block_owner_deletion,
        }
    }

    fn reference(&self, strings: &Strings) -> OwnerReference {
        let text = |symbol| Text::new(strings.text(symbol));
        OwnerReference {
            api_version: text(self.api_version),
            kind: text(self.kind),
            name: text(self.name),
            uid: self.uid.text(strings),
            controller: self.controller,
            block_owner_deletion: self.block_owner_deletion,
        }
    }
}

impl Uid {
    fn new(uid: &str, strings: &mut Strings) -> Self {
        parse_uuid(uid).map_or_else(|| Self::Other(strings.keep(uid)), Self::Uuid)
    }

    fn release(self, strings: &mut Strings) {
        if let Self::Other(symbol) = self {
            strings.release(symbol);
        }
    }

    fn is(self, uid: &str, strings: &Strings) -> bool {
        match self {
            Self::Uuid(bytes) => parse_uuid(uid) == Some(bytes),
            Self::Other(symbol) => strings.text(symbol) == uid,
        }
    }

    fn text(self, strings: &Strings) -> Text {
        match self {
            Self::Uuid(bytes) => print_uuid(bytes),
            Self::Other(symbol) => Text::new(strings.text(symbol)),
        }
    }
}

const HYPHENS: [usize; 4] = [8, 13, 18, 23];

/// Reads the canonical form, in lower case; anything else would not print as it was written.
fn parse_uuid(text: &str) -> Option<[u8; 16]> {
    let text: &[u8; 36] = text.as_bytes().try_into().ok()?;
    let (mut bytes, mut digits) = ([0; 16], 0);
    for (at, &byte) in text.iter().enumerate() {
        if HYPHENS.contains(&at) {
            if byte != b'-' {
                return None;
            }
            continue;
        }
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            _ => return None,
        };
        bytes[digits / 2] = bytes[digits / 2] << 4 | digit;
        digits += 1;
    }
    Some(bytes)
}

fn print_uuid(bytes: [u8; 16]) -> Text {
    let mut text = Text::with_capacity(36);
    for byte in bytes {
        if HYPHENS.contains(&text.len()) {
            text.push('-');
        }
        for digit in [byte >> 4, byte & 15] {
            text.push(char::from(b"0123456789abcdef"[usize::from(digit)]));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_uid_prints_as_it_was_written() {
        let mut strings = Strings::default();
        for uid in [
            "b0a7c1d2-6e3f-4a58-9c0b-5d1e2f3a4b5c",
            "B0A7C1D2-6E3F-4A58-9C0B-5D1E2F3A4B5C",
            "b0a7c1d26e3f4a589c0b5d1e2f3a4b5c",
            "b0a7c1d2-6e3f-4a58-9c0b5-d1e2f3a4b5c",
            "node-a",
            "",
        ] {
            let kept = Uid::new(uid, &mut strings);
            assert_eq!(kept.text(&strings), uid);
            assert!(kept.is(uid, &strings) && !kept.is("other", &strings), "{uid}");
        }
        assert!(matches!(
            Uid::new("b0a7c1d2-6e3f-4a58-9c0b-5d1e2f3a4b5c", &mut strings),
            Uid::Uuid(_)
        ));
    }
}
