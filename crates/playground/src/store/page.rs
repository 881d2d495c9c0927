//! Lists in pages, every page as of the revision of the first; and the token that says where to go on.

use std::sync::Arc;

use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{
    ReadError, Selection,
    table::{Stored, Table},
};

/// What is asked of a list.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListQuery {
    /// Which objects.
    pub selection: Selection,
    /// As of this revision exactly; the newest when nothing.
    pub revision: Option<u64>,
    /// At most so many objects; 0 is no limit.
    pub limit: usize,
    /// Where the page before ended; empty for the first page.
    pub continue_token: String,
}

impl ListQuery {
    /// A token that goes on where `token` does, but at whatever revision is the newest then.
    pub fn inconsistent(token: &str) -> Result<String, BadToken> {
        let token = Token::read(token)?;
        Ok(Token::new(INCONSISTENT, &token.start, None).write())
    }
}

/// A page of a list.
#[derive(Debug, Clone, PartialEq)]
pub struct Page<T> {
    /// The objects, by namespace and name.
    pub items: Vec<Arc<T>>,
    /// The revision that the whole list is as of: `metadata.resourceVersion` of the list.
    pub revision: u64,
    /// How to get the next page; empty on the last.
    pub continue_token: String,
    /// How many are left after this page, when it is known.
    pub remaining: Option<usize>,
}

/// Why a continue token is no use. The texts are the API server's.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum BadToken {
    /// Not base64, or not what the base64 should hold.
    #[error("continue key is not valid: {0}")]
    Garbled(String),
    /// A revision of 0.
    #[error(
        "continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)"
    )]
    NoRevision,
    /// No key to go on from.
    #[error("continue key is not valid: encoded start key empty (version meta.k8s.io/v1)")]
    NoStart,
    /// Another version of the token.
    #[error("continue key is not valid: server does not recognize this encoded version {0}")]
    Version(String),
}

/// The revision in a token that goes on at the newest revision instead of the first page's.
const INCONSISTENT: i64 = -1;

#[derive(Debug, Serialize, Deserialize)]
struct Token {
    #[serde(default)]
    v: String,
    #[serde(default)]
    rv: i64,
    #[serde(default)]
    start: String,
    /// Ours: what is left from here on, so that no page has to count again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    left: Option<usize>,
}

impl Token {
    fn new(rv: i64, start: &str, left: Option<usize>) -> Self {
        Self { v: "meta.k8s.io/v1".into(), rv, start: start.into(), left }
    }

    fn read(text: &str) -> Result<Self, BadToken> {
        let garbled = |error: &dyn std::fmt::Display| BadToken::Garbled(error.to_string());
        let json = BASE64_URL_SAFE_NO_PAD.decode(text).map_err(|error| match error {
            base64::DecodeError::InvalidByte(at, _) => {
                garbled(&format_args!("illegal base64 data at input byte {at}"))
            }
            _ => {
                // Go names the first byte of the quantum that is not whole.
                garbled(&format_args!("illegal base64 data at input byte {}", text.len() / 4 * 4))
            }
        })?;
        let token: Self = serde_json::from_slice(&json).map_err(|error| garbled(&error))?;
        if token.v != "meta.k8s.io/v1" {
            return Err(BadToken::Version(token.v));
        }
        if token.rv == 0 {
            return Err(BadToken::NoRevision);
        }
        if token.start.is_empty() {
            return Err(BadToken::NoStart);
        }
        Ok(token)
    }

    fn write(&self) -> String {
        let json = serde_json::to_vec(self).expect("a token is plain text and numbers");
        BASE64_URL_SAFE_NO_PAD.encode(json)
    }
}

/// Reads one page of `table`, which was last written at `newest` and is compacted up to `oldest`.
pub(super) fn list<T: Stored>(
    table: &Table<T>,
    query: &ListQuery,
    newest: u64,
    oldest: u64,
) -> Result<Page<T>, ReadError> {
    let prefix = query.selection.prefix();
    let (mut revision, mut start, mut left) =
        (query.revision.unwrap_or(newest), String::new(), None);
    if !query.continue_token.is_empty() {
        let token = Token::read(&query.continue_token).map_err(ReadError::BadToken)?;
        revision = u64::try_from(token.rv).unwrap_or(newest);
        if revision < oldest {
            let go_on = Token::new(INCONSISTENT, &token.start, None).write();
            return Err(ReadError::ContinueExpired { go_on });
        }
        start = format!("{prefix}{}", token.start);
        left = token.left;
    }
    if revision > newest {
        return Err(ReadError::Future { requested: revision, newest });
    }
    if revision < oldest {
        return Err(ReadError::Compacted { requested: revision, oldest });
    }

    let mut page =
        Page { items: Vec::new(), revision, continue_token: String::new(), remaining: None };
    let mut rest = table.range(&prefix, &start, revision);
    let mut last = None;
    for (key, object) in rest.by_ref() {
        if query.limit > 0 && page.items.len() == query.limit {
            // This one is the first of what is left.
            if query.selection.is_plain() {
                let counted = match left {
                    Some(left) => left.saturating_sub(page.items.len()),
                    None if prefix.is_empty() && start.is_empty() && revision == newest => {
                        table.live() - page.items.len()
                    }
                    None => 1 + rest.count(),
                };
                page.remaining = Some(counted);
            }
            let after = format!("{}\0", last.unwrap_or(key).strip_prefix(&*prefix).unwrap_or(key));
            let revision = i64::try_from(revision).unwrap_or(i64::MAX);
            page.continue_token = Token::new(revision, &after, page.remaining).write();
            break;
        }
        if query.selection.holds(&**object) {
            page.items.push(Arc::clone(object));
        }
        last = Some(key);
    }
    Ok(page)
}
