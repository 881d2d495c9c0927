use super::{Printer, quoted};
use crate::{quote, value::Value};

const LOWER: &[u8; 16] = b"0123456789abcdef";
const UPPER: &[u8; 16] = b"0123456789ABCDEF";

impl Printer<'_> {
    /// Text, as wide as asked for.
    pub(super) fn pad(&mut self, text: &[u8]) {
        let Some(width) = self.flags.width.filter(|width| *width > 0) else {
            self.push(text);
            return;
        };
        let missing = width.saturating_sub(runes(text));
        if self.flags.minus {
            self.push(text);
            self.padding(missing);
        } else {
            self.padding(missing);
            self.push(text);
        }
    }

    pub(super) fn padding(&mut self, count: usize) {
        if !self.full() {
            // Zeros only to the left.
            let fill = if self.flags.zero && !self.flags.minus { b'0' } else { b' ' };
            self.out.resize(self.out.len() + count, fill);
        }
    }

    fn pad_with_spaces(&mut self, text: &[u8]) {
        let zero = std::mem::take(&mut self.flags.zero);
        self.pad(text);
        self.flags.zero = zero;
    }

    /// Text, cut and padded.
    pub(super) fn text(&mut self, text: &[u8]) {
        let cut = self.cut(text);
        self.pad(cut);
    }

    fn cut<'t>(&self, text: &'t [u8]) -> &'t [u8] {
        let Some(precision) = self.flags.precision else { return text };
        let end: usize = sizes(text).take(precision).sum();
        &text[..end]
    }

    pub(super) fn string(&mut self, value: &Value<'_>, text: &[u8], verb: char) {
        match verb {
            'v' if self.flags.sharp_v => self.quoted(text),
            'v' | 's' => self.text(text),
            'x' => self.hex_bytes(text, LOWER, b'x'),
            'X' => self.hex_bytes(text, UPPER, b'X'),
            'q' => self.quoted(text),
            _ => self.bad_verb(value, verb),
        }
    }

    fn quoted(&mut self, text: &[u8]) {
        let literal = quoted(self.cut(text), self.flags);
        self.pad(&literal);
    }

    pub(super) fn bytes(&mut self, value: &Value<'_>, bytes: &[u8], verb: char, depth: usize) {
        match verb {
            's' | 'x' | 'X' | 'q' => self.string(value, bytes, verb),
            'v' if self.flags.sharp_v => {
                // Inside of something else the type has its other name.
                self.push(if depth == 0 { b"[]byte{" } else { b"[]uint8{" });
                for (index, byte) in bytes.iter().enumerate() {
                    self.push(if index > 0 { b", " } else { b"" });
                    self.unsigned_hex(u64::from(*byte), true);
                }
                self.push(b"}");
            }
            _ => {
                self.push(b"[");
                for (index, byte) in bytes.iter().enumerate() {
                    self.push(if index > 0 { b" " } else { b"" });
                    let item = Value::Uint(crate::UintType::Uint8, u64::from(*byte));
                    self.integer(&item, u64::from(*byte), false, false, verb);
                    if self.full() {
                        return;
                    }
                }
                self.push(b"]");
            }
        }
    }

    fn hex_bytes(&mut self, bytes: &[u8], digits: &[u8; 16], x: u8) {
        let bytes = &bytes[..self.flags.precision.unwrap_or(usize::MAX).min(bytes.len())];
        if bytes.is_empty() {
            self.padding(self.flags.width.unwrap_or_default());
            return;
        }
        let mut text = Vec::with_capacity(bytes.len() * 2);
        for (index, byte) in bytes.iter().enumerate() {
            if self.flags.space && index > 0 {
                text.push(b' ');
            }
            if self.flags.sharp && (self.flags.space || index == 0) {
                text.extend_from_slice(&[b'0', x]);
            }
            text.push(digits[usize::from(byte >> 4)]);
            text.push(digits[usize::from(byte & 15)]);
        }
        self.pad(&text);
    }

    /// A number by its magnitude and sign.
    pub(super) fn integer(
        &mut self,
        value: &Value<'_>,
        magnitude: u64,
        negative: bool,
        signed: bool,
        verb: char,
    ) {
        let digits = match verb {
            'v' if self.flags.sharp_v && !signed => {
                self.unsigned_hex(magnitude, true);
                return;
            }
            'v' | 'd' => magnitude.to_string(),
            'b' => format!("{magnitude:b}"),
            'o' | 'O' => format!("{magnitude:o}"),
            'x' => format!("{magnitude:x}"),
            'X' => format!("{magnitude:X}"),
            'c' | 'q' | 'U' => {
                self.character(magnitude, negative, verb);
                return;
            }
            _ => {
                self.bad_verb(value, verb);
                return;
            }
        };
        self.number(digits, magnitude == 0, negative, verb);
    }

    /// `%#x` without regard to the flags of the value around.
    pub(super) fn unsigned_hex(&mut self, number: u64, prefix: bool) {
        let sharp = std::mem::replace(&mut self.flags.sharp, prefix);
        self.number(format!("{number:x}"), number == 0, false, 'x');
        self.flags.sharp = sharp;
    }

    fn number(&mut self, mut digits: String, is_zero: bool, negative: bool, verb: char) {
        let flags = self.flags;
        let mut precision = 0;
        if let Some(asked) = flags.precision {
            precision = asked;
            if asked == 0 && is_zero {
                self.flags.zero = false;
                self.padding(flags.width.unwrap_or_default());
                self.flags.zero = flags.zero;
                return;
            }
        } else if let Some(width) = flags.width
            && flags.zero
            && !flags.minus
        {
            let sign = negative || flags.plus || flags.space;
            precision = width.saturating_sub(usize::from(sign));
        }
        if digits.len() < precision {
            digits.insert_str(0, &"0".repeat(precision - digits.len()));
        }
        if flags.sharp {
            match verb {
                'b' => digits.insert_str(0, "0b"),
                'o' if !digits.starts_with('0') => digits.insert(0, '0'),
                'x' => digits.insert_str(0, "0x"),
                'X' => digits.insert_str(0, "0X"),
                _ => {}
            }
        }
        if verb == 'O' {
            digits.insert_str(0, "0o");
        }
        if negative {
            digits.insert(0, '-');
        } else if flags.plus {
            digits.insert(0, '+');
        } else if flags.space {
            digits.insert(0, ' ');
        }
        self.pad_with_spaces(digits.as_bytes());
    }

    fn character(&mut self, magnitude: u64, negative: bool, verb: char) {
        let number = if negative { -1 } else { i64::try_from(magnitude).unwrap_or(-1) };
        match verb {
            'c' => {
                let char = quote::char_of(number);
                self.pad(char.encode_utf8(&mut [0; 4]).as_bytes());
            }
            'q' => {
                let literal = quote::quote_char(number, self.flags.plus);
                self.pad(literal.as_bytes());
            }
            _ => {
                let number = if negative { magnitude.wrapping_neg() } else { magnitude };
                let digits = self.flags.precision.unwrap_or(4).max(4);
                let mut text = format!("U+{number:0digits$X}");
                let char = u32::try_from(number).ok().and_then(char::from_u32);
                if let Some(char) = char.filter(|char| self.flags.sharp && quote::is_print(*char)) {
                    text.extend([' ', '\'', char, '\'']);
                }
                self.pad_with_spaces(text.as_bytes());
            }
        }
    }

    pub(super) fn pointer(&mut self, value: &Value<'_>, address: u64, verb: char) {
        match verb {
            'v' if self.flags.sharp_v => {
                self.push(b"(");
                self.push(value.type_name().as_bytes());
                self.push(b")(");
                if address == 0 {
                    self.push(b"nil");
                } else {
                    self.unsigned_hex(address, true);
                }
                self.push(b")");
            }
            'v' if address == 0 => self.pad(b"<nil>"),
            'v' => self.unsigned_hex(address, !self.flags.sharp),
            'b' | 'o' | 'd' | 'x' | 'X' => self.integer(value, address, false, false, verb),
            _ => self.bad_verb(value, verb),
        }
    }
}

/// How many characters Go counts: a byte that belongs to none is one.
pub(super) fn runes(text: &[u8]) -> usize {
    sizes(text).count()
}

/// The lengths of the characters in bytes.
fn sizes(text: &[u8]) -> impl Iterator<Item = usize> {
    text.utf8_chunks().flat_map(|chunk| {
        let valid = chunk.valid().chars().map(char::len_utf8);
        valid.chain(chunk.invalid().iter().map(|_| 1))
    })
}
