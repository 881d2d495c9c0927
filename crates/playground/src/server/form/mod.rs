//! Objects as bytes: core/v1 or events.k8s.io/v1, JSON or protobuf, whole, metadata only or as a table.

mod json;

pub(super) mod protobuf;

pub(super) mod schema;

mod table;

use event::{Event, protobuf::Writer};

use super::{
    accept::{Accept, Media, View},
    kept::Kept,
    resource::Resource,
    status::Status,
};
use crate::store::Page;

pub(super) use self::{
    json::{write_event, write_event_metadata},
    table::event_cells,
};

/// Which API an Event is asked for by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// core/v1
    Core,
    /// events.k8s.io/v1
    Events,
}

impl Form {
    pub(super) fn api_version(self) -> &'static str {
        match self {
            Self::Core => "v1",
            Self::Events => "events.k8s.io/v1",
        }
    }
}

/// How the objects of one answer are written.
#[derive(Debug, Clone, Copy)]
pub(super) struct Shape {
    pub(super) resource: &'static Resource,
    pub(super) accept: Accept,
    /// Objects carry `managedFields`, as those of real clusters do.
    pub(super) managed: bool,
}

const META: &str = "meta.k8s.io/v1";

impl Shape {
    /// One object, as the body of an answer.
    pub(super) fn single<T: Kept>(&self, object: &T) -> Vec<u8> {
        let mut out = Vec::new();
        match self.accept.media {
            Media::Json => {
                match self.accept.view {
                    View::Table => {
                        table::write(self, std::iter::once(object), r#""metadata":{}"#, &mut out);
                    }
                    _ => self.json(object, true, &mut out),
                }
                out.push(b'\n');
            }
            Media::Protobuf => out = self.enveloped(object),
        }
        out
    }

    /// A page, as the body of an answer.
    pub(super) fn list<T: Kept>(&self, page: &Page<T>) -> Vec<u8> {
        match self.accept.media {
            Media::Json => self.json_list(page),
            Media::Protobuf => self.protobuf_list(page),
        }
    }

    fn list_name(&self) -> (String, String) {
        match self.accept.view {
            View::Whole => (format!("{}List", self.resource.kind), self.resource.api_version()),
            View::Metadata => ("PartialObjectMetadataList".into(), META.into()),
            View::Table => ("Table".into(), META.into()),
        }
    }

    fn json_list<T: Kept>(&self, page: &Page<T>) -> Vec<u8> {
        let mut metadata = serde_json::json!({"resourceVersion": page.revision.to_string()});
        if !page.continue_token.is_empty() {
            metadata["continue"] = page.continue_token.as_str().into();
        }
        if let Some(remaining) = page.remaining {
            metadata["remainingItemCount"] = remaining.into();
        }
        let metadata = format!("\"metadata\":{metadata}");
        let mut out = Vec::with_capacity(256 + page.items.len() * 1024);
        if self.accept.view == View::Table {
            table::write(self, page.items.iter().map(|item| &**item), &metadata, &mut out);
        } else {
            let (kind, version) = self.list_name();
            let head = format!(r#"{{"kind":"{kind}","apiVersion":"{version}",{metadata},"items":"#);
            out.extend_from_slice(head.as_bytes());
            if page.items.is_empty() && self.accept.view == View::Metadata {
                // Metadata of none is the one list that a real server writes so.
                out.extend_from_slice(b"null}\n");
                return out;
            }
            out.push(b'[');
            for (index, item) in page.items.iter().enumerate() {
                if index > 0 {
                    out.push(b',');
                }
                self.json(&**item, self.accept.view == View::Metadata, &mut out);
            }
            out.extend_from_slice(b"]}");
        }
        out.push(b'\n');
        out
    }

    fn protobuf_list<T: Kept>(&self, page: &Page<T>) -> Vec<u8> {
        let mut out = Writer(Vec::with_capacity(256 + page.items.len() * 640));
        out.message(1, |out| {
            out.text(2, &page.revision.to_string());
            out.text(3, &page.continue_token);
            if let Some(remaining) = page.remaining {
                out.any_number(4, i64::try_from(remaining).unwrap_or(i64::MAX));
            }
        });
        for item in &page.items {
            out.bytes(2, &self.message(&**item));
        }
        let (kind, version) = self.list_name();
        protobuf::unknown(&version, &kind, &out.0)
    }

    /// A message of a watch, with its frame.
    pub(super) fn frame<T: Kept>(&self, kind: &str, object: &T, out: &mut Vec<u8>) {
        match self.accept.media {
            Media::Json => {
                open_json_frame(kind, out);
                match self.accept.view {
                    View::Table => {
                        table::write(self, std::iter::once(object), r#""metadata":{}"#, out);
                    }
                    _ => self.json(object, true, out),
                }
                out.extend_from_slice(b"}\n");
            }
            Media::Protobuf => protobuf::frame(kind, &self.enveloped(object), out),
        }
    }

    /// The message of a watch that something went wrong.
    pub(super) fn error_frame(&self, status: &Status, out: &mut Vec<u8>) {
        match self.accept.media {
            Media::Json => {
                open_json_frame("ERROR", out);
                out.extend_from_slice(status.json().to_string().as_bytes());
                out.extend_from_slice(b"}\n");
            }
            Media::Protobuf => protobuf::frame("ERROR", &status.encode(Media::Protobuf), out),
        }
    }

    fn json<T: Kept>(&self, object: &T, typed: bool, out: &mut Vec<u8>) {
        if self.accept.view == View::Metadata {
            let head =
                br#"{"kind":"PartialObjectMetadata","apiVersion":"meta.k8s.io/v1","metadata":"#;
            out.extend_from_slice(head);
            object.write_metadata(self, out);
            out.push(b'}');
        } else {
            object.write(self, typed, out);
        }
    }

    fn enveloped<T: Kept>(&self, object: &T) -> Vec<u8> {
        let message = self.message(object);
        match self.accept.view {
            View::Whole => {
                protobuf::unknown(&self.resource.api_version(), self.resource.kind, &message)
            }
            _ => protobuf::unknown(META, "PartialObjectMetadata", &message),
        }
    }

    fn message<T: Kept>(&self, object: &T) -> Vec<u8> {
        let message = object.protobuf(self);
        match self.accept.view {
            View::Whole => message,
            _ => protobuf::only_metadata(&message),
        }
    }
}

fn open_json_frame(kind: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(br#"{"type":""#);
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(br#"","object":"#);
}

/// The manager that `managedFields` of an Event name: the program that wrote it.
pub(super) fn manager(event: &Event) -> &str {
    if event.source.component.is_empty() {
        &event.reporting_component
    } else {
        &event.source.component
    }
}
