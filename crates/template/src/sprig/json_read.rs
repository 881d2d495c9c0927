//! `fromJson`, with the errors of Go's `encoding/json`. Numbers are floats.

use super::{arguments::text, limits};
use crate::{
    context::Context,
    function::CallError,
    value::{MAX_DEPTH, Map, Str, Value, lossy},
};

type Answer<'a> = Result<Value<'a>, CallError>;

pub(super) fn from_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut reader = Reader::new(text(args, 0).as_bytes());
    // What is no JSON is nil; a number that is too large leaves nil in its place.
    Ok(reader.document().unwrap_or(Value::Nil))
}

pub(super) fn must_from_json<'a>(_: &Context<'_>, args: &[Value<'a>]) -> Answer<'a> {
    let mut reader = Reader::new(text(args, 0).as_bytes());
    let value = reader.document()?;
    match reader.too_large {
        Some(error) => Err(error),
        None => Ok(value),
    }
}

struct Reader<'t> {
    text: &'t [u8],
    at: usize,
    depth: usize,
    values: usize,
    /// The first number that no float can hold.
    too_large: Option<CallError>,
}

impl<'t> Reader<'t> {
    fn new(text: &'t [u8]) -> Self {
        Self { text, at: 0, depth: 0, values: 0, too_large: None }
    }

    fn document<'a>(&mut self) -> Answer<'a> {
        let value = self.value()?;
        self.space();
        match self.peek() {
            None => Ok(value),
            Some(_) => Err(self.unexpected("after top-level value")),
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\r' | b'\n') = self.peek() {
            self.at += 1;
        }
    }

    /// Go's complaint about the byte here, which it shows as if it were a character.
    fn unexpected(&self, context: &str) -> CallError {
        // Go tells the end by a space: only what a space cannot end complains about that.
        let inside = [
            "in literal",
            "in numeric",
            "after decimal",
            "in exponent",
            "in string escape",
            "in \\u",
        ];
        let byte = match self.peek() {
            Some(byte) => byte,
            None if inside.iter().any(|start| context.starts_with(start)) => b' ',
            None => return CallError::new("unexpected end of JSON input"),
        };
        let quoted = match byte {
            b'\'' => r"'\''".to_owned(),
            b'"' => "'\"'".to_owned(),
            byte => {
                let mut buffer = [0; 4];
                let text = char::from(byte).encode_utf8(&mut buffer);
                let literal = crate::quote::quote(text.as_bytes(), false);
                format!("'{}'", &literal[1..literal.len() - 1])
            }
        };
        CallError::new(format!("invalid character {quoted} {context}"))
    }

    fn value<'a>(&mut self) -> Answer<'a> {
        self.space();
        self.values += 1;
        limits::items(self.values)?;
        match self.peek() {
            Some(b'{') => self.nested(Self::object),
            Some(b'[') => self.nested(Self::array),
            Some(b'"') => Ok(Value::Str(self.string()?)),
            Some(b'-' | b'0'..=b'9') => self.number(),
            Some(b't') => self.word("true", Value::Bool(true)),
            Some(b'f') => self.word("false", Value::Bool(false)),
            Some(b'n') => self.word("null", Value::Nil),
            _ => Err(self.unexpected("looking for beginning of value")),
        }
    }

    fn nested<'a>(&mut self, read: fn(&mut Self) -> Answer<'a>) -> Answer<'a> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(CallError::new("exceeded max depth"));
        }
        self.at += 1;
        self.space();
        let value = read(self);
        self.depth -= 1;
        value
    }

    fn object<'a>(&mut self) -> Answer<'a> {
        let mut entries = Vec::new();
        if self.peek() == Some(b'}') {
            self.at += 1;
            return Ok(Map::dict(entries).into());
        }
        loop {
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("looking for beginning of object key string"));
            }
            let key = self.string()?;
            self.space();
            if self.peek() != Some(b':') {
                return Err(self.unexpected("after object key"));
            }
            self.at += 1;
            entries.push((key, self.value()?));
            self.space();
            match self.peek() {
                Some(b'}') => break,
                Some(b',') => self.at += 1,
                _ => return Err(self.unexpected("after object key:value pair")),
            }
            self.space();
        }
        self.at += 1;
        Ok(Map::dict(entries).into())
    }

    fn array<'a>(&mut self) -> Answer<'a> {
        let mut items = Vec::new();
        if self.peek() == Some(b']') {
            self.at += 1;
            return Ok(Value::list(items));
        }
        loop {
            items.push(self.value()?);
            self.space();
            match self.peek() {
                Some(b']') => break,
                Some(b',') => self.at += 1,
                _ => return Err(self.unexpected("after array element")),
            }
        }
        self.at += 1;
        Ok(Value::list(items))
    }

    fn word<'a>(&mut self, word: &str, value: Value<'a>) -> Answer<'a> {
        self.at += 1;
        for letter in word.bytes().skip(1) {
            if self.peek() != Some(letter) {
                let letter = char::from(letter);
                return Err(self.unexpected(&format!("in literal {word} (expecting '{letter}')")));
            }
            self.at += 1;
        }
        Ok(value)
    }

    fn digits(&mut self, context: &str) -> Result<(), CallError> {
        if !self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            return Err(self.unexpected(context));
        }
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        Ok(())
    }

    fn number<'a>(&mut self) -> Answer<'a> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            // No other digit may follow.
            self.at += 1;
        } else {
            self.digits("in numeric literal")?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits("after decimal point in numeric literal")?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits("in exponent of numeric literal")?;
        }
        let text = lossy(&self.text[start..self.at]);
        match text.parse::<f64>() {
            Ok(number) if number.is_finite() => Ok(Value::Float(number)),
            _ => {
                self.too_large.get_or_insert_with(|| {
                    CallError::new(format!(
                        "json: cannot unmarshal number {text} into Go value of type float64"
                    ))
                });
                Ok(Value::Nil)
            }
        }
    }

    fn string<'a>(&mut self) -> Result<Str<'a>, CallError> {
        self.at += 1;
        let mut out = Vec::new();
        loop {
            let from = self.at;
            while self.peek().is_some_and(|byte| byte >= 0x20 && byte != b'"' && byte != b'\\') {
                self.at += 1;
            }
            out.extend_from_slice(&self.text[from..self.at]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape(&mut out)?,
                _ => return Err(self.unexpected("in string literal")),
            }
        }
        self.at += 1;
        // What is no UTF-8 becomes U+FFFD here.
        Ok(lossy(&out).into())
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), CallError> {
        self.at += 1;
        let byte = match self.peek() {
            Some(byte @ (b'"' | b'\\' | b'/')) => byte,
            Some(b'b') => 0x08,
            Some(b'f') => 0x0c,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'u') => {
                self.at += 1;
                let c = self.code_point()?;
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return Err(self.unexpected("in string escape code")),
        };
        self.at += 1;
        out.push(byte);
        Ok(())
    }

    /// The character of one escape, or of two that are a pair of surrogates.
    fn code_point(&mut self) -> Result<char, CallError> {
        let unit = self.unit()?;
        if let Some(c) = char::from_u32(unit) {
            return Ok(c);
        }
        if unit < 0xDC00 && self.text[self.at..].starts_with(b"\\u") {
            let after_first = self.at;
            self.at += 2;
            let second = self.unit()?;
            if (0xDC00..0xE000).contains(&second) {
                let point = 0x1_0000 + ((unit - 0xD800) << 10) + (second - 0xDC00);
                return Ok(char::from_u32(point).unwrap_or(char::REPLACEMENT_CHARACTER));
            }
            // Not its other half: it stands for itself.
            self.at = after_first;
        }
        Ok(char::REPLACEMENT_CHARACTER)
    }

    fn unit(&mut self) -> Result<u32, CallError> {
        let mut unit = 0;
        for _ in 0..4 {
            let digit = self.peek().and_then(|byte| char::from(byte).to_digit(16));
            let Some(digit) = digit else {
                return Err(self.unexpected("in \\u hexadecimal character escape"));
            };
            unit = unit * 16 + digit;
            self.at += 1;
        }
        Ok(unit)
    }
}
