//! Where in a file something stands, as the user would say it.

use std::fmt;

/// A path from the root; each part lives on the stack of whoever walks.
#[derive(Debug, Clone, Copy)]
pub(super) enum Path<'a> {
    Root(&'a str),
    Key(&'a Self, &'a str),
    Index(&'a Self, usize),
}

impl fmt::Display for Path<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Root(root) => f.write_str(root),
            Self::Key(parent, key) if is_plain(key) => match parent {
                Self::Root("") => f.write_str(key),
                _ => write!(f, "{parent}.{key}"),
            },
            Self::Key(parent, key) => write!(f, "{parent}{}", quoted(key)),
            Self::Index(parent, index) => write!(f, "{parent}[{index}]"),
        }
    }
}

fn is_plain(key: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    !key.is_empty() && key.bytes().all(plain)
}

/// A key that is not a plain word, as a part of a path: `["app.kubernetes.io/name"]`.
pub fn quoted(key: &str) -> String {
    format!("[{key:?}]")
}
