//! Go's `fmt`: how values print. Source: `fmt/print.go` and `fmt/format.go`.

/// Floats.
mod float;

/// `Printf`.
mod printf;

/// One value with one verb: integers, text, padding.
mod verb;

pub(crate) use float::shortest;

use crate::{
    quote,
    time::duration,
    value::{MAX_DEPTH, NilPointer, NilString, Struct, Value, lossy},
};

/// An address: the same every time, because nobody can mean it.
const ADDRESS: u64 = 0xc0_0000_0000;

/// Appends what a template prints for a value. Writes little more than `room` bytes.
pub(crate) fn print_value(out: &mut Vec<u8>, value: &Value<'_>, room: usize) {
    match value {
        Value::Str(text) => out.extend_from_slice(text.as_bytes()),
        Value::Invalid => out.extend_from_slice(b"<no value>"),
        // Structs of the data lie where a pointer can point to, so methods of the pointer count.
        Value::Struct(object)
            if object.has_address() && object.class().string(object.data(), true, out) => {}
        value => {
            let mut printer = Printer::new(out, room);
            printer.argument(&value.indirect(), 'v');
        }
    }
}

/// What `%v` prints, as text.
pub fn string(value: &Value<'_>) -> String {
    let mut out = Vec::new();
    Printer::new(&mut out, crate::context::MAX_BYTES).argument(value, 'v');
    String::from_utf8(out).unwrap_or_else(|error| lossy(error.as_bytes()))
}

/// What `Sprint` gives, or nothing when that would be more than `limit` bytes. With `indirect`, pointers
/// print as what they point to.
pub(crate) fn sprint(values: &[Value<'_>], limit: usize, indirect: bool) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, limit);
    let mut before = true;
    for (index, value) in values.iter().enumerate() {
        let string = value.as_str().is_some();
        if index > 0 && !string && !before {
            printer.push(b" ");
        }
        match value {
            Value::Nil | Value::Invalid if indirect => printer.push(b"<no value>"),
            Value::Struct(object) if indirect && object.pointer() => {
                let room = printer.limit.saturating_sub(printer.out.len());
                print_value(printer.out, value, room);
            }
            value if indirect => printer.argument(&value.indirect(), 'v'),
            value => printer.argument(value, 'v'),
        }
        before = string;
    }
    (!printer.full()).then_some(out)
}

/// What `Sprintln` gives, or nothing when that would be more than `limit` bytes.
pub(crate) fn sprintln(values: &[Value<'_>], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::new();
    let mut printer = Printer::new(&mut out, limit);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            printer.push(b" ");
        }
        printer.argument(value, 'v');
    }
    printer.push(b"\n");
    (!printer.full()).then_some(out)
}

/// What `Sprintf` gives, or nothing when that would be more than `limit` bytes.
pub(crate) fn sprintf(format: &[u8], values: &[Value<'_>], limit: usize) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(format.len() + 16);
    let mut printer = Printer::new(&mut out, limit);
    printf::run(&mut printer, format, values);
    (!printer.full()).then_some(out)
}

/// Flags between `%` and the verb.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of Go's fmt")]
struct Flags {
    width: Option<usize>,
    precision: Option<usize>,
    minus: bool,
    plus: bool,
    sharp: bool,
    space: bool,
    zero: bool,
    /// `%+v`
    plus_v: bool,
    /// `%#v`
    sharp_v: bool,
}

/// Prints values with verbs.
struct Printer<'o> {
    out: &'o mut Vec<u8>,
    /// Nothing is written behind this length.
    limit: usize,
    flags: Flags,
    /// Inside a complaint about a verb: methods are not asked.
    erroring: bool,
}

impl<'o> Printer<'o> {
    fn new(out: &'o mut Vec<u8>, room: usize) -> Self {
        let limit = out.len().saturating_add(room);
        Self { out, limit, flags: Flags::default(), erroring: false }
    }

    fn full(&self) -> bool {
        self.out.len() > self.limit
    }

    fn push(&mut self, bytes: &[u8]) {
        if !self.full() {
            self.out.extend_from_slice(bytes);
        }
    }

    fn push_char(&mut self, char: char) {
        self.push(char.encode_utf8(&mut [0; 4]).as_bytes());
    }

    /// An argument as it was given.
    fn argument(&mut self, value: &Value<'_>, verb: char) {
        match (value, verb) {
            (Value::Invalid | Value::Nil, 'T' | 'v') => self.pad(b"<nil>"),
            (Value::Invalid | Value::Nil, _) => self.bad_verb(&Value::Invalid, verb),
            (value, 'T') => self.text(value.type_name().as_bytes()),
            (value, 'p') => match value {
                Value::NilPointer(_) => self.unsigned_hex(0, !self.flags.sharp),
                Value::Pointer(_) | Value::Map(_) | Value::List(_) | Value::Bytes(_) => {
                    self.unsigned_hex(ADDRESS, !self.flags.sharp);
                }
                Value::Struct(object) if object.pointer() => {
                    self.unsigned_hex(ADDRESS, !self.flags.sharp);
                }
                value => self.bad_verb(value, verb),
            },
            (value, verb) => self.value(value, verb, 0),
        }
    }

    /// A value, maybe inside another.
    fn value(&mut self, value: &Value<'_>, verb: char, depth: usize) {
        if self.full() {
            return;
        }
        if depth > MAX_DEPTH {
            self.push(b"...");
            return;
        }
        if self.by_method(value, verb) {
            return;
        }
        match value {
            // Inside a map or a list: a nil interface.
            Value::Invalid | Value::Nil if self.flags.sharp_v => self.push(b"interface {}(nil)"),
            Value::Invalid | Value::Nil => self.push(b"<nil>"),
            Value::Bool(bool) => match verb {
                't' | 'v' => self.pad(if *bool { b"true" } else { b"false" }),
                _ => self.bad_verb(value, verb),
            },
            Value::Int(_, number) => {
                self.integer(value, number.unsigned_abs(), *number < 0, true, verb);
            }
            Value::Uint(_, number) => self.integer(value, *number, false, false, verb),
            Value::Float(number) => self.float(value, *number, verb),
            Value::Str(text) | Value::Named(_, text) => self.string(value, text.as_bytes(), verb),
            Value::Bytes(bytes) => self.bytes(value, bytes, verb, depth),
            Value::List(list) => self.open(list.type_name(), list.is_nil(), b"[", |printer| {
                for (index, item) in list.items().iter().enumerate() {
                    printer.separator(index);
                    printer.value(item, verb, depth + 1);
                }
            }),
            Value::Map(map) => self.open(map.type_name(), map.is_nil(), b"map[", |printer| {
                for (index, (key, item)) in map.entries().into_iter().enumerate() {
                    printer.separator(index);
                    printer.value(&Value::Str(key), verb, depth + 1);
                    printer.push(b":");
                    printer.value(&item, verb, depth + 1);
                }
            }),
            Value::Time(time) if self.flags.sharp_v && verb == 'v' => {
                self.push(time.go_string().as_bytes());
            }
            Value::Time(time) => {
                let second = time.unix() - crate::Time::ZERO_SECOND;
                let fields = [
                    ("wall", Value::Uint(crate::UintType::Uint64, u64::from(time.nanosecond()))),
                    ("ext", Value::int64(second)),
                    ("loc", Value::NilPointer(NilPointer::Plain("*time.Location"))),
                ];
                self.fields("time.Time", fields.into_iter(), verb, depth);
            }
            Value::Struct(object) if !object.pointer() => {
                self.fields(object.class().name(), object.fields().into_iter(), verb, depth);
            }
            Value::Struct(object) if depth == 0 => {
                self.push(b"&");
                self.value(&Value::Struct(object.pointee()), verb, depth + 1);
            }
            Value::Object(object) => {
                let (name, fields) = (object.type_name(), object.fields());
                match name.strip_prefix('*') {
                    Some(name) if depth == 0 => {
                        self.push(b"&");
                        self.fields(name, fields.into_iter(), verb, depth + 1);
                    }
                    Some(_) => self.pointer(value, ADDRESS, verb),
                    None => self.fields(name, fields.into_iter(), verb, depth),
                }
            }
            Value::Pointer(inner) => match **inner {
                Value::List(_) | Value::Map(_) | Value::Time(_) if depth == 0 => {
                    self.push(b"&");
                    self.value(inner, verb, depth + 1);
                }
                _ => self.pointer(value, ADDRESS, verb),
            },
            Value::Struct(_) => self.pointer(value, ADDRESS, verb),
            Value::NilPointer(_) => self.pointer(value, 0, verb),
        }
    }

    /// A list or a map: nothing but its type when it is nil in Go syntax.
    fn open(&mut self, ty: &str, nil: bool, bracket: &[u8], inside: impl FnOnce(&mut Self)) {
        if !self.flags.sharp_v {
            self.push(bracket);
            inside(self);
            self.push(b"]");
            return;
        }
        self.push(ty.as_bytes());
        if nil {
            self.push(b"(nil)");
            return;
        }
        self.push(b"{");
        inside(self);
        self.push(b"}");
    }

    fn separator(&mut self, index: usize) {
        if index > 0 {
            self.push(if self.flags.sharp_v { b", " } else { b" " });
        }
    }

    fn fields<'v>(
        &mut self,
        ty: &str,
        fields: impl Iterator<Item = (&'static str, Value<'v>)>,
        verb: char,
        depth: usize,
    ) {
        if self.flags.sharp_v {
            self.push(ty.as_bytes());
        }
        self.push(b"{");
        for (index, (name, value)) in fields.enumerate() {
            self.separator(index);
            if self.flags.plus_v || self.flags.sharp_v {
                self.push(name.as_bytes());
                self.push(b":");
            }
            self.value(&value, verb, depth + 1);
        }
        self.push(b"}");
    }

    /// What `String` of the value gives, where the verb takes text.
    fn by_method(&mut self, value: &Value<'_>, verb: char) -> bool {
        if self.erroring || self.flags.sharp_v || !matches!(verb, 'v' | 's' | 'x' | 'X' | 'q') {
            return false;
        }
        if is_nil_receiver(value) {
            // As it stands: width and quotes are for what the method would have given.
            self.push(b"<nil>");
            return true;
        }
        let mut text = Vec::new();
        if !stringer(value, &mut text) {
            return false;
        }
        self.string(value, &text, verb);
        true
    }

    /// `%!verb(type=value)`
    fn bad_verb(&mut self, value: &Value<'_>, verb: char) {
        self.push(b"%!");
        self.push_char(verb);
        self.push(b"(");
        if matches!(value, Value::Invalid) {
            self.push(b"<nil>");
        } else {
            self.push(value.type_name().as_bytes());
            self.push(b"=");
            let erroring = std::mem::replace(&mut self.erroring, true);
            self.value(value, 'v', 0);
            self.erroring = erroring;
        }
        self.push(b")");
    }
}

/// Whether calling `String` of the value panics in Go.
pub(crate) fn is_nil_receiver(value: &Value<'_>) -> bool {
    matches!(value, Value::NilPointer(NilPointer::Struct(it)) if it.nil_string() == NilString::Panics)
}

/// Appends what `String` of a value gives; tells whether it has one.
fn stringer(value: &Value<'_>, out: &mut Vec<u8>) -> bool {
    use crate::{IntType, time};
    match value {
        Value::Time(time) => time.write_string(out),
        Value::Int(IntType::Duration, nanoseconds) => duration::write(out, *nanoseconds),
        Value::Int(IntType::Month, month) => {
            name_of(out, &time::MONTHS, month.wrapping_sub(1), "Month", *month);
        }
        Value::Int(IntType::Weekday, day) => name_of(out, &time::WEEKDAYS, *day, "Weekday", *day),
        Value::Struct(object) => return struct_string(object, out),
        Value::NilPointer(NilPointer::Struct(class)) => match class.nil_string() {
            NilString::Text(text) => out.extend_from_slice(text.as_bytes()),
            NilString::None | NilString::Panics => return false,
        },
        Value::Object(object) => match object.string() {
            Some(text) => out.extend_from_slice(text.as_bytes()),
            None => return false,
        },
        Value::Pointer(inner) if matches!(**inner, Value::Time(_)) => return stringer(inner, out),
        _ => return false,
    }
    true
}

fn struct_string(object: &Struct<'_>, out: &mut Vec<u8>) -> bool {
    object.class().string(object.data(), object.pointer(), out)
}

fn name_of(out: &mut Vec<u8>, names: &[&str], index: i64, ty: &str, number: i64) {
    let name = usize::try_from(index).ok().and_then(|index| names.get(index));
    match name {
        Some(name) => out.extend_from_slice(name.as_bytes()),
        None => out.extend_from_slice(format!("%!{ty}({number})").as_bytes()),
    }
}

/// Whether Go would print text between back quotes: one line without control characters.
fn can_backquote(text: &[u8]) -> bool {
    str::from_utf8(text).is_ok_and(|text| {
        text.chars()
            .all(|char| char == '\t' || !(char < ' ' || matches!(char, '`' | '\x7f' | '\u{feff}')))
    })
}

/// The text as Go's `%q` shows it.
fn quoted(text: &[u8], flags: Flags) -> Vec<u8> {
    if flags.sharp && can_backquote(text) {
        return [b"`", text, b"`"].concat();
    }
    quote::quote(text, flags.plus).into_bytes()
}
