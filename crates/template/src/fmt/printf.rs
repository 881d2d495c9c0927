use super::{Flags, Printer};
use crate::value::Value;

/// Widths and precisions above are not taken.
const MAX_NUMBER: usize = 1_000_000;

/// `Printf`.
pub(super) fn run(printer: &mut Printer<'_>, format: &[u8], values: &[Value<'_>]) {
    let mut scan =
        Scan { format, at: 0, values, next: 0, reordered: false, good: true, after_index: false };
    while !printer.full() {
        let rest = &format[scan.at..];
        let text = rest.iter().position(|byte| *byte == b'%').unwrap_or(rest.len());
        printer.push(&rest[..text]);
        scan.at += text + 1;
        if scan.at > format.len() {
            break;
        }
        if !scan.verb(printer) {
            printer.push(b"%!(NOVERB)");
            break;
        }
    }
    if scan.reordered || scan.next >= values.len() {
        return;
    }
    printer.flags = Flags::default();
    printer.push(b"%!(EXTRA ");
    for (index, value) in values[scan.next..].iter().enumerate() {
        printer.push(if index > 0 { b", " } else { b"" });
        if matches!(value, Value::Nil | Value::Invalid) {
            printer.push(b"<nil>");
        } else {
            printer.push(value.type_name().as_bytes());
            printer.push(b"=");
            printer.argument(value, 'v');
        }
    }
    printer.push(b")");
}

struct Scan<'f, 'v> {
    format: &'f [u8],
    at: usize,
    values: &'f [Value<'v>],
    /// The next value to print.
    next: usize,
    reordered: bool,
    /// Every index so far was one.
    good: bool,
    after_index: bool,
}

impl Scan<'_, '_> {
    /// One verb and what stands before it; not when the format ends there.
    fn verb(&mut self, printer: &mut Printer<'_>) -> bool {
        self.good = true;
        self.after_index = false;
        printer.flags = Flags::default();
        self.flags(&mut printer.flags);
        self.index();
        self.width(printer);
        self.precision(printer);
        if !self.after_index {
            self.index();
        }
        let Some((verb, length)) = decode(&self.format[self.at..]) else { return false };
        self.at += length;
        let bad = |printer: &mut Printer<'_>, what: &[u8]| {
            printer.push(b"%!");
            printer.push_char(verb);
            printer.push(what);
        };
        if verb == '%' {
            printer.push(b"%");
        } else if !self.good {
            bad(printer, b"(BADINDEX)");
        } else if let Some(value) = self.values.get(self.next) {
            if verb == 'v' {
                printer.flags.sharp_v = std::mem::take(&mut printer.flags.sharp);
                printer.flags.plus_v = std::mem::take(&mut printer.flags.plus);
            }
            printer.argument(value, verb);
            self.next += 1;
        } else {
            bad(printer, b"(MISSING)");
        }
        true
    }

    fn flags(&mut self, flags: &mut Flags) {
        while let Some(byte) = self.format.get(self.at) {
            match byte {
                b'#' => flags.sharp = true,
                b'0' => flags.zero = true,
                b'+' => flags.plus = true,
                b'-' => flags.minus = true,
                b' ' => flags.space = true,
                _ => return,
            }
            self.at += 1;
        }
    }

    /// An explicit index such as `[2]`.
    fn index(&mut self) {
        self.after_index = false;
        let rest = &self.format[self.at..];
        if rest.first() != Some(&b'[') {
            return;
        }
        self.reordered = true;
        let close = rest.iter().position(|byte| *byte == b']');
        let Some(close) = close.filter(|_| rest.len() >= 3) else {
            self.good = false;
            self.at += 1;
            return;
        };
        self.at += close + 1;
        let (number, length) = number(&rest[1..close]);
        let index = number.filter(|_| length == close - 1).and_then(|number| number.checked_sub(1));
        self.after_index = number.is_some() && length == close - 1;
        match index.filter(|index| *index < self.values.len()) {
            Some(index) => self.next = index,
            None => self.good = false,
        }
    }

    fn width(&mut self, printer: &mut Printer<'_>) {
        if self.format.get(self.at) == Some(&b'*') {
            self.at += 1;
            match self.star() {
                Some(width) => {
                    printer.flags.width = Some(usize::try_from(width.unsigned_abs()).unwrap_or(0));
                    if width < 0 {
                        printer.flags.minus = true;
                        printer.flags.zero = false;
                    }
                }
                None => printer.push(b"%!(BADWIDTH)"),
            }
            self.after_index = false;
            return;
        }
        let (width, length) = number(&self.format[self.at..]);
        self.at += length;
        printer.flags.width = width;
        if self.after_index && width.is_some() {
            self.good = false;
        }
    }

    fn precision(&mut self, printer: &mut Printer<'_>) {
        if self.format.get(self.at) != Some(&b'.') || self.at + 1 >= self.format.len() {
            return;
        }
        self.at += 1;
        if self.after_index {
            self.good = false;
        }
        self.index();
        if self.format.get(self.at) == Some(&b'*') {
            self.at += 1;
            match self.star() {
                Some(precision) if precision >= 0 => {
                    printer.flags.precision = usize::try_from(precision).ok();
                }
                _ => printer.push(b"%!(BADPREC)"),
            }
            self.after_index = false;
            return;
        }
        let (precision, length) = number(&self.format[self.at..]);
        self.at += length;
        printer.flags.precision = Some(precision.unwrap_or(0));
    }

    /// A width or precision that is an argument.
    fn star(&mut self) -> Option<i64> {
        let value = self.values.get(self.next)?;
        self.next += 1;
        let number = match value {
            Value::Int(_, number) => *number,
            Value::Uint(_, number) => i64::try_from(*number).ok()?,
            _ => return None,
        };
        (number.unsigned_abs() <= MAX_NUMBER as u64).then_some(number)
    }
}

/// Digits as a number, and how many bytes were read. Numbers beyond all measure swallow the rest.
fn number(text: &[u8]) -> (Option<usize>, usize) {
    let mut number = None;
    for (index, byte) in text.iter().enumerate() {
        if !byte.is_ascii_digit() {
            return (number, index);
        }
        let so_far = number.unwrap_or(0);
        if so_far > MAX_NUMBER {
            return (None, text.len());
        }
        number = Some(so_far * 10 + usize::from(byte - b'0'));
    }
    (number, text.len())
}

/// The first character; a byte that belongs to none is U+FFFD.
fn decode(bytes: &[u8]) -> Option<(char, usize)> {
    let chunk = bytes.get(..bytes.len().min(4))?.utf8_chunks().next()?;
    match chunk.valid().chars().next() {
        Some(char) => Some((char, char.len_utf8())),
        None => Some((char::REPLACEMENT_CHARACTER, 1)),
    }
}
