//! From bytes of the API server to [`Frame`]s, piece by piece: a whole list is never held.
//!
//! Four forms: list and watch, each in JSON and in protobuf. A decoder is fed whatever a read brought
//! and gives the frames that are complete.

use event::{
    Event, json,
    protobuf::{self, Field, Fields, WireError},
};
use thiserror::Error;

use super::{
    api::{ApiError, Status},
    json_stream::{Piece, Splitter},
};

/// One thing the API server says. Events are boxed: they are large, and go through many hands.
#[derive(Debug, Clone, PartialEq)]
pub enum Frame {
    /// An item of a list.
    Item(Box<Event>),
    /// The end of one page of a list.
    PageEnd {
        /// The resourceVersion of the whole list.
        revision: Option<u64>,
        /// Token for the next page.
        next: Option<String>,
    },
    /// A watch shows an Event that is new to it.
    Added(Box<Event>),
    /// A watch shows a new revision.
    Modified(Box<Event>),
    /// A watch shows the last state of a deleted Event, at the revision that deleted it.
    Deleted(Box<Event>),
    /// Everything up to here has been shown.
    Bookmark {
        /// The resourceVersion up to which that holds.
        revision: u64,
        /// This one ends the initial events.
        initial_end: bool,
    },
    /// A watch ends with an error.
    Error(ApiError),
    /// One object could not be read; the stream goes on.
    Unreadable(String),
}

impl Frame {
    /// The Event that it shows, if it shows one.
    pub fn event(&self) -> Option<&Event> {
        match self {
            Self::Item(event)
            | Self::Added(event)
            | Self::Modified(event)
            | Self::Deleted(event) => Some(event),
            _ => None,
        }
    }
}

/// Bytes after which nothing can be read any more on this connection.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the answer of the API server cannot be read: {0}")]
pub struct Garbled(pub String);

impl From<WireError> for Garbled {
    fn from(error: WireError) -> Self {
        Self(error.to_string())
    }
}

/// The longest single object that is taken; etcd itself stops at 1.5 MB.
const LONGEST: usize = 64 << 20;

/// Turns bytes into frames.
#[derive(Debug)]
pub enum Decoder {
    /// A JSON list, or anything else in JSON.
    JsonList(Splitter),
    /// A JSON watch.
    JsonWatch(Splitter),
    /// A protobuf list.
    ProtobufList(ProtobufList),
    /// A protobuf watch.
    ProtobufWatch(Vec<u8>),
}

impl Decoder {
    /// A decoder for a list of this content type.
    pub fn list(content_type: &str) -> Self {
        if is_protobuf(content_type) {
            Self::ProtobufList(ProtobufList::default())
        } else {
            Self::JsonList(Splitter::default())
        }
    }

    /// A decoder for a watch of this content type.
    pub fn watch(content_type: &str) -> Self {
        if is_protobuf(content_type) {
            Self::ProtobufWatch(Vec::new())
        } else {
            Self::JsonWatch(Splitter::default())
        }
    }

    /// Takes what a read brought; adds the frames that are complete now.
    pub fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        match self {
            Self::JsonList(splitter) => splitter.push(bytes, |piece| match piece {
                Piece::Item(item) => frames.push(item_from_json(item)),
                Piece::ListHead(head) => frames.push(page_end_from_json(head)),
                Piece::Value(value) => frames.push(Frame::Unreadable(excerpt(value))),
            }),
            Self::JsonWatch(splitter) => watch_lines(splitter, bytes, frames),
            Self::ProtobufList(list) => list.push(bytes, frames)?,
            Self::ProtobufWatch(buffer) => watch_frames(buffer, bytes, frames)?,
        }
        Ok(())
    }
}

fn is_protobuf(content_type: &str) -> bool {
    content_type.starts_with("application/vnd.kubernetes.protobuf")
}

fn excerpt(bytes: &[u8]) -> String {
    String::from_utf8_lossy(&bytes[..bytes.len().min(200)]).into_owned()
}

fn item_from_json(bytes: &[u8]) -> Frame {
    match json::decode(bytes) {
        Ok(event) => Frame::Item(Box::new(event)),
        Err(error) => Frame::Unreadable(format!("{error}: {}", excerpt(bytes))),
    }
}

#[derive(serde::Deserialize, Default)]
#[serde(default)]
struct ListHead {
    metadata: ListMeta,
}

#[derive(serde::Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct ListMeta {
    resource_version: Option<String>,
    r#continue: Option<String>,
}

fn page_end_from_json(head: &[u8]) -> Frame {
    let head: ListHead = serde_json::from_slice(head).unwrap_or_default();
    Frame::PageEnd {
        revision: head.metadata.resource_version.and_then(|revision| revision.parse().ok()),
        next: head.metadata.r#continue.filter(|token| !token.is_empty()),
    }
}

/// A watch line. The server writes the type first, so the object is read in one go; a stranger's
/// stream that does not is read twice.
#[derive(serde::Deserialize)]
struct WatchLine<'a> {
    r#type: std::borrow::Cow<'a, str>,
    #[serde(borrow)]
    object: &'a serde_json::value::RawValue,
}

/// The server writes one message a line: what reads as one is not cut byte by byte first.
fn watch_lines(splitter: &mut Splitter, bytes: &[u8], frames: &mut Vec<Frame>) {
    let mut rest = bytes;
    while !rest.is_empty() {
        let length = memchr::memchr(b'\n', rest).map_or(rest.len(), |at| at + 1);
        let (line, after) = rest.split_at(length);
        rest = after;
        let whole = if splitter.is_torn() { None } else { line.strip_suffix(b"\n") };
        match whole.and_then(object_of).and_then(|(frame, object)| {
            json::decode(object).ok().map(|event| frame(Box::new(event)))
        }) {
            Some(frame) => frames.push(frame),
            None => splitter.push(line, |piece| match piece {
                Piece::Value(line) => frames.push(frame_from_json(line)),
                Piece::Item(other) | Piece::ListHead(other) => {
                    frames.push(Frame::Unreadable(excerpt(other)));
                }
            }),
        }
    }
}

/// What a message makes of its object.
type Make = fn(Box<Event>) -> Frame;

/// What a message as the server writes it says of its object.
fn object_of(line: &[u8]) -> Option<(Make, &[u8])> {
    const ADDED: &[u8] = br#"{"type":"ADDED","object":"#;
    const MODIFIED: &[u8] = br#"{"type":"MODIFIED","object":"#;
    const DELETED: &[u8] = br#"{"type":"DELETED","object":"#;
    let known: [(&[u8], Make); 3] =
        [(ADDED, Frame::Added), (MODIFIED, Frame::Modified), (DELETED, Frame::Deleted)];
    known
        .into_iter()
        .find_map(|(prefix, frame)| Some((frame, line.strip_prefix(prefix)?.strip_suffix(b"}")?)))
}

fn frame_from_json(line: &[u8]) -> Frame {
    if let Some((frame, object)) = object_of(line) {
        return match json::decode(object) {
            Ok(event) => frame(Box::new(event)),
            Err(error) => Frame::Unreadable(format!("{error}: {}", excerpt(line))),
        };
    }
    json::lossy(line, any_frame_from_json)
        .unwrap_or_else(|error| Frame::Unreadable(format!("{error}: {}", excerpt(line))))
}

fn any_frame_from_json(line: &[u8]) -> Result<Frame, serde_json::Error> {
    let WatchLine { r#type: kind, object } = serde_json::from_slice(line)?;
    let object = object.get();
    Ok(match &*kind {
        "ADDED" => Frame::Added(serde_json::from_str(object)?),
        "MODIFIED" => Frame::Modified(serde_json::from_str(object)?),
        "DELETED" => Frame::Deleted(serde_json::from_str(object)?),
        "BOOKMARK" => bookmark(&serde_json::from_str(object)?),
        "ERROR" => Frame::Error(serde_json::from_str::<Status>(object)?.into()),
        other => Frame::Unreadable(format!("watch frame of type {other:?}")),
    })
}

fn bookmark(event: &Event) -> Frame {
    let end = event.metadata.annotations.get("k8s.io/initial-events-end");
    match event.revision() {
        Some(revision) => {
            Frame::Bookmark { revision, initial_end: end.is_some_and(|value| value == "true") }
        }
        None => Frame::Unreadable("bookmark without a resourceVersion".into()),
    }
}

/// Every protobuf answer starts so, then comes a `runtime.Unknown`: 1 type, 2 the object's bytes.
const MAGIC: &[u8] = b"k8s\0";

/// The object inside a complete protobuf answer.
pub fn unwrap_protobuf(bytes: &[u8]) -> Result<&[u8], Garbled> {
    let unknown = bytes
        .strip_prefix(MAGIC)
        .ok_or_else(|| Garbled("protobuf answer without its magic bytes".into()))?;
    for field in Fields(unknown) {
        if let Field { number: 2, value } = field? {
            return Ok(value.bytes());
        }
    }
    Ok(&[])
}

/// Length-prefixed `WatchEvent`s: 1 type, 2 `RawExtension` (1 the answer with its magic bytes).
fn watch_frames(
    buffer: &mut Vec<u8>,
    bytes: &[u8],
    frames: &mut Vec<Frame>,
) -> Result<(), Garbled> {
    // Whole frames are read from where they lie; only a torn tail is copied.
    let owned;
    let mut rest = if buffer.is_empty() {
        bytes
    } else {
        buffer.extend_from_slice(bytes);
        owned = std::mem::take(buffer);
        &owned
    };
    while let Some((length, body)) = rest.split_first_chunk::<4>() {
        let length = u32::from_be_bytes(*length) as usize;
        if length > LONGEST {
            return Err(Garbled(format!("a frame of {length} bytes")));
        }
        let Some((frame, after)) = body.split_at_checked(length) else { break };
        frames.push(watch_frame(frame)?);
        rest = after;
    }
    buffer.extend_from_slice(rest);
    Ok(())
}

fn watch_frame(bytes: &[u8]) -> Result<Frame, Garbled> {
    let (mut kind, mut extension): (&[u8], &[u8]) = (&[], &[]);
    for field in Fields(bytes) {
        match field? {
            Field { number: 1, value } => kind = value.bytes(),
            Field { number: 2, value } => extension = value.bytes(),
            _ => {}
        }
    }
    let mut object: &[u8] = &[];
    for field in Fields(extension) {
        if let Field { number: 1, value } = field? {
            object = unwrap_protobuf(value.bytes())?;
        }
    }
    if kind == b"ERROR" {
        return Ok(Frame::Error(Status::from_protobuf(object)?.into()));
    }
    let event = match protobuf::decode(object) {
        Ok(event) => Box::new(event),
        Err(error) => return Ok(Frame::Unreadable(error.to_string())),
    };
    Ok(match kind {
        b"ADDED" => Frame::Added(event),
        b"MODIFIED" => Frame::Modified(event),
        b"DELETED" => Frame::Deleted(event),
        b"BOOKMARK" => bookmark(&event),
        other => Frame::Unreadable(format!("watch frame of type {:?}", excerpt(other))),
    })
}

/// A protobuf `EventList`, item by item: the outer message is stepped into, not collected.
#[derive(Debug, Default)]
pub struct ProtobufList {
    buffer: Vec<u8>,
    inside: Inside,
    revision: Option<u64>,
    next: Option<String>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq)]
enum Inside {
    /// Before the magic bytes.
    #[default]
    Start,
    /// In `runtime.Unknown`, before the object.
    Unknown,
    /// In the object, with so many bytes to come.
    List(usize),
    /// After the object; nothing there matters.
    End,
}

impl ProtobufList {
    fn push(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        let mut buffer = std::mem::take(&mut self.buffer);
        buffer.extend_from_slice(bytes);
        let mut rest = buffer.as_slice();
        while let Some(used) = self.step(rest, frames)? {
            rest = &rest[used..];
        }
        let used = buffer.len() - rest.len();
        buffer.drain(..used);
        self.buffer = buffer;
        Ok(())
    }

    /// Takes one piece from the front of `bytes` and says how long it was; nothing when more bytes
    /// are needed.
    fn step(&mut self, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<Option<usize>, Garbled> {
        match self.inside {
            Inside::Start if bytes.len() < MAGIC.len() => Ok(None),
            Inside::Start if bytes.starts_with(MAGIC) => {
                self.inside = Inside::Unknown;
                Ok(Some(MAGIC.len()))
            }
            Inside::Start => Err(Garbled("protobuf answer without its magic bytes".into())),
            Inside::Unknown => {
                let Some(head) = FieldHead::read(bytes)? else { return Ok(None) };
                if head.number == 2 {
                    self.inside = Inside::List(head.length);
                    if head.length == 0 {
                        self.end(frames);
                    }
                    return Ok(Some(head.size));
                }
                Ok(head.whole(bytes).map(<[u8]>::len))
            }
            Inside::List(to_come) => {
                let Some(head) = FieldHead::read(bytes)? else { return Ok(None) };
                if head.length > LONGEST {
                    return Err(Garbled(format!("an item of {} bytes", head.length)));
                }
                let Some(field) = head.whole(bytes) else { return Ok(None) };
                let to_come = to_come
                    .checked_sub(field.len())
                    .ok_or_else(|| Garbled("a list longer than it says".into()))?;
                self.field(head.number, &field[head.size..], frames)?;
                self.inside = Inside::List(to_come);
                if to_come == 0 {
                    self.end(frames);
                }
                Ok(Some(field.len()))
            }
            Inside::End => Ok((!bytes.is_empty()).then_some(bytes.len())),
        }
    }

    fn field(&mut self, number: u32, bytes: &[u8], frames: &mut Vec<Frame>) -> Result<(), Garbled> {
        match number {
            1 => {
                for field in Fields(bytes) {
                    match field? {
                        Field { number: 2, value } => self.revision = value.text().parse().ok(),
                        Field { number: 3, value } => {
                            let token = value.text();
                            self.next = (!token.is_empty()).then(|| token.into());
                        }
                        _ => {}
                    }
                }
            }
            2 => frames.push(match protobuf::decode(bytes) {
                Ok(event) => Frame::Item(Box::new(event)),
                Err(error) => Frame::Unreadable(error.to_string()),
            }),
            _ => {}
        }
        Ok(())
    }

    fn end(&mut self, frames: &mut Vec<Frame>) {
        self.inside = Inside::End;
        frames.push(Frame::PageEnd { revision: self.revision, next: self.next.take() });
    }
}

/// The head of a field: what it is, and how long.
struct FieldHead {
    number: u32,
    /// Bytes of the head itself.
    size: usize,
    /// Bytes of the value.
    length: usize,
}

impl FieldHead {
    fn read(bytes: &[u8]) -> Result<Option<Self>, Garbled> {
        let Some((tag, tag_size)) = protobuf::varint(bytes)? else { return Ok(None) };
        let number = u32::try_from(tag >> 3).map_err(|_| WireError::Overlong)?;
        let Some((value, value_size)) = protobuf::varint(&bytes[tag_size..])? else {
            return Ok(None);
        };
        let size = tag_size + value_size;
        match tag & 7 {
            0 => Ok(Some(Self { number, size, length: 0 })),
            2 => match usize::try_from(value) {
                Ok(length) => Ok(Some(Self { number, size, length })),
                Err(_) => Err(Garbled(format!("a field of {value} bytes"))),
            },
            other => Err(WireError::WireType(u8::try_from(other).unwrap_or(7)).into()),
        }
    }

    /// The whole field, once it is there.
    fn whole<'a>(&self, bytes: &'a [u8]) -> Option<&'a [u8]> {
        bytes.get(..self.size.checked_add(self.length)?)
    }
}

#[cfg(test)]
mod tests;
