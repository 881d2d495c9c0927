//! `urlParse` and `urlJoin`: maps of the parts of a URL.

use super::{
    arguments::{dict, nil_dereference, text},
    url::{self, Url, UserInfo},
};
use crate::{
    context::Context,
    function::CallError,
    quote,
    value::{Map, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn parse<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let url = parsed(text(args, 0).as_bytes())
        .map_err(|why| CallError::new(format!("unable to parse url: {why}")))?;
    let hostname = url.hostname().to_vec();
    let user = url.user.as_ref().map(UserInfo::escaped).unwrap_or_default();
    let parts = [
        ("scheme", url.scheme),
        ("host", url.host),
        ("hostname", hostname),
        ("path", url.path),
        ("query", url.query),
        ("opaque", url.opaque),
        ("fragment", url.fragment),
        ("userinfo", user),
    ];
    Ok(Map::dict(parts.map(|(name, part)| (Str::Borrowed(name), Value::Str(part.into())))).into())
}

/// Go's error names the text that it was about.
fn parsed(text: &[u8]) -> Result<Url, String> {
    url::parse(text).map_err(|(part, why)| format!("parse {}: {why}", quote::quote(part, false)))
}

pub(super) fn join<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let map = dict(args, 0);
    let part = |key: &str| match map.get(key.as_bytes()) {
        None => Ok(Vec::new()),
        Some(Value::Nil | Value::Invalid) => Err(nil_dereference()),
        Some(value) => {
            let text = value.as_str().map(|text| text.as_bytes().to_vec());
            text.ok_or_else(|| {
                let kind = value.kind().name();
                CallError::new(format!(
                    "unable to parse {key} key, must be of type string, but {kind} found"
                ))
            })
        }
    };
    let mut joined = Url {
        scheme: part("scheme")?,
        host: part("host")?,
        path: part("path")?,
        query: part("query")?,
        opaque: part("opaque")?,
        fragment: part("fragment")?,
        ..Url::default()
    };
    let user = part("userinfo")?;
    if !user.is_empty() {
        let around = [b"proto://", user.as_slice(), b"@host"].concat();
        joined.user = parsed(&around)
            .map_err(|why| CallError::new(format!("unable to parse userinfo in dict: {why}")))?
            .user;
    }
    Ok(Str::from(joined.joined()).into())
}
