//! What may be said about a receiver: where it is, and with which headers it is asked. No secrets.

use std::fmt::Write;

use event::Payload;
use serde_json::Value;

use crate::{check::print, settings::Receiver};

/// Keys under which a kind is told where its destination is.
const PLACES: [&str; 4] = ["endpoint", "url", "path", "address"];

/// Headers that are no secrets, whatever they say.
const PLAIN: [&str; 4] = ["accept", "content-type", "idempotency-key", "user-agent"];

/// Where the receiver is, as far as it can be told: a path, or scheme and host of a URL.
pub(crate) fn place(receiver: &Receiver) -> String {
    let text = |key: &str| receiver.settings.get(key).and_then(Value::as_str);
    match PLACES.iter().find_map(|key| text(key)) {
        Some(text) => print::place(text).unwrap_or_else(|| text.to_owned()),
        None if receiver.kind.name == "stdout" => "standard output".into(),
        None => receiver.kind.name.into(),
    }
}

/// Where a payload would go, and each header on a line of its own.
pub(crate) fn request(receiver: &Receiver, payload: &Payload) -> String {
    let verb = if receiver.settings.get("endpoint").is_some() { "POST " } else { "" };
    let mut text = format!("{verb}{} ({})\n", place(receiver), receiver.kind.name);
    let configured = receiver.settings.get("headers").and_then(Value::as_object);
    let configured = configured.into_iter().flatten();
    let mut headers: Vec<(&str, Option<&str>)> =
        configured.map(|(name, value)| (&**name, value.as_str())).collect();
    for (name, value) in &payload.headers {
        headers.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
        headers.push((name, Some(value)));
    }
    for (name, value) in headers {
        let is_plain = PLAIN.iter().any(|plain| plain.eq_ignore_ascii_case(name));
        let value = value.filter(|_| is_plain).unwrap_or(print::HIDDEN);
        writeln!(text, "  {name}: {value}").expect("a string takes it");
    }
    text
}
