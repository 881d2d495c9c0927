//! `toJson` and its kin, with the bytes of Go's `encoding/json`.

use super::{
    arguments::any,
    limits::{self, Walk},
};
use crate::{
    context::Context,
    fmt,
    function::CallError,
    time::Time,
    value::{Map, Str, Value},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn to_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    quiet(encode(any(args, 0)))
}

pub(super) fn must_to_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    loud(encode(any(args, 0)))
}

pub(super) fn to_pretty_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    quiet(encode(any(args, 0)).and_then(|json| pretty(&json)))
}

pub(super) fn must_to_pretty_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    loud(encode(any(args, 0)).and_then(|json| pretty(&json)))
}

pub(super) fn to_raw_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    loud(encode(any(args, 0)).map(|json| unescape_html(&json)))
}

/// What Go refuses is an empty text; what we refuse is an error everywhere.
fn quiet<'a>(json: Result<Vec<u8>, Refused>) -> Answer<'a> {
    match json {
        Err(Refused::ByGo(_)) => Ok(Value::Str(Str::Borrowed(""))),
        json => loud(json),
    }
}

fn loud<'a>(json: Result<Vec<u8>, Refused>) -> Answer<'a> {
    match json {
        Ok(json) => Ok(Value::Str(json.into())),
        Err(Refused::ByGo(error) | Refused::ByUs(error)) => Err(error),
    }
}

/// Why there is no JSON of a value.
enum Refused {
    ByGo(CallError),
    ByUs(CallError),
}

impl From<CallError> for Refused {
    fn from(error: CallError) -> Self {
        Self::ByUs(error)
    }
}

fn encode(value: &Value<'_>) -> Result<Vec<u8>, Refused> {
    let mut encoder = Encoder { out: Vec::new(), walk: Walk::new() };
    encoder.value(value)?;
    Ok(encoder.out)
}

struct Encoder {
    out: Vec<u8>,
    walk: Walk,
}

impl Encoder {
    fn value(&mut self, value: &Value<'_>) -> Result<(), Refused> {
        self.walk.enter()?;
        limits::bytes(self.out.len())?;
        match value {
            Value::Nil | Value::Invalid | Value::NilPointer(_) => self.push("null"),
            Value::Bool(bool) => self.push(if *bool { "true" } else { "false" }),
            Value::Int(_, number) => self.push(&number.to_string()),
            Value::Uint(_, number) => self.push(&number.to_string()),
            Value::Float(number) => self.float(*number)?,
            Value::Str(text) | Value::Named(_, text) => string(&mut self.out, text.as_bytes()),
            Value::Bytes(bytes) => {
                let text = super::encoding::base64(bytes);
                string(&mut self.out, text.as_bytes());
            }
            Value::List(list) if list.is_nil() => self.push("null"),
            Value::List(list) => {
                self.push("[");
                for (at, item) in list.items().iter().enumerate() {
                    self.comma(at);
                    self.value(item)?;
                }
                self.push("]");
            }
            Value::Map(map) => self.map(map)?,
            Value::Time(time) => self.time(time)?,
            Value::Struct(object) => {
                if !object.class().json(object.data(), &mut self.out) {
                    self.fields(&object.fields())?;
                }
            }
            Value::Object(object) => match object.json() {
                Some(json) => self.push(&json),
                None => self.fields(&object.fields())?,
            },
            Value::Pointer(inner) => self.value(inner)?,
        }
        self.walk.leave();
        Ok(())
    }

    fn push(&mut self, text: &str) {
        self.out.extend_from_slice(text.as_bytes());
    }

    fn comma(&mut self, at: usize) {
        if at > 0 {
            self.out.push(b',');
        }
    }

    fn map(&mut self, map: &Map<'_>) -> Result<(), Refused> {
        if map.is_nil() {
            self.push("null");
            return Ok(());
        }
        self.push("{");
        for (at, (key, value)) in map.entries().iter().enumerate() {
            self.comma(at);
            string(&mut self.out, key.as_bytes());
            self.push(":");
            self.value(value)?;
        }
        self.push("}");
        Ok(())
    }

    fn fields(&mut self, fields: &[(&'static str, Value<'_>)]) -> Result<(), Refused> {
        self.push("{");
        for (at, (name, value)) in fields.iter().enumerate() {
            self.comma(at);
            string(&mut self.out, name.as_bytes());
            self.push(":");
            self.value(value)?;
        }
        self.push("}");
        Ok(())
    }

    fn float(&mut self, number: f64) -> Result<(), Refused> {
        if !number.is_finite() {
            let name = if number.is_nan() {
                "NaN"
            } else if number > 0.0 {
                "+Inf"
            } else {
                "-Inf"
            };
            return Err(Refused::ByGo(CallError::new(format!("json: unsupported value: {name}"))));
        }
        if number.is_sign_negative() {
            self.push("-");
        }
        let size = number.abs();
        let (mut digits, exponent) = fmt::shortest(size);
        if size != 0.0 && !(1e-6..1e21).contains(&size) {
            if digits.len() > 1 {
                digits.insert(1, '.');
            }
            self.push(&format!("{digits}e{exponent:+}"));
            return Ok(());
        }
        match usize::try_from(exponent) {
            Err(_) => {
                let zeros = usize::try_from(-exponent - 1).unwrap_or_default();
                self.push(&format!("0.{}{digits}", "0".repeat(zeros)));
            }
            Ok(before) if before + 1 < digits.len() => {
                digits.insert(before + 1, '.');
                self.push(&digits);
            }
            Ok(before) => {
                let zeros = (before + 1).saturating_sub(digits.len());
                self.push(&digits);
                self.push(&"0".repeat(zeros));
            }
        }
        Ok(())
    }

    fn time(&mut self, time: &Time) -> Result<(), Refused> {
        let year = time.zoned().year();
        if !(0..=9999).contains(&year) {
            return Err(Refused::ByGo(CallError::new(
                "json: error calling MarshalJSON for type time.Time: Time.MarshalJSON: \
                 year outside of range [0,9999]",
            )));
        }
        self.push("\"");
        time.write_format(&mut self.out, b"2006-01-02T15:04:05.999999999Z07:00");
        self.push("\"");
        Ok(())
    }
}

/// Appends a JSON string. HTML's characters are escaped, and those that end a line in JavaScript.
pub(crate) fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    out.push(b'"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\u{8}' => out.extend_from_slice(b"\\b"),
                '\u{c}' => out.extend_from_slice(b"\\f"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                '\0'..'\u{20}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                    out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
                }
                c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for _ in chunk.invalid() {
            out.extend_from_slice(b"\\ufffd");
        }
    }
    out.push(b'"');
}

/// The same JSON with HTML's characters as they are.
fn unescape_html(json: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(json.len());
    let mut rest = json;
    while let Some(at) = memchr::memchr(b'\\', rest) {
        out.extend_from_slice(&rest[..at]);
        let (plain, length): (&[u8], _) = match rest.get(at..at + 6) {
            Some(b"\\u003c") => (b"<", 6),
            Some(b"\\u003e") => (b">", 6),
            Some(b"\\u0026") => (b"&", 6),
            // The escape of anything else, a backslash for one.
            _ => (rest.get(at..at + 2).unwrap_or(b"\\"), 2.min(rest.len() - at)),
        };
        out.extend_from_slice(plain);
        rest = &rest[at + length..];
    }
    out.extend_from_slice(rest);
    out
}

/// Go's `json.Indent` with two spaces: empty objects and arrays stay on one line.
fn pretty(json: &[u8]) -> Result<Vec<u8>, Refused> {
    let mut out = Vec::with_capacity(json.len() * 2);
    let mut depth = 0;
    let mut in_string = false;
    let mut escaped = false;
    let new_line = |out: &mut Vec<u8>, depth: usize| {
        out.push(b'\n');
        out.resize(out.len() + 2 * depth, b' ');
    };
    for (at, byte) in json.iter().copied().enumerate() {
        if in_string {
            out.push(byte);
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
            continue;
        }
        match byte {
            b'{' | b'[' => {
                out.push(byte);
                if !matches!(json.get(at + 1), Some(b'}' | b']')) {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            b'}' | b']' => {
                if !matches!(json.get(at.wrapping_sub(1)), Some(b'{' | b'[')) {
                    depth = depth.saturating_sub(1);
                    new_line(&mut out, depth);
                }
                out.push(byte);
            }
            b',' => {
                out.push(byte);
                new_line(&mut out, depth);
            }
            b':' => out.extend_from_slice(b": "),
            byte => {
                in_string = byte == b'"';
                out.push(byte);
            }
        }
        limits::bytes(out.len())?;
    }
    Ok(out)
}
