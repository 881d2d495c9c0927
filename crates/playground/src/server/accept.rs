//! Which form of an answer the client accepts.

use http::{HeaderMap, header};

use super::status::Status;

/// How an answer is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Media {
    Json,
    Protobuf,
}

/// How much of an object is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum View {
    Whole,
    /// `PartialObjectMetadata`
    Metadata,
    /// What kubectl prints.
    Table,
}

/// Encoding and view, as agreed with the client.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Accept {
    pub(super) media: Media,
    pub(super) view: View,
}

pub(super) const JSON: Accept = Accept { media: Media::Json, view: View::Whole };

impl Media {
    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf",
        }
    }

    pub(super) fn watch_content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Protobuf => "application/vnd.kubernetes.protobuf;stream=watch",
        }
    }
}

impl Accept {
    /// What of the `Accept` header can be served. Not every kind has a whole form in protobuf here.
    pub(super) fn negotiate(headers: &HeaderMap, whole_protobuf: bool) -> Result<Self, Status> {
        let Some(header) = headers.get(header::ACCEPT) else {
            return Ok(JSON);
        };
        let text = String::from_utf8_lossy(header.as_bytes());
        let mut clauses: Vec<Clause<'_>> = text.split(',').map(Clause::read).collect();
        // Sorting is stable: among equals the order of the header decides.
        clauses.sort_by(|one, other| other.quality.total_cmp(&one.quality));
        let served = clauses.iter().find_map(|clause| clause.serve(whole_protobuf));
        served.ok_or_else(Status::not_acceptable)
    }
}

/// Whether the client can read gzip.
pub(super) fn accepts_gzip(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok());
    accepted.is_some_and(|accepted| accepted.contains("gzip"))
}

struct Clause<'a> {
    media: &'a str,
    /// The `as` parameter.
    view: &'a str,
    quality: f64,
}

impl<'a> Clause<'a> {
    fn read(text: &'a str) -> Self {
        let mut parts = text.split(';').map(str::trim);
        let mut clause = Self { media: parts.next().unwrap_or_default(), view: "", quality: 1.0 };
        for part in parts {
            match part.split_once('=') {
                Some(("as", view)) => clause.view = view,
                Some(("q", quality)) => clause.quality = quality.parse().unwrap_or(1.0),
                _ => {}
            }
        }
        clause
    }

    fn serve(&self, whole_protobuf: bool) -> Option<Accept> {
        let media = match self.media {
            "application/json" | "application/*" | "*/*" | "" => Media::Json,
            "application/vnd.kubernetes.protobuf" => Media::Protobuf,
            _ => return None,
        };
        let view = match (self.view, media) {
            ("", Media::Protobuf) if !whole_protobuf => return None,
            ("", _) => View::Whole,
            ("PartialObjectMetadata" | "PartialObjectMetadataList", _) => View::Metadata,
            ("Table", Media::Json) => View::Table,
            _ => return None,
        };
        Some(Accept { media, view })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(header: &str, expected: Option<(Media, View)>) {
        let headers = HeaderMap::from_iter([(header::ACCEPT, header.parse().unwrap())]);
        let accept = Accept::negotiate(&headers, true).ok();
        assert_eq!(accept.map(|a| (a.media, a.view)), expected, "{header}");
    }

    #[test]
    fn the_best_that_both_sides_know_is_served() {
        check("application/json", Some((Media::Json, View::Whole)));
        check("*/*", Some((Media::Json, View::Whole)));
        check("application/cbor;q=0.9,application/json", Some((Media::Json, View::Whole)));
        check(
            "application/vnd.kubernetes.protobuf;stream=watch",
            Some((Media::Protobuf, View::Whole)),
        );
        check(
            "application/json;q=0.1, application/vnd.kubernetes.protobuf",
            Some((Media::Protobuf, View::Whole)),
        );
        check(
            "application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
            Some((Media::Json, View::Metadata)),
        );
        check(
            "application/json;as=Table;v=v1;g=meta.k8s.io,application/json",
            Some((Media::Json, View::Table)),
        );
        check("text/html", None);
    }
}
