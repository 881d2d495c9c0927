//! A URL as Go's `net/url` takes it apart and puts it together. Source: `net/url/url.go` of Go 1.26.

use std::net::Ipv6Addr;

use crate::{quote, value::lossy};

/// The parts of a URL, without escapes except where they stand as they were: `query`, `opaque`.
#[derive(Debug, Default)]
pub(super) struct Url {
    pub(super) scheme: Vec<u8>,
    pub(super) opaque: Vec<u8>,
    pub(super) user: Option<UserInfo>,
    pub(super) host: Vec<u8>,
    pub(super) path: Vec<u8>,
    pub(super) query: Vec<u8>,
    pub(super) fragment: Vec<u8>,
}

/// Who asks.
#[derive(Debug)]
pub(super) struct UserInfo {
    name: Vec<u8>,
    password: Option<Vec<u8>>,
}

/// Where in a URL something is escaped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Path,
    Host,
    Zone,
    User,
    Fragment,
}

/// Takes a URL apart; an error comes with the text that it is about.
pub(super) fn parse(text: &[u8]) -> Result<Url, (&[u8], String)> {
    let (before, fragment) = cut(text, b'#').unwrap_or((text, b""));
    let mut url = without_fragment(before).map_err(|why| (before, why))?;
    url.fragment = unescape(fragment, Part::Fragment).map_err(|why| (text, why))?;
    Ok(url)
}

fn cut(text: &[u8], at: u8) -> Option<(&[u8], &[u8])> {
    let at = memchr::memchr(at, text)?;
    Some((&text[..at], &text[at + 1..]))
}

fn without_fragment(text: &[u8]) -> Result<Url, String> {
    if text.iter().any(|byte| *byte < b' ' || *byte == 0x7f) {
        return Err("net/url: invalid control character in URL".into());
    }
    let mut url = Url::default();
    if text == b"*" {
        url.path = text.to_vec();
        return Ok(url);
    }
    let (scheme, rest) = scheme(text)?;
    url.scheme = scheme.to_ascii_lowercase();
    let (mut rest, query) = cut(rest, b'?').unwrap_or((rest, b""));
    url.query = query.to_vec();
    if !rest.starts_with(b"/") {
        if !url.scheme.is_empty() {
            url.opaque = rest.to_vec();
            return Ok(url);
        }
        if cut(rest, b'/').map_or(rest, |(first, _)| first).contains(&b':') {
            return Err("first path segment in URL cannot contain colon".into());
        }
    }
    if rest.starts_with(b"//") && (!url.scheme.is_empty() || !rest.starts_with(b"///")) {
        let authority = &rest[2..];
        let end = memchr::memchr(b'/', authority).unwrap_or(authority.len());
        rest = &authority[end..];
        url.authority(&authority[..end])?;
    }
    url.path = unescape(rest, Part::Path)?;
    Ok(url)
}

fn scheme(text: &[u8]) -> Result<(&[u8], &[u8]), String> {
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' => {}
            b'0'..=b'9' | b'+' | b'-' | b'.' if at > 0 => {}
            b':' if at == 0 => return Err("missing protocol scheme".into()),
            b':' => return Ok((&text[..at], &text[at + 1..])),
            _ => break,
        }
    }
    Ok((b"", text))
}

fn parsed_host(host: &[u8]) -> Result<Vec<u8>, String> {
    let port_error = |port: &[u8]| format!("invalid port {} after host", quote::quote(port, false));
    match memchr::memrchr(b'[', host) {
        Some(0) => {}
        Some(_) => return Err("invalid IP-literal".into()),
        None => {
            // The last colon, as before Go 1.26: the original is older.
            if let Some(colon) = memchr::memrchr(b':', host)
                && !optional_port(&host[colon..])
            {
                return Err(port_error(&host[colon..]));
            }
            return unescape(host, Part::Host);
        }
    }
    let end = memchr::memrchr(b']', host).ok_or("missing ']' in host")?;
    let port = &host[end + 1..];
    if !optional_port(port) {
        return Err(port_error(port));
    }
    let name = &host[1..end];
    let zone = memchr::memmem::find(name, b"%25").unwrap_or(name.len());
    let mut address = unescape(&name[..zone], Part::Host)?;
    let valid = str::from_utf8(&address).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok());
    address.extend(unescape(&name[zone..], Part::Zone)?);
    if !valid {
        if lossy(&address).parse::<std::net::Ipv4Addr>().is_ok() {
            return Err("invalid IP-literal".into());
        }
        let shown = quote::quote(&address, false);
        return Err(format!("invalid host: ParseAddr({shown}): unable to parse IP"));
    }
    Ok([b"[", address.as_slice(), b"]", port].concat())
}

impl Url {
    fn authority(&mut self, authority: &[u8]) -> Result<(), String> {
        let at = memchr::memrchr(b'@', authority);
        let host = at.map_or(authority, |at| &authority[at + 1..]);
        self.host = parsed_host(host)?;
        let Some(at) = at else { return Ok(()) };
        let user = &authority[..at];
        let allowed =
            |byte: &u8| byte.is_ascii_alphanumeric() || b"-._:~!$&'()*+,;=%@".contains(byte);
        if !user.iter().all(allowed) {
            return Err("net/url: invalid userinfo".into());
        }
        let (name, password) = match cut(user, b':') {
            Some((name, password)) => (name, Some(password)),
            None => (user, None),
        };
        let name = unescape(name, Part::User)?;
        let password = password.map(|password| unescape(password, Part::User)).transpose()?;
        self.user = Some(UserInfo { name, password });
        Ok(())
    }

    /// The host without port and brackets.
    pub(super) fn hostname(&self) -> &[u8] {
        let mut host = self.host.as_slice();
        if let Some(colon) = memchr::memrchr(b':', host)
            && optional_port(&host[colon..])
        {
            host = &host[..colon];
        }
        host.strip_prefix(b"[").and_then(|inner| inner.strip_suffix(b"]")).unwrap_or(host)
    }

    /// The URL as text.
    pub(super) fn joined(&self) -> Vec<u8> {
        let mut out = Vec::new();
        if !self.scheme.is_empty() {
            out.extend_from_slice(&self.scheme);
            out.push(b':');
        }
        if self.opaque.is_empty() {
            self.join_hierarchy(&mut out);
        } else {
            out.extend_from_slice(&self.opaque);
        }
        if !self.query.is_empty() {
            out.push(b'?');
            out.extend_from_slice(&self.query);
        }
        if !self.fragment.is_empty() {
            out.push(b'#');
            escape(&mut out, &self.fragment, Part::Fragment);
        }
        out
    }

    fn join_hierarchy(&self, out: &mut Vec<u8>) {
        let somewhere = !self.host.is_empty() || self.user.is_some();
        if somewhere || !self.scheme.is_empty() && !self.path.is_empty() {
            out.extend_from_slice(b"//");
        }
        if let Some(user) = &self.user {
            out.extend_from_slice(&user.escaped());
            out.push(b'@');
        }
        escape(out, &self.host, Part::Host);
        let mut path = Vec::new();
        if self.path == b"*" {
            path.push(b'*');
        } else {
            escape(&mut path, &self.path, Part::Path);
        }
        if !path.is_empty() && !path.starts_with(b"/") && !self.host.is_empty() {
            out.push(b'/');
        }
        // A colon in the first segment would make a scheme of it.
        if out.is_empty()
            && cut(&path, b'/').map_or(path.as_slice(), |(first, _)| first).contains(&b':')
        {
            out.extend_from_slice(b"./");
        }
        out.extend_from_slice(&path);
    }
}

impl UserInfo {
    pub(super) fn escaped(&self) -> Vec<u8> {
        let mut out = Vec::new();
        escape(&mut out, &self.name, Part::User);
        if let Some(password) = &self.password {
            out.push(b':');
            escape(&mut out, password, Part::User);
        }
        out
    }
}

fn optional_port(port: &[u8]) -> bool {
    match port {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

fn hex_value(byte: Option<&u8>) -> Option<u8> {
    char::from(*byte?).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

fn unescape(text: &[u8], part: Part) -> Result<Vec<u8>, String> {
    let mut out = Vec::with_capacity(text.len());
    let mut at = 0;
    let escape_error = |bytes: &[u8]| format!("invalid URL escape {}", quote::quote(bytes, false));
    while let Some(byte) = text.get(at).copied() {
        if byte == b'%' {
            let shown = &text[at..(at + 3).min(text.len())];
            let (Some(high), Some(low)) =
                (hex_value(text.get(at + 1)), hex_value(text.get(at + 2)))
            else {
                return Err(escape_error(shown));
            };
            let value = high << 4 | low;
            let refused = match part {
                Part::Host => high < 8 && shown != b"%25",
                Part::Zone => shown != b"%25" && value != b' ' && is_escaped(value, Part::Host),
                _ => false,
            };
            if refused {
                return Err(escape_error(shown));
            }
            out.push(value);
            at += 3;
            continue;
        }
        if matches!(part, Part::Host | Part::Zone) && byte < 0x80 && is_escaped(byte, part) {
            return Err(format!("invalid character {} in host name", quote::quote(&[byte], false)));
        }
        out.push(byte);
        at += 1;
    }
    Ok(out)
}

fn escape(out: &mut Vec<u8>, text: &[u8], part: Part) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    for byte in text {
        if is_escaped(*byte, part) {
            let digit = |half: u8| DIGITS[usize::from(half)];
            out.extend_from_slice(&[b'%', digit(byte >> 4), digit(byte & 15)]);
        } else {
            out.push(*byte);
        }
    }
}

fn is_escaped(byte: u8, part: Part) -> bool {
    if byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte) {
        return false;
    }
    if matches!(part, Part::Host | Part::Zone) {
        return !b"!$&'()*+,;=:[]<>\"".contains(&byte);
    }
    if b"$&+,/:;=?@".contains(&byte) {
        return match part {
            Part::Path => byte == b'?',
            Part::User => b"@/?:".contains(&byte),
            _ => false,
        };
    }
    !(part == Part::Fragment && b"!()*".contains(&byte))
}
